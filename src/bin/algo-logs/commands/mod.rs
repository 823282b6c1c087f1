//! From a command line to the command that it names.

mod context;
mod lists;
mod log;
mod save;
mod target;
mod transfer;

use crate::cli::{AlgorithmArg, Args, Command};
use crate::commands::context::Context;
use crate::config::{self, Environment, project};
use crate::error::CliError;
use crate::output::Reporter;

/// Carries out a command line.
pub(crate) fn run(args: &Args, environment: &Environment) -> Result<(), CliError> {
    let algorithm = match &args.command {
        Command::Builds { algorithm, .. } | Command::Versions { algorithm, .. } => {
            algorithm.as_ref()
        }
        Command::Log(log) => log.algorithm.as_ref(),
        Command::Save(save) => Some(&save.algorithm),
    };
    let algorithm = match algorithm {
        Some(algorithm) => algorithm.clone(),
        None => AlgorithmArg::Name(project::algorithm()?),
    };
    let connection = config::connect(args, environment)?;
    let session = Context {
        algorithm: target::resolve(algorithm, connection.client.base_url())?,
        connection,
        notes: Reporter::of(args),
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
