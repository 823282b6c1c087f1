//! The commands.

mod context;
mod hints;
mod lists;
mod log;
mod save;
mod target;
mod transfer;

use std::time::Duration;

use crate::cli::{AlgorithmArg, Args, Command, CommandName, LogSource};
use crate::config::{self, Environment, project};
use crate::error::CliError;
use crate::output::Reporter;
use context::Context;
use hints::{Situation, add_hint};

/// Runs a command.
pub(crate) fn run(
    args: &Args,
    environment: &Environment,
    reporter: &Reporter,
) -> Result<(), CliError> {
    let (algorithm, list, waited): (_, _, Option<Duration>) = match &args.command {
        Command::Builds { algorithm, .. } | Command::Versions { algorithm, .. } => {
            (algorithm.as_ref(), None, None)
        }
        Command::Log(log) => {
            let list = match log.source {
                LogSource::Newest(_) => None,
                LogSource::Build(_) => Some(CommandName::Builds),
                LogSource::Version(_) => Some(CommandName::Versions),
            };
            (log.algorithm.as_ref(), list, log.wait)
        }
        Command::Save(save) => (Some(&save.algorithm), None, None),
    };
    let algorithm = match algorithm {
        Some(algorithm) => algorithm.clone(),
        None => AlgorithmArg::Name(project::algorithm()?),
    };
    let reporter = reporter.quiet(args.quiet);
    let connection = config::connect(args, environment, &reporter)?;
    let context = Context {
        algorithm: target::resolve(algorithm, connection.client.base_url())?,
        connection,
        reporter,
        colour: !environment.no_color(),
    };
    let outcome = match &args.command {
        Command::Builds {
            filter,
            limit,
            json,
            ..
        } => context.list_builds(filter, *limit, *json),
        Command::Versions {
            published,
            callable,
            limit,
            json,
            ..
        } => context.list_versions(*published, *callable, *limit, *json),
        Command::Log(log) => context.log(log),
        Command::Save(save) => context.save(save),
    };
    outcome.map_err(|error| {
        let situation = Situation {
            algorithm: &context.algorithm,
            list,
            waited,
        };
        add_hint(error, &context.connection, situation)
    })
}
