//! The tables of commands and options, and the help that is made of them.
//!
//! The parser in `args` looks names up in the same tables and takes its suggestions from them, and
//! `generate.rs` makes the man page and the completions of them, so that none of these can disagree. In help, examples come before options, since that is
//! what most readers look for, and a line is at most 80 columns wide.

use CommandName::{Builds, Help, Log, Save, Versions};

/// The commands, in the order in which help shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommandName {
    Builds,
    Versions,
    Log,
    Save,
    Help,
}

/// What help says about a command.
pub(crate) struct CommandSpec {
    pub(crate) name: CommandName,
    pub(crate) word: &'static str,
    /// One sentence.
    pub(crate) about: &'static str,
    /// What may follow the command, one line of help each.
    pub(crate) usage: &'static [&'static str],
    pub(crate) arguments: &'static [(&'static str, &'static str)],
    /// What it is good for, and the command line.
    pub(crate) examples: &'static [(&'static str, &'static str)],
}

const ALGO: (&str, &str) = ("ALGO", "OWNER/NAME, with or without 'algo://' in front");

/// In the order of [`CommandName`], which is the index here.
pub(crate) static COMMANDS: [CommandSpec; 5] = [
    CommandSpec {
        name: Builds,
        word: "builds",
        about: "List the builds of an algorithm, failed ones included.",
        usage: &["ALGO [-s STATUS] [-c SHA] [-L N | --all] [--json]"],
        arguments: &[ALGO],
        examples: &[
            ("The last 20 builds", "algo-logs builds acme/tagger"),
            (
                "When the newest 5 failed builds began",
                "algo-logs builds acme/tagger -s failed -L 5",
            ),
            (
                "The ids of all builds of a commit, for a script",
                "algo-logs builds acme/tagger -c 3fa9c1d --all --json | jq -r '.[].build_id'",
            ),
        ],
    },
    CommandSpec {
        name: Versions,
        word: "versions",
        about: "List the versions of an algorithm, each with the build it came from.",
        usage: &[
            "ALGO [--published | --unpublished]",
            "[--public | --private] [-L N | --all] [--json]",
        ],
        arguments: &[ALGO],
        examples: &[
            (
                "What has been published",
                "algo-logs versions acme/tagger --published",
            ),
            (
                "Everything the service says of every version",
                "algo-logs versions acme/tagger --all --json",
            ),
        ],
    },
    CommandSpec {
        name: Log,
        word: "log",
        about: "Write a build's log: the newest that fits, unless one is named.",
        usage: &[
            "ALGO [BUILD_ID] [-s STATUS] [-c SHA] [-n N] [-o FILE]",
            "[--wait[=SECS]] [--exit-status] [--raw | --plain]",
        ],
        arguments: &[
            (
                "ALGO",
                "OWNER/NAME, or OWNER/NAME/VERSION for a version's log; VERSION is a semantic \
                 version, or a git hash of 7 digits or more",
            ),
            ("BUILD_ID", "a build, as 'builds' lists them"),
        ],
        examples: &[
            (
                "The end of the newest failed build's log",
                "algo-logs log acme/tagger -s failed -n 50",
            ),
            (
                "In a pipeline: a commit's log, once it is built; exit 3 if that failed",
                "algo-logs log acme/tagger -c \"$SHA\" --wait --exit-status",
            ),
            (
                "A version's log into a file",
                "algo-logs log acme/tagger/1.2.0 -o build.log",
            ),
        ],
    },
    CommandSpec {
        name: Save,
        word: "save",
        about: "Save the logs of all builds, or of those that fit, into a folder.",
        usage: &["ALGO -d DIR [-s STATUS] [-c SHA] [-L N | --all] [-j N]"],
        arguments: &[ALGO],
        examples: &[
            (
                "Keep an archive; run it again, and it fetches only what is new",
                "algo-logs save acme/tagger -d logs",
            ),
            (
                "The newest 50 failures, 8 at a time",
                "algo-logs save acme/tagger -d failed -s failed -L 50 -j 8",
            ),
        ],
    },
    CommandSpec {
        name: Help,
        word: "help",
        about: "Show the help of a command, or the summary of all.",
        usage: &["[COMMAND]"],
        arguments: &[("COMMAND", "builds, versions, log, save or help")],
        examples: &[("All about logs", "algo-logs help log")],
    },
];

/// The options, as the parser tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opt {
    Status,
    Commit,
    Published,
    Unpublished,
    Public,
    Private,
    Limit,
    All,
    Json,
    Tail,
    Output,
    Dir,
    Jobs,
    Wait,
    ExitStatus,
    Raw,
    Plain,
    Api,
    ApiKeyFile,
    Cacert,
    Profile,
    AllowHttp,
    Timeout,
    Retries,
    Verbose,
    Quiet,
    Help,
    Version,
    Generate,
}

/// Where help shows an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Command,
    Connection,
    General,
}

/// Whether an option takes a value, and what help calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueSpec {
    No,
    /// In the same word, or the next.
    Needed(&'static str),
    /// Only after `=`, or the word that follows would be swallowed.
    Possible(&'static str),
}

/// An option: its names, its value, its help, and who takes it.
pub(crate) struct OptionSpec {
    pub(crate) id: Opt,
    pub(crate) short: Option<char>,
    pub(crate) long: &'static str,
    pub(crate) value: ValueSpec,
    pub(crate) group: Group,
    pub(crate) commands: &'static [CommandName],
    pub(crate) help: &'static str,
}

const LISTS: &[CommandName] = &[Builds, Versions];
const LIMITED: &[CommandName] = &[Builds, Versions, Save];
const REQUESTS: &[CommandName] = &[Builds, Versions, Log, Save];
const EVERYWHERE: &[CommandName] = &[Builds, Versions, Log, Save, Help];

/// A row of the table, so that it reads as one.
const fn option(
    id: Opt,
    short: Option<char>,
    long: &'static str,
    value: ValueSpec,
    (group, commands): (Group, &'static [CommandName]),
    help: &'static str,
) -> OptionSpec {
    OptionSpec {
        id,
        short,
        long,
        value,
        group,
        commands,
        help,
    }
}

const BUILD_FILTER: (Group, &[CommandName]) = (Group::Command, &[Builds, Log, Save]);
const VERSION_FILTER: (Group, &[CommandName]) = (Group::Command, &[Versions]);
const LIST: (Group, &[CommandName]) = (Group::Command, LISTS);
const LIMIT: (Group, &[CommandName]) = (Group::Command, LIMITED);
const SAVE: (Group, &[CommandName]) = (Group::Command, &[Save]);
const LOG: (Group, &[CommandName]) = (Group::Command, &[Log]);
const CONNECTION: (Group, &[CommandName]) = (Group::Connection, REQUESTS);
const GENERAL: (Group, &[CommandName]) = (Group::General, REQUESTS);
/// Of no command.
const ALONE: (Group, &[CommandName]) = (Group::General, &[]);
const ALWAYS: (Group, &[CommandName]) = (Group::General, EVERYWHERE);

#[rustfmt::skip] // one option, two lines
pub(crate) static OPTIONS: &[OptionSpec] = {
    use ValueSpec::{Needed, No, Possible};
    &[
        option(Opt::Status, Some('s'), "status", Needed("STATUS"), BUILD_FILTER,
            "only builds that are 'succeeded', 'failed' or 'in-progress'"),
        option(Opt::Commit, Some('c'), "commit", Needed("SHA"), BUILD_FILTER,
            "only builds of this commit; its first digits are enough"),
        option(Opt::Published, None, "published", No, VERSION_FILTER,
            "only published versions"),
        option(Opt::Unpublished, None, "unpublished", No, VERSION_FILTER,
            "only versions that were never published"),
        option(Opt::Public, None, "public", No, VERSION_FILTER,
            "only versions that everyone may call"),
        option(Opt::Private, None, "private", No, VERSION_FILTER,
            "only versions that their owner alone may call"),
        option(Opt::Limit, Some('L'), "limit", Needed("N"), LIMIT,
            "at most N, the newest [default: 20; for 'save' all]"),
        option(Opt::All, None, "all", No, LIMIT,
            "all there are"),
        option(Opt::Json, None, "json", No, LIST,
            "one JSON array of the service's own objects; an error is a JSON object too"),
        option(Opt::Tail, Some('n'), "tail", Needed("N"), LOG,
            "write the last N lines only"),
        option(Opt::Output, Some('o'), "output", Needed("FILE"), LOG,
            "write the log's exact bytes to FILE, whole or not at all; '-' is stdout [default: -]"),
        option(Opt::Dir, Some('d'), "dir", Needed("DIR"), SAVE,
            "the folder; it is made if it is not there"),
        option(Opt::Jobs, Some('j'), "jobs", Needed("N"), SAVE,
            "how many logs to fetch at once, up to 64 [default: 4]"),
        option(Opt::Wait, None, "wait", Possible("SECS"), LOG,
            "wait until there is a build and it has finished, SECS at most [default: 1800]"),
        option(Opt::ExitStatus, None, "exit-status", No, LOG,
            "exit with 3 if the build failed; its log is written all the same"),
        option(Opt::Raw, None, "raw", No, LOG,
            "exact bytes on a terminal too; they may change its state"),
        option(Opt::Plain, None, "plain", No, LOG,
            "drop escape sequences, colours included, everywhere"),
        option(Opt::Api, None, "api", Needed("URL"), CONNECTION,
            "the cluster [default: https://api.algorithmia.com]"),
        option(Opt::ApiKeyFile, None, "api-key-file", Needed("FILE"), CONNECTION,
            "read the API key from FILE; '-' is stdin"),
        option(Opt::Cacert, None, "cacert", Needed("FILE"), CONNECTION,
            "trust the CAs in this PEM file, and no others"),
        option(Opt::Profile, None, "profile", Needed("NAME"), CONNECTION,
            "profile in ~/.algorithmia/config [default: default]"),
        option(Opt::AllowHttp, None, "allow-http", No, CONNECTION,
            "send the key over plain http:// to any host"),
        option(Opt::Timeout, None, "timeout", Needed("SECS"), CONNECTION,
            "how long the cluster may stay silent [default: 30]"),
        option(Opt::Retries, None, "retries", Needed("N"), CONNECTION,
            "how often to try again [default: 3]"),
        option(Opt::Verbose, Some('v'), "verbose", No, GENERAL,
            "a line on stderr for each request"),
        option(Opt::Quiet, Some('q'), "quiet", No, GENERAL,
            "no notes on stderr, errors only"),
        option(Opt::Help, Some('h'), "help", No, ALWAYS,
            "show help; after a command, that command's"),
        option(Opt::Version, Some('V'), "version", No, ALWAYS,
            "show the program's version"),
        option(Opt::Generate, None, "generate", Needed("KIND"), ALONE,
            "print a man page or completions: 'man', 'complete-bash', 'complete-zsh' or \
             'complete-fish'"),
    ]
};

impl CommandName {
    pub(crate) fn spec(self) -> &'static CommandSpec {
        &COMMANDS[self as usize]
    }

    pub(crate) fn word(self) -> &'static str {
        self.spec().word
    }

    pub(crate) fn from_word(word: &str) -> Option<CommandName> {
        Some(COMMANDS.iter().find(|spec| spec.word == word)?.name)
    }
}

impl ValueSpec {
    /// As an option's name is followed by it in help and in errors.
    pub(crate) fn after_name(self) -> String {
        match self {
            ValueSpec::No => String::new(),
            ValueSpec::Needed(name) => format!(" {name}"),
            ValueSpec::Possible(name) => format!("[={name}]"),
        }
    }
}

/// What the program is for.
pub(crate) const ABOUT: &str =
    "Read the build-time logs of algorithms out of an Algorithmia cluster.";

/// Where options may stand, and how often.
pub(crate) const ORDER: &str =
    "Options may stand anywhere; '--' ends them. Of a repeated one, the last counts.";

const WIDTH: usize = 80;
/// Where the descriptions of options begin.
const OPTION_COLUMN: usize = 27;

/// What most come for, and how to say it.
pub(crate) const FIRST_EXAMPLES: &[(&str, &str)] = &[
    (
        "log acme/tagger -s failed -n 50",
        "the end of the last failure",
    ),
    (
        "log acme/tagger --exit-status",
        "exit 3 if the newest failed",
    ),
    (
        "log acme/tagger -c \"$SHA\" --wait",
        "once this commit is built",
    ),
    (
        "log acme/tagger/1.2.0 -o build.log",
        "a version's, into a file",
    ),
    ("save acme/tagger -d logs", "every log; again: the new ones"),
    ("builds acme/tagger --json", "for jq"),
];

pub(crate) const ENVIRONMENT: &[(&str, &str)] = &[
    ("ALGORITHMIA_API", "the cluster"),
    ("ALGORITHMIA_API_KEY", "the API key"),
    (
        "ALGORITHMIA_BEARER_TOKEN",
        "a bearer token, used where there is no key",
    ),
    ("SSL_CERT_FILE", "CAs to trust, in PEM"),
    ("NO_COLOR", "no colours on a terminal"),
    (
        "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY",
        "proxies, and hosts without",
    ),
];

pub(crate) const EXIT_STATUS: &[(&str, &str)] = &[
    ("0", "done; every byte was written"),
    ("1", "the network or the service failed"),
    ("2", "usage or settings"),
    ("3", "with '--exit-status': the build failed"),
    ("4", "no key, or the service refused it (401, 403)"),
    (
        "5",
        "no such algorithm, build or version; no log; nothing fits",
    ),
    ("6", "the service's answer was cut short or invalid"),
    ("7", "the output could not be written"),
    ("8", "the build has not finished"),
    ("141", "the reader of stdout went away"),
];

/// What `--version` prints.
pub(crate) fn version() -> String {
    concat!("algo-logs ", env!("CARGO_PKG_VERSION"), "\n").to_owned()
}

/// The summary of all commands.
pub(crate) fn usage() -> String {
    let mut text = format!("{ABOUT}\n");
    heading(&mut text, "Usage:");
    for command in &COMMANDS {
        usage_lines(&mut text, command.name, 8);
    }
    heading(&mut text, "Examples:");
    for (line, purpose) in FIRST_EXAMPLES {
        row(
            &mut text,
            &format!("algo-logs {line}"),
            &format!("# {purpose}"),
            48,
        );
    }
    heading(&mut text, "Commands:");
    for command in &COMMANDS {
        row(&mut text, command.word, command.about, 12);
    }
    group(&mut text, "Connection:", Group::Connection, None);
    group(&mut text, "General:", Group::General, None);
    heading(
        &mut text,
        "Environment (options come first, the profile last):",
    );
    for (name, help) in ENVIRONMENT {
        row(&mut text, name, help, 28);
    }
    exit_status(&mut text);
    text
}

/// All about one command.
pub(crate) fn help(command: CommandName) -> String {
    let spec = command.spec();
    let mut text = format!("{}\n", spec.about);
    heading(&mut text, "Usage:");
    usage_lines(&mut text, command, 0);
    heading(&mut text, "Examples:");
    for (purpose, line) in spec.examples {
        text.push_str(&format!("  # {purpose}\n  {line}\n"));
    }
    heading(&mut text, "Arguments:");
    for (name, help) in spec.arguments {
        row(&mut text, name, help, 12);
    }
    group(&mut text, "Options:", Group::Command, Some(command));
    group(&mut text, "Connection:", Group::Connection, Some(command));
    group(&mut text, "General:", Group::General, Some(command));
    text.push_str(&format!("\n{ORDER}\n"));
    exit_status(&mut text);
    text
}

fn heading(text: &mut String, heading: &str) {
    text.push_str(&format!("\n{heading}\n"));
}

fn usage_lines(text: &mut String, command: CommandName, width: usize) {
    let mut start = format!("  algo-logs {:<width$} ", command.word());
    for line in command.spec().usage {
        text.push_str(&format!("{start}{line}\n"));
        start = " ".repeat(start.len());
    }
}

/// A group's options, all of them or those that a command takes; no heading if there are none.
fn group(text: &mut String, title: &str, group: Group, command: Option<CommandName>) {
    let fits = |spec: &&OptionSpec| {
        spec.group == group && command.is_none_or(|command| spec.commands.contains(&command))
    };
    let mut options = OPTIONS.iter().filter(fits).peekable();
    if options.peek().is_some() {
        heading(text, title);
    }
    for spec in options {
        let short = match spec.short {
            Some(short) => format!("-{short}, "),
            None => "    ".to_owned(),
        };
        let names = format!("{short}--{}{}", spec.long, spec.value.after_name());
        row(text, &names, spec.help, OPTION_COLUMN);
    }
}

fn exit_status(text: &mut String) {
    heading(text, "Exit status:");
    for (status, help) in EXIT_STATUS {
        row(text, status, help, 7);
    }
}

/// A name, and from `column` on what it means, over as many lines as that takes.
fn row(text: &mut String, name: &str, meaning: &str, column: usize) {
    let mut line = format!("  {name}");
    let mut first = true;
    for word in meaning.split_whitespace() {
        let indent = column.saturating_sub(line.chars().count()).max(2);
        if first {
            line.push_str(&" ".repeat(indent));
            first = false;
        } else if line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = " ".repeat(column);
        } else {
            line.push(' ');
        }
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_texts() -> Vec<String> {
        let commands = COMMANDS.iter().map(|command| help(command.name));
        commands.chain([usage()]).collect()
    }

    #[test]
    fn version_is_the_packages() {
        assert_eq!(
            version(),
            format!("algo-logs {}\n", env!("CARGO_PKG_VERSION"))
        );
    }

    #[test]
    fn a_command_finds_its_own_row() {
        for command in &COMMANDS {
            assert_eq!(command.name.spec().word, command.word);
            assert_eq!(CommandName::from_word(command.word), Some(command.name));
        }
    }

    #[test]
    fn names_are_unique() {
        for (i, one) in OPTIONS.iter().enumerate() {
            for other in &OPTIONS[i + 1..] {
                assert_ne!(one.id, other.id);
                assert_ne!(one.long, other.long);
                assert!(
                    one.short.is_none() || one.short != other.short,
                    "{}",
                    other.long
                );
            }
        }
    }

    #[test]
    fn fits_a_terminal() {
        for text in all_texts() {
            for line in text.lines() {
                assert!(line.chars().count() <= 80, "too wide: {line}");
                assert_eq!(line, line.trim_end(), "blanks at the end");
                assert!(
                    line.chars().all(|c| c == '…' || matches!(c, ' '..='~')),
                    "{line}"
                );
            }
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
        }
        let lines = usage().lines().count();
        assert!(lines <= 62, "{lines} lines of usage");
    }

    #[test]
    fn long_meanings_go_on_below_their_beginning() {
        let mut text = String::new();
        row(&mut text, "--name", &"word ".repeat(20), 20);
        let fifty_nine = ["word"; 12].join(" ");
        let first = format!("  --name            {fifty_nine}\n");
        let rest = format!("{}{}\n", " ".repeat(20), ["word"; 8].join(" "));
        assert_eq!(text, first + &rest);
    }

    #[test]
    fn shows_every_option_of_a_command_once_and_no_other() {
        for command in &COMMANDS {
            let text = help(command.name);
            for spec in OPTIONS {
                let name = format!("--{}{} ", spec.long, spec.value.after_name());
                let lines = text.lines().filter(|line| {
                    let line = line.trim_start();
                    let line = spec.short.map_or(line, |short| {
                        line.strip_prefix(&format!("-{short}, ")).unwrap_or("")
                    });
                    line.starts_with(&name)
                });
                let wanted = usize::from(spec.commands.contains(&command.name));
                assert_eq!(lines.count(), wanted, "'{name}' in:\n{text}");
            }
        }
    }

    #[test]
    fn summary_names_commands_options_of_all_and_exit_codes() {
        let text = usage();
        for command in &COMMANDS {
            assert!(text.contains(&format!("  algo-logs {:<8} ", command.word)));
            assert!(text.contains(command.about));
        }
        for spec in OPTIONS.iter().filter(|spec| spec.group != Group::Command) {
            assert!(text.contains(&format!("--{}", spec.long)), "{}", spec.long);
        }
        for (name, _) in ENVIRONMENT {
            assert!(text.contains(name), "{name}");
        }
    }

    #[test]
    fn ends_with_the_exit_codes() {
        let mut codes = String::new();
        exit_status(&mut codes);
        for code in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "141"] {
            assert!(codes.contains(&format!("\n  {code} ")), "{code}");
        }
        for text in all_texts() {
            assert!(text.ends_with(&codes));
        }
    }

    #[test]
    fn no_heading_without_options() {
        for (command, headings) in [
            (Log, vec!["Options:", "Connection:", "General:"]),
            (Help, vec!["General:"]),
        ] {
            let text = help(command);
            let is_heading = |line: &&str| ["Options:", "Connection:", "General:"].contains(line);
            assert_eq!(
                text.lines().filter(is_heading).collect::<Vec<_>>(),
                headings
            );
        }
    }

    #[test]
    fn shows_examples_before_options() {
        for command in &COMMANDS {
            let text = help(command.name);
            let example = text.find(command.examples[0].1).expect("an example");
            assert!(example < text.find("--help").expect("an option"));
        }
    }
}
