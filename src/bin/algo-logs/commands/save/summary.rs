//! The summary of a run: a line for each algorithm, and a total.

use std::time::{Duration, Instant};

use algo_logs::Algorithm;

use crate::error::CliError;
use crate::output::{Reporter, format};

/// The results for one algorithm, or for all.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) saved: usize,
    pub(super) already_there: usize,
    pub(super) without_log: usize,
    pub(super) failures: Vec<CliError>,
    pub(super) bytes: u64,
    pub(super) elapsed: Duration,
}

impl Counts {
    pub(super) fn done(&self) -> usize {
        self.saved + self.already_there + self.without_log + self.failures.len()
    }

    /// Returns whether a failure has ended the run.
    pub(super) fn has_ended(&self) -> bool {
        self.failures.iter().any(CliError::is_fatal)
    }

    fn describe(&self) -> String {
        format!(
            "{} saved, {} already there, {} without a log, {} failed; {} bytes in {} s",
            self.saved,
            self.already_there,
            self.without_log,
            self.failures.len(),
            self.bytes,
            format::seconds(self.elapsed)
        )
    }
}

/// The results of a run.
pub(super) struct Summary {
    started: Instant,
    /// The number of algorithms, and of owners whose algorithms could not be listed.
    items: usize,
    /// One for each algorithm whose builds could be listed.
    lines: Vec<String>,
    total: Counts,
}

impl Summary {
    pub(super) fn new(failures: Vec<CliError>) -> Self {
        Self {
            started: Instant::now(),
            items: failures.len(),
            lines: Vec::new(),
            total: Counts {
                failures,
                ..Counts::default()
            },
        }
    }

    pub(super) fn add(&mut self, algorithm: &Algorithm, counts: Counts) {
        self.items += 1;
        self.lines
            .push(format!("{algorithm}: {}", counts.describe()));
        self.total.saved += counts.saved;
        self.total.already_there += counts.already_there;
        self.total.without_log += counts.without_log;
        self.total.bytes += counts.bytes;
        self.total.failures.extend(counts.failures);
    }

    pub(super) fn fail(&mut self, failure: CliError) {
        self.items += 1;
        self.total.failures.push(failure);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.total.has_ended()
    }

    /// Writes the failures and the counts. The exit code is that of the worst failure.
    pub(super) fn report(mut self, reporter: &Reporter) -> Result<(), CliError> {
        if let ([], [_]) = (&*self.lines, &*self.total.failures) {
            // This failure is the whole summary.
            return Err(self.total.failures.remove(0));
        }
        for failure in &self.total.failures {
            reporter.error(failure, false);
        }
        for line in &self.lines {
            reporter.note(line);
        }
        if self.items != 1 {
            self.total.elapsed = self.started.elapsed();
            reporter.note(&format!("total: {}", self.total.describe()));
        }
        let exits = self.total.failures.iter().map(|failure| failure.exit);
        // The worst failure decides the exit code.
        let worst = exits.max_by_key(|exit| exit.severity());
        match (worst, self.total.failures.len()) {
            (None, _) => Ok(()),
            (Some(exit), _) if self.has_ended() => {
                Err(CliError::not_saved(exit, "the run ended early")
                    .hint("what was saved is kept, and the same command continues"))
            }
            (Some(exit), count) => {
                let failures = if count == 1 { "failure" } else { "failures" };
                let message = format!("not everything was saved: {count} {failures}");
                Err(CliError::not_saved(exit, message)
                    .hint("the rest is saved, and the same command retries the failures"))
            }
        }
    }
}
