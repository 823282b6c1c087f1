//! Hints for errors: what to do next.

use algo_logs::ErrorKind;

use super::context::Context;
use crate::cli::{CommandName, is_hex};
use crate::config::Connection;
use crate::error::{CliError, Kind};

impl Context {
    pub(super) fn lists(&self, list: CommandName) -> String {
        let list = list.word();
        format!("'algo-logs {list} {}' lists the {list}", self.algorithm)
    }

    /// Adds a hint to an error about the BUILD_ID that the user gave.
    pub(super) fn build_hint(&self, error: CliError, id: &str) -> CliError {
        const COMMIT: usize = 40;
        if !error.rejects_build_id(id) {
            return error;
        }
        let list = self.lists(CommandName::Builds);
        if id.len() == COMMIT && is_hex(id) {
            error.hint(format!("to select a commit, use '-c {id}'"))
        } else if id.len() < 7 {
            error.hint(format!("BUILD_ID needs at least 7 digits; {list}"))
        } else {
            error.hint(list)
        }
    }

    /// Adds a hint that does not depend on the command.
    pub(super) fn general_hint(&self, error: CliError) -> CliError {
        if error.has_hint() {
            return error;
        }
        if error.kind == Kind::Library(ErrorKind::NotFound) {
            let cluster = self.client().base_url();
            return error.hint(match self.similar_algorithm() {
                Some(name) => format!("did you mean {name}?"),
                None => format!("check the name, and that {cluster} is the right cluster"),
            });
        }
        if error.kind == Kind::NoMatch {
            return error.hint(self.lists(CommandName::Builds));
        }
        add_connection_hint(error, &self.connection)
    }

    /// Returns the algorithm of the same owner whose name differs only in case. Ignores errors.
    fn similar_algorithm(&self) -> Option<String> {
        let listed = self
            .connection
            .silent
            .algorithms(self.algorithm.owner())
            .ok()?;
        let mut names = listed.iter().flatten().map(ToString::to_string);
        let name = self.algorithm.to_string();
        names.find(|other| *other != name && other.eq_ignore_ascii_case(&name))
    }
}

/// Adds a hint that does not depend on the algorithm.
pub(crate) fn add_connection_hint(error: CliError, connection: &Connection) -> CliError {
    match error.kind {
        Kind::Library(ErrorKind::Unauthorized) => {
            error.hint(format!("the key is from {}", connection.key_source))
        }
        Kind::Library(ErrorKind::Tls) => error.hint(match connection.ca_source {
            Some(source) => format!("the trusted CAs are from {source}"),
            None => "if the cluster uses a private CA, use --cacert FILE".to_owned(),
        }),
        _ => error,
    }
}
