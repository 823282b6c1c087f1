//! One line on a terminal that says how far long work has come, and is gone at its end.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Nobody reads faster than this, and a terminal far away is spared.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// Back to the beginning of the line, and what stands there away.
const CLEAR: &str = "\r\x1b[K";

/// Whether the line is on the terminal now. There is one stderr, so there is one line.
static DRAWN: AtomicBool = AtomicBool::new(false);

/// The line. It is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    /// When it was last drawn; `None` where it is never drawn.
    last: Option<Mutex<Option<Instant>>>,
    started: Instant,
}

impl Progress {
    /// A line on stderr, if that is a terminal and notes are wanted.
    pub(crate) fn new(quiet: bool) -> Self {
        let shown = !quiet && io::stderr().is_terminal();
        Self {
            last: shown.then(Mutex::default),
            started: Instant::now(),
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Draws the line, unless it was drawn just now.
    pub(crate) fn show(&self, text: impl FnOnce() -> String) {
        let Some(last) = &self.last else {
            return;
        };
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= SHORTEST_PAUSE) {
            *last = Some(Instant::now());
            DRAWN.store(true, Ordering::Relaxed);
            let _ = io::stderr().write_all(format!("{CLEAR}{}", text()).as_bytes());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        clear();
    }
}

/// Makes room for something that is to stay.
pub(crate) fn clear() {
    if DRAWN.swap(false, Ordering::Relaxed) {
        let _ = io::stderr().write_all(CLEAR.as_bytes());
    }
}

/// A number of bytes as people write it: `999 B`, `1.0 kB`, `12.3 MB`.
///
/// In whole numbers, here and below: what writes fractions is larger than all the rest of this file.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut tenths = rounded(count, 100);
    let mut unit = 0;
    while tenths >= 10_000 {
        tenths = rounded(tenths, 1000);
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// A time in seconds, to the tenth.
pub(crate) fn seconds(time: Duration) -> String {
    let tenths = rounded(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), 100);
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn rounded(number: u64, unit: u64) -> u64 {
    number / unit + u64::from(number % unit >= unit / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_bytes() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (12_345_678, "12.3 MB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn numbers_of_seconds() {
        for (millis, text) in [(0, "0.0"), (49, "0.0"), (50, "0.1"), (12_345, "12.3")] {
            assert_eq!(seconds(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn nothing_is_drawn_where_there_is_no_terminal() {
        let progress = Progress {
            last: None,
            started: Instant::now(),
        };
        progress.show(|| unreachable!("nobody would see it"));
    }
}
