//! Help, the version, and errors of invalid command lines. None of these need an environment.

use crate::program::{Program, TempDir};

/// Runs the command line before ` => ` in each row and compares the error with the text after it.
#[track_caller]
fn fail(table: &str) {
    for row in table.trim().lines() {
        let (line, error) = row
            .split_once(" => ")
            .expect("a command line and its error");
        Program::bare()
            .run(line)
            .fails(2, &format!("algo-logs: {}\n", error.trim()));
    }
}

#[track_caller]
fn fails(words: &[&str], error: &str) {
    Program::bare()
        .run_words(words)
        .fails(2, &format!("algo-logs: {error}\n"));
}

#[test]
fn every_request_for_the_help_of_a_command_prints_the_same_text() {
    let program = Program::bare();
    for command in ["builds", "versions", "log", "why", "save", "help"] {
        let help = program.run(&format!("help {command}")).stdout_text();
        let usage = format!("\n\nUsage:\n  algo-logs {command} ");
        for part in [
            &usage,
            "\n\nExamples:\n",
            "\n\nArguments:\n",
            "\n\nExit status:\n",
        ] {
            assert!(help.contains(part), "{help}");
        }
        program.run(&format!("help {command} -h")).prints(&help);
    }
    let help = program.run("help log").stdout_text();
    for line in [
        "log --help",
        "-h log",
        // Help takes precedence even if the rest of the line is invalid.
        "log --bad -h",
        "log a/x b-1 extra -vh",
        "log -o --help",
        "log --version --help",
    ] {
        program.run(line).prints(&help);
    }
}

#[test]
fn help_without_a_command_is_the_summary() {
    // README.md contains the summary, and tidy.rs compares the two.
    let program = Program::bare();
    let summary = program.run("--help").stdout_text();
    for line in [
        "help",
        "-h",
        "help --help",
        "nonsense --help",
        "--nonsense -h",
        "--version --help",
        "--generate man -h",
    ] {
        program.run(line).prints(&summary);
    }
    // Without arguments, only its start is shown.
    let (start, _) = summary.split_once("\n\nConnection:").expect("a section");
    let more = "'algo-logs help COMMAND' shows examples, options and exit codes.";
    program.run("").fails(2, &format!("{start}\n\n{more}\n"));
}

#[test]
fn topics() {
    let program = Program::bare();
    let environment = program.run("help environment").stdout_text();
    program.run("help environment -h").prints(&environment);
    for name in [
        "Options override the environment, which overrides the default profile.",
        "ALGORITHMIA_API ",
        "ALGORITHMIA_API_KEY",
        "ALGORITHMIA_BEARER_TOKEN",
        "SSL_CERT_FILE",
        "HTTPS_PROXY",
        "NO_PROXY",
        "NO_COLOR",
        "TERM",
        "algorithmia.conf",
        if cfg!(windows) {
            r"%LOCALAPPDATA%\Algorithmia\config"
        } else {
            "~/.algorithmia/config"
        },
    ] {
        assert!(environment.contains(name), "{name}");
    }
    let codes = program.run("help exit-codes").stdout_text();
    for code in [0, 1, 2, 3, 4, 5, 6, 7, 8, 141] {
        assert!(codes.contains(&format!("\n  {code:<3}  ")), "{code}");
    }
}

#[test]
fn the_version() {
    let version = concat!("algo-logs ", env!("CARGO_PKG_VERSION"), "\n");
    // The environment does not matter.
    let program = Program::bare().env("ALGORITHMIA_API", "ftp://nowhere");
    for line in [
        "-V",
        "--version",
        "builds -V",
        "--version --nonsense",
        "log a/x b c -V",
        "--generate man -V",
        "-qV",
    ] {
        program.run(line).prints(version);
    }
}

#[test]
fn commands() {
    for line in ["-q", "--wait", "--"] {
        Program::bare()
            .run(line)
            .fails(2, "algo-logs: no command given; see 'algo-logs --help'\n");
    }
    let commands = "the commands are builds, versions, log, why, save, help";
    for (word, shown) in [
        ("lgo", "lgo"),
        ("acme/tagger", "acme/tagger"),
        (
            "d01d403d-a853-4831-9fff-9783a7b7e956",
            "d01d403d-a853-4831-9fff-9783a7b7e956",
        ),
        ("simSECRETSECRET", "sim…"),
    ] {
        fails(&[word], &format!("unknown command '{shown}'; {commands}"));
    }
    for (word, meant) in [
        ("bulds", "'builds'"),
        ("ver", "'versions'"),
        ("BUILDS", "'builds'"),
        ("safe", "'save'"),
        // Words of similar programs.
        ("version", "'--version'"),
        ("ls", "'builds'"),
        ("watch", "'log --wait'"),
        ("explain", "'why'"),
        ("download", "'save'"),
        ("completions", "'--generate complete-bash'"),
        ("auth", "'help environment'"),
        ("login", "'help environment'"),
        ("config", "'help environment'"),
    ] {
        let error = format!("unknown command '{word}'; did you mean {meant}?");
        fails(&[word, "acme/x"], &error);
    }
    fail(
        "help lg => there is no help on 'lg'; did you mean 'log'?
         help exit => there is no help on 'exit'; did you mean 'exit-codes'?
         help env => there is no help on 'env'; did you mean 'environment'?
         help xyz => there is no help on 'xyz'; the topics are builds, versions, log, why, save, help, environment, exit-codes",
    );
}

#[test]
fn arguments() {
    fail(
        "save => 'save' requires an ALGO, an OWNER, or '-' for names on stdin; e.g. algo-logs save acme/tagger -d logs
         save a/x => 'save' requires -d DIR; e.g. algo-logs save acme/tagger -d logs
         versions a/b c => unexpected argument 'c'; usage: algo-logs versions [ALGO] [--published | --unpublished] [--public | --private] [-L N | --all] [--json]
         log a/b c d => unexpected argument 'd'; usage: algo-logs log [ALGO] [BUILD_ID] [-s STATUS] [-c SHA] [-n N] [-o FILE] [--wait[=SECS]] [--exit-status] [--raw | --plain]
         why a/b c d => unexpected argument 'd'; usage: algo-logs why [ALGO] [BUILD_ID] [-c SHA] [-n N] [--json] or: --file FILE [-n N] [--json]
         why a/b 1.2.0 => '1.2.0' is a version, not a BUILD_ID; 'algo-logs log a/b/1.2.0' writes its log
         why v1.2.0 => 'v1.2.0' is a version, not a BUILD_ID; 'algo-logs log OWNER/NAME/1.2.0' writes its log
         why a/b/1.2.0 => 'a/b/1.2.0' is not OWNER/NAME
         help log x => unexpected argument 'x'; usage: algo-logs help [COMMAND | environment | exit-codes]
         versions -- -x => '-x' is not OWNER/NAME
         builds acme/x b-1 => unexpected argument 'b-1'; usage: algo-logs builds [ALGO|OWNER] [-s STATUS] [-c SHA] [-L N | --all] [--json]
         log b-1 acme/x => 'b-1' is not OWNER/NAME
         log algo://acme => 'algo://acme' is not OWNER/NAME
         log acme/x 1.2.0 => '1.2.0' is a version, not a BUILD_ID; 'algo-logs log acme/x/1.2.0' writes its log
         log algo://acme/x v1.2.0-rc.1 => 'v1.2.0-rc.1' is a version, not a BUILD_ID; 'algo-logs log acme/x/1.2.0-rc.1' writes its log
         log v1.2.0 => 'v1.2.0' is a version, not a BUILD_ID; 'algo-logs log OWNER/NAME/1.2.0' writes its log
         log https://c.example.com/algorithms/acme/x 1.2.0 => '1.2.0' is a version, not a BUILD_ID; 'algo-logs log acme/x/1.2.0' writes its log
         log acme/x/v1.2.0 => 'v1.2.0' is not a version: neither a semantic version nor 7 to 40 digits of a git hash; ALGO is OWNER/NAME or OWNER/NAME/VERSION
         builds acme/x/1.0.0 => 'acme/x/1.0.0' is not OWNER/NAME
         builds acme/LanguageDetectionService/main => 'acme/LanguageDetectionService/main' is not OWNER/NAME
         builds acme/x d01d403d-a853-4831-9fff-9783a7b7e956 => unexpected argument 'd01d403d-a853-4831-9fff-9783a7b7e956'; usage: algo-logs builds [ALGO|OWNER] [-s STATUS] [-c SHA] [-L N | --all] [--json]
         versions acme/ => 'acme/' is not OWNER/NAME
         log /tmp/x => '/tmp/x' is not OWNER/NAME
         log ../x => '../x' is not OWNER/NAME
         log ../x/1.2.0 => '../x/1.2.0' is not OWNER/NAME
         log ac,me/x => 'ac,me' is not a valid owner: only letters, digits, '_', '-' and '.' are allowed
         log acme/x/ => '' is not a version: neither a semantic version nor 7 to 40 digits of a git hash; ALGO is OWNER/NAME or OWNER/NAME/VERSION
         why ./build.log => './build.log' is not OWNER/NAME; 'why --file ./build.log' explains a saved log
         why build.log => 'build.log' is not OWNER/NAME; 'why --file build.log' explains a saved log
         log acme/x/1.2 => '1.2' is not a version: neither a semantic version nor 7 to 40 digits of a git hash; ALGO is OWNER/NAME or OWNER/NAME/VERSION
         log acme/x/123456 => '123456' is not a version: neither a semantic version nor 7 to 40 digits of a git hash; ALGO is OWNER/NAME or OWNER/NAME/VERSION",
    );
    for words in [
        &["log", "acme/x", ""][..],
        &["builds", ""],
        &["save", "", "-d", "f"],
    ] {
        fails(words, "an argument is empty; is a variable not set?");
    }
}

#[test]
fn unknown_options() {
    for (line, meant) in [
        ("builds a/b --limt", "limit"),
        ("builds a/b --LIMIT", "limit"),
        ("log --stauts", "status"),
        ("save --job", "jobs"),
        ("--generat", "generate"),
        ("log --exit", "exit-status"),
        ("log a/b --colour", "color"),
        // Words of similar programs; some mean different options of different commands.
        ("log a/b --lines", "tail"),
        ("builds a/b --lines", "limit"),
        ("builds a/b --failed", "status failed"),
        ("log a/b --no-color", "color never"),
        ("log a/b --watch", "wait"),
        ("--server", "api"),
    ] {
        let unknown = line.rsplit(' ').next().unwrap();
        let error = format!("unknown option '{unknown}'; did you mean '--{meant}'?");
        fails(&line.split(' ').collect::<Vec<_>>(), &error);
    }
    // `log --jso` is closest to `--json`, which `log` does not take.
    fail(
        "builds a/b --nonsense => unknown option '--nonsense'; see 'algo-logs builds --help'
         --nonsense => unknown option '--nonsense'; see 'algo-logs --help'
         log --jso => unknown option '--jso'; see 'algo-logs log --help'
         log a/b --timestamps => unknown option '--timestamps'; see 'algo-logs log --help'
         versions a/b --failed => unknown option '--failed'; see 'algo-logs versions --help'
         builds a/b -S failed => unknown option '-S'; did you mean '-s'?
         builds -l 5 => unknown option '-l'; did you mean '-L'?
         log a/b -5 => unknown option '-5'; see 'algo-logs log --help'
         builds a/b --since 2d => unknown option '--since'; select by time with: --json | jq '.[] | select(.started_at > \"2021-08\")'
         log a/b --log-failed => unknown option '--log-failed'; 'algo-logs why' shows the step that failed, 'algo-logs log -s failed' the whole log
         log a/x -f => unknown option '-f'; '--wait' waits for the build, then writes its log: there is none before
         log a/x --follow=x => unknown option '--follow'; '--wait' waits for the build, then writes its log: there is none before",
    );
    fails(
        &["builds", "a/b", "--key", "SECRET"],
        "unknown option '--key'; \
         put the key in a file for '--api-key-file', or in ALGORITHMIA_API_KEY: others can see the command line",
    );
}

#[test]
fn misplaced_and_contradictory_options() {
    fail(
        "builds a/b -n 3 => 'builds' does not accept '-n'; log and why do
         builds a/b --raw => 'builds' does not accept '--raw'; log does
         versions a/b -s failed => 'versions' does not accept '-s'; builds, log and save do
         log a/b --all => 'log' does not accept '--all'; builds, versions and save do
         log a/b -d f => 'log' does not accept '-d'; save does
         help -v => 'help' does not accept '-v'; builds, versions, log, why and save do
         builds a/b --all -L 3 => '-L' cannot be used with '--all'
         save a/b -d f --limit 3 --all => '--limit' cannot be used with '--all'
         versions a/b --published --unpublished => '--published' cannot be used with '--unpublished'
         versions a/b --private --public => '--public' cannot be used with '--private'
         log a/b --plain --raw => '--raw' cannot be used with '--plain'
         log a/b -qv => '-v' cannot be used with '-q'
         log a/b c -s failed => 'BUILD_ID' cannot be used with '-s'; both select the build
         log a/b c --commit 7b => 'BUILD_ID' cannot be used with '--commit'; both select the build
         why a/b c -c 7b => 'BUILD_ID' cannot be used with '-c'; both select the build
         log a/b -s failed --wait => '-s' cannot be used with '--wait'; '--exit-status' tells whether the build failed
         log a/b --wait=5 --status succeeded => '--status' cannot be used with '--wait'; '--exit-status' tells whether the build failed
         why a/b --file f => '--file' cannot be used with 'ALGO'
         why b-1 --file f => '--file' cannot be used with 'BUILD_ID'; both select the build
         why --file - -c 7b => '--file' cannot be used with '-c'; both select the build
         why a/b -s failed => 'why' does not accept '-s'; builds, log and save do
         why a/b -o f => 'why' does not accept '-o'; log does
         log a/b/1.0.0 --wait => 'VERSION' cannot be used with '--wait'; a version is listed once it has been built
         log a/b/1.0.0 c => 'VERSION' cannot be used with 'BUILD_ID'; both select the build
         log a/b/1.0.0 -s failed => 'VERSION' cannot be used with '-s'; both select the build
         log a/b/1.0.0 -c 7b => 'VERSION' cannot be used with '-c'; both select the build",
    );
}

#[test]
fn values() {
    fail(
        "log a/b --raw=1 => option '--raw' does not take a value
         log a/b -v=1 => option '-v' does not take a value
         log a/b -o => option '-o FILE' needs a value
         log a/b -o -- b => option '-o FILE' needs a value; write a value that begins with '-' as '--output=-…'
         log a/b --output --raw => option '--output FILE' needs a value; write a value that begins with '-' as '--output=-…'
         log a/b --wait 5 => option '--wait' takes a value only after '='; write '--wait=5'
         log a/b --wait 30m => option '--wait' takes a value only after '='; write '--wait=30m'
         log --wait 5 a/b => option '--wait' takes a value only after '='; write '--wait=5'
         builds a/b -s FAILED => invalid value 'FAILED' for '-s STATUS': not one of succeeded, failed, in-progress
         builds a/b --color sometimes => invalid value 'sometimes' for '--color WHEN': not one of auto, always, never
         builds a/b --color => option '--color WHEN' needs a value
         help --color never => 'help' does not accept '--color'; builds, versions, log, why and save do
         --generate nroff => invalid value 'nroff' for '--generate KIND': not one of man, complete-bash, complete-zsh, complete-fish
         --generate => option '--generate KIND' needs a value
         log a/b -c HEAD => invalid value 'HEAD' for '-c SHA': not 1 to 40 hex digits; write -c \"$(git rev-parse HEAD)\"
         why a/b --commit feature/x => invalid value 'feature/x' for '--commit SHA': not 1 to 40 hex digits; write -c \"$(git rev-parse feature/x)\"
         log a/b -c 0123456789abcdef0123456789abcdef012345670 => invalid value '0123456789abcdef0123456789abcdef012345670' for '-c SHA': not 1 to 40 hex digits
         builds a/b -L 0 => invalid value '0' for '-L N': must be at least 1; '--all' reads the whole list
         builds a/b --limit -1 => invalid value '-1' for '--limit N': not a number
         versions a/b -L 1e3 => invalid value '1e3' for '-L N': not a number
         log a/b -n x => invalid value 'x' for '-n N': not a number
         log a/b -n= => invalid value '' for '-n N': it is empty
         log a/b --tail +5 => invalid value '+5' for '--tail N': not a number
         log a/b -n 99999999999999999999 => invalid value '99999999999999999999' for '-n N': too large
         why a/b -n 0 => invalid value '0' for '-n N': must be from 1 to 1000
         why a/b --tail 1001 => invalid value '1001' for '-n N': must be from 1 to 1000
         log a/b -n eyJxxxxxxxxx => invalid value 'eyJ…' for '-n N': not a number
         save a/b -d f -j 0 => invalid value '0' for '-j N': must be from 1 to 64
         save a/b -d f --jobs 65 => invalid value '65' for '--jobs N': must be from 1 to 64
         log a/b --timeout 0 => invalid value '0' for '--timeout SECS': must be at least 1
         log a/b --wait=9000h => invalid value '9000h' for '--wait[=SECS]': longer than a year
         log a/b --wait=1d => invalid value '1d' for '--wait[=SECS]': not a time, such as 90, 90s, 30m or 2h
         log a/b --wait=m => invalid value 'm' for '--wait[=SECS]': not a time, such as 90, 90s, 30m or 2h
         builds a/b --timeout 31536001 => invalid value '31536001' for '--timeout SECS': longer than a year
         versions a/b --retries 1.5 => invalid value '1.5' for '--retries N': not a number
         versions a/b --retries 4294967296 => invalid value '4294967296' for '--retries N': too large
         log a/b --wait=soon => invalid value 'soon' for '--wait[=SECS]': not a time, such as 90, 90s, 30m or 2h
         log a/b --wait= => invalid value '' for '--wait[=SECS]': it is empty
         log a/b --output= => invalid value '' for '--output FILE': it is empty
         save a/b --dir= => invalid value '' for '--dir DIR': it is empty
         log a/b --api= => invalid value '' for '--api URL': it is empty",
    );
}

#[test]
fn keys_are_not_echoed() {
    let key = "simAbCdEf0123456789XyZ";
    for line in [
        "--api-key KEY builds a/x",
        "builds a/x --api-key=KEY",
        "log a/x --token KEY",
        "log a/x --key=KEY",
        "log a/x --bearer-token KEY",
        "log a/x --passwort=KEY",
        "log a/x -kKEY",
        "log a/x --KEY",
        "KEY",
        "versions KEY",
        "log KEY",
        "log KEY b-1",
        "builds a/x/KEY",
        "builds https://user:KEY@c.example.com/algorithms/a/x",
        "builds KEY x",
        "builds a/x KEY",
        "log a/x b-1 KEY",
        "why a/x b-1 KEY",
        "help KEY",
        "log a/x/KEY",
        "log a/x -n KEY",
        "builds a/x -s KEY",
        "builds a/x -c KEY",
        "builds a/x --json=KEY",
        "builds a/x --timeout KEY",
        "builds a/x --profile KEY",
    ] {
        let outcome = Program::bare().run(&line.replace("KEY", key));
        assert_eq!(outcome.code, Some(2), "{line}: {outcome:?}");
        assert!(!outcome.stderr.contains(&key[4..]), "{line}: {outcome:?}");
    }
}

#[test]
fn control_characters_in_arguments_are_replaced() {
    fails(
        &["help", "log", "b\n\u{1b}\u{202e}c"],
        "unexpected argument 'b\u{fffd}\u{fffd}\u{fffd}c'; \
         usage: algo-logs help [COMMAND | environment | exit-codes]",
    );
    fails(
        &["log", "a/x", "-n\u{7}"],
        "invalid value '\u{fffd}' for '-n N': not a number",
    );
    fails(
        &["log", "-\u{1b}"],
        "unknown option '-\u{fffd}'; see 'algo-logs log --help'",
    );
}

#[cfg(unix)]
#[test]
fn only_file_names_may_be_invalid_utf8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    for (words, code, message) in [
        (
            &[&b"a/\xff"[..]][..],
            2,
            "argument 'a/\u{fffd}' is not valid UTF-8",
        ),
        (
            &[b"a/b", b"--api", b"\xff"],
            2,
            "invalid value '\u{fffd}' for '--api URL': not valid UTF-8",
        ),
        (
            &[b"a/b", b"--ra\xff\n"],
            2,
            "unknown option '--ra\u{fffd}\u{fffd}'; see 'algo-logs log --help'",
        ),
        (&[b"a/b", b"-o", b"a\xff"], 4, NO_KEY),
    ] {
        let program = Program::bare().env("ALGORITHMIA_API", "https://c");
        let mut command = program.command("log");
        command.args(words.iter().map(|word| OsStr::from_bytes(word)));
        let outcome = crate::program::Outcome::new(command.output().unwrap(), None);
        outcome.fails(code, &format!("algo-logs: {message}\n"));
    }
}

/// The error of a valid command line in an environment without a key.
const NO_KEY: &str = "no API key is set; set ALGORITHMIA_API_KEY or pass --api-key-file FILE";

#[test]
fn options_may_appear_anywhere_before_two_dashes() {
    let home = TempDir::new();
    for line in [
        "log a/b -n 5",
        "-n 5 log a/b",
        "log -n5 a/b",
        "log -n 5 -- a/b b-1",
        "--tail=5 log -- a/b",
        "log a/b -n 5 -n 6 --api a --api b",
        // Only a number right after a bare `--wait` is rejected.
        "log a/x 60 --wait",
        "log a/x --wait=5 60",
        "log a/x --wait --raw 60",
        "log a/x --wait 12345678",
        "log a/x --wait b60",
        "log --wait a/x 60",
    ] {
        Program::bare()
            .env("ALGORITHMIA_API", "https://c")
            .home(home.path())
            .run(line)
            .fails(4, &format!("algo-logs: {NO_KEY}\n"));
    }
    fail(
        "log -- a/b -n 5 => unexpected argument '5'; usage: algo-logs log [ALGO] [BUILD_ID] [-s STATUS] [-c SHA] [-n N] [-o FILE] [--wait[=SECS]] [--exit-status] [--raw | --plain]",
    );
    fail("versions -- --help => '--help' is not OWNER/NAME");
    fail("versions -- -h => '-h' is not OWNER/NAME");
}

#[test]
fn errors_are_json_with_json() {
    for (line, json) in [
        ("--json", true),
        ("builds --json --bogus", true),
        ("builds --bogus --json", true),
        ("log a/x --json", true),
        ("builds -o --json", true),
        ("builds --bogus", false),
        ("builds a/x -- --json", false),
    ] {
        let outcome = Program::bare().run(line);
        assert_eq!(outcome.code, Some(2), "{line}");
        let start = "{\"error\":{\"kind\":\"usage\",";
        assert_eq!(outcome.stderr.starts_with(start), json, "{line}");
    }
}
