//! Which algorithm a command refers to: the forms of ALGO, and `algorithmia.conf` if there is no ALGO.

use std::fs;

use crate::cluster::data::lemmatizer::{FAILED, FAILED_LOG};
use crate::cluster::{Cluster, Reply};
use crate::program::{Program, TempDir};

const CONF: &str = r#"{"username": "acme", "algoname": "Lemmatizer", "language": "python3"}"#;

/// Returns the error of a command without ALGO in a directory without `algorithmia.conf`.
fn no_algorithm(dir: &str) -> String {
    format!(
        "algo-logs: no ALGO given and no algorithmia.conf in {dir} or its parents; \
         pass OWNER/NAME, e.g. acme/tagger\n"
    )
}

/// Returns a directory's path as the program sees it.
fn real_path(dir: &TempDir) -> String {
    let path = fs::canonicalize(dir.path()).expect("the directory is there");
    // On Windows, this is the form without a length limit.
    let path = path.display().to_string();
    path.trim_start_matches(r"\\?\").to_owned()
}

#[test]
fn every_form_of_algo_names_the_same_algorithm() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let builds = program.run("builds acme/Lemmatizer");
    let explained = program.run("why acme/Lemmatizer -q");
    let host = cluster.url().replace("http://", "");
    for algo in [
        "algo://acme/Lemmatizer".to_owned(),
        format!("http://{host}/algorithms/acme/Lemmatizer"),
        format!("https://{host}/algorithms/acme/Lemmatizer/"),
        "https://127.0.0.1/algorithms/acme/Lemmatizer?tab=builds#top".to_owned(),
        "https://api.127.0.0.1/algorithms/acme/Lemmatizer".to_owned(),
    ] {
        program
            .run(&format!("builds {algo}"))
            .prints(&builds.stdout);
        program
            .run(&format!("log {algo} {FAILED} -q"))
            .prints(FAILED_LOG);
        program
            .run(&format!("why {algo} -q"))
            .prints(&explained.stdout);
    }
    let versions = program.run("versions acme/Lemmatizer");
    let page = format!("https://{host}/algorithms/acme/Lemmatizer");
    program
        .run(&format!("versions {page}"))
        .prints(&versions.stdout);
    let dir = TempDir::new();
    let line = format!("save {page} -d {} -q", dir.join("logs"));
    program.run(&line).prints("");
}

#[test]
fn a_name_in_another_case_is_suggested() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let hint = |line: &str, hint: &str, requests: usize| {
        let before = cluster.requests().len();
        let outcome = program.run(line);
        let end = format!("; {hint}\n");
        assert_eq!(outcome.code, Some(5), "{}", outcome.stderr);
        assert!(outcome.stderr.ends_with(&end), "{}", outcome.stderr);
        assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
        assert_eq!(cluster.requests().len() - before, requests, "{line}");
    };
    for line in [
        "builds acme/lemmatizer",
        "versions acme/LEMMATIZER",
        "log acme/lemmatizer",
        "log acme/lemmatizer b-1",
        "log acme/lemmatizer b-1 --wait",
        "why acme/lemmatizer",
    ] {
        hint(line, "did you mean acme/Lemmatizer?", 2);
    }
    // A failure to find out is silent, and not retried.
    let other = "check the name, and that CLUSTER is the right cluster";
    hint("builds acme/Lemmatiser", other, 2);
    cluster.script("/v1/users/acme/algorithms", Reply::status(503));
    hint("builds acme/lemmatizer", other, 2);
}

#[test]
fn a_page_of_another_cluster_is_rejected() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let dir = TempDir::new();
    for command in [
        "builds",
        "versions",
        "log",
        &format!("save -d {}", dir.join("x")),
    ] {
        let line = format!("{command} https://c.example.com/algorithms/acme/x");
        program.run(&line).fails(
            2,
            "algo-logs: the page of acme/x is on c.example.com, but the cluster is CLUSTER; \
             use '--api https://c.example.com', or acme/x as ALGO\n",
        );
    }
    assert_eq!(cluster.requests().len(), 0);
}

#[test]
fn an_invalid_page_is_rejected() {
    for line in [
        "builds https://c.example.com/acme/x",
        "log https://c.example.com/algorithms/acme/x/1.2.0",
        "log ftp://c.example.com/algorithms/acme/x",
        "log https://c.example.com/algorithms/acme",
        "log https:///algorithms/acme/x",
        "log https://user:SECRET@c.example.com/algorithms/acme/x",
    ] {
        Program::bare().run(line).fails(
            2,
            "algo-logs: the URL is not an algorithm's page; \
             ALGO is OWNER/NAME or https://CLUSTER/algorithms/OWNER/NAME\n",
        );
    }
}

#[test]
fn without_algo_the_nearest_algorithmia_conf_names_it() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    // A byte order mark is harmless.
    dir.write("algorithmia.conf", format!("\u{feff}{CONF}"));
    // A directory of that name is skipped.
    fs::create_dir_all(dir.join("src/deep/algorithmia.conf")).expect("directories can be made");
    let program = Program::on(&cluster);
    for (line, named) in [
        ("builds", "builds acme/Lemmatizer"),
        ("builds --json -L 2", "builds acme/Lemmatizer --json -L 2"),
        ("versions", "versions acme/Lemmatizer"),
        ("log -s failed -n 5", "log acme/Lemmatizer -s failed -n 5"),
        (
            &*format!("log {FAILED}"),
            &*format!("log acme/Lemmatizer {FAILED}"),
        ),
        ("log -c ffff", "log acme/Lemmatizer -c ffff"),
        ("why -n 5", "why acme/Lemmatizer -n 5"),
    ] {
        let expected = program.run(named);
        for place in ["", "src", "src/deep"] {
            let outcome = program.clone().current_dir(dir.join(place)).run(line);
            let code = expected.code.expect("an exit code");
            outcome.is(code, &expected.stdout, &expected.stderr);
        }
    }

    // A nearer file takes precedence, and an ALGO takes precedence over both.
    dir.write(
        "src/algorithmia.conf",
        CONF.replace("Lemmatizer", "Nothing"),
    );
    let nested = program.clone().current_dir(dir.join("src/deep"));
    let outcome = nested.run("builds");
    assert_eq!(outcome.code, Some(5));
    assert!(outcome.stderr.contains("acme/Nothing"), "{outcome:?}");
    let named = program.run("builds acme/Lemmatizer");
    nested.run("builds acme/Lemmatizer").prints(named.stdout);
}

#[test]
fn without_algo_and_algorithmia_conf() {
    let dir = TempDir::new();
    let program = Program::bare().current_dir(dir.path());
    let error = no_algorithm(&real_path(&dir));
    for line in ["builds", "versions --all", "log -n 5", "why"] {
        program.run(line).fails(2, &error);
    }
    for (line, word) in [
        ("log acme", "acme"),
        ("why b-1", "b-1"),
        ("log simWrongKey", "sim…"),
    ] {
        let error = error.replace(
            "no ALGO given and",
            &format!("'{word}' is not OWNER/NAME, and there is"),
        );
        program.run(line).fails(2, &error);
    }
}

#[test]
fn an_algorithmia_conf_that_cannot_be_used() {
    let dir = TempDir::new();
    let path = dir.join("algorithmia.conf");
    let path = path.replace(&dir.path().display().to_string(), &real_path(&dir));
    let expected =
        |line: u8| format!("line {line}: it must be JSON with the texts 'username' and 'algoname'");
    for (content, why) in [
        ("", &*expected(1)),
        ("SECRET", &expected(1)),
        ("{\n\"username\": \"acme\",\n", &expected(3)),
        ("[\"SECRET\"]", &expected(1)),
        (r#"{"username": null, "algoname": "SECRET"}"#, &expected(1)),
        (r#"{"username": "acme"}"#, &expected(1)),
        (
            r#"{"username": "acme", "algoname": ["SECRET"]}"#,
            &expected(1),
        ),
        (
            r#"{"username": "../SECRET", "algoname": "x"}"#,
            "'../SECRET' is not a valid owner: only letters, digits, '_', '-' and '.' are allowed",
        ),
        (
            r#"{"username": "acme", "algoname": ""}"#,
            "'' is not a valid algorithm name: it is empty",
        ),
        (&*"x".repeat(17 * 1024 * 1024), "it is larger than 16 MiB"),
    ] {
        dir.write("algorithmia.conf", content);
        Program::bare()
            .current_dir(dir.path())
            .run("builds")
            .fails(2, &format!("algo-logs: cannot use {path}: {why}\n"));
    }
}

/// Returns the algorithms whose builds `save` has listed, in order.
fn saved(cluster: &Cluster) -> Vec<String> {
    let requests = cluster.requests().into_iter();
    let lists = requests.filter_map(|request| {
        let path = request.path().strip_prefix("/v1/algorithms/")?;
        Some(path.strip_suffix("/builds")?.to_owned())
    });
    lists.collect()
}

#[test]
fn save_takes_algorithms_owners_and_names_on_stdin() {
    let dir = TempDir::new();
    let options = format!("-d {} -s failed -L 1 -q", dir.join("logs"));
    for (arguments, stdin, expected) in [
        ("acme/Paged", "", &["acme/Paged"][..]),
        (
            "acme/Paged algo://acme/Lemmatizer acme/Paged",
            "",
            &["acme/Paged", "acme/Lemmatizer"],
        ),
        ("example", "", &["acme/Empty", "acme/Paged"]),
        ("acme/Paged example", "", &["acme/Paged", "acme/Empty"]),
        (
            "-",
            "\u{feff}acme/Paged\t\r\n\n acme/Lemmatizer",
            &["acme/Paged", "acme/Lemmatizer"],
        ),
        (
            "- acme/Lemmatizer",
            "example\n",
            &["acme/Lemmatizer", "acme/Empty", "acme/Paged"],
        ),
    ] {
        let cluster = Cluster::start();
        let list = r#"[{"id": "1", "username": "acme", "algoname": "Empty"},
                       {"id": "2", "username": "acme", "algoname": "Paged"}]"#;
        cluster.script_always("/v1/users/example/algorithms", Reply::json(200, list));
        let program = Program::on(&cluster).stdin(stdin);
        program
            .run(&format!("save {arguments} {options}"))
            .prints("");
        assert_eq!(saved(&cluster), expected, "{arguments}");
    }
}

#[test]
fn names_that_save_rejects() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let dir = TempDir::new();
    let options = format!("-d {}", dir.join("logs"));
    let owner = "is not a valid owner: only letters, digits, '_', '-' and '.' are allowed";
    for (arguments, stdin, why) in [
        (
            "",
            "",
            "'save' requires an ALGO, an OWNER, or '-' for names on stdin; \
                  e.g. algo-logs save acme/tagger -d logs"
                .to_owned(),
        ),
        ("acme/x a/b/c", "", "'a/b/c' is not OWNER/NAME".to_owned()),
        (
            "acme/x acme/x/1.2.0",
            "",
            "'acme/x/1.2.0' is not OWNER/NAME".to_owned(),
        ),
        ("acme/x ac%me", "", format!("'ac%me' {owner}")),
        ("-", "acme/x\nac me\n", format!("'ac me' {owner}")),
        ("-", "acme/x\n\u{fffd}\n", format!("'\u{fffd}' {owner}")),
        ("-", " \n\n", "stdin contains no names".to_owned()),
        (
            "- --api-key-file -",
            "",
            "'--api-key-file -' cannot be used with '-'; both read stdin".to_owned(),
        ),
    ] {
        let outcome = program
            .clone()
            .stdin(stdin)
            .run(&format!("save {arguments} {options}"));
        outcome.fails(2, &format!("algo-logs: {why}\n"));
    }
    assert_eq!(cluster.requests().len(), 0);
}
