//! Checks the flags and arguments against each other, and returns them typed.

use algo_logs::BuildStatus;

use super::algorithm::{parse_build_id, split_build_id};
use super::args::{
    AlgorithmArg, Args, BuildsArgs, Command, LogArgs, LogSource, SaveArgs, Target, VersionsArgs,
    WhyArgs, WhySource,
};
use super::commands::CommandName::{self, Save};
use super::flags::{CONFLICTS, RawArgs};
use crate::config::PathOrStdin;
use crate::error::{CliError, redact};

const DEFAULT_LIMIT: usize = 20;
const DEFAULT_WHY_LINES: usize = 20;
pub(crate) const MAX_WHY_LINES: usize = 1000;
const DEFAULT_JOBS: usize = 4;

impl RawArgs {
    /// Makes the checks that all commands share.
    pub(super) fn check(&self, name: CommandName) -> Result<(), CliError> {
        self.check_accepted_by(name)?;
        for (one, other) in CONFLICTS {
            if let (Some(one), Some(other)) = (self.spelling(one), self.spelling(other)) {
                return Err(conflict(one, other));
            }
        }
        if self.arguments.iter().any(String::is_empty) {
            // Probably an unset variable: do not fall back to the working directory's algorithm or to the newest build.
            return Err(CliError::usage("an argument is empty").hint("is a variable not set?"));
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
            Some(Target::Owner(owner)) => Command::BuildsOfOwner(owner, args(usize::MAX)),
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
        let (algorithm, build_id) = split_build_id(&self.arguments);
        let algorithm = algorithm
            .map(AlgorithmArg::parse_with_version)
            .transpose()?;
        let (algorithm, version) = algorithm.unzip();
        let version = version.flatten();
        let filter = self.spelling("status").or(self.spelling("commit"));
        select_once([
            version.as_ref().map(|_| "VERSION"),
            build_id.map(|_| "BUILD_ID"),
            filter,
        ])?;
        if let (Some(_), Some(wait)) = (&version, self.spelling("wait")) {
            return Err(
                conflict("VERSION", wait).hint("a version is listed once it has been built")
            );
        }
        // A build in progress can still succeed or fail.
        if let (Some(status), Some(wait)) = (self.spelling("status"), self.spelling("wait")) {
            if self.filter.status != Some(BuildStatus::InProgress) {
                let error = conflict(status, wait);
                return Err(error.hint("'--exit-status' tells whether the build failed"));
            }
        }
        let args = LogArgs {
            source: match (version, build_id) {
                (Some(version), _) => LogSource::Version(version),
                (None, Some(id)) => LogSource::Build(parse_build_id(id, algorithm.as_ref())?),
                (None, None) => LogSource::Newest(self.filter.clone()),
            },
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
                return Err(CliError::usage(format!("'{path}' is not OWNER/NAME"))
                    .hint(format!("'why --file {path}' explains a saved log")));
            }
        }
        let (algorithm, build_id) = split_build_id(&self.arguments);
        let algorithm = algorithm.map(AlgorithmArg::parse).transpose()?;
        let file = self.spelling("file");
        select_once([file, build_id.map(|_| "BUILD_ID"), self.spelling("commit")])?;
        if let (Some(file), Some(_)) = (file, &algorithm) {
            return Err(conflict(file, "ALGO"));
        }
        let args = WhyArgs {
            source: match (&self.file, build_id) {
                (Some(file), _) => WhySource::File(file.clone()),
                (None, Some(id)) => WhySource::Build(parse_build_id(id, algorithm.as_ref())?),
                (None, None) => WhySource::NewestFailed {
                    commit: self.filter.commit.clone(),
                },
            },
            lines: match self.tail {
                None => DEFAULT_WHY_LINES,
                Some(lines @ 1..=MAX_WHY_LINES) => lines,
                Some(lines) => {
                    let message = format!(
                        "invalid value '{lines}' for '-n N': must be from 1 to {MAX_WHY_LINES}"
                    );
                    return Err(CliError::usage(message));
                }
            },
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
            limit: self.limit.unwrap_or(usize::MAX),
            directory: match &self.directory {
                Some(directory) => directory.clone(),
                None => return Err(CliError::usage("'save' requires -d DIR").hint(example)),
            },
            jobs: self.jobs.unwrap_or(DEFAULT_JOBS),
        };
        Ok(Command::Save(args))
    }

    fn check_accepted_by(&self, command: CommandName) -> Result<(), CliError> {
        let mut given = self.given.iter();
        let Some((flag, spelling)) = given.find(|(flag, _)| !flag.is_accepted_by(command)) else {
            return Ok(());
        };
        let words: Vec<_> = flag.commands().map(CommandName::word).collect();
        let words = words.join(", ");
        let message = format!("'{}' does not accept '{spelling}'", command.word());
        Err(
            CliError::usage(message).hint(match words.rsplit_once(", ") {
                Some((others, last)) => format!("{others} and {last} do"),
                None => format!("{words} does"),
            }),
        )
    }

    /// Returns how a flag was spelled, if it was given.
    fn spelling(&self, long: &str) -> Option<&str> {
        let mut given = self.given.iter();
        Some(&given.find(|(flag, _)| flag.long == long)?.1)
    }
}

/// Fails if more than one of these is given.
fn select_once(selectors: [Option<&str>; 3]) -> Result<(), CliError> {
    let mut given = selectors.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(one), Some(other)) => Err(conflict(one, other).hint("both select the build")),
        _ => Ok(()),
    }
}

fn conflict(one: &str, other: &str) -> CliError {
    CliError::usage(format!("'{one}' cannot be used with '{other}'"))
}
