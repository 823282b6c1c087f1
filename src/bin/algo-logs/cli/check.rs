//! Checks the flags and arguments against each other, and returns them typed.

use algo_logs::BuildStatus;

use super::algorithm::{parse_build_id, split_build_id};
use super::args::{
    AlgorithmArg, Args, BuildsArgs, Command, Limit, LogArgs, LogSource, SaveArgs, Target,
    VersionSpec, VersionsArgs, WhyArgs, WhySource,
};
use super::commands::CommandName::{self, Save};
use super::flags::{CONFLICTS, RawArgs};
use crate::config::PathOrStdin;
use crate::error::{CliError, redact};

const DEFAULT_LIMIT: Limit = Limit::Rows(20);
const DEFAULT_WHY_LINES: usize = 20;
pub(crate) const MAX_WHY_LINES: usize = 1000;
const DEFAULT_JOBS: usize = 4;

impl RawArgs {
    /// Checks everything that does not depend on what a command does.
    pub(super) fn check(&self, name: CommandName) -> Result<(), CliError> {
        self.check_accepted_by(name)?;
        for (one, other) in CONFLICTS {
            if let (Some(one), Some(other)) = (self.spelling(one), self.spelling(other)) {
                return Err(conflict(one, other));
            }
        }
        let spec = name.spec();
        if let Some(extra) = self.arguments.get(spec.max_arguments) {
            let message = format!("unexpected argument '{}'", redact(extra));
            let usage = spec.usage.join(" ");
            return Err(
                CliError::usage(message).hint(format!("usage: algo-logs {} {usage}", spec.word))
            );
        }
        Ok(())
    }

    /// Adds the options that every command has.
    pub(super) fn with_command(mut self, command: Command) -> Args {
        Args {
            command,
            only_argument: self.arguments.pop().filter(|_| self.arguments.is_empty()),
            connection: self.connection,
            verbose: self.verbose,
            quiet: self.quiet,
            color: self.color,
        }
    }

    pub(super) fn builds(&self) -> Result<Command, CliError> {
        let args = |default_limit| BuildsArgs {
            filter: self.filter.clone(),
            limit: self.limit.unwrap_or(default_limit),
            json: self.json,
        };
        let target = self.arguments.first().map(|word| Target::parse(word));
        Ok(match target.transpose()? {
            None => Command::Builds(None, args(DEFAULT_LIMIT)),
            Some(Target::Algorithm(algorithm)) => {
                Command::Builds(Some(algorithm), args(DEFAULT_LIMIT))
            }
            Some(Target::Owner(owner)) => Command::BuildsOfOwner(owner, args(Limit::All)),
        })
    }

    pub(super) fn versions(&self) -> Result<Command, CliError> {
        let algorithm = self.arguments.first().map(|word| AlgorithmArg::parse(word));
        let args = VersionsArgs {
            published: self.published,
            callable: self.callable,
            limit: self.limit.unwrap_or(DEFAULT_LIMIT),
            json: self.json,
        };
        Ok(Command::Versions(algorithm.transpose()?, args))
    }

    pub(super) fn log(&self) -> Result<Command, CliError> {
        let (algorithm, build_id) = split_build_id(&self.arguments)?;
        let (algorithm, version) = match algorithm {
            None => (None, None),
            Some(text) => {
                let (algorithm, version) = AlgorithmArg::parse_with_version(text)?;
                (Some(algorithm), version)
            }
        };
        let args = LogArgs {
            source: self.log_source(algorithm.as_ref(), version, build_id)?,
            tail: self.tail,
            output: self.output.clone(),
            wait: self.wait,
            exit_status: self.exit_status,
            escapes: self.escapes,
        };
        Ok(Command::Log(algorithm, args))
    }

    pub(super) fn why(&self) -> Result<Command, CliError> {
        if let [path] = &self.arguments[..] {
            if path.starts_with(['.', '/']) || path.ends_with(".log") {
                let message = format!("'{path}' is not OWNER/NAME");
                return Err(CliError::usage(message)
                    .hint(format!("'why --file {path}' explains a saved log")));
            }
        }
        let (algorithm, build_id) = split_build_id(&self.arguments)?;
        let algorithm = algorithm.map(AlgorithmArg::parse).transpose()?;
        let args = WhyArgs {
            source: self.why_source(algorithm.as_ref(), build_id)?,
            lines: self.why_lines()?,
            json: self.json,
        };
        Ok(Command::Why(algorithm, args))
    }

    pub(super) fn save(&self) -> Result<Command, CliError> {
        let example = format!("e.g. {}", Save.spec().examples[0].1);
        if self.arguments.is_empty() {
            let message = "'save' requires an ALGO, an OWNER, or '-' for names on stdin";
            return Err(CliError::usage(message).hint(example));
        }
        let stdin = self.arguments.iter().any(|word| word == "-");
        if stdin && self.connection.api_key_file == Some(PathOrStdin::Stdin) {
            return Err(conflict("--api-key-file -", "-").hint("both read stdin"));
        }
        let names = self.arguments.iter().filter(|word| *word != "-");
        let targets = names.map(|name| Target::parse(name));
        let args = SaveArgs {
            targets: targets.collect::<Result<_, _>>()?,
            stdin,
            filter: self.filter.clone(),
            limit: self.limit.unwrap_or(Limit::All),
            folder: match &self.folder {
                Some(folder) => folder.clone(),
                None => return Err(CliError::usage("'save' requires -d DIR").hint(example)),
            },
            jobs: self.jobs.unwrap_or(DEFAULT_JOBS),
        };
        Ok(Command::Save(args))
    }

    /// Returns the source of the log. Only the filters may be combined.
    fn log_source(
        &self,
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
            (None, None, _) => match self.filter.status {
                // Any build that is waited for can end in either way.
                Some(BuildStatus::Succeeded | BuildStatus::Failed) if self.wait.is_some() => {
                    let status = self.spelling("status").unwrap_or("-s");
                    Err(conflict(status, "--wait")
                        .hint("'--exit-status' tells whether the build failed"))
                }
                _ => Ok(LogSource::Newest(self.filter.clone())),
            },
        }
    }

    fn why_source(
        &self,
        algorithm: Option<&AlgorithmArg>,
        build_id: Option<&str>,
    ) -> Result<WhySource, CliError> {
        if let Some(file) = &self.file {
            return match algorithm.map(|_| "ALGO").or(build_id.map(|_| "BUILD_ID")) {
                Some(argument) => Err(conflict("--file", argument)),
                None => Ok(WhySource::File(file.clone())),
            };
        }
        let Some(id) = build_id else {
            let commit = self.filter.commit.clone();
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

    pub(super) fn check_generate_alone(&self) -> Result<(), CliError> {
        let mut flags = self.given.iter();
        let flag = flags.find(|(flag, _)| flag.long != "generate");
        let flag = flag.map(|(_, spelling)| spelling.as_str());
        match self.command.map(CommandName::word).or(flag) {
            None => Ok(()),
            Some(other) => {
                Err(conflict("--generate", other)
                    .hint("use it alone, e.g. algo-logs --generate man"))
            }
        }
    }

    fn check_accepted_by(&self, command: CommandName) -> Result<(), CliError> {
        let mut given = self.given.iter();
        let Some((flag, spelling)) = given.find(|(flag, _)| !flag.is_accepted_by(command)) else {
            return Ok(());
        };
        let words: Vec<_> = flag.commands().map(CommandName::word).collect();
        let hint = match &words[..] {
            [] => "use it alone".to_owned(),
            [word] => format!("'{word}' does"),
            [words @ .., last] => format!("{} and {last} do", words.join(", ")),
        };
        let message = format!("'{}' does not accept '{spelling}'", command.word());
        Err(CliError::usage(message).hint(hint))
    }

    /// Returns how a flag was spelled, if it was given.
    fn spelling(&self, long: &str) -> Option<&str> {
        let mut given = self.given.iter();
        Some(&given.find(|(flag, _)| flag.long == long)?.1)
    }
}

fn conflict(one: &str, other: &str) -> CliError {
    CliError::usage(format!("'{one}' cannot be used with '{other}'"))
}
