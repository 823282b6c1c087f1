//! From a command line to the command that it names.

use crate::args::{Args, Command};
use crate::failure::Failure;
use crate::output::Notes;
use crate::session::Session;
use crate::settings::{self, Environment};

/// Carries out a command line.
pub(crate) fn run(args: &Args, environment: &Environment) -> Result<(), Failure> {
    let algorithm = match &args.command {
        Command::Builds { algorithm, .. } | Command::Versions { algorithm, .. } => algorithm,
        Command::Log(log) => &log.algorithm,
        Command::Save(save) => &save.algorithm,
    };
    // Before any key or profile is read: a name that is none needs neither.
    let session = Session {
        algorithm: algorithm.parse()?,
        connection: settings::connect(args, environment)?,
        notes: Notes::of(args),
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
