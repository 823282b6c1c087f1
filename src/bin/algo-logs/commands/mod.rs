//! The commands.

mod context;
mod hints;
mod lists;
mod log;
mod save;
mod target;
mod transfer;
mod why;

use crate::cli::{Args, Command, CommandName, LogSource, WhySource};
use crate::config::{self, Environment};
use crate::error::CliError;
use crate::output::{Reporter, redirect_stdout};
use context::Context;
use hints::{Situation, add_hint};

/// Runs a command for each of its algorithms.
pub(crate) fn run(
    args: &Args,
    environment: &Environment,
    reporter: &Reporter,
) -> Result<(), CliError> {
    if let Command::Log(log) = &args.command {
        // This must happen before the key is read from stdin, because it can start the program again.
        log.output.as_deref().map_or(Ok(()), redirect_stdout)?;
    }
    let targets = target::targets(&args.command)?;
    let reporter = reporter
        .quiet(args.quiet)
        .animated(environment.has_escape_sequences(args.color));
    let connection = config::connect(args, environment, &reporter)?;
    let color = environment.color(args.color);
    let (algorithms, failures) = target::algorithms(targets, &connection)?;
    let mut contexts = algorithms.into_iter().map(|algorithm| Context {
        algorithm,
        connection: connection.clone(),
        reporter: reporter.clone(),
        color,
    });
    match &args.command {
        Command::Save(save) => save::run(save, contexts, failures, &reporter),
        command => contexts.try_for_each(|context| context.run(command)),
    }
}

impl Context {
    fn run(&self, command: &Command) -> Result<(), CliError> {
        let outcome = match command {
            Command::Builds {
                filter,
                limit,
                json,
                ..
            } => self.list_builds(filter, *limit, *json),
            Command::Versions {
                published,
                callable,
                limit,
                json,
                ..
            } => self.list_versions(*published, *callable, *limit, *json),
            Command::Log(log) => self.log(log),
            Command::Why(why) => self.why(why),
            // `save` reports on all algorithms together.
            Command::Save(_) => Ok(()),
        };
        let (list, waited) = match command {
            Command::Log(log) => {
                let list = match log.source {
                    LogSource::Newest(_) => None,
                    LogSource::Build(_) => Some(CommandName::Builds),
                    LogSource::Version(_) => Some(CommandName::Versions),
                };
                (list, log.wait)
            }
            Command::Why(why) => match why.source {
                WhySource::NewestFailed { .. } => (None, None),
                WhySource::Build(_) => (Some(CommandName::Builds), None),
            },
            _ => (None, None),
        };
        outcome.map_err(|error| {
            let situation = Situation {
                algorithm: &self.algorithm,
                list,
                waited,
            };
            add_hint(error, &self.connection, situation)
        })
    }
}
