//! The profiles of the official `algo` program: which one is used, for which cluster, and errors about a broken one.

use crate::cluster::{Cluster, Identity, JWT, KEY, tls};
use crate::program::{PROFILES, Program, TempDir, open_error};
use crate::settings::{HINT, LIST, home, keyless, sent};

#[test]
fn a_profiles_key_stays_with_its_own_cluster() {
    let (own, other) = (Cluster::start(), Cluster::start());
    let home = home(&format!(
        "[profiles.default]\napi_server = \"{}/v1/\"\napi_key = \"{KEY}\"\n\
         [profiles.public]\napi_key = \"{KEY}\"\n\
         [profiles.token]\napi_server = \"{}\"\nbearer_token = \"{JWT}\"\n",
        own.url(),
        own.url()
    ));
    let program = keyless(&other).home(home.path());
    let refusal = |owner: &str| {
        format!(
            "algo-logs: no API key is set for CLUSTER: the profile's key belongs to {owner}; {HINT}\n"
        )
    };
    // An option names another cluster than the profile.
    for profile in ["", "--profile default", "--profile token"] {
        program
            .run(&format!("{LIST} {profile} --api {}", other.url()))
            .fails(4, &refusal(&own.url()));
    }
    // The environment overrides the default profile.
    program.run(LIST).fails(4, &refusal(&own.url()));
    // A profile that names no cluster means the public one.
    program
        .run(&format!("{LIST} --profile public"))
        .fails(4, &refusal("https://api.algorithmia.com"));
    assert_eq!(other.connections(), 0);
    // The same cluster in another spelling matches the profile.
    program
        .run(&format!("{LIST} --api HTTP://127.0.0.1:{}/", own.port()))
        .prints("");
    // Another cluster uses the key that is given for it.
    program.env("ALGORITHMIA_API_KEY", KEY).run(LIST).prints("");
    assert_eq!((own.requests().len(), other.requests().len()), (1, 1));
}

/// Other keys and other tables are skipped, and a byte order mark is harmless.
#[test]
fn a_profile_is_chosen_by_name() {
    let [default, work] = [(); 2].map(|()| Cluster::start());
    let home = home(&format!(
        "\u{feff}[profiles.default]\napi_server = '{}'\nverify = true\nn = 3\napi_key = '{KEY}'\n\n\
         [tool]\napi_key = 7\nlist = [\n  \"x\"\n]\n\
         [profiles.work]  # mine\r\napi_key = \"{KEY}\"\r\nextra = '7'\r\napi_server = \"{}\"\r\n",
        default.url(),
        work.url()
    ));
    let program = Program::bare().home(home.path());
    program.run(LIST).prints("");
    program.run(&format!("{LIST} --profile work")).prints("");
    program.run(&format!("{LIST} --profile default")).prints("");
    assert_eq!((default.requests().len(), work.requests().len()), (2, 1));
}

/// An error about a missing profile names five others, and no key.
#[test]
fn a_requested_profile_must_exist() {
    let cluster = Cluster::start();
    let run = |home: &TempDir, name: &str, why: &str| {
        let program = Program::on(&cluster).home(home.path());
        let outcome = program.run(&format!("{LIST} --profile {name}"));
        let name = name.replace("simMisplaced2", "sim…");
        let config = home.join(PROFILES);
        let why = why.replace("FILE", &config);
        outcome.fails(
            2,
            &format!("algo-logs: there is no profile '{name}': {why}\n"),
        );
    };
    let many = home(
        "[profiles.a]\n[profiles.simWrongKey1]\n[profiles.c]\n[profiles.d]\n[profiles.e]\n[profiles.f]\n",
    );
    run(&many, "none", "FILE has a, sim…, c, d, e");
    run(&many, "simMisplaced2", "FILE has a, sim…, c, d, e");
    run(&home("[other]\n"), "work", "FILE has no profiles");
    let empty = TempDir::new();
    let error = open_error(&empty.join(PROFILES));
    run(&empty, "work", &format!("cannot open FILE: {error}"));
    let homeless = Program::on(&cluster).run(&format!("{LIST} --profile work"));
    homeless.fails(
        2,
        "algo-logs: there is no profile 'work': the home directory is unknown\n",
    );
    // Without --profile, a missing file is not an error.
    Program::on(&cluster)
        .home(empty.path())
        .run(LIST)
        .prints("");
}

#[test]
fn an_error_about_a_broken_profile_has_the_line_but_no_values() {
    let home = home("[profiles.default]\napi_server = \"http://localhost:1\"\napi_key = SECRET\n");
    let config = home.join(PROFILES);
    let program = Program::bare().home(home.path());
    program.run(LIST).fails(
        2,
        &format!(
            "algo-logs: the profile file {config} cannot be used: line 3: a profile must consist of \
             lines such as api_key = \"KEY\"\n"
        ),
    );
    home.write(PROFILES, b"[profiles.default]\napi_key = '\xff'\n");
    program.run(LIST).fails(
        2,
        &format!("algo-logs: the profile file {config} cannot be used: it is not UTF-8\n"),
    );
}

/// Covers a bug: the environment overrode `--profile`, and a missing profile went unnoticed.
#[test]
fn a_requested_profile_overrides_the_environment() {
    let (requested, other) = (
        Cluster::start_tls(Identity::good()),
        Cluster::start_tls(Identity::good()),
    );
    let home = home("");
    let good = home.write("good.pem", tls::ca_pem());
    let bad = home.write("bad.pem", tls::other_ca_pem());
    home.write(
        PROFILES,
        format!(
            "[profiles.full]\napi_server = '{url}'\napi_key = '{KEY}'\nca_cert = '{good}'\n\
             [profiles.token]\napi_server = '{url}'\nbearer_token = '{JWT}'\nca_cert = '{good}'\n\
             [profiles.server]\napi_server = '{url}'\nca_cert = '{good}'\n\
             [profiles.key]\napi_key = '{KEY}'\n",
            url = requested.url()
        ),
    );
    let variables = Program::on(&other)
        .env("ALGORITHMIA_API_KEY", "simVariable")
        .env("ALGORITHMIA_BEARER_TOKEN", "jwtVariable")
        .env("SSL_CERT_FILE", &bad)
        .home(home.path());
    let run = |rest: &str| variables.run(&format!("{LIST} {rest}"));
    run("--profile full").prints("");
    assert_eq!(sent(&requested), format!("Simple {KEY}"));
    run("--profile token").prints("");
    assert_eq!(sent(&requested), format!("Bearer {JWT}"));
    // The environment provides what the profile does not set.
    assert_eq!(run("--profile server").code, Some(4));
    assert_eq!(sent(&requested), "Simple simVariable");
    // Options override the profile.
    let key = home.write("key", "simFile");
    let outcome = run(&format!("--profile full --api-key-file {key}"));
    assert_eq!(outcome.code, Some(4));
    assert_eq!(sent(&requested), "Simple simFile");
    assert_eq!(run(&format!("--profile full --cacert {bad}")).code, Some(1));
    // The environment does not replace a profile that is for another cluster.
    for (rest, owner) in [
        (
            &*format!("--profile full --api {}", other.url()),
            &*requested.url(),
        ),
        ("--profile key", "https://api.algorithmia.com"),
    ] {
        run(rest).fails(
            4,
            &format!(
                "algo-logs: no API key is set for CLUSTER: the profile's key belongs to {owner}; {HINT}\n"
            ),
        );
    }
    assert_eq!(run("--profile none").code, Some(2));
    assert_eq!(other.connections(), 0);
}

/// Covers a bug: with the cluster and the key in the environment, the default profile was still opened for its CAs. An
/// unusable home directory caused exit 2, and a usable one a note about permissions.
#[cfg(unix)]
#[test]
fn a_default_profile_that_is_not_needed_is_not_opened() {
    let cluster = Cluster::start_tls(Identity::good());
    let dir = TempDir::new();
    let ca = dir.write("ca.pem", tls::ca_pem());
    let homes = ["a_file", "loop"].map(|name| dir.join(name));
    std::fs::create_dir(&homes[0]).expect("a directory can be made");
    dir.write("a_file/.algorithmia", "");
    std::os::unix::fs::symlink("loop", &homes[1]).expect("a link can be made");
    let broken = home("this is not a profile file [\nprofiles = 1");
    let shared = home("[profiles.default]\nca_cert = '/nowhere'\n");
    let unusable = ["/dev/null", &homes[0], &homes[1]];
    let files = [&broken, &shared].map(|home| home.join(""));
    let list = format!("builds acme/Paged --all --cacert {ca}");
    let expected = Program::on(&cluster).run(&list);
    assert_eq!((expected.code, &*expected.stderr), (Some(0), ""));
    for home in unusable.into_iter().chain([&*files[0], &*files[1]]) {
        let outcome = Program::on(&cluster).home(home).run(&list);
        outcome.is(0, &expected.stdout, "");
        // The profile is not opened for CAs either, although there is no --cacert.
        let outcome = Program::on(&cluster).home(home).run(LIST);
        assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    }
    // Without a key, a profile that cannot be opened is treated as missing.
    for home in unusable {
        keyless(&cluster)
            .home(home)
            .run(&list)
            .fails(4, &format!("algo-logs: no API key is set; {HINT}\n"));
    }
}

#[cfg(unix)]
#[test]
fn a_fifo_is_not_a_profile() {
    let cluster = Cluster::start();
    let home = home("");
    let config = home.path().join(".algorithmia/config");
    std::fs::remove_file(&config).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&config).status();
    assert!(made.unwrap().success());
    let program = keyless(&cluster).home(home.path());
    program
        .run(LIST)
        .fails(4, &format!("algo-logs: no API key is set; {HINT}\n"));
    let error = format!(
        "algo-logs: there is no profile 'default': cannot open {}: it is not a regular file\n",
        config.display()
    );
    program
        .run(&format!("{LIST} --profile default"))
        .fails(2, &error);
}
