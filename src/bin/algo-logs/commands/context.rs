//! The context of every command.

use std::time::SystemTime;

use algo_logs::{Algorithm, Build, Client, Error, ErrorKind, Logs, Pages, Version};

use super::item::Item;
use crate::cli::BuildFilter;
use crate::config::{ColorChoice, Connection};
use crate::error::CliError;
use crate::output::sanitize::truncate;
use crate::output::{Reporter, format};

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

    /// Shortens text from the service for a message.
    pub(crate) fn shorten(&self, text: &str) -> String {
        self.reporter.shorten(text)
    }

    /// Returns a build for a note: short on a terminal, in full elsewhere.
    pub(crate) fn describe_build(&self, build: &Build) -> String {
        let id = self.reporter.id(&build.build_id);
        let commit = self.reporter.commit(&build.commit_sha);
        let status = self.shorten(build.status.as_str());
        if !self.reporter.is_terminal() {
            let started = self.shorten(&build.started_at);
            return format!("build {id} ({status}, commit {commit}, started {started})");
        }
        let age = |time: Option<SystemTime>| match time {
            Some(time) => format!(" {} ago", format::age_of(time)),
            None => String::new(),
        };
        if build.status.is_finished() {
            let age = age(build.finished_time().or(build.started_time()));
            let status = truncate(&status, 20);
            format!("build {id} {status}{age} (commit {commit})")
        } else {
            let age = age(build.started_time());
            format!("build {id} in progress, started{age} (commit {commit})")
        }
    }

    pub(crate) fn name_build(&self, build: &Build) {
        self.reporter.note(&self.describe_build(build));
    }

    /// Returns the log of a build. If the log is lost, returns the output of the version that the build made, and the
    /// commit of that version. `build` is `None` if it has not been requested yet.
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
        let build = match build {
            Some(build) => Ok(build.clone()),
            None => self.client().build(algorithm, build_id),
        };
        match build.and_then(|build| self.version_output(&build)) {
            Ok(Some((logs, commit))) => Ok((logs, Some(commit))),
            // The service has no such version, or the hash that it reported is invalid.
            Err(error)
                if !matches!(
                    error.kind(),
                    ErrorKind::NotFound | ErrorKind::NoLog | ErrorKind::InvalidInput
                ) =>
            {
                Err(error)
            }
            _ => Err(lost),
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
        let filter = filter.clone();
        self.client()
            .builds(&self.algorithm)
            .matching(move |build| filter.matches(build))
    }

    /// Lists the builds that pass the filter, with all of their members. The caller needs no more than `limit`.
    pub(crate) fn build_items(&self, filter: &BuildFilter, limit: usize) -> Pages<Item<Build>> {
        let filter = filter.clone();
        let builds = self.client().builds(&self.algorithm).of::<Item<Build>>();
        if filter == BuildFilter::default() {
            return no_more_than(builds, limit);
        }
        builds.matching(move |build| filter.matches(&build.typed))
    }

    /// Lists the versions, with all of their members.
    pub(crate) fn version_items(&self) -> Pages<Item<Version>> {
        self.client().versions(&self.algorithm).of()
    }

    /// Returns the error if no build passes the filter.
    pub(crate) fn no_match(&self, filter: &BuildFilter) -> CliError {
        CliError::no_match(self.nothing("build", *filter != BuildFilter::default()))
    }

    /// Returns the message for an empty list.
    pub(crate) fn nothing(&self, item: &str, is_filtered: bool) -> String {
        let matching = if is_filtered { "matching " } else { "" };
        format!("{} has no {matching}{item}s", self.algorithm)
    }
}

/// Requests no more rows than will be shown, because a version can be large, and never more than the service's default,
/// because a cluster can have a maximum.
pub(crate) fn no_more_than<T>(pages: Pages<T>, limit: usize) -> Pages<T> {
    match limit {
        ..50 => pages.page_size(limit as u32),
        _ => pages,
    }
}
