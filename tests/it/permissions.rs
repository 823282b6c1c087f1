//! Output files on Unix: permissions, ownership, and folders in which a file cannot be replaced.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use crate::cluster::{Cluster, Reply};
use crate::outputs::{LINE, LOG, LOGS, cluster, half_written, save, script};
use crate::program::{Folder, Outcome, Program, copy_program, wrap};

/// A user and a group that own nothing.
const STRANGER: u32 = 54_321;

fn is_root() -> bool {
    let folder = Folder::new();
    fs::metadata(folder.path()).unwrap().uid() == 0
}

/// Runs `line` in a folder as an ordinary user, because root ignores permissions.
fn as_ordinary_user(program: &Program, folder: &Folder, line: &str) -> Outcome {
    let inner = program.command(line);
    let mut command = Command::new(inner.get_program());
    // The program may be in a folder that other users cannot enter.
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

#[test]
fn an_unwritable_output_is_an_error_before_anything_is_fetched() {
    let folder = Folder::new();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    set_mode(&folder.write("read-only", "before"), 0o444);
    // The system protects a running program, even from root.
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
    // A shared folder like /tmp, in which another user has created links.
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
    // Only a trace of the system calls shows what happens between two of them.
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
    // Only root can give a file to a group that it does not belong to.
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
    // If the user cannot keep the group, the new group gets only the permissions that others have.
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
fn special_bits_are_removed_and_the_owner_is_kept() {
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
fn an_owner_that_cannot_be_kept_is_not_an_error() {
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
    // Here, too, a failure leaves the file unchanged.
    let cut = Cluster::start();
    let reply = Reply::raw().send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"logs\":\"half");
    cut.script_always(LOGS, reply.fin());
    let program = Program::on(&cut).env("TMPDIR", temporary.path());
    assert_eq!(as_ordinary_user(&program, &folder, &line).code, Some(6));
    assert_eq!(folder.read("f"), LOG.as_bytes());
    assert!(temporary.names().is_empty());
    // A new file, in contrast, fails because of the folder.
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

/// Writes a log to `path` after a shell has run `mounts` as root of a separate namespace. Returns `None` if the system
/// does not allow that.
fn with_mounts(cluster: &Cluster, mounts: &str, path: &str) -> Option<Outcome> {
    let script_text = format!("{mounts} || exit 99; exec \"$@\"");
    let line = format!("{LINE} -o {path}");
    let inner = script(&Program::on(cluster), &script_text, &line);
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount"]);
    let outcome = Outcome::new(wrap(unshare, &inner).output().ok()?, None);
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
