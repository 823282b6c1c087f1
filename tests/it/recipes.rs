//! The recipes of README.md, as they stand there, against the fake cluster.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::cluster::data::lemmatizer::{self, FAILED_LOG};
use crate::cluster::data::{WAITING_BUILD, WAITING_LOG};
use crate::cluster::{Cluster, Identity, KEY, Reply, tls};
use crate::program::{Folder, Outcome};
use crate::proxy::Proxy;

/// The command line of the recipe that has `words` in it.
fn recipe(words: &str) -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).expect("README.md can be read");
    let (_, recipes) = readme.split_once("## Recipes\n").expect("it has recipes");
    let (recipes, _) = recipes
        .split_once("\n## ")
        .expect("and something after them");
    let mut found = recipes
        .split("```sh\n")
        .skip(1)
        .filter_map(|block| Some(block.split_once("\n```")?.0))
        .filter(|line| line.contains(words));
    let line = found.next().expect("there is such a recipe").to_owned();
    assert_eq!(found.next(), None, "and one only");
    line
}

/// Runs a recipe in a shell, in `folder`, where the program is on the PATH after what the folder's `bin` has.
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

/// Answers the list of builds with one build.
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
    let (cluster, folder) = (Cluster::start(), Folder::new());
    // A git that knows one commit.
    let commit = "d6a1c08e5f7b3924e0c8d1b6a5f49372c1e8b0d7";
    fs::create_dir(folder.join("bin")).unwrap();
    let git = folder.write("bin/git", format!("#!/bin/sh\necho {commit}\n"));
    make_executable(&git);
    cluster.finish_after(0);
    let line = recipe("--wait --exit-status").replace("acme/tagger", "acme/Waiting");
    let outcome = run(&line, &cluster, &folder);
    assert!(outcome.stderr.starts_with(&format!(
        "algo-logs: waiting up to 30m00s for the newest build of acme/Waiting\n\
         algo-logs: build {WAITING_BUILD} (succeeded, commit {commit}"
    )));
    outcome.is(0, WAITING_LOG, &outcome.stderr);
}

fn make_executable(path: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is our file");
}

#[test]
fn keep_an_archive() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let line = recipe("save acme/tagger").replace("acme/tagger", "acme/Lemmatizer");
    for saved in ["saved 5, skipped 0", "saved 0, skipped 5"] {
        let outcome = run(&line, &cluster, &folder);
        assert_eq!(outcome.code, Some(0));
        assert!(outcome.stderr.contains(saved), "{}", outcome.stderr);
    }
    assert_eq!(fs::read_dir(folder.join("logs")).unwrap().count(), 6);
}

#[test]
fn feed_jq() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let line = recipe("jq").replace("acme/tagger", "acme/Lemmatizer");
    let outcome = run(&line, &cluster, &folder);
    if outcome.code == Some(127) {
        return; // no jq here; what it is fed is tested elsewhere
    }
    outcome.prints(format!("{}\n", lemmatizer::FAILED));
}

#[test]
fn behind_a_proxy_with_a_private_ca() {
    let (cluster, folder) = (Cluster::start_tls(Identity::good()), Folder::new());
    let proxy = Proxy::to(&cluster);
    folder.write("company-ca.pem", tls::ca_pem());
    let line = recipe("HTTPS_PROXY")
        .replace("acme/tagger", "acme/Lemmatizer -L 1 -s failed")
        .replace("http://proxy.example.com:3128", &proxy.url(""));
    let outcome = run(&line, &cluster, &folder);
    assert!(outcome.stdout_text().starts_with(lemmatizer::FAILED));
    outcome.is(0, &outcome.stdout, "");
    assert_eq!(proxy.heads().len(), 1, "it went through the proxy");
}
