//! `log`: selects a log and writes it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use algo_logs::{Build, BuildStatus, ErrorKind, Logs, Version, Wait};

use super::context::Context;
use super::transfer::{replacement_note, transfer};
use crate::cli::{BuildFilter, CommandName, Escapes, LogArgs, LogSource, VersionSpec};
use crate::error::{CliError, Kind};
use crate::output::sanitize::Mode;
use crate::output::{Output, OutputOptions, format};

/// What a log belongs to. `--exit-status` asks for what is not known yet, but only after the log has been written.
enum Subject {
    Build {
        id: String,
        build: Option<Build>,
    },
    Version {
        hash: String,
        found: Option<Version>,
    },
}

impl Context {
    pub(crate) fn log(&self, args: &LogArgs) -> Result<(), CliError> {
        self.select_and_write(args)
            .map_err(|error| self.general_hint(self.log_hint(error, args)))
    }

    fn select_and_write(&self, args: &LogArgs) -> Result<(), CliError> {
        // The file is opened first, so that nothing is fetched if it cannot be written.
        let options = self.output_options(args);
        let output = Output::open(args.output.as_deref(), options, &self.reporter)?;
        let (logs, subject) = match &args.source {
            LogSource::Newest(filter) => {
                let build = self.newest_build(filter, args.wait)?;
                let described = self.describe_build(&build);
                let log = self.log_of(build)?;
                // Without a log, the error names the build.
                if args.wait.is_none() {
                    self.reporter.note(&described);
                }
                log
            }
            LogSource::Build(id) => match args.wait {
                Some(timeout) => self.log_of(self.wait_for_build(id, timeout)?)?,
                None => self.log_of_id(id)?,
            },
            LogSource::Version(version) => self.log_of_version(version)?,
        };
        self.write(logs, output)?;
        if args.exit_status {
            return self.result_of(subject);
        }
        Ok(())
    }

    /// Returns the newest build that passes the filter. With a timeout, waits until it exists and has finished.
    fn newest_build(
        &self,
        filter: &BuildFilter,
        timeout: Option<Duration>,
    ) -> Result<Build, CliError> {
        let no_match = || CliError::no_match(self.no_build(filter));
        let Some(timeout) = timeout else {
            return self.builds(filter).newest()?.ok_or_else(no_match);
        };
        let mut what = format!("the newest build of {}", self.algorithm);
        if let Some(commit) = &filter.commit {
            what += &format!(", commit {}", self.reporter.commit(commit));
        }
        let named = Cell::new(false);
        let found = self.client().wait_for_newest_build(
            &self.algorithm,
            |build| filter.matches(build),
            self.wait(timeout, what, &named),
        )?;
        let build = found.ok_or_else(no_match)?;
        self.say_result(&build, &named);
        Ok(build)
    }

    /// Waits until the build whose ID is `id`, or begins with it, has finished.
    fn wait_for_build(&self, id: &str, timeout: Duration) -> Result<Build, CliError> {
        let started = Instant::now();
        let completed = self.complete_within(id, timeout)?;
        let timeout = timeout.saturating_sub(started.elapsed());
        let what = format!("build {} of {}", self.reporter.id(id), self.algorithm);
        let named = Cell::new(false);
        let wait = self.wait(timeout, what, &named).until_listed(true);
        let build = match &completed {
            Some(id) => self
                .client()
                .wait_for_build(&self.algorithm, id, wait)
                .map_err(CliError::from_service)?,
            None => self.client().wait_for_build(&self.algorithm, id, wait)?,
        };
        self.say_result(&build, &named);
        Ok(build)
    }

    /// Completes an abbreviated ID from the list, within the time of a wait. Returns `None` if no listed ID begins with
    /// it, or if it is complete.
    fn complete_within(&self, id: &str, timeout: Duration) -> Result<Option<String>, CliError> {
        if !is_abbreviation(id) {
            return Ok(None);
        }
        let found = RefCell::new(BTreeSet::new());
        let collect = |build: &Build| {
            if build.build_id.starts_with(id) {
                found.borrow_mut().insert(build.build_id.clone());
            }
            false
        };
        // The list is read once, and again only after a transient error.
        let wait = Wait::default().timeout(timeout);
        let wait = wait.on_poll(|poll| match poll.build {
            Ok(_) => ControlFlow::Break(()),
            Err(_) => ControlFlow::Continue(()),
        });
        let read = self
            .client()
            .wait_for_newest_build(&self.algorithm, collect, wait);
        if let Err(error) = read
            && error.kind() != ErrorKind::Cancelled
        {
            return Err(error.into());
        }
        let found = Vec::from_iter(found.into_inner());
        match &*found {
            [] => Ok(None),
            [id] => Ok(Some(id.clone())),
            [one, other, ..] => Err(CliError::ambiguous(format!(
                "build {id} of {}: ambiguous: matches {} and {}",
                self.algorithm,
                self.word(one),
                self.word(other)
            ))),
        }
    }

    /// Returns a wait that shows its progress, and names the build as soon as it is listed.
    ///
    /// Build servers stop a job that prints nothing for a while. So without a progress line, the wait prints a note at
    /// the start and one every minute.
    fn wait<'a>(&'a self, timeout: Duration, what: String, named: &'a Cell<bool>) -> Wait<'a> {
        const NOTE_INTERVAL: Duration = Duration::from_secs(60);
        let progress = self.reporter.progress();
        let mut next_note = Duration::ZERO;
        Wait::default().timeout(timeout).on_poll(move |poll| {
            let state = || {
                let state = match poll.build {
                    Ok(Some(_)) => "the build is in progress".to_owned(),
                    Ok(None) => "there is no such build yet".to_owned(),
                    Err(error) => self.word(&error.to_string()),
                };
                format!("waited {}: {state}", format::duration(poll.waited))
            };
            if !progress.is_shown() && poll.waited >= next_note {
                match next_note {
                    Duration::ZERO => {
                        let timeout = format::duration(timeout);
                        self.reporter
                            .note(&format!("waiting up to {timeout} for {what}"));
                    }
                    _ => self.reporter.note(&state()),
                }
                next_note = poll.waited + NOTE_INTERVAL;
            }
            if let Ok(Some(build)) = poll.build
                && !named.replace(true)
            {
                self.name_build(build);
            }
            progress.show(state);
            ControlFlow::Continue(())
        })
    }

    /// Writes a note with the result of a wait.
    fn say_result(&self, build: &Build, named: &Cell<bool>) {
        if !named.get() {
            self.name_build(build);
        }
        let mut result = format!("the build {}", self.word(build.status.as_str()));
        if let Some(time) = build.duration() {
            result += &format!(" after {}", format::duration(time));
        }
        if build.status != BuildStatus::Succeeded {
            let id = self.word(&build.build_id);
            result += &format!("; 'algo-logs why {} {id}' shows why", self.algorithm);
        }
        self.reporter.note(&result);
    }

    /// Returns the log of a build that the service reported.
    fn log_of(&self, build: Build) -> Result<(Logs, Subject), CliError> {
        let logs = self.build_log(&build.build_id, Some(&build));
        let (logs, version) = logs.map_err(CliError::from_service)?;
        self.say_gone(version);
        let id = build.build_id.clone();
        let build = Some(build);
        Ok((logs, Subject::Build { id, build }))
    }

    /// Returns the log of the build whose ID is `id`, or begins with it.
    fn log_of_id(&self, id: &str) -> Result<(Logs, Subject), CliError> {
        let (id, (logs, version)) =
            self.with_full_id(id, |id| Ok((id.to_owned(), self.build_log(id, None)?)))?;
        self.say_gone(version);
        Ok((logs, Subject::Build { id, build: None }))
    }

    fn log_of_version(&self, version: &VersionSpec) -> Result<(Logs, Subject), CliError> {
        const FULL_HASH: usize = 40;
        let (hash, found) = match version {
            VersionSpec::Hash(hash) if hash.len() == FULL_HASH => (hash.clone(), None),
            VersionSpec::Hash(text) | VersionSpec::Semantic(text) => {
                let found = self.client().find_version(&self.algorithm, text)?;
                (found.git_hash().unwrap_or_default().to_owned(), Some(found))
            }
        };
        let logs = self.client().version_logs(&self.algorithm, &hash);
        let logs = logs.map_err(CliError::from_service)?;
        let number = found.as_ref().and_then(Version::semantic_version);
        let number = number.map_or(String::new(), |number| format!("{}, ", self.word(number)));
        let commit = self.reporter.commit(&hash);
        self.reporter
            .note(&format!("version {number}commit {commit}"));
        Ok((logs, Subject::Version { hash, found }))
    }

    /// Requests what belongs to the build whose ID is `id`, or begins with it.
    pub(super) fn with_full_id<T>(
        &self,
        id: &str,
        request: impl Fn(&str) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        match request(id) {
            Err(error) if is_abbreviation(id) && error.rejects_build_id() => {
                match self.client().find_build(&self.algorithm, id) {
                    Ok(build) if build.build_id != id => {
                        self.name_build(&build);
                        request(&build.build_id)
                    }
                    Err(lookup) if lookup.kind() != ErrorKind::NotFound => Err(lookup.into()),
                    _ => Err(error),
                }
            }
            result => result,
        }
    }

    /// Returns the result for `--exit-status`. Every final status except success is a failure.
    fn result_of(&self, subject: Subject) -> Result<(), CliError> {
        let (what, status, compiled) = match subject {
            Subject::Build { id, build } => {
                let build = match build {
                    Some(build) if build.status.is_finished() => build,
                    // There is a log, so the build may have finished in the meantime.
                    _ => self.client().build(&self.algorithm, &id)?,
                };
                (
                    format!("build {}", self.word(&id)),
                    Some(build.status),
                    None,
                )
            }
            Subject::Version { hash, found } => {
                let found = match found {
                    Some(found) => found,
                    None => self.client().version(&self.algorithm, &hash)?,
                };
                let status = found.build_status().cloned();
                (
                    format!("version {hash}"),
                    status,
                    found.compilation_successful(),
                )
            }
        };
        let what = format!("{what} of {}", self.algorithm);
        match status {
            Some(BuildStatus::Succeeded | BuildStatus::InProgress) | None
                if compiled == Some(false) =>
            {
                Err(CliError::build_failed(format!("{what} failed to compile")))
            }
            Some(BuildStatus::Succeeded) | None => Ok(()),
            Some(BuildStatus::InProgress) => Err(CliError::not_finished(format!(
                "{what}: the service still reports it as in progress"
            ))),
            Some(status) => {
                let status = self.word(status.as_str());
                Err(CliError::build_failed(format!("{what}: {status}")))
            }
        }
    }

    fn log_hint(&self, error: CliError, args: &LogArgs) -> CliError {
        let hint = match (error.kind, &args.source) {
            (Kind::NoMatch | Kind::Library(ErrorKind::NotFinished), source) => {
                match (args.wait, error.kind, source) {
                    (Some(timeout), ..) => format!("waited {}", format::duration(timeout)),
                    (None, Kind::NoMatch, _) => return error,
                    (None, _, LogSource::Newest(_)) => "use --wait to wait for it, or -s failed \
                         or -s succeeded for an older build"
                        .to_owned(),
                    _ => "use --wait to wait for it".to_owned(),
                }
            }
            (_, LogSource::Build(id)) => return self.build_hint(error, id),
            (Kind::Library(ErrorKind::NotFound), LogSource::Version(_))
                if matches!(error.code, None | Some(1014)) =>
            {
                self.lists(CommandName::Versions)
            }
            _ => return error,
        };
        error.hint(hint)
    }

    pub(super) fn say_gone(&self, version: Option<String>) {
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

/// Returns whether an ID may be abbreviated. A UUID is always complete.
fn is_abbreviation(id: &str) -> bool {
    const UUID_LENGTH: usize = 36;
    (7..UUID_LENGTH).contains(&id.len())
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
