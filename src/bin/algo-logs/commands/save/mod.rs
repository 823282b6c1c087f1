//! `save`: archives the logs of algorithms.

mod archive;
mod index;
mod summary;

use std::fs;

use algo_logs::Error;

use super::context::{Context, take};
use super::{Session, target};
use crate::cli::SaveArgs;
use crate::error::CliError;
use archive::Archive;
use summary::{Counts, Summary};

impl Session<'_> {
    /// Saves the logs of each algorithm.
    pub(super) fn save(&self, args: &SaveArgs) -> Result<(), CliError> {
        let (contexts, failures) = self.contexts(target::with_stdin(args)?, args.jobs)?;
        fs::create_dir_all(&args.folder)
            .map_err(|error| CliError::output(&args.folder.display().to_string(), &error))?;
        let mut summary = Summary::new(failures);
        for context in contexts {
            if summary.has_ended() {
                break;
            }
            match context.save(args) {
                Ok(counts) => summary.add(&context.algorithm, counts),
                Err(error) => summary.fail(error),
            }
        }
        summary.report(&self.reporter)
    }
}

impl Context {
    /// Saves the logs of one algorithm. Fails if no builds can be listed or the folder cannot be created. All other
    /// failures are part of the counts.
    fn save(&self, args: &SaveArgs) -> Result<Counts, CliError> {
        let (builds, error) = read_list(take(self.build_items(&args.filter), args.limit));
        let error = error.map(|error| self.general_hint(error.into()));
        let error = match error {
            Some(error) if builds.is_empty() => return Err(error),
            error => error,
        };
        if builds.is_empty() {
            self.reporter.note(&self.no_build(&args.filter));
        }
        let archive = Archive::create(self, &args.folder, builds.len())?;
        if let Some(error) = error {
            archive.fail(error);
        }
        let earlier = archive.save_index("builds.json", &builds);
        if !archive.has_ended() {
            let (versions, error) = read_list(self.version_items());
            if error.is_none() || !versions.is_empty() {
                archive.save_index("versions.json", &versions);
            }
            if let Some(error) = error {
                archive.fail(error.into());
            }
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
