//! Files, descriptors and permissions on Unix, and what is left when writing ends early. `files` has what is the same
//! everywhere.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::cluster::{Cluster, Reply};
use crate::program::{Folder, Outcome, Program};

const LOGS: &str = "/v1/algorithms/acme/x/builds/b1/logs";
const LINE: &str = "log acme/x b1 --retries 0";
const LOG: &str = "one\ntwo\n";

fn cluster() -> Cluster {
    let cluster = Cluster::start();
    cluster.script_always(LOGS, Reply::json(200, r#"{"logs":"one\ntwo\n"}"#));
    cluster
}

fn save(cluster: &Cluster, path: &str) -> Outcome {
    Program::on(cluster).run(&format!("{LINE} -o {path}"))
}

/// Runs `line` through a shell script, in which `"$@"` is the program.
fn script(program: &Program, script: &str, line: &str) -> Command {
    let inner = program.command(line);
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", script, "sh"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    for (name, value) in inner.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command
}

fn mode(path: &str) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

/// Starts to write a log to `path`, of which the cluster sends only the first half.
fn half_written(folder: &Folder, path: &str) -> (Cluster, Child) {
    let cluster = Cluster::start();
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"logs\":\"half";
    cluster.script(LOGS, Reply::raw().send(half).stall());
    cluster.script_always(LOGS, Reply::json(200, r#"{"logs":"one\ntwo\n"}"#));
    let before = folder.names().len();
    let child = Program::on(&cluster)
        .command(&format!("{LINE} -o {path}"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while folder.names().len() == before && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    (cluster, child)
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_file_keeps_its_permissions() {
    let folder = Folder::new();
    let path = folder.write("f", "before");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    save(&cluster(), &path).prints("");
    assert_eq!(folder.read("f"), LOG.as_bytes());
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
        0o640
    );
}

#[test]
fn links_stay_and_what_they_lead_to_is_replaced() {
    let cluster = cluster();
    let folder = Folder::new();
    let other = Folder::new();
    let target = other.write("target", "before");
    symlink(&target, folder.join("absolute")).unwrap();
    symlink("absolute", folder.join("relative")).unwrap();
    for link in ["absolute", "relative"] {
        fs::write(&target, "before").unwrap();
        save(&cluster, &folder.join(link)).prints("");
        assert_eq!(other.read("target"), LOG.as_bytes(), "{link}");
        assert!(
            fs::symlink_metadata(folder.join(link))
                .unwrap()
                .is_symlink()
        );
    }
    assert_eq!(folder.names(), ["absolute", "relative"]);
    assert_eq!(other.names(), ["target"]);
}

#[test]
fn a_link_to_nothing_gets_its_target() {
    let folder = Folder::new();
    symlink("target", folder.join("link")).unwrap();
    save(&cluster(), &folder.join("link")).prints("");
    assert_eq!(folder.read("target"), LOG.as_bytes());
    assert!(
        fs::symlink_metadata(folder.join("link"))
            .unwrap()
            .is_symlink()
    );
}

#[test]
fn a_hard_link_is_left_with_what_it_had() {
    let folder = Folder::new();
    let path = folder.write("f", "before");
    fs::hard_link(&path, folder.join("g")).unwrap();
    save(&cluster(), &path).prints("");
    assert_eq!(
        (folder.read("f"), folder.read("g")),
        (LOG.into(), b"before".to_vec())
    );
}

/// Runs a log of 100 kB into `f` with files limited to 8 KiB or less, by a shell that was told `before`.
fn into_little_room(before: &str) -> (Folder, Output) {
    let folder = Folder::new();
    folder.write("f", "before");
    let cluster = Cluster::start();
    let log = "x".repeat(100_000);
    cluster.script_always(LOGS, Reply::json(200, &format!(r#"{{"logs":"{log}"}}"#)));
    let limited = format!("{before} ulimit -f 8; exec \"$@\"");
    let output = script(&Program::on(&cluster), &limited, &format!("{LINE} -o f"))
        .current_dir(folder.path())
        .output()
        .unwrap();
    (folder, output)
}

#[test]
fn a_file_that_may_not_grow_is_as_it_was() {
    let (folder, output) = into_little_room("trap '' XFSZ;");
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.starts_with("algo-logs: cannot write f: File too large"),
        "{stderr}"
    );
    assert_eq!(folder.read("f"), b"before");
    assert_eq!(folder.names(), ["f"]);
}

#[test]
fn the_signal_for_a_file_that_may_not_grow_leaves_it_as_it_was() {
    let (folder, output) = into_little_room("");
    assert!(!output.status.success());
    assert_eq!(folder.read("f"), b"before");
}

#[test]
fn signals_in_the_middle_leave_the_file_as_it_was() {
    for signal in ["TERM", "INT", "HUP", "KILL"] {
        let folder = Folder::new();
        let path = folder.write("f", "before");
        let (cluster, mut child) = half_written(&folder, &path);
        let pid = child.id().to_string();
        let killed = Command::new("kill")
            .args(["-s", signal, &pid])
            .status()
            .unwrap();
        assert!(killed.success());
        let status = child.wait().unwrap();
        assert_eq!(status.code(), None, "{signal}");
        let mut stderr = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        assert_eq!(stderr, "", "{signal}");
        assert_eq!(folder.read("f"), b"before", "{signal}");
        // A temporary file may be left, since there is nobody to take it away. It hinders nobody.
        save(&cluster, &path).prints("");
        assert_eq!(folder.read("f"), LOG.as_bytes(), "{signal}");
    }
}

#[test]
fn nothing_is_begun_before_there_is_something_to_write() {
    let folder = Folder::new();
    let cluster = Cluster::start();
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n";
    cluster.script_always(LOGS, Reply::raw().send(head).stall());
    let path = folder.join("f");
    let mut child = Program::on(&cluster)
        .command(&format!("{LINE} -o {path}"))
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while cluster.requests().is_empty() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    // Killed while it waits for the log to begin, it has left nothing at all.
    std::thread::sleep(Duration::from_millis(200));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(folder.names().is_empty());
    assert!(!Path::new(&path).exists());
}

#[test]
fn names_that_are_taken_are_no_obstacle() {
    let (folder, cluster) = (Folder::new(), cluster());
    // After `exec`, the program has the shell's process ID.
    let leave = "for n in $(seq 0 1000); do : > .algo-logs-$$-$n.tmp; done; exec \"$@\"";
    let mut command = script(&Program::on(&cluster), leave, &format!("{LINE} -o f"));
    let output = command.current_dir(folder.path()).output().unwrap();
    Outcome::new(output, None).prints("");
    assert_eq!(folder.read("f"), LOG.as_bytes());
}
