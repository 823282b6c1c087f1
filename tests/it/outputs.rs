//! Files, descriptors and permissions on Unix, and what is left when writing ends early. `files` has what is the same
//! everywhere.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::cluster::{Cluster, Reply};
use crate::program::{Folder, Outcome, Program};

const LOGS: &str = "/v1/algorithms/acme/x/builds/b1/logs";
const BUILDS: &str = "/v1/algorithms/acme/x/builds";
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
fn links_stay_and_their_targets_are_replaced() {
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
fn a_dangling_links_target_is_created() {
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
fn a_hard_link_keeps_the_old_content() {
    let folder = Folder::new();
    let path = folder.write("f", "before");
    fs::hard_link(&path, folder.join("g")).unwrap();
    save(&cluster(), &path).prints("");
    assert_eq!(
        (folder.read("f"), folder.read("g")),
        (LOG.into(), b"before".to_vec())
    );
}

/// Writes a log of 100 kB to `f` with files limited to 8 KiB or less, after a shell has run `before`.
fn into_limited_file(before: &str) -> (Folder, Output) {
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
fn a_file_over_the_size_limit_is_unchanged() {
    let (folder, output) = into_limited_file("trap '' XFSZ;");
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
fn the_signal_of_the_size_limit_leaves_the_file_unchanged() {
    let (folder, output) = into_limited_file("");
    assert!(!output.status.success());
    assert_eq!(folder.read("f"), b"before");
}

#[test]
fn a_signal_leaves_the_file_unchanged() {
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
        // A temporary file may be left behind. The next run works.
        save(&cluster, &path).prints("");
        assert_eq!(folder.read("f"), LOG.as_bytes(), "{signal}");
    }
}

#[test]
fn no_file_is_created_before_the_log_begins() {
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
    // Killed before the log begins, it leaves nothing behind.
    std::thread::sleep(Duration::from_millis(200));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(folder.names().is_empty());
    assert!(!Path::new(&path).exists());
}

#[test]
fn leftovers_do_not_take_all_names() {
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

#[test]
fn a_file_in_a_folder_that_cannot_be_written_gets_a_copy() {
    let folder = Folder::new();
    let path = folder.write("f", "before, and longer than the log");
    set_mode(&path, 0o666);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let cluster = cluster();
    let program = Program::on(&cluster);
    let line = format!("{LINE} -o f");
    let temporary = Folder::new();
    fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let program = program.env("TMPDIR", temporary.path());
    as_ordinary_user(&program, &folder, &line).prints("");
    assert_eq!(folder.read("f"), LOG.as_bytes());
    assert!(temporary.names().is_empty());
    // A failure leaves it unchanged here, too.
    let cut = Cluster::start();
    let reply = Reply::raw().send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"logs\":\"half");
    cut.script_always(LOGS, reply.fin());
    let program = Program::on(&cut).env("TMPDIR", temporary.path());
    assert_eq!(as_ordinary_user(&program, &folder, &line).code, Some(6));
    assert_eq!(folder.read("f"), LOG.as_bytes());
    assert!(temporary.names().is_empty());
    // A new file is another matter, and it is the folder's.
    as_ordinary_user(&program, &folder, &format!("{LINE} -o new")).fails(
        7,
        "algo-logs: cannot write new: cannot create a file in .: Permission denied (os error 13)\n",
    );
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(folder.names(), ["f"]);
}

#[test]
fn a_file_of_another_user_in_a_shared_folder_gets_a_copy() {
    if !is_root() {
        return;
    }
    // As in /tmp, only the owner of a file may rename over it.
    let folder = Folder::new();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    let path = folder.write("f", "before, and longer than the log");
    set_mode(&path, 0o666);
    let cluster = cluster();
    as_ordinary_user(&Program::on(&cluster), &folder, &format!("{LINE} -o f")).prints("");
    assert_eq!(folder.read("f"), LOG.as_bytes());
    assert_eq!(folder.names(), ["f"]);
}

/// Writes a log to `path` after a shell has run `mounts` as root of a namespace of its own; `None` where the system does
/// not allow that.
fn with_mounts(cluster: &Cluster, mounts: &str, path: &str) -> Option<Outcome> {
    let script_text = format!("{mounts} || exit 99; exec \"$@\"");
    let line = format!("{LINE} -o {path}");
    let inner = script(&Program::on(cluster), &script_text, &line);
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .env_clear();
    for (name, value) in inner.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let outcome = Outcome::new(command.output().ok()?, None);
    let refused = outcome.code == Some(99) || outcome.stderr.starts_with("unshare");
    (!refused).then_some(outcome)
}

#[test]
fn a_mounted_file_gets_a_copy() {
    let (folder, other, cluster) = (Folder::new(), Folder::new(), cluster());
    let (path, mounted) = (
        folder.write("f", "hidden"),
        other.write("m", "longer than the log"),
    );
    set_mode(&mounted, 0o4755);
    let mount = format!("mount --bind {mounted} {path}");
    let Some(outcome) = with_mounts(&cluster, &mount, &path) else {
        return;
    };
    outcome.prints("");
    assert_eq!(other.read("m"), LOG.as_bytes());
    assert_eq!(mode(&mounted), 0o755);
    assert_eq!(folder.read("f"), b"hidden");
    assert_eq!(folder.names(), ["f"]);
}

#[test]
fn a_copy_that_fails_says_that_the_file_is_incomplete() {
    let (folder, other, cluster) = (Folder::new(), Folder::new(), Cluster::start());
    let (path, small) = (folder.write("f", "hidden"), other.join("."));
    let log = "x".repeat(100_000);
    cluster.script_always(LOGS, Reply::json(200, &format!(r#"{{"logs":"{log}"}}"#)));
    let mounts = format!(
        "mount -t tmpfs -o size=16k none {small} && touch {small}/m && mount --bind {small}/m {path}"
    );
    if let Some(outcome) = with_mounts(&cluster, &mounts, &path) {
        outcome.fails(
            7,
            &format!(
                "algo-logs: cannot write {path}: it is incomplete, because it cannot be replaced and the copy failed: \
                 No space left on device (os error 28)\n"
            ),
        );
    }
    assert_eq!(folder.names(), ["f"]);
}

#[test]
fn leftovers_are_removed_after_a_day() {
    let (folder, cluster) = (Folder::new(), cluster());
    let day = Duration::from_secs(24 * 60 * 60);
    let leave = |name: &str, age: Duration| {
        let file = File::create(folder.join(name)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    };
    leave(".algo-logs-1-0.tmp", 2 * day);
    leave(".algo-logs-0123456789abcdef.tmp", 2 * day);
    leave(".algo-logs-1-1.tmp", day / 2);
    leave(".algo-logs-notes", 2 * day);
    leave("algo-logs-1-0.tmp", 2 * day);
    fs::create_dir(folder.join(".algo-logs-folder.tmp")).unwrap();
    symlink("algo-logs-1-0.tmp", folder.join(".algo-logs-link.tmp")).unwrap();
    save(&cluster, &folder.join("f")).prints("");
    let kept = [
        ".algo-logs-1-1.tmp",
        ".algo-logs-folder.tmp",
        ".algo-logs-link.tmp",
        ".algo-logs-notes",
        "algo-logs-1-0.tmp",
        "f",
    ];
    assert_eq!(folder.names(), kept);
    // `save` tidies up, too.
    leave(".algo-logs-1-0.tmp", 2 * day);
    let line = format!("save acme/Lemmatizer -d {}", folder.join("."));
    assert_eq!(Program::on(&Cluster::start()).run(&line).code, Some(0));
    assert!(!folder.names().contains(&".algo-logs-1-0.tmp".to_owned()));
}

/// Runs `line` with stdout or stderr on a nonblocking socket that is read slowly.
fn into_nonblocking(program: &Program, line: &str, stderr: bool) -> (Option<i32>, Vec<u8>) {
    let (mut reader, writer) = UnixStream::pair().unwrap();
    writer.set_nonblocking(true).unwrap();
    let mut command = program.command(line);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    match stderr {
        true => command.stderr(OwnedFd::from(writer)),
        false => command.stdout(OwnedFd::from(writer)),
    };
    let mut child = command.spawn().unwrap();
    // It holds the other end of the socket.
    drop(command);
    std::thread::sleep(Duration::from_millis(300));
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    (child.wait().unwrap().code(), bytes)
}

#[test]
fn a_nonblocking_output_is_waited_for() {
    let cluster = Cluster::start();
    let log = "x".repeat(3_700_000);
    cluster.script_always(LOGS, Reply::json(200, &format!(r#"{{"logs":"{log}"}}"#)));
    let program = Program::on(&cluster);
    for name in ["-", "/dev/stdout"] {
        let (code, bytes) = into_nonblocking(&program, &format!("{LINE} -o {name}"), false);
        assert_eq!((code, bytes.len()), (Some(0), log.len()), "{name}");
    }
    // Lists and notes wait as well.
    let build = r#"{"build_id":"b","status":"failed","commit_sha":"c","started_at":"s"}"#;
    let builds = vec![build; 10_000].join(",");
    cluster.script_always(
        BUILDS,
        Reply::json(200, &format!(r#"{{"results":[{builds}]}}"#)),
    );
    let (code, bytes) = into_nonblocking(&program, "builds acme/x --all --json", false);
    let lines = bytes.iter().filter(|&&byte| byte == b'\n').count();
    assert_eq!((code, lines), (Some(0), 10_000));
    // So do errors, which find the socket full of the log.
    let line = format!("{LINE} -o /dev/stderr");
    let (code, bytes) = into_nonblocking(&program, &line, true);
    assert_eq!((code, bytes.len()), (Some(0), log.len()));
    let cut = format!("HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n{{\"logs\":\"{log}");
    let cut_cluster = Cluster::start();
    cut_cluster.script_always(LOGS, Reply::raw().send(cut).fin());
    let (code, bytes) = into_nonblocking(&Program::on(&cut_cluster), &line, true);
    assert_eq!(code, Some(6));
    assert!(bytes.ends_with(b"the answer was cut short\n"));
}

#[test]
fn errors_and_notes_begin_a_line_of_their_own() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let folder = Folder::new();
    // What a shell writes into one file with `> f 2>&1`.
    let together = |line: &str| {
        let file = File::create(folder.join("f")).unwrap();
        let mut command = program.command(line);
        command.stderr(file.try_clone().unwrap()).stdout(file);
        let code = command.status().unwrap().code();
        (code, String::from_utf8(folder.read("f")).unwrap())
    };
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"logs\":\"half";
    cluster.script(LOGS, Reply::raw().send(cut).fin());
    let error = "algo-logs: log of build b1 of acme/x: the answer was cut short\n";
    assert_eq!(together(LINE), (Some(6), format!("half\n{error}")));
    // A note.
    cluster.script(LOGS, Reply::json(200, r#"{"logs":"a\ud800"}"#));
    let note = "algo-logs: 1 character was not valid Unicode, and is U+FFFD in the log\n";
    assert_eq!(together(LINE), (Some(0), format!("a\u{fffd}\n{note}")));
    // The error of a build that failed, below its log.
    let build = r#"{"build_id":"b1","status":"failed","commit_sha":"c","started_at":"s"}"#;
    cluster.script_always("/v1/algorithms/acme/x/builds/b1", Reply::json(200, build));
    cluster.script(LOGS, Reply::json(200, r#"{"logs":"no"}"#));
    let error = "algo-logs: build b1 of acme/x: failed\n";
    let line = format!("{LINE} --exit-status -o /dev/stdout");
    assert_eq!(together(&line), (Some(3), format!("no\n{error}")));
    // Without anything to say, the log has no line end added.
    cluster.script(LOGS, Reply::json(200, r#"{"logs":"one\ntwo"}"#));
    assert_eq!(together(LINE), (Some(0), "one\ntwo".to_owned()));
    // Elsewhere, an error is one line and the log is exact.
    cluster.script(LOGS, Reply::raw().send(cut).fin());
    program.run(LINE).is(
        6,
        "half",
        "algo-logs: log of build b1 of acme/x: the answer was cut short\n",
    );
}
