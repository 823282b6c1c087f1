//! `save`: archives of logs.

mod failures;
mod files;
mod index;

use std::fs;
#[cfg(unix)]
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cluster::data::lemmatizer::{self, FAILED_LOG, OLDEST_OUTPUT, SUCCEEDED_LOG};
use crate::cluster::{Cluster, Reply};
use crate::program::{Outcome, Program, TempDir};
#[cfg(unix)]
use crate::program::{copy_program, wrap};

const FAILED: &str = "2021-08-02T21-12-56.442Z-b7d3f1c9-06e2-4f58-9a7d-c81e45a2f630.log";
const SUCCEEDED: &str = "2021-08-01T07-45-20.117Z-610651f0a3e9d40007b2c5d8.log";
const SAME_COMMIT: &str = "2021-08-01T06-02-00.000Z-2e94d6b0-7c15-4a83-b0f9-5a61c3e87d24.log";
const CANCELED: &str = "2021-07-31T16-20-09.300Z-c4a80e5d-3b97-4d12-86fe-0e92b7d1a35f.log";
const FULL: &str = "2021-07-29T10-15-30.640Z-d58b1f36-c72e-4e09-a1d4-7f3c60b9e821.log";

const LOST_NOTE: &str =
    "algo-logs: the log of build 09f7c2e1-a4d8-4c36-9b50-d6e83f1a7c25 of acme/Lemmatizer is gone\n";
const RETRY_ONE: &str = "algo-logs: 1 failure; everything else was saved; rerun to retry\n";

/// The directory of `acme/Lemmatizer` in an archive.
const LEMMATIZER: &str = "acme/Lemmatizer";

fn save(cluster: &Cluster, dir: &TempDir, arguments: &str) -> Outcome {
    let line = format!("save {arguments} -d {}", dir.join("."));
    Program::on(cluster).run(&line)
}

/// Returns the sorted names of the files in a directory of an archive.
fn names(dir: &TempDir, path: &str) -> Vec<String> {
    let entries = fs::read_dir(dir.join(path)).expect("the directory is there");
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

/// Returns the member `name` of each entry of an index.
fn index(dir: &TempDir, path: &str, name: &str) -> Vec<String> {
    let list: Vec<Value> = serde_json::from_slice(&dir.read(path)).expect("a list");
    let member = |entry: &Value| entry.pointer(name).unwrap_or(&Value::Null).to_string();
    list.iter()
        .map(|entry| member(entry).replace('"', ""))
        .collect()
}

fn logs_path(build_id: &str) -> String {
    format!("/v1/algorithms/acme/Lemmatizer/builds/{build_id}/logs")
}

fn build(id: &str, started: &str) -> Value {
    json!({"build_id": id, "status": "failed", "commit_sha": "c", "started_at": started})
}

/// Starts a cluster whose `acme/Odd` has these builds and no versions. Each log is the ID of its build.
fn odd(builds: &[Value]) -> Cluster {
    let cluster = Cluster::start();
    list_odd(&cluster, builds);
    let none = Reply::json(200, r#"{"results":[]}"#);
    cluster.script_always("/v1/algorithms/acme/Odd/versions", none);
    for build in builds {
        let id = build["build_id"].as_str().unwrap();
        let logs = Reply::json(200, &json!({ "logs": id }).to_string());
        cluster.script_always(&odd_logs_path(id), logs);
    }
    cluster
}

fn list_odd(cluster: &Cluster, builds: &[Value]) {
    let list = Reply::json(200, &json!({ "results": builds }).to_string());
    cluster.script_always("/v1/algorithms/acme/Odd/builds", list);
}

fn odd_logs_path(id: &str) -> String {
    format!("/v1/algorithms/acme/Odd/builds/{id}/logs")
}

#[test]
fn every_log_is_saved_with_the_indexes() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    let to = dir.join("new/logs");
    let outcome = Program::on(&cluster).run(&format!("save acme/Lemmatizer -d {to} -j 1"));
    let summary = "5 saved, 1 still in progress, 1 without a log, 100.7 kB";
    let expected = format!("{LOST_NOTE}algo-logs: acme/Lemmatizer: {summary}\n");
    outcome.is(0, "", &expected);

    let read = |name: &str| dir.read(&format!("new/logs/acme/Lemmatizer/{name}"));
    assert_eq!(read(FAILED), FAILED_LOG.as_bytes());
    for name in [SUCCEEDED, SAME_COMMIT, FULL] {
        assert_eq!(read(name), SUCCEEDED_LOG.as_bytes());
    }
    assert_eq!(read(CANCELED), b"");
    let builds = Program::on(&cluster).run("builds acme/Lemmatizer --all --json");
    let versions = Program::on(&cluster).run("versions acme/Lemmatizer --all --json");
    let parsed = |json: &[u8]| serde_json::from_slice::<Vec<Value>>(json).unwrap();
    assert_eq!(parsed(&read("builds.json")), parsed(&builds.stdout));
    let (saved, listed) = (parsed(&read("versions.json")), parsed(&versions.stdout));
    assert_eq!(saved.len(), listed.len());
    assert!(listed.iter().all(|version| saved.contains(version)));
    let expected = [
        FULL,
        CANCELED,
        SAME_COMMIT,
        SUCCEEDED,
        FAILED,
        "builds.json",
        "versions.json",
    ];
    assert_eq!(names(&dir, "new/logs/acme/Lemmatizer"), expected);
    assert_eq!(names(&dir, "new/logs/acme"), ["Lemmatizer"]);
    assert_eq!(names(&dir, "new/logs"), ["acme"]);
}

#[test]
fn a_second_run_fetches_only_what_is_new() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    let arguments = "acme/Lemmatizer -s failed";
    save(&cluster, &dir, arguments).is(0, "", "algo-logs: acme/Lemmatizer: 1 saved, 97.7 kB\n");
    let before = cluster.requests().len();
    save(&cluster, &dir, arguments).is(0, "", "algo-logs: acme/Lemmatizer: 1 already there\n");
    assert_eq!(
        cluster.requests().len(),
        before + 2,
        "the lists, and no log"
    );
}

#[test]
fn replaced_characters_are_noted() {
    let (cluster, dir) = (odd(&[build("b1", "2021")]), TempDir::new());
    let logs = Reply::json(200, r#"{"logs":"a\ud800b"}"#);
    cluster.script_always(&odd_logs_path("b1"), logs);
    save(&cluster, &dir, "acme/Odd").is(
        0,
        "",
        "algo-logs: build b1: 1 invalid character became U+FFFD\n\
         algo-logs: acme/Odd: 1 saved, 5 B\n",
    );
    assert_eq!(dir.read("acme/Odd/2021-b1.log"), "a\u{fffd}b".as_bytes());
}

#[test]
fn nothing_to_save_is_noted() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    save(&cluster, &dir, "acme/Empty").is(0, "", "algo-logs: acme/Empty: nothing to save\n");
    assert_eq!(dir.read("acme/Empty/builds.json"), b"[]\n");
    assert_eq!(dir.read("acme/Empty/versions.json"), b"[]\n");
}

#[test]
fn several_algorithms_and_owners() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    let list = json!([
        {"id": "1", "username": "acme", "algoname": "Lemmatizer"},
        {"id": "2", "username": "acme", "algoname": "Gone"},
        {"id": "3", "username": "acme", "algoname": "../x"},
        {"id": "4", "username": "acme", "algoname": "Empty"},
        {"id": "5", "username": "acme", "algoname": "Paged"},
    ]);
    cluster.script_always(
        "/v1/users/acme/algorithms",
        Reply::json(200, &list.to_string()),
    );
    cluster.script_always("/v1/users/nobody/algorithms", Reply::status(404));
    cluster.script_always("/v1/users/none/algorithms", Reply::json(200, "[]"));
    // Read names on stdin, and name one algorithm three times.
    let line = format!(
        "save acme/Paged - acme/Paged nobody none -L 2 -d {}",
        dir.join(".")
    );
    let outcome = Program::on(&cluster).stdin("\nacme\n\n").run(&line);
    let lines = [
        "algorithms of nobody: not found (status 404)",
        "none has no algorithms; names are case-sensitive",
        "algorithms of acme: '../x' is not a valid algorithm name: only letters, digits, '_', '-' and '.' are allowed",
        "builds of acme/Gone: there is no such algorithm (status 404), the service says: \
         algorithm algo://acme/Gone not found; check the name, and that CLUSTER is the right cluster",
        "acme/Paged: 2 saved, 134 B",
        "acme/Lemmatizer: 1 saved, 1 still in progress, 97.7 kB",
        "acme/Empty: nothing to save",
        "total: 3 saved, 1 still in progress, 4 failed, 97.9 kB",
        "4 failures; everything else was saved; rerun to retry",
    ];
    outcome.is(
        6,
        "",
        &lines.map(|line| format!("algo-logs: {line}\n")).concat(),
    );
    assert_eq!(names(&dir, "acme/Paged").len(), 2 + 2);
    assert_eq!(names(&dir, "acme"), ["Empty", "Lemmatizer", "Paged"]);
}

#[test]
fn connections_are_reused_and_four_jobs_run_in_parallel() {
    let cluster = Cluster::start();
    // Long enough that the time of the program itself does not matter.
    cluster.latency(Duration::from_millis(100));
    let time = |jobs: usize| {
        let dir = TempDir::new();
        let before = cluster.connections();
        let started = Instant::now();
        save(&cluster, &dir, &format!("acme/Paged -q -L 48 -j {jobs}")).prints("");
        let elapsed = started.elapsed();
        assert_eq!(names(&dir, "acme/Paged").len(), 50);
        assert!(
            cluster.connections() - before <= jobs,
            "connections are kept alive"
        );
        elapsed.as_secs_f64()
    };
    // The machine may be busy for a moment.
    let mut ratios = Vec::new();
    while ratios.len() < 3 && ratios.iter().all(|&ratio| ratio < 3.3) {
        ratios.push(time(1) / time(4));
    }
    assert!(ratios.iter().any(|&ratio| ratio >= 3.3), "{ratios:?}");
}

#[cfg(unix)]
#[test]
fn save_works_with_fewer_threads_than_requested() {
    /// A user without other processes.
    const LONELY: &str = "54322";
    let (cluster, dir, bin) = (Cluster::start(), TempDir::new(), TempDir::new());
    let to = dir.join("logs");
    let inner = Program::on(&cluster).command(&format!("save acme/Paged -q -j 8 -d {to}"));
    // The program may be in a directory that other users cannot enter.
    let program = bin.join("algo-logs");
    copy_program(inner.get_program(), &program);
    fs::create_dir(&to).unwrap();
    let owned = Command::new("chown").args([LONELY, &to]).status().unwrap();
    // root has no such limit, and only root can become another user.
    let mut command = Command::new(if owned.success() {
        "setpriv"
    } else {
        "prlimit"
    });
    if owned.success() {
        let user = [
            &format!("--reuid={LONELY}"),
            "--regid=54322",
            "--clear-groups",
        ];
        command.args(user).arg("prlimit");
    }
    command
        .args(["--nproc=1", &program])
        .args(inner.get_args())
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    for (name, value) in inner.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let Ok(output) = command.output() else { return };
    Outcome::new(output, None).prints("");
    assert_eq!(names(&dir, "logs/acme/Paged").len(), 57 + 2);
    assert_eq!(
        cluster.connections(),
        1,
        "only the first thread was started"
    );
}
