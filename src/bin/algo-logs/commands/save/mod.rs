//! `save`: archives the logs of algorithms.

mod archive;
mod index;
mod summary;

use std::fs;

use algo_logs::Error;

use super::context::Context;
use super::{Session, target};
use crate::cli::SaveArgs;
use crate::error::CliError;
use crate::output::{Progress, format};
use archive::Archive;
use summary::{Counts, report};

impl Session<'_> {
    /// Saves the logs of each algorithm.
    pub(super) fn save(&self, args: &SaveArgs) -> Result<(), CliError> {
        let (contexts, failures) = self.contexts(target::with_stdin(args)?, args.jobs)?;
        fs::create_dir_all(&args.directory)
            .map_err(|error| CliError::output(&args.directory.display().to_string(), &error))?;
        let progress = self.reporter.progress();
        let algorithms = contexts.len();
        let mut lines = Vec::new();
        let mut total = Counts {
            failures,
            ..Counts::default()
        };
        for (index, context) in contexts.iter().enumerate() {
            if total.has_ended() {
                break;
            }
            let position = match algorithms {
                1 => String::new(),
                _ => format!("algorithm {} of {algorithms}, ", index + 1),
            };
            match context.save(args, &progress, &position) {
                Ok(counts) => {
                    lines.push(format!("{}: {}", context.algorithm, counts.describe()));
                    total.add(counts);
                }
                Err(error) => total.failures.push(error),
            }
        }
        drop(progress);
        report(&lines, total, &self.reporter)
    }
}

impl Context {
    /// Saves the logs of one algorithm. Fails if no builds can be listed or the directory cannot be created. All other
    /// failures are part of the counts. The progress line begins with `position`.
    fn save(
        &self,
        args: &SaveArgs,
        progress: &Progress,
        position: &str,
    ) -> Result<Counts, CliError> {
        progress.show(|| format!("{position}listing builds"));
        let builds = self.build_items(&args.filter, args.limit);
        let (builds, error) = read_list(builds.take(args.limit));
        let error = match error.map(|error| self.general_hint(error.into())) {
            Some(error) if builds.is_empty() => return Err(error),
            error => error,
        };
        let total = builds.len();
        let archive = Archive::create(self, &args.directory, |done, bytes| {
            let done = done.min(total); // a list can fail too
            progress.show(|| {
                let bytes = format::bytes(bytes);
                format!("{position}{done} of {total} builds, {bytes}")
            });
        })?;
        error.into_iter().for_each(|error| archive.fail(error));
        let earlier = archive.save_index("builds.json", &builds);
        let builds = builds.into_iter().map(|build| build.typed).collect();
        if !archive.has_ended() {
            // A version can be 1 MB long, and a page at most 32 MiB.
            let (versions, error) = read_list(self.version_items().page_size(20));
            if error.is_none() || !versions.is_empty() {
                archive.save_index("versions.json", &versions);
            }
            error
                .into_iter()
                .for_each(|error| archive.fail(error.into()));
        }
        archive.save_logs(builds, &earlier, args.jobs);
        Ok(archive.finish())
    }
}

/// Reads a list to its end or its first error.
fn read_list<T>(items: impl Iterator<Item = Result<T, Error>>) -> (Vec<T>, Option<Error>) {
    let mut failure = None;
    let items = items.map_while(|item| item.map_err(|error| failure = Some(error)).ok());
    (items.collect(), failure)
}
