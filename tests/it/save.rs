//! `save`: an archive of logs.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cluster::data::lemmatizer::{self, FAILED_LOG, OLDEST_OUTPUT, SUCCEEDED_LOG};
use crate::cluster::{Cluster, Reply};
use crate::program::{Folder, Outcome, Program};

const FAILED: &str = "2021-08-02T21-12-56.442Z-b7d3f1c9-06e2-4f58-9a7d-c81e45a2f630.log";
const SUCCEEDED: &str = "2021-08-01T07-45-20.117Z-610651f0a3e9d40007b2c5d8.log";
const SAME_COMMIT: &str = "2021-08-01T06-02-00.000Z-2e94d6b0-7c15-4a83-b0f9-5a61c3e87d24.log";
const CANCELED: &str = "2021-07-31T16-20-09.300Z-c4a80e5d-3b97-4d12-86fe-0e92b7d1a35f.log";
const FULL: &str = "2021-07-29T10-15-30.640Z-d58b1f36-c72e-4e09-a1d4-7f3c60b9e821.log";

const IN_PROGRESS_NOTE: &str =
    "algo-logs: build 5f0c2a7e-91d4-4b6a-8e3c-2d7b9a10c4e8 of acme/Lemmatizer: still in progress\n";
const LOST_NOTE: &str = "algo-logs: log of build 09f7c2e1-a4d8-4c36-9b50-d6e83f1a7c25 of acme/Lemmatizer: \
                         the build has finished (succeeded), but its log is lost\n";

/// The folder of `acme/Lemmatizer` in an archive.
const LEMMATIZER: &str = "acme/Lemmatizer";

/// Compares everything but the times at the ends of the summaries.
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
        (&*outcome.stdout_text(), &*told, outcome.code),
        ("", stderr, Some(code))
    );
}

/// The summary of an algorithm, or of all.
fn summary(name: &str, counts: [usize; 4], bytes: usize) -> String {
    let [saved, already_there, without_log, failed] = counts;
    format!(
        "algo-logs: {name}: {saved} saved, {already_there} already there, {without_log} without a log, \
         {failed} failed; {bytes} bytes in TIME\n"
    )
}

fn save(cluster: &Cluster, folder: &Folder, arguments: &str) -> Outcome {
    let line = format!("save {arguments} -d {}", folder.join("."));
    Program::on(cluster).run(&line)
}

/// The names of the files in a folder of an archive, in order.
fn names(folder: &Folder, path: &str) -> Vec<String> {
    let entries = fs::read_dir(folder.join(path)).expect("the folder is there");
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

/// The members `name` of the entries of an index.
fn index(folder: &Folder, path: &str, name: &str) -> Vec<String> {
    let list: Vec<Value> = serde_json::from_slice(&folder.read(path)).expect("a list");
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

/// A cluster whose `acme/Odd` has these builds and no versions. Each log is the id of its build.
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
fn every_log_is_saved_with_what_the_service_says() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let to = folder.join("new/logs");
    let outcome = Program::on(&cluster).run(&format!("save acme/Lemmatizer -d {to} -j 1"));
    let summary = summary(LEMMATIZER, [5, 0, 2, 0], 100_685);
    is(
        &outcome,
        0,
        &format!("{IN_PROGRESS_NOTE}{LOST_NOTE}{summary}"),
    );

    let read = |name: &str| folder.read(&format!("new/logs/acme/Lemmatizer/{name}"));
    assert_eq!(read(FAILED), FAILED_LOG.as_bytes());
    for name in [SUCCEEDED, SAME_COMMIT, FULL] {
        assert_eq!(read(name), SUCCEEDED_LOG.as_bytes());
    }
    assert_eq!(read(CANCELED), b"");
    let builds = Program::on(&cluster).run("builds acme/Lemmatizer --all --json");
    assert_eq!(read("builds.json"), builds.stdout);
    let versions = Program::on(&cluster).run("versions acme/Lemmatizer --all --json");
    let parsed = |json: &[u8]| serde_json::from_slice::<Vec<Value>>(json).unwrap();
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
    assert_eq!(names(&folder, "new/logs/acme/Lemmatizer"), expected);
    assert_eq!(names(&folder, "new/logs/acme"), ["Lemmatizer"]);
    assert_eq!(names(&folder, "new/logs"), ["acme"]);
}

#[test]
fn a_second_run_fetches_only_what_is_new() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let arguments = "acme/Lemmatizer -s failed";
    is(
        &save(&cluster, &folder, arguments),
        0,
        &summary(LEMMATIZER, [1, 0, 0, 0], 97_733),
    );
    let before = cluster.requests().len();
    is(
        &save(&cluster, &folder, arguments),
        0,
        &summary(LEMMATIZER, [0, 1, 0, 0], 0),
    );
    assert_eq!(
        cluster.requests().len(),
        before + 2,
        "the lists, and no log"
    );
}

#[test]
fn filters_and_limits_choose_and_the_indexes_grow() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let run = |options: &str| {
        save(&cluster, &folder, &format!("acme/Lemmatizer -q {options}")).prints("");
        let mut logs = names(&folder, LEMMATIZER);
        logs.retain(|name| name.ends_with(".log"));
        let builds = index(&folder, "acme/Lemmatizer/builds.json", "/build_id");
        (logs, builds)
    };
    let (in_progress, failed) = (lemmatizer::IN_PROGRESS, lemmatizer::FAILED);
    let (logs, builds) = run("-L 2");
    assert_eq!(logs, [FAILED]);
    assert_eq!(builds, [in_progress, failed]);

    let (logs, builds) = run("-c 4a6f8c0");
    assert_eq!(logs, [FULL, FAILED]);
    assert_eq!(builds, [in_progress, failed, lemmatizer::FULL]);

    let (logs, builds) = run("--all -s succeeded");
    assert_eq!(logs, [FULL, SAME_COMMIT, SUCCEEDED, FAILED]);
    assert_eq!(builds.len(), 6);

    // Everything, and then a run that lists less.
    let (_, all) = run("");
    assert_eq!(all.len(), 7);
    let (_, builds) = run("-L 1 -s failed");
    assert_eq!(builds, all);
    let list = Program::on(&cluster).run("builds acme/Lemmatizer --all --json");
    assert_eq!(folder.read("acme/Lemmatizer/builds.json"), list.stdout);
}

#[test]
fn the_indexes_are_merged_by_id() {
    let folder = Folder::new();
    let mut first = build("b1", "2021-01-01T00:00:00Z");
    first["status"] = "in-progress".into();
    first["new"] = json!({"member": [1, null, 2.5]});
    let other = build("b2", "2021-01-02T00:00:00Z");
    let cluster = odd(&[other.clone(), first.clone()]);
    let versions = |list: Value| {
        let list = Reply::json(200, &json!({ "results": list }).to_string());
        cluster.script_always("/v1/algorithms/acme/Odd/versions", list);
    };
    let version = |hash: &str, summary: &str| json!({"version_info": {"git_hash": hash}, "details": {"summary": summary}});
    versions(json!([version("h1", "old"), version("h2", "kept"), {"no": "hash"}]));
    save(&cluster, &folder, "acme/Odd -q").prints("");

    // The build has finished, another has been added, and the service has forgotten the rest.
    first["status"] = "failed".into();
    let newest = build("b3", "2021-01-03T00:00:00Z");
    cluster.script_always(&odd_logs_path("b3"), Reply::json(200, r#"{"logs":""}"#));
    list_odd(&cluster, &[first.clone(), newest.clone()]);
    versions(json!([version("h1", "new"), {"no": "hash"}]));
    let expected = summary("acme/Odd", [2, 0, 0, 0], 2);
    is(&save(&cluster, &folder, "acme/Odd"), 0, &expected);
    let read = |name: &str| -> Value {
        serde_json::from_slice(&folder.read(&format!("acme/Odd/{name}"))).unwrap()
    };
    assert_eq!(read("builds.json"), json!([newest, other, first]));
    assert_eq!(
        read("versions.json"),
        json!([version("h1", "new"), {"no": "hash"}, version("h2", "kept")])
    );
    save(&cluster, &folder, "acme/Odd -q").prints("");
    assert_eq!(read("builds.json"), json!([newest, other, first]));
}

#[test]
fn an_index_that_save_did_not_write_is_kept() {
    let cluster = odd(&[build("b1", "2021")]);
    for (content, why) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        (
            r#"[{"build_id":"b1"}]"#,
            "missing field `status` at line 1 column 18",
        ),
        ("[] x", "trailing characters at line 1 column 4"),
    ] {
        let folder = Folder::new();
        fs::create_dir_all(folder.join("acme/Odd")).unwrap();
        let path = folder.write("acme/Odd/builds.json", content);
        let line = format!("save acme/Odd -d {}", folder.path().display());
        is(
            &Program::on(&cluster).run(&line),
            7,
            &format!(
                "algo-logs: cannot write {path}: it exists, and is not a list that 'save' wrote: {why}\n\
                 {}algo-logs: not everything was saved: 1 failure; \
                 the rest is kept, and the same command tries these again\n",
                summary("acme/Odd", [1, 0, 0, 1], 2)
            ),
        );
        assert_eq!(folder.read("acme/Odd/builds.json"), content.as_bytes());
        assert_eq!(folder.read("acme/Odd/2021-b1.log"), b"b1");
    }
    // A sparse file, which takes no space.
    let folder = Folder::new();
    fs::create_dir_all(folder.join("acme/Odd")).unwrap();
    let path = folder.write("acme/Odd/versions.json", "");
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(257 * 1024 * 1024).unwrap();
    let outcome = save(&cluster, &folder, "acme/Odd -q");
    assert_eq!(outcome.code, Some(7));
    let why = "versions.json: it exists, and is larger than 256 MiB\n";
    assert!(outcome.stderr.contains(why), "{}", outcome.stderr);
}

#[test]
fn what_fails_is_told_and_the_rest_kept() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    cluster.script_always(&logs_path(lemmatizer::SUCCEEDED), Reply::status(500));
    cluster.script_always(
        &logs_path(lemmatizer::FULL),
        Reply::json(200, r#"{"logs": 7}"#),
    );
    let outcome = save(&cluster, &folder, "acme/Lemmatizer -j 1 --retries 0");
    let summary = summary(LEMMATIZER, [3, 0, 2, 2], 98_717);
    is(
        &outcome,
        6,
        &format!(
            "{IN_PROGRESS_NOTE}{LOST_NOTE}\
             algo-logs: log of build 610651f0a3e9d40007b2c5d8 of acme/Lemmatizer: \
             the cluster failed (status 500)\n\
             algo-logs: log of build d58b1f36-c72e-4e09-a1d4-7f3c60b9e821 of acme/Lemmatizer: \
             the response is not the expected JSON: not a string at byte 9\n\
             {summary}\
             algo-logs: not everything was saved: 2 failures; \
             the rest is kept, and the same command tries these again\n"
        ),
    );
    assert_eq!(
        names(&folder, LEMMATIZER),
        [
            CANCELED,
            SAME_COMMIT,
            FAILED,
            "builds.json",
            "versions.json"
        ]
    );
}

#[test]
fn a_log_that_breaks_off_leaves_nothing_behind() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let cut = Reply::raw()
        .send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"logs\":\"begun")
        .fin();
    cluster.script_always(&logs_path(lemmatizer::FAILED), cut);
    save(
        &cluster,
        &folder,
        "acme/Lemmatizer -s failed -q --retries 0",
    )
    .fails(
        6,
        "algo-logs: log of build b7d3f1c9-06e2-4f58-9a7d-c81e45a2f630 of acme/Lemmatizer: \
         the response was cut short\n\
         algo-logs: not everything was saved: 1 failure; \
         the rest is kept, and the same command tries these again\n",
    );
    assert_eq!(names(&folder, LEMMATIZER), ["builds.json", "versions.json"]);
}

#[test]
fn a_list_that_breaks_off_keeps_what_came_before() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let path = "/v1/algorithms/acme/Odd/builds";
    let page = json!({"marker": "m", "results": [build("b1", "2021")]}).to_string();
    cluster.script(path, Reply::json(200, &page));
    cluster.script(path, Reply::status(500));
    cluster.script_always(&odd_logs_path("b1"), Reply::json(200, r#"{"logs":"x"}"#));
    let versions = Reply::json(404, r#"{"error":{"code":5005,"message":"no"}}"#);
    cluster.script_always("/v1/algorithms/acme/Odd/versions", versions);
    let outcome = save(&cluster, &folder, "acme/Odd --retries 0");
    let expected = summary("acme/Odd", [1, 0, 0, 2], 1);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let first = "algo-logs: builds of acme/Odd: the cluster failed (status 500)\n\
                 algo-logs: versions of acme/Odd: ";
    assert!(outcome.stderr.starts_with(first), "{}", outcome.stderr);
    let counts = expected.split_once(" bytes in ").unwrap().0;
    assert!(outcome.stderr.contains(counts), "{}", outcome.stderr);
    assert_eq!(
        names(&folder, "acme/Odd"),
        ["2021-b1.log", "builds.json", "versions.json"]
    );
}

#[test]
fn nothing_to_save_is_noted() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let summary = summary("acme/Empty", [0, 0, 0, 0], 0);
    is(
        &save(&cluster, &folder, "acme/Empty"),
        0,
        &format!("algo-logs: no build of acme/Empty\n{summary}"),
    );
    assert_eq!(folder.read("acme/Empty/builds.json"), b"[]\n");
    assert_eq!(folder.read("acme/Empty/versions.json"), b"[]\n");
}

#[test]
fn an_algorithm_that_does_not_exist_leaves_no_folder() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    save(&cluster, &folder, "acme/Nothing").fails(
        5,
        "algo-logs: builds of acme/Nothing: there is no such algorithm (status 404), \
         the service says: algorithm algo://acme/Nothing not found; check the name, and that CLUSTER is its cluster\n",
    );
    assert!(folder.names().is_empty());
}

#[test]
fn a_folder_that_cannot_be_made_is_an_output_failure() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let file = folder.write("file", "");
    let outcome = Program::on(&cluster).run(&format!("save acme/Lemmatizer -d {file}/logs"));
    outcome.fails(
        7,
        &format!("algo-logs: cannot write {file}/logs: Not a directory (os error 20)\n"),
    );
    assert_eq!(cluster.requests().len(), 0);
}

#[test]
fn names_from_the_service_stay_in_the_folder() {
    let folder = Folder::new();
    let cluster = odd(&[
        build("b1", "../../escaped"),
        build("../b2", "2021-08-02T21:12:56Z"),
        build("", "2021"),
        build(&"9".repeat(256), "2021"),
        build("-rf", "-"),
        build("b3", "2021-08-02T21:12:56.442Z"),
        build("b4", &"2021/".repeat(100)),
        build(&"7".repeat(255), "2021"),
    ]);
    let to = folder.join("in/here");
    let line = format!("save acme/Odd -j 1 -d {to}");
    let outcome = Program::on(&cluster).run(&line);
    assert_eq!(outcome.code, Some(7), "{outcome:?}");
    let invalid = |id: &str, why: &str| {
        format!("algo-logs: builds of acme/Odd: '{id}' is not a valid build id: {why}\n")
    };
    let nines = "9".repeat(40) + "…";
    let failures = [
        invalid(
            "../b2",
            "only letters, digits, '_', '-' and '.' are allowed",
        ),
        invalid("", "it is empty"),
        invalid(&nines, "it is longer than 255 characters"),
    ];
    for failure in &failures {
        assert!(outcome.stderr.contains(failure), "{}", outcome.stderr);
    }
    assert!(outcome.stderr.contains("File name too long"));
    let expected = [
        "2021-08-02T21-12-56.442Z-b3.log".to_owned(),
        format!("{}-b4.log", "2021_".repeat(8)),
        "builds.json".to_owned(),
        "versions.json".to_owned(),
        "x---rf.log".to_owned(),
        "x.._.._escaped-b1.log".to_owned(),
    ];
    assert_eq!(names(&folder, "in/here/acme/Odd"), expected);
    assert_eq!(folder.names(), ["in"]);
    assert_eq!(names(&folder, "in"), ["here"]);
    for name in names(&folder, "in/here/acme/Odd") {
        assert!(name.starts_with(|c: char| c.is_ascii_alphanumeric()) && !name.contains(':'));
    }
}

#[test]
fn an_unusable_id_is_an_invalid_response() {
    let folder = Folder::new();
    let cluster = odd(&[build("../b", "2021")]);
    save(&cluster, &folder, "acme/Odd -q").fails(
        6,
        "algo-logs: builds of acme/Odd: '../b' is not a valid build id: \
         only letters, digits, '_', '-' and '.' are allowed\n\
         algo-logs: not everything was saved: 1 failure; \
         the rest is kept, and the same command tries these again\n",
    );
}

#[test]
fn two_builds_never_share_a_file() {
    for (one, other, name) in [
        // The names are the same after cleaning, as they are, or where case does not count.
        (build("b", "2021:a"), build("a-b", "2021"), "2021-a-b.log"),
        (build("a-b", "2021"), build("b", "2021-a"), "2021-a-b.log"),
        (build("b", "2021"), build("B", "2021"), "2021-b.log"),
    ] {
        let folder = Folder::new();
        let (id, other_id) = (&one["build_id"], &other["build_id"]);
        let (id, other_id) = (id.as_str().unwrap(), other_id.as_str().unwrap());
        let cluster = odd(&[one.clone(), other.clone()]);
        // Each run says the same, also one that lists only the other build.
        let lists = [vec![one.clone(), other.clone()], vec![other.clone()]];
        for (run, list) in [0, 0, 1].map(|run| (run, &lists[run])) {
            list_odd(&cluster, list);
            let outcome = save(&cluster, &folder, "acme/Odd");
            assert_eq!(outcome.code, Some(6), "{outcome:?}");
            let name = match other_id {
                "B" => "2021-B.log",
                _ => name,
            };
            let failure = format!(
                "algo-logs: build {other_id} of acme/Odd: its file name is that of build {id}: {name}\n"
            );
            assert!(
                outcome.stderr.starts_with(&failure),
                "{run}: {}",
                outcome.stderr
            );
            assert!(outcome.stderr.contains(", 1 failed; "));
            assert_eq!(
                folder.read(&format!("acme/Odd/{}", name.replace('B', "b"))),
                id.as_bytes()
            );
            assert_eq!(names(&folder, "acme/Odd").len(), 3);
        }
    }
}

#[test]
fn a_build_that_is_listed_twice_is_saved_once() {
    let folder = Folder::new();
    let twice = build("b1", "2021");
    let cluster = odd(&[twice.clone(), twice]);
    let expected = summary("acme/Odd", [1, 0, 0, 0], 2);
    is(&save(&cluster, &folder, "acme/Odd"), 0, &expected);
    assert_eq!(index(&folder, "acme/Odd/builds.json", "/build_id"), ["b1"]);
}

#[test]
fn a_lost_log_is_replaced_by_the_output_of_its_version() {
    let lost = |id: &str, commit: &str, status: &str| {
        let mut build = build(id, "2021");
        build["commit_sha"] = commit.into();
        build["status"] = status.into();
        build
    };
    let version = |hash: &str, build: &str| {
        json!({
            "version_info": {"git_hash": hash},
            "build": {"build_id": build},
            "compilation": {"output": OLDEST_OUTPUT},
        })
    };
    let builds = [
        lost("b1", "c1", "succeeded"),
        // Another build of the commit made the version.
        lost("b2", "c1", "succeeded"),
        // The response is for another commit.
        lost("b3", "c3", "succeeded"),
        // A failed build has no version.
        lost("b4", "c1", "failed"),
        lost("b5", "../c", "succeeded"),
        // The version's output is lost, too.
        lost("b6", "c6", "succeeded"),
    ];
    let cluster = odd(&builds);
    for build in &builds {
        let id = build["build_id"].as_str().unwrap();
        let path = format!("/v1/algorithms/acme/Odd/builds/{id}");
        cluster.script_always(&path, Reply::json(200, &build.to_string()));
        let gone = Reply::json(404, r#"{"error":{"code":1011,"message":"gone"}}"#);
        cluster.script_always(&odd_logs_path(id), gone);
    }
    let mut without_output = version("c6", "b6");
    without_output["compilation"]["output"] = "".into();
    for (hash, version) in [
        ("c1", version("c1", "b1")),
        ("c3", version("c4", "b3")),
        ("c6", without_output),
    ] {
        let path = format!("/v1/algorithms/acme/Odd/versions/{hash}");
        cluster.script_always(&path, Reply::json(200, &version.to_string()));
    }
    let folder = Folder::new();
    let outcome = save(&cluster, &folder, "acme/Odd -j 1");
    let lost = |id: &str, status: &str| {
        format!(
            "algo-logs: log of build {id} of acme/Odd: the build has finished ({status}), but its log is lost\n"
        )
    };
    let notes = [
        "algo-logs: build b1 of acme/Odd: its log is lost; this is the output of version c1\n"
            .to_owned(),
        lost("b2", "succeeded"),
        lost("b3", "succeeded"),
        lost("b4", "failed"),
        lost("b5", "succeeded"),
        lost("b6", "succeeded"),
        summary("acme/Odd", [1, 0, 5, 0], OLDEST_OUTPUT.len()),
    ];
    is(&outcome, 0, &notes.concat());
    assert_eq!(
        names(&folder, "acme/Odd"),
        ["2021-b1.log", "builds.json", "versions.json"]
    );
    assert_eq!(
        folder.read("acme/Odd/2021-b1.log"),
        OLDEST_OUTPUT.as_bytes()
    );
}

#[test]
fn a_rejected_key_ends_the_run_at_once() {
    const JOBS: usize = 4;
    let builds: Vec<Value> = (0..500)
        .map(|number| build(&format!("b{number:03}"), "2021"))
        .collect();
    for status in [401, 403] {
        let (cluster, folder) = (odd(&builds), Folder::new());
        for build in &builds[9..] {
            let id = build["build_id"].as_str().unwrap();
            cluster.script_always(&odd_logs_path(id), Reply::status(status));
        }
        let arguments = format!("acme/Odd acme/Paged -j {JOBS}");
        let outcome = save(&cluster, &folder, &arguments);
        // The first nine logs and the lists, and one request of each thread that found out at the same time.
        let requests = cluster.requests().len();
        assert!((9 + 2 + 1..=9 + 2 + JOBS).contains(&requests), "{requests}");
        let failure = format!("(status {status}); the key is from ALGORITHMIA_API_KEY\n");
        assert_eq!(outcome.stderr.matches(&failure).count(), 1, "{outcome:?}");
        let end = "algo-logs: the run ended early; what was saved is kept, and the same command continues\n";
        assert!(outcome.stderr.ends_with(end), "{}", outcome.stderr);
        let counts = "acme/Odd: 9 saved, 0 already there, 0 without a log, 1 failed; 36 bytes";
        assert!(outcome.stderr.contains(counts), "{}", outcome.stderr);
        assert_eq!(outcome.code, Some(4));
        assert_eq!(names(&folder, "acme/Odd").len(), 9 + 2);
        assert_eq!(names(&folder, "acme"), ["Odd"]);
    }
}

#[test]
fn a_key_that_is_rejected_for_a_list_ends_the_run_too() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    save(&cluster, &folder, "acme/Secret acme/Paged").fails(
        4,
        "algo-logs: builds of acme/Secret: the key is not allowed to read this (status 403), \
         the service says: not authorized to access this algorithm; the key is from ALGORITHMIA_API_KEY\n",
    );
    assert_eq!(cluster.requests().len(), 1);

    let cluster = Cluster::start();
    cluster.script_always("/v1/users/one/algorithms", Reply::status(401));
    let outcome = save(&cluster, &folder, "one acme acme/Paged");
    assert_eq!(outcome.code, Some(4), "{outcome:?}");
    assert_eq!(cluster.requests().len(), 1);

    let cluster = odd(&[build("b1", "2021")]);
    cluster.script_always("/v1/algorithms/acme/Odd/versions", Reply::status(401));
    let outcome = save(&cluster, &folder, "acme/Odd acme/Paged");
    assert_eq!(outcome.code, Some(4), "{outcome:?}");
    assert_eq!(cluster.requests().len(), 2);
    assert_eq!(names(&folder, "acme/Odd"), ["builds.json"]);
}

#[test]
fn several_algorithms_and_owners() {
    let (cluster, folder) = (Cluster::start(), Folder::new());
    let list = json!([
        {"id": "1", "username": "acme", "algoname": "Lemmatizer"},
        {"id": "2", "username": "acme", "algoname": "Gone"},
        {"id": "3", "username": "acme", "algoname": "Empty"},
        {"id": "4", "username": "acme", "algoname": "Paged"},
    ]);
    cluster.script_always(
        "/v1/users/acme/algorithms",
        Reply::json(200, &list.to_string()),
    );
    cluster.script_always("/v1/users/nobody/algorithms", Reply::status(404));
    cluster.script_always("/v1/users/none/algorithms", Reply::json(200, "[]"));
    // Names on stdin, and an algorithm that is named three times.
    let line = format!(
        "save acme/Paged - acme/Paged nobody none -L 2 -d {}",
        folder.join(".")
    );
    let outcome = Program::on(&cluster).stdin("\nacme\n\n").run(&line);
    assert_eq!(outcome.code, Some(5), "{outcome:?}");
    let paged = names(&folder, "acme/Paged");
    assert_eq!(paged.len(), 4);
    let bytes = |name: &str| folder.read(&format!("acme/Paged/{name}")).len();
    let size: usize = paged
        .iter()
        .filter(|name| name.ends_with(".log"))
        .map(|name| bytes(name))
        .sum();
    let failed = FAILED_LOG.len();
    let lines = [
        IN_PROGRESS_NOTE,
        "algo-logs: no build of acme/Empty\n",
        "algo-logs: algorithms of nobody: not found (status 404)\n",
        "algo-logs: builds of acme/Gone: there is no such algorithm (status 404), \
         the service says: algorithm algo://acme/Gone not found; check the name, and that CLUSTER is its cluster\n",
        &summary("acme/Paged", [2, 0, 0, 0], size),
        &summary(LEMMATIZER, [1, 0, 1, 0], failed),
        &summary("acme/Empty", [0, 0, 0, 0], 0),
        &summary("total", [3, 0, 1, 2], size + failed),
        "algo-logs: not everything was saved: 2 failures; \
         the rest is kept, and the same command tries these again\n",
    ];
    is(&outcome, 5, &lines.concat());
    assert_eq!(names(&folder, "acme"), ["Empty", "Lemmatizer", "Paged"]);
}

#[test]
fn the_worst_failure_gives_the_exit_code() {
    let folder = Folder::new();
    let cluster = odd(&[
        build("b1", "2021"),
        build("b2", "2021"),
        build("b3", "2021"),
    ]);
    cluster.script_always(&odd_logs_path("b1"), Reply::status(500));
    let run = || save(&cluster, &folder, "acme/Odd acme/Gone -q --retries 0").code;
    assert_eq!(run(), Some(1));
    cluster.script_always(&odd_logs_path("b2"), Reply::json(200, "{"));
    fs::remove_file(folder.join("acme/Odd/2021-b2.log")).unwrap();
    assert_eq!(run(), Some(6));
    fs::remove_file(folder.join("acme/Odd/2021-b3.log")).unwrap();
    fs::create_dir(folder.join("acme/Odd/2021-b3.log")).unwrap();
    assert_eq!(run(), Some(7));
}

#[test]
fn connections_are_kept_and_four_at_once_are_as_fast_as_that() {
    let cluster = Cluster::start();
    cluster.latency(Duration::from_millis(50));
    let time = |jobs: usize| {
        let folder = Folder::new();
        let before = cluster.connections();
        let started = Instant::now();
        save(&cluster, &folder, &format!("acme/Paged -q -L 48 -j {jobs}")).prints("");
        let elapsed = started.elapsed();
        assert_eq!(names(&folder, "acme/Paged").len(), 50);
        assert!(
            cluster.connections() - before <= jobs,
            "connections are kept alive"
        );
        elapsed.as_secs_f64()
    };
    // The machine may be busy with something else for a moment.
    let mut ratios = Vec::new();
    while ratios.len() < 3 && ratios.iter().all(|&ratio| ratio < 3.3) {
        ratios.push(time(1) / time(4));
    }
    assert!(ratios.iter().any(|&ratio| ratio >= 3.3), "{ratios:?}");
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{FileTypeExt, symlink};
    use std::process::Command;

    use super::*;

    fn make_fifo(path: &str) {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    /// Puts something in the way of `path`, and returns what is there.
    fn obstruct(kind: &str, path: &str, victim: &str) {
        match kind {
            "link" => symlink(victim, path).unwrap(),
            "dangling link" => symlink(format!("{victim}-new"), path).unwrap(),
            "FIFO" => make_fifo(path),
            _ => fs::create_dir(path).unwrap(),
        }
    }

    #[track_caller]
    fn is_still_there(kind: &str, path: &str) {
        let found = fs::symlink_metadata(path).unwrap().file_type();
        match kind {
            "FIFO" => assert!(found.is_fifo(), "{path}"),
            "folder" => assert!(found.is_dir(), "{path}"),
            _ => assert!(found.is_symlink(), "{path}"),
        }
    }

    #[test]
    fn what_is_in_the_way_of_a_file_is_an_error() {
        let cluster = odd(&[build("b1", "2021"), build("b2", "2021")]);
        for kind in ["link", "dangling link", "FIFO", "folder"] {
            for name in ["2021-b1.log", "builds.json", "versions.json"] {
                let (folder, outside) = (Folder::new(), Folder::new());
                let victim = outside.write("victim", "[]");
                fs::create_dir_all(folder.join("acme/Odd")).unwrap();
                let path = folder.join(&format!("acme/Odd/{name}"));
                obstruct(kind, &path, &victim);
                let line = format!("save acme/Odd -q -d {}", folder.path().display());
                Program::on(&cluster).run(&line).fails(
                    7,
                    &format!(
                        "algo-logs: cannot write {path}: it exists, and is not a regular file\n\
                         algo-logs: not everything was saved: 1 failure; \
                         the rest is kept, and the same command tries these again\n"
                    ),
                );
                is_still_there(kind, &path);
                assert_eq!(outside.read("victim"), b"[]");
                assert_eq!(outside.names(), ["victim"]);
                assert_eq!(folder.read("acme/Odd/2021-b2.log"), b"b2");
                assert_eq!(names(&folder, "acme/Odd").len(), 4);
            }
        }
    }

    #[test]
    fn no_log_is_fetched_for_a_file_that_cannot_be_written() {
        let (cluster, folder) = (odd(&[build("b1", "2021")]), Folder::new());
        fs::create_dir_all(folder.join("acme/Odd/2021-b1.log")).unwrap();
        assert_eq!(save(&cluster, &folder, "acme/Odd").code, Some(7));
        assert_eq!(cluster.requests().len(), 2, "the lists");
    }

    #[test]
    fn links_below_the_folder_are_not_followed() {
        let cluster = odd(&[build("b1", "2021")]);
        for name in ["acme", "acme/Odd"] {
            for kind in ["link", "dangling link", "FIFO"] {
                let (folder, outside) = (Folder::new(), Folder::new());
                if name != "acme" {
                    fs::create_dir(folder.join("acme")).unwrap();
                }
                let path = folder.join(name);
                obstruct(kind, &path, &outside.path().display().to_string());
                let line = format!("save acme/Odd -d {}", folder.path().display());
                Program::on(&cluster).run(&line).fails(
                    7,
                    &format!("algo-logs: cannot write {path}: it exists, and is not a folder\n"),
                );
                is_still_there(kind, &path);
                assert!(outside.names().is_empty());
            }
        }
        // DIR itself may be a link.
        let (folder, outside) = (Folder::new(), Folder::new());
        symlink(outside.path(), folder.join("link")).unwrap();
        let line = format!("save acme/Odd -q -d {}", folder.join("link"));
        Program::on(&cluster).run(&line).prints("");
        assert_eq!(outside.read("acme/Odd/2021-b1.log"), b"b1");
    }

    #[test]
    fn a_full_disk_ends_the_run_at_once() {
        let folder = Folder::new();
        let builds: Vec<Value> = (0..100)
            .map(|number| build(&format!("b{number:03}"), "2021"))
            .collect();
        let cluster = odd(&builds);
        let large = Reply::json(200, &json!({"logs": "x".repeat(300_000)}).to_string());
        for build in &builds[5..] {
            let id = build["build_id"].as_str().unwrap();
            cluster.script_always(&odd_logs_path(id), large.clone());
        }
        let program = Program::on(&cluster);
        let inner = program.command(&format!(
            "save acme/Odd acme/Paged -j 2 -d {}",
            folder.join(".")
        ));
        let script = format!(
            "mount -t tmpfs -o size=200k none {0} || exit 99; \"$@\"; code=$?; ls {0}/acme/Odd; ls {0}/acme; exit $code",
            folder.path().display()
        );
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--mount", "/bin/sh", "-c"])
            .args([&script, "sh"])
            .arg(inner.get_program())
            .args(inner.get_args())
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        for (name, value) in inner.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        let Ok(output) = command.output() else { return };
        let outcome = Outcome::new(output, None);
        if outcome.code == Some(99) || outcome.stderr.starts_with("unshare") {
            return; // The system does not allow it.
        }
        assert_eq!(outcome.code, Some(7), "{outcome:?}");
        let full = "No space left on device (os error 28)\n";
        assert_eq!(outcome.stderr.matches(full).count(), 1, "{outcome:?}");
        let end = "algo-logs: the run ended early; what was saved is kept, and the same command continues\n";
        assert!(outcome.stderr.ends_with(end), "{}", outcome.stderr);
        let found = outcome.stdout_text();
        let kept: String = (0..5)
            .map(|number| format!("2021-b00{number}.log\n"))
            .collect();
        assert_eq!(found, format!("{kept}builds.json\nversions.json\nOdd\n"));
        assert!(
            cluster.requests().len() <= 2 + 5 + 2,
            "{:?}",
            cluster.requests().len()
        );
    }

    #[test]
    fn fewer_threads_do_the_work_where_the_system_has_no_more() {
        /// A user of whom there are no other processes.
        const LONELY: &str = "54322";
        let (cluster, folder, bin) = (Cluster::start(), Folder::new(), Folder::new());
        let to = folder.join("logs");
        let inner = Program::on(&cluster).command(&format!("save acme/Paged -q -j 8 -d {to}"));
        // The program may be in a folder that other users cannot enter. `cp` copies it, because a file that this
        // process writes can be open in the child of another test at the moment when it should run.
        let program = bin.join("algo-logs");
        let copied = Command::new("cp")
            .args([inner.get_program(), Path::new(&program).as_os_str()])
            .status();
        assert!(copied.unwrap().success());
        fs::create_dir(&to).unwrap();
        let owned = Command::new("chown").args([LONELY, &to]).status().unwrap();
        // For root there is no such limit, and only root can become another user.
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
        assert_eq!(names(&folder, "logs/acme/Paged").len(), 57 + 2);
        assert_eq!(
            cluster.connections(),
            1,
            "only the first thread was started"
        );
    }
}
