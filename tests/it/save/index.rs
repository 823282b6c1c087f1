//! `builds.json` and `versions.json`.

use super::*;

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
    // Builds and versions can be large, and a page has a limit.
    let queries = cluster.requests().into_iter();
    let queries: Vec<String> = queries.map(|request| request.query().to_owned()).collect();
    assert_eq!(queries, ["limit=2", "limit=20", ""]);

    let (logs, builds) = run("-c 4a6f8c0");
    assert_eq!(logs, [FULL, FAILED]);
    assert_eq!(builds, [in_progress, failed, lemmatizer::FULL]);

    let (logs, builds) = run("--all -s succeeded");
    assert_eq!(logs, [FULL, SAME_COMMIT, SUCCEEDED, FAILED]);
    assert_eq!(builds.len(), 6);

    // Save everything, and then run with filters that list less.
    let (_, all) = run("");
    assert_eq!(all.len(), 7);
    let (_, builds) = run("-L 1 -s failed");
    assert_eq!(builds, all);
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

    // The build has finished, another one has been added, and the service no longer lists the rest.
    first["status"] = "failed".into();
    let newest = build("b3", "2021-01-03T00:00:00Z");
    cluster.script_always(&odd_logs_path("b3"), Reply::json(200, r#"{"logs":""}"#));
    list_odd(&cluster, &[first.clone(), newest.clone()]);
    versions(json!([version("h1", "new"), {"no": "hash"}]));
    save(&cluster, &folder, "acme/Odd").is(0, "", "algo-logs: acme/Odd: 2 saved, 2 B\n");
    let read = |name: &str| -> Value {
        serde_json::from_slice(&folder.read(&format!("acme/Odd/{name}"))).unwrap()
    };
    assert_eq!(read("builds.json"), json!([newest, other, first]));
    assert_eq!(
        read("versions.json"),
        json!([version("h1", "new"), version("h2", "kept"), {"no": "hash"}])
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
            "missing field `status` at line 1 column 17",
        ),
        ("[] x", "trailing characters at line 1 column 4"),
    ] {
        let folder = Folder::new();
        fs::create_dir_all(folder.join("acme/Odd")).unwrap();
        folder.write("acme/Odd/builds.json", content);
        let path = folder.path().join("acme").join("Odd").join("builds.json");
        let line = format!("save acme/Odd -d {}", folder.path().display());
        Program::on(&cluster).run(&line).fails(
            7,
            &format!(
                "algo-logs: cannot write {}: it exists but is not a list that 'save' wrote: {why}\n\
                 algo-logs: acme/Odd: 1 saved, 1 failed, 2 B\n{RETRY_ONE}",
                path.display(),
            ),
        );
        assert_eq!(folder.read("acme/Odd/builds.json"), content.as_bytes());
        assert_eq!(folder.read("acme/Odd/2021-b1.log"), b"b1");
    }
}

#[test]
fn objects_are_stored_as_they_were_received() {
    let folder = Folder::new();
    let cluster = odd(&[build("b1", "2021")]);
    let object = |text: &str| {
        format!(
            "{{ \"z\": [1e400, 1.50,\n 12345678901234567890123], \"build_id\": \"b1\", \"status\": \"failed\",\
             \"commit_sha\": \"c\", \"started_at\": \"2021\", \"half\": \"\\ud800 {text}\", \"z\": null }}"
        )
    };
    // é in latin-1.
    let page = format!("{{\"results\": [{}]}}", object("?")).replace('?', "\u{e9}");
    let page: Vec<u8> = page.chars().map(|c| c as u8).collect();
    let list = Reply::json(200, "").body(page);
    cluster.script_always("/v1/algorithms/acme/Odd/builds", list);
    let stored = format!("[{}]\n", object("\u{fffd}"));
    for saved in ["1 saved, 2 B", "1 already there"] {
        let summary = format!("algo-logs: acme/Odd: {saved}\n");
        save(&cluster, &folder, "acme/Odd").is(0, "", &summary);
        let index = folder.read("acme/Odd/builds.json");
        assert_eq!(String::from_utf8_lossy(&index), stored);
    }
}

/// Covers bugs: a run overwrote the entries of another, and directories and indexes that another run had just made were
/// obstacles.
#[cfg(unix)]
#[test]
fn runs_at_the_same_time_lose_nothing() {
    let cluster = Cluster::start();
    let filters = [
        "-s failed",
        "-s succeeded",
        "-L 9",
        "-c ffff",
        "-L 1",
        "-j 1",
    ];
    for round in 0..5 {
        let folder = Folder::new();
        let runs = filters.map(|filter| {
            let line = format!("save acme/Paged -q {filter} -d {}", folder.join("new/logs"));
            let mut run = Program::on(&cluster).command(&line);
            run.stderr(std::process::Stdio::piped()).spawn().unwrap()
        });
        for run in runs {
            let outcome = Outcome::new(run.wait_with_output().unwrap(), None);
            outcome.is(0, "", "");
        }
        assert_eq!(names(&folder, "new/logs/acme/Paged").len(), 57 + 2);
        let builds = index(&folder, "new/logs/acme/Paged/builds.json", "/build_id");
        assert_eq!(builds.len(), 57, "round {round}");
    }
}
