//! Help, the version, and what is said of a command line that means nothing. None of it needs an environment.

use crate::program::{Folder, Program};

#[track_caller]
fn fails(line: &str, message: &str) {
    Program::bare()
        .run(line)
        .fails(2, &format!("algo-logs: {message}\n"));
}

#[test]
fn help_of_a_command_is_one_text_however_it_is_asked_for() {
    let program = Program::bare();
    for line in [
        "help log",
        "log --help",
        "log -h",
        "-h log",
        "--help log",
        "help log --help",
        "log acme/x --help",
        // All the more where the rest of the line is wrong.
        "log --nonsense acme/x -n x --help",
        "log -hq",
        "log --version --help",
    ] {
        program.run(line).prints(LOG_HELP);
    }
    for (command, about, usage) in [
        (
            "builds",
            "List the builds of an algorithm, failed ones included.",
            "algo-logs builds ALGO [-s STATUS] [-c SHA] [-L N | --all] [--json]",
        ),
        (
            "versions",
            "List the versions of an algorithm, each with the build it came from.",
            "algo-logs versions ALGO [--published | --unpublished]\n                     \
             [--public | --private] [-L N | --all] [--json]",
        ),
        (
            "help",
            "Show the help of a command, or the summary of all.",
            "algo-logs help [COMMAND]",
        ),
    ] {
        let text = program.run(&format!("help {command}"));
        text.prints(&text.stdout);
        let start = format!("{about}\n\nUsage:\n  {usage}\n\nExamples:\n");
        assert!(text.stdout_text().starts_with(&start), "{text:?}");
        program
            .run(&format!("help {command} -h"))
            .prints(&text.stdout);
    }
}

#[test]
fn help_without_a_command_is_the_summary() {
    // README.md holds it, and tidy.rs compares the two.
    let program = Program::bare();
    let summary = program.run("--help");
    for line in ["help", "-h", "nonsense --help", "--nonsense -h"] {
        program.run(line).prints(&summary.stdout);
    }
}

#[test]
fn the_version() {
    let version = concat!("algo-logs ", env!("CARGO_PKG_VERSION"), "\n");
    for line in [
        "-V",
        "--version",
        "builds -V",
        "--version --nonsense",
        "-qV",
    ] {
        Program::bare().run(line).prints(version);
    }
}

#[test]
fn neither_help_nor_version_needs_anything() {
    let broken = Program::bare()
        .env("ALGORITHMIA_API", "ftp://nowhere")
        .env("ALGORITHMIA_API_KEY", "not a key")
        .env("HTTP_PROXY", "socks5://x")
        .env("SSL_CERT_FILE", "/nonexistent");
    for line in ["--help", "-V", "help builds"] {
        let outcome = broken.run(line);
        outcome.prints(&outcome.stdout);
    }
}

#[test]
fn commands() {
    for line in ["", "-q", "--wait", "--"] {
        fails(line, "no command given; see 'algo-logs --help'");
    }
    let commands = "the commands are builds, versions, log, save, help";
    for (line, message) in [
        (
            "bulds acme/x",
            "unknown command 'bulds'; did you mean 'builds'?",
        ),
        (
            "version acme/x",
            "unknown command 'version'; did you mean 'versions'?",
        ),
        ("logs acme/x", "unknown command 'logs'; did you mean 'log'?"),
        (
            "BUILDS acme/x",
            "unknown command 'BUILDS'; did you mean 'builds'?",
        ),
        ("xyz", &format!("unknown command 'xyz'; {commands}")),
        ("help xyz", &format!("unknown command 'xyz'; {commands}")),
        // What may well be a key is not shown.
        (
            "simSECRETSECRET",
            &format!("unknown command 'sim…'; {commands}"),
        ),
    ] {
        fails(line, message);
    }
}

#[test]
fn arguments() {
    for (line, message) in [
        (
            "builds",
            "'builds' needs an algorithm, OWNER/NAME; as in: algo-logs builds acme/tagger",
        ),
        (
            "versions --all",
            "'versions' needs an algorithm, OWNER/NAME; as in: algo-logs versions acme/tagger --published",
        ),
        (
            "log -n 5",
            "'log' needs an algorithm, OWNER/NAME; as in: algo-logs log acme/tagger -s failed -n 50",
        ),
        (
            "builds a/b c",
            "unexpected argument 'c'; usage: algo-logs builds ALGO \
             [-s STATUS] [-c SHA] [-L N | --all] [--json]",
        ),
        (
            "versions a/b c",
            "unexpected argument 'c'; usage: algo-logs versions ALGO [--published | --unpublished] \
             [--public | --private] [-L N | --all] [--json]",
        ),
        (
            "log a/b c d",
            "unexpected argument 'd'; usage: algo-logs log ALGO [BUILD_ID] [-s STATUS] [-c SHA] [-n N] \
             [-o FILE] [--wait[=SECS]] [--exit-status] [--raw | --plain]",
        ),
        (
            "help log x",
            "unexpected argument 'x'; usage: algo-logs help [COMMAND]",
        ),
        ("builds acme", "'acme' is not OWNER/NAME"),
        ("builds acme/x/1.0.0", "'acme/x/1.0.0' is not OWNER/NAME"),
        (
            "versions acme/",
            "'' is not a valid algorithm name: it is empty",
        ),
        (
            "log ../x",
            "'..' is not a valid owner: only letters, digits, '_', '-' and '.' are allowed",
        ),
        (
            "log acme/x/1.2",
            "'1.2' is no version: neither a semantic version nor 7 to 40 digits of a git hash; \
             ALGO is OWNER/NAME or OWNER/NAME/VERSION",
        ),
        (
            "log acme/x/123456",
            "'123456' is no version: neither a semantic version nor 7 to 40 digits of a git hash; \
             ALGO is OWNER/NAME or OWNER/NAME/VERSION",
        ),
    ] {
        fails(line, message);
    }
    Program::bare()
        .run_words(&["log", "acme/x", ""])
        .fails(2, "algo-logs: BUILD_ID is empty\n");
    Program::bare().run_words(&["builds", ""]).fails(
        2,
        "algo-logs: 'builds' needs an algorithm, OWNER/NAME; as in: algo-logs builds acme/tagger\n",
    );
}

#[test]
fn options() {
    let elsewhere = "put the key in a file for '--api-key-file', or in ALGORITHMIA_API_KEY";
    for (line, message) in [
        (
            "builds a/b --limt 3",
            "unknown option '--limt'; did you mean '--limit'?",
        ),
        (
            "builds a/b --nonsense",
            "unknown option '--nonsense'; see 'algo-logs builds --help'",
        ),
        (
            "--nonsense",
            "unknown option '--nonsense'; see 'algo-logs --help'",
        ),
        (
            "builds a/b -S failed",
            "unknown option '-S'; did you mean '-s'?",
        ),
        (
            "builds a/b -Z",
            "unknown option '-Z'; see 'algo-logs builds --help'",
        ),
        (
            "log a/b -5",
            "unknown option '-5'; see 'algo-logs log --help'",
        ),
        (
            "builds a/b --key SECRET",
            &format!(
                "there is no option '--key': others can see a key on the command line; {elsewhere}"
            ),
        ),
        (
            "log a/b --api-key=SECRET",
            &format!(
                "there is no option '--api-key': others can see a key on the command line; {elsewhere}"
            ),
        ),
        (
            "builds a/b -n 3",
            "'builds' takes no option '-n'; '-n' belongs to log",
        ),
        (
            "versions a/b -s failed",
            "'versions' takes no option '-s'; '-s' belongs to builds, log, save",
        ),
        (
            "log a/b --all",
            "'log' takes no option '--all'; '--all' belongs to builds, versions, save",
        ),
        (
            "help -v",
            "'help' takes no option '-v'; '-v' belongs to builds, versions, log, save",
        ),
        ("log a/b --raw=1", "option '--raw' takes no value"),
        ("log a/b -o", "option '-o FILE' needs a value"),
        (
            "log a/b --output --raw",
            "option '--output FILE' needs a value; a value that begins with '-' is written '--output=-…'",
        ),
        (
            "log a/b --wait 5",
            "'5' after '--wait' is not taken for its value; write '--wait=5'",
        ),
        ("builds a/b --all -L 3", "'-L' contradicts '--all'"),
        (
            "versions a/b --published --unpublished",
            "'--published' contradicts '--unpublished'",
        ),
        (
            "versions a/b --private --public",
            "'--public' contradicts '--private'",
        ),
        ("log a/b --plain --raw", "'--raw' contradicts '--plain'"),
        ("log a/b -qv", "'-v' contradicts '-q'"),
        (
            "log a/b c -s failed",
            "'BUILD_ID' contradicts '-s'; each of them chooses the build",
        ),
        (
            "log a/b/1.0.0 c",
            "'VERSION' contradicts 'BUILD_ID'; each of them chooses the build",
        ),
        (
            "log a/b/1.0.0 -c 7b",
            "'VERSION' contradicts '-c'; each of them chooses the build",
        ),
    ] {
        fails(line, message);
    }
}

#[test]
fn values() {
    for (option, value, why) in [
        (
            "builds -s",
            "failure",
            "not one of succeeded, failed, in-progress; did you mean 'failed'?",
        ),
        (
            "builds -s",
            "bad",
            "not one of succeeded, failed, in-progress",
        ),
        ("log -c", "HEAD", "not 1 to 40 hex digits"),
        ("builds -L", "0", "at least 1 row; '--all' shows all rows"),
        ("builds --limit", "-1", "not a number"),
        ("versions -L", "1e3", "not a number"),
        ("log -n", "x", "not a number"),
        ("log --tail", "+5", "not a number"),
        (
            "log --timeout",
            "0",
            "the cluster would have no time to answer",
        ),
        ("builds --timeout", "31536001", "longer than a year"),
        ("versions --retries", "1.5", "not a number"),
        ("versions --retries", "4294967296", "too large"),
    ] {
        let (command, name) = option.split_once(' ').unwrap();
        let of = match name.trim_start_matches('-') {
            "s" => "STATUS",
            "c" => "SHA",
            "timeout" => "SECS",
            _ => "N",
        };
        fails(
            &format!("{command} a/b {name} {value}"),
            &format!("invalid value '{value}' for '{name} {of}': {why}"),
        );
    }
    for (line, message) in [
        (
            "log a/b --wait=soon",
            "invalid value 'soon' for '--wait[=SECS]': not a number",
        ),
        (
            "log a/b --wait=",
            "invalid value '' for '--wait[=SECS]': it is empty",
        ),
        (
            "log a/b --output=",
            "invalid value '' for '--output FILE': it is empty",
        ),
        (
            "log a/b --api=",
            "invalid value '' for '--api URL': it is empty",
        ),
    ] {
        fails(line, message);
    }
}

#[cfg(unix)]
#[test]
fn words_that_are_no_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let run = |words: &[&[u8]]| {
        let mut command = Program::bare().command("log");
        command.args(words.iter().map(|word| OsStr::from_bytes(word)));
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), output.stdout, stderr)
    };
    let failure = |message: &str| (Some(2), Vec::new(), format!("algo-logs: {message}\n"));
    assert_eq!(
        run(&[b"a/\xff"]),
        failure("argument 'a/\u{fffd}' is not valid UTF-8")
    );
    assert_eq!(
        run(&[b"a/b", b"--api", b"\xff"]),
        failure("invalid value '\u{fffd}' for '--api URL': not valid UTF-8")
    );
    assert_eq!(
        run(&[b"a/b", b"--\xff\n"]),
        failure("unknown option '--\u{fffd}\u{fffd}'; see 'algo-logs log --help'")
    );
}

#[test]
fn options_stand_anywhere_and_end_at_two_dashes() {
    let home = Folder::new();
    // Where the line is understood, the key is what is missing.
    let missing = "there is no key; set ALGORITHMIA_API_KEY, or give --api-key-file FILE";
    for line in [
        "log a/b -n 5",
        "-n 5 log a/b",
        "log -n5 a/b",
        "log -n 5 -- a/b b-1",
        "--tail=5 log -- a/b",
        "log a/b -n 5 -n 6 --api a --api b",
    ] {
        Program::bare()
            .env("HOME", home.path())
            .run(line)
            .fails(4, &format!("algo-logs: {missing}\n"));
    }
    fails(
        "log -- a/b -n 5",
        "unexpected argument '5'; usage: algo-logs log ALGO [BUILD_ID] [-s STATUS] [-c SHA] [-n N] \
         [-o FILE] [--wait[=SECS]] [--exit-status] [--raw | --plain]",
    );
}

const LOG_HELP: &str = r#"Write a build's log: the newest that fits, unless one is named.

Usage:
  algo-logs log ALGO [BUILD_ID] [-s STATUS] [-c SHA] [-n N] [-o FILE]
                [--wait[=SECS]] [--exit-status] [--raw | --plain]

Examples:
  # The end of the newest failed build's log
  algo-logs log acme/tagger -s failed -n 50
  # In a pipeline: a commit's log, once it is built; exit 3 if that failed
  algo-logs log acme/tagger -c "$SHA" --wait --exit-status
  # A version's log into a file
  algo-logs log acme/tagger/1.2.0 -o build.log

Arguments:
  ALGO      OWNER/NAME, or OWNER/NAME/VERSION for a version's log; VERSION is a
            semantic version, or a git hash of 7 digits or more
  BUILD_ID  a build, as 'builds' lists them

Options:
  -s, --status STATUS      only builds that are 'succeeded', 'failed' or
                           'in-progress'
  -c, --commit SHA         only builds of this commit; its first digits are
                           enough
  -n, --tail N             write the last N lines only
  -o, --output FILE        write the log's exact bytes to FILE, whole or not at
                           all; '-' is stdout [default: -]
      --wait[=SECS]        wait until there is a build and it has finished, SECS
                           at most [default: 1800]
      --exit-status        exit with 3 if the build failed; its log is written
                           all the same
      --raw                exact bytes on a terminal too; they may change its
                           state
      --plain              drop escape sequences, colours included, everywhere

Connection:
      --api URL            the cluster [default: https://api.algorithmia.com]
      --api-key-file FILE  read the API key from FILE; '-' is stdin
      --cacert FILE        trust the CAs in this PEM file, and no others
      --profile NAME       profile in ~/.algorithmia/config [default: default]
      --allow-http         send the key over plain http:// to any host
      --timeout SECS       how long the cluster may stay silent [default: 30]
      --retries N          how often to try again [default: 3]

General:
  -v, --verbose            a line on stderr for each request
  -q, --quiet              no notes on stderr, errors only
  -h, --help               show help; after a command, that command's
  -V, --version            show the program's version

Options may stand anywhere; '--' ends them. Of a repeated one, the last counts.

Exit status:
  0    done; every byte was written
  1    the network or the service failed
  2    usage or settings
  3    with '--exit-status': the build failed
  4    no key, or the service refused it (401, 403)
  5    no such algorithm, build or version; no log; nothing fits
  6    the service's answer was cut short or invalid
  7    the output could not be written
  8    the build has not finished
  141  the reader of stdout went away
"#;
