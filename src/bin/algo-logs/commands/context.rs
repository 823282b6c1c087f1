//! The context of every command.

use algo_logs::{Algorithm, Build, Client, Error, ErrorKind, Logs, Pages};

use crate::cli::{BuildFilter, Limit};
use crate::config::{ColorChoice, Connection};
use crate::output::Reporter;

/// An algorithm, and the connection and output that a command uses for it.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) algorithm: Algorithm,
    pub(crate) connection: Connection,
    pub(crate) reporter: Reporter,
    /// After the environment has been taken into account.
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
    /// so. `build` is `None` if it has not been requested yet.
    pub(crate) fn build_log(
        &self,
        build_id: &str,
        build: Option<&Build>,
    ) -> Result<(Logs, Option<String>), Error> {
        let algorithm = &self.algorithm;
        let lost = match self.client().build_logs(algorithm, build_id) {
            Err(error) if error.kind() == ErrorKind::NoLog => error,
            logs => return Ok((logs?, None)),
        };
        let output = match build {
            Some(build) => self.version_output(build),
            None => self
                .client()
                .build(algorithm, build_id)
                .and_then(|build| self.version_output(&build)),
        };
        match output {
            Ok(Some((logs, commit))) => {
                let (id, commit) = (self.word(build_id), self.word(&commit));
                let note = format!(
                    "the log of build {id} of {algorithm} is lost: this is the output of version {commit}"
                );
                Ok((logs, Some(note)))
            }
            Ok(None) => Err(lost),
            // The service has no such version, or the hash that it reported is invalid.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::NotFound | ErrorKind::NoLog | ErrorKind::InvalidInput
                ) =>
            {
                Err(lost)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the output and the commit of the version that a build made, unless another build made that version.
    fn version_output(&self, build: &Build) -> Result<Option<(Logs, String)>, Error> {
        let (algorithm, commit) = (&self.algorithm, &build.commit_sha);
        let version = self.client().version(algorithm, commit)?;
        if version.build_id() != Some(&build.build_id) || version.git_hash() != Some(commit) {
            return Ok(None);
        }
        let logs = self.client().version_logs(algorithm, commit)?;
        Ok(Some((logs, commit.clone())))
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

/// Reads a list no further than the limit.
pub(crate) fn take<T>(
    items: impl Iterator<Item = Result<T, Error>>,
    limit: Limit,
) -> impl Iterator<Item = Result<T, Error>> {
    items.take(match limit {
        Limit::Rows(rows) => rows,
        Limit::All => usize::MAX,
    })
}
