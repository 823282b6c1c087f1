//! Runs the commands of README.md against the fake cluster.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::cluster::data::WAITING_LOG;
use crate::cluster::data::lemmatizer::{self, FAILED_LOG};
use crate::cluster::{Cluster, Identity, KEY, Reply, tls};
use crate::program::{Outcome, TempDir};
use crate::proxy::Proxy;

const README: &str = include_str!("../../README.md");

/// Returns the command line of the recipe that contains `words`.
fn recipe(words: &str) -> String {
    let mut found = README
        .split("```sh\n")
        .skip(1)
        .filter_map(|block| Some(block.split_once("\n```")?.0))
        .filter(|block| block.contains(words));
    let line = found.next().expect("there is such a recipe").to_owned();
    assert_eq!(found.next(), None, "and one only");
    line
}

/// Runs a recipe in a shell that stops at the first error, in `dir`, which is also the home directory.
fn run(line: &str, cluster: &Cluster, dir: &TempDir) -> Outcome {
    let program = Path::new(env!("CARGO_BIN_EXE_algo-logs"));
    let programs = program.parent().expect("it is in a directory");
    let output = Command::new("sh")
        .args(["-ec", line])
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
        .env("HOME", dir.path())
        .env("ALGORITHMIA_API", cluster.url())
        .env("ALGORITHMIA_API_KEY", KEY)
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .output()
        .expect("there is a shell");
    Outcome::new(output, Some(&cluster.url()))
}

/// `script` is part of util-linux.
#[cfg(target_os = "linux")]
#[test]
fn the_first_screen_is_what_a_terminal_shows() {
    use crate::program::Program;
    use crate::terminals::on_terminal;

    // Ages grow.
    let is_age = |word: &str| {
        word.strip_suffix('y')
            .is_some_and(|n| n.parse::<u32>().is_ok())
    };
    let words = |text: &str| -> Vec<String> {
        let words = text.split_whitespace().filter(|word| !is_age(word));
        words.map(str::to_owned).collect()
    };
    let cluster = Cluster::start();
    let program = Program::on(&cluster).env("NO_COLOR", "1");
    let (_, screen) = README.split_once("```console\n").expect("a screen");
    let (screen, _) = screen.split_once("```").expect("its end");
    for command in screen.split("$ algo-logs ").skip(1) {
        let (line, expected) = command.split_once('\n').expect("a command and its output");
        let (code, shown) = on_terminal(&program, line);
        assert_eq!((code, words(&shown)), (0, words(expected)));
    }
}

#[test]
fn install_completions_and_the_man_page_in_an_empty_home() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    let line = recipe("--generate man | man").replace("man -l -", "cat");
    let outcome = run(&line, &cluster, &dir);
    for file in [
        ".local/share/bash-completion/completions/algo-logs",
        ".config/fish/completions/algo-logs.fish",
        ".zfunc/_algo-logs",
        ".local/share/man/man1/algo-logs.1",
    ] {
        assert!(!dir.read(file).is_empty(), "{file}");
    }
    outcome.prints(dir.read(".local/share/man/man1/algo-logs.1"));
}

#[test]
fn list_explain_and_read() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    let line = recipe("algo-logs builds acme -s failed")
        .replace("acme/tagger", "acme/Lemmatizer")
        .replace("$SHA", "9d41e7a");
    let outcome = run(&line, &cluster, &dir);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(dir.read("build.log"), lemmatizer::SUCCEEDED_LOG.as_bytes());
}

#[test]
fn wait_for_the_build_of_the_commit_just_pushed() {
    let recipe = recipe("--wait --exit-status");
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    cluster.finish_after(0);
    let gate = |algorithm, commit| {
        let line = recipe.replace("acme/tagger", algorithm);
        run(&line.replace("$SHA", commit), &cluster, &dir)
    };
    let outcome = gate("acme/Waiting", "d6a1c08e5f7b3924e0c8d1b6a5f49372c1e8b0d7");
    outcome.is(0, "", &outcome.stderr);
    assert_eq!(dir.read("build.log"), WAITING_LOG.as_bytes());

    // The build failed: the log is written, the reason is on stdout, and the exit code stays.
    let outcome = gate("acme/Lemmatizer", "9d41e7a");
    assert_eq!(dir.read("build.log"), FAILED_LOG.as_bytes());
    let step = "Step 19/21 : RUN python3.9 -m pytest -q src\n";
    assert!(outcome.stdout_text().starts_with(step));
    outcome.is(3, &outcome.stdout, &outcome.stderr);

    // The build failed, and `why` fails.
    let logs = format!(
        "/v1/algorithms/acme/Lemmatizer/builds/{}/logs",
        lemmatizer::FAILED
    );
    cluster.script(&logs, Reply::json(200, r#"{"logs":"Step 1"}"#));
    cluster.script(&logs, Reply::status(403));
    let outcome = gate("acme/Lemmatizer", "9d41e7a");
    assert!(outcome.stderr.contains("403"), "{}", outcome.stderr);
    outcome.is(3, "", &outcome.stderr);

    // Nothing is explained, because no build failed.
    let outcome = gate("acme/Secret", "9d41e7a");
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    outcome.is(4, "", &outcome.stderr);
}

#[test]
fn keep_an_archive_and_explain_it() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    let line = recipe("save acme ")
        .replace("save acme ", "save acme/Lemmatizer ")
        .replace("acme/tagger", "acme/Lemmatizer");
    let reason = format!(
        "== {}\nStep 19/21 : RUN python3.9 -m pytest -q src\n",
        lemmatizer::FAILED
    );
    for saved in [": 5 saved, 1 still", ": 5 already there, 1 still"] {
        let outcome = run(&line, &cluster, &dir);
        assert!(outcome.stderr.contains(saved), "{}", outcome.stderr);
        // The loop needs jq.
        let has_jq = !outcome.stderr.contains("jq: ");
        assert_eq!(outcome.stdout_text().starts_with(&reason), has_jq);
        assert_eq!(outcome.code, Some(0));
    }
    let archive = dir.join("archive/acme/Lemmatizer");
    assert_eq!(fs::read_dir(archive).unwrap().count(), 7);
}

#[test]
fn behind_a_proxy_with_a_private_ca() {
    let (cluster, dir) = (Cluster::start_tls(Identity::wrong_host()), TempDir::new());
    let proxy = Proxy::to(&cluster);
    dir.write("company-ca.pem", tls::ca_pem());
    let line = recipe("HTTPS_PROXY")
        .replace(
            "acme/tagger",
            "acme/Lemmatizer -L 1 -s failed --api cluster.example.com",
        )
        .replace("http://proxy.example.com:3128", &proxy.url(""));
    let outcome = run(&line, &cluster, &dir);
    assert!(outcome.stdout_text().starts_with(lemmatizer::FAILED));
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stderr.starts_with("algo-logs: GET "));
    assert_eq!(proxy.heads().len(), 1, "it went through the proxy");
}
