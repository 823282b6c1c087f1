//! `log --wait`: its requests, its notes and its errors. `waiting.rs` tests the library's waits, which can be shorter.

use std::time::{Duration, Instant};

use crate::cluster::data::{WAITING_BUILD, WAITING_LOG, lemmatizer};
use crate::cluster::{Cluster, Reply};
use crate::program::Program;

const PAGED_BUILDS: &str = "/v1/algorithms/acme/Paged/builds";

/// The note about the newest build of `acme/Waiting`.
const WAITING_NOTE: &str = "algo-logs: build b-wait (in-progress, \
    commit d6a1c08e5f7b3924e0c8d1b6a5f49372c1e8b0d7, started 2021-08-04T07:59:00.208Z)\n";

const FINISHED_NOTE: &str = "algo-logs: build b-wait (succeeded, \
    commit d6a1c08e5f7b3924e0c8d1b6a5f49372c1e8b0d7, started 2021-08-04T07:59:00.208Z)\n";
const SUCCEEDED: &str = "algo-logs: the build succeeded after 58s\n";

#[test]
fn a_build_in_progress_has_no_log_yet() {
    let cluster = Cluster::start();
    let why = "algo-logs: build b-wait of acme/Waiting: the build is still in progress";
    let program = Program::on(&cluster);
    cluster.finish_after(9);
    program
        .run("log acme/Waiting b-wait")
        .fails(8, &format!("{why}; use --wait to wait for it\n"));
    program
        .run("log acme/Waiting b-wait --exit-status")
        .fails(8, &format!("{why}; use --wait to wait for it\n"));
    let before = cluster.requests().len();
    program.run("log acme/Waiting b-wait --wait=0").fails(
        8,
        &format!(
            "{WAITING_NOTE}{}{why}; waited 0s\n",
            waiting_for_build("0s")
        ),
    );
    program.run("log acme/Waiting --wait=0").fails(
        8,
        &format!(
            "{WAITING_NOTE}algo-logs: waiting up to 0s for the newest build\n{why}; waited 0s\n"
        ),
    );
    // One request for the build and one for the list.
    assert_eq!(cluster.requests().len() - before, 2);
    program.run("log acme/Lemmatizer").fails(
        8,
        "algo-logs: build 5f0c2a7e-91d4-4b6a-8e3c-2d7b9a10c4e8 of acme/Lemmatizer: \
         the build is still in progress; use --wait to wait for it, or -s failed or -s succeeded \
         for an older build\n",
    );
}

/// Returns the note at the beginning of a wait for a build.
fn waiting_for_build(timeout: &str) -> String {
    format!("algo-logs: waiting up to {timeout} for the build\n")
}

#[test]
fn waiting_ends_with_the_log() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    cluster.finish_after(1);
    program.run("log acme/Waiting b-wait --wait=1").is(
        0,
        WAITING_LOG,
        &format!("{WAITING_NOTE}{}{SUCCEEDED}", waiting_for_build("1s")),
    );
    let build_reply: Vec<String> = cluster
        .requests()
        .iter()
        .map(|r| r.target.clone())
        .collect();
    let build = format!("/v1/algorithms/acme/Waiting/builds/{WAITING_BUILD}");
    assert_eq!(
        build_reply,
        [build.clone(), build.clone(), format!("{build}/logs")]
    );
    // A finished build ends the wait at once, whatever the timeout.
    program.run("log acme/Waiting b-wait --wait").is(
        0,
        WAITING_LOG,
        &format!("{FINISHED_NOTE}{SUCCEEDED}"),
    );
    program
        .run("log acme/Waiting --wait -q --exit-status")
        .prints(WAITING_LOG);
    let outcome = program.run("log acme/Lemmatizer -c 9d41e7a --wait --exit-status");
    let failed = lemmatizer::FAILED;
    outcome.is(
        3,
        lemmatizer::FAILED_LOG,
        &format!(
            "algo-logs: build {failed} (failed, commit 9d41e7ab52c60f38d1b7a4e90c25f86b3ad7e412, \
             started 2021-08-02T21:12:56.442Z)\n\
             algo-logs: the build failed after 1m48s; 'algo-logs why acme/Lemmatizer {failed}' shows why\n\
             algo-logs: build {failed} of acme/Lemmatizer: failed\n"
        ),
    );
}

#[test]
#[ignore = "takes a minute"]
fn a_wait_prints_a_note_every_minute() {
    let cluster = Cluster::start();
    cluster.finish_after(usize::MAX);
    let outcome = Program::on(&cluster).run("log acme/Waiting b-wait --wait=63");
    let expected = format!(
        "{WAITING_NOTE}{}algo-logs: waited 1m00s: the build is in progress\n\
         algo-logs: build b-wait of acme/Waiting: the build is still in progress; waited 1m03s\n",
        waiting_for_build("1m03s")
    );
    outcome.fails(8, &expected);
}

#[test]
fn the_newest_build_is_waited_for() {
    let cluster = Cluster::start();
    cluster.finish_after(0);
    // The build is still in progress in the list, and finishes a moment later.
    let build = format!(
        r#"{{"build_id":"{WAITING_BUILD}","status":"in-progress","started_at":"2021-08-04T07:59:00.208Z",
             "commit_sha":"d6a1c08e5f7b3924e0c8d1b6a5f49372c1e8b0d7"}}"#
    );
    cluster.script(
        "/v1/algorithms/acme/Waiting/builds",
        Reply::json(200, &format!(r#"{{"results":[{build}]}}"#)),
    );
    Program::on(&cluster).run("log acme/Waiting --wait=1").is(
        0,
        WAITING_LOG,
        &format!("{WAITING_NOTE}algo-logs: waiting up to 1s for the newest build\n{SUCCEEDED}"),
    );
}

#[test]
fn a_build_is_named_when_it_is_found() {
    let cluster = Cluster::start();
    let build = format!("/v1/algorithms/acme/Waiting/builds/{WAITING_BUILD}");
    cluster.finish_after(0);
    for reply in [Reply::status(503), Reply::json(404, MISSING)] {
        cluster.script(&build, reply);
        let outcome = Program::on(&cluster).run("log acme/Waiting b-wait --wait=1 --retries 0");
        let notes = format!("{}{FINISHED_NOTE}{SUCCEEDED}", waiting_for_build("1s"));
        outcome.is(0, WAITING_LOG, &notes);
    }
}

const MISSING: &str = r#"{"error":{"code":1010,"message":"no such build"}}"#;

#[test]
fn a_wait_completes_an_abbreviation_once() {
    let id = "1234567-89";
    let build = |id: &str| {
        format!(r#"{{"build_id":"{id}","status":"failed","commit_sha":"c","started_at":"t"}}"#)
    };
    let page = |ids: &[&str]| {
        let builds: Vec<_> = ids.iter().map(|id| build(id)).collect();
        Reply::json(200, &format!(r#"{{"results":[{}]}}"#, builds.join(",")))
    };
    let slow = "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n";
    let slow = Reply::raw()
        .send(slow)
        .drip(" ".repeat(900), Duration::from_millis(100));
    let missing = "build 1234567 of acme/Paged: there is no such build (status 404), the service says: no such build; \
                   'algo-logs builds acme/Paged' lists the builds";
    for (list, options, code, error, requests) in [
        (vec![page(&["0", id, id])], "--wait=9", 0, "", 3),
        (
            vec![Reply::status(503), page(&[id])],
            "--wait=1 --retries 0",
            0,
            "",
            4,
        ),
        (
            vec![page(&[id, "1234567-90"])],
            "--wait=9",
            2,
            "build 1234567 of acme/Paged: ambiguous: matches 1234567-89 and 1234567-90",
            1,
        ),
        (
            vec![slow],
            "--wait=1",
            1,
            "builds of acme/Paged: the wait ended before the response was complete",
            1,
        ),
        // The ID may be complete but not listed yet, or also the beginning of another.
        (vec![page(&["0"])], "--wait=0", 5, missing, 2),
        (vec![page(&[id, "1234567"])], "--wait=0", 5, missing, 2),
    ] {
        let cluster = Cluster::start();
        list.iter()
            .for_each(|reply| cluster.script(PAGED_BUILDS, reply.clone()));
        cluster.script_always(
            &format!("{PAGED_BUILDS}/{id}"),
            Reply::json(200, &build(id)),
        );
        let logs = format!("{PAGED_BUILDS}/{id}/logs");
        cluster.script_always(&logs, Reply::json(200, r#"{"logs":"log\n"}"#));
        cluster.script_always(
            &format!("{PAGED_BUILDS}/1234567"),
            Reply::json(404, MISSING),
        );
        let started = Instant::now();
        let outcome = Program::on(&cluster).run(&format!("log acme/Paged 1234567 -q {options}"));
        let (log, error) = match error {
            "" => ("log\n", String::new()),
            why => ("", format!("algo-logs: {why}\n")),
        };
        outcome.is(code, log, &error);
        assert_eq!(cluster.requests().len(), requests, "{error}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

/// Covers a bug: a wait for a build of an unknown algorithm lasted until its timeout.
#[test]
fn a_wait_for_a_build_of_an_unknown_algorithm_ends_at_once() {
    let no_code = Reply::json(404, r#"{"error":"No such algorithm"}"#);
    let uuid = lemmatizer::FAILED;
    for (id, requests) in [("nope", 2), ("1234567", 1), (uuid, 2)] {
        let cluster = Cluster::start();
        cluster.script_always(PAGED_BUILDS, no_code.clone());
        cluster.script_always(&format!("{PAGED_BUILDS}/{id}"), no_code.clone());
        Program::on(&cluster).run(&format!("log acme/Paged {id} --wait=9 -q")).fails(
            5,
            "algo-logs: builds of acme/Paged: not found (status 404), the service says: No such algorithm; \
             check the name, and that CLUSTER is the right cluster\n",
        );
        // One more request looks for a name that differs only in case.
        assert_eq!(cluster.requests().len(), requests + 1, "{id}");
    }
}
