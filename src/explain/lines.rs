//! Prepares the lines of a log for the rules: drops line endings and escape sequences, and shortens long lines. Has the
//! tests on lines that both builders use.

use std::io::BufRead;
use std::str::FromStr;

/// A longer line is shortened to its beginning and its end. The end matters: the line that reports a failure repeats
/// the whole command before the exit code.
const MAX_LINE: usize = HEAD + TAIL;
const HEAD: usize = 1_500;
const TAIL: usize = 500;

const ESC: u8 = 0x1B;
const BEL: u8 = 0x07;

/// A line of a log, prepared for the rules.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) text: &'a [u8],
    /// The vertex of BuildKit that printed `text`, if a CR restarted the line after `#N SECONDS `.
    pub(super) vertex: Option<u64>,
    /// Where the middle of a long line is missing.
    pub(super) cut: Option<usize>,
}

/// Splits a log into lines, regardless of how the log is chunked.
#[derive(Default)]
pub(super) struct Lines {
    /// The current line, if it must be copied from the input.
    partial: Partial,
}

impl Lines {
    /// Passes each line that ends in `log` to `each`.
    pub(super) fn push(&mut self, mut log: &[u8], mut each: impl FnMut(Line<'_>)) {
        while let Some(end) = find_line_end(log) {
            let text = &log[..end];
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            // Almost every line can be passed on without a copy.
            if !self.partial.is_begun
                && text.len() <= MAX_LINE
                && !text.contains(&b'\r')
                && !text.contains(&ESC)
            {
                each(Line {
                    text,
                    vertex: None,
                    cut: None,
                });
            } else {
                let mut line = std::mem::take(&mut self.partial);
                line.push(text);
                each(line.end());
            }
            log = &log[end + 1..];
        }
        self.partial.push(log);
    }

    /// Passes on an unterminated last line.
    pub(super) fn finish(mut self, each: impl FnOnce(Line<'_>)) {
        if self.partial.is_begun {
            each(self.partial.end());
        }
    }
}

/// Finds the first LF. std's own search is much faster than one byte by byte.
fn find_line_end(bytes: &[u8]) -> Option<usize> {
    let end = (&mut &*bytes).skip_until(b'\n').ok()?.checked_sub(1)?;
    (bytes[end] == b'\n').then_some(end)
}

/// Whether a line has only whitespace.
pub(super) fn is_blank(line: &[u8]) -> bool {
    line.trim_ascii_start().is_empty()
}

/// Whether a line reports that an image was removed, as a cluster does after a build.
pub(super) fn is_cleanup(line: &[u8]) -> bool {
    line.starts_with(b"Untagged: ")
        || line
            .strip_prefix(b"Deleted: sha256:")
            .is_some_and(|digest| digest.len() == 64 && digest.iter().all(u8::is_ascii_hexdigit))
}

/// Splits `#N 12.345 output`, a line of BuildKit, into the vertex and its output.
pub(super) fn timed(line: &[u8]) -> Option<(u64, &[u8])> {
    let (vertex, rest) = leading_number(line.strip_prefix(b"#")?)?;
    let (seconds, rest) = split_digits(rest.strip_prefix(b" ")?);
    let (fraction, rest) = split_digits(rest.strip_prefix(b".")?);
    let is_time = !seconds.is_empty() && !fraction.is_empty();
    let is_end = rest.is_empty() || rest.starts_with(b" ");
    (is_time && is_end).then(|| (vertex, rest.strip_prefix(b" ").unwrap_or(rest)))
}

/// Splits off the digits that a text begins with.
pub(super) fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    text.split_at(digits.count())
}

/// Splits off the number that a text begins with.
pub(super) fn leading_number<T: FromStr>(text: &[u8]) -> Option<(T, &[u8])> {
    let (digits, rest) = split_digits(text);
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((number, rest))
}

pub(super) fn find(line: &[u8], words: &[u8]) -> Option<usize> {
    line.windows(words.len()).position(|bytes| bytes == words)
}

pub(super) fn find_last(line: &[u8], words: &[u8]) -> Option<usize> {
    line.windows(words.len()).rposition(|bytes| bytes == words)
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A line that is put together from pieces of input.
#[derive(Default)]
struct Partial {
    is_begun: bool,
    escape: Escape,
    /// A CR, which restarts the line unless an LF follows.
    has_cr: bool,
    vertex: Option<u64>,
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

impl Partial {
    fn push(&mut self, mut bytes: &[u8]) {
        self.is_begun |= !bytes.is_empty();
        while let Some(&byte) = bytes.first() {
            if std::mem::take(&mut self.has_cr) {
                self.restart();
            }
            if self.escape == Escape::Outside && !matches!(byte, b'\r' | ESC) {
                let special = bytes.iter().position(|byte| matches!(byte, b'\r' | &ESC));
                let (text, rest) = bytes.split_at(special.unwrap_or(bytes.len()));
                self.text.push(text);
                bytes = rest;
                continue;
            }
            self.escape = match (self.escape, byte) {
                (_, ESC) => Escape::Begun,
                (_, b'\r') => {
                    self.has_cr = true;
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
            bytes = &bytes[1..];
        }
    }

    /// Starts the line again. The time that BuildKit writes in front of output stays in force.
    fn restart(&mut self) {
        if self.vertex.is_none() && !self.overwritten.is_visible {
            if let Some((vertex, output)) = timed(&self.text.head) {
                let prefix = self.text.head.len() - output.len();
                self.vertex = Some(vertex);
                self.text.head.drain(..prefix);
                self.text.is_visible = !is_blank(&self.text.head);
            }
        }
        let text = std::mem::take(&mut self.text);
        if text.is_visible {
            self.overwritten = text;
        }
    }

    fn end(&mut self) -> Line<'_> {
        let text = match self.overwritten.is_visible && !self.text.is_visible {
            true => &mut self.overwritten,
            false => &mut self.text,
        };
        let cut = text.join();
        Line {
            text: &text.head,
            vertex: self.vertex,
            cut,
        }
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
    fn push(&mut self, text: &[u8]) {
        self.is_visible |= !is_blank(text);
        let (head, rest) = text.split_at(text.len().min(HEAD - self.head.len()));
        self.head.extend_from_slice(head);
        self.is_cut |= self.tail.len() + rest.len() > TAIL;
        let rest = &rest[rest.len().saturating_sub(TAIL)..];
        self.tail.extend_from_slice(rest);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
    }

    /// Joins the text in `head`, and returns where the middle is missing. Nothing may be pushed after that.
    fn join(&mut self) -> Option<usize> {
        if self.is_cut {
            // Either cut may split a character.
            let last = self.head.utf8_chunks().last();
            let split = last.map_or(0, |chunk| chunk.invalid().len());
            self.head.truncate(self.head.len() - split);
            let is_continuation = |byte: &&u8| **byte & 0xC0 == 0x80;
            let end = self.tail.iter().take(3).take_while(is_continuation).count();
            self.tail.drain(..end);
        }
        let cut = self.is_cut.then_some(self.head.len());
        self.head.append(&mut self.tail);
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for piece in pieces {
            lines.push(piece, |line| found.push(line.text.to_vec()));
        }
        lines.finish(|line| found.push(line.text.to_vec()));
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
