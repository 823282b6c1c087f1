//! `log`: selects a log and writes it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use algo_logs::{Build, BuildStatus, ErrorKind, Logs, Version, Wait};

use super::context::Context;
use super::transfer::{replacement_note, transfer};
use crate::cli::{BuildFilter, CommandName, Escapes, LogArgs, LogSource};
use crate::error::{CliError, Kind};
use crate::output::sanitize::Mode;
use crate::output::{Output, format};

/// What a log belongs to. `--exit-status` requests what is not known yet, but only after the log has been written.
enum Subject {
    Build(String, Option<BuildStatus>),
    Version(String),
}

impl Context {
    pub(crate) fn log(&self, args: &LogArgs) -> Result<(), CliError> {
        self.select_and_write(args)
            .map_err(|error| self.general_hint(self.log_hint(error, args)))
    }

    fn select_and_write(&self, args: &LogArgs) -> Result<(), CliError> {
        // The file is opened first, so that nothing is fetched if it cannot be written.
        let mode = |is_terminal| match (args.escapes, is_terminal) {
            (Escapes::Raw, _) | (Escapes::Auto, false) => None,
            (Escapes::Plain, false) => Some(Mode::Strip),
            (Escapes::Auto, true) if self.color.is_enabled(true) => Some(Mode::Colors),
            (_, true) => Some(Mode::NoColors),
        };
        let output = Output::open(args.output.as_deref(), args.tail, mode, &self.reporter)?;
        let (logs, subject) = match (&args.source, args.wait) {
            (LogSource::Newest(filter), None) => {
                let build = self.builds(filter).newest()?;
                self.log_of(build.ok_or_else(|| self.no_match(filter))?, false)?
            }
            (LogSource::Newest(filter), Some(timeout)) => {
                self.log_of(self.wait_for_newest_build(filter, timeout)?, true)?
            }
            (LogSource::Build(id), None) => self.log_of_id(id)?,
            (LogSource::Build(id), Some(timeout)) => {
                self.log_of(self.wait_for_build(id, timeout)?, true)?
            }
            (LogSource::Version(version), _) => self.log_of_version(version)?,
        };
        self.write(logs, output)?;
        if args.exit_status {
            return self.check_status(subject);
        }
        Ok(())
    }

    /// Waits until the newest build that passes the filter exists and has finished.
    fn wait_for_newest_build(
        &self,
        filter: &BuildFilter,
        timeout: Duration,
    ) -> Result<Build, CliError> {
        let of_commit = match &filter.commit {
            Some(commit) => format!(" of commit {}", self.reporter.commit(commit)),
            None => String::new(),
        };
        let named = Cell::new(false);
        let wait = self.wait(timeout, format!("the newest build{of_commit}"), &named);
        let matches = |build: &Build| filter.matches(build);
        let found = self
            .client()
            .wait_for_newest_build(&self.algorithm, matches, wait)?;
        let build = found.ok_or_else(|| self.no_match(filter))?;
        self.note_result(&build, &named);
        Ok(build)
    }

    /// Waits until the build whose ID is `id`, or begins with it, has finished.
    fn wait_for_build(&self, id: &str, timeout: Duration) -> Result<Build, CliError> {
        let started = Instant::now();
        let id = self.complete_within(id, timeout)?;
        let timeout = timeout.saturating_sub(started.elapsed());
        let named = Cell::new(false);
        let wait = self.wait(timeout, "the build".to_owned(), &named);
        let wait = wait.until_listed(true);
        let build = self.client().wait_for_build(&self.algorithm, &id, wait);
        let build = build.map_err(CliError::from_service)?;
        self.note_result(&build, &named);
        Ok(build)
    }

    /// Completes an abbreviated ID from the list, within the time of a wait. If no listed ID begins with it, it may be
    /// the complete ID of a build that is not listed yet.
    fn complete_within(&self, id: &str, timeout: Duration) -> Result<String, CliError> {
        if !is_abbreviation(id) {
            return Ok(id.to_owned());
        }
        let found = RefCell::new(BTreeSet::new());
        // No build matches, so the whole list is read.
        let collect = |build: &Build| {
            if build.build_id.starts_with(id) {
                found.borrow_mut().insert(build.build_id.clone());
            }
            false
        };
        // The list is read again only after a transient error.
        let wait = Wait::default().timeout(timeout);
        let wait = wait.on_poll(|poll| match poll.build {
            Ok(_) => ControlFlow::Break(()),
            Err(_) => ControlFlow::Continue(()),
        });
        let client = self.client();
        match client.wait_for_newest_build(&self.algorithm, collect, wait) {
            Err(error) if error.kind() != ErrorKind::Cancelled => return Err(error.into()),
            _ => {}
        }
        let mut found = found.into_inner().into_iter();
        let one = found.next().unwrap_or_else(|| id.to_owned());
        match found.next() {
            // A complete ID comes before those that begin with it.
            Some(other) if one != id => {
                let (one, other) = (self.shorten(&one), self.shorten(&other));
                let algorithm = &self.algorithm;
                let message =
                    format!("build {id} of {algorithm}: ambiguous: matches {one} and {other}");
                Err(CliError::new(Kind::Library(ErrorKind::Ambiguous), message))
            }
            _ => Ok(one),
        }
    }

    /// Returns a wait that shows its progress, and names the build as soon as it is listed.
    ///
    /// Build servers stop a job that prints nothing for a while. So without a progress line, the wait prints a note at
    /// the start and one every minute.
    fn wait<'a>(&'a self, timeout: Duration, awaited: String, named: &'a Cell<bool>) -> Wait<'a> {
        const NOTE_INTERVAL: Duration = Duration::from_secs(60);
        let progress = self.reporter.progress();
        let mut next_note = Duration::ZERO;
        Wait::default().timeout(timeout).on_poll(move |poll| {
            let state = match poll.build {
                Ok(Some(build)) => {
                    if !named.replace(true) {
                        self.name_build(build);
                    }
                    "the build is in progress".to_owned()
                }
                Ok(None) => "there is no such build yet".to_owned(),
                Err(error) => self.reporter.fit(&error.to_string(), 16),
            };
            let state = format!("waited {}: {state}", format::duration(poll.waited));
            if !progress.is_shown() && poll.waited >= next_note {
                self.reporter.note(&match next_note {
                    Duration::ZERO => {
                        format!("waiting up to {} for {awaited}", format::duration(timeout))
                    }
                    _ => state.clone(),
                });
                next_note = poll.waited + NOTE_INTERVAL;
            }
            progress.show(|| state);
            ControlFlow::Continue(())
        })
    }

    /// Writes a note with the result of a wait.
    fn note_result(&self, build: &Build, named: &Cell<bool>) {
        if !named.get() {
            self.name_build(build);
        }
        let mut result = match &build.status {
            status @ (BuildStatus::Succeeded | BuildStatus::Failed) => {
                format!("the build {status}")
            }
            other => {
                let other = self.reporter.fit(&self.shorten(other.as_str()), 40);
                format!("the build ended as '{other}'")
            }
        };
        if let Some(time) = build.duration() {
            result += &format!(" after {}", format::duration(time));
        }
        if build.status == BuildStatus::Failed {
            let id = self.shorten(&build.build_id);
            result += &format!("; 'algo-logs why {} {id}' shows why", self.algorithm);
        }
        self.reporter.note(&result);
    }

    /// Returns the log of a build that the service reported, and names the build unless `is_named`.
    fn log_of(&self, build: Build, is_named: bool) -> Result<(Logs, Subject), CliError> {
        let logs = self.build_log(&build.build_id, Some(&build));
        let (logs, version) = logs.map_err(CliError::from_service)?;
        // Without a log, the error names the build.
        if !is_named {
            self.name_build(&build);
        }
        self.note_gone(version);
        Ok((logs, Subject::Build(build.build_id, Some(build.status))))
    }

    /// Returns the log of the build whose ID is `id`, or begins with it.
    fn log_of_id(&self, id: &str) -> Result<(Logs, Subject), CliError> {
        match self.build_log(id, None) {
            Ok((logs, version)) => {
                self.note_gone(version);
                Ok((logs, Subject::Build(id.to_owned(), None)))
            }
            Err(error) => self.log_of(self.completed(id, error.into())?, false),
        }
    }

    fn log_of_version(&self, version: &str) -> Result<(Logs, Subject), CliError> {
        let is_full_hash = version.len() == 40 && !version.contains('.');
        let (hash, found) = if is_full_hash {
            (version.to_owned(), None)
        } else {
            let found = self.client().find_version(&self.algorithm, version)?;
            (found.git_hash().unwrap_or_default().to_owned(), Some(found))
        };
        let logs = self.client().version_logs(&self.algorithm, &hash);
        let logs = logs.map_err(CliError::from_service)?;
        let number = found.as_ref().and_then(Version::semantic_version);
        let number = number.map_or(String::new(), |number| {
            self.reporter.fit(&self.shorten(number), 24) + ", "
        });
        let commit = self.reporter.commit(&hash);
        self.reporter
            .note(&format!("version {number}commit {commit}"));
        Ok((logs, Subject::Version(hash)))
    }

    /// Returns the only build whose ID begins with `id`, if that may be why the service rejected `id`.
    pub(super) fn completed(&self, id: &str, rejected: CliError) -> Result<Build, CliError> {
        if !is_abbreviation(id) || !rejected.rejects_build_id(id) {
            return Err(rejected);
        }
        match self.client().find_build(&self.algorithm, id) {
            Ok(build) if build.build_id != id => Ok(build),
            Err(lookup) if lookup.kind() != ErrorKind::NotFound => Err(lookup.into()),
            _ => Err(rejected),
        }
    }

    /// Fails if the build failed or is still in progress. Every final status except success is a failure.
    fn check_status(&self, subject: Subject) -> Result<(), CliError> {
        let (name, status, compiled) = match subject {
            Subject::Build(id, status) => {
                let status = match status {
                    Some(status) if status.is_finished() => status,
                    // There is a log, so the build may have finished in the meantime.
                    _ => self.client().build(&self.algorithm, &id)?.status,
                };
                (format!("build {}", self.shorten(&id)), Some(status), None)
            }
            Subject::Version(hash) => {
                let version = self.client().version(&self.algorithm, &hash)?;
                let status = version.build_status().cloned();
                let compiled = version.compilation_successful();
                (format!("version {hash}"), status, compiled)
            }
        };
        let (kind, why) = match status {
            Some(status) if status.is_finished() && status != BuildStatus::Succeeded => {
                let status = self.shorten(status.as_str());
                (Kind::BuildFailed, format!(": {status}"))
            }
            _ if compiled == Some(false) => (Kind::BuildFailed, " failed to compile".to_owned()),
            Some(BuildStatus::InProgress) => {
                let why = ": the service still reports it as in progress";
                (Kind::Library(ErrorKind::NotFinished), why.to_owned())
            }
            _ => return Ok(()),
        };
        let message = format!("{name} of {}{why}", self.algorithm);
        Err(CliError::new(kind, message))
    }

    fn log_hint(&self, error: CliError, args: &LogArgs) -> CliError {
        let is_unfinished = error.kind == Kind::Library(ErrorKind::NotFinished);
        match (&args.source, args.wait) {
            (_, Some(timeout)) if is_unfinished || error.kind == Kind::NoMatch => {
                error.hint(format!("waited {}", format::duration(timeout)))
            }
            (LogSource::Newest(_), None) if is_unfinished => error
                .hint("use --wait to wait for it, or -s failed or -s succeeded for an older build"),
            (LogSource::Build(_), None) if is_unfinished => error.hint("use --wait to wait for it"),
            (LogSource::Build(id), _) => self.build_hint(error, id),
            (LogSource::Version(_), _)
                if error.kind == Kind::Library(ErrorKind::NotFound)
                    && matches!(error.code, None | Some(1014)) =>
            {
                error.hint(self.lists(CommandName::Versions))
            }
            _ => error,
        }
    }

    pub(super) fn note_gone(&self, version: Option<String>) {
        if let Some(commit) = version {
            let commit = self.reporter.commit(&commit);
            self.reporter.note(&format!(
                "the log of the build is gone; showing the output of version {commit} instead"
            ));
        }
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
}

/// Returns whether an ID may be abbreviated. A UUID is always complete.
fn is_abbreviation(id: &str) -> bool {
    const UUID_LENGTH: usize = 36;
    (7..UUID_LENGTH).contains(&id.len())
}

/// Formats the progress of a log: the bytes written, and the rate.
fn describe_progress(logs: &Logs, elapsed: Duration) -> String {
    let rate = logs.delivered() as f64 / elapsed.as_secs_f64().max(0.001);
    let (size, rate) = (format::bytes(logs.delivered()), format::bytes(rate as u64));
    format!("{size}, {rate}/s")
}
