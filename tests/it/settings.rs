//! The cluster, the key and the CAs: flags override the environment, which overrides the profile.

use crate::cluster::{Cluster, Identity, JWT, KEY, tls};
use crate::program::{Outcome, PROFILES, Program, TempDir, open_error};
use crate::proxy::Proxy;

pub const LIST: &str = "builds acme/Empty -q";

pub const HINT: &str = "set ALGORITHMIA_API_KEY or pass --api-key-file FILE";

/// Creates a home directory with this file of profiles.
pub fn home(config: &str) -> TempDir {
    let home = TempDir::new();
    let file = home.path().join(PROFILES);
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    std::fs::write(file, config).unwrap();
    home
}

/// Returns the `Authorization` of the last request.
#[track_caller]
pub fn sent(cluster: &Cluster) -> String {
    let request = cluster.requests().pop().expect("a request was made");
    let header = request.header("Authorization").expect("it has a key");
    header.to_owned()
}

/// Returns the program with the cluster, but without a key, in the environment.
pub fn keyless(cluster: &Cluster) -> Program {
    Program::on(cluster).without("ALGORITHMIA_API_KEY")
}

#[test]
fn every_request_has_the_expected_headers() {
    let cluster = Cluster::start();
    cluster.page_size(40);
    let program = Program::on(&cluster);
    program.run("builds acme/Paged --all");
    program.run("log acme/Lemmatizer -s failed -q");
    program.run("log acme/Lemmatizer/1.0.0 -q");
    let requests = cluster.requests();
    assert_eq!(requests.len(), 2 + 2 + 4);
    for request in requests {
        assert_eq!(request.method, "GET");
        assert_eq!(
            request.header("Authorization"),
            Some(&*format!("Simple {KEY}"))
        );
        assert_eq!(request.header("Accept"), Some("application/json"));
        assert_eq!(request.header("Content-Type"), Some("application/json"));
        let agent = format!("algo-logs/{}", env!("CARGO_PKG_VERSION"));
        assert_eq!(request.header("User-Agent"), Some(&*agent));
        let host = format!("127.0.0.1:{}", cluster.port());
        assert_eq!(request.header("Host"), Some(&*host));
        let encoding = cfg!(feature = "gzip").then_some("gzip");
        assert_eq!(request.header("Accept-Encoding"), encoding);
        let count = 5 + usize::from(encoding.is_some());
        assert_eq!(request.headers.len(), count, "{request:?}");
    }
}

#[test]
fn the_cluster_is_the_flags_then_the_variables_then_the_profiles() {
    let [flag, variable, profile] = [(); 3].map(|()| Cluster::start());
    let home = home(&format!(
        "[profiles.default]\napi_server = \"{}\"\napi_key = \"{KEY}\"\n",
        profile.url()
    ));
    let program = Program::bare().home(home.path());
    program.run(LIST).prints("");
    assert_eq!(profile.requests().len(), 1);
    let program = program
        .env("ALGORITHMIA_API", variable.url())
        .env("ALGORITHMIA_API_KEY", KEY);
    program.run(LIST).prints("");
    program
        .run(&format!("{LIST} --api {}", flag.url()))
        .prints("");
    for cluster in [flag, variable, profile] {
        assert_eq!(cluster.requests().len(), 1);
    }
}

#[test]
fn an_empty_variable_is_ignored() {
    let cluster = Cluster::start();
    let home = home(&format!(
        "[profiles.default]\napi_server = \"{}\"\napi_key = \"{KEY}\"\nca_cert = \"\"\nbearer_token = \"\"\n",
        cluster.url()
    ));
    let names = "ALGORITHMIA_API ALGORITHMIA_API_KEY ALGORITHMIA_BEARER_TOKEN SSL_CERT_FILE HTTP_PROXY ALL_PROXY NO_PROXY";
    let names = names.split(' ');
    let program = names.fold(Program::bare().home(home.path()), |program, name| {
        program.env(name, "")
    });
    program.run(LIST).prints("");
    assert_eq!(sent(&cluster), format!("Simple {KEY}"));
}

#[test]
fn a_base_url_has_many_forms() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let url = cluster.url();
    for end in ["", "/", "/v1", "/v1/"] {
        program.run(&format!("{LIST} --api {url}{end}")).prints("");
        let variable = program
            .clone()
            .env("ALGORITHMIA_API", format!("{url}{end}"));
        variable.run(LIST).prints("");
    }
    for request in cluster.requests() {
        assert_eq!(request.path(), "/v1/algorithms/acme/Empty/builds");
    }
    let localhost = format!("HTTP://LocalHost:{}", cluster.port());
    program.run(&format!("{LIST} --api {localhost}")).prints("");
    // The path of a gateway is kept as a prefix.
    program
        .run(&format!("{LIST} --api {url}/gateway/v1/"))
        .fails(
            5,
            "algo-logs: builds of acme/Empty: not found (status 404), the service says: 404 Not Found; \
             check the name, and that CLUSTER/gateway is the right cluster\n",
        );
    let last = cluster.requests().pop().unwrap();
    assert!(last.path().starts_with("/gateway/v1/"));
}

#[test]
fn a_bare_host_means_https() {
    let cluster = Cluster::start_tls(Identity::good());
    let dir = TempDir::new();
    let ca = dir.write("ca.pem", tls::ca_pem());
    for end in ["", "/v1", "/"] {
        let api = format!("localhost:{}{end}", cluster.port());
        Program::on(&cluster)
            .run(&format!("{LIST} --api {api} --cacert {ca}"))
            .prints("");
    }
    assert_eq!(cluster.requests().len(), 3);
    // The cluster does not speak TLS.
    let cluster = Cluster::start();
    let api = format!("127.0.0.1:{}", cluster.port());
    let outcome = Program::on(&cluster).run(&format!(
        "builds acme/Empty --api {api} --retries 0 --timeout 1"
    ));
    assert_eq!(outcome.code, Some(1));
    assert!(cluster.requests().is_empty());
}

/// An error about a base URL says where it comes from.
#[test]
fn an_unusable_base_url() {
    let program = Program::bare().env("ALGORITHMIA_API_KEY", KEY);
    let unencrypted = "http://cluster.example.com:8080";
    for (url, why) in [
        (
            "https://u:SECRET@c",
            "the base URL cannot be used: it contains a user or a password".to_owned(),
        ),
        (
            unencrypted,
            format!(
                "{unencrypted} would send the key unencrypted: http is only allowed for a loopback \
                 address; use --allow-http to send it anyway"
            ),
        ),
    ] {
        let message = |source| format!("algo-logs: {source}: {why}\n");
        let option = program.run(&format!("{LIST} --api {url}"));
        option.fails(2, &message("--api"));
        let variable = program.clone().env("ALGORITHMIA_API", url);
        variable.run(LIST).fails(2, &message("ALGORITHMIA_API"));
        let home = home(&format!("[profiles.default]\napi_server = \"{url}\"\n"));
        let profile = program.clone().home(home.path()).run(LIST);
        profile.fails(2, &message("api_server of the profile"));
    }
    // With --allow-http, the key is sent. A proxy maps the host name to the cluster.
    let cluster = Cluster::start();
    let proxy = Proxy::to(&cluster);
    program
        .env("HTTP_PROXY", proxy.url(""))
        .run(&format!("{LIST} --api {unencrypted} --allow-http"))
        .prints("");
    assert_eq!(sent(&cluster), format!("Simple {KEY}"));
    let host = cluster.requests()[0].header("Host").map(str::to_owned);
    assert_eq!(host.as_deref(), Some("cluster.example.com:8080"));
}

/// There is no default cluster, and one error names all that is missing.
#[test]
fn without_a_cluster_nothing_is_looked_up() {
    let cluster = "algo-logs: no cluster is set; set ALGORITHMIA_API or pass --api URL\n";
    let both = "algo-logs: no cluster and no API key are set; set ALGORITHMIA_API and ALGORITHMIA_API_KEY, \
                or see 'algo-logs help environment'\n";
    let home = home("[profiles.default]\n[profiles.key]\napi_key = 'k'\n");
    let bare = Program::bare();
    for (program, line, expected) in [
        (bare.clone(), LIST, both),
        (bare.clone(), "builds acme/x --profile key", cluster),
        (bare.clone().env("ALGORITHMIA_API_KEY", KEY), LIST, cluster),
        (
            bare.clone().env("ALGORITHMIA_BEARER_TOKEN", KEY),
            "log acme/x b1",
            cluster,
        ),
        (
            bare.clone().stdin(KEY),
            "builds acme/x --api-key-file -",
            cluster,
        ),
    ] {
        program.home(home.path()).run(line).fails(2, expected);
    }
}

#[test]
fn the_key_is_the_flags_then_the_variables_then_the_profiles() {
    let cluster = Cluster::start();
    let url = cluster.url();
    let home = home(&format!(
        "[profiles.default]\napi_server = \"{url}\"\napi_key = \"simProfile\"\n\
         [profiles.token]\napi_server = \"{url}\"\nbearer_token = \"jwtProfile\"\n\
         [profiles.both]\napi_server = \"{url}\"\nbearer_token = \"jwtProfile\"\napi_key = \"simBoth\"\n"
    ));
    let file = format!("--api-key-file {}", home.write("key", "simFile"));
    let profiles = keyless(&cluster).home(home.path());
    let bearer = profiles
        .clone()
        .env("ALGORITHMIA_BEARER_TOKEN", "jwtVariable");
    let simple = bearer.clone().env("ALGORITHMIA_API_KEY", "simVariable");
    let stdin = simple.clone().stdin("simStdin");
    let [member, variable] = ["api_key of the profile", "ALGORITHMIA_API_KEY"];
    #[rustfmt::skip] // one row per line
    let rows = [
        (&profiles, "", member, "Simple simProfile"),
        (&profiles, "--profile token", "bearer_token of the profile", "Bearer jwtProfile"),
        (&profiles, "--profile both", member, "Simple simBoth"),
        (&bearer, "", "ALGORITHMIA_BEARER_TOKEN", "Bearer jwtVariable"),
        (&simple, "", variable, "Simple simVariable"),
        (&simple, &*file, "--api-key-file", "Simple simFile"),
        (&stdin, "--api-key-file -", "--api-key-file", "Simple simStdin"),
    ];
    for (program, options, from, header) in rows {
        program.run(&format!("{LIST} {options}")).fails(
            4,
            &format!(
                "algo-logs: builds of acme/Empty: the cluster rejected the key (status 401), \
                 the service says: invalid api key; the key is from {from}\n"
            ),
        );
        assert_eq!(sent(&cluster), header);
    }
}

#[test]
fn keys_of_files_and_variables() {
    let cluster = Cluster::start();
    let (simple, bearer) = (format!("Simple {KEY}"), format!("Bearer {JWT}"));
    for (value, header) in [
        (format!("{KEY}\n"), &simple),
        (format!("\u{feff}{KEY}\r\n"), &simple),
        (simple.clone(), &simple),
        (bearer.clone(), &bearer),
    ] {
        let program = keyless(&cluster).stdin(value.clone());
        let line = format!("{LIST} --api-key-file=-");
        program.run(&line).prints("");
        assert_eq!(sent(&cluster), *header);
    }
    for (name, value, header) in [
        ("ALGORITHMIA_API_KEY", JWT, &*format!("Simple {JWT}")),
        ("ALGORITHMIA_API_KEY", &*bearer, &*bearer),
        ("ALGORITHMIA_BEARER_TOKEN", JWT, &*bearer),
        ("ALGORITHMIA_BEARER_TOKEN", &*simple, &*simple),
    ] {
        keyless(&cluster).env(name, value).run(LIST).prints("");
        assert_eq!(sent(&cluster), header);
    }
}

#[test]
fn an_invalid_key_is_rejected_and_not_shown() {
    let cluster = Cluster::start();
    let dir = TempDir::new();
    let program = keyless(&cluster);
    let space = "it contains a space";
    let message = |from, why| format!("algo-logs: {from}: the key cannot be used: {why}\n");
    for (key, why) in [
        (&b"SECRET\nX-Injected: y"[..], "it contains a line ending"),
        (b"SECRET SECRET", space),
        (b"SECRET\xff", "it contains a non-ASCII character"),
        (b"\n", "it is empty"),
    ] {
        let file = dir.write("key", key);
        for from in [&*file, "-"] {
            let line = format!("{LIST} --api-key-file {from}");
            let outcome = program.clone().stdin(key).run(&line);
            outcome.fails(2, &message("--api-key-file", why));
        }
    }
    for name in ["ALGORITHMIA_API_KEY", "ALGORITHMIA_BEARER_TOKEN"] {
        let variable = program.clone().env(name, " SECRET");
        variable.run(LIST).fails(2, &message(name, space));
    }
    let home =
        home("[profiles.default]\nbearer_token = 'SECRET SECRET'\napi_server = 'localhost'\n");
    let profile = Program::bare().home(home.path()).run(LIST);
    profile.fails(2, &message("bearer_token of the profile", space));
    // An invalid key that is not used is not an error.
    let valid = program
        .stdin(KEY)
        .env("ALGORITHMIA_API_KEY", "SECRET SECRET");
    valid.run(&format!("{LIST} --api-key-file -")).prints("");
    assert_eq!(cluster.requests().len(), 1);
}

#[cfg(unix)]
#[test]
fn a_variable_with_invalid_unicode_is_rejected_and_not_shown() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let junk = || OsString::from_vec(b"SECRET\xff".to_vec());
    for (name, why) in [
        (
            "ALGORITHMIA_API",
            "the base URL cannot be used: its host is neither a host name nor an address",
        ),
        (
            "ALGORITHMIA_API_KEY",
            "the key cannot be used: it contains a non-ASCII character",
        ),
    ] {
        Program::bare()
            .env("ALGORITHMIA_API", "http://localhost:1")
            .env(name, junk())
            .run(LIST)
            .fails(2, &format!("algo-logs: {name}: {why}\n"));
    }
}

#[test]
fn an_unreadable_key_file() {
    let program = Program::bare().env("ALGORITHMIA_API", "http://localhost:1");
    let file = TempDir::new().join("none");
    let endless = (
        "/dev/zero".to_owned(),
        "it is larger than 16 MiB".to_owned(),
    );
    let files = [(file.clone(), open_error(&file)), endless];
    // Only Unix has /dev/zero.
    for (file, why) in files.iter().take(if cfg!(unix) { 2 } else { 1 }) {
        let outcome = program.run(&format!("{LIST} --api-key-file {file}"));
        let why = format!("cannot read the key file {file}: {why}");
        outcome.fails(2, &format!("algo-logs: --api-key-file: {why}\n"));
    }
}

#[test]
fn without_a_key_nothing_is_sent() {
    let cluster = Cluster::start();
    let home = home("[profiles.default]\n[profiles.other]\napi_key = \"k\"\n");
    let outcome = keyless(&cluster).home(home.path()).run(LIST);
    outcome.fails(4, &format!("algo-logs: no API key is set; {HINT}\n"));
    assert_eq!(cluster.connections(), 0);
}

#[test]
fn the_cas_are_the_flags_then_the_variables_then_the_profiles() {
    let cluster = Cluster::start_tls(Identity::good());
    let files = TempDir::new();
    let good = files.write("good.pem", tls::ca_pem());
    let other = files.write("other.pem", tls::other_ca_pem());
    let both = files.write("both.pem", tls::other_ca_pem() + &tls::ca_pem());
    let url = cluster.url();
    let profile = |ca: &str| {
        home(&format!(
            "[profiles.default]\napi_server = \"{url}\"\napi_key = \"{KEY}\"\nca_cert = '{ca}'\n"
        ))
    };
    let works = |outcome: Outcome| outcome.prints("");
    let distrusts = |outcome: Outcome| {
        assert_eq!(outcome.code, Some(1));
        let why = "from an unknown CA";
        assert!(outcome.stderr.contains(why), "{}", outcome.stderr);
    };
    let (trusting, distrusting) = (profile(&good), profile(&other));
    let bare = |home: &TempDir| Program::bare().home(home.path());
    works(bare(&trusting).run(LIST));
    distrusts(bare(&distrusting).run(LIST));
    works(bare(&distrusting).env("SSL_CERT_FILE", &good).run(LIST));
    distrusts(bare(&trusting).env("SSL_CERT_FILE", &other).run(LIST));
    let variable = |ca: &str| bare(&trusting).env("SSL_CERT_FILE", ca);
    works(variable(&other).run(&format!("{LIST} --cacert {good}")));
    distrusts(variable(&good).run(&format!("{LIST} --cacert {other}")));
    works(variable(&other).run(&format!("{LIST} --cacert {both}")));
    // The compiled-in roots do not include this CA, and a profile's CAs apply only to its own cluster.
    distrusts(Program::on(&cluster).run(LIST));
    let elsewhere = home(&format!(
        "[profiles.default]\napi_server = \"https://cluster.example.com\"\nca_cert = '{good}'\n"
    ));
    distrusts(Program::on(&cluster).home(elsewhere.path()).run(LIST));
}

#[test]
fn an_unusable_ca_file() {
    let cluster = Cluster::start_tls(Identity::good());
    let dir = TempDir::new();
    let program = Program::on(&cluster);
    let none = dir.join("none");
    let refused = |file: &str, why: &str| {
        let message = |source| format!("algo-logs: {source}: {why}\n");
        program
            .run(&format!("{LIST} --cacert {file}"))
            .fails(2, &message("--cacert"));
        let variable = program.clone().env("SSL_CERT_FILE", file);
        variable.run(LIST).fails(2, &message("SSL_CERT_FILE"));
        let home = home(&format!(
            "[profiles.default]\napi_server = \"{}\"\nca_cert = '{file}'\n",
            cluster.url()
        ));
        let profile = program.clone().without("ALGORITHMIA_API");
        profile
            .home(home.path())
            .run(LIST)
            .fails(2, &message("ca_cert of the profile"));
    };
    let why = open_error(&none);
    refused(&none, &format!("cannot read the CA file {none}: {why}"));
    let file = dir.write("ca.pem", "junk");
    let why = "the CA certificates cannot be used: no certificates found";
    refused(&file, why);
    // An error of the proxy does not mention the CAs.
    let good = dir.write("good.pem", tls::ca_pem());
    let proxied = program.clone().env("https_proxy", "gopher://proxy");
    let line = format!("{LIST} --cacert {good} --api cluster.example.com");
    proxied.run(&line).fails(
        2,
        "algo-logs: the proxy in https_proxy cannot be used: it is not a valid proxy URL\n",
    );
    assert_eq!(cluster.connections(), 0);
}

/// Covers bugs: the error showed a private key on one line as decimal numbers, and a key or certificate given instead
/// of a path or URL as text.
#[test]
fn no_error_shows_a_misplaced_secret() {
    let secret = "SECRETSECRETSECRETSECRET";
    let numbers = "83, 69, 67, 82, 69, 84";
    let hidden = |outcome: Outcome, start: &str| {
        let stderr = outcome.stderr;
        assert_eq!(outcome.code, Some(2), "{stderr}");
        let start = format!("algo-logs: {start}");
        assert!(stderr.starts_with(&start), "{stderr}");
        assert!(!stderr.to_lowercase().contains("secret") && !stderr.contains(numbers));
        let is_short = stderr.lines().count() == 1 && stderr.len() < 250;
        assert!(is_short, "{stderr}");
    };
    let cluster = Cluster::start();
    let dir = TempDir::new();
    let key = format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n");
    let certificate = key.replace("PRIVATE KEY", "CERTIFICATE");
    for content in [
        key.replace('\n', "\\n"),
        key.replace('\n', " "),
        key.replace("-----END", "-----BEGIN"),
        certificate.replace("END CERTIFICATE", secret),
        key,
        certificate,
        format!("{secret}\0\u{1b}[2J"),
        format!("[profiles.default]\n{secret} = {secret}\n"),
        format!("[profiles.default\n{secret}\"\"\"\n"),
        format!("[profiles.default]\napi_server = 'http://u:{secret}@h'\n"),
        format!("[profiles.default]\napi_server = '{secret}'\n"),
        format!("[profiles.default]\napi_key = '{secret} {secret}'\n"),
        format!("[profiles.default]\nca_cert = '{secret}'\n"),
    ] {
        let file = dir.write("file", &content);
        let program = Program::on(&cluster).stdin(&*content);
        for (option, file, start) in [
            (
                "--cacert",
                &*file,
                "--cacert: the CA certificates cannot be used: ",
            ),
            (
                "--api-key-file",
                &file,
                "--api-key-file: the key cannot be used: ",
            ),
            (
                "--api-key-file",
                "-",
                "--api-key-file: the key cannot be used: ",
            ),
        ] {
            hidden(program.run(&format!("{LIST} {option} {file}")), start);
        }
        if content.contains("profiles") {
            let home = home(&content);
            let profile = Program::bare().home(home.path());
            let mut outcome = profile.run(LIST);
            if content.contains("ca_cert") {
                outcome = profile.env("ALGORITHMIA_API_KEY", KEY).run(LIST);
            }
            hidden(outcome, "");
        }
        // The content instead of the path.
        let content = content.replace('\0', "");
        for (option, name) in [("--cacert", "CA"), ("--api-key-file", "key")] {
            let word = format!("{option}={content}");
            let start = format!("{option}: cannot read the {name} file: ");
            hidden(program.run_words(&["builds", "acme/x", &word]), &start);
        }
    }
    // A key given instead of a URL is a valid host name.
    for key in [secret, "eyJhbGciOiJIUzI1NiJ9.SECRET.SECRET"] {
        let why = "the base URL cannot be used: it looks like a key";
        let variable = Program::on(&cluster).env("ALGORITHMIA_API", key);
        hidden(variable.run(LIST), &format!("ALGORITHMIA_API: {why}"));
        let option = variable.run(&format!("{LIST} --api {key}"));
        hidden(option, &format!("--api: {why}"));
    }
    assert_eq!(cluster.connections(), 0);
}
