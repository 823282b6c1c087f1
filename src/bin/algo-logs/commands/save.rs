//! `save`: every log of an algorithm into a folder, a file a build, and again only what is new.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;

use algo_logs::{Build, Error, ErrorKind, Logs};

use super::context::{Context, take};
use super::hints::{Situation, add_hint};
use super::transfer::transfer;
use crate::cli::SaveArgs;
use crate::error::{CliError, Exit};
use crate::output::{Output, Progress, format, json, remove_leftovers};

/// Which failure gives its exit code to the whole, the worst first: what will not get better by itself before what may.
const WORST_FIRST: [Exit; 6] = [
    Exit::Output,
    Exit::Unauthorized,
    Exit::InvalidResponse,
    Exit::Network,
    Exit::NotFound,
    Exit::Usage,
];

/// What has become of the builds so far.
#[derive(Default)]
struct Summary {
    saved: usize,
    skipped: usize,
    without_log: usize,
    bytes: u64,
    failures: Vec<CliError>,
}

impl Summary {
    fn done(&self) -> usize {
        self.saved + self.skipped + self.without_log + self.failures.len()
    }
}

impl Context {
    pub(crate) fn save(&self, args: &SaveArgs) -> Result<(), CliError> {
        let builds: Vec<Build> =
            take(self.builds(&args.filter), args.limit).collect::<Result<_, _>>()?;
        if builds.is_empty() {
            self.reporter.say(&self.no_build(&args.filter));
        }
        fs::create_dir_all(&args.folder)
            .map_err(|error| CliError::output(&args.folder.display().to_string(), &error))?;
        remove_leftovers(&args.folder);
        write_list(&args.folder.join("builds.json"), &builds)?;

        let archive = Archive {
            session: self,
            folder: &args.folder,
            total: builds.len(),
            progress: self.reporter.progress(),
            tally: Mutex::default(),
        };
        // A list that changed while it was read can name a build twice.
        let mut seen = HashSet::new();
        let wanted = builds
            .into_iter()
            .filter(|build| seen.insert(build.build_id.clone()))
            .filter(|build| archive.wants(build));
        let queue = Mutex::new(wanted);
        let work = || {
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(build) = next else { break };
                archive.take(
                    &build,
                    self.client().build_logs(&self.algorithm, &build.build_id),
                );
            }
        };
        thread::scope(|scope| {
            // This thread works too, so that one fewer is started. If the system has no more threads, fewer do the work.
            for _ in 1..args.jobs {
                if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
        archive.sum_up()
    }
}

/// A folder that is being filled, by several threads at once.
struct Archive<'a> {
    session: &'a Context,
    folder: &'a Path,
    total: usize,
    progress: Progress,
    tally: Mutex<Summary>,
}

impl Archive<'_> {
    /// Whether there is anything to fetch for a build.
    fn wants(&self, build: &Build) -> bool {
        if self.folder.join(file_name(build)).is_file() {
            // Files here are whole or absent, so this one is whole.
            self.count(|tally| tally.skipped += 1);
            return false;
        }
        if !build.status.is_finished() {
            let id = self.session.word(&build.build_id);
            self.without_log(&format!("build {id}: still in progress"));
            return false;
        }
        true
    }

    fn take(&self, build: &Build, logs: Result<Logs, Error>) {
        match logs {
            Ok(mut logs) => match self.write(&mut logs, &self.folder.join(file_name(build))) {
                Ok(()) => self.count(|tally| tally.saved += 1),
                Err(failure) => self.fail(failure),
            },
            Err(error) if matches!(error.kind(), ErrorKind::NoLog | ErrorKind::NotFinished) => {
                self.without_log(&error.to_string());
            }
            // The id came from the service, so it is not the user's mistake.
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                self.fail(CliError::invalid_response(error.to_string()));
            }
            Err(error) => self.fail(error.into()),
        }
    }

    fn write(&self, logs: &mut Logs, path: &Path) -> Result<(), CliError> {
        let output = Output::create(path)?;
        let mut counted = 0;
        transfer(logs, output, |logs| {
            let new = logs.delivered() - counted;
            counted = logs.delivered();
            self.count(|tally| tally.bytes += new);
        })
    }

    fn without_log(&self, why: &str) {
        self.session.reporter.say(why);
        self.count(|tally| tally.without_log += 1);
    }

    fn fail(&self, failure: CliError) {
        let situation = Situation {
            algorithm: &self.session.algorithm,
            list: None,
            waited: None,
        };
        let failure = add_hint(failure, &self.session.connection, situation);
        self.count(|tally| tally.failures.push(failure));
    }

    fn count(&self, change: impl FnOnce(&mut Summary)) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut tally);
        self.progress.show(|| {
            let bytes = format::bytes(tally.bytes);
            format!("{} of {} builds, {bytes}", tally.done(), self.total)
        });
    }

    /// One line for each that failed, and one for all.
    fn sum_up(self) -> Result<(), CliError> {
        let seconds = format::seconds(self.progress.elapsed());
        drop(self.progress);
        let tally = self
            .tally
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        for failure in &tally.failures {
            self.session.reporter.error(failure, false);
        }
        let failed = tally.failures.len();
        self.session.reporter.say(&format!(
            "saved {}, skipped {}, without a log {}, failed {failed}; {} bytes in {seconds} s",
            tally.saved, tally.skipped, tally.without_log, tally.bytes
        ));
        let rank = |exit| WORST_FIRST.iter().position(|&worse| worse == exit);
        let exits = tally.failures.iter().map(|failure| failure.exit);
        match exits.min_by_key(|&exit| rank(exit).unwrap_or(WORST_FIRST.len())) {
            None => Ok(()),
            Some(exit) => {
                let logs = if failed == 1 { "log" } else { "logs" };
                let message = format!("{failed} {logs} could not be saved");
                Err(CliError::not_saved(exit, message)
                    .hint("the rest is kept, and the same command tries these again"))
            }
        }
    }
}

fn write_list(path: &Path, builds: &[Build]) -> Result<(), CliError> {
    let mut output = Output::create(path)?;
    output.write(json::array(builds)?.as_bytes())?;
    output.finish()
}

/// `STARTED-BUILD_ID.log`, so that a listing is in order of time. Both come from the service, and stay in the folder
/// whatever they are.
fn file_name(build: &Build) -> String {
    let harmless = |c: char| match c {
        // No file on Windows can have it in its name.
        ':' if cfg!(windows) => '-',
        _ if c.is_ascii_alphanumeric() || "-_.:+".contains(c) => c,
        _ => '_',
    };
    let name = format!("{}-{}", build.started_at, &build.build_id);
    let mut name: String = name.chars().map(harmless).take(200).collect();
    if name.starts_with('.') {
        // It would be hidden, or lead out of the folder.
        name.replace_range(..1, "_");
    }
    format!("{name}.log")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn named(started: &str, id: &str, name: &str) {
        let json = serde_json::json!({
            "build_id": id, "status": "failed", "commit_sha": "c", "started_at": started,
        });
        let build: Build = serde_json::from_str(&json.to_string()).unwrap();
        assert_eq!(file_name(&build), name);
    }

    #[cfg(not(windows))]
    #[test]
    fn files_are_named_by_time_and_stay_in_the_folder() {
        named(
            "2021-07-29T21:12:56.442Z",
            "d0-1",
            "2021-07-29T21:12:56.442Z-d0-1.log",
        );
        named("..", "/../../etc/passwd", "_.-_.._.._etc_passwd.log");
        named("a\nb\0", "é", "a_b_-_.log");
        named("", "", "-.log");
        named(&"9".repeat(300), "x", &format!("{}.log", "9".repeat(200)));
    }
}
