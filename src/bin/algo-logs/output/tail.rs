//! The last lines of a log.

use std::collections::VecDeque;

/// Keeps the last `max` lines that are pushed. Its memory depends only on those lines.
pub(crate) struct Tail {
    max: usize,
    bytes: VecDeque<u8>,
    /// The number of line ends in `bytes`.
    line_ends: usize,
}

impl Tail {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            bytes: VecDeque::new(),
            line_ends: 0,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.max == 0 {
            return;
        }
        // Go line by line, so that a large chunk of short lines is never held as a whole.
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            if self.line_ends == self.max {
                self.drop_first_line();
            }
            self.bytes.extend(line);
            if line.ends_with(b"\n") {
                self.line_ends += 1;
            }
        }
    }

    /// Returns the kept lines as two consecutive slices.
    pub(crate) fn as_slices(&self) -> (&[u8], &[u8]) {
        self.bytes.as_slices()
    }

    fn drop_first_line(&mut self) {
        if let Some(end) = self.bytes.iter().position(|&byte| byte == b'\n') {
            self.bytes.drain(..=end);
            self.line_ends -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_however_the_log_is_chunked() {
        for (max, log, expected) in [
            (0, "a\nb\n", ""),
            (1, "a\nb\n", "b\n"),
            (1, "a\nb", "b"),
            (2, "a\nb\nc", "b\nc"),
            (2, "a\nb\nc\n", "b\nc\n"),
            (2, "\n\n\n", "\n\n"),
            (9, "a\nb", "a\nb"),
            (3, "", ""),
        ] {
            for size in 1..=log.len().max(1) {
                let mut tail = Tail::new(max);
                for chunk in log.as_bytes().chunks(size) {
                    tail.push(chunk);
                }
                let (first, second) = tail.as_slices();
                let kept = [first, second].concat();
                assert!(kept == expected.as_bytes(), "{log:?} in chunks of {size}");
            }
        }
    }
}
