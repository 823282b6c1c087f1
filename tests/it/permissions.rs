//! Output files on Unix: permissions, ownership, and files that cannot be replaced.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use crate::outputs::{LINE, cluster, half_written, save, script};
use crate::program::{Outcome, Program, TempDir, copy_program, wrap};

/// A user and a group that own nothing.
const STRANGER: u32 = 54_321;

fn is_root() -> bool {
    let dir = TempDir::new();
    fs::metadata(dir.path()).unwrap().uid() == 0
}

/// Runs `line` in a directory as an ordinary user, because root ignores permissions.
fn as_ordinary_user(program: &Program, dir: &TempDir, line: &str) -> Outcome {
    let inner = program.command(line);
    let mut command = Command::new(inner.get_program());
    // The program may be in a directory that other users cannot enter.
    let bin = TempDir::new();
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
    let output = command.current_dir(dir.path()).output().unwrap();
    Outcome::new(output, None)
}

fn set_mode(path: &str, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &str) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn an_unwritable_output_is_an_error_before_anything_is_fetched() {
    let dir = TempDir::new();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    set_mode(&dir.write("read-only", "before"), 0o444);
    // The system protects a running program, even from root.
    copy_program("/bin/sleep", &dir.join("running"));
    let mut running = Command::new(dir.join("running")).arg("60").spawn().unwrap();
    let content = dir.read("running");
    let cluster = cluster();
    for (name, why) in [
        ("read-only", "Permission denied (os error 13)"),
        ("running", "Text file busy (os error 26)"),
        (
            "none/f",
            "cannot create a file in none: No such file or directory (os error 2)",
        ),
    ] {
        set_mode(&dir.join("running"), 0o777);
        as_ordinary_user(&Program::on(&cluster), &dir, &format!("{LINE} -o {name}"))
            .fails(7, &format!("algo-logs: cannot write {name}: {why}\n"));
    }
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(cluster.requests().is_empty());
    assert_eq!(dir.read("read-only"), b"before");
    assert!(dir.read("running") == content);
    assert_eq!(dir.names(), ["read-only", "running"]);
}

#[test]
fn links_that_the_system_does_not_follow_are_not_followed() {
    let protected = fs::read_to_string("/proc/sys/fs/protected_symlinks");
    if !is_root() || protected.is_ok_and(|setting| setting.trim() != "1") {
        return;
    }
    // A shared directory like /tmp, in which another user has created links.
    let (dir, own) = (TempDir::new(), TempDir::new());
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    let victim = own.write("victim", "before");
    for (link, target) in [("link", &victim), ("dangling", &own.join("new"))] {
        let link = dir.join(link);
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
    let dir = TempDir::new();
    let path = dir.write("f", "before");
    set_mode(&path, 0o600);
    let cluster = cluster();
    let trace = dir.join("trace");
    let inner = Program::on(&cluster).command(&format!("{LINE} -o {path}"));
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", "trace=open,openat", "-o", &trace]);
    // Only a trace of the system calls shows what happens between two of them.
    let Ok(output) = wrap(strace, &inner).output() else {
        return;
    };
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
    let dir = TempDir::new();
    let path = dir.write("f", "before");
    // Only root can give a file to a group that it does not belong to.
    if !is_root() {
        return;
    }
    chown(&path, None, Some(STRANGER)).unwrap();
    set_mode(&path, 0o640);
    let (_cluster, child) = half_written(&dir, &path);
    for name in dir.names() {
        let found = fs::metadata(dir.join(&name)).unwrap();
        assert_eq!(found.gid(), STRANGER, "{name}");
        assert_eq!(found.mode() & 0o777, 0o640, "{name}");
    }
    kill(child);
    // If the user cannot keep the group, the new group gets only the permissions that others have.
    set_mode(&path, 0o664);
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    chown(&path, Some(STRANGER), Some(0)).unwrap();
    let cluster = cluster();
    let outcome = as_ordinary_user(&Program::on(&cluster), &dir, &format!("{LINE} -o f"));
    outcome.prints("");
    let found = fs::metadata(&path).unwrap();
    assert_eq!((found.gid(), found.mode() & 0o777), (STRANGER, 0o644));
}

#[test]
fn special_bits_are_removed_and_the_owner_is_kept() {
    let dir = TempDir::new();
    let path = dir.write("f", "before");
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

/// Only `> f` can write a file in a directory that the user may not write to, or a file of another user in a shared one.
#[test]
fn a_file_that_cannot_be_replaced_is_an_error_with_a_hint() {
    let (dir, cluster) = (TempDir::new(), cluster());
    let program = Program::on(&cluster);
    let path = dir.write("f", "before");
    set_mode(&path, 0o666);
    let denied = "Permission denied (os error 13)";
    let protected = "Operation not permitted (os error 1)";
    for (mode, name, why) in [
        (
            0o555,
            "f",
            format!(
                "cannot create a file in {}: {denied}; use '> f' instead",
                fs::canonicalize(dir.path()).unwrap().display()
            ),
        ),
        (0o555, "new", format!("cannot create a file in .: {denied}")),
        (0o1777, "f", format!("{protected}; use '> f' instead")),
    ] {
        if mode == 0o1777 && !is_root() {
            continue;
        }
        set_mode(&dir.join("."), mode);
        as_ordinary_user(&program, &dir, &format!("{LINE} -o {name}"))
            .fails(7, &format!("algo-logs: cannot write {name}: {why}\n"));
        assert_eq!(dir.read("f"), b"before");
        assert_eq!(dir.names(), ["f"]);
    }
    set_mode(&dir.join("."), 0o755);
}

#[test]
fn a_mount_point_is_an_error_with_a_hint() {
    let (dir, other, cluster) = (TempDir::new(), TempDir::new(), cluster());
    let (path, mounted) = (dir.write("f", "hidden"), other.write("m", "before"));
    let mount = format!("mount --bind {mounted} {path} || exit 99; exec \"$@\"");
    let inner = script(&Program::on(&cluster), &mount, &format!("{LINE} -o {path}"));
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount"]);
    let outcome = wrap(unshare, &inner)
        .output()
        .map(|output| Outcome::new(output, None));
    // Not every system allows that.
    let Ok(outcome) = outcome else { return };
    if outcome.code != Some(99) && !outcome.stderr.starts_with("unshare") {
        // musl words it differently.
        let why = std::io::Error::from_raw_os_error(16);
        outcome.fails(
            7,
            &format!("algo-logs: cannot write {path}: {why}; use '> {path}' instead\n"),
        );
    }
    assert_eq!(other.read("m"), b"before");
    assert_eq!(dir.names(), ["f"]);
}
