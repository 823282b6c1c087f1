//! Notes, errors and the progress line: everything on stderr.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::output::sanitize::sanitize_line;

/// The shortest time between two drawings of the progress line.
const REDRAW_INTERVAL: Duration = Duration::from_millis(100);

/// Moves the cursor to the start of the line and erases the line.
const CLEAR: &str = "\r\x1b[K";

/// Writes notes and errors to stderr, and takes the progress line away first.
///
/// Clones share that line. Errors of writing are ignored: a lost note must not stop the data.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reporter {
    quiet: bool,
    /// When the progress line was last drawn; `None` while it is not on the screen.
    drawn: Arc<Mutex<Option<Instant>>>,
}

impl Reporter {
    /// Returns a reporter for the same screen. If `quiet`, it shows neither notes nor progress.
    pub(crate) fn quiet(&self, quiet: bool) -> Self {
        Self {
            quiet: self.quiet || quiet,
            ..self.clone()
        }
    }

    /// Writes a note, unless notes are turned off.
    pub(crate) fn say(&self, note: &str) {
        if !self.quiet {
            self.write(&format!("algo-logs: {}\n", sanitize_line(note)));
        }
    }

    /// Writes whole lines in one piece, so that they do not mix with another program's.
    pub(crate) fn write(&self, lines: &str) {
        let mut drawn = self.lock();
        clear(&mut drawn);
        let _ = io::stderr().write_all(lines.as_bytes());
    }

    /// Returns the progress line, hidden unless stderr is a terminal and notes are wanted.
    pub(crate) fn progress(&self) -> Progress {
        let shown = !self.quiet && io::stderr().is_terminal();
        Progress {
            reporter: shown.then(|| self.clone()),
            started: Instant::now(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn clear(drawn: &mut Option<Instant>) {
    if drawn.take().is_some() {
        let _ = io::stderr().write_all(CLEAR.as_bytes());
    }
}

/// A line on the terminal that shows how far a long operation is, and disappears when this is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    reporter: Option<Reporter>,
    started: Instant,
}

impl Progress {
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Draws the line, unless it was drawn a moment ago.
    pub(crate) fn show(&self, text: impl FnOnce() -> String) {
        let Some(reporter) = &self.reporter else {
            return;
        };
        let mut drawn = reporter.lock();
        if drawn.is_none_or(|at| at.elapsed() >= REDRAW_INTERVAL) {
            *drawn = Some(Instant::now());
            let _ = io::stderr().write_all(format!("{CLEAR}{}", text()).as_bytes());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(reporter) = &self.reporter {
            clear(&mut reporter.lock());
        }
    }
}
