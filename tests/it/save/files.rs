//! The names of the files, and obstacles to writing them.

use super::*;

#[test]
fn names_from_the_service_stay_in_the_directory() {
    let dir = TempDir::new();
    let cluster = odd(&[
        build("b1", "../../escaped"),
        build("../b2", "2021-08-02T21:12:56Z"),
        build("", "2021"),
        build(&"9".repeat(256), "2021"),
        build("-rf", "-"),
        build("b3", "2021-08-02T21:12:56.442Z"),
        build("b4", &"2021/".repeat(100)),
        build(&"7".repeat(255), "2021"),
        build("b5", "é\n\0"),
        build("b6", "2021-08-02T21:12:56+02:00"),
    ]);
    let to = dir.join("in/here");
    let line = format!("save acme/Odd -j 1 -d {to}");
    let outcome = Program::on(&cluster).run(&line);
    assert_eq!(outcome.code, Some(6), "{outcome:?}");
    let invalid = |id: &str, why: &str| {
        format!("algo-logs: builds of acme/Odd: {id} is not a valid build ID: {why}\n")
    };
    let failures = [
        invalid(
            "'../b2'",
            "only letters, digits, '_', '-' and '.' are allowed",
        ),
        invalid("''", "it is empty"),
        invalid(
            "a value of 256 characters",
            "it is longer than 255 characters",
        ),
    ];
    for failure in &failures {
        assert!(outcome.stderr.contains(failure), "{}", outcome.stderr);
    }
    let expected = [
        "2021-08-02T21-12-56+02-00-b6.log".to_owned(),
        "2021-08-02T21-12-56.442Z-b3.log".to_owned(),
        format!("2021-{}.log", "7".repeat(246)),
        format!("{}-b4.log", "2021_".repeat(8)),
        "builds.json".to_owned(),
        "versions.json".to_owned(),
        "x---rf.log".to_owned(),
        "x.._.._escaped-b1.log".to_owned(),
        "x___-b5.log".to_owned(),
    ];
    assert_eq!(names(&dir, "in/here/acme/Odd"), expected);
    assert_eq!(dir.names(), ["in"]);
    assert_eq!(names(&dir, "in"), ["here"]);
    for name in names(&dir, "in/here/acme/Odd") {
        assert!(name.starts_with(|c: char| c.is_ascii_alphanumeric()) && !name.contains(':'));
    }
}

#[test]
fn two_builds_never_share_a_file() {
    for (one, other, name) in [
        // The names are equal after cleaning, exactly equal, or equal on a system that ignores case.
        (build("b", "2021:a"), build("a-b", "2021"), "2021-a-b.log"),
        (build("a-b", "2021"), build("b", "2021-a"), "2021-a-b.log"),
        (build("b", "2021"), build("B", "2021"), "2021-b.log"),
    ] {
        let dir = TempDir::new();
        let (id, other_id) = (&one["build_id"], &other["build_id"]);
        let (id, other_id) = (id.as_str().unwrap(), other_id.as_str().unwrap());
        let cluster = odd(&[one.clone(), other.clone()]);
        // Each run prints the same, even one that lists only the other build.
        let lists = [vec![one.clone(), other.clone()], vec![other.clone()]];
        for (run, list) in [0, 0, 1, 1].map(|run| (run, &lists[run])) {
            list_odd(&cluster, list);
            let outcome = save(&cluster, &dir, "acme/Odd");
            assert_eq!(outcome.code, Some(6), "{outcome:?}");
            let name = match other_id {
                "B" => "2021-B.log",
                _ => name,
            };
            let failure = format!(
                "algo-logs: build {other_id} of acme/Odd: file name {name} is already used by build {id}\n"
            );
            assert!(
                outcome.stderr.starts_with(&failure),
                "{run}: {}",
                outcome.stderr
            );
            assert!(outcome.stderr.contains(" 1 failed"));
            assert_eq!(
                dir.read(&format!("acme/Odd/{}", name.replace('B', "b"))),
                id.as_bytes()
            );
            assert_eq!(names(&dir, "acme/Odd").len(), 3);
        }
    }
}

#[test]
fn a_build_that_is_listed_twice_is_saved_once() {
    let dir = TempDir::new();
    let twice = build("b1", "2021");
    let cluster = odd(&[twice.clone(), twice]);
    save(&cluster, &dir, "acme/Odd").is(0, "", "algo-logs: acme/Odd: 1 saved, 2 B\n");
    assert_eq!(index(&dir, "acme/Odd/builds.json", "/build_id"), ["b1"]);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{FileTypeExt, symlink};

    use super::*;

    fn make_fifo(path: &str) {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    /// Creates an obstacle at `path`.
    fn obstruct(kind: &str, path: &str, victim: &str) {
        match kind {
            "link" => symlink(victim, path).unwrap(),
            "dangling link" => symlink(format!("{victim}-new"), path).unwrap(),
            "FIFO" => make_fifo(path),
            _ => fs::create_dir(path).unwrap(),
        }
    }

    #[track_caller]
    fn is_still_there(kind: &str, path: &str) {
        let found = fs::symlink_metadata(path).unwrap().file_type();
        match kind {
            "FIFO" => assert!(found.is_fifo(), "{path}"),
            "directory" => assert!(found.is_dir(), "{path}"),
            _ => assert!(found.is_symlink(), "{path}"),
        }
    }

    #[test]
    fn an_obstacle_to_a_file_is_an_error() {
        let cluster = odd(&[build("b1", "2021"), build("b2", "2021")]);
        for kind in ["link", "dangling link", "FIFO", "directory"] {
            for name in ["2021-b1.log", "builds.json", "versions.json"] {
                let (dir, outside) = (TempDir::new(), TempDir::new());
                let victim = outside.write("victim", "[]");
                fs::create_dir_all(dir.join("acme/Odd")).unwrap();
                let path = dir.join(&format!("acme/Odd/{name}"));
                obstruct(kind, &path, &victim);
                let line = format!("save acme/Odd -q -d {}", dir.path().display());
                Program::on(&cluster).run(&line).fails(
                    7,
                    &format!(
                        "algo-logs: cannot write {path}: it exists but is not a regular file\n{RETRY_ONE}"
                    ),
                );
                is_still_there(kind, &path);
                assert_eq!(outside.read("victim"), b"[]");
                assert_eq!(outside.names(), ["victim"]);
                assert_eq!(dir.read("acme/Odd/2021-b2.log"), b"b2");
                assert_eq!(names(&dir, "acme/Odd").len(), 4);
            }
        }
    }

    #[test]
    fn no_log_is_fetched_for_a_file_that_cannot_be_written() {
        let (cluster, dir) = (odd(&[build("b1", "2021")]), TempDir::new());
        fs::create_dir_all(dir.join("acme/Odd/2021-b1.log")).unwrap();
        assert_eq!(save(&cluster, &dir, "acme/Odd").code, Some(7));
        assert_eq!(cluster.requests().len(), 2, "the lists");
    }

    #[test]
    fn links_below_the_directory_are_not_followed() {
        let cluster = odd(&[build("b1", "2021")]);
        for name in ["acme", "acme/Odd"] {
            for kind in ["link", "dangling link", "FIFO"] {
                let (dir, outside) = (TempDir::new(), TempDir::new());
                if name != "acme" {
                    fs::create_dir(dir.join("acme")).unwrap();
                }
                let path = dir.join(name);
                obstruct(kind, &path, &outside.path().display().to_string());
                let line = format!("save acme/Odd -d {}", dir.path().display());
                Program::on(&cluster).run(&line).fails(
                    7,
                    &format!("algo-logs: cannot write {path}: it exists but is not a directory\n"),
                );
                is_still_there(kind, &path);
                assert!(outside.names().is_empty());
            }
        }
        // DIR itself may be a link.
        let (dir, outside) = (TempDir::new(), TempDir::new());
        symlink(outside.path(), dir.join("link")).unwrap();
        let line = format!("save acme/Odd -q -d {}", dir.join("link"));
        Program::on(&cluster).run(&line).prints("");
        assert_eq!(outside.read("acme/Odd/2021-b1.log"), b"b1");
    }
}
