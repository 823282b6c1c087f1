//! Which build's log `log` writes, where none is named by its id.

use crate::cluster::data::{self, WAITING_BUILD, documented, lemmatizer};
use crate::cluster::{Cluster, Reply};
use crate::program::{Outcome, Program};

const PAGED_BUILDS: &str = "/v1/algorithms/acme/Paged/builds";
const PAGED_VERSIONS: &str = "/v1/algorithms/acme/Paged/versions";

/// The line that says which build it is.
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

fn paged_log(index: usize) -> String {
    let id = data::paged_build_id(index);
    format!("Step 1/1 : FROM scratch\nbuild {id}\n")
}

/// The paths of the requests so far, from the algorithm's on.
fn paths(cluster: &Cluster) -> Vec<String> {
    let requests = cluster.requests().into_iter();
    let paths = requests.map(|request| request.target["/v1/algorithms/".len()..].to_owned());
    paths.collect()
}

#[test]
fn the_newest_build() {
    let cluster = Cluster::start();
    let outcome = Program::on(&cluster).run("log acme/Paged");
    outcome.is(0, paged_log(0), &paged_note(0, "succeeded"));
    assert_eq!(
        paths(&cluster),
        [
            "acme/Paged/builds".to_owned(),
            format!("acme/Paged/builds/{}/logs", data::paged_build_id(0))
        ]
    );
    Program::on(&cluster)
        .run("log acme/Paged -q")
        .prints(paged_log(0));
}

#[test]
fn the_newest_build_that_fits() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let outcome = program.run("log acme/Paged -s failed");
    outcome.is(0, paged_log(6), &paged_note(6, "failed"));
    let outcome = program.run(&format!("log acme/Paged -c {}", data::paged_commit(9)));
    outcome.is(0, paged_log(9), &paged_note(9, "succeeded"));
    let digits = &data::paged_commit(20)[..8];
    let outcome = program.run(&format!("log acme/Paged -s failed -c {digits}"));
    outcome.is(0, paged_log(20), &paged_note(20, "failed"));
    // Two builds of one commit: the later one.
    let commit = lemmatizer::VERSION;
    let outcome = program.run("log acme/Lemmatizer -c 7B1E90C");
    outcome.is(
        0,
        lemmatizer::SUCCEEDED_LOG,
        &note(
            lemmatizer::SUCCEEDED,
            "succeeded",
            commit,
            "2021-08-01T07:45:20.117Z",
        ),
    );
}

#[test]
fn a_build_on_a_later_page() {
    let cluster = Cluster::start();
    cluster.page_size(10);
    let digits = &data::paged_commit(41)[..9];
    let outcome = Program::on(&cluster).run(&format!("log acme/Paged -c {digits}"));
    outcome.is(0, paged_log(41), &paged_note(41, "failed"));
    // Its page is the last that is read.
    assert_eq!(cluster.requests().len(), 5 + 1);
}

#[test]
fn the_newest_of_a_service_that_lists_oldest_first() {
    let cluster = Cluster::start();
    let build = |id: &str, status: &str, started: &str| {
        format!(
            r#"{{"build_id":"{id}","status":"{status}","commit_sha":"c0","started_at":"{started}"}}"#
        )
    };
    let log = |id: &str| cluster.script(&format!("{PAGED_BUILDS}/{id}/logs"), logs(id));
    let pages = || {
        let first = [
            build("a", "failed", "2021-01-01T00:00:00Z"),
            build("b", "succeeded", "2021-01-02T00:00:00Z"),
        ];
        let second = [
            build("c", "failed", "2021-01-03T00:00:00Z"),
            build("d", "succeeded", "2021-01-04T00:00:00Z"),
        ];
        for (page, marker) in [(first, r#""m""#), (second, "null")] {
            let results = page.join(",");
            let page = format!(r#"{{"marker":{marker},"results":[{results}]}}"#);
            cluster.script(PAGED_BUILDS, Reply::json(200, &page));
        }
    };
    for (line, id, status, started) in [
        ("log acme/Paged", "d", "succeeded", "2021-01-04T00:00:00Z"),
        (
            "log acme/Paged -s failed",
            "c",
            "failed",
            "2021-01-03T00:00:00Z",
        ),
    ] {
        pages();
        log(id);
        let outcome = Program::on(&cluster).run(line);
        outcome.is(
            0,
            format!("log of {id}\n"),
            &note(id, status, "c0", started),
        );
    }
    // In no order at all, the first that fits being neither the newest nor before it.
    let page = [
        build("a", "succeeded", "2021-01-02T00:00:00Z"),
        build("b", "failed", "2021-01-01T00:00:00Z"),
        build("c", "failed", "2021-01-04T00:00:00Z"),
        build("d", "failed", "2021-01-03T00:00:00Z"),
    ];
    let page = format!(r#"{{"results":[{}]}}"#, page.join(","));
    cluster.script(PAGED_BUILDS, Reply::json(200, &page));
    log("c");
    let outcome = Program::on(&cluster).run("log acme/Paged -s failed");
    let note = note("c", "failed", "c0", "2021-01-04T00:00:00Z");
    outcome.is(0, "log of c\n", &note);
}

/// A log that says whose it is.
fn logs(id: &str) -> Reply {
    Reply::json(200, &format!(r#"{{"logs":"log of {id}\n"}}"#))
}

#[test]
fn no_build_fits() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    for line in ["-s in-progress", "-c 0123", "-s failed -c 9e37"] {
        program.run(&format!("log acme/Paged {line}")).fails(
            5,
            "algo-logs: no matching build of acme/Paged; 'algo-logs builds acme/Paged' lists what there is\n",
        );
    }
    program.run("log acme/Empty").fails(
        5,
        "algo-logs: no build of acme/Empty; 'algo-logs builds acme/Empty' lists what there is\n",
    );
    program.run("log acme/Secret").fails(
        4,
        "algo-logs: builds of acme/Secret: the key is not allowed to read this (status 403), the service says: \
         not authorized to access this algorithm; the key is from ALGORITHMIA_API_KEY\n",
    );
    program.run("log acme/Nothing").fails(
        5,
        "algo-logs: builds of acme/Nothing: there is no such algorithm (status 404), the service says: \
         algorithm algo://acme/Nothing not found; \
         check the name, and that CLUSTER is its cluster\n",
    );
}

#[test]
fn the_newest_is_in_progress() {
    let cluster = Cluster::start();
    let chosen = note(
        WAITING_BUILD,
        "in-progress",
        "d6a1c08e5f7b3924e0c8d1b6a5f49372c1e8b0d7",
        "2021-08-04T07:59:00.208Z",
    );
    Program::on(&cluster).run("log acme/Waiting").fails(
        8,
        &format!(
            "{chosen}algo-logs: build b-wait of acme/Waiting: the build is still in progress; \
             use --wait to wait for it\n"
        ),
    );
}

const OUTPUT: &str = "version 1.2.0, commit 7b1e90c4d5a83f26e0b9471cd2f35a68e4107c9d";

#[test]
fn a_version_by_its_whole_hash_is_asked_for_at_once() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    for hash in [lemmatizer::VERSION, &lemmatizer::VERSION.to_uppercase()] {
        let outcome = program.run(&format!("log acme/Lemmatizer/{hash}"));
        outcome.is(
            0,
            lemmatizer::SUCCEEDED_LOG,
            &format!("algo-logs: version commit {}\n", lemmatizer::VERSION),
        );
    }
    let path = format!("acme/Lemmatizer/versions/{}", lemmatizer::VERSION);
    assert_eq!(paths(&cluster), [path.clone(), path]);
    let line = format!("log algo://ALGO_OWNER/ALGO_NAME/{} -q", documented::VERSION);
    let log = serde_json::from_str::<serde_json::Value>(documented::BUILD_LOGS_JSON).unwrap();
    // Its output happens to be the log of the build, too.
    program.run(&line).prints(log["logs"].as_str().unwrap());
}

#[test]
fn a_version_by_the_beginning_of_its_hash() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    for digits in ["7b1e90c", "7B1E90C4D5", &lemmatizer::VERSION[..39]] {
        let outcome = program.run(&format!("log acme/Lemmatizer/{digits}"));
        outcome.is(
            0,
            lemmatizer::SUCCEEDED_LOG,
            &format!("algo-logs: {OUTPUT}\n"),
        );
    }
    let full = format!("acme/Lemmatizer/versions/{}", lemmatizer::VERSION);
    assert_eq!(paths(&cluster)[..2], ["acme/Lemmatizer/versions", &full]);
}

#[test]
fn a_version_by_its_number() {
    let cluster = Cluster::start();
    cluster.page_size(1);
    let program = Program::on(&cluster);
    let outcome = program.run("log acme/Lemmatizer/1.2.0");
    outcome.is(
        0,
        lemmatizer::SUCCEEDED_LOG,
        &format!("algo-logs: {OUTPUT}\n"),
    );
    assert_eq!(cluster.requests().len(), 2, "a number is unique");
    let outcome = program.run("log acme/Lemmatizer/0.9.0");
    outcome.is(
        0,
        lemmatizer::OLDEST_OUTPUT,
        &format!(
            "algo-logs: version 0.9.0, commit {}\n",
            lemmatizer::OLDEST_VERSION
        ),
    );
    assert_eq!(cluster.requests().len(), 2 + 5);
}

#[test]
fn no_version_fits() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    for version in ["9.9.9", "1.2.0-rc.1", "0123456", "7b1e90c5"] {
        program
            .run(&format!("log acme/Lemmatizer/{version}"))
            .fails(
                5,
                &format!(
                    "algo-logs: version {version} of acme/Lemmatizer: there is no such version; \
                 'algo-logs versions acme/Lemmatizer' lists what there is\n"
                ),
            );
    }
    let hash = "0123456789abcdef0123456789abcdef01234567";
    program.run(&format!("log acme/Lemmatizer/{hash}")).fails(
        5,
        &format!(
            "algo-logs: log of version {hash} of acme/Lemmatizer: there is no such version (status 404), \
             the service says: version {hash} not found; \
             'algo-logs versions acme/Lemmatizer' lists what there is\n"
        ),
    );
    program.run("log acme/Nothing/1.0.0").fails(
        5,
        "algo-logs: versions of acme/Nothing: there is no such algorithm (status 404), the service says: \
         algorithm algo://acme/Nothing not found; \
         check the name, and that CLUSTER is its cluster\n",
    );
}

/// A list of versions with these hashes.
fn versions(hashes: &[&str]) -> Reply {
    let versions: Vec<String> = hashes
        .iter()
        .map(|hash| format!(r#"{{"version_info":{{"git_hash":"{hash}"}}}}"#))
        .collect();
    Reply::json(200, &format!(r#"{{"results":[{}]}}"#, versions.join(",")))
}

#[test]
fn an_abbreviation_that_fits_more_than_one_hash() {
    let cluster = Cluster::start();
    let (one, other) = (
        "abcdef0123456789abcdef0123456789abcdef01",
        "abcdef0fffffffffffffffffffffffffffffffff",
    );
    cluster.script(PAGED_VERSIONS, versions(&[one, "0", other]));
    let ambiguous = |outcome: Outcome| {
        outcome.fails(
            2,
            &format!("algo-logs: version abcdef0 of acme/Paged: it is the beginning of more than one: {one}, {other}\n"),
        );
    };
    ambiguous(Program::on(&cluster).run("log acme/Paged/abcdef0"));
    assert_eq!(cluster.requests().len(), 1, "no log is asked for");
    // The same version twice is one.
    cluster.script(PAGED_VERSIONS, versions(&[one, one]));
    cluster.script(
        &format!("{PAGED_VERSIONS}/{one}"),
        Reply::json(200, r#"{"compilation":{"output":"log"}}"#),
    );
    let outcome = Program::on(&cluster).run("log acme/Paged/abcdef0");
    outcome.is(0, "log", &format!("algo-logs: version commit {one}\n"));
}

#[test]
fn a_version_without_a_hash_is_passed_over() {
    let cluster = Cluster::start();
    let hash = data::paged_commit(3);
    let page = format!(
        r#"{{"results":[{{}},{{"version_info":{{"semantic_version":"1.0.0"}}}},
        {{"version_info":{{"semantic_version":"1.0.0","git_hash":"{hash}"}}}}]}}"#
    );
    cluster.script(PAGED_VERSIONS, Reply::json(200, &page));
    let path = format!("{PAGED_VERSIONS}/{hash}");
    cluster.script(
        &path,
        Reply::json(200, r#"{"compilation":{"output":"log"}}"#),
    );
    let outcome = Program::on(&cluster).run("log acme/Paged/1.0.0");
    outcome.is(
        0,
        "log",
        &format!("algo-logs: version 1.0.0, commit {hash}\n"),
    );
}

#[test]
fn a_service_that_writes_hashes_in_capitals() {
    let cluster = Cluster::start();
    let hash = "ABCDEF0123456789ABCDEF0123456789ABCDEF01";
    cluster.script(PAGED_VERSIONS, versions(&[hash]));
    cluster.script(
        &format!("{PAGED_VERSIONS}/{hash}"),
        Reply::json(200, r#"{"compilation":{"output":"log"}}"#),
    );
    let outcome = Program::on(&cluster).run("log acme/Paged/abcdef0");
    outcome.is(0, "log", &format!("algo-logs: version commit {hash}\n"));
    let page = format!(
        r#"{{"results":[{{"build_id":"b","status":"failed","commit_sha":"{hash}","started_at":"t"}}]}}"#
    );
    cluster.script(PAGED_BUILDS, Reply::json(200, &page));
    cluster.script(&format!("{PAGED_BUILDS}/b/logs"), logs("b"));
    let outcome = Program::on(&cluster).run("log acme/Paged -c abc");
    outcome.is(0, "log of b\n", &note("b", "failed", hash, "t"));
}
