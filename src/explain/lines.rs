//! Prepares the lines of a log for the rules: drops line endings and escape sequences, and shortens long lines.

/// A longer line is shortened to its beginning and its end. The end matters: the line that reports a failure repeats
/// the whole command before the exit code.
pub(super) const MAX_LINE: usize = HEAD + TAIL;
const HEAD: usize = 1_500;
const TAIL: usize = 500;

const ESC: u8 = 0x1B;
const BEL: u8 = 0x07;

/// Splits a log into lines, regardless of how the log is chunked.
#[derive(Default)]
pub(super) struct Lines {
    /// The current line, if it must be copied from the input.
    line: Line,
}

impl Lines {
    /// Passes each line that ends in `log` to `each`.
    pub(super) fn push(&mut self, mut log: &[u8], mut each: impl FnMut(&[u8])) {
        while let Some((line, rest)) = split_line(log) {
            // Almost every line can be passed on without a copy.
            match line.unescaped() {
                Some(text) if self.line.is_new() && text.len() <= MAX_LINE => each(text),
                _ => {
                    self.line.push(line.bytes);
                    each(self.line.end());
                    self.line.clear();
                }
            }
            log = rest;
        }
        self.line.push(log);
    }

    /// Passes on the last line of the log, if no LF ended it.
    pub(super) fn finish(mut self, each: impl FnOnce(&[u8])) {
        if !self.line.is_new() {
            each(self.line.end());
        }
    }
}

/// A line without its LF or CR LF.
struct RawLine<'a> {
    bytes: &'a [u8],
    has_cr: bool,
    has_escape: bool,
}

impl<'a> RawLine<'a> {
    /// Returns the text of the line, if it has no escape sequences.
    fn unescaped(&self) -> Option<&'a [u8]> {
        if self.has_escape {
            return None;
        }
        if !self.has_cr {
            return Some(self.bytes);
        }
        let mut texts = self.bytes.rsplit(|&byte| byte == b'\r');
        Some(texts.find(|text| !is_blank(text)).unwrap_or_default())
    }
}

/// Splits off the first line.
fn split_line(log: &[u8]) -> Option<(RawLine<'_>, &[u8])> {
    let (mut has_cr, mut has_escape) = (false, false);
    let mut at = 0;
    let end = loop {
        at += find_special(&log[at..])?;
        match log[at..] {
            [b'\n', ..] => break at + 1,
            [b'\r', b'\n', ..] => break at + 2,
            [b'\r', ..] => has_cr = true,
            _ => has_escape = true,
        }
        at += 1;
    };
    let bytes = &log[..at];
    let line = RawLine {
        bytes,
        has_cr,
        has_escape,
    };
    Some((line, &log[end..]))
}

/// Finds the first LF, CR or ESC.
fn find_special(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += find_control(&bytes[at..])?;
        if matches!(bytes[at], b'\n' | b'\r' | ESC) {
            return Some(at);
        }
        at += 1;
    }
}

/// Finds the first ASCII control character, 16 bytes at a time.
fn find_control(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(block) = bytes[at..].first_chunk() {
        let block = u128::from_le_bytes(*block);
        // Two subtractions of 64 bits are faster than one of 128 bits, because neither half borrows from the other.
        let (low, high) = (block as u64, (block >> 64) as u64);
        let controls = u128::from(mark_controls(high)) << 64 | u128::from(mark_controls(low));
        if controls != 0 {
            return Some(at + controls.trailing_zeros() as usize / 8);
        }
        at += 16;
    }
    let rest = bytes[at..].iter().position(|&byte| byte < 0x20)?;
    Some(at + rest)
}

/// Sets the high bit of each byte below 0x20. Bits after the first may be wrong, but only the first is used.
fn mark_controls(word: u64) -> u64 {
    const EACH_BYTE: u64 = u64::MAX / 0xFF;
    word.wrapping_sub(EACH_BYTE * 0x20) & !word & (EACH_BYTE * 0x80)
}

/// Whether a line has no text but whitespace.
pub(super) fn is_blank(line: &[u8]) -> bool {
    line.trim_ascii_start().is_empty()
}

/// A line that is put together from pieces of input.
#[derive(Default)]
struct Line {
    escape: Escape,
    text: Shortened,
    /// The last text before a CR that was not blank.
    overwritten: Shortened,
}

/// The position of a line relative to an escape sequence.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    Outside,
    /// After ESC.
    Begun,
    /// After ESC and an intermediate byte, as in `ESC ( B`.
    Intermediate,
    /// In a control sequence, after `ESC [`.
    Control,
    /// In a string such as a window's title, up to BEL or `ESC \`.
    String,
}

impl Line {
    fn is_new(&self) -> bool {
        self.escape == Escape::Outside && self.text.is_empty() && self.overwritten.is_empty()
    }

    fn push(&mut self, mut bytes: &[u8]) {
        loop {
            if self.escape == Escape::Outside {
                let (text, rest) = bytes.split_at(find_special(bytes).unwrap_or(bytes.len()));
                self.text.push(text);
                bytes = rest;
            }
            let Some((&byte, rest)) = bytes.split_first() else {
                return;
            };
            self.escape = match (self.escape, byte) {
                (_, ESC) => Escape::Begun,
                (_, b'\r') => {
                    self.restart();
                    Escape::Outside
                }
                (Escape::Begun, b'[') => Escape::Control,
                (Escape::Begun, b']' | b'P' | b'X' | b'^' | b'_') => Escape::String,
                (Escape::Begun | Escape::Intermediate, b' '..=b'/') => Escape::Intermediate,
                (Escape::Begun | Escape::Intermediate, b'0'..=b'~') => Escape::Outside,
                (Escape::Control, b' '..=b'?') => Escape::Control,
                (Escape::Control, b'@'..=b'~') | (Escape::String, BEL) => Escape::Outside,
                (Escape::String, _) => Escape::String,
                // This is not an escape sequence after all. The byte is text.
                _ => {
                    self.escape = Escape::Outside;
                    continue;
                }
            };
            bytes = rest;
        }
    }

    /// Starts the line again after a CR. Before an LF, this does no harm: no text follows, so the earlier text is used.
    fn restart(&mut self) {
        if self.text.is_visible {
            std::mem::swap(&mut self.text, &mut self.overwritten);
        }
        self.text.clear();
    }

    fn end(&mut self) -> &[u8] {
        if self.text.is_visible || self.overwritten.is_empty() {
            self.text.join()
        } else {
            self.overwritten.join()
        }
    }

    fn clear(&mut self) {
        self.escape = Escape::Outside;
        self.text.clear();
        self.overwritten.clear();
    }
}

/// Text of any length, of which [`MAX_LINE`] bytes are kept.
#[derive(Default)]
struct Shortened {
    head: Vec<u8>,
    tail: Vec<u8>,
    is_cut: bool,
    is_visible: bool,
}

impl Shortened {
    fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    fn push(&mut self, text: &[u8]) {
        self.is_visible |= !is_blank(text);
        let (head, rest) = text.split_at(text.len().min(HEAD - self.head.len()));
        self.head.extend_from_slice(head);
        self.is_cut |= self.tail.len() + rest.len() > TAIL;
        let rest = &rest[rest.len().saturating_sub(TAIL)..];
        self.tail.extend_from_slice(rest);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
    }

    /// Returns the text in one piece. Nothing may be pushed after that.
    fn join(&mut self) -> &[u8] {
        if self.is_cut {
            // Either cut may split a character.
            let is_continuation = |byte: &&u8| **byte & 0xC0 == 0x80;
            let last = self
                .head
                .iter()
                .rev()
                .take(3)
                .take_while(is_continuation)
                .count()
                + 1;
            let start = self.head.len() - last;
            if std::str::from_utf8(&self.head[start..]).is_err() {
                self.head.truncate(start);
            }
            let end = self.tail.iter().take(3).take_while(is_continuation).count();
            self.tail.drain(..end);
        }
        self.head.append(&mut self.tail);
        &self.head
    }

    fn clear(&mut self) {
        self.head.clear();
        self.tail.clear();
        self.is_cut = false;
        self.is_visible = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for piece in pieces {
            lines.push(piece, |line| found.push(line.to_vec()));
        }
        lines.finish(|line| found.push(line.to_vec()));
        found
    }

    /// Checks the lines of a log that arrives whole, in two pieces cut at every place, and byte by byte.
    #[track_caller]
    fn check(log: &str, expected: &[&str]) {
        let log = log.as_bytes();
        let expected: Vec<_> = expected.iter().map(|line| line.as_bytes()).collect();
        assert_eq!(lines([log]), expected);
        for at in 0..log.len() {
            let (head, tail) = log.split_at(at);
            assert_eq!(lines([head, tail]), expected, "cut at {at}");
        }
        assert_eq!(lines(log.chunks(1)), expected, "byte by byte");
    }

    #[test]
    fn line_ends() {
        check("", &[]);
        check("a\n\nb", &["a", "", "b"]);
        check("a\r\nb\r\r\nc\r", &["a", "b", "c"]);
        check("a\tb\u{8}\u{c}c\n", &["a\tb\u{8}\u{c}c"]);
    }

    #[test]
    fn the_first_control_character_is_found() {
        for filler in [b' ', b'~', 0x7F, 0x80, 0xFF] {
            for first in 0..40 {
                for control in [0, b'\n', 0x1F] {
                    let mut bytes = [filler; 48];
                    bytes[first] = control;
                    bytes[first + 1] = 0;
                    bytes[first + 8] = 0;
                    assert_eq!(find_control(&bytes), Some(first), "{filler} {control}");
                    assert_eq!(find_control(&bytes[..first]), None, "{filler}");
                }
            }
        }
    }

    #[test]
    fn a_lone_cr_restarts_the_line() {
        check("10 %\r20 %\r100 %\r\n", &["100 %"]);
        check("10 %\r20 %\r  \r\ndone\n", &["20 %", "done"]);
        check("\x1b[1m10 %\r20 %\r\x1b[m\r\n", &["20 %"]);
        check("\r\rnew\n", &["new"]);
    }

    #[test]
    fn escape_sequences_are_dropped() {
        check("\x1b[0mStep \x1b[38;5;2m1\x1b[m/2\n", &["Step 1/2"]);
        check(
            "\x1b]0;title\x07a\x1b]8;;url\x1b\\b\x1b(Bc\x1b=d\n",
            &["abcd"],
        );
        // An invalid sequence is text, and no sequence continues on the next line.
        check("\x1b[1é\x1b\u{1}x\n", &["é\u{1}x"]);
        check("a\x1b]0;title\nb\x1b\nc\x1b[31\rd\x1b", &["a", "b", "d"]);
    }

    #[test]
    fn long_lines_are_shortened() {
        let log = format!("{}{}", "a".repeat(1_500), "b".repeat(500));
        check(&log, &[&log]);
        let long = format!("{}{}{}", "a".repeat(1_500), "x".repeat(5), "b".repeat(500));
        check(&format!("{long}\n"), &[&log]);
        check(&format!("{long}\r{long}\r\n"), &[&log]);
        // No character is split.
        let long = format!(
            "{}éé{}éé{}",
            "a".repeat(1_497),
            "x".repeat(5),
            "b".repeat(497)
        );
        let short = format!("{}éé{}", "a".repeat(1_497), "b".repeat(497));
        check(&long, &[&short]);
    }
}
