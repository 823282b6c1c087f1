//! The program's output to a terminal: a pseudo-terminal created by util-linux's `script`.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::cluster::big::{BigLog, Flavour};
use crate::cluster::data::{WAITING_LOG, lemmatizer::FULL};
use crate::cluster::{Cluster, KEY, Reply};
use crate::program::{Program, TempDir};

const X: &str = "/v1/algorithms/acme/x";
const LOGS: &str = "/v1/algorithms/acme/x/builds/b1/logs";
const BUILDS: &str = "/v1/algorithms/acme/x/builds";
const BUILD: &str = "/v1/algorithms/acme/x/builds/b1";
const FINISHED: &str =
    r#"{"build_id":"b1","status":"succeeded","commit_sha":"c","started_at":"s"}"#;
const LINE: &str = "log acme/x b1 --retries 0";

/// Runs a command line with stdout and stderr on a terminal. Returns the exit code and what the terminal received, with
/// CR LF changed back to LF.
pub(crate) fn on_terminal(program: &Program, line: &str) -> (i32, String) {
    let inner = program.command(line);
    let words = std::iter::once(inner.get_program()).chain(inner.get_args());
    let quoted: Vec<String> = words
        .map(|word| format!("'{}'", word.to_string_lossy()))
        .collect();
    let mut command = Command::new("script");
    command
        .args(["-qec", &quoted.join(" "), "/dev/null"])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::null());
    for (name, value) in inner.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let output = command.output().expect("util-linux's script is installed");
    let shown = String::from_utf8(output.stdout).expect("a terminal is sent UTF-8");
    assert!(!shown.contains(KEY));
    let code = output.status.code().expect("script ends by itself");
    (code, shown.replace("\r\n", "\n"))
}

#[track_caller]
fn shows(program: &Program, line: &str, code: i32, expected: &str) {
    assert_eq!(on_terminal(program, line), (code, expected.to_owned()));
}

/// Starts a cluster that serves a log. `log` is the inside of a JSON string.
fn with_log(log: &str) -> Cluster {
    let cluster = Cluster::start();
    cluster.script_always(LOGS, Reply::json(200, &format!(r#"{{"logs":"{log}"}}"#)));
    cluster
}

#[test]
fn only_text_and_colors_of_a_log_pass() {
    for (log, expected) in [
        (
            r"\u001b[91mred\u001b[0m\n\u001b[1;38;5;200mand bold",
            "\u{1b}[91mred\u{1b}[0m\n\u{1b}[1;38;5;200mand bold\u{1b}[0m\n",
        ),
        (r"10%\r100%\r\ndone\r", "10%\n100%\ndone\n"),
        // The title, the screen, the clipboard, a status request, another character set, cursor movement, a bell, C1
        // controls, a bidi control, and a link.
        (
            concat!(
                r"a\u001b]0;title\u0007b\u001b[2Jc\u001b]52;c;bHM=\u001b\\d\u001b[6ne\u001b(0f\u001b[1Ag\u0007",
                r"h\u009b2Ji\u202ej\u001b]8;;http://evil\u001b\\k\b\n",
            ),
            "abcdefg\u{fffd}h\u{fffd}2Ji\u{fffd}jk\u{fffd}\n",
        ),
    ] {
        shows(&Program::on(&with_log(log)), LINE, 0, expected);
    }
}

#[test]
fn an_error_below_an_unfinished_log_starts_a_new_line_without_colors() {
    let cluster = Cluster::start();
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"logs\":\"\\u001b[91mred";
    cluster.script_always(LOGS, Reply::raw().send(cut).fin());
    let error = "algo-logs: log of build b1 of acme/x: the response was cut short\n";
    for (option, end) in [("", "\u{1b}[0m\n"), (" --raw", "\n")] {
        let expected = format!("\u{1b}[91mred{end}{error}");
        shows(
            &Program::on(&cluster),
            &format!("{LINE}{option}"),
            6,
            &expected,
        );
    }
}

#[test]
fn colors_can_be_disabled_and_raw_output_enabled() {
    let cluster = with_log(r"\u001b[91mred\u001b[0m\u001b]0;t\u0007\n");
    let program = Program::on(&cluster);
    shows(&program, &format!("{LINE} --plain"), 0, "red\n");
    let never = "red\n";
    let colored = "\u{1b}[91mred\u{1b}[0m\n\u{1b}[0m";
    for (name, value, auto) in [
        ("NO_COLOR", "1", never),
        ("NO_COLOR", "", colored),
        ("TERM", "dumb", never),
        ("TERM", "xterm", colored),
    ] {
        let program = program.clone().env(name, value);
        for (option, expected) in [
            ("", auto),
            (" --color auto", auto),
            (" --color always", colored),
            (" --color never", never),
        ] {
            shows(&program, &format!("{LINE}{option}"), 0, expected);
        }
    }
    shows(
        &program,
        &format!("{LINE} --raw"),
        0,
        "\u{1b}[91mred\u{1b}[0m\u{1b}]0;t\u{7}\n",
    );
}

#[test]
fn tables_fit_80_columns_and_have_no_control_characters() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster).env("NO_COLOR", "1");
    let hash = "8e36fbf53f57fa1f1b681b1f1ab178b6f989976f";
    // The age of a build in the future is 0.
    let build = |id: u64, status: &str, rest: &str| {
        format!(
            r#"{{"build_id":"5f0c2a7e-91d4-4b6a-8e3c-{id:012}","status":"{status}","commit_sha":"{hash}",
                "started_at":"2999-07-29T21:00:00Z"{rest}}}"#
        )
    };
    let finished =
        r#","finished_at":"2999-07-29T21:12:48Z","version_info":{"semantic_version":"10.10.10"}"#;
    let builds = [
        build(1, "in-progress", ""),
        build(2, "succeeded", finished),
        build(3, "waiting-for-a-machine", ""),
        build(4, r"x\u001b[2J\n\u202e", ""),
    ];
    let list = format!(r#"{{"results":[{}]}}"#, builds.join(","));
    cluster.script_always(BUILDS, Reply::json(200, &list));
    shows(
        &program,
        "builds acme/x",
        0,
        "STATUS       COMMIT   AGE  TIME    VERSION  BUILD ID\n\
         in-progress  8e36fbf  0s   -       -        5f0c2a7e-91d4-4b6a-8e3c-000000000001\n\
         succeeded    8e36fbf  0s   12m48s  10.10.…  5f0c2a7e-91d4-4b6a-8e3c-000000000002\n\
         waiting-fo…  8e36fbf  0s   -       -        5f0c2a7e-91d4-4b6a-8e3c-000000000003\n\
         x\u{fffd}[2J\u{fffd}\u{fffd}      8e36fbf  0s   -       -        5f0c2a7e-91d4-4b6a-8e3c-000000000004\n",
    );
    let version = format!(
        r#"{{"version_info":{{"semantic_version":"1.0.0-a-long-prerelease","git_hash":"{hash}"}},
            "settings":{{"algorithm_callability":"private"}},"build":{}}}"#,
        builds[1]
    );
    let list = format!(r#"{{"results":[{version}]}}"#);
    cluster.script_always("/v1/algorithms/acme/x/versions", Reply::json(200, &list));
    shows(
        &program,
        "versions acme/x",
        0,
        "VERSION             COMMIT   AGE  CALLABLE  BUILD ID\n\
         1.0.0-a-long-prer…  8e36fbf  0s   private   5f0c2a7e-91d4-4b6a-8e3c-000000000002\n",
    );
}

#[test]
fn notes_and_errors_are_lines_without_escape_sequences() {
    let cluster = Cluster::start();
    let list = r#"{"results":[{"build_id":"b1","status":"s\u001b[2J","commit_sha":"c\nd","started_at":"\u0007"}]}"#;
    cluster.script_always(BUILDS, Reply::json(200, list));
    let words = format!(r#"{{"error":"a\n\u001b[2J\u009b1m::error::\u0007 {KEY}"}}"#);
    cluster.script(LOGS, Reply::json(200, r#"{"logs":"x\n"}"#));
    cluster.script(LOGS, Reply::json(500, &words));
    let program = Program::on(&cluster);
    let note = "build b1 s\u{fffd}[2J (commit c\u{fffd}d)\n";
    shows(&program, "log acme/x", 0, &format!("{note}x\n"));
    let error = "algo-logs: log of build b1 of acme/x: the cluster failed (status 500), \
                 the service says: a\u{fffd}\u{fffd}[2J\u{fffd}1m::error::\u{fffd} [key]\n";
    shows(&program, LINE, 1, error);
}

/// Checks every note of the commands that show lists and logs. Only a command to copy may be longer.
#[test]
fn notes_have_no_prefix_and_fit_80_columns() {
    let cluster = Cluster::start();
    let hash = "8e36fbf53f57fa1f1b681b1f1ab178b6f989976f";
    let id = "5f0c2a7e-91d4-4b6a-8e3c-2d7b9a10c4e8";
    let long = "long-".repeat(60);
    let build = |status: &str| {
        format!(
            r#"{{"build_id":"{id}","status":"{status}","commit_sha":"{hash}",
                "started_at":"2021-07-29T21:12:56.442Z","finished_at":"2021-07-29T22:13:56.442Z"}}"#
        )
    };
    let list = |build: &str| Reply::json(200, &format!(r#"{{"results":[{build},{build}]}}"#));
    let log = |log: &str| Reply::json(200, &format!(r#"{{"logs":"{log}"}}"#));
    let version = format!(
        r#"{{"version_info":{{"semantic_version":"1.0.0-{long}","git_hash":"{hash}"}},
            "build":{{"build_id":"{id}"}},"compilation":{{"output":"x\n"}}}}"#
    );
    cluster.script_always(&format!("{X}/versions"), list(&version));
    cluster.script_always(&format!("{X}/versions/{hash}"), Reply::json(200, &version));
    cluster.script_always(
        "/v1/users/acme/algorithms",
        Reply::json(
            200,
            r#"[{"username":"acme","algoname":"x"},{"username":"acme","algoname":"y"}]"#,
        ),
    );
    let one = format!("{BUILDS}/{id}");
    let logs = format!("{one}/logs");
    let message = format!(r#"{{"error":"{long}"}}"#);
    let lost = Reply::json(404, r#"{"error":{"code":1011}}"#);
    let wait_for_id = format!("log acme/x {id} --wait=1");
    for status in ["failed", "in-progress", &long] {
        cluster.script_always(BUILDS, list(&build(status)));
        cluster.script_always(
            &one,
            Reply::json(
                200,
                &build(status.replace("in-progress", "succeeded").as_str()),
            ),
        );
        for (line, reply) in [
            ("log acme/x", log("")),
            ("log acme/x", log(r"\ud800\ud800\n")),
            ("log acme/x", lost.clone()),
            (&*wait_for_id, log(r"x\n")),
            (
                "log acme/x -c 8e36fbf53f57fa1f1b681b1f1ab178b6f989976f --wait=1",
                log(r"x\n"),
            ),
            ("log acme/x/8e36fbf", log(r"x\n")),
            ("builds acme/x -L 1", log("")),
            ("builds acme -L 1", log("")),
            ("versions acme/x -L 1", log("")),
            ("builds acme/Empty", log("")),
            ("builds acme/x -L 1 -c 12345678", log("")),
        ] {
            cluster.script_always(&logs, reply);
            let failed = Reply::json(503, &message).header("Retry-After", "0");
            match line {
                _ if line.contains(id) => cluster.script(&one, failed),
                _ if line.contains("--wait") => {}
                _ => cluster.script(BUILDS, failed),
            }
            let program = Program::on(&cluster).env("TERM", "dumb");
            let (code, shown) = on_terminal(&program, line);
            assert_eq!(code, 0, "{line}: {shown}");
            for note in shown.lines() {
                let text = note.split("; 'algo-logs why ").next().unwrap();
                assert!(text.chars().count() <= 80, "{line}: {note}");
                assert!(!note.starts_with("algo-logs:"), "{line}: {note}");
            }
        }
    }
}

#[test]
fn a_file_named_by_o_gets_exact_bytes_from_a_terminal_too() {
    let cluster = with_log(r"\u001b]0;t\u0007\r\n");
    let dir = crate::program::TempDir::new();
    let file = dir.join("f");
    shows(
        &Program::on(&cluster),
        &format!("{LINE} -q -o {file}"),
        0,
        "",
    );
    assert_eq!(dir.read("f"), b"\x1b]0;t\x07\r\n");
}

/// Returns the successive texts of the progress line, and what was shown after it.
fn progress(shown: &str) -> (Vec<&str>, &str) {
    const CLEAR: &str = "\r\u{1b}[K";
    let mut states: Vec<&str> = shown.split(CLEAR).collect();
    assert_eq!(
        states.remove(0),
        "",
        "shown before the progress line: {shown:?}"
    );
    let rest = states.pop().expect("it is cleared at the end");
    (states, rest)
}

/// Returns a log of 1 MB that arrives within half a second.
fn slow_log() -> Reply {
    let document = BigLog::new(Flavour::Docker, 1_000_000).document();
    let length = document.len().to_string();
    let head = Reply::status(200).header("Content-Length", &length);
    document.chunks(20_000).fold(head, |reply, chunk| {
        reply.wait(Duration::from_millis(10)).send(chunk)
    })
}

#[test]
fn a_download_shows_its_progress() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    cluster.script_always(LOGS, slow_log());
    let line = format!("{LINE} -o {}", dir.join("log"));
    let program = Program::on(&cluster);
    let started = Instant::now();
    let (code, shown) = on_terminal(&program, &line);
    let tenths = started.elapsed().as_millis() / 100;
    assert_eq!(code, 0);
    let (states, rest) = progress(&shown);
    assert_eq!(rest, "");
    // The download takes half a second, and the line is drawn at most ten times a second.
    assert!(
        (2..=tenths as usize + 1).contains(&states.len()),
        "{states:?}"
    );
    for state in states {
        let words: Vec<&str> = state.split(' ').collect();
        assert!(
            matches!(words[..], [_, "kB," | "MB,", _, "kB/s" | "MB/s"]),
            "{state}"
        );
    }
    // There is no progress line with -q, or if the log itself is shown.
    shows(&program, &format!("{line} -q"), 0, "");
    let (_, shown) = on_terminal(&program, LINE);
    assert!(!shown.contains("\u{1b}[K"));
}

#[test]
fn a_save_shows_where_it_is() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    cluster.latency(Duration::from_millis(30));
    let line = format!(
        "save acme/Paged acme/Lemmatizer -L 9 -j 1 -d {}",
        dir.join(".")
    );
    // A retry is shown for a while, so only the last log needs one.
    let logs = format!("/v1/algorithms/acme/Lemmatizer/builds/{FULL}/logs");
    cluster.script(&logs, Reply::status(503).header("Retry-After", "0"));
    let (code, shown) = on_terminal(&Program::on(&cluster), &line);
    assert_eq!(code, 0);
    assert!(
        shown
            .split(['\n', '\r'])
            .all(|line| line.chars().count() <= 80 + "\x1b[K".len()),
        "{shown}"
    );
    let (states, rest) = progress(&shown);
    let note = "the log of build 09f7c2e1 of acme/Lemmatizer is gone\n";
    assert!(shown.contains(note), "{shown}");
    let retry =
        |state: &&str| state.starts_with("log of build") && state.contains("; retrying in ");
    assert!(states.iter().any(retry), "{states:?}");
    for (start, middle) in [
        ("algorithm 1 of 2, ", " of 9 builds, "),
        ("algorithm 2 of 2, ", " of 7 builds, "),
    ] {
        let drawn = |state: &&str| state.starts_with(start) && state.contains(middle);
        assert!(states.iter().any(drawn), "{states:?}");
    }
    assert_eq!(
        rest,
        "acme/Paged: 9 saved, 603 B\n\
         acme/Lemmatizer: 5 saved, 1 still in progress, 1 without a log, 100.7 kB\n\
         total: 14 saved, 1 still in progress, 1 without a log, 101.3 kB\n"
    );
}

#[test]
fn a_progress_line_fits_a_terminal_of_80_columns() {
    let cluster = Cluster::start();
    // Wide characters take two columns each.
    for why in ["x".repeat(200), "長".repeat(60), "e\u{301}".repeat(90)] {
        let error = format!(r#"{{"error":"{why}"}}"#);
        cluster.script(BUILD, Reply::json(500, &error));
        cluster.script(BUILD, Reply::json(200, FINISHED));
        cluster.script(LOGS, Reply::json(200, r#"{"logs":"x\n"}"#));
        let (code, shown) = on_terminal(&Program::on(&cluster), &format!("{LINE} --wait=1"));
        assert_eq!(code, 0, "{shown}");
        let (states, rest) = progress(&shown);
        assert!(rest.ends_with("\nx\n"), "{rest}");
        assert!(!states.is_empty());
        for state in states {
            let columns: usize = state.chars().map(|c| if c == '長' { 2 } else { 1 }).sum();
            assert!(columns <= 79, "{columns}: {state}");
        }
    }
}

#[test]
fn a_dumb_terminal_gets_text_only() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    cluster.script(LOGS, slow_log());
    let program = Program::on(&cluster).env("TERM", "dumb");
    let line = format!("{LINE} -o {}", dir.join("log"));
    shows(&program, &line, 0, "");
    let line = format!("save acme/Paged -L 2 -q -d {}", dir.join("."));
    shows(&program, &line, 0, "");
    for line in ["builds acme/Lemmatizer", "versions acme/Lemmatizer"] {
        let (code, shown) = on_terminal(&program, line);
        assert_eq!(code, 0);
        assert!(!shown.contains(['\r', '\u{1b}']), "{shown:?}");
    }
}

#[test]
fn a_wait_shows_the_builds_status() {
    let cluster = Cluster::start();
    cluster.finish_after(1);
    let line = "log acme/Waiting b-wait --wait=1";
    let (code, shown) = on_terminal(&Program::on(&cluster), line);
    assert_eq!(code, 0);
    let (note, shown) = shown.split_once('\n').unwrap();
    assert!(
        note.starts_with("build b-wait in progress, started "),
        "{note}"
    );
    let (states, rest) = progress(shown);
    assert_eq!(states, ["waited 0s: the build is in progress"]);
    assert_eq!(
        rest,
        format!("the build succeeded after 58s\n{WAITING_LOG}")
    );
}

/// The progress line shows a retry in its place. Elsewhere, it is a note that fits the terminal.
#[test]
fn a_retry_is_shown_in_one_line() {
    let (cluster, dir) = (with_log("x\\n"), TempDir::new());
    let words = "x".repeat(90);
    let busy = Reply::json(503, &format!(r#"{{"error":"{words}"}}"#)).header("Retry-After", "0");
    let program = Program::on(&cluster);
    let short = "log of build b1 of acme/x: the cluster fai…; retrying in 0.0 s, 3 attempts left";
    for (line, expected) in [
        ("log acme/x b1", format!("{short}\nx\n")),
        ("log acme/x b1 -q", "x\n".to_owned()),
    ] {
        cluster.script(LOGS, busy.clone());
        shows(&program, line, 0, &expected);
    }
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"logs\":\"x\\n";
    cluster.script(LOGS, Reply::raw().send(cut).fin());
    let line = format!("log acme/x b1 -o {}", dir.join("f"));
    let (code, shown) = on_terminal(&program, &line);
    assert_eq!(code, 0, "{shown}");
    let (states, rest) = progress(&shown);
    let retry = |state: &&str| state.contains("; retrying in ") && state.ends_with(" left");
    assert!(states.iter().any(retry), "{states:?}");
    assert_eq!(rest, "");
}

/// Progress is shown only while a regular file is written: it would erase the end of a log on the terminal.
#[test]
fn an_output_in_place_has_no_progress_line() {
    let cluster = with_log(r"one\nhalf");
    for output in ["/dev/stdout", "/dev/tty"] {
        let line = format!("{LINE} -o {output}");
        shows(&Program::on(&cluster), &line, 0, "one\nhalf\n");
    }
}
