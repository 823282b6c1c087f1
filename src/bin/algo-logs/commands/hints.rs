//! The next step that an error suggests.

use std::time::Duration;

use algo_logs::{Algorithm, ErrorKind};

use crate::cli::CommandName;
use crate::config::Connection;
use crate::error::{CliError, Kind};
use crate::output::format;

/// What a command was doing when it failed, as far as it decides the next step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'a> {
    pub(crate) algorithm: &'a Algorithm,
    /// The list that shows what could have been requested, if not the algorithm itself was wrong.
    pub(crate) list: Option<CommandName>,
    /// How long it has waited, with `--wait`.
    pub(crate) waited: Option<Duration>,
}

/// Adds the next step to an error, if there is one.
pub(crate) fn add_hint(
    error: CliError,
    connection: &Connection,
    situation: Situation<'_>,
) -> CliError {
    let list = |list: CommandName| {
        format!(
            "'algo-logs {} {}' lists what there is",
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
                "check the name, and that {} is its cluster",
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
            // The newest build was chosen: an older one may be what the user wants.
            None => "use --wait to wait for it, or -s failed or -s succeeded for an older build"
                .to_owned(),
        },
        _ => return add_connection_hint(error, connection),
    };
    error.hint(hint)
}

/// Adds the next step to an error that is about no algorithm in particular.
pub(crate) fn add_connection_hint(error: CliError, connection: &Connection) -> CliError {
    match error.kind {
        Kind::Library(ErrorKind::Unauthorized) => {
            error.hint(format!("the key is from {}", connection.key_source()))
        }
        Kind::Library(ErrorKind::Tls) => error.hint(match connection.ca_source() {
            Some(source) => format!("the CAs to trust are from {source}"),
            None => "if the cluster has a CA of its own, use --cacert FILE".to_owned(),
        }),
        Kind::Library(ErrorKind::Connection) if connection.is_default_cluster() => {
            error.hint("use --api or ALGORITHMIA_API to name your cluster")
        }
        _ => error,
    }
}
