//! `why`: the failing step on stdout, the note on stderr, and the exit code.

use serde_json::{Value, json};

use crate::cluster::data::{WAITING_BUILD, lemmatizer};
use crate::cluster::{Cluster, KEY, Reply};
use crate::program::{Program, TempDir, open_error};
#[cfg(target_os = "linux")]
use crate::terminals::on_terminal;

const BUILDS: &str = "/v1/algorithms/acme/x/builds";

const CLASSIC: &str = "Step 1/2 : FROM a\n ---> 0123456789ab\nStep 2/2 : RUN make\n ---> Running in a1b2c3d4e5f6\none\ntwo\nthree\nThe command '/bin/sh -c make' returned a non-zero code: 2\nUntagged: a:1\n";

fn build(id: &str, status: &str, started: &str) -> String {
    format!(
        r#"{{"build_id":"{id}","status":"{status}","commit_sha":"c0ffee","started_at":"{started}"}}"#
    )
}

/// One failed build, for [`listed`].
const FAILED: &[&str] = &["b1 failed c0ffee 2"];

/// Returns a build from `ID STATUS COMMIT DAY`.
fn item_of(text: &str) -> String {
    let [id, status, commit, day] = text.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{text}");
    };
    let started = format!("2021-08-0{day}T00:00:00Z");
    build(id, status, &started).replace("c0ffee", commit)
}

/// Starts a cluster that lists these builds of `acme/x`, all with this log.
fn listed(items: &[&str], log: &str) -> Cluster {
    let cluster = Cluster::start();
    let logs = json!({ "logs": log }).to_string();
    let items: Vec<_> = items
        .iter()
        .map(|item| (item.split_once(' ').unwrap().0, item_of(item)))
        .collect();
    for (id, item) in &items {
        cluster.script_always(&format!("{BUILDS}/{id}"), Reply::json(200, item));
        cluster.script_always(&format!("{BUILDS}/{id}/logs"), Reply::json(200, &logs));
    }
    let results: Vec<_> = items.into_iter().map(|(_, item)| item).collect();
    let list = format!(r#"{{"results":[{}]}}"#, results.join(","));
    cluster.script_always(BUILDS, Reply::json(200, &list));
    cluster
}

/// Returns the note about the build in [`FAILED`].
fn named(rest: &str) -> String {
    format!("algo-logs: build b1 (failed, commit c0ffee, started 2021-08-02T00:00:00Z): {rest}\n")
}

/// The notes on the builds of `acme/Lemmatizer`, when stderr is not a terminal.
const NEIGHBORS: &str = "algo-logs: last success: 7b1e90c4d5a83f26e0b9471cd2f35a68e4107c9d, 1d earlier (build 610651f0a3e9d40007b2c5d8, started 2021-08-01T07:45:20.117Z); git log 7b1e90c4d5a83f26e0b9471cd2f35a68e4107c9d..9d41e7ab52c60f38d1b7a4e90c25f86b3ad7e412\n\
    algo-logs: a newer build is in progress, started at 2021-08-03T09:30:11.020Z (build 5f0c2a7e-91d4-4b6a-8e3c-2d7b9a10c4e8, commit c0ffee1f4a2b8d97e6053c1b9a48d2f7e6105b3c)\n";

#[test]
fn the_newest_failed_build_is_explained() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let outcome = program.run("why acme/Lemmatizer -n 3");
    let build = format!(
        "algo-logs: build {} (failed, commit 9d41e7ab52c60f38d1b7a4e90c25f86b3ad7e412, started 2021-08-02T21:12:56.442Z): step 19/21, exit code 1, the last 3 of 40 lines; use -n N for more\n",
        lemmatizer::FAILED
    );
    outcome.is(
        0,
        "Step 19/21 : RUN python3.9 -m pytest -q src\n\
         E       AssertionError: assert 'haus' == 'Haus'\n\
         … 36 lines …\n\
         =========================== short test summary info ============================\n\
         FAILED src/Lemmatizer_test_17.py::test_lemmatize_keeps_the_case - AssertionEr...\n\
         1 failed, 911 passed in 12.41s\n\
         The command '/bin/sh -c python3.9 -m pytest -q src' returned a non-zero code: 1\n",
        &(build + NEIGHBORS),
    );
    // Choose the build by its ID, by an abbreviation of it, and by its commit.
    for which in [lemmatizer::FAILED, &lemmatizer::FAILED[..8], "-c 9d41e7a"] {
        let by = program.run(&format!("why acme/Lemmatizer {which} -n 3 -q"));
        by.prints(&outcome.stdout);
    }
    // 20 lines by default.
    let outcome = program.run("why acme/Lemmatizer -q");
    assert_eq!(outcome.stdout_text().lines().count(), 23);
}

#[cfg(target_os = "linux")]
#[test]
fn everything_fits_a_terminal() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let (code, shown) = on_terminal(&program, "why acme/Lemmatizer --color never");
    assert_eq!(code, 0, "{shown}");
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines.len() <= 30, "{shown}");
    assert!(
        lines.iter().all(|line| line.chars().count() <= 80),
        "{shown}"
    );
    let [named, count, header, .., success, newer] = &lines[..] else {
        panic!("{shown}");
    };
    assert!(named.starts_with("build b7d3f1c9 failed "), "{shown}");
    assert!(
        named.ends_with("y ago (commit 9d41e7a): step 19/21, exit code 1"),
        "{shown}"
    );
    assert_eq!(*count, "the last 20 of 40 lines; use -n N for more");
    assert_eq!(*header, "Step 19/21 : RUN python3.9 -m pytest -q src");
    assert_eq!(
        *success,
        "last success: 7b1e90c, 1d earlier; git log 7b1e90c..9d41e7a"
    );
    assert!(
        newer.starts_with("a newer build is in progress, started "),
        "{shown}"
    );
    assert!(newer.ends_with("y ago"), "{shown}");
}

/// Which build is explained, from a list of `ID STATUS COMMIT DAY`, and the exit code.
#[test]
fn the_newest_finished_build_that_did_not_succeed_is_explained() {
    for (list, line, code, expected) in [
        (
            &["b3 in-progress aa 3", "b2 failed bb 2", "b1 failed cc 1"][..],
            "",
            0,
            "b2",
        ),
        (
            &["b3 succeeded aa 3", "b2 canceled bb 2", "b1 failed cc 1"],
            "",
            0,
            "b2",
        ),
        (&["b3 timed-out aa 3", "b1 failed cc 1"], "", 0, "b3"),
        (&["b1 failed aa 1", "b2 failed bb 2"], "", 0, "b2"),
        (&["b3 failed aa 3", "b2 failed bb 2"], "-c bb", 0, "b2"),
        (&["b3 in-progress bb 3", "b2 failed bb 2"], "-c bb", 0, "b2"),
        (
            &["b3 succeeded aa 3", "b2 in-progress bb 2"],
            "",
            5,
            "acme/x has no failed build",
        ),
        (
            &["b2 in-progress bb 2"],
            "",
            5,
            "acme/x has no failed build",
        ),
        (
            &["b2 in-progress bb 2", "b1 failed cc 1"],
            "-c bb",
            8,
            "build b2 of acme/x: the build is still in progress",
        ),
        (
            &["b3 in-progress bb 3", "b2 succeeded bb 2"],
            "-c bb",
            5,
            "acme/x has no failed build of commit bb",
        ),
        (
            &["b2 failed aa 2"],
            "-c bb",
            5,
            "acme/x has no failed build of commit bb",
        ),
        (
            &["b2 succeeded bb 2"],
            "b2",
            5,
            "build b2 of acme/x succeeded",
        ),
        (&["b2 canceled bb 2"], "b2", 0, "b2"),
    ] {
        let cluster = listed(list, CLASSIC);
        let outcome = Program::on(&cluster).run(&format!("why acme/x {line} --json"));
        assert_eq!(outcome.code, Some(code), "{list:?} {line}: {outcome:?}");
        if code == 0 {
            let json: Value = serde_json::from_str(&outcome.stdout_text()).unwrap();
            assert_eq!(json["build_id"], expected, "{list:?} {line}");
        } else {
            let message = format!(r#""message":"{expected}"#);
            assert!(
                outcome.stderr.contains(&message),
                "{list:?} {line}: {outcome:?}"
            );
        }
    }
}

/// The notes on the builds around `b5`, whose commit is `bb`.
#[test]
fn notes_name_the_last_success_and_a_newer_build() {
    let success = |id: &str, commit: &str, day: u32, rest: &str| {
        format!(
            "algo-logs: last success: {commit}, {}d earlier (build {id}, started 2021-08-0{day}T00:00:00Z); {rest}\n",
            5 - day
        )
    };
    let newer = |id: &str, status: &str, day: u32| {
        format!(
            "algo-logs: a newer build {status} at 2021-08-0{day}T00:00:00Z (build {id}, commit cc)\n"
        )
    };
    let explained = "b5 failed bb 5";
    for (list, notes) in [
        (&[explained][..], String::new()),
        (
            &[
                "b6 failed cc 6",
                explained,
                "b4 canceled aa 4",
                "b3 in-progress aa 3",
            ],
            String::new(),
        ),
        (
            &[
                explained,
                "b4 failed aa 4",
                "b3 succeeded aa 3",
                "b2 succeeded ab 2",
            ],
            success("b3", "aa", 3, "git log aa..bb"),
        ),
        (
            &[explained, "b2 succeeded ab 2", "b3 succeeded aa 3"],
            success("b3", "aa", 3, "git log aa..bb"),
        ),
        (
            &[explained, "b4 succeeded bb 4"],
            success("b4", "bb", 4, "the same commit"),
        ),
        (
            &[explained, "b4 succeeded $(a) 4"],
            success("b4", "$(a)", 4, "").replace("; \n", "\n"),
        ),
        (
            &["b7 succeeded cc 7", "b6 succeeded cc 6", explained],
            newer("b7", "succeeded", 7),
        ),
        (
            &["b7 in-progress cc 7", "b6 succeeded cc 6", explained],
            newer("b6", "succeeded", 6),
        ),
        (
            &["b7 in-progress cc 7", "b6 failed cc 6", explained],
            newer("b7", "is in progress, started", 7),
        ),
        (
            &["b6 succeeded cc 6", explained, "b4 succeeded aa 4"],
            success("b4", "aa", 4, "git log aa..bb") + &newer("b6", "succeeded", 6),
        ),
    ] {
        let cluster = listed(list, CLASSIC);
        let outcome = Program::on(&cluster).run("why acme/x b5");
        let named = "algo-logs: build b5 (failed, commit bb, started 2021-08-05T00:00:00Z): step 2/2, exit code 2\n";
        assert_eq!(outcome.stderr, format!("{named}{notes}"), "{list:?}");
    }
}

/// One page is enough if it has the success; a third one is never requested, and a failure is silent.
#[test]
fn notes_need_at_most_two_pages() {
    let page = |items: &[&str], marker: &str| {
        let items: Vec<_> = items.iter().map(|item| item_of(item)).collect();
        Reply::json(
            200,
            &format!(r#"{{"marker":"{marker}","results":[{}]}}"#, items.join(",")),
        )
    };
    let down = || Reply::json(503, "{}");
    let failed = ["b5 failed bb 5"];
    let success = ["b4 succeeded aa 4"];
    let note = "last success: aa";
    for (pages, requests, noted) in [
        (vec![page(&[failed[0], success[0]], "m")], 1, true),
        (vec![page(&failed, "m"), page(&success, "n")], 2, true),
        (
            vec![
                page(&failed, "m"),
                page(&["b3 failed bb 3"], "n"),
                page(&success, "o"),
            ],
            2,
            false,
        ),
        (vec![down()], 1, false),
        (vec![page(&failed, "m"), down()], 2, false),
    ] {
        let cluster = listed(&failed, CLASSIC);
        for reply in pages {
            cluster.script(BUILDS, reply);
        }
        let outcome = Program::on(&cluster).run("why acme/x b5");
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert_eq!(outcome.stderr.contains(note), noted, "{outcome:?}");
        assert_eq!(
            outcome.stderr.lines().count(),
            1 + usize::from(noted),
            "{outcome:?}"
        );
        let lists = cluster.requests().into_iter();
        let lists = lists.filter(|request| request.path() == BUILDS);
        assert_eq!(lists.count(), requests);
    }
    // Without notes, there is no such request.
    let cluster = listed(&failed, CLASSIC);
    Program::on(&cluster).run("why acme/x b5 -q");
    assert!(
        cluster
            .requests()
            .iter()
            .all(|request| request.path().starts_with(&format!("{BUILDS}/b5")))
    );
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
    let logs = json!({ "logs": CLASSIC }).to_string();
    cluster.script_always(&format!("{BUILDS}/12345678/logs"), Reply::json(200, &logs));
    for id in ["12345678", "1234567"] {
        let outcome = Program::on(&cluster).run(&format!("why acme/x {id} --json -q"));
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let json: Value = serde_json::from_str(&outcome.stdout_text()).unwrap();
        assert_eq!(json["build_id"], "12345678");
    }
}

/// What is printed, and what the note says after the name of the build.
#[test]
fn the_note_says_what_was_found() {
    let step = "Step 2/2 : RUN make\n";
    let error = "The command '/bin/sh -c make' returned a non-zero code: 2\n";
    let built = "Step 1/1 : FROM a\n ---> 0123456789ab\nSuccessfully built 0123456789ab\n";
    let metadata = "#1 [internal] load build definition\n#1 DONE 0.0s\n#2 [internal] load metadata for a\n#2 ERROR: not found\n";
    let excerpt = "Dockerfile:2\n--------------------\n   2 | >>> COPY a b\n--------------------\n";
    let solve = "ERROR: failed to solve: a: not found\n";
    for (log, line, text, note) in [
        (CLASSIC.to_owned(), "", format!("{step}one\ntwo\nthree\n{error}"), "step 2/2, exit code 2"),
        (CLASSIC.to_owned(), "-n 1", format!("{step}… 2 lines …\nthree\n{error}"), "step 2/2, exit code 2, the last 1 of 3 lines; use -n N for more"),
        (CLASSIC.to_owned(), "-n 2", format!("{step}… 1 line …\ntwo\nthree\n{error}"), "step 2/2, exit code 2, the last 2 of 3 lines; use -n N for more"),
        // The lines that report an error do not count as left out.
        (CLASSIC.replace("one", "error: one\n1.5"), "-n 2", format!("{step}error: one\n… 1 line …\ntwo\nthree\n{error}"), "step 2/2, exit code 2, the last 2 of 4 lines; use -n N for more"),
        (CLASSIC.replace("one", "error: one"), "-n 2", format!("{step}error: one\ntwo\nthree\n{error}"), "step 2/2, exit code 2, the last 2 of 3 lines; use -n N for more"),
        // 1000 lines are the maximum, so the note does not suggest more.
        (CLASSIC.replace("one\n", &"one\n".repeat(1000)), "-n 1000", format!("{step}… 2 lines …\n{}two\nthree\n{error}", "one\n".repeat(998)), "step 2/2, exit code 2, the last 1000 of 1002 lines"),
        (CLASSIC.replace("code: 2", "code: 127"), "", format!("{step}one\ntwo\nthree\n{}", error.replace('2', "127")), "step 2/2, exit code 127 (command not found)"),
        (CLASSIC.replace("code: 2", "code: 137"), "", format!("{step}one\ntwo\nthree\n{}", error.replace('2', "137")), "step 2/2, exit code 137 (killed, most often because it ran out of memory)"),
        ("Step 1/1 : FROM none\npull access denied\n".to_owned(), "", "Step 1/1 : FROM none\npull access denied\n".to_owned(), "step 1/1"),
        ("[error] not found: value x\n\nUntagged: a:1\n".to_owned(), "", "[error] not found: value x\n".to_owned(), "the log has no Docker steps"),
        // BuildKit was killed before it could report an error.
        ("#1 [1/2] FROM x\n#1 DONE 0.1s\n#2 [2/2] RUN make\n#2 0.5 cc -c a.c\n".to_owned(), "", "[2/2] RUN make\ncc -c a.c\n".to_owned(), "step 2/2"),
        ("#6 [builder 3/4] RUN make\n#6 0.4 boom\n#6 ERROR: process did not complete successfully: exit code: 2\n".to_owned(), "", "[builder 3/4] RUN make\nboom\nprocess did not complete successfully: exit code: 2\n".to_owned(), "step 3/4, exit code 2"),
        // A vertex that printed nothing: the excerpt of the Dockerfile.
        (format!("#6 [2/2] COPY a b\n#6 ERROR: not found\n{excerpt}{solve}"), "", format!("[2/2] COPY a b\n{excerpt}{solve}"), "step 2/2"),
        // The log does not show the failed step.
        (metadata.to_owned(), "", "[internal] load metadata for a\nnot found\n".to_owned(), "failed before the first step"),
        ("Sending build context to Docker daemon 2kB\nunknown instruction: RUNN\n".to_owned(), "", "unknown instruction: RUNN\n".to_owned(), "failed before the first step"),
        (format!("boom\n{error}"), "", format!("boom\n{error}"), "the beginning of the log is missing, exit code 2"),
        ("#5 [1/1] RUN a\n#5 DONE 0.1s\nfailed to solve: a\n".to_owned(), "", "failed to solve: a\n".to_owned(), "no step failed"),
        (format!("{built}The push refers to a\ndenied: no\n"), "", "The push refers to a\ndenied: no\n".to_owned(), "the image was built; the build failed later"),
        (format!("{built}1\n2\n3\n"), "-n 1", "… 2 lines …\n3\n".to_owned(), "the image was built; the build failed later, the last 1 of 3 lines; use -n N for more"),
        // The service's status decides, regardless of the log.
        (format!("{built}Untagged: a:1\n"), "", String::new(), "the image was built; the build failed later"),
    ] {
        let outcome = Program::on(&listed(FAILED, &log)).run(&format!("why acme/x {line}"));
        outcome.is(0, text, &named(note));
    }
}

#[test]
fn json_is_one_object() {
    let list = ["b5 failed bb 5", "b4 succeeded aa 4"];
    let log = CLASSIC.replace("one", "error: one");
    let of_build = Program::on(&listed(&list, &log)).run("why acme/x --json -q -n 2");
    let plain = Program::bare()
        .stdin("plain\u{9b}31m\n")
        .run("why --file - --json -q");
    assert!(plain.stdout_text().contains(r"plain\u009b31m"));
    for (outcome, expected) in [
        (
            of_build,
            json!({
                "build_id": "b5", "status": "failed", "commit_sha": "bb", "started_at": "2021-08-05T00:00:00Z",
                "last_success": {"build_id": "b4", "commit_sha": "aa", "started_at": "2021-08-04T00:00:00Z"},
                "builder": "classic", "stage": null, "step": 2, "steps": 2, "instruction": "RUN make",
                "exit_code": 2, "error": "The command '/bin/sh -c make' returned a non-zero code: 2",
                "earlier": [{"line": 1, "text": "error: one"}], "output": ["two", "three"], "output_lines": 3,
            }),
        ),
        // What is not known is null.
        (
            plain,
            json!({
                "build_id": null, "status": null, "commit_sha": null, "started_at": null, "last_success": null,
                "builder": null, "stage": null, "step": null, "steps": null, "instruction": null,
                "exit_code": null, "error": null, "earlier": [], "output": ["plain\u{9b}31m"], "output_lines": 1,
            }),
        ),
    ] {
        let text = outcome.stdout_text();
        assert_eq!(text.find('\n'), Some(text.len() - 1), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    }
}

#[test]
fn a_saved_log_needs_no_cluster() {
    let dir = TempDir::new();
    let file = dir.write("a.log", CLASSIC);
    let text = "Step 2/2 : RUN make\n… 2 lines …\nthree\nThe command '/bin/sh -c make' returned a non-zero code: 2\n";
    let note = "algo-logs: step 2/2, exit code 2, the last 1 of 3 lines; use -n N for more\n";
    Program::bare()
        .run(&format!("why --file {file} -n 1"))
        .is(0, text, note);
    Program::bare()
        .stdin(CLASSIC)
        .run("why --file - -n 1")
        .is(0, text, note);
    // Even unusable settings do not matter.
    let program = Program::bare()
        .env("ALGORITHMIA_API", "http://a b")
        .env("SSL_CERT_FILE", "/nowhere");
    program
        .run(&format!("why --file {file} -q -n 1"))
        .prints(text);
    for argument in ["acme/x", "1234567", "-c aa"] {
        let outcome = Program::bare().run(&format!("why {argument} --file {file}"));
        outcome.fails(2, &outcome.stderr);
    }
    for (content, code, message) in [
        ("\n\nUntagged: a:1\n", 5, "the log in stdin is empty"),
        (
            " {\n \"logs\": \"a\"}",
            2,
            "stdin is a JSON document, not a log; 'jq -r .logs' prints the log in it",
        ),
    ] {
        let outcome = Program::bare().stdin(content).run("why --file -");
        outcome.fails(code, &format!("algo-logs: {message}\n"));
    }
    let built = "Step 1/1 : FROM a\n ---> 0123456789ab\nSuccessfully built 0123456789ab\n";
    let note = "algo-logs: the image was built; the log shows no failure\n";
    let outcome = Program::bare().stdin(built).run("why --file -");
    outcome.is(0, "", note);
    let json = dir.write("a.json", r#"{"logs":"a"}"#);
    let outcome = Program::bare().run(&format!("why --file {json}"));
    outcome.fails(
        2,
        &format!(
            "algo-logs: {json} is a JSON document, not a log; 'jq -r .logs' prints the log in it\n"
        ),
    );
    let missing = dir.join("missing");
    let outcome = Program::bare().run(&format!("why --file {missing}"));
    outcome.fails(
        2,
        &format!(
            "algo-logs: cannot read {missing}: {}\n",
            open_error(&missing)
        ),
    );
    let outcome = Program::bare().run(&format!("why --file {}", dir.path().display()));
    outcome.fails(2, &outcome.stderr);
}

/// A log can command neither a terminal nor a build server, and the key is not shown.
#[test]
fn text_of_a_log_is_made_safe() {
    let log = format!(
        "Step 1/1 : RUN \u{1b}[5m##[group]\n ---> Running in 0123456789ab\n  ::error::a\n##vso[task]b\n##\u{9b}31m[c]\n\td\u{202e}\u{8}\u{7}\n{KEY}\nThe command '##teamcity[a]' returned a non-zero code: 1\n"
    );
    let safe = "Step 1/1 : RUN # #[group]\n  : :error::a\n# #vso[task]b\n# #\u{fffd}31m[c]\n\td\u{fffd}\u{fffd}\u{fffd}\n[key]\nThe command '# #teamcity[a]' returned a non-zero code: 1\n";
    let cluster = listed(FAILED, &log);
    let program = Program::on(&cluster);
    program.run("why acme/x -q").prints(safe);
    #[cfg(target_os = "linux")]
    assert_eq!(on_terminal(&program, "why acme/x -q --color never").1, safe);
    let json = program.run("why acme/x -q --json").stdout_text();
    for unsafe_text in ["##", "\u{1b}", "\u{9b}", "\u{202e}", "\u{8}", "\u{7}", KEY] {
        assert!(!json.contains(unsafe_text), "{unsafe_text:?} in {json}");
    }
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["output"][0], "  ::error::a");
}

#[test]
fn colors_mark_the_header_and_the_error() {
    let cluster = listed(FAILED, CLASSIC);
    let program = Program::on(&cluster);
    let marked = "\x1b[1mStep 2/2 : RUN make\x1b[0m\n… 2 lines …\nthree\n\
                  \x1b[31mThe command '/bin/sh -c make' returned a non-zero code: 2\x1b[0m\n";
    program
        .run("why acme/x -q --color always -n 1")
        .prints(marked);
    #[cfg(target_os = "linux")]
    assert_eq!(on_terminal(&program, "why acme/x -q -n 1").1, marked);
}

#[test]
fn errors_if_there_is_nothing_to_explain() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let lists = "'algo-logs builds acme/Empty' lists the builds";
    program.run("why acme/Empty").fails(
        5,
        &format!("algo-logs: acme/Empty has no failed build; {lists}\n"),
    );
    for log in ["", "\n\n", "Untagged: a:1\n"] {
        let outcome = Program::on(&listed(FAILED, log)).run("why acme/x b1");
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

/// Nothing is printed until the whole log has been read.
#[test]
fn a_truncated_log_prints_nothing() {
    let cluster = listed(FAILED, "");
    let cut =
        "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{\"logs\":\"Step 1/1 : RUN x\\nboom\\n";
    cluster.script(&format!("{BUILDS}/b1/logs"), Reply::raw().send(cut).fin());
    let outcome = Program::on(&cluster).run("why acme/x --retries 0");
    outcome.fails(
        6,
        "algo-logs: log of build b1 of acme/x: the response was cut short\n",
    );
}
