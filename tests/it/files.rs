//! `log -o`: the output file, and its state after a failure.

use std::process::Stdio;

use crate::cluster::data::lemmatizer;
use crate::cluster::{Cluster, Reply};
use crate::program::{Program, TempDir, open_error};

const LOGS: &str = "/v1/algorithms/acme/Paged/builds/b/logs";

#[test]
fn a_file_gets_the_exact_bytes() {
    let cluster = Cluster::start();
    let dir = TempDir::new();
    let line = format!("log acme/Lemmatizer {}", lemmatizer::FAILED);
    let file = dir.join("new");
    let program = Program::on(&cluster);
    program.run(&format!("{line} -o {file}")).prints("");
    assert!(dir.read("new") == lemmatizer::FAILED_LOG.as_bytes());
    program
        .run(&format!("{line} --output={file} -n 1"))
        .prints("");
    let last = lemmatizer::FAILED_LOG.lines().last().unwrap();
    assert_eq!(String::from_utf8_lossy(&dir.read("new")), last);
    assert_eq!(dir.names(), ["new"]);
    // `-` is stdout.
    program
        .run(&format!("{line} -o -"))
        .prints(lemmatizer::FAILED_LOG);
    // A bare name refers to the current directory.
    let output = program
        .command(&format!("{line} -o here"))
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(dir.read("here") == lemmatizer::FAILED_LOG.as_bytes());
    assert_eq!(dir.names(), ["here", "new"]);
}

#[test]
fn a_failure_leaves_the_file_unchanged() {
    let cluster = Cluster::start();
    let dir = TempDir::new();
    dir.write("old", "what was there");
    let (old, new) = (dir.join("old"), dir.join("new"));
    let cut = Reply::raw().send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"logs\":\"a");
    let program = Program::on(&cluster);
    for file in [&old, &new] {
        cluster.script(LOGS, cut.clone().fin());
        program
            .run(&format!("log acme/Paged b --retries 0 -o {file}"))
            .fails(
                6,
                "algo-logs: log of build b of acme/Paged: the response was cut short\n",
            );
        // Valid JSON, but incomplete.
        cluster.script(LOGS, Reply::json(200, r#"{"logs":"abc","more":}"#));
        let outcome = program.run(&format!("log acme/Paged b -o {file}"));
        assert_eq!(
            (outcome.code, outcome.stdout_text()),
            (Some(6), String::new())
        );
        let line = format!("log acme/Lemmatizer {} -o {file}", lemmatizer::LOST);
        assert_eq!(program.run(&line).code, Some(5));
    }
    assert_eq!(dir.names(), ["old"]);
    assert_eq!(dir.read("old"), b"what was there");
}

#[test]
fn paths_that_cannot_be_written() {
    let cluster = Cluster::start();
    let dir = TempDir::new();
    let line = format!("log acme/Lemmatizer {}", lemmatizer::SUCCEEDED);
    let at = dir.path().display();
    let open = |path: &str| std::fs::OpenOptions::new().write(true).open(path);
    let directory = open(&dir.join("")).unwrap_err().to_string();
    let missing = open_error(&format!("{at}/none"));
    for (file, why) in [
        (format!("{at}"), &*directory),
        (format!("{at}/"), &*directory),
        (
            format!("{at}/none/log"),
            &format!("cannot create a file in {at}/none: {missing}"),
        ),
        (format!("{at}/new/"), "not the name of a file"),
        #[cfg(unix)] // Windows resolves them to a directory that exists.
        (format!("{at}/none/.."), "not the name of a file"),
        #[cfg(unix)]
        (format!("{at}/new/."), "not the name of a file"),
    ] {
        Program::on(&cluster)
            .run(&format!("{line} -o {file}"))
            .fails(7, &format!("algo-logs: cannot write {file}: {why}\n"));
    }
    assert!(dir.names().is_empty());
    assert_eq!(cluster.connections(), 0);
}

#[cfg(unix)]
#[test]
fn files_keep_their_mode_and_links_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let cluster = Cluster::start();
    let dir = TempDir::new();
    let program = Program::on(&cluster);
    let line = format!("log acme/Lemmatizer {}", lemmatizer::SUCCEEDED);
    let old = dir.write("old", "");
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o604)).unwrap();
    symlink("old", dir.join("link")).unwrap();
    symlink("link", dir.join("link to a link")).unwrap();
    symlink("new", dir.join("dangling")).unwrap();
    std::fs::hard_link(&old, dir.join("hard")).unwrap();
    for (file, target) in [
        ("old", "old"),
        ("link", "old"),
        ("link to a link", "old"),
        ("dangling", "new"),
    ] {
        dir.write("old", "what was there");
        let mut command = program.command(&line);
        let output = command.args(["-o", &dir.join(file)]).output().unwrap();
        assert!(output.status.success(), "{file}: {output:?}");
        assert_eq!(dir.read(target), lemmatizer::SUCCEEDED_LOG.as_bytes());
    }
    let mode = std::fs::metadata(&old).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o604);
    for (link, target) in [
        ("link", "old"),
        ("link to a link", "link"),
        ("dangling", "new"),
    ] {
        let found = std::fs::read_link(dir.join(link)).unwrap();
        assert_eq!(found.to_str(), Some(target));
    }
    // A hard link keeps the old content.
    assert_eq!(dir.read("hard"), b"what was there");
    assert_eq!(
        dir.names(),
        ["dangling", "hard", "link", "link to a link", "new", "old"]
    );
    // A link that points to itself.
    symlink("loop", dir.join("loop")).unwrap();
    let file = dir.join("loop");
    // Each C library has its own words for this.
    let error = std::fs::File::open(&file).unwrap_err();
    let expected = format!("algo-logs: cannot write {file}: {error}\n");
    program
        .run(&format!("{line} -o {file}"))
        .fails(7, &expected);
}

#[cfg(unix)]
#[test]
fn streams_and_devices_are_written_in_place() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let cluster = Cluster::start();
    let dir = TempDir::new();
    let program = Program::on(&cluster);
    let line = format!("log acme/Lemmatizer {}", lemmatizer::FAILED);
    let null = dir.join("null");
    symlink("/dev/null", &null).unwrap();
    for device in ["/dev/null", &null] {
        program.run(&format!("{line} -o {device}")).prints("");
        let found = std::fs::metadata(device).unwrap().file_type();
        assert!(found.is_char_device(), "{device}");
    }
    program
        .run(&format!("{line} -o /dev/stdout"))
        .prints(lemmatizer::FAILED_LOG);

    let fifo = dir.join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    let reader = std::thread::spawn({
        let fifo = fifo.clone();
        move || std::fs::read(fifo).unwrap()
    });
    program.run(&format!("{line} -o {fifo}")).prints("");
    assert!(reader.join().unwrap() == lemmatizer::FAILED_LOG.as_bytes());
    assert!(std::fs::metadata(&fifo).unwrap().file_type().is_fifo());
    assert_eq!(dir.names(), ["fifo", "null"]);
}

#[cfg(windows)]
#[test]
fn devices_are_written_in_place() {
    let cluster = Cluster::start();
    let line = format!("log acme/Lemmatizer {}", lemmatizer::FAILED);
    for device in ["NUL", "nul", r"\\.\NUL", "CON"] {
        // CON does not exist without a console.
        let there = std::fs::OpenOptions::new().write(true).open(device);
        if there.is_ok() {
            let outcome = Program::on(&cluster).run(&format!("{line} -o {device}"));
            assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{device}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_program_silently() {
    let cluster = Cluster::start();
    let mut child = Program::on(&cluster)
        .command("log acme/Big docker-1000000")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(141));
}
