//! The last lines of a log.

use std::collections::VecDeque;

/// Keeps the last `max` lines that are pushed. Its memory depends only on those lines.
pub(crate) struct Tail {
    max: usize,
    lines: VecDeque<Vec<u8>>,
}

impl Tail {
    pub(crate) fn new(max: usize) -> Self {
        let lines = VecDeque::new();
        Self { max, lines }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.max == 0 {
            return;
        }
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            match self.lines.back_mut() {
                Some(last) if !last.ends_with(b"\n") => last.extend_from_slice(line),
                _ => {
                    if self.lines.len() == self.max {
                        self.lines.pop_front();
                    }
                    self.lines.push_back(line.to_vec());
                }
            }
        }
    }

    /// Returns the kept lines.
    pub(crate) fn finish(self) -> Vec<u8> {
        Vec::from(self.lines).concat()
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
                assert!(
                    tail.finish() == expected.as_bytes(),
                    "{log:?} in chunks of {size}"
                );
            }
        }
    }
}
