//! The typed arguments, and the checks that produce them.

use std::path::PathBuf;
use std::time::Duration;

use algo_logs::{Build, BuildStatus};

use super::algorithm::{AlgorithmArg, SaveTarget, VersionSpec, parse_build_id, split_build_id};
use super::commands::CommandName::{self, Builds, Help, Log, Save, Versions, Why};
use super::flags::{CONFLICTS, Flag};
use super::help::Topic;
use super::parse::topic_by_word;
use super::value::redact;
use super::{Parsed, help};
use crate::error::CliError;

const DEFAULT_LIMIT: usize = 20;
const DEFAULT_WHY_LINES: usize = 40;
pub(crate) const MAX_WHY_LINES: usize = 1000;
const DEFAULT_JOBS: usize = 4;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_RETRIES: u32 = 3;
pub(super) const DEFAULT_WAIT: Duration = Duration::from_secs(1800);

/// A command line that can be run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Args {
    pub(crate) command: Command,
    pub(crate) connect: Connect,
    pub(crate) verbose: bool,
    pub(crate) quiet: bool,
    pub(crate) color: ColorChoice,
}

/// The commands that send requests.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Builds {
        /// `None` means the one that `algorithmia.conf` names, here and below.
        algorithm: Option<AlgorithmArg>,
        filter: BuildFilter,
        limit: Limit,
        json: bool,
    },
    Versions {
        algorithm: Option<AlgorithmArg>,
        /// `Some(true)` for `--published`, `Some(false)` for `--unpublished`.
        published: Option<bool>,
        /// `Some(true)` for `--public`, `Some(false)` for `--private`.
        callable: Option<bool>,
        limit: Limit,
        json: bool,
    },
    Log(LogArgs),
    Why(WhyArgs),
    Save(SaveArgs),
}

/// The arguments of `log`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LogArgs {
    pub(crate) algorithm: Option<AlgorithmArg>,
    pub(crate) source: LogSource,
    pub(crate) tail: Option<usize>,
    /// `None` is stdout.
    pub(crate) output: Option<PathBuf>,
    pub(crate) wait: Option<Duration>,
    pub(crate) exit_status: bool,
    pub(crate) escapes: Escapes,
}

/// Which log `log` writes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LogSource {
    /// The log of the newest build that matches.
    Newest(BuildFilter),
    /// The log of the build with this ID.
    Build(String),
    Version(VersionSpec),
}

/// The arguments of `why`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WhyArgs {
    pub(crate) algorithm: Option<AlgorithmArg>,
    pub(crate) source: WhySource,
    /// How many lines of output to show: from 1 to 1,000.
    pub(crate) lines: usize,
    pub(crate) json: bool,
}

/// Which build `why` explains.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WhySource {
    /// The newest failed build, optionally of the commit with these first 1 to 40 digits, in lower case.
    NewestFailed { commit: Option<String> },
    /// The build with this ID.
    Build(String),
}

/// The arguments of `save`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SaveArgs {
    /// At least one.
    pub(crate) targets: Vec<SaveTarget>,
    pub(crate) filter: BuildFilter,
    pub(crate) limit: Limit,
    pub(crate) folder: PathBuf,
    /// How many logs to fetch at a time: at least 1.
    pub(crate) jobs: usize,
}

/// `-s` and `-c`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct BuildFilter {
    pub(crate) status: Option<BuildStatus>,
    /// The first 1 to 40 digits of a commit SHA, in lower case.
    pub(crate) commit: Option<String>,
}

impl BuildFilter {
    pub(crate) fn matches(&self, build: &Build) -> bool {
        let commit = build.commit_sha.to_ascii_lowercase();
        self.status
            .as_ref()
            .is_none_or(|status| *status == build.status)
            && self
                .commit
                .as_ref()
                .is_none_or(|digits| commit.starts_with(digits))
    }
}

/// `-L` and `--all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// At least 1.
    Rows(usize),
    All,
}

/// What happens to the escape sequences of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// Sanitized on a terminal, unchanged elsewhere.
    #[default]
    Auto,
    Raw,
    Plain,
}

/// Whether the output has colours: `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless the environment forbids it.
    #[default]
    Auto,
    Always,
    Never,
}

impl ColorChoice {
    /// Returns whether an output has colours.
    pub(crate) fn is_enabled(self, is_terminal: bool) -> bool {
        match self {
            Self::Auto => is_terminal,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// The connection settings on the command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Connect {
    pub(crate) api: Option<String>,
    pub(crate) api_key_file: Option<PathOrStdin>,
    pub(crate) cacert: Option<PathBuf>,
    pub(crate) profile: Option<String>,
    pub(crate) allow_http: bool,
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
}

impl Default for Connect {
    fn default() -> Self {
        Self {
            api: None,
            api_key_file: None,
            cacert: None,
            profile: None,
            allow_http: false,
            timeout: DEFAULT_TIMEOUT,
            retries: DEFAULT_RETRIES,
        }
    }
}

/// A file to read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PathOrStdin {
    Path(PathBuf),
    /// `-`.
    Stdin,
}

impl From<PathBuf> for PathOrStdin {
    fn from(path: PathBuf) -> Self {
        if path.as_os_str() == "-" {
            PathOrStdin::Stdin
        } else {
            PathOrStdin::Path(path)
        }
    }
}

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
    pub(super) generate: Option<fn() -> String>,
    pub(super) filter: BuildFilter,
    pub(super) published: Option<bool>,
    pub(super) callable: Option<bool>,
    pub(super) limit: Option<Limit>,
    pub(super) json: bool,
    pub(super) tail: Option<usize>,
    pub(super) output: Option<PathBuf>,
    pub(super) folder: Option<PathBuf>,
    pub(super) jobs: Option<usize>,
    pub(super) wait: Option<Duration>,
    pub(super) exit_status: bool,
    pub(super) escapes: Escapes,
    pub(super) connect: Connect,
    pub(super) verbose: bool,
    pub(super) quiet: bool,
    pub(super) color: ColorChoice,
}

impl RawArgs {
    /// Checks the flags and arguments against each other, and returns them typed.
    pub(super) fn finish(mut self) -> Result<Parsed, CliError> {
        if let Some(generate) = self.generate {
            self.check_generate_alone()?;
            return Ok(Parsed::Print(generate()));
        }
        let Some(name) = self.command else {
            return Err(CliError::usage("no command given").hint("see 'algo-logs --help'"));
        };
        self.check_accepted_by(name)?;
        self.check_conflicts()?;
        self.check_number_of_arguments(name)?;

        let arguments = std::mem::take(&mut self.arguments);
        let list_limit = self.limit.unwrap_or(Limit::Rows(DEFAULT_LIMIT));
        let command = match name {
            Help => {
                let topic = match arguments.first() {
                    Some(word) => topic_by_word(word)?,
                    None => Topic::Summary,
                };
                return Ok(Parsed::Print(help::text(topic)));
            }
            Builds => Command::Builds {
                algorithm: optional_algorithm(arguments.first())?,
                filter: self.filter,
                limit: list_limit,
                json: self.json,
            },
            Versions => Command::Versions {
                algorithm: optional_algorithm(arguments.first())?,
                published: self.published,
                callable: self.callable,
                limit: list_limit,
                json: self.json,
            },
            Log => {
                let (algorithm, build_id) = split_build_id(&arguments)?;
                let (algorithm, version) = match algorithm {
                    None => (None, None),
                    Some(text) => {
                        let (algorithm, version) = AlgorithmArg::parse_with_version(text)?;
                        (Some(algorithm), version)
                    }
                };
                let source = self.log_source(algorithm.as_ref(), version, build_id)?;
                Command::Log(LogArgs {
                    algorithm,
                    source,
                    tail: self.tail,
                    output: self.output,
                    wait: self.wait,
                    exit_status: self.exit_status,
                    escapes: self.escapes,
                })
            }
            Why => {
                let (algorithm, build_id) = split_build_id(&arguments)?;
                let algorithm = algorithm.map(AlgorithmArg::parse).transpose()?;
                Command::Why(WhyArgs {
                    source: self.why_source(algorithm.as_ref(), build_id)?,
                    algorithm,
                    lines: self.why_lines()?,
                    json: self.json,
                })
            }
            Save => Command::Save(SaveArgs {
                targets: self.save_targets(&arguments)?,
                filter: self.filter,
                limit: self.limit.unwrap_or(Limit::All),
                folder: self.folder.ok_or_else(|| {
                    CliError::usage("'save' needs a folder, -d DIR").hint(example(name))
                })?,
                jobs: self.jobs.unwrap_or(DEFAULT_JOBS),
            }),
        };
        Ok(Parsed::Run(Args {
            command,
            connect: self.connect,
            verbose: self.verbose,
            quiet: self.quiet,
            color: self.color,
        }))
    }

    /// Returns the source of the log. Only the filters may be combined.
    fn log_source(
        &mut self,
        algorithm: Option<&AlgorithmArg>,
        version: Option<VersionSpec>,
        build_id: Option<&str>,
    ) -> Result<LogSource, CliError> {
        let filter = self.spelling("status").or(self.spelling("commit"));
        let clash = |one, other| Err(conflict(one, other).hint("both select the build"));
        match (version, build_id, filter) {
            (Some(_), Some(_), _) => clash("VERSION", "BUILD_ID"),
            (Some(_), None, Some(filter)) => clash("VERSION", filter),
            (None, Some(_), Some(filter)) => clash("BUILD_ID", filter),
            (Some(version), None, None) => Ok(LogSource::Version(version)),
            (None, Some(id), None) => {
                let hint = |version: &str| format!("did you mean '{version}'?");
                Ok(LogSource::Build(parse_build_id(id, algorithm, hint)?))
            }
            (None, None, _) => Ok(LogSource::Newest(std::mem::take(&mut self.filter))),
        }
    }

    fn why_source(
        &mut self,
        algorithm: Option<&AlgorithmArg>,
        build_id: Option<&str>,
    ) -> Result<WhySource, CliError> {
        let Some(id) = build_id else {
            let commit = self.filter.commit.take();
            return Ok(WhySource::NewestFailed { commit });
        };
        if let Some(filter) = self.spelling("commit") {
            return Err(conflict("BUILD_ID", filter).hint("both select the build"));
        }
        let hint = |version: &str| format!("'algo-logs log {version}' writes the log of a version");
        Ok(WhySource::Build(parse_build_id(id, algorithm, hint)?))
    }

    fn why_lines(&self) -> Result<usize, CliError> {
        match self.tail {
            None => Ok(DEFAULT_WHY_LINES),
            Some(lines @ 1..=MAX_WHY_LINES) => Ok(lines),
            Some(lines) => {
                let flag = self.spelling("tail").unwrap_or("-n");
                Err(CliError::usage(format!(
                    "invalid value '{lines}' for '{flag} N': must be from 1 to {MAX_WHY_LINES}"
                )))
            }
        }
    }

    fn save_targets(&self, arguments: &[String]) -> Result<Vec<SaveTarget>, CliError> {
        if arguments.is_empty() {
            return Err(CliError::usage(
                "'save' needs an ALGO, an OWNER, or '-' for names on stdin",
            )
            .hint(example(Save)));
        }
        let targets = arguments.iter().map(|word| SaveTarget::parse(word));
        let targets: Vec<_> = targets.collect::<Result<_, _>>()?;
        if targets.contains(&SaveTarget::Stdin)
            && self.connect.api_key_file == Some(PathOrStdin::Stdin)
        {
            return Err(conflict("--api-key-file -", "-").hint("both read stdin"));
        }
        Ok(targets)
    }

    fn check_generate_alone(&self) -> Result<(), CliError> {
        let mut flags = self.given.iter();
        let flag = flags.find(|(flag, _)| flag.long != "generate");
        let flag = flag.map(|(_, spelling)| spelling.as_str());
        match self.command.map(CommandName::word).or(flag) {
            None => Ok(()),
            Some(other) => {
                Err(conflict("--generate", other)
                    .hint("use it alone, as in: algo-logs --generate man"))
            }
        }
    }

    fn check_accepted_by(&self, command: CommandName) -> Result<(), CliError> {
        for (flag, spelling) in &self.given {
            if !flag.is_accepted_by(command) {
                let word = command.word();
                let words: Vec<_> = flag.commands().map(CommandName::word).collect();
                return Err(
                    CliError::usage(format!("'{word}' takes no option '{spelling}'"))
                        .hint(format!("it is an option of {}", words.join(", "))),
                );
            }
        }
        Ok(())
    }

    fn check_conflicts(&self) -> Result<(), CliError> {
        for (one, other) in CONFLICTS {
            if let (Some(one), Some(other)) = (self.spelling(one), self.spelling(other)) {
                return Err(conflict(one, other));
            }
        }
        Ok(())
    }

    fn check_number_of_arguments(&self, command: CommandName) -> Result<(), CliError> {
        let spec = command.spec();
        if let Some(extra) = self.arguments.get(spec.max_arguments) {
            let usage = spec.usage.join(" ");
            let message = format!("unexpected argument '{}'", redact(extra));
            return Err(
                CliError::usage(message).hint(format!("usage: algo-logs {} {usage}", spec.word))
            );
        }
        Ok(())
    }

    /// Returns the topic for `--help`.
    pub(super) fn help_topic(&self) -> Topic {
        let topic = match self.command {
            Some(Help) => self
                .arguments
                .first()
                .and_then(|word| Topic::from_word(word)),
            command => command.map(Topic::Command),
        };
        topic.unwrap_or(Topic::Summary)
    }

    /// Returns how a flag was spelled, if it was given.
    fn spelling(&self, long: &str) -> Option<&str> {
        let mut given = self.given.iter();
        Some(&given.find(|(flag, _)| flag.long == long)?.1)
    }
}

fn optional_algorithm(word: Option<&String>) -> Result<Option<AlgorithmArg>, CliError> {
    match word {
        None => Ok(None),
        // Most likely an unset variable, so the algorithm of the working directory is not meant.
        Some(word) if word.is_empty() => Err(CliError::usage("ALGO is empty")),
        Some(word) => Ok(Some(AlgorithmArg::parse(word)?)),
    }
}

fn example(command: CommandName) -> String {
    format!("as in: {}", command.spec().examples[0].1)
}

fn conflict(one: &str, other: &str) -> CliError {
    CliError::usage(format!("'{one}' cannot be used with '{other}'"))
}

#[cfg(test)]
mod tests {
    use algo_logs::Algorithm;

    use super::*;
    use crate::cli::flags::FLAGS;
    use crate::cli::parse_line;

    #[track_caller]
    fn run(line: &str) -> Args {
        match parse_line(line) {
            Ok(Parsed::Run(args)) => args,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn algorithm() -> AlgorithmArg {
        AlgorithmArg::Name(Algorithm::new("acme", "x").unwrap())
    }

    fn failed_3fa9() -> BuildFilter {
        BuildFilter {
            status: Some(BuildStatus::Failed),
            commit: Some("3fa9".to_owned()),
        }
    }

    #[test]
    fn lists() {
        let builds = |filter, limit, json| Command::Builds {
            algorithm: Some(algorithm()),
            filter,
            limit,
            json,
        };
        let versions = |published, callable, limit| Command::Versions {
            algorithm: Some(algorithm()),
            published,
            callable,
            limit,
            json: false,
        };
        let (no_filter, rows) = (BuildFilter::default, Limit::Rows);
        for (line, expected) in [
            ("builds acme/x", builds(no_filter(), rows(20), false)),
            (
                "-- builds algo://acme/x",
                builds(no_filter(), rows(20), false),
            ),
            (
                "builds acme/x -s failed -c 3FA9 --all",
                builds(failed_3fa9(), Limit::All, false),
            ),
            (
                "builds -sfailed -c=3fa9 -L5 --json -- acme/x",
                builds(failed_3fa9(), rows(5), true),
            ),
            (
                "--json --status=failed --commit 3fa9 --limit=5 builds acme/x",
                builds(failed_3fa9(), rows(5), true),
            ),
            ("versions algo://acme/x", versions(None, None, rows(20))),
            (
                "versions acme/x --published --public",
                versions(Some(true), Some(true), rows(20)),
            ),
            (
                "versions --unpublished acme/x",
                versions(Some(false), None, rows(20)),
            ),
            (
                "versions --private --all acme/x",
                versions(None, Some(false), Limit::All),
            ),
        ] {
            assert_eq!(run(line).command, expected, "{line}");
        }
    }

    /// Checks that a line means `log acme/x` with one change.
    #[track_caller]
    fn logs(line: &str, change: impl FnOnce(&mut LogArgs)) {
        let mut expected = LogArgs {
            algorithm: Some(algorithm()),
            source: LogSource::Newest(BuildFilter::default()),
            tail: None,
            output: None,
            wait: None,
            exit_status: false,
            escapes: Escapes::Auto,
        };
        change(&mut expected);
        assert_eq!(run(line).command, Command::Log(expected), "{line}");
    }

    #[test]
    fn log() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let build = |id: &str| LogSource::Build(id.to_owned());
        logs("log acme/x", |_| ());
        logs("log acme/x b-1", |log| log.source = build("b-1"));
        logs("log b-1", |log| {
            log.algorithm = None;
            log.source = build("b-1");
        });
        logs("log -n 5", |log| {
            log.algorithm = None;
            log.tail = Some(5);
        });
        logs("log -- acme/x --raw", |log| log.source = build("--raw"));
        logs("log acme/x -s failed -c 3fa9", |log| {
            log.source = LogSource::Newest(failed_3fa9());
        });
        logs("log acme/x/1.2.0", |log| {
            log.source = LogSource::Version(VersionSpec::Semantic("1.2.0".to_owned()));
        });
        logs("log -n 0 acme/x", |log| log.tail = Some(0));
        logs("log -n007 acme/x", |log| log.tail = Some(7));
        logs("log acme/x -n 1 --tail 2", |log| log.tail = Some(2));
        logs("log acme/x -o f", |log| log.output = Some("f".into()));
        logs("log acme/x -o f -o -", |_| ());
        logs("log acme/x --output=-f", |log| {
            log.output = Some("-f".into())
        });
        logs("log acme/x --wait", |log| log.wait = seconds(1800));
        logs("log acme/x --wait=0", |log| log.wait = seconds(0));
        logs("log acme/x --wait=5 --wait", |log| log.wait = seconds(1800));
        logs("log acme/x --exit-status", |log| log.exit_status = true);
        logs("log acme/x --raw", |log| log.escapes = Escapes::Raw);
        logs("log acme/x --plain", |log| log.escapes = Escapes::Plain);
    }

    #[test]
    fn why() {
        let commit = Some("3fa9".to_owned());
        let newest = WhySource::NewestFailed { commit: None };
        for (line, algorithm, source, lines, json) in [
            ("why acme/x", Some(algorithm()), newest, 40, false),
            (
                "why -c 3FA9 -n 1000 --json",
                None,
                WhySource::NewestFailed { commit },
                1000,
                true,
            ),
            (
                "why b-1 --tail=1",
                None,
                WhySource::Build("b-1".to_owned()),
                1,
                false,
            ),
            (
                "why acme/x b-1",
                Some(algorithm()),
                WhySource::Build("b-1".to_owned()),
                40,
                false,
            ),
        ] {
            let expected = WhyArgs {
                algorithm,
                source,
                lines,
                json,
            };
            assert_eq!(run(line).command, Command::Why(expected), "{line}");
        }
    }

    #[test]
    fn save() {
        for (line, limit, jobs) in [
            ("save acme/x -d f", Limit::All, 4),
            ("-d g save --dir=f acme/x --all", Limit::All, 4),
            ("save acme/x -d f -L 5 -j 1", Limit::Rows(5), 1),
            ("save acme/x -d f --jobs=64", Limit::All, 64),
        ] {
            let expected = SaveArgs {
                targets: vec![SaveTarget::Algorithm(algorithm())],
                filter: BuildFilter::default(),
                limit,
                folder: "f".into(),
                jobs,
            };
            assert_eq!(run(line).command, Command::Save(expected), "{line}");
        }
    }

    #[test]
    fn connection_and_general() {
        assert_eq!(run("builds acme/x").connect, Connect::default());
        let args = run(
            "--api g --api h --api-key-file k --cacert c --profile p --allow-http --timeout 5 \
             --timeout=1 --retries 0 -v -v builds acme/x",
        );
        let expected = Connect {
            api: Some("h".to_owned()),
            api_key_file: Some(PathOrStdin::Path("k".into())),
            cacert: Some("c".into()),
            profile: Some("p".to_owned()),
            allow_http: true,
            timeout: Duration::from_secs(1),
            retries: 0,
        };
        assert_eq!(args.connect, expected);
        assert!(args.verbose && !args.quiet);
        for (line, color) in [
            ("builds acme/x", ColorChoice::Auto),
            ("builds acme/x --color never", ColorChoice::Never),
            ("--color=never builds --color=always", ColorChoice::Always),
            ("log --color auto", ColorChoice::Auto),
        ] {
            assert_eq!(run(line).color, color, "{line}");
        }
        let args = run("builds acme/x -q --api-key-file -");
        assert_eq!(args.connect.api_key_file, Some(PathOrStdin::Stdin));
        assert!(args.quiet && !args.verbose);
    }

    #[test]
    fn help_shows_the_defaults() {
        for (long, command, default) in [
            ("limit", Builds, DEFAULT_LIMIT.to_string()),
            ("limit", Versions, DEFAULT_LIMIT.to_string()),
            ("limit", Save, "all".to_owned()),
            ("tail", Why, DEFAULT_WHY_LINES.to_string()),
            ("jobs", Save, DEFAULT_JOBS.to_string()),
            ("wait", Log, DEFAULT_WAIT.as_secs().to_string()),
            ("timeout", Log, DEFAULT_TIMEOUT.as_secs().to_string()),
            ("retries", Log, DEFAULT_RETRIES.to_string()),
            ("color", Log, "auto".to_owned()),
        ] {
            let flag = FLAGS.iter().find(|flag| flag.long == long).unwrap();
            let doc = flag.doc(command).unwrap();
            assert!(doc.ends_with(&format!("[default: {default}]")), "{doc}");
        }
    }
}
