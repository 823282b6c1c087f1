//! What every command works with.

use algo_logs::{Algorithm, Build, BuildStatus, Client, Error, ErrorKind, Logs, Pages};

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

    /// Prepares a word from the service for a message.
    pub(crate) fn word(&self, word: &str) -> String {
        self.connection.word(word)
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

    /// Returns the log of a build. If it is lost, returns the output of the build's version, which is the same text, and a
    /// note that says so.
    pub(crate) fn build_log(
        &self,
        algorithm: &Algorithm,
        build: &Build,
    ) -> Result<(Logs, Option<String>), Error> {
        match self.client().build_logs(algorithm, &build.build_id) {
            Ok(logs) => Ok((logs, None)),
            Err(error) if error.kind() == ErrorKind::NoLog => {
                let logs = self.version_output(algorithm, build)?.ok_or(error)?;
                let id = self.word(&build.build_id);
                let commit = self.word(&build.commit_sha);
                let note = format!(
                    "build {id} of {algorithm}: its log is lost; this is the output of version {commit}"
                );
                Ok((logs, Some(note)))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the output of the version that a build made, if the service still has it.
    fn version_output(&self, algorithm: &Algorithm, build: &Build) -> Result<Option<Logs>, Error> {
        let (client, commit) = (self.client(), &build.commit_sha);
        // A failed build has no version.
        if build.status == BuildStatus::Failed {
            return Ok(None);
        }
        let is_absent = |error: &Error| {
            let kind = error.kind();
            // A commit from the service may not be usable.
            kind == ErrorKind::NotFound
                || kind == ErrorKind::NoLog
                || kind == ErrorKind::InvalidInput
        };
        // Several builds can share a commit, and only one of them made the version.
        let logs = client.version(algorithm, commit).and_then(|version| {
            let made_by_build =
                version.build_id() == Some(&build.build_id) && version.git_hash() == Some(commit);
            made_by_build
                .then(|| client.version_logs(algorithm, commit))
                .transpose()
        });
        match logs {
            Err(error) if is_absent(&error) => Ok(None),
            logs => logs,
        }
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
