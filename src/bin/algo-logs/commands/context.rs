//! What every command works with.

use algo_logs::{Algorithm, Build, Client, Error, ErrorKind, Logs, Pages, Version};

use crate::cli::{BuildFilter, ColorChoice, Limit};
use crate::config::Connection;
use crate::output::Reporter;

/// What every command works with.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) algorithm: Algorithm,
    pub(crate) connection: Connection,
    pub(crate) reporter: Reporter,
    /// With the environment taken into account.
    pub(crate) color: ColorChoice,
}

impl Context {
    pub(crate) fn client(&self) -> &Client {
        &self.connection.client
    }

    /// Shortens a word from the service for a message.
    pub(crate) fn word(&self, word: &str) -> String {
        self.reporter.word(word)
    }

    /// Returns the log of a build. If the log is lost, returns the output of the build's version, and a note that says
    /// so.
    pub(crate) fn build_log(
        &self,
        algorithm: &Algorithm,
        build_id: &str,
    ) -> Result<(Logs, Option<String>), Error> {
        let error = match self.client().build_logs(algorithm, build_id) {
            Ok(logs) => return Ok((logs, None)),
            Err(error) => error,
        };
        let lost = error.kind() == ErrorKind::NoLog;
        match lost
            .then(|| self.version_output(algorithm, build_id))
            .flatten()
        {
            None => Err(error),
            Some((logs, hash)) => {
                let id = self.word(build_id);
                let note =
                    format!("the log of build {id} is lost: this is the output of version {hash}");
                Ok((logs, Some(note)))
            }
        }
    }

    /// Returns the output of the version that a build made, and the version's hash.
    fn version_output(&self, algorithm: &Algorithm, build_id: &str) -> Option<(Logs, String)> {
        let build = self.client().build(algorithm, build_id).ok()?;
        let is_of_build = |version: &Version| {
            version.build_id() == Some(build_id) && version.git_hash() == Some(&build.commit_sha)
        };
        // An error here does not replace the one that led here.
        let mut versions = self.client().versions(algorithm).map_while(Result::ok);
        let hash = versions.find(is_of_build)?.git_hash()?.to_owned();
        let logs = self.client().version_logs(algorithm, &hash).ok()?;
        Some((logs, hash))
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
