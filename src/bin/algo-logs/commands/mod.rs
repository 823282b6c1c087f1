//! From a command line to the command that it names.

mod context;
mod lists;
mod log;
mod save;
mod transfer;

use crate::cli::{Args, Command};
use crate::commands::context::Context;
use crate::config::{self, Environment};
use crate::error::CliError;
use crate::output::Reporter;

/// Carries out a command line.
pub(crate) fn run(
    args: &Args,
    environment: &Environment,
    reporter: &Reporter,
) -> Result<(), CliError> {
    let algorithm = match &args.command {
        Command::Builds { algorithm, .. } | Command::Versions { algorithm, .. } => algorithm,
        Command::Log(log) => &log.algorithm,
        Command::Save(save) => &save.algorithm,
    };
    let notes = reporter.quiet(args.quiet);
    let session = Context {
        algorithm: algorithm.clone(),
        connection: config::connect(args, environment, &notes)?,
        notes,
        colours: !environment.no_color(),
    };
    let outcome = match &args.command {
        Command::Builds {
            filter,
            limit,
            json,
            ..
        } => session.builds(filter, *limit, *json),
        Command::Versions {
            published,
            callable,
            limit,
            json,
            ..
        } => session.versions(*published, *callable, *limit, *json),
        Command::Log(log) => session.log(log),
        Command::Save(save) => session.save(save),
    };
    outcome.map_err(|failure| session.explain(failure))
}
