//! What every command works with: the algorithm, the connection, and how to speak of them.

use algo_logs::{Algorithm, Build, Client, ErrorKind};

use crate::cli::CommandName::{self, Builds, Versions};
use crate::cli::{BuildFilter, Limit};
use crate::config::Connection;
use crate::error::CliError;
use crate::output::Reporter;

/// What every command works with.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) algorithm: Algorithm,
    pub(crate) connection: Connection,
    pub(crate) notes: Reporter,
    pub(crate) colours: bool,
}

impl Context {
    pub(crate) fn client(&self) -> &Client {
        &self.connection.client
    }

    pub(crate) fn word(&self, word: &str) -> String {
        self.connection.word(word)
    }

    /// Adds the next step, where nothing nearer to the failure has named one.
    pub(crate) fn explain(&self, failure: CliError) -> CliError {
        if !failure.is(ErrorKind::NotFound) {
            return self.connection.explain(failure);
        }
        let hint = match failure.code() {
            Some(1010) => self.lists(Builds),
            Some(1014) => self.lists(Versions),
            _ => format!(
                "see that the name is right, and that {} is its cluster",
                self.client().base_url()
            ),
        };
        failure.hint(hint)
    }

    /// The next step where one of a list was not found.
    pub(crate) fn lists(&self, list: CommandName) -> String {
        let word = list.word();
        format!("'algo-logs {word} {}' lists what there is", self.algorithm)
    }

    pub(crate) fn matching_builds(
        &self,
        filter: &BuildFilter,
        limit: Limit,
    ) -> Result<Vec<Build>, CliError> {
        let builds = self.client().builds(&self.algorithm);
        let fits = |build: &Build| matches(filter, build);
        first(
            builds.filter(|build| build.as_ref().map_or(true, fits)),
            limit,
        )
    }

    pub(crate) fn no_build(&self, filter: &BuildFilter) -> String {
        self.none("build", *filter != BuildFilter::default())
    }

    /// What is said of a list in which nothing is.
    pub(crate) fn none(&self, what: &str, filtered: bool) -> String {
        let which = if filtered { " fits" } else { "" };
        format!("no {what} of {}{which}", self.algorithm)
    }
}

/// As many items as are to be shown. The list is read no further than that.
pub(crate) fn first<T>(
    items: impl Iterator<Item = Result<T, algo_logs::Error>>,
    limit: Limit,
) -> Result<Vec<T>, CliError> {
    let most = match limit {
        Limit::Rows(rows) => rows,
        Limit::All => usize::MAX,
    };
    Ok(items.take(most).collect::<Result<_, _>>()?)
}

pub(crate) fn matches(filter: &BuildFilter, build: &Build) -> bool {
    let status = filter.status.as_ref();
    let status = status.is_none_or(|status| *status == build.status);
    let commit = build.commit_sha.to_ascii_lowercase();
    status
        && filter
            .commit
            .as_ref()
            .is_none_or(|digits| commit.starts_with(digits))
}
