//! Notes, errors and the progress line: everything on stderr.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use algo_logs::Token;

use super::write_all;
use crate::error::CliError;
use crate::output::sanitize::{defuse, sanitize_line, truncate};

/// The minimum time between two updates of the progress line.
const REDRAW_INTERVAL: Duration = Duration::from_millis(100);

/// How long the progress line shows a retry.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// The maximum width of a note or a progress line, in columns. A longer one would wrap on a terminal of 80 columns.
const MAX_WIDTH: usize = 79;

/// Moves the cursor to the start of the line and erases the line.
const CLEAR: &str = "\r\x1b[K";

/// Writes notes and errors to stderr, after erasing the progress line.
///
/// Clones share that line and the key to redact. Write errors are ignored: a lost note must not stop the data.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reporter {
    quiet: bool,
    /// Whether the terminal understands escape sequences, which the progress line needs.
    animated: bool,
    token: Arc<OnceLock<Token>>,
    last_line: Arc<Mutex<LastLine>>,
}

/// The last line of the terminal, or of the file that stderr and stdout share.
#[derive(Debug, Default)]
struct LastLine {
    /// How many progress lines are active. All are drawn in the same place.
    wanted: usize,
    /// When the progress line may be drawn again, if it is visible.
    redraw: Option<Instant>,
    /// Whether the last line is an unfinished line of the log.
    log: bool,
}

impl LastLine {
    fn clear_progress(&mut self) {
        if self.redraw.take().is_some() {
            let _ = io::stderr().write_all(CLEAR.as_bytes());
        }
    }

    /// Draws the progress line, which then stays for at least `stays`.
    fn draw(&mut self, text: &str, stays: Duration) {
        self.redraw = Some(Instant::now() + stays);
        let line = format!("{CLEAR}{}", fit(text, MAX_WIDTH));
        let _ = io::stderr().write_all(line.as_bytes());
    }
}

impl Reporter {
    /// Returns a reporter for the same stderr. If `quiet`, it shows neither notes nor progress.
    pub(crate) fn quiet(&self, quiet: bool) -> Self {
        Self {
            quiet: self.quiet || quiet,
            ..self.clone()
        }
    }

    /// Sets whether the terminal understands escape sequences, which the progress line needs.
    pub(crate) fn animated(self, animated: bool) -> Self {
        Self { animated, ..self }
    }

    /// Redacts the key from now on, in this reporter and its clones.
    pub(crate) fn redact(&self, token: Token) {
        // The key cannot be set already: the configuration is resolved once.
        let _ = self.token.set(token);
    }

    /// Writes a note, unless notes are turned off. The note names the program unless stderr is a terminal.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            let program = if self.is_terminal() {
                ""
            } else {
                "algo-logs: "
            };
            self.write(&format!("{program}{}\n", self.clean(text)));
        }
    }

    /// Writes a note about a retry: on the progress line, if there is one.
    pub(crate) fn retry(&self, text: &str) {
        let mut last_line = self.lock();
        if last_line.wanted > 0 {
            last_line.draw(&self.clean(text), RETRY_INTERVAL);
            return;
        }
        drop(last_line);
        self.note(text);
    }

    /// Shortens the beginning of a note on a terminal, so that `rest` more columns fit on the line.
    pub(crate) fn fit(&self, text: &str, rest: usize) -> String {
        if self.is_terminal() {
            fit(&self.clean(text), MAX_WIDTH.saturating_sub(rest))
        } else {
            text.to_owned()
        }
    }

    /// Returns whether notes are turned off.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Returns whether stderr is a terminal. There, a note must fit 80 columns.
    pub(crate) fn is_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Returns an ID for a note, abbreviated to 8 characters on a terminal.
    pub(crate) fn id(&self, id: &str) -> String {
        self.prefix(8, id)
    }

    /// Returns a commit SHA for a note, abbreviated to 7 digits on a terminal.
    pub(crate) fn commit(&self, sha: &str) -> String {
        self.prefix(7, sha)
    }

    fn prefix(&self, max: usize, text: &str) -> String {
        if self.is_terminal() {
            self.redacted(text).chars().take(max).collect()
        } else {
            self.shorten(text)
        }
    }

    /// Writes an error as a line, or as a JSON object if `json`. Writes nothing if the program ends silently.
    pub(crate) fn error(&self, error: &CliError, json: bool) {
        if let Some(report) = error.report(json, |text| self.clean(text)) {
            self.write(&report);
        }
    }

    /// Shortens text from the service for a message.
    pub(crate) fn shorten(&self, text: &str) -> String {
        /// Longer than any ID, hash or time.
        const MAX_CHARS: usize = 80;
        // Redact the key first: after the cut, part of it would not be recognized.
        truncate(&self.redacted(text), MAX_CHARS)
    }

    /// Makes text safe to write as part of a line. Everything except the program's own usage passes through here.
    pub(super) fn clean(&self, text: &str) -> String {
        defuse(&sanitize_line(&self.redacted(text)))
    }

    /// Replaces the key in a text.
    pub(crate) fn redacted(&self, text: &str) -> String {
        match self.token.get() {
            Some(token) => token.redact(text),
            None => text.to_owned(),
        }
    }

    /// Writes whole lines with one call, so that they do not mix with another program's.
    pub(crate) fn write(&self, lines: &str) {
        let mut last_line = self.lock();
        last_line.clear_progress();
        let end = if last_line.log { "\n" } else { "" };
        last_line.log = false;
        let _ = write_all(&mut io::stderr(), format!("{end}{lines}").as_bytes());
    }

    /// Records log output that went to the same place as stderr, so that the next note starts on a new line.
    pub(crate) fn log_written(&self, bytes: &[u8]) {
        if let Some(last) = bytes.last() {
            self.lock().log = *last != b'\n';
        }
    }

    /// Returns a progress line. It is hidden unless notes are wanted and stderr is a terminal that can erase a line.
    pub(crate) fn progress(&self) -> Progress {
        let shown = !self.quiet && self.animated && self.is_terminal();
        self.lock().wanted += usize::from(shown);
        Progress {
            reporter: shown.then(|| self.clone()),
            started: Instant::now(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, LastLine> {
        self.last_line
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line on the terminal that shows the progress of a long operation. Dropping this erases the line.
#[derive(Debug)]
pub(crate) struct Progress {
    reporter: Option<Reporter>,
    started: Instant,
}

impl Progress {
    /// Returns whether the line is shown at all.
    pub(crate) fn is_shown(&self) -> bool {
        self.reporter.is_some()
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Draws the line, unless it was drawn a moment ago.
    pub(crate) fn show(&self, text: impl FnOnce() -> String) {
        let Some(reporter) = &self.reporter else {
            return;
        };
        let mut last_line = reporter.lock();
        if last_line.redraw.is_none_or(|time| Instant::now() >= time) {
            last_line.draw(&reporter.clean(&text()), REDRAW_INTERVAL);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(reporter) = &self.reporter {
            let mut last_line = reporter.lock();
            last_line.wanted -= 1;
            last_line.clear_progress();
        }
    }
}

/// Shortens text to a number of columns. Characters beyond ASCII can take two columns each.
fn fit(text: &str, columns: usize) -> String {
    let width = |c: char| if c.is_ascii() || c == '…' { 1 } else { 2 };
    if text.chars().map(width).sum::<usize>() <= columns {
        return text.to_owned();
    }
    let mut remaining = columns;
    let fits = |c: &char| {
        remaining = remaining.saturating_sub(width(*c));
        remaining > 0
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_fits_the_columns() {
        for (text, expected) in [
            ("", ""),
            ("abcde", "abcde"),
            ("abcdef", "abcd…"),
            ("ab…de", "ab…de"),
            ("長長a", "長長a"),
            ("長長長", "長長…"),
            ("a長長長", "a長…"),
        ] {
            assert_eq!(fit(text, 5), expected);
        }
    }
}
