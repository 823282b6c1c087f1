//! The man page, the completions, and errors that suggest what to do next.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

use crate::cluster::{Cluster, Reply};
use crate::program::{Program, TempDir};

const COMMANDS: [&str; 6] = ["builds", "versions", "log", "why", "save", "help"];
const TOPICS: &str = "builds versions log why save help environment exit-codes";

#[track_caller]
fn printed(line: &str) -> String {
    let outcome = Program::bare().run(line);
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{line}");
    outcome.stdout_text()
}

/// Returns a command for an installed tool, with only PATH, which has the program too, and a UTF-8 locale in its
/// environment. If the tool is missing, prints a note and returns `None`. `version` is the beginning of the tool's `--version` output.
fn tool(name: &str, version: &str) -> Option<Command> {
    let tool = || {
        let mut command = Command::new(name);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = Path::new(env!("CARGO_BIN_EXE_algo-logs")).parent();
        let dirs = program.map(Path::to_owned).into_iter();
        let dirs = dirs.chain(std::env::split_paths(&path));
        command
            .env_clear()
            .env("PATH", std::env::join_paths(dirs).expect("a PATH"))
            .env("LC_ALL", "C.UTF-8");
        command
    };
    let known = tool()
        .arg("--version")
        .output()
        .is_ok_and(|output| output.stdout.starts_with(version.as_bytes()));
    if !known {
        let _ = writeln!(
            io::stderr(),
            "skipped: there is no {name} that is '{version}…'"
        );
    }
    known.then(tool)
}

/// Returns what a tool prints on stdout. Panics if the tool fails or prints anything on stderr.
#[track_caller]
fn output(command: &mut Command) -> String {
    let output = command.output().expect("the tool starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        (output.status.code(), &*stderr),
        (Some(0), ""),
        "{command:?}"
    );
    String::from_utf8(output.stdout).expect("it prints UTF-8")
}

/// Returns the short and long options in a help text.
fn options(help: &str) -> BTreeSet<String> {
    let lines = help.lines().map(str::trim_start);
    // A lone dash is an argument.
    let lines = lines.filter(|line| line.starts_with('-') && !line.starts_with("- "));
    let names = lines.flat_map(|line| {
        let (names, _) = line.split_once("  ").unwrap_or((line, ""));
        names.split(", ").map(|name| {
            let end = name.find([' ', '[']).unwrap_or(name.len());
            name[..end].to_owned()
        })
    });
    names.collect()
}

#[test]
fn the_man_page_renders_without_a_warning() {
    let page = printed("--generate man");
    let Some(mut man) = tool("man", "man 2") else {
        return;
    };
    let dir = TempDir::new();
    let file = dir.write("algo-logs.1", &page);
    let arguments = ["--warnings", "-E", "UTF-8", "-P", "cat", "-l", &file];
    let text = output(man.env("MANWIDTH", "200").args(arguments));

    for part in [
        "\nSYNOPSIS\n",
        "\nSAVE\n",
        "\nENVIRONMENT\n",
        "\nEXIT STATUS\n",
        "~/.algorithmia/config",
        "DIR/OWNER/NAME/STARTED-BUILD_ID.log",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    let mut wanted = options(&printed("--help"));
    for command in COMMANDS {
        let help = printed(&format!("help {command}"));
        wanted.extend(options(&help));
        let (_, examples) = help.split_once("\nExamples:\n").expect("examples");
        let (examples, _) = examples.split_once("\n\n").expect("which end");
        for line in examples.lines().filter(|line| !line.starts_with("  #")) {
            assert!(text.contains(line.trim()), "{line}:\n{text}");
        }
    }
    assert_eq!(options(&text), wanted);
    for text_of_roff in ["\\", ".SH", "(aq"] {
        assert!(!text.contains(text_of_roff), "{text_of_roff}:\n{text}");
    }
}

fn set(words: &str) -> BTreeSet<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_and_values() {
    // Windows does not allow the file name `star*`.
    if cfg!(windows) || tool("bash", "GNU bash").is_none() {
        return;
    }
    let dir = TempDir::new();
    dir.write("completions", printed("--generate complete-bash"));
    for name in ["some.log", "two words", " leading", "star*"] {
        dir.write(name, "");
    }
    std::fs::create_dir(dir.join("sub")).expect("a directory can be made");
    // Nothing else is loaded, as on a machine without the package bash-completion.
    let script = "set -u; source ./completions; complete -p algo-logs >/dev/null || exit; \
                  COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMPREPLY=(stale); _algo_logs; \
                  [[ ! ${COMPREPLY+set} ]] || printf '%s\\n' \"${COMPREPLY[@]}\"";
    // Returns the completions of the last word. `|` separates words where bash separates them.
    let offers = |line: &str| -> BTreeSet<String> {
        let mut bash = tool("bash", "GNU bash").expect("it was there");
        bash.args(["--norc", "--noprofile", "-c", script, "bash", "algo-logs"]);
        let text = output(bash.args(line.split('|')).current_dir(dir.path()));
        text.lines().map(str::to_owned).collect()
    };
    let commands = COMMANDS.join(" ");
    let statuses = "succeeded failed in-progress";
    let kinds = "man complete-bash complete-zsh complete-fish";
    for (line, offered) in [
        ("", &*commands),
        ("b", "builds"),
        ("--quiet|", &commands),
        ("help|", TOPICS),
        ("help|v", "versions"),
        ("-x", ""),
        // The value of an option is not a command, however it is written.
        ("-o|log|s", "save"),
        ("--status|failed|b", "builds"),
        ("--status|=|failed|b", "builds"),
        ("--wait|b", "builds"),
        ("--wait|=|5|b", "builds"),
        ("--wait|=|", ""),
        ("log|--wait|=|", ""),
        ("log|--wait|=", ""),
        ("log|acme/x|", ""),
        ("bogus|-", ""),
        ("builds|-s|", statuses),
        ("log|--status|=", statuses),
        ("log|--status|=|f", "failed"),
        // This is what happens if '=' has been removed from COMP_WORDBREAKS.
        ("log|--status=f", "--status=failed"),
        ("log|-s=f", "-s=failed"),
        ("log|-o|some|=|l", ""),
        ("save|acme/x|-s|x", ""),
        ("save|-j|", ""),
        ("builds|-c|", ""),
        ("--generate|", kinds),
        ("--generate|=|complete-z", "complete-zsh"),
        ("log|--exi", "--exit-status"),
        ("builds|--exi", ""),
        ("save|-d|s", "sub"),
        ("save|--dir|=|s", "sub"),
        ("log|-o|s", "some.log star* sub"),
        ("log|--output=so", "--output=some.log"),
        ("builds|--cacert|so", "some.log"),
        ("builds|--api-key-file|so", "some.log"),
    ] {
        assert_eq!(offers(line), set(offered), "{line}");
    }
    for (start, name) in [("two", "two words"), (" ", " leading")] {
        let offered = offers(&format!("log|-o|{start}"));
        assert_eq!(offered, BTreeSet::from([name.to_owned()]));
    }
    for command in COMMANDS {
        let help = options(&printed(&format!("help {command}")));
        assert_eq!(offers(&format!("{command}|acme/x|-")), help, "{command}");
    }
    let everything = COMMANDS
        .iter()
        .map(|command| printed(&format!("help {command}")));
    let everything: String = everything.chain([printed("--help")]).collect();
    assert_eq!(offers("-"), options(&everything));
}

#[test]
fn zsh_loads_the_completions() {
    let Some(mut zsh) = tool("zsh", "zsh ") else {
        return;
    };
    let dir = TempDir::new();
    dir.write("_algo-logs", printed("--generate complete-zsh"));
    // Load the completions from a directory in $fpath, and then with `source`.
    let script = "fpath=($PWD $fpath); autoload -U compinit; compinit -D -u; \
                  print -r -- $_comps[algo-logs]; \
                  unset '_comps[algo-logs]'; source ./_algo-logs; print -r -- $_comps[algo-logs]; \
                  zsh -n ./_algo-logs; print -r -- ${(k)functions[(I)_algo-logs*]}";
    let text = output(zsh.args(["-f", "-c", script]).current_dir(dir.path()));
    assert_eq!(text, "_algo-logs\n".repeat(3));
}

#[test]
fn zsh_completes_commands_options_and_values() {
    if tool("zsh", "zsh ").is_none() {
        return;
    }
    let dir = TempDir::new();
    dir.write("completions", printed("--generate complete-zsh"));
    // Replace the functions that need a terminal by some that print what they are given.
    let script = "compdef() {}; _describe() { print -rl -- ${(P)2} }; _files() { print files $* }; \
                  compset() {}; source ./completions; words=(algo-logs \"$@\"); CURRENT=$#words; _algo-logs";
    for (words, offered) in [
        (
            "log acme/x --exi",
            "--exit-status:Exit with 3 if the build failed",
        ),
        (
            "--api x lo",
            "log:Write the log of a build, by default the newest that matches.",
        ),
        ("builds --status=f", "--status=failed"),
        ("--colo", "--color:Use colours"),
        ("log -o b", "files"),
        ("save -d b", "files -/"),
        ("log acme/x b", ""),
    ] {
        let mut zsh = tool("zsh", "zsh ").expect("it was there");
        zsh.args(["-f", "-c", script, "zsh"]).args(words.split(' '));
        let text = output(zsh.current_dir(dir.path()));
        assert_eq!(text.trim_end(), offered, "{words}");
    }
}

/// A terminal shows the description beside the longest name and the short one: `--api-key-file  -x  -- `, and leaves a margin.
#[test]
fn descriptions_of_completions_fit_a_terminal() {
    for command in COMMANDS {
        let offered = printed(&format!("--complete {command} -"));
        for line in offered.lines() {
            let (_, description) = line.split_once('\t').expect("a description");
            assert!((1..=80 - 26).contains(&description.len()), "{line}");
        }
    }
}

#[test]
fn fish_completes_commands_options_and_values() {
    if tool("fish", "fish, ").is_none() {
        return;
    }
    let dir = TempDir::new();
    dir.write("completions", printed("--generate complete-fish"));
    dir.write("some.log", "");
    std::fs::create_dir(dir.join("sub")).expect("a directory can be made");
    let offers = |line: &str| -> BTreeSet<String> {
        let script = format!("source completions; complete -C 'algo-logs {line}'");
        let mut fish = tool("fish", "fish, ").expect("it was there");
        let text = output(
            fish.env("HOME", dir.path())
                .args(["--no-config", "-c", &script])
                .current_dir(dir.path()),
        );
        let words = text.lines().filter_map(|line| line.split('\t').next());
        let words: Vec<String> = words.map(str::to_owned).collect();
        let set = BTreeSet::from_iter(words.clone());
        assert_eq!(set.len(), words.len(), "each word once: {text}");
        set
    };
    for (line, offered) in [
        ("", &*COMMANDS.join(" ")),
        ("--api x lo", "log"),
        ("help v", "versions"),
        ("builds -s ", "succeeded failed in-progress"),
        ("log --status=f", "--status=failed"),
        ("log --exi", "--exit-status"),
        ("log acme/x ", ""),
        ("log acme/x -o so", "some.log"),
        ("log --output=so", "--output=some.log"),
        ("log -o \"so", "some.log"),
        ("save acme/x -d s", "sub/"),
    ] {
        assert_eq!(offers(line), set(offered), "{line}");
    }
    for command in COMMANDS {
        let mut help = options(&printed(&format!("help {command}")));
        help.retain(|name| name.starts_with("--"));
        assert_eq!(offers(&format!("{command} acme/x --")), help, "{command}");
    }
}

#[test]
fn a_not_found_error_says_where_to_look() {
    let cluster = Cluster::start();
    // A 404 without a code is explained in the same words.
    let builds = "/v1/algorithms/acme/Paged/builds";
    cluster.script_always(builds, Reply::status(404));
    let dir = TempDir::new();
    let nothing = ": there is no such algorithm (status 404), the service says: \
                   algorithm algo://acme/Nothing not found";
    let check = "check the name, and that CLUSTER is the right cluster";
    let hash = "0123456789abcdef0123456789abcdef01234567";
    for (line, error) in [
        (
            "builds acme/Nothing",
            format!("builds of acme/Nothing{nothing}; {check}"),
        ),
        (
            "versions acme/Nothing",
            format!("versions of acme/Nothing{nothing}; {check}"),
        ),
        (
            "log acme/Nothing",
            format!("builds of acme/Nothing{nothing}; {check}"),
        ),
        (
            "log acme/Nothing/1.2.0",
            format!("versions of acme/Nothing{nothing}; {check}"),
        ),
        (
            &format!("save acme/Nothing -d {}", dir.join(".")),
            format!("builds of acme/Nothing{nothing}; {check}"),
        ),
        (
            "builds acme/Paged",
            format!("builds of acme/Paged: not found (status 404); {check}"),
        ),
        (
            "log acme/Paged",
            format!("builds of acme/Paged: not found (status 404); {check}"),
        ),
        (
            &format!("log acme/Lemmatizer/{hash}"),
            format!(
                "log of version {hash} of acme/Lemmatizer: there is no such version (status 404), \
                 the service says: version {hash} not found; \
                 'algo-logs versions acme/Lemmatizer' lists the versions"
            ),
        ),
    ] {
        let outcome = Program::on(&cluster).run(&format!("{line} -q"));
        outcome.fails(5, &format!("algo-logs: {error}\n"));
    }
    // `save` creates no directory for it.
    assert!(dir.names().is_empty());
}
