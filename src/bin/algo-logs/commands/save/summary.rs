//! The results of a run: a line for each algorithm, a total, and the exit code.

use crate::error::{CliError, Kind};
use crate::output::{Reporter, format};

/// The results for one algorithm, or for all.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) saved: usize,
    pub(super) already_there: usize,
    pub(super) in_progress: usize,
    pub(super) without_log: usize,
    pub(super) failures: Vec<CliError>,
    pub(super) bytes: u64,
}

impl Counts {
    /// Returns how many builds are done.
    pub(super) fn done(&self) -> usize {
        self.saved + self.already_there + self.in_progress + self.without_log + self.failures.len()
    }

    /// Returns whether a failure has ended the run.
    pub(super) fn has_ended(&self) -> bool {
        self.failures.iter().any(CliError::is_fatal)
    }

    pub(super) fn add(&mut self, other: Self) {
        self.saved += other.saved;
        self.already_there += other.already_there;
        self.in_progress += other.in_progress;
        self.without_log += other.without_log;
        self.failures.extend(other.failures);
        self.bytes += other.bytes;
    }

    /// Returns the counts that are not zero, in words.
    pub(super) fn describe(&self) -> String {
        let counts = [
            (self.saved, "saved"),
            (self.already_there, "already there"),
            (self.in_progress, "still in progress"),
            (self.without_log, "without a log"),
            (self.failures.len(), "failed"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let mut parts: Vec<String> = counts.map(|(n, label)| format!("{n} {label}")).collect();
        if self.bytes > 0 {
            parts.push(format::bytes(self.bytes));
        }
        if parts.is_empty() {
            "nothing to save".to_owned()
        } else {
            parts.join(", ")
        }
    }
}

/// Writes the failures, the lines of the algorithms, and the total. Returns an error with the exit code of the worst
/// failure.
pub(super) fn report(
    lines: &[String],
    mut total: Counts,
    reporter: &Reporter,
) -> Result<(), CliError> {
    if let ([], [_]) = (lines, &*total.failures) {
        // This failure is the whole summary.
        return Err(total.failures.remove(0));
    }
    for failure in &total.failures {
        reporter.error(failure, false);
    }
    for line in lines {
        reporter.note(line);
    }
    if lines.len() > 1 {
        reporter.note(&format!("total: {}", total.describe()));
    }
    let exits = total.failures.iter().map(|failure| failure.exit());
    let Some(exit) = exits.max_by_key(|exit| exit.severity()) else {
        return Ok(());
    };
    if total.has_ended() {
        let error = CliError::new(Kind::NotSaved(exit), "stopped early");
        return Err(error.hint("saved logs are kept; rerun to continue"));
    }
    let message = match total.failures.len() {
        1 => "1 failure".to_owned(),
        count => format!("{count} failures"),
    };
    Err(CliError::new(Kind::NotSaved(exit), message)
        .hint("everything else was saved; rerun to retry"))
}
