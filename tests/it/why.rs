//! `why`: the failing step on stdout, the note on stderr, and the exit code.

use crate::cluster::data::{WAITING_BUILD, lemmatizer};
use crate::cluster::{Cluster, Reply};
use crate::program::Program;

const BUILDS: &str = "/v1/algorithms/acme/x/builds";

const CLASSIC: &str = "Step 1/2 : FROM a\n ---> 0123456789ab\nStep 2/2 : RUN make\n ---> Running in a1b2c3d4e5f6\none\ntwo\nthree\nThe command '/bin/sh -c make' returned a non-zero code: 2\nUntagged: a:1\n";

fn build(id: &str, status: &str, started: &str) -> String {
    format!(
        r#"{{"build_id":"{id}","status":"{status}","commit_sha":"c0ffee","started_at":"{started}"}}"#
    )
}

/// Starts a cluster whose algorithm `acme/x` has one failed build, `b1`, with this log.
fn failed(log: &str) -> Cluster {
    let cluster = Cluster::start();
    let build = build("b1", "failed", "2021-08-02T21:12:56Z");
    let list = format!(r#"{{"results":[{build}]}}"#);
    cluster.script_always(BUILDS, Reply::json(200, &list));
    cluster.script_always(&format!("{BUILDS}/b1"), Reply::json(200, &build));
    let logs = serde_json::json!({ "logs": log }).to_string();
    cluster.script_always(&format!("{BUILDS}/b1/logs"), Reply::json(200, &logs));
    cluster
}

/// Returns the note about the build of [`failed`].
fn note(rest: &str) -> String {
    format!("algo-logs: build b1 (failed, commit c0ffee, started 2021-08-02T21:12:56Z): {rest}\n")
}

#[test]
fn the_newest_failed_build_is_explained() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let outcome = program.run("why acme/Lemmatizer -n 3");
    outcome.is(
        0,
        "Step 19/21 : RUN python3.9 -m pytest -q src\n\
         =========================== short test summary info ============================\n\
         FAILED src/Lemmatizer_test_17.py::test_lemmatize_keeps_the_case - AssertionEr...\n\
         1 failed, 911 passed in 12.41s\n\
         The command '/bin/sh -c python3.9 -m pytest -q src' returned a non-zero code: 1\n",
        &outcome.stderr,
    );
    let build = format!(
        "algo-logs: build {} (failed, commit 9d41e7ab52c60f38d1b7a4e90c25f86b3ad7e412, started 2021-08-02T21:12:56.442Z): step 19/21, exit code 1, the last 3 of ",
        lemmatizer::FAILED
    );
    assert!(outcome.stderr.starts_with(&build), "{}", outcome.stderr);
    assert!(outcome.stderr.ends_with(" lines; use -n N for more\n"));
    // Choose the build by its ID, by an abbreviation of it, and by its commit.
    for which in [lemmatizer::FAILED, &lemmatizer::FAILED[..8], "-c 9d41e7a"] {
        let by = program.run(&format!("why acme/Lemmatizer {which} -n 3 -q"));
        by.prints(&outcome.stdout);
    }
}

/// Covers a bug: an abbreviated ID led to the log of the build that the response named.
#[test]
fn the_requested_build_is_explained_even_if_the_response_names_another_one() {
    let cluster = Cluster::start();
    let list = format!(r#"{{"results":[{}]}}"#, build("12345678", "failed", "t"));
    cluster.script_always(BUILDS, Reply::json(200, &list));
    let missing = Reply::json(404, r#"{"error":{"code":1010}}"#);
    cluster.script_always(&format!("{BUILDS}/1234567"), missing);
    let other = build("other", "failed", "t");
    cluster.script_always(&format!("{BUILDS}/12345678"), Reply::json(200, &other));
    let logs = serde_json::json!({ "logs": CLASSIC }).to_string();
    cluster.script_always(&format!("{BUILDS}/12345678/logs"), Reply::json(200, &logs));
    for id in ["12345678", "1234567"] {
        let outcome = Program::on(&cluster).run(&format!("why acme/x {id} --json -q"));
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let json: serde_json::Value = serde_json::from_str(&outcome.stdout_text()).unwrap();
        assert_eq!(json["build_id"], "12345678");
    }
}

#[test]
fn the_note_says_what_was_found() {
    let run = |log: &str, line: &str| Program::on(&failed(log)).run(line);
    let step = "Step 2/2 : RUN make\n";
    let error = "The command '/bin/sh -c make' returned a non-zero code: 2\n";
    run(CLASSIC, "why acme/x").is(
        0,
        format!("{step}one\ntwo\nthree\n{error}"),
        &note("step 2/2, exit code 2, 3 lines"),
    );
    run(CLASSIC, "why acme/x -n 1").is(
        0,
        format!("{step}three\n{error}"),
        &note("step 2/2, exit code 2, the last 1 of 3 lines; use -n N for more"),
    );
    // 1000 lines are the maximum, so the note does not suggest more.
    let long = CLASSIC.replace("one\n", &"one\n".repeat(1000));
    let outcome = run(&long, "why acme/x -n 1000");
    let expected = note("step 2/2, exit code 2, the last 1000 of 1002 lines");
    outcome.is(0, &outcome.stdout, &expected);
    for (code, meaning) in [
        (127, " (command not found)"),
        (137, " (killed, most often because it ran out of memory)"),
    ] {
        let log = CLASSIC.replace("code: 2", &format!("code: {code}"));
        let outcome = run(&log, "why acme/x");
        let expected = note(&format!("step 2/2, exit code {code}{meaning}, 3 lines"));
        outcome.is(0, &outcome.stdout, &expected);
    }
    run("Step 1/1 : FROM none\npull access denied\n", "why acme/x").is(
        0,
        "Step 1/1 : FROM none\npull access denied\n",
        &note("step 1/1, no output"),
    );
    run(
        "[error] not found: value x\n\nUntagged: a:1\n",
        "why acme/x",
    )
    .is(
        0,
        "[error] not found: value x\n",
        &note("the log has no Docker steps, 1 line"),
    );
    // BuildKit was killed before it could report an error.
    let killed = "#1 [1/2] FROM x\n#1 DONE 0.1s\n#2 [2/2] RUN make\n#2 0.5 cc -c a.c\n";
    run(killed, "why acme/x").is(0, "[2/2] RUN make\ncc -c a.c\n", &note("step 2/2, 1 line"));
    let buildkit = "#6 [builder 3/4] RUN make\n#6 0.4 boom\n#6 ERROR: process did not complete successfully: exit code: 2\n";
    run(buildkit, "why acme/x").is(
        0,
        "[builder 3/4] RUN make\nboom\nprocess did not complete successfully: exit code: 2\n",
        &note("step 3/4, exit code 2, 1 line"),
    );
}

#[test]
fn json_is_one_object() {
    let outcome = Program::on(&failed(CLASSIC)).run("why acme/x --json -q -n 2");
    outcome.prints(
        "{\"build_id\":\"b1\",\"status\":\"failed\",\"builder\":\"classic\",\"stage\":null,\"step\":2,\"steps\":2,\
         \"instruction\":\"RUN make\",\"exit_code\":2,\
         \"error\":\"The command '/bin/sh -c make' returned a non-zero code: 2\",\
         \"output\":[\"two\",\"three\"],\"output_lines\":3}\n",
    );
    let outcome = Program::on(&failed("plain\u{9b}31m\n")).run("why acme/x --json -q");
    outcome.prints(
        "{\"build_id\":\"b1\",\"status\":\"failed\",\"builder\":null,\"stage\":null,\"step\":null,\"steps\":null,\
         \"instruction\":null,\"exit_code\":null,\"error\":null,\
         \"output\":[\"plain\\u009b31m\"],\"output_lines\":1}\n",
    );
}

#[test]
fn colours_mark_the_header_and_the_error() {
    let outcome = Program::on(&failed(CLASSIC)).run("why acme/x -q --color always -n 1");
    outcome.prints(
        "\x1b[1mStep 2/2 : RUN make\x1b[0m\nthree\n\
         \x1b[31mThe command '/bin/sh -c make' returned a non-zero code: 2\x1b[0m\n",
    );
}

#[test]
fn errors_if_there_is_nothing_to_explain() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let lists = "'algo-logs builds acme/Empty' lists the builds";
    program.run("why acme/Empty").fails(
        5,
        &format!("algo-logs: no failed build of acme/Empty; {lists}\n"),
    );
    program.run("why acme/Empty -c 0123abc").fails(
        5,
        &format!("algo-logs: no failed build of acme/Empty, commit 0123abc; {lists}\n"),
    );
    let outcome = program.run(&format!("why acme/Lemmatizer {}", lemmatizer::SUCCEEDED));
    outcome.fails(5, &outcome.stderr);
    assert!(outcome.stderr.contains("succeeded"), "{}", outcome.stderr);
    for log in ["", "\n\n", "Untagged: a:1\n"] {
        let outcome = Program::on(&failed(log)).run("why acme/x b1");
        outcome.fails(5, &outcome.stderr);
        let message = "algo-logs: the log of build b1 of acme/x is empty";
        assert!(outcome.stderr.starts_with(message), "{}", outcome.stderr);
    }
    cluster.finish_after(usize::MAX);
    let waiting = format!(
        "algo-logs: build {WAITING_BUILD} of acme/Waiting: the build is still in progress; 'algo-logs log --wait' waits for it\n"
    );
    program.run("why acme/Waiting b-wait").fails(8, &waiting);
    program
        .run("why acme/Waiting -c d6a1c08")
        .fails(8, &waiting);
    let outcome = program.run("why acme/Lemmatizer nope");
    outcome.fails(5, &outcome.stderr);
    assert!(outcome.stderr.contains("there is no such build"));
}

/// The service's status decides, regardless of the log.
#[test]
fn the_log_does_not_decide_whether_a_build_failed() {
    let log = "Step 1/1 : FROM a\n ---> 0123456789ab\nSuccessfully built 0123456789ab\n";
    let outcome = Program::on(&failed(log)).run("why acme/x");
    outcome.is(0, "Step 1/1 : FROM a\n", &note("step 1/1, no output"));
}

/// Nothing is printed until the whole log has been read.
#[test]
fn a_truncated_log_prints_nothing() {
    let cluster = failed("");
    let cut =
        "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{\"logs\":\"Step 1/1 : RUN x\\nboom\\n";
    cluster.script(&format!("{BUILDS}/b1/logs"), Reply::raw().send(cut).fin());
    let outcome = Program::on(&cluster).run("why acme/x --retries 0");
    outcome.fails(
        6,
        "algo-logs: log of build b1 of acme/x: the response was cut short\n",
    );
}
