//! `save`: an archive of logs.

use std::fs;
use std::time::{Duration, Instant};

use crate::cluster::data::lemmatizer::{self, FAILED_LOG, SUCCEEDED_LOG};
use crate::cluster::{Cluster, Reply};
use crate::program::{Folder, Outcome, Program};

const FAILED: &str = "2021-08-02T21:12:56.442Z-b7d3f1c9-06e2-4f58-9a7d-c81e45a2f630.log";
const SUCCEEDED: &str = "2021-08-01T07:45:20.117Z-610651f0a3e9d40007b2c5d8.log";
const SAME_COMMIT: &str = "2021-08-01T06:02:00.000Z-2e94d6b0-7c15-4a83-b0f9-5a61c3e87d24.log";
const CANCELED: &str = "2021-07-31T16:20:09.300Z-c4a80e5d-3b97-4d12-86fe-0e92b7d1a35f.log";
const FULL: &str = "2021-07-29T10:15:30.640Z-d58b1f36-c72e-4e09-a1d4-7f3c60b9e821.log";

const IN_PROGRESS_NOTE: &str =
    "algo-logs: build 5f0c2a7e-91d4-4b6a-8e3c-2d7b9a10c4e8: still in progress\n";
const LOST_NOTE: &str = "algo-logs: log of build 09f7c2e1-a4d8-4c36-9b50-d6e83f1a7c25 of acme/Lemmatizer: \
                         the build has finished (succeeded), but its log is lost\n";

/// Compares everything but the time at the end of the summary.
#[track_caller]
fn is(outcome: &Outcome, code: i32, stderr: &str) {
    let told: String = outcome
        .stderr
        .lines()
        .map(|line| match line.split_once(" bytes in ") {
            Some((counts, _)) => format!("{counts} bytes in TIME\n"),
            None => format!("{line}\n"),
        })
        .collect();
    assert_eq!(
        (outcome.code, &*outcome.stdout_text(), &*told),
        (Some(code), "", stderr)
    );
}

fn logs_path(build_id: &str) -> String {
    format!("/v1/algorithms/acme/Lemmatizer/builds/{build_id}/logs")
}

#[test]
fn every_log_is_saved_and_the_list_with_them() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let to = folder.join("new/logs");
    let outcome = Program::on(&cluster).run(&format!("save acme/Lemmatizer -d {to} -j 1"));
    let summary =
        "algo-logs: saved 5, skipped 0, without a log 2, failed 0; 100685 bytes in TIME\n";
    is(
        &outcome,
        0,
        &format!("{IN_PROGRESS_NOTE}{LOST_NOTE}{summary}"),
    );

    let read = |name: &str| folder.read(&format!("new/logs/{name}"));
    assert_eq!(read(FAILED), FAILED_LOG.as_bytes());
    for name in [SUCCEEDED, SAME_COMMIT, FULL] {
        assert_eq!(read(name), SUCCEEDED_LOG.as_bytes());
    }
    assert_eq!(read(CANCELED), b"");
    let list = Program::on(&cluster).run("builds acme/Lemmatizer --all --json");
    assert_eq!(read("builds.json"), list.stdout);
    let mut expected = [
        FAILED,
        SUCCEEDED,
        SAME_COMMIT,
        CANCELED,
        FULL,
        "builds.json",
    ];
    expected.sort_unstable();
    let mut names: Vec<_> = fs::read_dir(&to)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, expected);
}

#[test]
fn a_second_run_fetches_only_what_is_new() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let line = format!("save acme/Lemmatizer -d {} -s failed", folder.join("."));
    is(
        &Program::on(&cluster).run(&line),
        0,
        "algo-logs: saved 1, skipped 0, without a log 0, failed 0; 97733 bytes in TIME\n",
    );
    let before = cluster.requests().len();
    is(
        &Program::on(&cluster).run(&line),
        0,
        "algo-logs: saved 0, skipped 1, without a log 0, failed 0; 0 bytes in TIME\n",
    );
    assert_eq!(cluster.requests().len(), before + 1, "the list, and no log");
}

#[test]
fn filters_and_limits_choose() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let to = folder.join(".");
    let run = |options: &str| {
        let line = format!("save acme/Lemmatizer -q -d {to} {options}");
        Program::on(&cluster).run(&line).prints("");
    };
    run("-L 2");
    assert_eq!(folder.names(), [FAILED, "builds.json"]);
    run("-c 4a6f8c0");
    assert_eq!(folder.names(), [FULL, FAILED, "builds.json"]);
    run("--all -s succeeded");
    assert_eq!(
        folder.names(),
        [FULL, SAME_COMMIT, SUCCEEDED, FAILED, "builds.json"]
    );
}

#[test]
fn what_fails_is_told_and_the_rest_kept() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    cluster.script_always(&logs_path(lemmatizer::SUCCEEDED), Reply::status(500));
    cluster.script_always(
        &logs_path(lemmatizer::FULL),
        Reply::json(200, r#"{"logs": 7}"#),
    );
    let to = folder.join(".");
    let line = format!("save acme/Lemmatizer -d {to} -j 1 --retries 0");
    let outcome = Program::on(&cluster).run(&line);
    is(
        &outcome,
        6,
        &format!(
            "{IN_PROGRESS_NOTE}{LOST_NOTE}\
             algo-logs: log of build 610651f0a3e9d40007b2c5d8 of acme/Lemmatizer: \
             the cluster failed (status 500)\n\
             algo-logs: log of build d58b1f36-c72e-4e09-a1d4-7f3c60b9e821 of acme/Lemmatizer: \
             the response is not the expected JSON: not a string at byte 9\n\
             algo-logs: saved 3, skipped 0, without a log 2, failed 2; 98717 bytes in TIME\n\
             algo-logs: 2 logs could not be saved; the rest is kept, and the same command tries these again\n"
        ),
    );
    assert_eq!(
        folder.names(),
        [CANCELED, SAME_COMMIT, FAILED, "builds.json"]
    );
}

#[test]
fn a_log_that_breaks_off_leaves_nothing_behind() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let cut = Reply::raw()
        .send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"logs\":\"begun")
        .fin();
    cluster.script_always(&logs_path(lemmatizer::FAILED), cut);
    let to = folder.join(".");
    let line = format!("save acme/Lemmatizer -d {to} -s failed -q --retries 0");
    Program::on(&cluster).run(&line).fails(
        6,
        "algo-logs: log of build b7d3f1c9-06e2-4f58-9a7d-c81e45a2f630 of acme/Lemmatizer: \
         the response was cut short\n\
         algo-logs: 1 log could not be saved; the rest is kept, and the same command tries these again\n",
    );
    assert_eq!(folder.names(), ["builds.json"]);
}

#[test]
fn nothing_to_save_is_noted() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let line = format!("save acme/Empty -d {}", folder.join("."));
    is(
        &Program::on(&cluster).run(&line),
        0,
        "algo-logs: no build of acme/Empty\n\
         algo-logs: saved 0, skipped 0, without a log 0, failed 0; 0 bytes in TIME\n",
    );
    assert_eq!(folder.read("builds.json"), b"[]\n");
}

#[test]
fn a_folder_that_cannot_be_made_is_an_output_failure() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let file = folder.write("file", "");
    let why = std::fs::create_dir_all(format!("{file}/logs")).expect_err("it is below a file");
    let outcome = Program::on(&cluster).run(&format!("save acme/Lemmatizer -d {file}/logs"));
    outcome.fails(7, &format!("algo-logs: cannot write {file}/logs: {why}\n"));
}

#[test]
fn names_from_the_service_stay_in_the_folder() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let build = |id: &str, started: &str| {
        format!(
            r#"{{"build_id":"{id}","status":"failed","commit_sha":"c","started_at":"{started}"}}"#
        )
    };
    let list = format!(
        r#"{{"results":[{},{}]}}"#,
        build("b1", "../../escaped"),
        build("../b2", "2021")
    );
    cluster.script_always("/v1/algorithms/acme/Odd/builds", Reply::json(200, &list));
    let logs = Reply::json(200, r#"{"logs":"log"}"#);
    cluster.script_always("/v1/algorithms/acme/Odd/builds/b1/logs", logs);
    let to = folder.join("in/here");
    let outcome = Program::on(&cluster).run(&format!("save acme/Odd -q -d {to}"));
    assert_eq!(outcome.code, Some(6), "{outcome:?}");
    assert_eq!(folder.names(), ["in"]);
    assert_eq!(folder.read("in/here/_._.._escaped-b1.log"), b"log");
}

#[test]
fn connections_are_kept_and_four_at_once_are_as_fast_as_that() {
    let cluster = Cluster::start();
    cluster.latency(Duration::from_millis(50));
    let time = |jobs: usize| {
        let folder = Folder::new();
        let before = cluster.connections();
        let started = Instant::now();
        let line = format!("save acme/Paged -q -L 48 -j {jobs} -d {}", folder.join("."));
        Program::on(&cluster).run(&line).prints("");
        let elapsed = started.elapsed();
        assert_eq!(folder.names().len(), 49);
        assert!(
            cluster.connections() - before <= jobs,
            "connections are kept alive"
        );
        elapsed.as_secs_f64()
    };
    // The machine may be busy with something else for a moment.
    let mut ratios = Vec::new();
    while ratios.len() < 3 && ratios.iter().all(|&ratio| ratio < 3.5) {
        ratios.push(time(1) / time(4));
    }
    assert!(ratios.iter().any(|&ratio| ratio >= 3.5), "{ratios:?}");
}
