//! Failures of `save`, and the files that it keeps.

use super::*;

const STOPPED: &str = "algo-logs: stopped early; saved logs are kept; rerun to continue\n";

#[test]
fn failures_are_reported_and_the_rest_is_kept() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    cluster.script_always(&logs_path(lemmatizer::SUCCEEDED), Reply::status(500));
    cluster.script_always(
        &logs_path(lemmatizer::FULL),
        Reply::json(200, r#"{"logs": 7}"#),
    );
    let outcome = save(&cluster, &dir, "acme/Lemmatizer -j 1 --retries 0");
    outcome.fails(
        6,
        &format!(
            "{LOST_NOTE}\
             algo-logs: log of build 610651f0a3e9d40007b2c5d8 of acme/Lemmatizer: \
             the cluster failed (status 500)\n\
             algo-logs: log of build d58b1f36-c72e-4e09-a1d4-7f3c60b9e821 of acme/Lemmatizer: \
             the response is not the expected JSON: not a string at byte 9\n\
             algo-logs: acme/Lemmatizer: 3 saved, 1 still in progress, 1 without a log, 2 failed, 98.7 kB\n\
             algo-logs: 2 failures; everything else was saved; rerun to retry\n"
        ),
    );
    assert_eq!(
        names(&dir, LEMMATIZER),
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
fn a_truncated_log_leaves_nothing_behind() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    let cut = Reply::raw()
        .send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"logs\":\"begun")
        .fin();
    cluster.script_always(&logs_path(lemmatizer::FAILED), cut);
    save(&cluster, &dir, "acme/Lemmatizer -s failed -q --retries 0").fails(
        6,
        &format!(
            "algo-logs: log of build b7d3f1c9-06e2-4f58-9a7d-c81e45a2f630 of acme/Lemmatizer: \
             the response was cut short\n{RETRY_ONE}"
        ),
    );
    assert_eq!(names(&dir, LEMMATIZER), ["builds.json", "versions.json"]);
}

#[test]
fn a_list_that_fails_keeps_what_came_before() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    let path = "/v1/algorithms/acme/Odd/builds";
    let page = json!({"marker": "m", "results": [build("b1", "2021")]}).to_string();
    cluster.script(path, Reply::json(200, &page));
    cluster.script(path, Reply::status(500));
    cluster.script_always(&odd_logs_path("b1"), Reply::json(200, r#"{"logs":"x"}"#));
    let versions = Reply::json(404, r#"{"error":{"code":5005,"message":"no"}}"#);
    cluster.script_always("/v1/algorithms/acme/Odd/versions", versions);
    let outcome = save(&cluster, &dir, "acme/Odd --retries 0");
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let first = "algo-logs: builds of acme/Odd: the cluster failed (status 500)\n\
                 algo-logs: versions of acme/Odd: ";
    assert!(outcome.stderr.starts_with(first), "{}", outcome.stderr);
    let counts = "algo-logs: acme/Odd: 1 saved, 2 failed, 1 B\n";
    assert!(outcome.stderr.contains(counts), "{}", outcome.stderr);
    // The versions could not be listed.
    assert_eq!(names(&dir, "acme/Odd"), ["2021-b1.log", "builds.json"]);
}

#[test]
fn a_directory_that_cannot_be_created_is_an_output_failure() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    let below_file = dir.write("file", "") + "/logs";
    // Each system has its own words for this.
    let error = fs::create_dir_all(&below_file).unwrap_err();
    let outcome = Program::on(&cluster).run(&format!("save acme/Lemmatizer -d {below_file}"));
    outcome.fails(
        7,
        &format!("algo-logs: cannot write {below_file}: {error}\n"),
    );
    assert_eq!(cluster.requests().len(), 0);
}

#[test]
fn a_rejected_key_ends_the_run_at_once() {
    const JOBS: usize = 4;
    let builds: Vec<Value> = (0..500)
        .map(|number| build(&format!("b{number:03}"), "2021"))
        .collect();
    let (cluster, dir) = (odd(&builds), TempDir::new());
    for build in &builds[9..] {
        let id = build["build_id"].as_str().unwrap();
        cluster.script_always(&odd_logs_path(id), Reply::status(401));
    }
    let arguments = format!("acme/Odd acme/Paged -j {JOBS}");
    let outcome = save(&cluster, &dir, &arguments);
    // The first nine logs, the lists, and one request of each thread that failed at the same time.
    let requests = cluster.requests().len();
    assert!((9 + 2 + 1..=9 + 2 + JOBS).contains(&requests), "{requests}");
    let failure = "(status 401); the key is from ALGORITHMIA_API_KEY\n";
    assert_eq!(outcome.stderr.matches(failure).count(), 1, "{outcome:?}");
    let end = format!("algo-logs: acme/Odd: 9 saved, 1 failed, 36 B\n{STOPPED}");
    assert!(outcome.stderr.ends_with(&end), "{}", outcome.stderr);
    assert_eq!(outcome.code, Some(4));
    assert_eq!(names(&dir, "acme/Odd").len(), 9 + 2);
    assert_eq!(names(&dir, "acme"), ["Odd"]);
}

/// Covers a bug: a forbidden algorithm or log ended each run, so that what came after it was never saved.
#[test]
fn what_is_forbidden_does_not_end_the_run() {
    let dir = TempDir::new();
    let cluster = odd(&[build("b1", "2021"), build("b2", "2021")]);
    cluster.script_always(&odd_logs_path("b1"), Reply::status(403));
    let forbidden = "the key is not allowed to read this (status 403)";
    save(&cluster, &dir, "acme/Secret acme/Odd").fails(
        4,
        &format!(
            "algo-logs: builds of acme/Secret: {forbidden}, the service says: \
             not authorized to access this algorithm; the key is from ALGORITHMIA_API_KEY\n\
             algo-logs: log of build b1 of acme/Odd: {forbidden}; the key is from ALGORITHMIA_API_KEY\n\
             algo-logs: acme/Odd: 1 saved, 1 failed, 2 B\n\
             algo-logs: 2 failures; everything else was saved; rerun to retry\n"
        ),
    );
}

#[test]
fn a_key_that_is_rejected_for_a_list_ends_the_run_too() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    cluster.script_always("/v1/users/one/algorithms", Reply::status(401));
    let outcome = save(&cluster, &dir, "one acme acme/Paged");
    assert_eq!(outcome.code, Some(4), "{outcome:?}");
    assert_eq!(cluster.requests().len(), 1);

    let cluster = odd(&[build("b1", "2021")]);
    cluster.script_always("/v1/algorithms/acme/Odd/versions", Reply::status(401));
    let outcome = save(&cluster, &dir, "acme/Odd acme/Paged");
    assert_eq!(outcome.code, Some(4), "{outcome:?}");
    assert_eq!(cluster.requests().len(), 2);
    assert_eq!(names(&dir, "acme/Odd"), ["builds.json"]);
}

#[test]
fn the_worst_failure_gives_the_exit_code() {
    let dir = TempDir::new();
    let builds = ["b1", "b2", "b3", "b4"].map(|id| build(id, "2021"));
    let cluster = odd(&builds);
    let code = || save(&cluster, &dir, "acme/Odd acme/Gone -q --retries 0").code;
    assert_eq!(code(), Some(5));
    for (id, reply, expected) in [
        ("b1", Reply::status(500), 1),
        ("b2", Reply::json(200, "{"), 6),
        ("b3", Reply::status(403), 4),
    ] {
        fs::remove_file(dir.join(&format!("acme/Odd/2021-{id}.log"))).unwrap();
        cluster.script_always(&odd_logs_path(id), reply);
        assert_eq!(code(), Some(expected));
    }
    fs::remove_file(dir.join("acme/Odd/2021-b4.log")).unwrap();
    fs::create_dir(dir.join("acme/Odd/2021-b4.log")).unwrap();
    assert_eq!(code(), Some(7));
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
        // The version belongs to another build of the commit.
        lost("b2", "c1", "succeeded"),
        // The response describes another commit.
        lost("b3", "c3", "succeeded"),
        lost("b4", "c4", "failed"),
        lost("b5", "../c", "succeeded"),
        // The version has lost its output, too.
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
    let dir = TempDir::new();
    let outcome = save(&cluster, &dir, "acme/Odd -j 1");
    let lost = ["b2", "b3", "b4", "b5", "b6"]
        .map(|id| format!("algo-logs: the log of build {id} of acme/Odd is gone\n"));
    outcome.is(
        0,
        "",
        &format!(
            "algo-logs: the log of build b1 is gone; saved the output of version c1 instead\n\
             {}algo-logs: acme/Odd: 1 saved, 5 without a log, 31 B\n",
            lost.concat()
        ),
    );
    assert_eq!(
        names(&dir, "acme/Odd"),
        ["2021-b1.log", "builds.json", "versions.json"]
    );
    assert_eq!(dir.read("acme/Odd/2021-b1.log"), OLDEST_OUTPUT.as_bytes());
}

#[cfg(unix)]
#[test]
fn a_full_disk_ends_the_run_at_once() {
    let dir = TempDir::new();
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
        dir.join(".")
    ));
    let script = format!(
        "mount -t tmpfs -o size=200k none {0} || exit 99; \"$@\"; code=$?; ls {0}/acme/Odd; ls {0}/acme; exit $code",
        dir.path().display()
    );
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "/bin/sh", "-c"])
        .args([&script, "sh"]);
    let Ok(output) = wrap(command, &inner).output() else {
        return;
    };
    let outcome = Outcome::new(output, None);
    if outcome.code == Some(99) || outcome.stderr.starts_with("unshare") {
        return; // The system does not allow it.
    }
    assert_eq!(outcome.code, Some(7), "{outcome:?}");
    let full = "No space left on device (os error 28)\n";
    assert_eq!(outcome.stderr.matches(full).count(), 1, "{outcome:?}");
    assert!(outcome.stderr.ends_with(STOPPED), "{}", outcome.stderr);
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
