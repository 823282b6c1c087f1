//! `builds.json` and `versions.json`.

use super::*;

#[test]
fn filters_and_limits_choose_and_the_indexes_grow() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    let run = |options: &str| {
        save(&cluster, &dir, &format!("acme/Lemmatizer -q {options}")).prints("");
        let mut logs = names(&dir, LEMMATIZER);
        logs.retain(|name| name.ends_with(".log"));
        let builds = index(&dir, "acme/Lemmatizer/builds.json", "/build_id");
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
    let build = |id: &str, status: &str, started: &str| {
        let mut build = build(id, started);
        build["status"] = status.into();
        build
    };
    let mut first = build("b1", "failed", "2021-01-01T00:00:00Z");
    first["new"] = json!({"member": [1, null, 2.5]});
    let running = build("b2", "in-progress", "2021-01-02T00:00:00Z");
    let finished = build("b2", "succeeded", "2021-01-02T00:00:00Z");
    // The latest, although not as text.
    let third = build("b3", "failed", "2021-01-02T00:00:00.5Z");
    let unknown = build("b4", "failed", "soon");
    // A version is identified by its hash, or else its build, and by its semantic version.
    let hash = |n: u32| json!({"n": n, "version_info": {"git_hash": "h"}});
    let published = json!({"version_info": {"git_hash": "h", "semantic_version": "1.0.0"}});
    let by_build =
        |n: u32| json!({"n": n, "version_info": {"git_hash": ""}, "build": {"build_id": "b"}});
    let other = |n: u32| json!({ "n": n });

    let (cluster, dir) = (odd(&[finished.clone(), third.clone()]), TempDir::new());
    let list = |builds: &[&Value], versions: Value| {
        list_odd(
            &cluster,
            &builds.iter().copied().cloned().collect::<Vec<_>>(),
        );
        let versions = Reply::json(200, &json!({ "results": versions }).to_string());
        cluster.script_always("/v1/algorithms/acme/Odd/versions", versions);
    };
    for id in ["b1", "b4"] {
        cluster.script_always(&odd_logs_path(id), Reply::json(200, r#"{"logs":""}"#));
    }
    list(
        &[&running, &first],
        json!([hash(1), by_build(1), other(1), other(2)]),
    );
    save(&cluster, &dir, "acme/Odd -q").prints("");
    // The service no longer lists all of them.
    list(
        &[&unknown, &finished, &third, &third],
        json!([published, by_build(2), hash(2), other(1), other(3)]),
    );
    let read = |name: &str| -> Value {
        serde_json::from_slice(&dir.read(&format!("acme/Odd/{name}"))).unwrap()
    };
    // Merging again changes nothing.
    for _ in 0..2 {
        save(&cluster, &dir, "acme/Odd -q").prints("");
        assert_eq!(
            read("builds.json"),
            json!([third, finished, first, unknown])
        );
        assert_eq!(
            read("versions.json"),
            json!([
                hash(2),
                by_build(2),
                other(1),
                other(2),
                published,
                other(3)
            ])
        );
    }
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
        let dir = TempDir::new();
        fs::create_dir_all(dir.join("acme/Odd")).unwrap();
        dir.write("acme/Odd/builds.json", content);
        let path = dir.path().join("acme").join("Odd").join("builds.json");
        let line = format!("save acme/Odd -d {}", dir.path().display());
        Program::on(&cluster).run(&line).fails(
            7,
            &format!(
                "algo-logs: cannot write {}: it exists but is not a list that 'save' wrote: {why}\n\
                 algo-logs: acme/Odd: 1 saved, 1 failed, 2 B\n{RETRY_ONE}",
                path.display(),
            ),
        );
        assert_eq!(dir.read("acme/Odd/builds.json"), content.as_bytes());
        assert_eq!(dir.read("acme/Odd/2021-b1.log"), b"b1");
    }
    // A sparse file takes no space.
    let dir = TempDir::new();
    fs::create_dir_all(dir.join("acme/Odd")).unwrap();
    let path = dir.write("acme/Odd/versions.json", "");
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(257 * 1024 * 1024).unwrap();
    let line = format!("save acme/Odd -q -d {}", dir.path().display());
    let outcome = Program::on(&cluster).run(&line);
    assert_eq!(outcome.code, Some(7));
    let why = "versions.json: it exists but is larger than 256 MiB\n";
    assert!(outcome.stderr.contains(why), "{}", outcome.stderr);
}

#[test]
fn objects_are_stored_as_they_were_received() {
    let dir = TempDir::new();
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
        save(&cluster, &dir, "acme/Odd").is(0, "", &summary);
        let index = dir.read("acme/Odd/builds.json");
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
        let dir = TempDir::new();
        let runs = filters.map(|filter| {
            let line = format!("save acme/Paged -q {filter} -d {}", dir.join("new/logs"));
            let mut run = Program::on(&cluster).command(&line);
            run.stderr(std::process::Stdio::piped()).spawn().unwrap()
        });
        for run in runs {
            let outcome = Outcome::new(run.wait_with_output().unwrap(), None);
            outcome.is(0, "", "");
        }
        assert_eq!(names(&dir, "new/logs/acme/Paged").len(), 57 + 2);
        let builds = index(&dir, "new/logs/acme/Paged/builds.json", "/build_id");
        assert_eq!(builds.len(), 57, "round {round}");
    }
}
