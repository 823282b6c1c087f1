//! Which build or version a command line selects.

use crate::cluster::data::{self, lemmatizer};
use crate::cluster::{Cluster, Reply};
use crate::program::Program;

const PAGED_BUILDS: &str = "/v1/algorithms/acme/Paged/builds";
const PAGED_VERSIONS: &str = "/v1/algorithms/acme/Paged/versions";

/// Returns the note that names the chosen build.
fn note(id: &str, status: &str, commit: &str, started: &str) -> String {
    format!("algo-logs: build {id} ({status}, commit {commit}, started {started})\n")
}

fn paged_note(index: usize, status: &str) -> String {
    let minute = 59 - index;
    note(
        &data::paged_build_id(index),
        status,
        &data::paged_commit(index),
        &format!("2021-07-29T21:{minute:02}:00.000Z"),
    )
}

/// Returns the paths of the requests so far, relative to the algorithm's.
fn paths(cluster: &Cluster) -> Vec<String> {
    let requests = cluster.requests().into_iter();
    let paths = requests.map(|request| request.target["/v1/algorithms/".len()..].to_owned());
    paths.collect()
}

#[test]
fn the_newest_build_that_passes_the_filters() {
    let digits = |index: usize, length| data::paged_commit(index)[..length].to_owned();
    for (options, index, status, pages) in [
        (String::new(), 0, "succeeded", 1),
        ("-s failed".to_owned(), 6, "failed", 1),
        (format!("-c {}", digits(9, 40)), 9, "succeeded", 1),
        (format!("-s failed -c {}", digits(20, 8)), 20, "failed", 3),
        // No page after the matching one is read.
        (format!("-c {}", digits(41, 9)), 41, "failed", 5),
    ] {
        let cluster = Cluster::start();
        cluster.page_size(10);
        let outcome = Program::on(&cluster).run(&format!("log acme/Paged {options}"));
        let id = data::paged_build_id(index);
        outcome.is(0, data::paged_log(&id), &paged_note(index, status));
        let log = format!("acme/Paged/builds/{id}/logs");
        let paths = paths(&cluster);
        assert_eq!((paths.len(), paths.last()), (pages + 1, Some(&log)));
    }
    // Of two builds of one commit, the later one is chosen.
    let started = "2021-08-01T07:45:20.117Z";
    let commit = lemmatizer::VERSION;
    Program::on(&Cluster::start())
        .run("log acme/Lemmatizer -c 7B1E90C")
        .is(
            0,
            lemmatizer::SUCCEEDED_LOG,
            &note(lemmatizer::SUCCEEDED, "succeeded", commit, started),
        );
}

/// The order of the list does not matter, nor does whether the service writes hashes in capitals.
#[test]
fn the_newest_build_is_the_one_that_started_last() {
    let cluster = Cluster::start();
    let build = |id: &str, status: &str, day: u8| {
        format!(
            r#"{{"build_id":"{id}","status":"{status}","commit_sha":"C0FFEE","started_at":"2021-01-0{day}T00:00:00Z"}}"#
        )
    };
    for (line, id, status, day) in [
        ("log acme/Paged", "e", "succeeded", 5),
        ("log acme/Paged -s failed -c c0ff", "c", "failed", 4),
    ] {
        let first = [build("a", "failed", 1), build("b", "succeeded", 2)];
        let second = [
            build("c", "failed", 4),
            build("d", "failed", 3),
            build("e", "succeeded", 5),
        ];
        for (page, marker) in [(&first[..], r#""m""#), (&second, "null")] {
            let results = page.join(",");
            let page = format!(r#"{{"marker":{marker},"results":[{results}]}}"#);
            cluster.script(PAGED_BUILDS, Reply::json(200, &page));
        }
        cluster.script(&format!("{PAGED_BUILDS}/{id}/logs"), logs(id));
        let started = format!("2021-01-0{day}T00:00:00Z");
        let note = note(id, status, "C0FFEE", &started);
        let outcome = Program::on(&cluster).run(line);
        outcome.is(0, format!("log of {id}\n"), &note);
    }
}

/// Returns a log that contains the build's ID.
fn logs(id: &str) -> Reply {
    Reply::json(200, &format!(r#"{{"logs":"log of {id}\n"}}"#))
}

#[test]
fn no_build_matches() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    for line in ["-s in-progress", "-c 0123", "-s failed -c 9e37"] {
        program.run(&format!("log acme/Paged {line}")).fails(
            5,
            "algo-logs: acme/Paged has no matching builds; 'algo-logs builds acme/Paged' lists the builds\n",
        );
    }
    program.run("log acme/Empty").fails(
        5,
        "algo-logs: acme/Empty has no builds; 'algo-logs builds acme/Empty' lists the builds\n",
    );
}

#[test]
fn a_version_by_its_hash_or_its_number() {
    let full = lemmatizer::VERSION;
    let found = format!("version 1.2.0, commit {full}");
    let oldest = format!("version 0.9.0, commit {}", lemmatizer::OLDEST_VERSION);
    for (version, log, note, requests) in [
        // A complete hash needs no list.
        (
            full,
            lemmatizer::SUCCEEDED_LOG,
            &format!("version commit {full}"),
            1,
        ),
        (
            &full.to_uppercase(),
            lemmatizer::SUCCEEDED_LOG,
            &format!("version commit {full}"),
            1,
        ),
        // An abbreviation may be ambiguous, so the whole list is read.
        ("7B1E90C", lemmatizer::SUCCEEDED_LOG, &found, 5),
        (&full[..39], lemmatizer::SUCCEEDED_LOG, &found, 5),
        // A number is unique.
        ("1.2.0", lemmatizer::SUCCEEDED_LOG, &found, 2),
        ("0.9.0", lemmatizer::OLDEST_OUTPUT, &oldest, 5),
    ] {
        let cluster = Cluster::start();
        cluster.page_size(1);
        let outcome = Program::on(&cluster).run(&format!("log acme/Lemmatizer/{version}"));
        outcome.is(0, log, &format!("algo-logs: {note}\n"));
        let paths = paths(&cluster);
        assert_eq!(paths.len(), requests, "{version}: {paths:?}");
    }
}

#[test]
fn no_version_matches() {
    let cluster = Cluster::start();
    for version in ["9.9.9", "0123456"] {
        let outcome = Program::on(&cluster).run(&format!("log acme/Lemmatizer/{version}"));
        outcome.fails(
            5,
            &format!(
                "algo-logs: version {version} of acme/Lemmatizer: there is no such version; \
                 'algo-logs versions acme/Lemmatizer' lists the versions\n"
            ),
        );
    }
}

/// Returns a list of versions with these hashes.
fn versions(hashes: &[&str]) -> Reply {
    let versions: Vec<String> = hashes
        .iter()
        .map(|hash| format!(r#"{{"version_info":{{"git_hash":"{hash}"}}}}"#))
        .collect();
    Reply::json(200, &format!(r#"{{"results":[{}]}}"#, versions.join(",")))
}

#[test]
fn an_abbreviation_of_several_versions() {
    let cluster = Cluster::start();
    let (one, other) = (
        "ABCDEF0123456789abcdef0123456789abcdef01",
        "abcdef0fffffffffffffffffffffffffffffffff",
    );
    cluster.script(PAGED_VERSIONS, versions(&[one, "0", other]));
    Program::on(&cluster).run("log acme/Paged/abcdef0").fails(
        2,
        &format!(
            "algo-logs: version abcdef0 of acme/Paged: ambiguous: matches {} and {other}\n",
            one.to_lowercase()
        ),
    );
    assert_eq!(cluster.requests().len(), 1, "no log is requested");
    // The same version listed twice counts as one. Hashes may be in capitals.
    cluster.script(PAGED_VERSIONS, versions(&[one, one]));
    let output = Reply::json(200, r#"{"compilation":{"output":"log"}}"#);
    cluster.script(&format!("{PAGED_VERSIONS}/{one}"), output);
    let outcome = Program::on(&cluster).run("log acme/Paged/abcdef0");
    outcome.is(0, "log", &format!("algo-logs: version commit {one}\n"));
}

#[test]
fn a_version_without_a_hash_is_skipped() {
    let cluster = Cluster::start();
    let hash = data::paged_commit(3);
    let page = format!(
        r#"{{"results":[{{}},{{"version_info":{{"semantic_version":"1.0.0"}}}},
        {{"version_info":{{"semantic_version":"1.0.0","git_hash":"{hash}"}}}}]}}"#
    );
    cluster.script(PAGED_VERSIONS, Reply::json(200, &page));
    let output = Reply::json(200, r#"{"compilation":{"output":"log"}}"#);
    cluster.script(&format!("{PAGED_VERSIONS}/{hash}"), output);
    let outcome = Program::on(&cluster).run("log acme/Paged/1.0.0");
    let note = format!("algo-logs: version 1.0.0, commit {hash}\n");
    outcome.is(0, "log", &note);
}

/// The beginning of a build's ID is enough if it is unique.
#[test]
fn a_build_by_the_first_characters_of_its_id() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let failed = note(
        lemmatizer::FAILED,
        "failed",
        "9d41e7ab52c60f38d1b7a4e90c25f86b3ad7e412",
        "2021-08-02T21:12:56.442Z",
    );
    let line = format!("log acme/Lemmatizer {}", &lemmatizer::FAILED[..7]);
    program.run(&line).is(0, lemmatizer::FAILED_LOG, &failed);
    let outcome = program.run(&format!("{line} --exit-status"));
    assert_eq!(
        (outcome.code, outcome.stdout),
        (Some(3), lemmatizer::FAILED_LOG.into())
    );
    let (one, other) = (data::paged_build_id(0), data::paged_build_id(1));
    program.run("log acme/Paged a0000000").fails(
        2,
        &format!(
            "algo-logs: build a0000000 of acme/Paged: ambiguous: matches \
             {one} and {other}\n"
        ),
    );
}

const X: &str = "/v1/algorithms/acme/x";

fn x_build(id: &str, status: &str) -> String {
    format!(r#"{{"build_id":"{id}","status":"{status}","commit_sha":"c0ffee","started_at":"t"}}"#)
}

/// Covers a bug: the log existed while the status was still `in-progress`, and the pipeline succeeded.
#[test]
fn a_log_of_a_build_that_is_still_reported_as_in_progress() {
    let cluster = Cluster::start();
    let build = x_build("b1", "in-progress");
    let list = format!(r#"{{"results":[{build}]}}"#);
    cluster.script_always(&format!("{X}/builds"), Reply::json(200, &list));
    cluster.script_always(&format!("{X}/builds/b1"), Reply::json(200, &build));
    cluster.script_always(&format!("{X}/builds/b1/logs"), logs("b1"));
    let program = Program::on(&cluster);
    let error = "algo-logs: build b1 of acme/x: the service still reports it as in progress; \
                 use --wait to wait for it";
    for (line, rest) in [
        ("log acme/x b1 -q --exit-status", "\n"),
        (
            "log acme/x -q --exit-status",
            ", or -s failed or -s succeeded for an older build\n",
        ),
    ] {
        program
            .run(line)
            .is(8, "log of b1\n", &format!("{error}{rest}"));
    }
    program.run("log acme/x b1 -q").prints("log of b1\n");
}

/// Covers a response for one build that describes another build.
#[test]
fn the_requested_build_takes_precedence_over_the_one_in_the_response() {
    let cluster = Cluster::start();
    let other = Reply::json(200, &x_build("other", "succeeded"));
    cluster.script_always(&format!("{X}/builds/b1"), other);
    cluster.script_always(&format!("{X}/builds/b1/logs"), logs("right"));
    cluster.script_always(&format!("{X}/builds/other/logs"), logs("wrong"));
    let list = format!(r#"{{"results":[{}]}}"#, x_build("b1", "in-progress"));
    cluster.script_always(&format!("{X}/builds"), Reply::json(200, &list));
    let program = Program::on(&cluster);
    for line in [
        "log acme/x b1 -q --exit-status",
        "log acme/x b1 -q --wait=1",
        "log acme/x -q --wait=1",
    ] {
        program.run(line).prints("log of right\n");
    }
}

#[test]
fn ids_from_the_service_that_cannot_be_used_are_invalid_responses() {
    let cluster = Cluster::start();
    for (id, why) in [
        ("../b", "only letters, digits, '_', '-' and '.' are allowed"),
        ("", "it is empty"),
        (&*"x".repeat(256), "it is longer than 255 characters"),
    ] {
        let builds = format!(r#"{{"results":[{}]}}"#, x_build(id, "failed"));
        cluster.script_always(&format!("{X}/builds"), Reply::json(200, &builds));
        let version =
            format!(r#"{{"version_info":{{"semantic_version":"1.0.0","git_hash":"{id}"}}}}"#);
        let versions = format!(r#"{{"results":[{version}]}}"#);
        cluster.script_always(&format!("{X}/versions"), Reply::json(200, &versions));
        for line in [
            "log acme/x",
            "log acme/x --wait=1",
            "why acme/x",
            "log acme/x/1.0.0",
        ] {
            let outcome = Program::on(&cluster).run(line);
            assert_eq!(outcome.code, Some(6), "{line}: {}", outcome.stderr);
            assert!(outcome.stderr.contains(why), "{line}: {}", outcome.stderr);
        }
    }
    // 1234567 abbreviates the ID of the only build, and the full ID cannot be used.
    let list = format!(r#"{{"results":[{}]}}"#, x_build("1234567/x", "failed"));
    cluster.script_always(&format!("{X}/builds"), Reply::json(200, &list));
    for path in ["builds/1234567", "builds/1234567/logs"] {
        let missing = Reply::json(404, r#"{"error":{"code":1010}}"#);
        cluster.script_always(&format!("{X}/{path}"), missing);
    }
    for line in ["log", "log --exit-status", "log --wait=1", "why"] {
        let outcome = Program::on(&cluster).run(&format!("{line} acme/x 1234567 -q"));
        assert_eq!(outcome.code, Some(6), "{line}: {}", outcome.stderr);
        let why = "'1234567/x' is not a valid build ID: only letters";
        assert!(outcome.stderr.contains(why), "{line}: {}", outcome.stderr);
    }
}

/// Covers a bug: with `--exit-status`, a version that is only listed was not found.
#[test]
fn exit_status_of_a_version_that_is_only_listed() {
    let cluster = Cluster::start();
    let hash = "0123456789abcdef0123456789abcdef01234567";
    let version = format!(
        r#"{{"version_info":{{"git_hash":"{hash}"}},"build":{}}}"#,
        x_build("b1", "failed")
    );
    let list = format!(r#"{{"results":[{version}]}}"#);
    cluster.script_always(&format!("{X}/versions"), Reply::json(200, &list));
    cluster.script_always(&format!("{X}/builds/b1/logs"), logs("b1"));
    Program::on(&cluster)
        .run(&format!("log acme/x/{hash} --exit-status"))
        .is(
            3,
            "log of b1\n",
            &format!(
                "algo-logs: version commit {hash}\nalgo-logs: version {hash} of acme/x: failed\n"
            ),
        );
}

#[test]
fn a_lost_log_is_replaced_by_the_output_of_its_version() {
    let cluster = Cluster::start();
    let hash = "c0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ff";
    let build =
        format!(r#"{{"build_id":"b1","status":"failed","commit_sha":"{hash}","started_at":"t"}}"#);
    let version = |id: &str, output: &str| {
        format!(
            r#"{{"version_info":{{"git_hash":"{hash}"}},"build":{{"build_id":"{id}"}}{output}}}"#
        )
    };
    let lost = Reply::json(404, r#"{"error":{"code":1011,"message":"no logs"}}"#);
    cluster.script_always(&format!("{X}/builds/b1"), Reply::json(200, &build));
    cluster.script_always(&format!("{X}/builds/b1/logs"), lost);
    let list = format!(
        r#"{{"results":[{},{}]}}"#,
        version("other", ""),
        version("b1", "")
    );
    cluster.script_always(&format!("{X}/versions"), Reply::json(200, &list));
    let output = version("b1", r#","compilation":{"output":"the output\n"}"#);
    cluster.script_always(&format!("{X}/versions/{hash}"), Reply::json(200, &output));
    let note = format!(
        "algo-logs: the log of the build is gone; showing the output of version {hash} instead\n"
    );
    let program = Program::on(&cluster);
    program.run("log acme/x b1").is(0, "the output\n", &note);
    program.run("why acme/x b1 -q").prints("the output\n");
    // The version has no output, either.
    let output = version("b1", r#","compilation":{"output":""}"#);
    cluster.script_always(&format!("{X}/versions/{hash}"), Reply::json(200, &output));
    program.run("log acme/x b1").fails(
        5,
        "algo-logs: log of build b1 of acme/x: the build has finished (failed), but its log is lost\n",
    );
}
