//! The folder of an algorithm in the archive, `DIR/OWNER/NAME`, and a file for each log.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use algo_logs::{Algorithm, Build, ErrorKind};

use super::index::{self, Entry};
use super::summary::Counts;
use crate::commands::context::Context;
use crate::commands::item::Item;
use crate::commands::transfer::{replacement_note, transfer};
use crate::error::CliError;
use crate::output::{Output, Progress, format, remove_leftovers};

/// The folder of an algorithm, which several threads fill.
pub(super) struct Archive<'a> {
    context: &'a Context,
    folder: PathBuf,
    /// How many builds there are to save.
    total: usize,
    counts: Mutex<Counts>,
    progress: Progress,
}

impl<'a> Archive<'a> {
    pub(super) fn create(
        context: &'a Context,
        root: &Path,
        total: usize,
    ) -> Result<Self, CliError> {
        let folder = create_folder(root, &context.algorithm)?;
        remove_leftovers(&folder);
        Ok(Self {
            context,
            folder,
            total,
            counts: Mutex::default(),
            progress: context.reporter.progress(),
        })
    }

    /// Adds entries to an index. Returns the entries that earlier runs saved in it.
    pub(super) fn save_index<T: Entry>(&self, name: &str, received: &[T]) -> Vec<T> {
        let path = self.folder.join(name);
        let earlier = index::read(&path).and_then(|earlier| {
            index::write(&path, &index::merge(&earlier, received))?;
            Ok(earlier)
        });
        earlier.unwrap_or_else(|error| {
            self.fail(error);
            Vec::new()
        })
    }

    /// Saves the logs that are not there yet. `earlier` are the builds that earlier runs saved.
    pub(super) fn save_logs(&self, builds: Vec<Item<Build>>, earlier: &[Item<Build>], jobs: usize) {
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
            // This thread works too, so one fewer is started. If the system refuses a thread, fewer do the work.
            for _ in 1..threads {
                if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
    }

    /// Returns the builds whose logs are to be fetched, and their files.
    fn missing(&self, builds: Vec<Item<Build>>, earlier: &[Item<Build>]) -> Vec<(Build, PathBuf)> {
        // Some file systems do not distinguish upper and lower case.
        let key = |name: &str| name.to_ascii_lowercase();
        let mut owners = HashMap::new();
        for Item { typed: build, .. } in earlier.iter().chain(&builds) {
            owners
                .entry(key(&file_name(build)))
                .or_insert_with(|| build.build_id.clone());
        }
        // A list that changed while it was read can name a build twice.
        let mut seen = HashSet::new();
        let mut missing = Vec::new();
        for Item { typed: build, .. } in builds {
            if !seen.insert(build.build_id.clone()) {
                continue;
            }
            let name = file_name(&build);
            let path = self.folder.join(&name);
            let id = self.context.word(&build.build_id);
            match owners.get(&key(&name)) {
                Some(owner) if *owner != build.build_id => {
                    let owner = self.context.word(owner);
                    let algorithm = &self.context.algorithm;
                    self.fail(CliError::invalid_response(format!(
                        "build {id} of {algorithm}: its file name is taken by build {owner}: {name}"
                    )));
                }
                // Files here are complete or absent.
                _ if is_regular_file(&path) => self.count(|counts| counts.already_there += 1),
                _ if build.status.is_finished() => missing.push((build, path)),
                _ => self.without_log(&format!(
                    "build {id} of {}: still in progress",
                    self.context.algorithm
                )),
            }
        }
        missing
    }

    fn save_log(&self, build: &Build, path: &Path) -> Result<(), CliError> {
        let algorithm = &self.context.algorithm;
        // The file is opened first, so that nothing is fetched if it cannot be written.
        let output = Output::create(path)?;
        let (mut logs, version) = match self.context.build_log(&build.build_id, Some(build)) {
            Ok(found) => found,
            Err(error) => {
                return match error.kind() {
                    ErrorKind::NoLog | ErrorKind::NotFinished => {
                        self.without_log(&error.to_string());
                        Ok(())
                    }
                    // An id from the service is not the user's mistake.
                    ErrorKind::InvalidInput => Err(CliError::invalid_response(format!(
                        "builds of {algorithm}: {error}"
                    ))),
                    _ => Err(error.into()),
                };
            }
        };
        let mut counted = 0;
        transfer(&mut logs, output, |logs| {
            let new = logs.delivered() - counted;
            counted = logs.delivered();
            self.count(|counts| counts.bytes += new);
        })?;
        if let Some(commit) = version {
            let reporter = &self.context.reporter;
            let (id, commit) = (reporter.id(&build.build_id), reporter.commit(&commit));
            reporter.note(&format!(
                "the log of build {id} of {algorithm} is gone; saved the output of version {commit} instead"
            ));
        }
        if let Some(note) = replacement_note(&logs) {
            let id = self.context.word(&build.build_id);
            let reporter = &self.context.reporter;
            reporter.note(&format!("log of build {id} of {algorithm}: {note}"));
        }
        self.count(|counts| counts.saved += 1);
        Ok(())
    }

    fn without_log(&self, why: &str) {
        self.context.reporter.note(why);
        self.count(|counts| counts.without_log += 1);
    }

    pub(super) fn fail(&self, failure: CliError) {
        let failure = self.context.general_hint(failure);
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
        self.progress.show(|| {
            let (done, bytes) = (counts.done(), format::bytes(counts.bytes));
            let algorithm = &self.context.algorithm;
            format!("{done} of {} builds, {bytes}, {algorithm}", self.total)
        });
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn finish(self) -> Counts {
        let counts = self.counts.into_inner();
        Counts {
            elapsed: self.progress.elapsed(),
            ..counts.unwrap_or_else(PoisonError::into_inner)
        }
    }
}

/// Creates the folder of an algorithm. DIR itself may be a symbolic link, but no link below it is followed.
fn create_folder(root: &Path, algorithm: &Algorithm) -> Result<PathBuf, CliError> {
    let mut folder = root.to_owned();
    for name in [algorithm.owner(), algorithm.name()] {
        folder.push(name);
        let created = match fs::symlink_metadata(&folder) {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            Ok(_) => Err(io::Error::other("it exists but is not a folder")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir(&folder),
            Err(error) => Err(error),
        };
        created.map_err(|error| CliError::output(&folder.display().to_string(), &error))?;
    }
    Ok(folder)
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

    #[test]
    fn file_names() {
        named(
            "2021-07-29T21:12:56.442Z",
            "d0-1",
            "2021-07-29T21-12-56.442Z-d0-1.log",
        );
        named(
            "2021-07-29T21:12:56+02:00",
            "b",
            "2021-07-29T21-12-56+02-00-b.log",
        );
        named("..", "/../../etc/passwd", "x..-_.._.._etc_passwd.log");
        named("a\nb\0", "é", "a_b_-_.log");
        named("-rf", "b", "x-rf-b.log");
        named("é", "b", "x_-b.log");
        named("", "", "x-.log");
        named(&"9".repeat(300), "x", &format!("{}-x.log", "9".repeat(40)));
        named(
            "2021",
            &"9".repeat(300),
            &format!("2021-{}.log", "9".repeat(246)),
        );
    }
}
