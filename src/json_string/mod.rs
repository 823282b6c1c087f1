//! Reads one string from a JSON document that arrives as a stream.
//!
//! A log is a single JSON string of any size. [`JsonString`] reads the document through one fixed buffer, unescapes
//! the string at a key path as it arrives, and validates the rest by RFC 8259, to the end of the reader. `Ok(0)`
//! therefore means that the document was complete and that nothing followed it.

mod unescape;

use std::collections::VecDeque;
use std::io::{self, Read};

use serde::de::IgnoredAny;

use unescape::{Item, MAX_CHAR, Stop, next_item, unescape};

/// The size of the buffer in bytes. It stays in a core's cache; larger buffers are hardly faster.
const BUFFER: usize = 64 * 1024;

/// How many objects and arrays may be open at once. Skipping a value recurses that deep.
const MAX_DEPTH: usize = 128;

/// A number in a member that is skipped has at most this many characters. RFC 8259 allows such a limit.
const MAX_SCALAR: usize = 1024;

/// The reason if a value is followed by neither of these.
const AFTER_VALUE: &str = "expected ',' or a closing bracket";

/// Reads the string at a key path of a JSON object, unescaped, in constant memory.
///
/// The result is always UTF-8: lone surrogates and invalid UTF-8 in the string become U+FFFD and are counted.
pub(crate) struct JsonString<R> {
    reader: R,
    buffer: Box<[u8]>,
    /// The unread bytes are `buffer[start..end]`.
    start: usize,
    end: usize,
    /// The offset in the document of the buffer's first byte.
    base: u64,

    path: &'static [&'static str],
    state: State,
    /// How many objects of the path are open, the document itself included.
    depth: usize,
    /// How many keys of the path have been found. Keys are unique per level, so a counter detects repeats.
    matched: usize,

    found: bool,
    replacements: u64,
    /// Decoded bytes that did not fit into a buffer smaller than [`MAX_CHAR`].
    pending: VecDeque<u8>,
}

/// The position in the document, relative to the objects of the path.
#[derive(Clone, Copy)]
enum State {
    /// Before the document.
    Start,
    /// After the `{` of an object of the path.
    ObjectStart,
    /// After a member of an object of the path.
    AfterMember,
    /// Inside the wanted string.
    InString,
    /// After the document, where only whitespace may follow.
    AfterDocument,
    /// At the end of the reader, which is not read again.
    Done,
}

/// Why decoding failed.
#[derive(Debug)]
pub(crate) enum DecodeError {
    /// The reader failed.
    Read(io::Error),
    /// The reader ended before the document did.
    Truncated,
    /// The document is not JSON, or not of the expected shape.
    Invalid {
        /// The offset of the offending byte in the document.
        offset: u64,
        reason: &'static str,
    },
}

impl<R: Read> JsonString<R> {
    /// Decodes the string at `path`, given as keys from the outermost object inwards.
    pub(crate) fn new(reader: R, path: &'static [&'static str]) -> Self {
        JsonString {
            reader,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            start: 0,
            end: 0,
            base: 0,
            path,
            state: State::Start,
            depth: 0,
            matched: 0,
            found: false,
            replacements: 0,
            pending: VecDeque::new(),
        }
    }

    /// Decodes the next bytes of the string into `buf` and returns their number.
    ///
    /// 0 means that the reader has ended and the whole document was valid (or that `buf` is empty). Everything decoded
    /// before an error is returned before the error. After an error the caller must not read on, because the result
    /// would be unspecified.
    pub(crate) fn read(&mut self, buf: &mut [u8]) -> Result<usize, DecodeError> {
        if buf.is_empty() {
            return Ok(0);
        }
        if self.pending.is_empty() {
            if buf.len() >= MAX_CHAR {
                return self.decode(buf);
            }
            let mut char = [0; MAX_CHAR];
            let length = self.decode(&mut char)?;
            self.pending.extend(&char[..length]);
        }
        self.pending.read(buf).map_err(DecodeError::Read)
    }

    /// Reads up to the first byte of the string, or to the end if there is no string. Returns whether it has any text.
    pub(crate) fn has_content(&mut self) -> Result<bool, DecodeError> {
        Ok(self.find_string()? && self.peek()? != b'"')
    }

    /// Returns whether the document has a string at the path, as far as it has been read. A `null` does not count.
    pub(crate) fn found(&self) -> bool {
        self.found
    }

    /// Returns how many lone surrogates and invalid sequences have become U+FFFD so far.
    pub(crate) fn replacements(&self) -> u64 {
        self.replacements
    }

    pub(crate) fn get_ref(&self) -> &R {
        &self.reader
    }

    /// Decodes into `buf`, which must have room for a character.
    fn decode(&mut self, buf: &mut [u8]) -> Result<usize, DecodeError> {
        while self.find_string()? {
            let progress = unescape(&self.buffer[self.start..self.end], buf);
            self.start += progress.read;
            self.replacements += progress.replacements;
            if let Some(Stop::Quote) = progress.stop {
                self.start += 1;
                self.state = State::AfterMember;
            }
            if progress.written > 0 {
                return Ok(progress.written);
            }
            match progress.stop {
                Some(Stop::Incomplete) => self.need_more()?,
                Some(Stop::Invalid { at, reason }) => return Err(self.invalid_at(at, reason)),
                Some(Stop::Quote) | None => {}
            }
        }
        Ok(0)
    }

    /// Reads up to the wanted string and returns true, or to the end of the reader and returns false.
    fn find_string(&mut self) -> Result<bool, DecodeError> {
        loop {
            match self.state {
                State::Start => {
                    self.expect(b'{', "not an object")?;
                    self.enter_object();
                }
                State::ObjectStart => {
                    if self.skip_if(b'}')? {
                        self.leave_object();
                    } else {
                        self.member()?;
                    }
                }
                State::AfterMember => {
                    if self.skip_if(b',')? {
                        self.member()?;
                    } else {
                        self.expect(b'}', AFTER_VALUE)?;
                        self.leave_object();
                    }
                }
                State::InString => return Ok(true),
                State::AfterDocument => self.expect_end()?,
                State::Done => return Ok(false),
            }
        }
    }

    /// Reads a member of an object of the path. If its value is the next object of the path or the wanted string, stops
    /// after its opening `{` or `"`.
    fn member(&mut self) -> Result<(), DecodeError> {
        self.expect(b'"', "expected a key")?;
        let key_offset = self.offset() - 1;
        if !self.key_is(self.path[self.depth - 1])? {
            self.expect(b':', "expected ':'")?;
            self.state = State::AfterMember;
            return self.skip_value(self.depth);
        }
        if self.matched >= self.depth {
            return Err(DecodeError::Invalid {
                offset: key_offset,
                reason: "a repeated key",
            });
        }
        self.matched = self.depth;
        self.expect(b':', "expected ':'")?;
        match (self.token()?, self.depth == self.path.len()) {
            (b'n', _) => {
                self.state = State::AfterMember;
                self.skip_scalar()?;
            }
            (b'"', true) => {
                self.start += 1;
                self.state = State::InString;
                self.found = true;
            }
            (b'{', false) => {
                self.start += 1;
                self.enter_object();
            }
            (_, true) => return Err(self.invalid("not a string")),
            (_, false) => return Err(self.invalid("not an object")),
        }
        Ok(())
    }

    fn enter_object(&mut self) {
        self.depth += 1;
        self.state = State::ObjectStart;
    }

    fn leave_object(&mut self) {
        self.depth -= 1;
        self.state = match self.depth {
            0 => State::AfterDocument,
            _ => State::AfterMember,
        };
    }

    /// Reads to the end of the reader, where it reports a truncated transfer or a wrong checksum.
    fn expect_end(&mut self) -> Result<(), DecodeError> {
        loop {
            while self.start < self.end {
                if !is_whitespace(self.buffer[self.start]) {
                    return Err(self.invalid("trailing data"));
                }
                self.start += 1;
            }
            if !self.fill()? {
                self.state = State::Done;
                return Ok(());
            }
        }
    }

    /// Skips a value that is inside `depth` objects and arrays.
    fn skip_value(&mut self, depth: usize) -> Result<(), DecodeError> {
        match self.token()? {
            b'{' | b'[' if depth == MAX_DEPTH => Err(self.invalid("nested too deeply")),
            b'{' => self.skip_until(b'}', depth + 1),
            b'[' => self.skip_until(b']', depth + 1),
            b'"' => {
                self.start += 1;
                self.read_string(|_| ())
            }
            _ => self.skip_scalar(),
        }
    }

    /// Skips an object or an array, from its opening byte to `close`.
    fn skip_until(&mut self, close: u8, depth: usize) -> Result<(), DecodeError> {
        self.start += 1;
        if self.skip_if(close)? {
            return Ok(());
        }
        loop {
            if close == b'}' {
                self.expect(b'"', "expected a key")?;
                self.read_string(|_| ())?;
                self.expect(b':', "expected ':'")?;
            }
            self.skip_value(depth)?;
            if !self.skip_if(b',')? {
                return self.expect(close, AFTER_VALUE);
            }
        }
    }

    /// Skips a number, `true`, `false` or `null`.
    fn skip_scalar(&mut self) -> Result<(), DecodeError> {
        let offset = self.offset();
        let mut scalar = Vec::new();
        while matches!(self.peek()?, b'0'..=b'9' | b'a'..=b'z' | b'E' | b'+' | b'-' | b'.') {
            scalar.push(self.buffer[self.start]);
            if scalar.len() > MAX_SCALAR {
                return Err(self.invalid("a number is too long"));
            }
            self.start += 1;
        }
        match serde_json::from_slice(&scalar) {
            Ok(IgnoredAny) => Ok(()),
            Err(_) => Err(DecodeError::Invalid {
                offset,
                reason: "expected a value",
            }),
        }
    }

    /// Reads a key after its opening quote, and returns whether it equals `wanted`.
    fn key_is(&mut self, wanted: &str) -> Result<bool, DecodeError> {
        let mut rest = Some(wanted.as_bytes());
        self.read_string(|part| rest = rest.and_then(|rest| rest.strip_prefix(part)))?;
        Ok(rest == Some(b""))
    }

    /// Reads a string after its opening quote, and calls `part` with each part of it, unescaped. Invalid UTF-8 is an
    /// error, unlike in the wanted string.
    fn read_string(&mut self, mut part: impl FnMut(&[u8])) -> Result<(), DecodeError> {
        loop {
            match next_item(&self.buffer[self.start..self.end], BUFFER) {
                Ok((length, item)) => {
                    match item {
                        Item::Text(text) => part(text),
                        Item::Char(char) => part(char.encode_utf8(&mut [0; MAX_CHAR]).as_bytes()),
                        Item::LoneSurrogate => part("\u{FFFD}".as_bytes()),
                        Item::InvalidUtf8 => return Err(self.invalid("invalid UTF-8")),
                    }
                    self.start += length;
                }
                Err(Stop::Quote) => {
                    self.start += 1;
                    return Ok(());
                }
                Err(Stop::Incomplete) => self.need_more()?,
                Err(Stop::Invalid { at, reason }) => return Err(self.invalid_at(at, reason)),
            }
        }
    }

    /// Skips whitespace and `byte`, or fails with `reason`.
    fn expect(&mut self, byte: u8, reason: &'static str) -> Result<(), DecodeError> {
        if self.skip_if(byte)? {
            Ok(())
        } else {
            Err(self.invalid(reason))
        }
    }

    /// Skips whitespace, and then `byte` if it follows. Returns whether it did.
    fn skip_if(&mut self, byte: u8) -> Result<bool, DecodeError> {
        let follows = self.token()? == byte;
        self.start += usize::from(follows);
        Ok(follows)
    }

    /// Skips whitespace and returns the byte after it, which stays unread.
    fn token(&mut self) -> Result<u8, DecodeError> {
        while is_whitespace(self.peek()?) {
            self.start += 1;
        }
        self.peek()
    }

    /// Returns the next byte, which stays unread.
    fn peek(&mut self) -> Result<u8, DecodeError> {
        if self.start == self.end {
            self.need_more()?;
        }
        Ok(self.buffer[self.start])
    }

    fn need_more(&mut self) -> Result<(), DecodeError> {
        if self.fill()? {
            Ok(())
        } else {
            Err(DecodeError::Truncated)
        }
    }

    /// Reads more input after the unread bytes, which are never more than a few. Returns false at the end of the
    /// reader.
    fn fill(&mut self) -> Result<bool, DecodeError> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.base += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(length) => {
                    self.end += length;
                    return Ok(length > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(DecodeError::Read(error)),
            }
        }
    }
}

impl<R> JsonString<R> {
    fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    fn invalid(&self, reason: &'static str) -> DecodeError {
        self.invalid_at(0, reason)
    }

    fn invalid_at(&self, at: usize, reason: &'static str) -> DecodeError {
        DecodeError::Invalid {
            offset: self.offset() + at as u64,
            reason,
        }
    }
}

fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests;
