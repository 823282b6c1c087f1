//! What every command works with.

use algo_logs::{Algorithm, Build, Client, Error, Pages};

use crate::cli::{BuildFilter, Limit};
use crate::config::Connection;
use crate::output::Reporter;

/// What every command works with.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) algorithm: Algorithm,
    pub(crate) connection: Connection,
    pub(crate) reporter: Reporter,
    pub(crate) colour: bool,
}

impl Context {
    pub(crate) fn client(&self) -> &Client {
        &self.connection.client
    }

    /// Shortens a word from the service for a message.
    pub(crate) fn word(&self, word: &str) -> String {
        self.reporter.word(word)
    }

    /// Lists the builds that pass the filter.
    pub(crate) fn builds(&self, filter: &BuildFilter) -> Pages<Build> {
        let mut builds = self.client().builds(&self.algorithm);
        if let Some(status) = &filter.status {
            builds = builds.status(status.clone());
        }
        if let Some(commit) = &filter.commit {
            builds = builds.commit(commit);
        }
        builds
    }

    /// Returns the message for a list without builds.
    pub(crate) fn no_build(&self, filter: &BuildFilter) -> String {
        self.nothing("build", *filter != BuildFilter::default())
    }

    /// Returns the message for an empty list.
    pub(crate) fn nothing(&self, item: &str, filtered: bool) -> String {
        let matching = if filtered { "matching " } else { "" };
        format!("no {matching}{item} of {}", self.algorithm)
    }
}

/// Reads a list up to the limit, and no further.
pub(crate) fn take<T>(
    items: impl Iterator<Item = Result<T, Error>>,
    limit: Limit,
) -> impl Iterator<Item = Result<T, Error>> {
    items.take(match limit {
        Limit::Rows(rows) => rows,
        Limit::All => usize::MAX,
    })
}
