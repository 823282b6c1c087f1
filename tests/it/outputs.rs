//! Files, descriptors and permissions on Unix, and what is left when writing ends early. `files` has what is the same
//! everywhere.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::os::unix::process::CommandExt;
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

/// A user and a group that own nothing.
const STRANGER: u32 = 54_321;

fn is_root() -> bool {
    let folder = Folder::new();
    fs::metadata(folder.path()).unwrap().uid() == 0
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

/// Copies a program. A child process does it, because a file that this process writes can be open in the child of another
/// test at the moment when it should run.
fn copy_program(from: impl AsRef<OsStr>, to: &str) {
    let copied = Command::new("cp")
        .args([from.as_ref(), to.as_ref()])
        .status();
    assert!(copied.unwrap().success());
}

/// Runs `line` in a folder as a user for whom permissions count, which they do not for root.
fn as_ordinary_user(program: &Program, folder: &Folder, line: &str) -> Outcome {
    let inner = program.command(line);
    let mut command = Command::new(inner.get_program());
    // The program itself may be in a folder that others cannot enter.
    let bin = Folder::new();
    if is_root() {
        let copy = bin.join("algo-logs");
        copy_program(inner.get_program(), &copy);
        command = Command::new(copy);
        command.uid(STRANGER).gid(STRANGER);
    }
    command.args(inner.get_args()).env_clear();
    for (name, value) in inner.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let output = command.current_dir(folder.path()).output().unwrap();
    Outcome::new(output, None)
}

fn set_mode(path: &str, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
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

#[test]
fn what_cannot_be_written_is_refused_before_anything_is_fetched() {
    let folder = Folder::new();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    set_mode(&folder.write("read-only", "before"), 0o444);
    // The system protects a program while it runs, even from root.
    copy_program("/bin/sleep", &folder.join("running"));
    let mut running = Command::new(folder.join("running"))
        .arg("60")
        .spawn()
        .unwrap();
    let content = folder.read("running");
    let cluster = cluster();
    for (name, why) in [
        ("read-only", "Permission denied (os error 13)"),
        ("running", "Text file busy (os error 26)"),
        (
            "none/f",
            "cannot create a file in none: No such file or directory (os error 2)",
        ),
    ] {
        set_mode(&folder.join("running"), 0o777);
        as_ordinary_user(
            &Program::on(&cluster),
            &folder,
            &format!("{LINE} -o {name}"),
        )
        .fails(7, &format!("algo-logs: cannot write {name}: {why}\n"));
    }
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(cluster.requests().is_empty());
    assert_eq!(folder.read("read-only"), b"before");
    assert!(folder.read("running") == content);
    assert_eq!(folder.names(), ["read-only", "running"]);
}

#[test]
fn links_that_the_system_does_not_follow_are_not_followed() {
    let protected = fs::read_to_string("/proc/sys/fs/protected_symlinks");
    if !is_root() || protected.is_ok_and(|setting| setting.trim() != "1") {
        return;
    }
    // A shared folder like /tmp, in which another user has put links.
    let (folder, own) = (Folder::new(), Folder::new());
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    let victim = own.write("victim", "before");
    for (link, target) in [("link", &victim), ("dangling", &own.join("new"))] {
        let link = folder.join(link);
        symlink(target, &link).unwrap();
        lchown(&link, Some(STRANGER), Some(STRANGER)).unwrap();
        let why = format!("algo-logs: cannot write {link}: Permission denied (os error 13)\n");
        save(&cluster(), &link).fails(7, &why);
    }
    assert_eq!(own.names(), ["victim"]);
    assert_eq!(own.read("victim"), b"before");
}

#[test]
fn a_private_files_log_is_private_from_the_start() {
    let folder = Folder::new();
    let path = folder.write("f", "before");
    set_mode(&path, 0o600);
    let cluster = cluster();
    let trace = folder.join("trace");
    let inner = Program::on(&cluster).command(&format!("{LINE} -o {path}"));
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "-e", "trace=open,openat", "-o", &trace])
        .arg(inner.get_program())
        .args(inner.get_args());
    for (name, value) in inner.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    // Between two system calls, a test can look nowhere but into a trace of them.
    let Ok(output) = command.output() else { return };
    assert!(output.status.success(), "{output:?}");
    let trace = fs::read_to_string(trace).unwrap();
    let created: Vec<&str> = trace
        .lines()
        .filter(|call| call.contains("O_CREAT"))
        .collect();
    assert!(!created.is_empty(), "{trace}");
    for call in created {
        assert!(call.contains(", 0600)"), "{call}");
    }
}

#[test]
fn another_group_cannot_read_a_files_log() {
    let folder = Folder::new();
    let path = folder.write("f", "before");
    // Only root can give a file to a group that it is not in.
    if !is_root() {
        return;
    }
    chown(&path, None, Some(STRANGER)).unwrap();
    set_mode(&path, 0o640);
    let (_cluster, child) = half_written(&folder, &path);
    for name in folder.names() {
        let found = fs::metadata(folder.join(&name)).unwrap();
        assert_eq!(found.gid(), STRANGER, "{name}");
        assert_eq!(found.mode() & 0o777, 0o640, "{name}");
    }
    kill(child);
    // A user who cannot keep the group leaves it no permissions that others do not have.
    set_mode(&path, 0o664);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    chown(&path, Some(STRANGER), Some(0)).unwrap();
    let cluster = cluster();
    let outcome = as_ordinary_user(&Program::on(&cluster), &folder, &format!("{LINE} -o f"));
    outcome.prints("");
    let found = fs::metadata(&path).unwrap();
    assert_eq!((found.gid(), found.mode() & 0o777), (STRANGER, 0o644));
}

#[test]
fn special_bits_go_and_the_owner_stays() {
    let folder = Folder::new();
    let path = folder.write("f", "before");
    if is_root() {
        chown(&path, Some(STRANGER), Some(STRANGER)).unwrap();
    }
    let cluster = cluster();
    let owner = fs::metadata(&path).unwrap().uid();
    for bits in [0o4755, 0o2755, 0o1755, 0o6600] {
        set_mode(&path, bits);
        save(&cluster, &path).prints("");
        assert_eq!(mode(&path), bits & 0o777, "{bits:o}");
        assert_eq!(fs::metadata(&path).unwrap().uid(), owner);
    }
}

#[test]
fn an_owner_that_cannot_be_kept_is_no_error() {
    let folder = Folder::new();
    let path = folder.write("f", "before");
    set_mode(&path, 0o666);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let cluster = cluster();
    as_ordinary_user(&Program::on(&cluster), &folder, &format!("{LINE} -o f")).prints("");
    assert_eq!(folder.read("f"), LOG.as_bytes());
    assert_eq!(mode(&path), 0o666);
}

#[test]
fn the_file_behind_a_descriptor_keeps_what_is_around_the_log() {
    let (folder, cluster) = (Folder::new(), cluster());
    let program = Program::on(&cluster);
    symlink("/dev/stdout", folder.join("link")).unwrap();
    let link = folder.join("link");
    for (redirect, name) in [
        ("", "/dev/stdout"),
        ("", "/dev/fd/1"),
        ("", "/proc/self/fd/1"),
        ("", "/proc/thread-self/fd/1"),
        ("", link.as_str()),
        ("2>&1", "/dev/stderr"),
        ("<&1", "/dev/stdin"),
        ("3>&1", "/dev/fd/3"),
        ("9>&1 >/dev/null", "/proc/self/fd/9"),
    ] {
        let around = format!("echo before; \"$@\" {redirect} || echo failed; echo after");
        let line = format!("{LINE} -o {name}");
        for append in [false, true] {
            let path = folder.write("f", "old\n");
            let mut file = File::options()
                .write(true)
                .append(append)
                .open(&path)
                .unwrap();
            if !append {
                file.write_all(b"new\n").unwrap();
            }
            let first = if append { "old" } else { "new" };
            let mut command = script(&program, &around, &line);
            let output = command.stdout(file).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{name}");
            let expected = format!("{first}\nbefore\n{LOG}after\n");
            let found = folder.read("f");
            assert_eq!(String::from_utf8_lossy(&found), expected, "{name}");
        }
    }
    assert_eq!(folder.names(), ["f", "link"]);
}

#[test]
fn a_name_of_stdout_fails_as_stdout_does() {
    let cluster = cluster();
    let program = Program::on(&cluster);
    for name in ["-", "/dev/stdout", "/proc/self/fd/1"] {
        let line = format!("{LINE} -o {name}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = program.command(&line);
        let output = command.stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(141), "{name}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{name}");
    }
    let closed = script(&program, "exec \"$@\"", &format!("{LINE} -o /dev/fd/7"))
        .output()
        .unwrap();
    Outcome::new(closed, None).fails(
        7,
        "algo-logs: cannot write /dev/fd/7: No such file or directory (os error 2)\n",
    );
}
