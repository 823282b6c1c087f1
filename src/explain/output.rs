//! The last lines of a step's output, and the errors above them.

use std::collections::VecDeque;

use super::explanation::{EarlierLine, Explanation};
use super::lines::{is_blank, text};

/// The most lines above the cut that are kept because they report an error: the first two and the last two.
const MAX_EARLIER: usize = 4;

/// Keeps the last of the lines that are pushed, and counts all of them. A run of blank lines counts as one line, or as
/// none at the beginning and at the end.
pub(super) struct Output {
    max_lines: usize,
    kept: VecDeque<Vec<u8>>,
    /// Lines that are no longer kept but report an error, with their numbers.
    earlier: Vec<(u64, Vec<u8>)>,
    total: u64,
    is_blank_due: bool,
    /// The buffer of the line that was dropped last, reused for the next one.
    spare: Vec<u8>,
}

impl Output {
    pub(super) fn new(max_lines: usize) -> Self {
        Self {
            max_lines,
            kept: VecDeque::new(),
            earlier: Vec::new(),
            total: 0,
            is_blank_due: false,
            spare: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, line: &[u8]) {
        if is_blank(line) {
            self.is_blank_due = self.total > 0;
            return;
        }
        if std::mem::take(&mut self.is_blank_due) {
            self.keep(b"");
        }
        self.keep(line);
    }

    fn keep(&mut self, line: &[u8]) {
        let mut kept = std::mem::take(&mut self.spare);
        kept.clear();
        kept.extend_from_slice(line);
        self.kept.push_back(kept);
        self.total += 1;
        self.trim(self.max_lines);
    }

    /// Drops the oldest lines, so that at most `max_lines` are kept.
    fn trim(&mut self, max_lines: usize) {
        while self.kept.len() > max_lines {
            let number = self.total - self.kept.len() as u64 + 1;
            let line = self.kept.pop_front().unwrap_or_default();
            if reports_error(&line) {
                self.keep_earlier(number, line);
            } else {
                self.spare = line;
            }
        }
    }

    fn keep_earlier(&mut self, number: u64, line: Vec<u8>) {
        if self.earlier.len() == MAX_EARLIER {
            self.earlier.remove(MAX_EARLIER / 2);
        }
        self.earlier.push((number, line));
    }

    /// Moves all lines of `newer` to the end of these.
    pub(super) fn append(&mut self, newer: &mut Self) {
        let newer = std::mem::replace(newer, Self::new(newer.max_lines));
        let dropped = newer.total - newer.kept.len() as u64;
        if dropped > 0 {
            self.trim(0);
        }
        for (number, line) in newer.earlier {
            self.keep_earlier(self.total + number, line);
        }
        self.total += dropped;
        for line in newer.kept {
            self.push(&line);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.max_lines);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }

    pub(super) fn last(&self) -> Option<&[u8]> {
        self.kept.back().map(Vec::as_slice)
    }

    /// Removes the last line, and a blank one before it. They no longer count.
    pub(super) fn remove_last(&mut self) {
        self.total -= u64::from(self.kept.pop_back().is_some());
        if self.last().is_some_and(is_blank) {
            self.remove_last();
        }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.kept.iter().map(|line| text(line)).collect()
    }

    /// Puts the last `max_lines` lines, the errors above them and the count of all lines into `explanation`.
    pub(super) fn finish(mut self, max_lines: usize, explanation: &mut Explanation) {
        self.trim(max_lines);
        let earlier = self.earlier.iter().map(|(line, bytes)| EarlierLine {
            line: *line,
            text: text(bytes),
        });
        explanation.earlier = earlier.collect();
        explanation.output = self.lines();
        explanation.output_lines = self.total;
    }
}

/// Whether a line contains one of the words that report an error. Almost every line of a log is tested, so this looks
/// for a rare character of each word first.
fn reports_error(line: &[u8]) -> bool {
    line.iter().enumerate().any(|(at, byte)| {
        if !matches!(byte, b':' | b'[' | b'f' | b'k' | b'm' | b'w') {
            return false;
        }
        let (before, rest) = line.split_at(at);
        match byte {
            b':' => {
                before.ends_with(b"error")
                    || before.ends_with(b"Error")
                    || before.ends_with(b"ERROR")
                    || before.ends_with(b"fatal")
                    || before.ends_with(b"panic")
                    || before.ends_with(b"Exception")
                    || before.ends_with(b"FAILURE")
                    || rest.starts_with(b": error ")
                    || rest.starts_with(b": not found")
            }
            b'[' => {
                before.ends_with(b"error")
                    || rest.starts_with(b"[ERROR]")
                    || rest.starts_with(b"[error]")
            }
            b'f' => before.ends_with(b"unde") && rest.starts_with(b"fined reference"),
            b'k' => before.ends_with(b"panic") && rest.starts_with(b"ked at"),
            b'm' => before.ends_with(b"np") && rest.starts_with(b"m error "),
            _ => rest.starts_with(b"went wrong"),
        }
    })
}
