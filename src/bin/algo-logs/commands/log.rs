//! `log`: selects a log and writes it.

use std::ops::ControlFlow;
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use algo_logs::{Build, BuildStatus, ErrorKind, Logs, Version, Wait};

use super::context::Context;
use super::transfer::{replacement_note, transfer};
use crate::cli::{BuildFilter, CommandName, Escapes, LogArgs, LogSource, VersionSpec};
use crate::error::CliError;
use crate::output::sanitize::Mode;
use crate::output::{Output, OutputOptions, format};

/// A log that is about to be written.
struct SelectedLog {
    logs: Logs,
    /// The result for `--exit-status`.
    result: Result<(), CliError>,
}

impl Context {
    pub(crate) fn log(&self, args: &LogArgs) -> Result<(), CliError> {
        let list = match args.source {
            LogSource::Newest(_) => None,
            LogSource::Build(_) => Some(CommandName::Builds),
            LogSource::Version(_) => Some(CommandName::Versions),
        };
        self.write_log(args)
            .map_err(|error| self.with_hint(error, list, args.wait))
    }

    fn write_log(&self, args: &LogArgs) -> Result<(), CliError> {
        // The file is opened first, so that nothing is fetched if it cannot be written.
        let options = self.output_options(args);
        let output = Output::open(args.output.as_deref(), options, &self.reporter)?;
        let selected = match &args.source {
            LogSource::Newest(filter) => {
                let build = self.newest_build(filter, args.wait)?;
                self.log_of(&build.build_id, Some(&build))?
            }
            LogSource::Build(id) => self.log_of_id(id, args)?,
            LogSource::Version(version) => self.log_of_version(version, args.exit_status)?,
        };
        self.write(selected.logs, output)?;
        match args.exit_status {
            true => selected.result,
            false => Ok(()),
        }
    }

    /// Returns the newest build that passes the filter. With a timeout, waits until it exists and has finished.
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
        // The build is named as soon as it is known, and only once.
        let named = Once::new();
        let name = |build: &Build| named.call_once(|| self.name_build(build));
        let mut what = format!("the newest build of {}", self.algorithm);
        if let Some(commit) = &filter.commit {
            what += &format!(", commit {commit}");
        }
        let wait = self.wait(timeout, &what, name);
        let matches = |build: &Build| filter.matches(build);
        let found = self
            .client()
            .wait_for_newest_build(&self.algorithm, matches, &wait)?;
        drop(wait);
        let build = found.ok_or_else(no_match)?;
        named.call_once(|| self.name_build(&build));
        Ok(build)
    }

    /// Returns the log of the build whose ID is `id`, or begins with it.
    fn log_of_id(&self, id: &str, args: &LogArgs) -> Result<SelectedLog, CliError> {
        if let Some(timeout) = args.wait {
            let build = self.wait_for_build(id, timeout)?;
            return self.log_of(&build.build_id, Some(&build));
        }
        self.with_full_id(id, |id| {
            let build = match args.exit_status {
                true => Some(self.client().build(&self.algorithm, id)?),
                false => None,
            };
            self.log_of(id, build.as_ref())
        })
    }

    /// Waits until the build whose ID is `id`, or begins with it, has finished.
    fn wait_for_build(&self, id: &str, timeout: Duration) -> Result<Build, CliError> {
        let what = format!("build {id} of {}", self.algorithm);
        let named = Once::new();
        let name = |build: &Build| {
            if build.build_id != id {
                named.call_once(|| self.name_build(build));
            }
        };
        let wait = self.wait(timeout, &what, name).until_listed(true);
        let build = self.client().wait_for_build(&self.algorithm, id, &wait)?;
        drop(wait);
        name(&build);
        Ok(build)
    }

    /// Requests what belongs to the build whose ID is `id`, or begins with it.
    pub(super) fn with_full_id<T>(
        &self,
        id: &str,
        request: impl Fn(&str) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        match request(id) {
            Err(error) if error.is_missing_build() => match self.complete_id(id)? {
                Some(id) => request(&id),
                None => Err(error),
            },
            result => result,
        }
    }

    /// Completes the first digits of an ID. Returns `None` if no ID begins with them, or if the ID is complete.
    fn complete_id(&self, id: &str) -> Result<Option<String>, CliError> {
        const UUID_LENGTH: usize = 36;
        if !(7..UUID_LENGTH).contains(&id.len()) {
            return Ok(None);
        }
        match self.client().find_build(&self.algorithm, id) {
            Ok(build) if build.build_id == id => Ok(None),
            Ok(build) => {
                self.name_build(&build);
                Ok(Some(build.build_id))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns a wait that shows its progress, and calls `found` for a build that has not finished yet.
    ///
    /// Build servers stop a job that prints nothing for a while. So without a progress line, the wait prints a note at
    /// the start and one every minute.
    fn wait<'a>(
        &'a self,
        timeout: Duration,
        what: &str,
        found: impl Fn(&Build) + Send + Sync + 'a,
    ) -> Wait<'a> {
        const NOTE_INTERVAL: Duration = Duration::from_secs(60);
        let progress = self.reporter.progress();
        if !progress.is_shown() {
            let timeout = format::duration(timeout);
            self.reporter
                .note(&format!("waiting up to {timeout} for {what}"));
        }
        let next_note = Mutex::new(NOTE_INTERVAL);
        Wait::default().timeout(timeout).on_poll(move |poll| {
            if let Ok(Some(build)) = poll.build {
                found(build);
            }
            let state = || {
                let state = match poll.build {
                    Ok(Some(build)) => format!("the build is {}", build.status),
                    Ok(None) => "there is no such build yet".to_owned(),
                    Err(error) => error.to_string(),
                };
                format!(
                    "waited {}: {}",
                    format::duration(poll.waited),
                    self.word(&state)
                )
            };
            progress.show(state);
            let mut next_note = next_note.lock().unwrap_or_else(PoisonError::into_inner);
            if !progress.is_shown() && poll.waited >= *next_note {
                *next_note = poll.waited + NOTE_INTERVAL;
                self.reporter.note(&state());
            }
            ControlFlow::Continue(())
        })
    }

    /// Returns the log of a build. `build` is `None` if it has not been requested yet.
    fn log_of(&self, id: &str, build: Option<&Build>) -> Result<SelectedLog, CliError> {
        let (logs, note) = match self.build_log(id, build) {
            Ok(found) => found,
            Err(error) if build.is_some() => return Err(CliError::from_service(error)),
            Err(error) => return Err(error.into()),
        };
        if let Some(note) = note {
            self.reporter.note(&note);
        }
        let result = match build {
            // There is a log, so the build may have finished in the meantime.
            Some(build) if !build.status.is_finished() => {
                self.result_of(id, &self.client().build(&self.algorithm, id)?.status)
            }
            Some(build) => self.result_of(id, &build.status),
            None => Ok(()),
        };
        Ok(SelectedLog { logs, result })
    }

    /// Returns the result for `--exit-status`. Every final status except success is a failure.
    fn result_of(&self, id: &str, status: &BuildStatus) -> Result<(), CliError> {
        let what = format!("build {} of {}", self.word(id), self.algorithm);
        match status {
            BuildStatus::Succeeded => Ok(()),
            BuildStatus::InProgress => Err(CliError::not_finished(format!(
                "{what}: the service still reports it as in progress"
            ))),
            status => {
                let status = self.word(status.as_str());
                Err(CliError::build_failed(format!("{what}: {status}")))
            }
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
                match self.client().version(&self.algorithm, hash) {
                    // Some versions can only be found in the list.
                    Err(error) if error.kind() == ErrorKind::NotFound => {
                        let listed = self.client().find_version(&self.algorithm, hash);
                        Some(listed.map_err(|_| error)?)
                    }
                    version => Some(version?),
                }
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
        let logs = self
            .client()
            .version_logs(&self.algorithm, &hash)
            .map_err(CliError::from_service)?;
        let number = found.as_ref().and_then(Version::semantic_version);
        let number = number.map_or(String::new(), |number| format!("{}, ", self.word(number)));
        self.reporter
            .note(&format!("version {number}commit {hash}"));
        let result = match &found {
            Some(found) => match (found.build_id(), found.build_status()) {
                (Some(id), Some(status)) => self.result_of(id, &status),
                _ if found.compilation_successful() == Some(false) => {
                    let message = format!("version {hash} of {}: not compiled", self.algorithm);
                    Err(CliError::build_failed(message))
                }
                _ => Ok(()),
            },
            None => Ok(()),
        };
        Ok(SelectedLog { logs, result })
    }

    /// Writes a note that names the build whose log follows.
    fn name_build(&self, build: &Build) {
        self.reporter.note(&format!(
            "build {} ({}, commit {}, started {})",
            self.reporter.id(&build.build_id),
            self.word(build.status.as_str()),
            self.reporter.commit(&build.commit_sha),
            self.word(&build.started_at)
        ));
    }

    fn write(&self, mut logs: Logs, output: Output) -> Result<(), CliError> {
        // A log on the terminal needs no progress line, which would erase the end of the log.
        let reporter = self.reporter.quiet(!output.is_file());
        let progress = reporter.progress();
        transfer(&mut logs, output, |logs| {
            progress.show(|| describe_progress(logs, progress.elapsed()));
        })?;
        drop(progress);
        if logs.delivered() == 0 {
            self.reporter.note("the log is empty");
        }
        if let Some(note) = replacement_note(&logs) {
            self.reporter.note(&note);
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

/// Formats the progress of a log: the bytes written, the rate, and the percentage if the length is known.
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
