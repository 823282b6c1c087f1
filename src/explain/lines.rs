//! Prepares the lines of a log for the rules: drops line endings and escape sequences, and shortens long lines. Also
//! has the tests of lines that both builders share.

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
fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
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

    /// Restarts the line. It still belongs to the vertex that printed its beginning.
    fn restart(&mut self) {
        if self.vertex.is_none() && !self.overwritten.is_visible {
            if let Some((vertex, output)) = timed(&self.text.bytes) {
                let prefix = self.text.bytes.len() - output.len();
                self.vertex = Some(vertex);
                self.text.remove_prefix(prefix);
            }
        }
        let text = std::mem::take(&mut self.text);
        if text.is_visible {
            self.overwritten = text;
        }
    }

    fn end(&mut self) -> Line<'_> {
        let text = if self.overwritten.is_visible && !self.text.is_visible {
            &mut self.overwritten
        } else {
            &mut self.text
        };
        text.repair();
        Line {
            text: &text.bytes,
            vertex: self.vertex,
            cut: text.cut,
        }
    }
}

/// Text of any length, of which [`MAX_LINE`] bytes are kept.
#[derive(Default)]
struct Shortened {
    bytes: Vec<u8>,
    /// Where the middle is missing.
    cut: Option<usize>,
    is_visible: bool,
}

impl Shortened {
    fn push(&mut self, text: &[u8]) {
        self.is_visible |= !is_blank(text);
        for piece in text.chunks(MAX_LINE) {
            self.bytes.extend_from_slice(piece);
            if self.bytes.len() > MAX_LINE {
                self.bytes.drain(HEAD..self.bytes.len() - TAIL);
                self.cut = Some(HEAD);
            }
        }
    }

    /// Removes the first bytes. Nothing may be pushed after that.
    fn remove_prefix(&mut self, length: usize) {
        self.bytes.drain(..length);
        self.cut = self.cut.map(|cut| cut.saturating_sub(length));
        self.is_visible = !is_blank(&self.bytes);
    }

    /// Removes the rest of characters that were cut. Nothing may be pushed after that.
    fn repair(&mut self) {
        let Some(cut) = &mut self.cut else { return };
        let (head, tail) = self.bytes.split_at(*cut);
        let last = head.utf8_chunks().last();
        let start = *cut - last.map_or(0, |chunk| chunk.invalid().len());
        let is_continuation = |byte: &&u8| **byte & 0xC0 == 0x80;
        let end = *cut + tail.iter().take(3).take_while(is_continuation).count();
        self.bytes.drain(start..end);
        *cut = start;
    }
}
