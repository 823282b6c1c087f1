//! The directory of an algorithm in the archive, `DIR/OWNER/NAME`, and a file for each log.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use algo_logs::{Algorithm, Build, Error, ErrorKind};

use super::index::{self, Entry};
use super::summary::Counts;
use crate::commands::context::Context;
use crate::commands::hints::add_connection_hint;
use crate::commands::item::Item;
use crate::commands::transfer::{replacement_note, transfer};
use crate::error::CliError;
use crate::output::{Output, remove_leftovers};

/// The directory of an algorithm, which several threads fill.
pub(super) struct Archive<'a, F> {
    context: &'a Context,
    directory: PathBuf,
    counts: Mutex<Counts>,
    /// Shows how many builds are done, and how many bytes have been written.
    progress: F,
}

impl<'a, F: Fn(usize, u64) + Sync> Archive<'a, F> {
    pub(super) fn create(context: &'a Context, root: &Path, progress: F) -> Result<Self, CliError> {
        let directory = create_directory(root, &context.algorithm)?;
        remove_leftovers(&directory);
        Ok(Self {
            context,
            directory,
            counts: Mutex::default(),
            progress,
        })
    }

    /// Adds entries to an index. Returns the entries of the index.
    pub(super) fn save_index<T: Entry>(&self, name: &str, received: &[Item<T>]) -> Vec<T> {
        let path = self.directory.join(name);
        index::update(&path, received, index::MAX_BYTES).unwrap_or_else(|error| {
            self.fail(error);
            Vec::new()
        })
    }

    /// Saves the logs that are not there yet. `earlier` has the builds of the index.
    pub(super) fn save_logs(&self, builds: Vec<Build>, earlier: &[Build], jobs: usize) {
        if self.has_ended() {
            return;
        }
        let missing = self.missing(builds, earlier);
        let threads = jobs.min(missing.len());
        let queue = Mutex::new(missing.into_iter());
        let work = || {
            while !self.has_ended() {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((build, path)) = next else { break };
                if let Err(error) = self.save_log(&build, &path) {
                    self.fail(error);
                }
            }
        };
        thread::scope(|scope| {
            // This thread is a worker too. If a thread cannot be started, continue with fewer.
            for _ in 1..threads {
                if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
    }

    /// Returns the builds whose logs are to be fetched, and their files.
    fn missing(&self, mut builds: Vec<Build>, earlier: &[Build]) -> Vec<(Build, PathBuf)> {
        // Some file systems do not distinguish upper and lower case.
        let key = |name: &str| name.to_ascii_lowercase();
        let mut owners = HashMap::new();
        for build in earlier.iter().chain(&builds) {
            owners
                .entry(key(&file_name(build)))
                .or_insert_with(|| build.build_id.clone());
        }
        // A list that changed while it was read can name a build twice.
        let mut seen = HashSet::new();
        builds.retain(|build| seen.insert(build.build_id.clone()));
        let mut missing = Vec::new();
        for build in builds {
            let name = file_name(&build);
            let path = self.directory.join(&name);
            match owners.get(&key(&name)) {
                Some(owner) if *owner != build.build_id => {
                    let (id, owner) = (
                        self.context.shorten(&build.build_id),
                        self.context.shorten(owner),
                    );
                    let algorithm = &self.context.algorithm;
                    self.fail(CliError::invalid_response(format!(
                        "build {id} of {algorithm}: file name {name} is already used by build {owner}"
                    )));
                }
                // Files here are complete or absent.
                _ if is_regular_file(&path) => self.count(|counts| counts.already_there += 1),
                _ if build.status.is_finished() => missing.push((build, path)),
                _ => self.count(|counts| counts.in_progress += 1),
            }
        }
        missing
    }

    fn save_log(&self, build: &Build, path: &Path) -> Result<(), CliError> {
        let reporter = &self.context.reporter;
        let id = reporter.id(&build.build_id);
        // The file is opened first, so that nothing is fetched if it cannot be written.
        let output = Output::create(path)?;
        let (mut logs, version) = match self.context.build_log(&build.build_id, Some(build)) {
            Ok(found) => found,
            Err(error) => return self.count_without_log(&id, error),
        };
        let mut counted = 0;
        let transferred = transfer(&mut logs, output, |logs| {
            let new = logs.delivered() - counted;
            counted = logs.delivered();
            self.count(|counts| counts.bytes += new);
        });
        // Of a log that failed, nothing was saved.
        transferred.inspect_err(|_| self.count(|counts| counts.bytes -= counted))?;
        if let Some(commit) = version {
            let commit = reporter.commit(&commit);
            reporter.note(&format!(
                "the log of build {id} is gone; saved the output of version {commit} instead"
            ));
        }
        if let Some(note) = replacement_note(&logs) {
            reporter.note(&format!("build {id}: {note}"));
        }
        self.count(|counts| counts.saved += 1);
        Ok(())
    }

    /// Counts a build that has no log to save. Any other error is a failure.
    fn count_without_log(&self, id: &str, error: Error) -> Result<(), CliError> {
        let algorithm = &self.context.algorithm;
        match error.kind() {
            ErrorKind::NotFinished => self.count(|counts| counts.in_progress += 1),
            ErrorKind::NoLog => {
                let note = format!("the log of build {id} of {algorithm} is gone");
                self.context.reporter.note(&note);
                self.count(|counts| counts.without_log += 1);
            }
            // An ID from the service is not the user's mistake.
            ErrorKind::InvalidInput => {
                let message = format!("builds of {algorithm}: {error}");
                return Err(CliError::invalid_response(message));
            }
            _ => return Err(error.into()),
        }
        Ok(())
    }

    pub(super) fn fail(&self, failure: CliError) {
        let failure = add_connection_hint(failure, &self.context.connection);
        self.count(|counts| {
            // Several threads can hit the full disk or the rejected key, but it is reported once.
            if !(failure.is_fatal() && counts.has_ended()) {
                counts.failures.push(failure);
            }
        });
    }

    pub(super) fn has_ended(&self) -> bool {
        self.lock().has_ended()
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.lock();
        change(&mut counts);
        (self.progress)(counts.done(), counts.bytes);
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn finish(self) -> Counts {
        let counts = self.counts.into_inner();
        counts.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Creates the directory of an algorithm. DIR itself may be a symbolic link, but no link below it is followed.
fn create_directory(root: &Path, algorithm: &Algorithm) -> Result<PathBuf, CliError> {
    let mut directory = root.to_owned();
    for name in [algorithm.owner(), algorithm.name()] {
        directory.push(name);
        let is_directory =
            || fs::symlink_metadata(&directory).is_ok_and(|metadata| metadata.is_dir());
        let created = match fs::create_dir(&directory) {
            // An earlier run made it, or another one a moment ago.
            Err(_) if is_directory() => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(io::Error::other("it exists but is not a directory"))
            }
            created => created,
        };
        created.map_err(|error| CliError::output(&directory.display().to_string(), &error))?;
    }
    Ok(directory)
}

fn is_regular_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// Returns `STARTED-BUILD_ID.log`, which sorts by time.
///
/// Both parts come from the service. The name has only characters that every file system and artifact store accepts. It
/// begins with a letter or digit, so that no program mistakes it for a hidden file, an option or a path.
fn file_name(build: &Build) -> String {
    /// No time is longer.
    const MAX_STARTED: usize = 40;
    /// The limit of file systems, less `.log`.
    const MAX_NAME: usize = 251;
    let harmless = |c: char| match c {
        ':' => '-',
        _ if c.is_ascii_alphanumeric() || "-_.+".contains(c) => c,
        _ => '_',
    };
    let started = build.started_at.chars().take(MAX_STARTED);
    let name = started.chain(['-']).chain(build.build_id.chars());
    let mut name: String = name.map(harmless).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        name.insert(0, 'x');
    }
    name.truncate(MAX_NAME);
    format!("{name}.log")
}
