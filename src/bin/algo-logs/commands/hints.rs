//! The hints of errors: what to do next.

use std::time::Duration;

use algo_logs::{Algorithm, ErrorKind};

use super::context::Context;
use crate::cli::CommandName;
use crate::config::Connection;
use crate::error::{CliError, Kind};
use crate::output::format;

/// What a command was doing when it failed, to choose the hint.
#[derive(Clone, Copy, Debug)]
struct Situation<'a> {
    pub(crate) algorithm: &'a Algorithm,
    /// The list of what can be requested. `None` if only the algorithm itself can be wrong.
    pub(crate) list: Option<CommandName>,
    /// The time that `--wait` has waited.
    pub(crate) waited: Option<Duration>,
}

impl Context {
    /// Adds a hint to an error of a command, if there is one.
    pub(super) fn with_hint(
        &self,
        error: CliError,
        list: Option<CommandName>,
        waited: Option<Duration>,
    ) -> CliError {
        let situation = Situation {
            algorithm: &self.algorithm,
            list,
            waited,
        };
        add_hint(error, &self.connection, situation)
    }
}

/// Adds a hint to an error, if there is one.
fn add_hint(error: CliError, connection: &Connection, situation: Situation<'_>) -> CliError {
    let list = |list: CommandName| {
        format!(
            "'algo-logs {0} {1}' lists the {0}",
            list.word(),
            situation.algorithm
        )
    };
    let hint = match error.kind {
        Kind::Library(ErrorKind::NotFound) => match (error.code, situation.list) {
            (Some(1010), _) => list(CommandName::Builds),
            (Some(1014), _) => list(CommandName::Versions),
            (None, Some(name)) => list(name),
            _ => format!(
                "check the name, and that {} is the right cluster",
                connection.client.base_url()
            ),
        },
        Kind::NoMatch => match (situation.waited, situation.list) {
            (Some(waited), _) => format!("waited {}", format::duration(waited)),
            (None, name) => list(name.unwrap_or(CommandName::Builds)),
        },
        Kind::Library(ErrorKind::NotFinished) => match situation.waited {
            Some(waited) => format!("waited {}", format::duration(waited)),
            None if situation.list.is_some() => "use --wait to wait for it".to_owned(),
            // The newest build was selected, but the user may want an older one.
            None => "use --wait to wait for it, or -s failed or -s succeeded for an older build"
                .to_owned(),
        },
        _ => return add_connection_hint(error, connection),
    };
    error.hint(hint)
}

/// Adds a hint that does not depend on the algorithm.
pub(crate) fn add_connection_hint(error: CliError, connection: &Connection) -> CliError {
    match error.kind {
        Kind::Library(ErrorKind::Unauthorized) => {
            error.hint(format!("the key is from {}", connection.key_source()))
        }
        Kind::Library(ErrorKind::Tls) => error.hint(match connection.ca_source() {
            Some(source) => format!("the trusted CAs are from {source}"),
            None => "if the cluster uses a private CA, use --cacert FILE".to_owned(),
        }),
        _ => error,
    }
}
