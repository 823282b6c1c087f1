//! `log`: its output, its notes and its errors.

use crate::cluster::big::{BigLog, Flavour};
use crate::cluster::data::{self, documented, lemmatizer};
use crate::cluster::reply::gzip;
use crate::cluster::{Cluster, Reply};
use crate::program::{Program, TempDir};

const PAGED_BUILDS: &str = "/v1/algorithms/acme/Paged/builds";
const PAGED_VERSIONS: &str = "/v1/algorithms/acme/Paged/versions";

/// Scripts the log of the build `b` of `acme/Paged`. `json` is the inside of a JSON string.
fn script_log(cluster: &Cluster, json: &str) {
    let document = format!(r#"{{"logs":"{json}"}}"#);
    cluster.script(
        &format!("{PAGED_BUILDS}/b/logs"),
        Reply::json(200, &document),
    );
}

/// Returns the build `b`.
fn build(status: &str) -> String {
    format!(r#"{{"build_id":"b","status":"{status}","commit_sha":"c","started_at":"t"}}"#)
}

#[test]
fn the_log_of_a_build_is_printed_to_the_byte() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    for (build, log) in [
        (lemmatizer::FAILED, lemmatizer::FAILED_LOG),
        (lemmatizer::SUCCEEDED, lemmatizer::SUCCEEDED_LOG),
    ] {
        program
            .run(&format!("log acme/Lemmatizer {build}"))
            .prints(log);
        program
            .run(&format!("log algo://acme/Lemmatizer {build} --raw"))
            .prints(log);
    }
    // Only the log itself is requested.
    let requests = cluster.requests();
    assert_eq!(requests.len(), 4);
    assert!(requests.iter().all(|r| r.path().ends_with("/logs")));
    let sent: serde_json::Value = serde_json::from_str(documented::BUILD_LOGS_JSON).unwrap();
    program
        .run(&format!("log ALGO_OWNER/ALGO_NAME {}", documented::BUILD))
        .prints(sent["logs"].as_str().unwrap());
}

#[test]
fn large_logs_are_printed_to_the_byte_gzipped_or_not() {
    let cluster = Cluster::start();
    let size = 100_017;
    for (flavour, name) in [
        (Flavour::Docker, "docker"),
        (Flavour::Escapes, "escapes"),
        (Flavour::Utf8, "utf8"),
        (Flavour::Unicode, "unicode"),
    ] {
        let big = BigLog::new(flavour, size);
        let gzipped = Reply::status(200)
            .header("Content-Encoding", "gzip")
            .body(gzip(big.document()));
        cluster.script("/v1/algorithms/acme/Big/builds/gzipped/logs", gzipped);
        for build in [&format!("{name}-{size}"), "gzipped"] {
            let outcome = Program::on(&cluster).run(&format!("log acme/Big {build}"));
            assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
            assert!(outcome.stdout == big.log().as_bytes(), "{name}, {build}");
        }
    }
}

#[test]
fn the_last_lines() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let line = |n: &str| format!("log acme/Lemmatizer {} {n}", lemmatizer::FAILED);
    let lines: Vec<&str> = lemmatizer::FAILED_LOG.split_inclusive('\n').collect();
    let last = |n: usize| lines[lines.len() - n..].concat();
    program.run(&line("-n 0")).prints("");
    program.run(&line("-n 1")).prints(last(1));
    program.run(&line("-n3")).prints(last(3));
    program.run(&line("--tail=100")).prints(last(100));
    let all = lines.len();
    program.run(&line(&format!("-n {all}"))).prints(last(all));
    program
        .run(&line(&format!("-n {}", all - 1)))
        .prints(last(all - 1));
    program.run(&line("-n 1000000")).prints(last(all));
    // The last line may or may not end with a newline.
    for (json, log) in [
        (r"a\nb\nc\n", "b\nc\n"),
        (r"a\nb\nc", "b\nc"),
        (r"\n\n\n", "\n\n"),
    ] {
        script_log(&cluster, json);
        program.run("log acme/Paged b -n 2").prints(log);
    }
}

#[test]
fn plain_removes_all_escape_sequences() {
    let cluster = Cluster::start();
    let json = r"\u001b[91mred\u001b[0m\u001b]0;title\u0007 \u001b[2Ka\r\nb\rc\u0000\u202e";
    let program = Program::on(&cluster);
    // Other characters stay unchanged: a pipe may want a carriage return.
    script_log(&cluster, json);
    program
        .run("log acme/Paged b --plain")
        .prints("red a\r\nb\rc\0\u{202e}");
    script_log(&cluster, json);
    program
        .run("log acme/Paged b --raw")
        .prints("\x1b[91mred\x1b[0m\x1b]0;title\x07 \x1b[2Ka\r\nb\rc\0\u{202e}");
    // NO_COLOR matters only on a terminal.
    script_log(&cluster, json);
    program
        .env("NO_COLOR", "1")
        .run("log acme/Paged b")
        .prints("\x1b[91mred\x1b[0m\x1b]0;title\x07 \x1b[2Ka\r\nb\rc\0\u{202e}");
}

#[test]
fn an_empty_log_prints_a_note() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let line = format!("log acme/Lemmatizer {}", lemmatizer::CANCELED);
    let note = "algo-logs: the log is empty\n";
    program.run(&line).is(0, "", note);
    program.run(&format!("{line} -q")).prints("");
    let dir = TempDir::new();
    let file = dir.join("log");
    program.run(&format!("{line} -o {file}")).is(0, "", note);
    assert_eq!(dir.read("log"), b"");
    // `-n 0` selects no lines, but the log is not empty.
    let line = format!("log acme/Lemmatizer {} -n 0", lemmatizer::SUCCEEDED);
    program.run(&line).prints("");
}

#[test]
fn invalid_unicode_is_counted() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    script_log(&cluster, r"a\ud800b");
    program.run("log acme/Paged b").is(
        0,
        "a\u{fffd}b",
        "algo-logs: 1 invalid character became U+FFFD\n",
    );
    script_log(&cluster, r"\udc00\ud83d\ude00\ud83d");
    program.run("log acme/Paged b").is(
        0,
        "\u{fffd}😀\u{fffd}",
        "algo-logs: 2 invalid characters became U+FFFD\n",
    );
    script_log(&cluster, r"a\ud800b");
    program.run("log acme/Paged b -q").prints("a\u{fffd}b");
}

/// The IDs of the service are UUIDs: it may reject a shorter one, instead of finding nothing.
#[test]
fn an_abbreviation_that_the_service_rejects_is_completed() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let short = &lemmatizer::FAILED[..7];
    let path = format!("/v1/algorithms/acme/Lemmatizer/builds/{short}");
    let explained = program.run(&format!("why acme/Lemmatizer {}", lemmatizer::FAILED));
    for status in [400, 422] {
        let invalid = Reply::json(status, r#"{"error":"Invalid UUID string: b7d3f1c"}"#);
        cluster.script_always(&path, invalid.clone());
        cluster.script_always(&format!("{path}/logs"), invalid);
        program
            .run(&format!("log acme/Lemmatizer {short} -q"))
            .prints(lemmatizer::FAILED_LOG);
        program.run(&format!("why acme/Lemmatizer {short}")).is(
            0,
            &explained.stdout,
            &explained.stderr,
        );
    }
    // A rejected key is not the fault of the ID.
    let rejected = Reply::json(400, r#"{"error":{"code":2002}}"#);
    cluster.script_always(&format!("{path}/logs"), rejected);
    let before = cluster.requests().len();
    let outcome = program.run(&format!("log acme/Lemmatizer {short}"));
    assert_eq!(
        (outcome.code, cluster.requests().len() - before),
        (Some(4), 1)
    );
}

#[test]
fn what_was_given_as_build_id_decides_the_hint() {
    let cluster = Cluster::start();
    let lists = "'algo-logs builds acme/Paged' lists the builds".to_owned();
    let commit = "0123456789abcdef0123456789ABCDEF01234567";
    for (id, hint) in [
        (commit, format!("to select a commit, use '-c {commit}'")),
        (&commit[..39], lists.clone()),
        ("0123456789abcdefghij0123456789abcdefghij", lists.clone()),
        (
            "123456",
            format!("BUILD_ID needs at least 7 digits; {lists}"),
        ),
        ("1234567", lists),
    ] {
        for (status, code) in [(404, 5), (400, 1)] {
            for path in [id.to_owned(), format!("{id}/logs")] {
                cluster.script_always(&format!("{PAGED_BUILDS}/{path}"), Reply::status(status));
            }
            for line in ["log", "why"] {
                let outcome = Program::on(&cluster).run(&format!("{line} acme/Paged {id}"));
                let end = format!("; {hint}\n");
                assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
                assert!(outcome.stderr.ends_with(&end), "{}", outcome.stderr);
            }
        }
    }
}

#[test]
fn exit_status_reports_the_status_of_the_build() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let failed = format!(
        "algo-logs: build {} of acme/Lemmatizer: failed\n",
        lemmatizer::FAILED
    );
    let line = format!("log acme/Lemmatizer {}", lemmatizer::FAILED);
    program
        .run(&format!("{line} --exit-status"))
        .is(3, lemmatizer::FAILED_LOG, &failed);
    program.run(&line).prints(lemmatizer::FAILED_LOG);
    // The same for the newest matching build, and into a file.
    let dir = TempDir::new();
    let file = dir.join("log");
    let note = format!(
        "algo-logs: build {} (failed, commit 9d41e7ab52c60f38d1b7a4e90c25f86b3ad7e412, \
         started 2021-08-02T21:12:56.442Z)\n",
        lemmatizer::FAILED
    );
    program
        .run(&format!(
            "log acme/Lemmatizer -s failed --exit-status -o {file}"
        ))
        .fails(3, &format!("{note}{failed}"));
    assert!(dir.read("log") == lemmatizer::FAILED_LOG.as_bytes());
    // Every final status except success is a failure, known or not.
    let line = format!("log acme/Lemmatizer {} --exit-status", lemmatizer::CANCELED);
    program.run(&line).fails(
        3,
        &format!(
            "algo-logs: the log is empty\nalgo-logs: build {} of acme/Lemmatizer: canceled\n",
            lemmatizer::CANCELED
        ),
    );
    let build = lemmatizer::SUCCEEDED;
    program
        .run(&format!("log acme/Lemmatizer {build} --exit-status"))
        .prints(lemmatizer::SUCCEEDED_LOG);
}

/// Covers two bugs: a build that failed between the request for the build and the request for its log did not count as
/// failed, and a log was not written if the request for its build failed.
#[test]
fn the_log_is_written_before_its_status_is_requested() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let list = format!(r#"{{"results":[{}]}}"#, build("in-progress"));
    cluster.script_always(PAGED_BUILDS, Reply::json(200, &list));
    let logs = format!("{PAGED_BUILDS}/b/logs");
    cluster.script_always(&logs, Reply::json(200, r#"{"logs":"log\n"}"#));
    for (reply, code, error) in [
        (Reply::json(200, &build("failed")), 3, "failed"),
        (Reply::json(200, &build("succeeded")), 0, ""),
        (Reply::status(500), 1, "the cluster failed (status 500)"),
        (
            Reply::status(403),
            4,
            "the key is not allowed to read this (status 403); the key is from ALGORITHMIA_API_KEY",
        ),
    ] {
        cluster.script_always(&format!("{PAGED_BUILDS}/b"), reply);
        for (line, note, requests) in [
            ("log acme/Paged b", "", 1),
            (
                "log acme/Paged",
                "algo-logs: build b (in-progress, commit c, started t)\n",
                2,
            ),
        ] {
            let before = cluster.requests().len();
            program.run(line).is(0, "log\n", note);
            assert_eq!(cluster.requests().len() - before, requests, "{line}");
            let error = match error {
                "" => String::new(),
                why => format!("algo-logs: build b of acme/Paged: {why}\n"),
            };
            program
                .run(&format!("{line} --exit-status --retries 0"))
                .is(code, "log\n", &format!("{note}{error}"));
        }
    }
}

#[test]
fn exit_status_of_a_version_is_that_of_its_build() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    program
        .run("log acme/Lemmatizer/1.0.0 --exit-status -q")
        .prints(lemmatizer::SUCCEEDED_LOG);
    let hash = data::paged_commit(0);
    let path = format!("{PAGED_VERSIONS}/{hash}");
    let note = format!("algo-logs: version commit {hash}\n");
    let error = |why: &str| format!("algo-logs: version {hash} of acme/Paged{why}\n");
    // A failure comes before "in progress".
    for (build, successful, code, why) in [
        ("", "true", 0, String::new()),
        ("", "false", 3, error(" failed to compile")),
        (
            r#""build_id":"b","status":"failed""#,
            "true",
            3,
            error(": failed"),
        ),
        (r#""status":"failed""#, "true", 3, error(": failed")),
        (r#""status":"failed""#, "false", 3, error(": failed")),
        (
            r#""status":"in-progress""#,
            "false",
            3,
            error(" failed to compile"),
        ),
        (
            r#""status":"in-progress""#,
            "null",
            8,
            error(": the service still reports it as in progress"),
        ),
    ] {
        let version = format!(
            r#"{{"build":{{{build}}},"compilation":{{"successful":{successful},"output":"log\n"}}}}"#
        );
        // The version is requested twice: for its status and for its log.
        cluster.script(&path, Reply::json(200, &version));
        cluster.script(&path, Reply::json(200, &version));
        program
            .run(&format!("log acme/Paged/{hash} --exit-status"))
            .is(code, "log\n", &format!("{note}{why}"));
    }
}

#[test]
fn a_versions_output_is_written_or_else_its_builds_log() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let run = |hash: &str| program.run(&format!("log acme/Lemmatizer/{hash}"));
    let note = |hash: &str| format!("algo-logs: version commit {hash}\n");
    let hash = lemmatizer::OLDEST_VERSION;
    run(hash).is(0, lemmatizer::OLDEST_OUTPUT, &note(hash));
    assert_eq!(cluster.requests().len(), 1);
    let hash = lemmatizer::VERSION_WITH_EMPTY_OUTPUT;
    run(hash).is(0, lemmatizer::SUCCEEDED_LOG, &note(hash));
    let last = cluster.requests().pop().unwrap();
    let build = lemmatizer::FULL;
    assert_eq!(
        last.target,
        format!("/v1/algorithms/acme/Lemmatizer/builds/{build}/logs")
    );
    let hash = lemmatizer::VERSION_WITHOUT_COMPILATION;
    run(hash).fails(
        5,
        &format!(
            "algo-logs: log of version {hash} of acme/Lemmatizer: the version has no output \
             and names no build\n"
        ),
    );
}

#[test]
fn an_empty_output_of_a_version_without_a_build_is_an_empty_log() {
    let cluster = Cluster::start();
    let hash = data::paged_commit(0);
    cluster.script_always(
        &format!("{PAGED_VERSIONS}/{hash}"),
        Reply::json(200, r#"{"compilation":{"output":""}}"#),
    );
    Program::on(&cluster)
        .run(&format!("log acme/Paged/{hash}"))
        .is(
            0,
            "",
            &format!("algo-logs: version commit {hash}\nalgo-logs: the log is empty\n"),
        );
}

#[test]
fn a_404_is_explained_by_the_services_code() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    program
        .run(&format!("log acme/Lemmatizer {}", lemmatizer::LOST))
        .fails(
            5,
            &format!(
                "algo-logs: log of build {} of acme/Lemmatizer: the build has finished (succeeded), \
                 but its log is lost\n",
                lemmatizer::LOST
            ),
        );
    program.run("log acme/Lemmatizer nope").fails(
        5,
        "algo-logs: log of build nope of acme/Lemmatizer: there is no such build (status 404), \
         the service says: build nope not found; BUILD_ID needs at least 7 digits; \
         'algo-logs builds acme/Lemmatizer' lists the builds\n",
    );
    program.run("log acme/Nothing nope").fails(
        5,
        "algo-logs: log of build nope of acme/Nothing: there is no such algorithm (status 404), \
         the service says: algorithm algo://acme/Nothing not found; \
         check the name, and that CLUSTER is the right cluster\n",
    );
    // For a lost log, the build and the versions are requested too, and for an unknown algorithm, its owner's
    // algorithms.
    assert_eq!(cluster.requests().len(), 4 + 1 + 2);
    program.run("log acme/Secret b").fails(
        4,
        "algo-logs: log of build b of acme/Secret: the key is not allowed to read this (status 403), \
         the service says: not authorized to access this algorithm; \
         the key is from ALGORITHMIA_API_KEY\n",
    );
}

#[test]
fn a_404_without_a_code_is_explained_by_requesting_the_build() {
    let cluster = Cluster::start();
    let logs = format!("{PAGED_BUILDS}/b/logs");
    let build = |status: &str| Reply::json(200, &build(status));
    let no_code = || Reply::json(404, r#"{"error":"nothing here"}"#);
    for (build_reply, code, stderr) in [
        (
            build("in-progress"),
            8,
            "build b of acme/Paged: the build is still in progress; use --wait to wait for it",
        ),
        (
            build("succeeded"),
            5,
            "log of build b of acme/Paged: the build has finished (succeeded), but its log is lost",
        ),
        (
            no_code(),
            5,
            "build b of acme/Paged: not found (status 404), \
             the service says: nothing here; BUILD_ID needs at least 7 digits; 'algo-logs builds acme/Paged' lists the builds",
        ),
        // A failed follow-up request does not hide the original error.
        (
            Reply::status(500),
            5,
            "log of build b of acme/Paged: not found (status 404), \
             the service says: nothing here; BUILD_ID needs at least 7 digits; 'algo-logs builds acme/Paged' lists the builds",
        ),
    ] {
        cluster.script(&logs, no_code());
        cluster.script(&format!("{PAGED_BUILDS}/b"), build_reply);
        Program::on(&cluster)
            .run("log acme/Paged b --retries 0")
            .fails(code, &format!("algo-logs: {stderr}\n"));
    }
}
