//! The flags, one row each.
//!
//! The parser, help, the man page and the completions all read these rows. A new flag is a row here
//! and a field in `args.rs`.

use algo_logs::BuildStatus;

use super::args::{DEFAULT_WAIT, Escapes, Limit, PathOrStdin, RawArgs};
use super::commands::CommandName::{self, Builds, Help, Log, Save, Versions};
use super::value::Value;
use super::{completions, man};
use crate::error::CliError;
use Completion::{Directories, Files, Nothing};
use Group::{Command, Connection, General};
use Kind::{Choice, Optional, Required, Switch};

/// The commands that send requests.
const REQUESTS: &[CommandName] = &[Builds, Versions, Log, Save];
const EVERY_COMMAND: &[CommandName] = &[Builds, Versions, Log, Save, Help];

/// One row.
pub(super) struct Flag {
    pub(super) short: Option<char>,
    pub(super) long: &'static str,
    pub(super) group: Group,
    /// The commands that accept it.
    pub(super) commands: &'static [CommandName],
    /// Its help text: begins with a verb and ends without a full stop.
    pub(super) doc: &'static str,
    pub(super) kind: Kind,
}

type Set = fn(&mut RawArgs);
type SetTo<T> = fn(&mut RawArgs, T) -> Result<(), CliError>;

/// The section of help that shows a flag.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Command,
    Connection,
    General,
}

/// Whether a flag takes a value, what help calls the value, and how the flag changes the arguments.
pub(super) enum Kind {
    Switch(Set),
    /// One of a few words.
    Choice(&'static str, &'static [(&'static str, Set)]),
    /// Any value, in the same word or the next.
    Required(&'static str, Completion, SetTo<Value>),
    /// A value only after `=`, so that the flag never swallows the next word.
    Optional(&'static str, SetTo<Option<Value>>),
}

/// What a shell completes a value with.
#[derive(Clone, Copy)]
pub(super) enum Completion {
    Files,
    Directories,
    Nothing,
}

/// All flags, in the order in which help shows them.
#[rustfmt::skip] // a row has three lines: its names and commands, its help, and what it does
pub(super) static FLAGS: &[Flag] = &[
    Flag { short: Some('s'), long: "status", group: Command, commands: &[Builds, Log, Save],
        doc: "Select only builds that are 'succeeded', 'failed' or 'in-progress'",
        kind: Choice("STATUS", &[
            ("succeeded", |args| args.filter.status = Some(BuildStatus::Succeeded)),
            ("failed", |args| args.filter.status = Some(BuildStatus::Failed)),
            ("in-progress", |args| args.filter.status = Some(BuildStatus::InProgress)),
        ]) },
    Flag { short: Some('c'), long: "commit", group: Command, commands: &[Builds, Log, Save],
        doc: "Select only builds of this commit; the first digits are enough",
        kind: Required("SHA", Nothing, |args, value| set(&mut args.filter.commit, value.commit())) },
    Flag { short: None, long: "published", group: Command, commands: &[Versions],
        doc: "Show only published versions",
        kind: Switch(|args| args.published = Some(true)) },
    Flag { short: None, long: "unpublished", group: Command, commands: &[Versions],
        doc: "Show only versions that were never published",
        kind: Switch(|args| args.published = Some(false)) },
    Flag { short: None, long: "public", group: Command, commands: &[Versions],
        doc: "Show only versions that everyone can call",
        kind: Switch(|args| args.callable = Some(true)) },
    Flag { short: None, long: "private", group: Command, commands: &[Versions],
        doc: "Show only versions that only the owner can call",
        kind: Switch(|args| args.callable = Some(false)) },
    Flag { short: Some('L'), long: "limit", group: Command, commands: &[Builds, Versions, Save],
        doc: "Stop after the first N [default: 20; for 'save' all]",
        kind: Required("N", Nothing, |args, value| set(&mut args.limit, value.limit())) },
    Flag { short: None, long: "all", group: Command, commands: &[Builds, Versions, Save],
        doc: "Read the whole list",
        kind: Switch(|args| args.limit = Some(Limit::All)) },
    Flag { short: None, long: "json", group: Command, commands: &[Builds, Versions],
        doc: "Print one JSON array of the service's objects; errors become JSON objects too",
        kind: Switch(|args| args.json = true) },
    Flag { short: Some('n'), long: "tail", group: Command, commands: &[Log],
        doc: "Write only the last N lines",
        kind: Required("N", Nothing, |args, value| set(&mut args.tail, value.number::<usize>())) },
    Flag { short: Some('o'), long: "output", group: Command, commands: &[Log],
        doc: "Write the exact bytes of the log to FILE, which stays unchanged if that fails; \
              '-' is stdout [default: -]",
        kind: Required("FILE", Files, |args, value| {
            let file = Some(value.path()).filter(|path| path.as_os_str() != "-");
            set(&mut args.output, Ok(file))
        }) },
    Flag { short: Some('d'), long: "dir", group: Command, commands: &[Save],
        doc: "Save the logs in DIR, and create it if it does not exist",
        kind: Required("DIR", Directories, |args, value| set(&mut args.folder, Ok(value.path()))) },
    Flag { short: Some('j'), long: "jobs", group: Command, commands: &[Save],
        doc: "Fetch N logs at a time, at most 64 [default: 4]",
        kind: Required("N", Nothing, |args, value| set(&mut args.jobs, value.jobs())) },
    Flag { short: None, long: "wait", group: Command, commands: &[Log],
        doc: "Wait up to SECS seconds until the build is listed and has finished [default: 1800]",
        kind: Optional("SECS", |args, value| {
            set(&mut args.wait, value.map_or(Ok(DEFAULT_WAIT), |value| value.seconds()))
        }) },
    Flag { short: None, long: "exit-status", group: Command, commands: &[Log],
        doc: "Exit with 3 if the build failed; its log is still written",
        kind: Switch(|args| args.exit_status = true) },
    Flag { short: None, long: "raw", group: Command, commands: &[Log],
        doc: "Write the exact bytes to a terminal too; they may change its state",
        kind: Switch(|args| args.escapes = Escapes::Raw) },
    Flag { short: None, long: "plain", group: Command, commands: &[Log],
        doc: "Remove all escape sequences, including colours, from any output",
        kind: Switch(|args| args.escapes = Escapes::Plain) },
    Flag { short: None, long: "api", group: Connection, commands: REQUESTS,
        doc: "Connect to the cluster at URL; a bare host name means https \
              [default: https://api.algorithmia.com]",
        kind: Required("URL", Nothing, |args, value| set(&mut args.connect.api, value.text())) },
    Flag { short: None, long: "api-key-file", group: Connection, commands: REQUESTS,
        doc: "Read the API key from FILE; '-' is stdin",
        kind: Required("FILE", Files, |args, value| {
            set(&mut args.connect.api_key_file, Ok(PathOrStdin::from(value.path())))
        }) },
    Flag { short: None, long: "cacert", group: Connection, commands: REQUESTS,
        doc: "Trust only the CAs in this PEM file",
        kind: Required("FILE", Files, |args, value| set(&mut args.connect.cacert, Ok(value.path()))) },
    Flag { short: None, long: "profile", group: Connection, commands: REQUESTS,
        doc: "Read the profile NAME in ~/.algorithmia/config [default: default]",
        kind: Required("NAME", Nothing, |args, value| set(&mut args.connect.profile, value.text())) },
    Flag { short: None, long: "allow-http", group: Connection, commands: REQUESTS,
        doc: "Send the key over plain http:// to any host",
        kind: Switch(|args| args.connect.allow_http = true) },
    Flag { short: None, long: "timeout", group: Connection, commands: REQUESTS,
        doc: "Give up after SECS seconds of silence [default: 30]",
        kind: Required("SECS", Nothing, |args, value| set(&mut args.connect.timeout, value.timeout())) },
    Flag { short: None, long: "retries", group: Connection, commands: REQUESTS,
        doc: "Retry a failed request up to N times [default: 3]",
        kind: Required("N", Nothing, |args, value| set(&mut args.connect.retries, value.number::<u32>())) },
    Flag { short: Some('v'), long: "verbose", group: General, commands: REQUESTS,
        doc: "Print a line on stderr for each request",
        kind: Switch(|args| args.verbose = true) },
    Flag { short: Some('q'), long: "quiet", group: General, commands: REQUESTS,
        doc: "Print only errors on stderr, no notes",
        kind: Switch(|args| args.quiet = true) },
    Flag { short: Some('h'), long: "help", group: General, commands: EVERY_COMMAND,
        doc: "Show the help of the program or of a command",
        kind: Switch(|args| args.help = true) },
    Flag { short: Some('V'), long: "version", group: General, commands: EVERY_COMMAND,
        doc: "Show the version of the program",
        kind: Switch(|args| args.version = true) },
    Flag { short: None, long: "generate", group: General, commands: &[],
        doc: "Print a man page or completions: 'man', 'complete-bash', 'complete-zsh' or \
              'complete-fish'",
        kind: Choice("KIND", &[
            ("man", |args| args.generate = Some(man::page)),
            ("complete-bash", |args| args.generate = Some(completions::bash)),
            ("complete-zsh", |args| args.generate = Some(completions::zsh)),
            ("complete-fish", |args| args.generate = Some(completions::fish)),
        ]) },
];

/// Flags that contradict each other, by their long names.
pub(super) const CONTRADICTIONS: &[(&str, &str)] = &[
    ("limit", "all"),
    ("published", "unpublished"),
    ("public", "private"),
    ("raw", "plain"),
    ("verbose", "quiet"),
];

/// Stores a valid value in its field.
fn set<Field: From<T>, T>(field: &mut Field, value: Result<T, CliError>) -> Result<(), CliError> {
    *field = value?.into();
    Ok(())
}

impl Flag {
    /// Returns `-s` and `--status`, or only the long name.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names = Vec::from_iter(self.short.map(|short| format!("-{short}")));
        names.push(format!("--{}", self.long));
        names
    }

    pub(super) fn is_accepted_by(&self, command: CommandName) -> bool {
        self.commands.contains(&command)
    }
}

impl Kind {
    /// Returns the value as help and errors show it after the flag's name.
    pub(super) fn value_suffix(&self) -> String {
        match self {
            Switch(_) => String::new(),
            Choice(name, _) | Required(name, ..) => format!(" {name}"),
            Optional(name, _) => format!("[={name}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cli::commands::COMMANDS;
    use crate::cli::parse_line;

    #[test]
    fn names_are_unique() {
        let names: Vec<_> = FLAGS.iter().flat_map(Flag::names).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn help_tells_the_choices() {
        for flag in FLAGS {
            if let Choice(_, choices) = flag.kind {
                for (word, _) in choices {
                    assert!(flag.doc.contains(&format!("'{word}'")), "{word}");
                }
            }
        }
    }

    #[test]
    fn every_command_accepts_its_flags_and_no_other() {
        for flag in FLAGS {
            let value = match flag.kind {
                Switch(_) => "",
                Choice(_, choices) => choices[0].0,
                Required(..) | Optional(..) => "1",
            };
            let equals = if value.is_empty() { "" } else { "=" };
            let short = flag.short.map(|short| format!("-{short}{value}"));
            let long = format!("--{}{equals}{value}", flag.long);
            for spec in &COMMANDS {
                let arguments = match spec.name {
                    Help => "log",
                    Save if flag.long != "dir" => "acme/x -d f",
                    _ => "acme/x",
                };
                for spelling in short.iter().chain([&long]) {
                    let line = format!("{} {arguments} {spelling}", spec.word);
                    let accepted = flag.is_accepted_by(spec.name);
                    assert_eq!(parse_line(&line).is_ok(), accepted, "{line}");
                }
            }
        }
    }
}
