//! The last lines of a step's output.

use super::lines::{MAX_LINE, is_blank};
use super::{Failure, text};

/// Keeps the last of the lines that are pushed, and counts all of them. A run of blank lines counts as one line, or as
/// none at the beginning and at the end.
pub(super) struct Output {
    max_lines: usize,
    /// A ring buffer, so that a new line reuses the memory of the oldest.
    ring: Vec<Vec<u8>>,
    /// Where in the ring the oldest line is, and how many lines are kept.
    first: usize,
    kept: usize,
    total: u64,
    is_blank_due: bool,
    allocated: usize,
}

impl Output {
    pub(super) fn new(max_lines: usize) -> Self {
        Self {
            max_lines,
            ring: Vec::new(),
            first: 0,
            kept: 0,
            total: 0,
            is_blank_due: false,
            allocated: 0,
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
        self.total += 1;
        if self.max_lines == 0 {
            return;
        }
        let at = self.slot(self.kept);
        if self.kept == self.max_lines {
            self.first = self.slot(1);
        } else {
            self.kept += 1;
        }
        if at == self.ring.len() {
            self.ring.push(Vec::new());
        }
        let kept = &mut self.ring[at];
        kept.clear();
        if kept.capacity() < line.len() {
            self.allocated -= kept.capacity();
            kept.reserve_exact(line.len().next_power_of_two().min(MAX_LINE));
            self.allocated += kept.capacity();
        }
        kept.extend_from_slice(line);
    }

    /// Returns where in the ring the line is that is `n` lines after the oldest.
    fn slot(&self, n: usize) -> usize {
        let at = self.first + n;
        if at < self.max_lines {
            at
        } else {
            at - self.max_lines
        }
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.kept).map(|n| self.ring[self.slot(n)].as_slice())
    }

    /// Moves all lines of `newer` to the end of these.
    pub(super) fn append(&mut self, newer: &mut Self) {
        for line in newer.lines() {
            self.push(line);
        }
        self.total += newer.total - newer.kept as u64;
        newer.clear();
    }

    /// Forgets the lines, but keeps their memory.
    pub(super) fn clear(&mut self) {
        self.first = 0;
        self.kept = 0;
        self.total = 0;
        self.is_blank_due = false;
    }

    /// Returns how many bytes of memory are allocated for lines.
    pub(super) fn allocated(&self) -> usize {
        self.allocated
    }

    /// Frees the oldest line. It still counts.
    pub(super) fn free_first(&mut self) {
        if self.kept > 0 {
            self.allocated -= std::mem::take(&mut self.ring[self.first]).capacity();
            self.first = self.slot(1);
            self.kept -= 1;
        }
    }

    pub(super) fn last(&self) -> Option<&[u8]> {
        self.lines().last()
    }

    /// Removes the last line. It no longer counts.
    pub(super) fn remove_last(&mut self) {
        if self.kept > 0 {
            self.kept -= 1;
            self.total -= 1;
        }
    }

    /// Puts the last `lines` lines and the count of all lines into `failure`.
    pub(super) fn finish(self, lines: usize, failure: &mut Failure) {
        let excess = self.kept.saturating_sub(lines);
        failure.output = self.lines().skip(excess).map(text).collect();
        failure.output_lines = self.total;
    }
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

    #[track_caller]
    fn check(output: Output, expected: &[&str], total: u64) {
        let mut failure = Failure::default();
        output.finish(usize::MAX, &mut failure);
        assert_eq!(
            (failure.output.as_slice(), failure.output_lines),
            (
                &expected.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..],
                total
            )
        );
    }

    #[test]
    fn the_last_lines_are_kept_and_all_are_counted() {
        check(output(3, &[]), &[], 0);
        check(output(3, &["a", "b"]), &["a", "b"], 2);
        check(output(3, &["a", "b", "c", "d", "e"]), &["c", "d", "e"], 5);
        check(output(0, &["a", "b"]), &[], 2);
    }

    #[test]
    fn a_run_of_blank_lines_counts_as_one() {
        check(
            output(9, &["", "a", "", " ", "\t", "b", "", ""]),
            &["a", "", "b"],
            3,
        );
    }

    #[test]
    fn lines_can_be_moved_and_removed() {
        let mut first = output(3, &["a", "b", "c", "d"]);
        let mut second = output(3, &["e", "f", "g", "h", "i"]);
        first.append(&mut second);
        check(second, &[], 0);
        first.remove_last();
        assert_eq!(first.last(), Some(&b"h"[..]));
        first.push(b"j");
        first.free_first();
        check(first, &["h", "j"], 9);
    }

    #[test]
    fn memory_is_reused_and_freed() {
        let line = "x".repeat(MAX_LINE);
        let mut output = output(3, &[&line, &line, &line, &line, "a"]);
        assert_eq!(output.allocated(), 3 * MAX_LINE);
        output.free_first();
        assert_eq!(output.allocated(), 2 * MAX_LINE);
    }
}
