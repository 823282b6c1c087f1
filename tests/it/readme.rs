//! Runs the recipes of README.md unchanged, against the fake cluster.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::cluster::data::WAITING_LOG;
use crate::cluster::data::lemmatizer::{self, FAILED_LOG};
use crate::cluster::{Cluster, Identity, KEY, Reply, tls};
use crate::program::{Folder, Outcome};
use crate::proxy::Proxy;

/// Returns the command line of the recipe that contains `words`.
fn recipe(words: &str) -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).expect("README.md can be read");
    let mut found = readme
        .split("```sh\n")
        .skip(1)
        .filter_map(|block| Some(block.split_once("\n```")?.0))
        .filter(|block| block.contains(words));
    let line = found.next().expect("there is such a recipe").to_owned();
    assert_eq!(found.next(), None, "and one only");
    line
}

/// Runs a recipe in a shell, in `folder`. On the PATH, the folder's `bin` comes before the program.
fn run(line: &str, cluster: &Cluster, folder: &Folder) -> Outcome {
    let program = Path::new(env!("CARGO_BIN_EXE_algo-logs"));
    let programs = program.parent().expect("it is in a folder");
    let path = format!(
        "{}:{}:/usr/bin:/bin",
        folder.join("bin"),
        programs.display()
    );
    let output = Command::new("sh")
        .args(["-c", line])
        .env_clear()
        .env("PATH", path)
        .env("ALGORITHMIA_API", cluster.url())
        .env("ALGORITHMIA_API_KEY", KEY)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("there is a shell");
    Outcome::new(output, Some(&cluster.url()))
}

/// Responds to the list of builds with one build.
fn only_build(cluster: &Cluster, id: &str, status: &str) {
    let list = format!(
        r#"{{"results":[{{"build_id":"{id}","status":"{status}","commit_sha":"c0ffee","started_at":"t"}}]}}"#
    );
    cluster.script_always(
        "/v1/algorithms/acme/Lemmatizer/builds",
        Reply::json(200, &list),
    );
}

#[test]
fn fail_when_the_newest_build_failed_and_show_its_log() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let line = recipe("log acme/tagger --exit-status").replace("acme/tagger", "acme/Lemmatizer");
    let id = lemmatizer::FAILED;
    let chosen = |id: &str, status: &str| {
        format!("algo-logs: build {id} ({status}, commit c0ffee, started t)\n")
    };
    only_build(&cluster, id, "failed");
    let note = chosen(id, "failed");
    run(&line, &cluster, &folder).is(
        3,
        FAILED_LOG,
        &format!("{note}algo-logs: build {id} of acme/Lemmatizer: failed\n"),
    );
    let id = lemmatizer::SUCCEEDED;
    only_build(&cluster, id, "succeeded");
    run(&line, &cluster, &folder).is(0, lemmatizer::SUCCEEDED_LOG, &chosen(id, "succeeded"));
}

#[test]
fn wait_for_the_build_of_the_commit_just_pushed() {
    let recipe = recipe("--wait --exit-status");
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let commit = "d6a1c08e5f7b3924e0c8d1b6a5f49372c1e8b0d7";
    cluster.finish_after(0);
    let line = recipe
        .replace("acme/tagger", "acme/Waiting")
        .replace("$SHA", commit);
    let outcome = run(&line, &cluster, &folder);
    outcome.is(0, "", &outcome.stderr);
    assert_eq!(folder.read("build.log"), WAITING_LOG.as_bytes());

    // The build failed: the log is written, the reason is on stdout, and the pipeline fails.
    let line = recipe
        .replace("acme/tagger", "acme/Lemmatizer")
        .replace("$SHA", "9d41e7a");
    let outcome = run(&line, &cluster, &folder);
    assert_eq!(folder.read("build.log"), FAILED_LOG.as_bytes());
    let step = "Step 19/21 : RUN python3.9 -m pytest -q src\n";
    assert!(outcome.stdout_text().starts_with(step));
    outcome.is(1, &outcome.stdout, &outcome.stderr);
}

#[test]
fn keep_an_archive() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let line = recipe("save acme ").replace("save acme ", "save acme/Lemmatizer ");
    for saved in [": 5 saved, 1 still", ": 5 already there, 1 still"] {
        let outcome = run(&line, &cluster, &folder);
        assert_eq!(outcome.code, Some(0));
        assert!(outcome.stderr.contains(saved), "{}", outcome.stderr);
    }
    let archive = folder.join("archive/acme/Lemmatizer");
    assert_eq!(fs::read_dir(archive).unwrap().count(), 7);
}

#[test]
fn feed_jq() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let line = recipe("| jq").replace("acme/tagger", "acme/Lemmatizer");
    let outcome = run(&line, &cluster, &folder);
    if outcome.code == Some(127) {
        return; // no jq here; what it is fed is tested elsewhere
    }
    outcome.prints(format!("{}\n", lemmatizer::FAILED));
}

#[test]
fn behind_a_proxy_with_a_private_ca() {
    let (cluster, folder) = (Cluster::start_tls(Identity::wrong_host()), Folder::new());
    let proxy = Proxy::to(&cluster);
    folder.write("company-ca.pem", tls::ca_pem());
    let line = recipe("HTTPS_PROXY")
        .replace(
            "acme/tagger",
            "acme/Lemmatizer -L 1 -s failed --api cluster.example.com",
        )
        .replace("http://proxy.example.com:3128", &proxy.url(""));
    let outcome = run(&line, &cluster, &folder);
    assert!(outcome.stdout_text().starts_with(lemmatizer::FAILED));
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stderr.starts_with("algo-logs: GET "));
    assert_eq!(proxy.heads().len(), 1, "it went through the proxy");
}
