//! The flags. The parser, help, the man page and the completions all read this table.
//!
//! A new flag is an entry here and a field of [`RawArgs`], which `check.rs` turns into typed arguments.

use std::path::PathBuf;
use std::time::Duration;

use algo_logs::BuildStatus;

use super::args::{BuildFilter, Escapes};
use super::commands::CommandName::{self, Builds, Log, Save, Versions, Why};
use super::commands::{EVERY_COMMAND, REQUESTS};
use super::value::Value;
use crate::config::{ColorChoice, Options, PathOrStdin};
use crate::error::CliError;
use Group::{Command, Connection, General};
use Kind::{Choice, Optional, Required, Switch};

const DEFAULT_WAIT: Duration = Duration::from_secs(1800);

/// The flags and arguments as given, before they are checked against each other.
#[derive(Default)]
pub(super) struct RawArgs {
    pub(super) command: Option<CommandName>,
    /// The words after the command that are not flags.
    pub(super) arguments: Vec<String>,
    /// The flags in the order given, each with its spelling.
    pub(super) given: Vec<(&'static Flag, String)>,
    pub(super) help: bool,
    pub(super) version: bool,
    pub(super) generate: Option<Generate>,
    pub(super) filter: BuildFilter,
    pub(super) published: Option<bool>,
    pub(super) callable: Option<bool>,
    pub(super) limit: Option<usize>,
    pub(super) json: bool,
    pub(super) tail: Option<usize>,
    pub(super) file: Option<PathOrStdin>,
    pub(super) output: Option<PathBuf>,
    pub(super) directory: Option<PathBuf>,
    pub(super) jobs: Option<usize>,
    pub(super) wait: Option<Duration>,
    pub(super) exit_status: bool,
    pub(super) escapes: Escapes,
    pub(super) connection: Options,
    pub(super) verbose: bool,
    pub(super) quiet: bool,
    pub(super) color: ColorChoice,
}

/// What `--generate` prints.
#[derive(Clone, Copy)]
pub(super) enum Generate {
    Man,
    Bash,
    Zsh,
    Fish,
}

/// A flag, its help and its effect.
pub(super) struct Flag {
    pub(super) short: Option<char>,
    pub(super) long: &'static str,
    pub(super) group: Group,
    /// The commands that accept it, with its help text for them. The text begins with a verb and has no full stop.
    pub(super) docs: &'static [(&'static [CommandName], &'static str)],
    pub(super) kind: Kind,
}

type Set = fn(&mut RawArgs);
type SetTo<T> = fn(&mut RawArgs, T) -> Result<(), CliError>;

/// The section of help that lists a flag.
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
    /// Any value, in the same word or the next. Completions complete paths for FILE and DIR.
    Required(&'static str, SetTo<Value>),
    /// An optional value, which must follow `=`, so that the flag never swallows the next word.
    Optional(&'static str, SetTo<Option<Value>>),
}

/// All flags, in the order in which help shows them.
#[rustfmt::skip] // each row has its names first, then its help, then its effect
pub(super) static FLAGS: &[Flag] = &[
    Flag { short: Some('s'), long: "status", group: Command,
        docs: &[(&[Builds, Log, Save], "Only builds with this status: succeeded, failed or in-progress")],
        kind: Choice("STATUS", &[
            ("succeeded", |args| args.filter.status = Some(BuildStatus::Succeeded)),
            ("failed", |args| args.filter.status = Some(BuildStatus::Failed)),
            ("in-progress", |args| args.filter.status = Some(BuildStatus::InProgress)),
        ]) },
    Flag { short: Some('c'), long: "commit", group: Command,
        docs: &[
            (&[Builds, Log, Save], "Only builds of this commit; the first digits are enough"),
            (&[Why], "Explain the newest failed build of this commit; the first digits are enough"),
        ],
        kind: Required("SHA", |args, value| set(&mut args.filter.commit, value.commit())) },
    Flag { short: None, long: "published", group: Command,
        docs: &[(&[Versions], "Show only published versions")],
        kind: Switch(|args| args.published = Some(true)) },
    Flag { short: None, long: "unpublished", group: Command,
        docs: &[(&[Versions], "Show only versions that were never published")],
        kind: Switch(|args| args.published = Some(false)) },
    Flag { short: None, long: "public", group: Command,
        docs: &[(&[Versions], "Show only versions that everyone can call")],
        kind: Switch(|args| args.callable = Some(true)) },
    Flag { short: None, long: "private", group: Command,
        docs: &[(&[Versions], "Show only versions that only the owner can call")],
        kind: Switch(|args| args.callable = Some(false)) },
    Flag { short: Some('L'), long: "limit", group: Command,
        docs: &[
            (&[Builds, Versions], "List at most N [default: 20]"),
            (&[Save], "Save only the newest N per algorithm [default: all]"),
        ],
        kind: Required("N", |args, value| set(&mut args.limit, value.limit())) },
    Flag { short: None, long: "all", group: Command,
        docs: &[
            (&[Builds, Versions], "List all"),
            (&[Save], "Save all builds; this is the default"),
        ],
        kind: Switch(|args| args.limit = Some(usize::MAX)) },
    Flag { short: None, long: "json", group: Command,
        docs: &[
            (&[Builds, Versions], "Print a JSON array of the service's objects; errors become JSON too"),
            (&[Why], "Print a JSON object; errors become JSON too"),
        ],
        kind: Switch(|args| args.json = true) },
    Flag { short: Some('n'), long: "tail", group: Command,
        docs: &[
            (&[Log], "Write only the last N lines"),
            (&[Why], "Show up to N lines of the step's output; 1 to 1000 [default: 20]"),
        ],
        kind: Required("N", |args, value| set(&mut args.tail, value.number::<usize>())) },
    Flag { short: None, long: "file", group: Command,
        docs: &[(&[Why], "Explain the log in FILE, without a cluster; '-' is stdin")],
        kind: Required("FILE", |args, value| set(&mut args.file, Ok(PathOrStdin::from(value.path())))) },
    Flag { short: Some('o'), long: "output", group: Command,
        docs: &[(&[Log],
            "Write the exact bytes of the log to FILE; a failure leaves FILE unchanged; '-' is stdout [default: -]")],
        kind: Required("FILE", |args, value| {
            let file = Some(value.path()).filter(|path| path.as_os_str() != "-");
            set(&mut args.output, Ok(file))
        }) },
    Flag { short: Some('d'), long: "dir", group: Command,
        docs: &[(&[Save], "Save the logs in DIR, which is created if missing")],
        kind: Required("DIR", |args, value| set(&mut args.directory, Ok(value.path()))) },
    Flag { short: Some('j'), long: "jobs", group: Command,
        docs: &[(&[Save], "Fetch N logs at a time, at most 64 [default: 4]")],
        kind: Required("N", |args, value| set(&mut args.jobs, value.jobs())) },
    Flag { short: None, long: "wait", group: Command,
        docs: &[(&[Log], "Wait for the build to be listed and to finish; up to SECS, also 30m or 2h [default: 30m]")],
        kind: Optional("SECS", |args, value| {
            set(&mut args.wait, value.map_or(Ok(DEFAULT_WAIT), |value| value.duration()))
        }) },
    Flag { short: None, long: "exit-status", group: Command,
        docs: &[(&[Log], "Exit with 3 if the build failed; its log is still written")],
        kind: Switch(|args| args.exit_status = true) },
    Flag { short: None, long: "raw", group: Command,
        docs: &[(&[Log], "Do not sanitize on a terminal; escape sequences may change its state")],
        kind: Switch(|args| args.escapes = Escapes::Raw) },
    Flag { short: None, long: "plain", group: Command,
        docs: &[(&[Log], "Remove all escape sequences, even colours, everywhere")],
        kind: Switch(|args| args.escapes = Escapes::Plain) },
    Flag { short: None, long: "api", group: Connection,
        docs: &[(REQUESTS, "Use the cluster at URL; a bare host name means https")],
        kind: Required("URL", |args, value| set(&mut args.connection.api, value.text())) },
    Flag { short: None, long: "api-key-file", group: Connection,
        docs: &[(REQUESTS, "Read the API key from FILE; '-' is stdin")],
        kind: Required("FILE", |args, value| {
            set(&mut args.connection.api_key_file, Ok(PathOrStdin::from(value.path())))
        }) },
    Flag { short: None, long: "cacert", group: Connection,
        docs: &[(REQUESTS, "Trust only the CAs in this PEM file")],
        kind: Required("FILE", |args, value| set(&mut args.connection.cacert, Ok(value.path()))) },
    Flag { short: None, long: "profile", group: Connection,
        docs: &[(REQUESTS, "Use the profile NAME; it overrides the environment")],
        kind: Required("NAME", |args, value| set(&mut args.connection.profile, value.text())) },
    Flag { short: None, long: "allow-http", group: Connection,
        docs: &[(REQUESTS, "Send the key over plain http:// to any host")],
        kind: Switch(|args| args.connection.allow_http = true) },
    Flag { short: None, long: "timeout", group: Connection,
        docs: &[(REQUESTS, "Give up after SECS (or 2m) of silence [default: 30]")],
        kind: Required("SECS", |args, value| set(&mut args.connection.timeout, value.timeout())) },
    Flag { short: None, long: "retries", group: Connection,
        docs: &[(REQUESTS, "Retry a failed request up to N times [default: 3]")],
        kind: Required("N", |args, value| set(&mut args.connection.retries, value.number::<u32>())) },
    Flag { short: Some('v'), long: "verbose", group: General,
        docs: &[(REQUESTS, "Print a line on stderr for each request")],
        kind: Switch(|args| args.verbose = true) },
    Flag { short: Some('q'), long: "quiet", group: General,
        docs: &[(REQUESTS, "Print only errors on stderr, no notes")],
        kind: Switch(|args| args.quiet = true) },
    Flag { short: None, long: "color", group: General,
        docs: &[(REQUESTS, "Use colours: always, never or auto [default: auto]")],
        kind: Choice("WHEN", &[
            ("auto", |args| args.color = ColorChoice::Auto),
            ("always", |args| args.color = ColorChoice::Always),
            ("never", |args| args.color = ColorChoice::Never),
        ]) },
    Flag { short: Some('h'), long: "help", group: General,
        docs: &[(EVERY_COMMAND, "Show help on a command, or a summary")],
        kind: Switch(|args| args.help = true) },
    Flag { short: Some('V'), long: "version", group: General,
        docs: &[(EVERY_COMMAND, "Show the version of the program")],
        kind: Switch(|args| args.version = true) },
    Flag { short: None, long: "generate", group: General,
        docs: &[(&[],
            "Print a man page or completions: man, complete-bash, complete-zsh or complete-fish")],
        kind: Choice("KIND", &[
            ("man", |args| args.generate = Some(Generate::Man)),
            ("complete-bash", |args| args.generate = Some(Generate::Bash)),
            ("complete-zsh", |args| args.generate = Some(Generate::Zsh)),
            ("complete-fish", |args| args.generate = Some(Generate::Fish)),
        ]) },
];

/// Pairs of flags that cannot be used together, by their long names.
pub(super) const CONFLICTS: &[(&str, &str)] = &[
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

/// Returns the flags that a command accepts, each with its help text for that command. Without a command, returns all
/// flags, each with its first help text.
pub(super) fn flags_of(
    command: Option<CommandName>,
) -> impl Iterator<Item = (&'static Flag, &'static str)> {
    FLAGS.iter().filter_map(move |flag| {
        let doc = match command {
            Some(command) => flag.doc(command)?,
            None => flag.docs[0].1,
        };
        Some((flag, doc))
    })
}

impl Flag {
    /// Returns `-s` and `--status`, or only the long name.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names = Vec::from_iter(self.short.map(|short| format!("-{short}")));
        names.push(format!("--{}", self.long));
        names
    }

    /// Returns whether the next word is the flag's value.
    pub(super) fn takes_next_word(&self) -> bool {
        matches!(self.kind, Choice(..) | Required(..))
    }

    /// Returns the given spelling of the flag, followed by its value, as errors show it: `-n N`.
    pub(super) fn label(&self, spelling: &str) -> String {
        format!("{spelling}{}", self.kind.value_suffix())
    }

    /// Returns the help text for a command, if the command accepts the flag.
    pub(super) fn doc(&self, command: CommandName) -> Option<&'static str> {
        let mut docs = self.docs.iter();
        Some(docs.find(|(commands, _)| commands.contains(&command))?.1)
    }

    pub(super) fn is_accepted_by(&self, command: CommandName) -> bool {
        self.doc(command).is_some()
    }

    pub(super) fn commands(&self) -> impl Iterator<Item = CommandName> {
        self.docs
            .iter()
            .flat_map(|(commands, _)| *commands)
            .copied()
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
    use crate::cli::commands::CommandName::Help;
    use crate::cli::parse_line;

    #[test]
    fn names_are_unique() {
        let names: Vec<_> = FLAGS.iter().flat_map(Flag::names).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn help_lists_the_choices() {
        for flag in FLAGS {
            if let Choice(_, choices) = flag.kind {
                for (word, _) in choices {
                    assert!(flag.docs[0].1.contains(word), "{word}");
                }
            }
        }
    }

    #[test]
    fn commands_accept_only_their_flags() {
        // `--generate` needs no command, and ignores one.
        for flag in FLAGS.iter().filter(|flag| flag.long != "generate") {
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
                    Why => "",
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
