//! Outputs of `log` on Unix: files, descriptors and nonblocking streams, and what remains if writing ends early.
//! `files` tests what is the same on every system.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::cluster::{Cluster, Reply};
use crate::program::{Outcome, Program, TempDir, wrap};

pub const LOGS: &str = "/v1/algorithms/acme/x/builds/b1/logs";
const BUILDS: &str = "/v1/algorithms/acme/x/builds";
pub const LINE: &str = "log acme/x b1 --retries 0";
pub const LOG: &str = "one\ntwo\n";

pub fn cluster() -> Cluster {
    let cluster = Cluster::start();
    cluster.script_always(LOGS, Reply::json(200, r#"{"logs":"one\ntwo\n"}"#));
    cluster
}

pub fn save(cluster: &Cluster, path: &str) -> Outcome {
    Program::on(cluster).run(&format!("{LINE} -o {path}"))
}

/// Returns a command that runs `line` through a shell script, in which `"$@"` is the program.
pub fn script(program: &Program, script: &str, line: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", script, "sh"]);
    wrap(shell, &program.command(line))
}

/// Returns a command that writes the log to `path`, through a shell script as in [`script`].
fn save_in_shell(cluster: &Cluster, around: &str, path: &str) -> Command {
    script(&Program::on(cluster), around, &format!("{LINE} -o {path}"))
}

/// Starts to write a log to `path`; the cluster sends only the first half.
pub fn half_written(dir: &TempDir, path: &str) -> (Cluster, Child) {
    let cluster = Cluster::start();
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"logs\":\"half";
    cluster.script(LOGS, Reply::raw().send(half).stall());
    cluster.script_always(LOGS, Reply::json(200, r#"{"logs":"one\ntwo\n"}"#));
    let child = Program::on(&cluster)
        .command(&format!("{LINE} -o {path}"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let is_written = |name: &String| name.starts_with(".algo-logs-") && !dir.read(name).is_empty();
    wait_until(|| dir.names().iter().any(is_written));
    (cluster, child)
}

/// Waits until a condition holds, for at most 20 s.
fn wait_until(holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A program that is killed while it waits for the log leaves nothing behind.
#[test]
fn no_file_is_created_before_the_log_begins() {
    let (dir, cluster) = (TempDir::new(), Cluster::start());
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n";
    cluster.script(LOGS, Reply::raw().send(head).stall());
    let line = format!("{LINE} -o {}", dir.join("f"));
    let mut child = Program::on(&cluster).command(&line).spawn().unwrap();
    wait_until(|| !cluster.requests().is_empty());
    std::thread::sleep(Duration::from_millis(200));
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None);
    assert_eq!(cluster.requests().len(), 1);
    assert_eq!(dir.names(), [""; 0]);
}

#[test]
fn a_file_over_the_size_limit_is_unchanged() {
    let dir = TempDir::new();
    dir.write("f", "before");
    let cluster = Cluster::start();
    let log = "x".repeat(100_000);
    cluster.script_always(LOGS, Reply::json(200, &format!(r#"{{"logs":"{log}"}}"#)));
    let limited = "trap '' XFSZ; ulimit -f 8; exec \"$@\"";
    let output = save_in_shell(&cluster, limited, "f")
        .current_dir(dir.path())
        .output()
        .unwrap();
    let why = "algo-logs: cannot write f: File too large (os error 27)\n";
    Outcome::new(output, None).fails(7, why);
    assert_eq!(dir.read("f"), b"before");
    assert_eq!(dir.names(), ["f"]);
}

#[test]
fn a_signal_leaves_the_file_unchanged() {
    for signal in ["TERM", "INT", "HUP", "KILL"] {
        let dir = TempDir::new();
        let path = dir.write("f", "before");
        let (cluster, child) = half_written(&dir, &path);
        let pid = child.id().to_string();
        let killed = Command::new("kill")
            .args(["-s", signal, &pid])
            .status()
            .unwrap();
        assert!(killed.success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), None, "{signal}");
        assert_eq!(output.stderr, b"", "{signal}");
        assert_eq!(dir.read("f"), b"before", "{signal}");
        // A temporary file may be left behind. The next run works.
        save(&cluster, &path).prints("");
        assert_eq!(dir.read("f"), LOG.as_bytes(), "{signal}");
    }
}

#[test]
fn the_file_behind_a_descriptor_keeps_what_is_around_the_log() {
    let (dir, cluster) = (TempDir::new(), cluster());
    symlink("/dev/stdout", dir.join("link")).unwrap();
    let link = dir.join("link");
    for (redirect, name) in [
        ("", "/dev/stdout"),
        ("", "/dev/fd/1"),
        ("", "/proc/self/fd/1"),
        ("", "/proc/thread-self/fd/1"),
        ("", link.as_str()),
        ("2>&1", "/dev/stderr"),
        ("<&1", "/dev/stdin"),
    ] {
        let around = format!("echo before; \"$@\" {redirect} || echo failed; echo after");
        for append in [false, true] {
            let path = dir.write("f", "old\n");
            let mut file = File::options()
                .write(true)
                .append(append)
                .open(&path)
                .unwrap();
            if !append {
                file.write_all(b"new\n").unwrap();
            }
            let first = if append { "old" } else { "new" };
            let mut command = save_in_shell(&cluster, &around, name);
            let output = command.stdout(file).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{name}");
            let expected = format!("{first}\nbefore\n{LOG}after\n");
            let found = dir.read("f");
            assert_eq!(String::from_utf8_lossy(&found), expected, "{name}");
        }
    }
    assert_eq!(dir.names(), ["f", "link"]);
}

/// Opening the path would open the file anew, and replacing it would lose what is around the log.
#[test]
fn a_regular_file_behind_another_descriptor_is_refused() {
    let (dir, cluster) = (TempDir::new(), cluster());
    for (number, name) in [
        (3, "/dev/fd/3".to_owned()),
        (9, "/proc/self/fd/9".to_owned()),
        (4, "/proc/thread-self/fd/4".to_owned()),
    ] {
        let around = format!(
            "{{ echo before >&{number}; \"$@\"; echo \"code $?\" >&{number}; }} {number}>f"
        );
        let mut command = save_in_shell(&cluster, &around, &name);
        let output = command.current_dir(dir.path()).output().unwrap();
        let error = format!(
            "algo-logs: cannot write {name}: it is a regular file that is open already; use '>&{number}' instead\n"
        );
        Outcome::new(output, None).is(0, "", &error);
        assert_eq!(dir.read("f"), b"before\ncode 7\n");
    }
    let mut closed = save_in_shell(&cluster, "exec \"$@\"", "/dev/fd/7");
    let missing = "algo-logs: cannot write /dev/fd/7: No such file or directory (os error 2); use '>&7' instead\n";
    Outcome::new(closed.output().unwrap(), None).fails(7, missing);
    assert_eq!(cluster.connections(), 0);
    // A descriptor to which `>&3` redirects stdout can be written to by its path.
    let around = "{ echo before >&3; \"$@\" >&3; } 3>f";
    let mut command = save_in_shell(&cluster, around, "/dev/fd/3");
    let output = command.current_dir(dir.path()).output().unwrap();
    Outcome::new(output, None).prints("");
    assert_eq!(dir.read("f"), format!("before\n{LOG}").as_bytes());
}

#[test]
fn the_pipe_behind_another_descriptor_receives_the_log() {
    let cluster = cluster();
    let around = "{ \"$@\" 3>&1 >/dev/null | cat; }";
    let mut command = save_in_shell(&cluster, around, "/dev/fd/3");
    Outcome::new(command.output().unwrap(), None).prints(LOG);
}

#[test]
fn leftovers_are_removed_after_an_hour() {
    let (dir, cluster) = (TempDir::new(), cluster());
    let hour = Duration::from_secs(60 * 60);
    let leave = |name: &str, age: Duration| {
        let file = File::create(dir.join(name)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    };
    leave(".algo-logs-0123456789abcdef.tmp", 2 * hour);
    leave(".algo-logs-1.tmp", hour / 2);
    leave(".algo-logs-notes", 2 * hour);
    leave("algo-logs-1.tmp", 2 * hour);
    fs::create_dir(dir.join(".algo-logs-directory.tmp")).unwrap();
    symlink("algo-logs-1.tmp", dir.join(".algo-logs-link.tmp")).unwrap();
    save(&cluster, &dir.join("f")).prints("");
    let kept = [
        ".algo-logs-1.tmp",
        ".algo-logs-directory.tmp",
        ".algo-logs-link.tmp",
        ".algo-logs-notes",
        "algo-logs-1.tmp",
        "f",
    ];
    assert_eq!(dir.names(), kept);
    // `save` also removes leftovers beside its logs.
    fs::create_dir_all(dir.join("archive/acme/Lemmatizer")).unwrap();
    leave("archive/acme/Lemmatizer/.algo-logs-1.tmp", 2 * hour);
    let line = format!(
        "save acme/Lemmatizer -s failed -q -d {}",
        dir.join("archive")
    );
    Program::on(&Cluster::start()).run(&line).prints("");
    let mut names = fs::read_dir(dir.join("archive/acme/Lemmatizer")).unwrap();
    let is_hidden = |entry: fs::DirEntry| entry.file_name().as_encoded_bytes().starts_with(b".");
    assert!(!names.any(|entry| is_hidden(entry.unwrap())));
}

/// Runs `line` with stdout or stderr on a nonblocking socket that is read slowly.
fn into_nonblocking(program: &Program, line: &str, stderr: bool) -> (Option<i32>, Vec<u8>) {
    let (mut reader, writer) = UnixStream::pair().unwrap();
    writer.set_nonblocking(true).unwrap();
    let mut command = program.command(line);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    if stderr {
        command.stderr(OwnedFd::from(writer))
    } else {
        command.stdout(OwnedFd::from(writer))
    };
    let mut child = command.spawn().unwrap();
    // It keeps the other end of the socket open.
    drop(command);
    std::thread::sleep(Duration::from_millis(300));
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    (child.wait().unwrap().code(), bytes)
}

#[test]
fn writing_to_a_nonblocking_output_waits() {
    let cluster = Cluster::start();
    let log = "x".repeat(3_700_000);
    cluster.script_always(LOGS, Reply::json(200, &format!(r#"{{"logs":"{log}"}}"#)));
    let program = Program::on(&cluster);
    for name in ["-", "/dev/stdout"] {
        let (code, bytes) = into_nonblocking(&program, &format!("{LINE} -o {name}"), false);
        assert_eq!((code, bytes.len()), (Some(0), log.len()), "{name}");
    }
    // Lists and notes wait, too.
    let build = r#"{"build_id":"b","status":"failed","commit_sha":"c","started_at":"s"}"#;
    let builds = vec![build; 10_000].join(",");
    cluster.script_always(
        BUILDS,
        Reply::json(200, &format!(r#"{{"results":[{builds}]}}"#)),
    );
    let (code, bytes) = into_nonblocking(&program, "builds acme/x --all --json", false);
    let lines = bytes.iter().filter(|&&byte| byte == b'\n').count();
    assert_eq!((code, lines), (Some(0), 10_000));
    // So do errors, which are printed when the log has filled the socket.
    let line = format!("{LINE} -o /dev/stderr");
    let (code, bytes) = into_nonblocking(&program, &line, true);
    assert_eq!((code, bytes.len()), (Some(0), log.len()));
    let cut = format!("HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n{{\"logs\":\"{log}");
    let cut_cluster = Cluster::start();
    cut_cluster.script_always(LOGS, Reply::raw().send(cut).fin());
    let (code, bytes) = into_nonblocking(&Program::on(&cut_cluster), &line, true);
    assert_eq!(code, Some(6));
    assert!(bytes.ends_with(b"the response was cut short\n"));
}

#[test]
fn errors_and_notes_start_a_new_line() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let dir = TempDir::new();
    // Output that a shell redirects into one file with `> f 2>&1`.
    let together = |line: &str| {
        let file = File::create(dir.join("f")).unwrap();
        let mut command = program.command(line);
        command.stderr(file.try_clone().unwrap()).stdout(file);
        let code = command.status().unwrap().code();
        (code, String::from_utf8(dir.read("f")).unwrap())
    };
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"logs\":\"half";
    cluster.script(LOGS, Reply::raw().send(cut).fin());
    let error = "algo-logs: log of build b1 of acme/x: the response was cut short\n";
    assert_eq!(together(LINE), (Some(6), format!("half\n{error}")));
    // A note on stderr.
    cluster.script(LOGS, Reply::json(200, r#"{"logs":"a\ud800"}"#));
    let note = "algo-logs: 1 invalid character became U+FFFD\n";
    assert_eq!(together(LINE), (Some(0), format!("a\u{fffd}\n{note}")));
    // The error of a failed build, below its log.
    let build = r#"{"build_id":"b1","status":"failed","commit_sha":"c","started_at":"s"}"#;
    cluster.script_always("/v1/algorithms/acme/x/builds/b1", Reply::json(200, build));
    cluster.script(LOGS, Reply::json(200, r#"{"logs":"no"}"#));
    let error = "algo-logs: build b1 of acme/x: failed\n";
    let line = format!("{LINE} --exit-status -o /dev/stdout");
    assert_eq!(together(&line), (Some(3), format!("no\n{error}")));
    // Without a message, no newline is added to the log.
    cluster.script(LOGS, Reply::json(200, r#"{"logs":"one\ntwo"}"#));
    assert_eq!(together(LINE), (Some(0), "one\ntwo".to_owned()));
}

#[test]
fn nothing_from_the_service_commands_a_build_server() {
    let cluster = Cluster::start();
    let evil = r"::set-output name=x::y ##vso[a] ##[error] ##teamcity[b] \u009b2J";
    let build = format!(
        r###"{{"build_id":"{evil}","status":"failed","commit_sha":"{evil}","started_at":"2021-07-29T21:12:56Z","##[x]":1}}"###
    );
    let version = format!(r#"{{"version_info":{{"semantic_version":"  {evil}"}}}}"#);
    let log = format!(
        r"Step 1/1 : RUN x\n ---> Running in a1b2c3d4e5f6\n{evil}\n \t{evil}\nThe command 'x' returned a non-zero code: 2"
    );
    for (path, body) in [
        (BUILDS, format!(r#"{{"results":[{build}]}}"#)),
        (
            "/v1/algorithms/acme/x/versions",
            format!(r#"{{"results":[{version}]}}"#),
        ),
        ("/v1/algorithms/acme/x/builds/b1", build.clone()),
        (LOGS, format!(r#"{{"logs":"{log}"}}"#)),
    ] {
        cluster.script_always(path, Reply::json(200, &body));
    }
    cluster.script_always(
        "/v1/algorithms/acme/y/builds",
        Reply::json(404, &format!(r#"{{"error":"{evil}"}}"#)),
    );
    for line in [
        "builds acme/x",
        "builds acme/x --json",
        "versions acme/x",
        "versions acme/x --json",
        "why acme/x b1",
        "why acme/x b1 --json",
        "builds acme/y",
    ] {
        let outcome = Program::on(&cluster).run(line);
        let shown = outcome.stdout_text() + &outcome.stderr;
        assert!(shown.contains("set-output"), "{line}: {shown}");
        for command in ["##", "\u{9b}"] {
            assert!(!shown.contains(command), "{line}: {shown:?}");
        }
        let begins = |line: &str| line.trim_start().starts_with("::");
        assert!(!shown.lines().any(begins), "{line}: {shown}");
    }
}
