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
    /// The memory of the line that was dropped last, for the next one.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn output(max_lines: usize, lines: &[&str]) -> Output {
        let mut output = Output::new(max_lines);
        for line in lines {
            output.push(line.as_bytes());
        }
        output
    }

    /// Checks the lines that are kept, the numbers of the earlier ones, and the count of all.
    #[track_caller]
    fn check(output: Output, kept: &[&str], earlier: &[u64], total: u64) {
        let mut explanation = Explanation::default();
        output.finish(usize::MAX, &mut explanation);
        let numbers: Vec<_> = explanation.earlier.iter().map(|line| line.line).collect();
        assert_eq!(
            (explanation.output, &*numbers, explanation.output_lines),
            (
                kept.iter().map(|&line| line.to_owned()).collect(),
                earlier,
                total
            )
        );
    }

    #[test]
    fn the_last_lines_are_kept_and_all_are_counted() {
        check(output(3, &[]), &[], &[], 0);
        check(output(3, &["a", "b"]), &["a", "b"], &[], 2);
        let lines = ["a", "b", "c", "d", "e"];
        check(output(3, &lines), &["c", "d", "e"], &[], 5);
        check(output(0, &["a", "b"]), &[], &[], 2);
    }

    #[test]
    fn a_run_of_blank_lines_counts_as_one() {
        check(
            output(9, &["", "a", "", " ", "\t", "b", "", ""]),
            &["a", "", "b"],
            &[],
            3,
        );
    }

    #[test]
    fn the_first_two_and_the_last_two_errors_above_the_cut_are_kept() {
        let error = "error: a";
        check(output(2, &[error, error]), &[error, error], &[], 2);
        check(output(2, &["a", error, "b", "c"]), &["b", "c"], &[2], 4);
        check(output(1, &[error; 5]), &[error], &[1, 2, 3, 4], 5);
        check(output(1, &[error; 9]), &[error], &[1, 2, 7, 8], 9);
        check(output(0, &[error, "a"]), &[], &[1], 2);
    }

    #[test]
    fn lines_can_be_moved_and_removed() {
        let mut first = output(3, &["error: a", "b", "error: c", "d"]);
        let mut second = output(3, &["e", "error: f", "g", "h", "i"]);
        first.append(&mut second);
        check(second, &[], &[], 0);
        first.remove_last();
        assert_eq!(first.last(), Some(&b"h"[..]));
        first.push(b"");
        first.push(b"i");
        first.remove_last();
        check(first, &["h"], &[1, 3, 6], 8);
        let mut first = output(3, &["error: a", "b"]);
        first.append(&mut output(3, &["c", "d"]));
        check(first, &["b", "c", "d"], &[1], 4);
    }

    #[test]
    fn words_that_report_an_error() {
        for word in [
            "error:",
            "Error:",
            "ERROR:",
            "error[",
            ": error ",
            "[ERROR]",
            "[error]",
            "fatal:",
            "panicked at",
            "panic:",
            "undefined reference",
            "Exception:",
            "npm error ",
            "FAILURE:",
            "went wrong",
            ": not found",
        ] {
            for line in [
                word.to_owned(),
                format!("a {word}"),
                format!("{word} a"),
                format!("é{word}é"),
            ] {
                assert!(reports_error(line.as_bytes()), "{line}");
            }
            for end in 0..word.len() {
                assert!(!reports_error(&word.as_bytes()[..end]), "{word}, {end}");
            }
        }
        for line in [
            "",
            "error",
            "0 errors",
            "Fatal: a",
            "npm errors",
            "not found",
            "[Error]",
        ] {
            assert!(!reports_error(line.as_bytes()), "{line}");
        }
    }
}
