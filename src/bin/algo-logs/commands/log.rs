//! `log`: selects a log and writes it.

use std::ops::ControlFlow;
use std::sync::Once;
use std::time::Duration;

use algo_logs::{Build, BuildStatus, Error, ErrorKind, Logs, Version, Wait};

use super::context::Context;
use super::transfer::{replacement_note, transfer};
use crate::cli::{BuildFilter, Escapes, LogArgs, LogSource, VersionSpec};
use crate::error::CliError;
use crate::output::sanitize::Mode;
use crate::output::{Output, OutputOptions, format};

/// A log that is about to be written.
struct SelectedLog {
    logs: Logs,
    /// What `--exit-status` makes of the build.
    result: Result<(), CliError>,
}

impl Context {
    pub(crate) fn log(&self, args: &LogArgs) -> Result<(), CliError> {
        // A file that cannot be written is an error before anything is fetched.
        let output = Output::open(
            args.output.as_deref(),
            self.output_options(args),
            &self.reporter,
        )?;
        let selected = match &args.source {
            LogSource::Newest(filter) => {
                let build = self.newest_build(filter, args.wait)?;
                self.log_of(&build.build_id, Some(&build))?
            }
            LogSource::Build(id) => {
                let build = match (args.wait, args.exit_status) {
                    (Some(timeout), _) => Some(self.wait_for_build(id, timeout)?),
                    (None, true) => Some(self.client().build(&self.algorithm, id)?),
                    (None, false) => None,
                };
                self.log_of(id, build.as_ref())?
            }
            LogSource::Version(version) => self.log_of_version(version, args.exit_status)?,
        };
        self.write(selected.logs, output, args)?;
        match args.exit_status {
            true => selected.result,
            false => Ok(()),
        }
    }

    /// Returns the newest build that passes the filter. With a timeout, waits until there is one and it has finished.
    fn newest_build(
        &self,
        filter: &BuildFilter,
        timeout: Option<Duration>,
    ) -> Result<Build, CliError> {
        let no_match = || CliError::no_match(self.no_build(filter));
        let Some(timeout) = timeout else {
            let build = self.builds(filter).newest(|_| true)?;
            let build = build.ok_or_else(no_match)?;
            self.name_build(&build);
            return Ok(build);
        };
        // The build is named as soon as it is known, and not again once it has finished.
        let named = Once::new();
        let wait = self.wait(timeout, |build| named.call_once(|| self.name_build(build)));
        let matches = |build: &Build| filter.matches(build);
        let found = self
            .client()
            .wait_for_newest_build(&self.algorithm, matches, &wait)?;
        drop(wait);
        let build = found.ok_or_else(no_match)?;
        named.call_once(|| self.name_build(&build));
        Ok(build)
    }

    fn wait_for_build(&self, id: &str, timeout: Duration) -> Result<Build, Error> {
        let wait = self.wait(timeout, |_| {});
        self.client().wait_for_build(&self.algorithm, id, &wait)
    }

    /// Returns a wait that shows its progress, and calls `found` for a build that has not finished yet.
    fn wait<'a>(
        &'a self,
        timeout: Duration,
        found: impl Fn(&Build) + Send + Sync + 'a,
    ) -> Wait<'a> {
        let progress = self.reporter.progress();
        Wait::default().timeout(timeout).on_poll(move |poll| {
            if let Ok(Some(build)) = poll.build {
                found(build);
            }
            progress.show(|| {
                let state = match poll.build {
                    Ok(Some(build)) => format!("the build is {}", build.status),
                    Ok(None) => "no such build yet".to_owned(),
                    Err(error) => error.to_string(),
                };
                let waited = format::duration(poll.waited);
                format!("{}, waited {waited}", self.word(&state))
            });
            ControlFlow::Continue(())
        })
    }

    /// Returns the log of a build. `build` is the build as far as it is known.
    fn log_of(&self, id: &str, build: Option<&Build>) -> Result<SelectedLog, CliError> {
        let logs = match self.client().build_logs(&self.algorithm, id) {
            Ok(logs) => logs,
            // An id from the service is not the user's mistake.
            Err(error) if build.is_some() && error.kind() == ErrorKind::InvalidInput => {
                return Err(CliError::invalid_response(error.to_string()));
            }
            Err(error) => return Err(error.into()),
        };
        let result = match build {
            Some(build) if !build.status.is_finished() => {
                // The build has finished in the meantime, or it would have no log.
                self.result_of(&self.client().build(&self.algorithm, id)?)
            }
            Some(build) => self.result_of(build),
            None => Ok(()),
        };
        Ok(SelectedLog { logs, result })
    }

    /// Returns what `--exit-status` makes of a build: every end but a success is a failure.
    fn result_of(&self, build: &Build) -> Result<(), CliError> {
        match build.status {
            BuildStatus::Succeeded | BuildStatus::InProgress => Ok(()),
            _ => Err(CliError::build_failed(format!(
                "build {} of {}: {}",
                self.word(&build.build_id),
                self.algorithm,
                self.word(build.status.as_str())
            ))),
        }
    }

    fn log_of_version(
        &self,
        version: &VersionSpec,
        exit_status: bool,
    ) -> Result<SelectedLog, CliError> {
        const FULL_HASH: usize = 40;
        let found = match version {
            VersionSpec::Hash(hash) if hash.len() == FULL_HASH && !exit_status => None,
            VersionSpec::Hash(hash) if hash.len() == FULL_HASH => {
                Some(self.client().version(&self.algorithm, hash)?)
            }
            VersionSpec::Hash(text) | VersionSpec::Semantic(text) => {
                Some(self.client().find_version(&self.algorithm, text)?)
            }
        };
        let hash = match (version, &found) {
            (VersionSpec::Hash(hash), _) if hash.len() == FULL_HASH => hash.clone(),
            (_, found) => {
                let hash = found.as_ref().and_then(Version::git_hash);
                hash.unwrap_or_default().to_owned()
            }
        };
        let logs = self.client().version_logs(&self.algorithm, &hash)?;
        let number = found.as_ref().and_then(Version::semantic_version);
        let number = number.map_or(String::new(), |number| format!("{}, ", self.word(number)));
        self.reporter.say(&format!("version {number}commit {hash}"));
        let result = match &found {
            Some(found) => match found.build() {
                Some(build) => self.result_of(&build),
                None if found.compilation_successful() == Some(false) => {
                    let message = format!("version {hash} of {}: not compiled", self.algorithm);
                    Err(CliError::build_failed(message))
                }
                None => Ok(()),
            },
            None => Ok(()),
        };
        Ok(SelectedLog { logs, result })
    }

    /// Names the build whose log follows.
    fn name_build(&self, build: &Build) {
        self.reporter.say(&format!(
            "build {} ({}, commit {}, started {})",
            self.word(&build.build_id),
            self.word(build.status.as_str()),
            self.word(&build.commit_sha),
            self.word(&build.started_at)
        ));
    }

    fn write(&self, mut logs: Logs, output: Output, args: &LogArgs) -> Result<(), CliError> {
        // A log that goes to the terminal is its own progress.
        let reporter = self.reporter.quiet(args.output.is_none());
        let progress = reporter.progress();
        transfer(&mut logs, output, |logs| {
            progress.show(|| describe_progress(logs, progress.elapsed()));
        })?;
        drop(progress);
        if logs.delivered() == 0 {
            self.reporter.say("the log is empty");
        }
        if let Some(note) = replacement_note(&logs) {
            self.reporter.say(&note);
        }
        Ok(())
    }

    fn output_options(&self, args: &LogArgs) -> OutputOptions {
        let (on_terminal, elsewhere) = match args.escapes {
            Escapes::Raw => (None, None),
            Escapes::Plain => (Some(Mode::NoColours), Some(Mode::Strip)),
            Escapes::Auto if self.color.is_enabled(true) => (Some(Mode::Colours), None),
            Escapes::Auto => (Some(Mode::NoColours), None),
        };
        OutputOptions {
            on_terminal,
            elsewhere,
            tail: args.tail,
        }
    }
}

/// Formats how much of a log has been written, how fast, and which share of it.
fn describe_progress(logs: &Logs, elapsed: Duration) -> String {
    let delivered = logs.delivered();
    let rate = delivered as f64 / elapsed.as_secs_f64().max(0.001);
    let (size, rate) = (format::bytes(delivered), format::bytes(rate as u64));
    match logs.content_length() {
        Some(length) if length > 0 => {
            let share = logs.bytes_received() * 100 / length;
            format!("{size}, {rate}/s, {share} %")
        }
        _ => format!("{size}, {rate}/s"),
    }
}
