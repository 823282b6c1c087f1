//! `log`: which log is meant, and how it gets to where it is wanted.

use std::sync::{Arc, Once};
use std::time::Duration;

use algo_logs::{Build, BuildStatus, Error, ErrorKind, Logs, Version, Wait};

use crate::cli::help::CommandName::{self, Builds, Versions};
use crate::cli::{Escapes, LogArgs, VersionSpec};
use crate::commands::context::{Context, matches};
use crate::commands::transfer::transfer;
use crate::error::{CliError, Exit};
use crate::output::sanitize::Mode;
use crate::output::{Output, OutputOptions, format};

impl Context {
    pub(crate) fn log(&self, args: &LogArgs) -> Result<(), CliError> {
        let output = Output::open(args.output.as_deref(), self.treatment(args), &self.notes)?;
        let chosen = match (&args.version, &args.build_id) {
            (Some(version), _) => self.of_version(version, args.exit_status)?,
            (None, Some(build_id)) => self.of_build_id(build_id, args)?,
            (None, None) => self.of_build(self.newest(args)?, args)?,
        };
        self.write(chosen.logs, output, args)?;
        match chosen.failed {
            Some(why) if args.exit_status => {
                Err(CliError::new(Exit::BuildFailed, "build-failed", why))
            }
            _ => Ok(()),
        }
    }

    /// The build that started last, of those that fit; with `--wait`, once there is one and it has finished.
    fn newest(&self, args: &LogArgs) -> Result<Build, CliError> {
        let fits = |build: &Build| matches(&args.filter, build);
        let Some(timeout) = args.wait else {
            let builds = self.client().builds(&self.algorithm);
            let build = builds.newest(fits)?.ok_or_else(|| {
                CliError::no_match(self.no_build(&args.filter)).hint(self.lists(Builds))
            })?;
            self.say_chosen(&build);
            return Ok(build);
        };
        // Said as soon as it is known, and not again once it has finished.
        let said = Arc::new(Once::new());
        let wait = self.waiting(timeout, {
            let (said, session) = (Arc::clone(&said), self.clone());
            move |build| said.call_once(|| session.say_chosen(build))
        });
        let found = self
            .client()
            .wait_for_newest_build(&self.algorithm, fits, &wait)
            .map_err(|error| match error.kind() {
                ErrorKind::NotFinished => self.hinted(error, Builds, args.wait),
                // A list that is not found is no sign that a list would help.
                _ => error.into(),
            })?;
        drop(wait);
        let build = found
            .ok_or_else(|| CliError::no_match(self.no_build(&args.filter)).hint(waited(timeout)))?;
        said.call_once(|| self.say_chosen(&build));
        Ok(build)
    }

    /// A wait that shows how it goes, and tells `found` of a build that has not finished yet.
    fn waiting(&self, timeout: Duration, found: impl Fn(&Build) + Send + Sync + 'static) -> Wait {
        let (progress, connection) = (self.notes.progress(), self.connection.clone());
        Wait::default().timeout(timeout).on_poll(move |poll| {
            if let Ok(Some(build)) = poll.build {
                found(build);
            }
            progress.show(|| {
                let state = match poll.build {
                    Ok(Some(build)) => format!("the build is {}", build.status()),
                    Ok(None) => "no such build yet".to_owned(),
                    Err(error) => error.to_string(),
                };
                format!("{}, {}", connection.word(&state), waited(poll.waited))
            });
        })
    }

    fn of_build_id(&self, build_id: &str, args: &LogArgs) -> Result<SelectedLog, CliError> {
        let build = match (args.wait, args.exit_status) {
            (Some(timeout), _) => self.client().wait_for_build(
                &self.algorithm,
                build_id,
                &self.waiting(timeout, |_| {}),
            ),
            (None, true) => self.client().build(&self.algorithm, build_id),
            (None, false) => {
                return Ok(SelectedLog {
                    logs: self.build_logs(build_id)?,
                    failed: None,
                });
            }
        };
        self.of_build(
            build.map_err(|error| self.hinted(error, Builds, args.wait))?,
            args,
        )
    }

    fn of_build(&self, mut build: Build, args: &LogArgs) -> Result<SelectedLog, CliError> {
        let logs = self.build_logs(build.build_id())?;
        if args.exit_status && !build.status().is_finished() {
            // It has finished in between, or there would be no log. How, is what was asked.
            build = self.client().build(&self.algorithm, build.build_id())?;
        }
        Ok(SelectedLog {
            logs,
            failed: self.failed(&build),
        })
    }

    fn build_logs(&self, build_id: &str) -> Result<Logs, CliError> {
        self.client()
            .build_logs(&self.algorithm, build_id)
            .map_err(|error| self.hinted(error, Builds, None))
    }

    /// Why `--exit-status` is 3 for this build: any end but a success.
    fn failed(&self, build: &Build) -> Option<String> {
        let ended_well = matches!(
            build.status(),
            BuildStatus::Succeeded | BuildStatus::InProgress
        );
        (!ended_well).then(|| {
            let id = self.word(build.build_id());
            let status = self.word(build.status().as_str());
            format!("build {id} of {}: {status}", self.algorithm)
        })
    }

    fn of_version(&self, spec: &VersionSpec, exit_status: bool) -> Result<SelectedLog, CliError> {
        const FULL_HASH: usize = 40;
        let hinted = |error| self.hinted(error, Versions, None);
        let (hash, version) = match spec {
            VersionSpec::Hash(hash) if hash.len() == FULL_HASH => {
                let version = match exit_status {
                    true => Some(
                        self.client()
                            .version(&self.algorithm, hash)
                            .map_err(hinted)?,
                    ),
                    false => None,
                };
                (hash.clone(), version)
            }
            _ => {
                let (hash, version) = self.find_version(spec)?;
                (hash, Some(version))
            }
        };
        let name = version.as_ref().and_then(Version::semantic_version);
        let name = name.map(|name| format!("{}, ", self.word(name)));
        let name = name.unwrap_or_default();
        let logs = self
            .client()
            .version_logs(&self.algorithm, &hash)
            .map_err(hinted)?;
        self.notes.say(&format!("version {name}commit {hash}"));
        let failed = version.as_ref().and_then(|version| match version.build() {
            Some(build) => self.failed(build),
            None => (version.compilation_successful() == Some(false))
                .then(|| format!("version {hash} of {}: not compiled", self.algorithm)),
        });
        Ok(SelectedLog { logs, failed })
    }

    /// The one version that is meant. The service looks up none but a full hash, so the list is read.
    fn find_version(&self, spec: &VersionSpec) -> Result<(String, Version), CliError> {
        let mut found: Option<(String, Version)> = None;
        for version in self.client().versions(&self.algorithm) {
            let version = version?;
            let Some(hash) = version.git_hash() else {
                continue;
            };
            match spec {
                VersionSpec::Semantic(wanted) => {
                    if version.semantic_version() == Some(wanted) {
                        return Ok((hash.to_owned(), version));
                    }
                }
                VersionSpec::Hash(wanted) => {
                    let fits = hash.to_ascii_lowercase().starts_with(wanted.as_str());
                    match &found {
                        _ if !fits => {}
                        Some((other, _)) if other != hash => {
                            return Err(CliError::settings(format!(
                                "'{wanted}' begins more than one git hash: {}, {}",
                                self.word(other),
                                self.word(hash)
                            )));
                        }
                        Some(_) => {}
                        None => found = Some((hash.to_owned(), version)),
                    }
                }
            }
        }
        found.ok_or_else(|| {
            let (VersionSpec::Hash(wanted) | VersionSpec::Semantic(wanted)) = spec;
            CliError::no_match(format!("no version {wanted} of {}", self.algorithm))
                .hint(self.lists(Versions))
        })
    }

    fn say_chosen(&self, build: &Build) {
        self.notes.say(&format!(
            "build {} ({}, commit {}, started {})",
            self.word(build.build_id()),
            self.word(build.status().as_str()),
            self.word(build.commit_sha()),
            self.word(build.started_at())
        ));
    }

    /// What to do about a build or version that is not finished, or not there in no more words than that.
    fn hinted(&self, error: Error, list: CommandName, wait: Option<Duration>) -> CliError {
        let (kind, code) = (error.kind(), error.code());
        let failure = CliError::from(error);
        match (kind, wait) {
            (ErrorKind::NotFound, _) if code.is_none() => failure.hint(self.lists(list)),
            (ErrorKind::NotFinished, None) => failure.hint("--wait waits for it"),
            (ErrorKind::NotFinished, Some(timeout)) => failure.hint(waited(timeout)),
            _ => failure,
        }
    }

    fn write(&self, mut logs: Logs, output: Output, args: &LogArgs) -> Result<(), CliError> {
        // A log that goes to the terminal shows by itself how far it has come.
        let progress = args.output.is_some().then(|| self.notes.progress());
        transfer(&mut logs, output, |logs| {
            if let Some(progress) = &progress {
                progress.show(|| arrived(logs, progress.elapsed()));
            }
        })?;
        drop(progress);
        if logs.delivered() == 0 {
            self.notes.say("the log is empty");
        }
        match logs.replacements() {
            0 => {}
            1 => self
                .notes
                .say("1 character was not valid Unicode, and is U+FFFD in the log"),
            n => self.notes.say(&format!(
                "{n} characters were not valid Unicode, and are U+FFFD in the log"
            )),
        }
        Ok(())
    }

    fn treatment(&self, args: &LogArgs) -> OutputOptions {
        let (on_terminal, elsewhere) = match args.escapes {
            Escapes::Raw => (None, None),
            Escapes::Plain => (Some(Mode::NoColours), Some(Mode::Strip)),
            Escapes::Auto if self.colours => (Some(Mode::Colours), None),
            Escapes::Auto => (Some(Mode::NoColours), None),
        };
        OutputOptions {
            on_terminal,
            elsewhere,
            tail: args.tail,
        }
    }
}

/// A log, and why its build is no success, if it is none.
struct SelectedLog {
    logs: Logs,
    failed: Option<String>,
}

/// How much of a log has come, how fast, and which share of it.
fn arrived(logs: &Logs, elapsed: Duration) -> String {
    let millis = u64::try_from(elapsed.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    let rate = logs.delivered().saturating_mul(1000) / millis;
    let share = match logs.content_length() {
        Some(length) if length > 0 => {
            format!(", {} %", logs.bytes_received().saturating_mul(100) / length)
        }
        _ => String::new(),
    };
    let (delivered, rate) = (format::bytes(logs.delivered()), format::bytes(rate));
    format!("{delivered}, {rate}/s{share}")
}

fn waited(timeout: Duration) -> String {
    format!("waited {}", format::duration(timeout))
}
