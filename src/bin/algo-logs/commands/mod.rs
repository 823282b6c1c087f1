//! The commands.

mod context;
mod hints;
mod item;
mod lists;
mod log;
mod owner;
mod requests;
mod save;
mod target;
mod transfer;
mod why;

use crate::cli::{Args, Command};
use crate::config::{self, ColorChoice, Connection};
use crate::error::CliError;
use crate::output::Reporter;

/// What every command has before it connects.
struct Session<'a> {
    args: &'a Args,
    reporter: Reporter,
    /// After the environment has been taken into account.
    color: ColorChoice,
}

/// Runs a command.
pub(crate) fn run(args: &Args, reporter: &Reporter) -> Result<(), CliError> {
    let session = Session {
        args,
        reporter: reporter
            .quiet(args.quiet)
            .animated(config::has_escape_sequences(args.color)),
        color: config::color(args.color),
    };
    match &args.command {
        Command::Builds(algorithm, builds) => {
            session.context(algorithm.as_ref())?.list_builds(builds)
        }
        Command::BuildsOfOwner(owner, builds) => session.list_newest_builds(owner, builds),
        Command::Versions(algorithm, versions) => {
            session.context(algorithm.as_ref())?.list_versions(versions)
        }
        Command::Log(algorithm, log) => session.context(algorithm.as_ref())?.log(log),
        Command::Why(algorithm, why) => session.why(algorithm.as_ref(), why),
        Command::Save(save) => session.save(save),
    }
}

impl Session<'_> {
    /// Connects to the cluster, and keeps up to `connections` connections alive.
    fn connect(&self, connections: usize) -> Result<Connection, CliError> {
        let settings = config::resolve(&self.args.connection)?;
        self.reporter.redact(settings.token());
        settings.connect(|builder| {
            let builder = builder.idle_connections(connections);
            requests::report(builder, &self.reporter, self.args.verbose)
        })
    }
}
