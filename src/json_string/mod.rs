//! One string out of a JSON document that arrives as a stream.
//!
//! A log is a single JSON string of any size, and it is not worth keeping whole just to undo its escapes.
//! [`JsonString`] reads the document through one fixed buffer, hands out the string at a key path as it comes, and
//! checks all the rest by RFC 8259, to the very end: whoever gets `Ok(0)` knows that the document was complete and
//! that nothing followed it.

mod unescape;

use std::fmt;
use std::io::{self, Read};

use unescape::{HALF_PAIR, Piece, Spill, Stop, decode, ends_plain, ends_text, piece, run};

/// How much is asked of the reader at once. The log is copied twice, from the reader to here and from here to the
/// caller: undoing escapes in the caller's buffer would save neither, since what follows an escape has to be moved
/// there too, and U+FFFD is longer than what it stands for. So this is small enough to stay in a core's cache
/// between the two. With half of it a large log takes 1.03 of the time, with twice as much hardly less.
const BUFFER: usize = 64 * 1024;

/// The most objects and arrays that may be open at once: as many as [`JsonString::kinds`] has bits.
const DEPTH: usize = u128::BITS as usize;

/// The string at a key path of a JSON object, unescaped, in constant memory.
///
/// The string's bytes are UTF-8, whatever was sent: half a surrogate pair and invalid UTF-8 become U+FFFD, and are
/// counted.
pub(crate) struct JsonString<R> {
    reader: R,
    /// Set once the reader has said that there is no more: it is not asked again.
    ended: bool,
    buffer: Box<[u8]>,
    /// What is still to be looked at: `buffer[start..end]`.
    start: usize,
    end: usize,
    /// Where in the document the buffer's first byte stands.
    base: u64,

    path: &'static [&'static str],
    expect: Expect,
    /// How many objects and arrays are open.
    depth: usize,
    /// One bit for each of them, the innermost lowest: 1 is an object.
    kinds: u128,
    /// How many of them, from the outermost, are those that the path leads through.
    on_path: usize,
    /// How many members of the path have been seen. One number is enough: a member is looked for only within the
    /// one before it, of which there can be only one.
    seen: usize,

    found: bool,
    replacements: u64,
    spill: Spill,
    fault: Option<Fault>,
}

/// Why there is no more.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The reader failed.
    Read(io::Error),
    /// The reader ended before the document did.
    Cut,
    /// The document is not JSON, or not of the shape that the path asks for.
    Invalid {
        /// The offending byte's place in the document, counted from 0.
        offset: u64,
        reason: &'static str,
    },
}

/// What has to come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// The object that the document is.
    Document,
    /// A member or `}`, after `{`.
    FirstMember,
    /// A member, after `,`.
    Member,
    /// A value or `]`, after `[`.
    FirstElement,
    /// A value, after `,`.
    Element,
    /// `,` or the end of the innermost object or array.
    Separator,
    /// More of the wanted string.
    Wanted,
    /// Nothing but whitespace, until the reader ends.
    Nothing,
}

impl<R: Read> JsonString<R> {
    /// Looks in the object that `reader` sends for the string that the keys of `path`, outermost first, lead to.
    pub(crate) fn new(reader: R, path: &'static [&'static str]) -> Self {
        JsonString {
            reader,
            ended: false,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            start: 0,
            end: 0,
            base: 0,
            path,
            expect: Expect::Document,
            depth: 0,
            kinds: 0,
            on_path: 0,
            seen: 0,
            found: false,
            replacements: 0,
            spill: Spill::default(),
            fault: None,
        }
    }

    /// Puts the string's next bytes into `buf`, and says how many they are.
    ///
    /// 0 (unless `buf` is empty) means that the reader has ended and that the whole document was valid. What was
    /// decoded before a fault is handed out before the fault is. The first fault is also the answer to every later
    /// call, and the reader is left alone. Bytes of `buf` beyond those counted may have been overwritten.
    pub(crate) fn read(&mut self, buf: &mut [u8]) -> Result<usize, Fault> {
        if buf.is_empty() {
            return Ok(0);
        }
        if let Some(fault) = &self.fault {
            return Err(fault.again());
        }
        let result = self.read_on(buf);
        if let Err(fault) = &result {
            self.fault = Some(fault.again());
        }
        result
    }

    /// Whether there is a string at the path; final once `read` has returned 0. A `null` is none.
    pub(crate) fn found(&self) -> bool {
        self.found
    }

    /// How many U+FFFD stand for something that could not be decoded, so far.
    pub(crate) fn replacements(&self) -> u64 {
        self.replacements
    }

    pub(crate) fn get_ref(&self) -> &R {
        &self.reader
    }

    /// Fails only while nothing has been put into `buf`: a fault that comes later is met again, at the same byte,
    /// by the next call.
    fn read_on(&mut self, buf: &mut [u8]) -> Result<usize, Fault> {
        let spilt = self.spill.pour(buf);
        if spilt > 0 {
            return Ok(spilt);
        }
        while self.find_wanted()? {
            let input = &self.buffer[self.start..self.end];
            let (done, stop) = decode(input, buf, &mut self.spill);
            self.start += done.used;
            self.replacements += done.replaced;
            if stop == Stop::Quote {
                self.expect = Expect::Separator;
            }
            if done.written > 0 {
                return Ok(done.written);
            }
            match stop {
                Stop::Quote | Stop::Full => {}
                Stop::Short => self.need_more()?,
                Stop::Bad(at, reason) => return Err(self.invalid_at(at, reason)),
            }
        }
        Ok(0)
    }

    /// Checks the document up to the wanted string (true) or its end and the reader's (false).
    fn find_wanted(&mut self) -> Result<bool, Fault> {
        loop {
            let expect = self.expect;
            match expect {
                Expect::Wanted => return Ok(true),
                Expect::Nothing => return self.nothing_follows().map(|()| false),
                Expect::Document => match self.token()? {
                    b'{' => {
                        self.on_path = 1;
                        self.open(true)?;
                    }
                    _ => return Err(self.invalid("not an object")),
                },
                Expect::FirstMember if self.token()? == b'}' => self.close(),
                Expect::FirstMember | Expect::Member => self.member()?,
                Expect::FirstElement if self.token()? == b']' => self.close(),
                Expect::FirstElement | Expect::Element => {
                    self.token()?;
                    self.value()?;
                }
                Expect::Separator => self.separator()?,
            }
        }
    }

    fn separator(&mut self) -> Result<(), Fault> {
        let in_object = self.kinds & 1 == 1;
        match (self.token()?, in_object) {
            (b',', _) => {
                self.start += 1;
                self.expect = if in_object {
                    Expect::Member
                } else {
                    Expect::Element
                };
            }
            (b'}', true) | (b']', false) => self.close(),
            (_, true) => return Err(self.invalid("expected ',' or '}'")),
            (_, false) => return Err(self.invalid("expected ',' or ']'")),
        }
        Ok(())
    }

    fn member(&mut self) -> Result<(), Fault> {
        if self.token()? != b'"' {
            return Err(self.invalid("expected a key"));
        }
        let offset = self.offset();
        self.start += 1;
        let level = self.depth;
        let on_path = self.on_path == level && level <= self.path.len();
        let matched = if on_path {
            self.key_is(self.path[level - 1])?
        } else {
            self.skip_string()?;
            false
        };
        if matched && self.seen >= level {
            return Err(Fault::Invalid {
                offset,
                reason: "a repeated key",
            });
        }
        if self.token()? != b':' {
            return Err(self.invalid("expected ':'"));
        }
        self.start += 1;
        let first = self.token()?;
        if !matched {
            return self.value();
        }
        self.seen = level;
        match first {
            b'n' => self.value(),
            b'"' if level == self.path.len() => {
                self.start += 1;
                self.found = true;
                self.expect = Expect::Wanted;
                Ok(())
            }
            b'{' if level < self.path.len() => {
                self.on_path += 1;
                self.open(true)
            }
            _ if level == self.path.len() => Err(self.invalid("not a string")),
            _ => Err(self.invalid("not an object")),
        }
    }

    /// Skips a value that is not wanted, or, of an object or an array, its opening bracket.
    fn value(&mut self) -> Result<(), Fault> {
        match self.byte()? {
            b'{' => return self.open(true),
            b'[' => return self.open(false),
            b'"' => {
                self.start += 1;
                self.skip_string()?;
            }
            b'-' | b'0'..=b'9' => self.skip_number()?,
            b't' => self.skip_literal(b"true")?,
            b'f' => self.skip_literal(b"false")?,
            b'n' => self.skip_literal(b"null")?,
            _ => return Err(self.invalid("expected a value")),
        }
        self.expect = Expect::Separator;
        Ok(())
    }

    fn open(&mut self, object: bool) -> Result<(), Fault> {
        if self.depth == DEPTH {
            return Err(self.invalid("nested too deep"));
        }
        self.start += 1;
        self.depth += 1;
        self.kinds = (self.kinds << 1) | u128::from(object);
        self.expect = if object {
            Expect::FirstMember
        } else {
            Expect::FirstElement
        };
        Ok(())
    }

    fn close(&mut self) {
        self.start += 1;
        self.depth -= 1;
        self.kinds >>= 1;
        self.on_path = self.on_path.min(self.depth);
        self.expect = if self.depth == 0 {
            Expect::Nothing
        } else {
            Expect::Separator
        };
    }

    /// Reads on to the reader's end even though the document is complete: only there does a checksum that is wrong
    /// or a transfer that was cut show.
    fn nothing_follows(&mut self) -> Result<(), Fault> {
        loop {
            match self.buffer[self.start..self.end]
                .iter()
                .position(|&byte| !is_space(byte))
            {
                Some(at) => {
                    self.start += at;
                    return Err(self.invalid("something follows the document"));
                }
                None => self.start = self.end,
            }
            if !self.fill()? {
                return Ok(());
            }
        }
    }

    /// Skips a key, and compares it, unescaped, with `wanted`. Its opening quote has been passed, as for
    /// `skip_string`.
    fn key_is(&mut self, wanted: &str) -> Result<bool, Fault> {
        let mut rest = Some(wanted.as_bytes());
        while let Some(char) = self.skip_piece()? {
            rest =
                rest.and_then(|rest| rest.strip_prefix(char.encode_utf8(&mut [0; 4]).as_bytes()));
        }
        Ok(rest.is_some_and(<[u8]>::is_empty))
    }

    fn skip_string(&mut self) -> Result<(), Fault> {
        loop {
            let input = &self.buffer[self.start..self.end];
            let mut length = run(input, ends_plain);
            if input.get(length).is_some_and(|byte| !byte.is_ascii()) {
                let text = &input[length..];
                let text = &text[..run(text, ends_text)];
                // An invalid sequence, and one that is cut, is looked at by itself.
                length +=
                    std::str::from_utf8(text).map_or_else(|error| error.valid_up_to(), str::len);
            }
            self.start += length;
            if self.skip_piece()?.is_none() {
                return Ok(());
            }
        }
    }

    /// Skips a character of a string and tells it, or skips the closing quote (`None`). Half a surrogate pair is
    /// told as U+FFFD.
    fn skip_piece(&mut self) -> Result<Option<char>, Fault> {
        loop {
            let (length, char) = match piece(&self.buffer[self.start..self.end]) {
                Piece::Char(length, char) => (length, Some(char)),
                Piece::HalfPair => (HALF_PAIR, Some(char::REPLACEMENT_CHARACTER)),
                Piece::Quote => (1, None),
                Piece::NotUtf8(_) => return Err(self.invalid("invalid UTF-8")),
                Piece::Bad(at, reason) => return Err(self.invalid_at(at, reason)),
                Piece::Short => {
                    self.need_more()?;
                    continue;
                }
            };
            self.start += length;
            return Ok(char);
        }
    }

    fn skip_number(&mut self) -> Result<(), Fault> {
        if self.byte()? == b'-' {
            self.start += 1;
        }
        if self.byte()? == b'0' {
            self.start += 1;
        } else {
            self.skip_digits()?;
        }
        if self.byte()? == b'.' {
            self.start += 1;
            self.skip_digits()?;
        }
        if matches!(self.byte()?, b'e' | b'E') {
            self.start += 1;
            if matches!(self.byte()?, b'+' | b'-') {
                self.start += 1;
            }
            self.skip_digits()?;
        }
        Ok(())
    }

    fn skip_digits(&mut self) -> Result<(), Fault> {
        if !self.byte()?.is_ascii_digit() {
            return Err(self.invalid("expected a digit"));
        }
        while self.byte()?.is_ascii_digit() {
            self.start += 1;
        }
        Ok(())
    }

    fn skip_literal(&mut self, literal: &[u8]) -> Result<(), Fault> {
        for &expected in literal {
            if self.byte()? != expected {
                return Err(self.invalid("expected a value"));
            }
            self.start += 1;
        }
        Ok(())
    }

    /// The next byte that is not whitespace, not yet passed.
    fn token(&mut self) -> Result<u8, Fault> {
        while is_space(self.byte()?) {
            self.start += 1;
        }
        self.byte()
    }

    /// The next byte, not yet passed.
    fn byte(&mut self) -> Result<u8, Fault> {
        if self.start == self.end {
            self.need_more()?;
        }
        Ok(self.buffer[self.start])
    }

    fn need_more(&mut self) -> Result<(), Fault> {
        if self.fill()? {
            Ok(())
        } else {
            Err(Fault::Cut)
        }
    }

    /// Reads more behind what is still to be looked at, which is but a few bytes. False at the reader's end.
    fn fill(&mut self) -> Result<bool, Fault> {
        if self.ended {
            return Ok(false);
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.base += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(length) => {
                    self.end += length;
                    self.ended = length == 0;
                    return Ok(!self.ended);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Fault::Read(error)),
            }
        }
    }
}

impl<R> JsonString<R> {
    fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    fn invalid(&self, reason: &'static str) -> Fault {
        self.invalid_at(0, reason)
    }

    fn invalid_at(&self, at: usize, reason: &'static str) -> Fault {
        Fault::Invalid {
            offset: self.offset() + at as u64,
            reason,
        }
    }
}

impl<R> fmt::Debug for JsonString<R> {
    /// Leaves out the buffer: what is in a log is not for other logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonString")
            .field("path", &self.path)
            .field("offset", &self.offset())
            .field("expect", &self.expect)
            .field("found", &self.found)
            .field("replacements", &self.replacements)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

impl Fault {
    /// The same once more. An `io::Error` cannot be cloned: its kind and its message have to do.
    fn again(&self) -> Fault {
        match self {
            Fault::Read(error) => Fault::Read(io::Error::new(error.kind(), error.to_string())),
            Fault::Cut => Fault::Cut,
            &Fault::Invalid { offset, reason } => Fault::Invalid { offset, reason },
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests;
