//! One string out of a JSON document that arrives as a stream.
//!
//! A log is a single JSON string of any size, and it is not worth keeping whole just to undo its escapes. [`JsonString`]
//! reads the document through one fixed buffer, hands out the string at a key path as it comes, and checks all the rest
//! by RFC 8259, to the very end: whoever gets `Ok(0)` knows that the document was complete and that nothing followed it.

use std::fmt;
use std::io::{self, Read};

/// How much is asked of the reader at once. With as much for the caller's buffer it still fits a core's second-level
/// cache, and it is far more than the longest thing that has to be seen whole (a pair of `\u` escapes, 12 bytes).
const BUFFER: usize = 32 * 1024;

/// The most objects and arrays that may be open at once: as many as [`JsonString::kinds`] has bits.
const DEPTH: usize = u128::BITS as usize;

/// The string at a key path of a JSON object, unescaped, in constant memory.
///
/// The string's bytes are UTF-8, whatever was sent: half a surrogate pair and invalid UTF-8 become U+FFFD, and are counted.
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
    /// How many members of the path have been seen. One number is enough: a member is looked for only within the one
    /// before it, of which there can be only one.
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
    /// 0 (unless `buf` is empty) means that the reader has ended and that the whole document was valid. What was decoded before a
    /// fault is handed out before the fault is. The first fault is also the answer to every later call, and the reader is left alone.
    /// Bytes of `buf` beyond those counted may have been overwritten.
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

    /// Fails only while nothing has been put into `buf`: a fault that comes later is met again, at the same byte, by the next call.
    fn read_on(&mut self, buf: &mut [u8]) -> Result<usize, Fault> {
        let spilt = self.spill.pour(buf);
        if spilt > 0 {
            return Ok(spilt);
        }
        while self.find_wanted()? {
            let input = &self.buffer[self.start..self.end];
            let decoded = decode(input, buf, &mut self.spill);
            self.start += decoded.used;
            self.replacements += decoded.replaced;
            if decoded.stop == Stop::Quote {
                self.expect = Expect::Separator;
            }
            if decoded.written > 0 {
                return Ok(decoded.written);
            }
            match decoded.stop {
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
                    b'{' => self.open(true)?,
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
        if self.depth == 0 {
            self.on_path = 1;
        }
        self.start += 1;
        self.depth += 1;
        self.kinds = self.kinds << 1 | u128::from(object);
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

    /// Reads on to the reader's end even though the document is complete: only there does a checksum that is wrong or a transfer
    /// that was cut show.
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

    /// Skips a key, and compares it, unescaped, with `wanted`. Its opening quote has been passed, as for `skip_string`.
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
            let run = plain_run(input);
            self.start += if run.check {
                std::str::from_utf8(&input[..run.length])
                    .map_or_else(|error| error.valid_up_to(), str::len)
            } else {
                run.length
            };
            if self.skip_piece()?.is_none() {
                return Ok(());
            }
        }
    }

    /// Skips a character of a string and tells it, or skips the closing quote (`None`). Half a surrogate pair is told as U+FFFD.
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
    /// Leaves out the buffer: a log is none of a debugger's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonString")
            .field("path", &self.path)
            .field("offset", &(self.base + self.start as u64))
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

/// What was left of a decoded character when the caller's buffer was full.
#[derive(Default)]
struct Spill {
    bytes: [u8; 4],
    start: usize,
    end: usize,
}

impl Spill {
    /// Puts `char` into `out`, and keeps what has no room there.
    fn put(&mut self, char: char, out: &mut [u8]) -> usize {
        if let Some(room) = out.first_chunk_mut::<4>() {
            return char.encode_utf8(room).len();
        }
        self.start = 0;
        self.end = char.encode_utf8(&mut self.bytes).len();
        self.pour(out)
    }

    /// Puts what was kept into `out`.
    fn pour(&mut self, out: &mut [u8]) -> usize {
        let length = out.len().min(self.end - self.start);
        out[..length].copy_from_slice(&self.bytes[self.start..self.start + length]);
        self.start += length;
        length
    }
}

/// What [`decode`] did, and why it stopped.
struct Decoded {
    used: usize,
    written: usize,
    replaced: u64,
    stop: Stop,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The string is complete.
    Quote,
    /// `out` is full.
    Full,
    /// What comes next is cut by the input's end.
    Short,
    /// What comes next is wrong, its first wrong byte this far from `used`.
    Bad(usize, &'static str),
}

/// Unescapes the inside of a string from `input` into `out`.
///
/// Logs are lines of some 80 bytes, each ended by an escape, so that what is done once a line decides how fast all is. Hence a function
/// of its own over slices, with its state in registers; a copy that looks for the line's end while it copies; and the
/// escapes of one letter undone right here.
fn decode(input: &[u8], out: &mut [u8], spill: &mut Spill) -> Decoded {
    let (mut used, mut written, mut replaced) = (0, 0, 0);
    let mut stop = Stop::Full;
    while written < out.len() {
        let run = copy_run(&input[used..], &mut out[written..]);
        let text = &input[used..used + run.length];
        if run.check && std::str::from_utf8(text).is_err() {
            let lossy = copy_lossy(text, &mut out[written..]);
            used += lossy.used;
            written += lossy.written;
            replaced += lossy.replaced;
        } else {
            used += run.length;
            written += run.length;
        }
        let rest = &input[used..];
        let Some(room) = out.get_mut(written..).filter(|room| !room.is_empty()) else {
            break;
        };
        if let Some(byte) = short_escape(rest) {
            room[0] = byte;
            used += 2;
            written += 1;
            continue;
        }
        let (length, char) = match piece(rest) {
            Piece::Char(length, char) => (length, char),
            Piece::HalfPair => {
                replaced += 1;
                (HALF_PAIR, char::REPLACEMENT_CHARACTER)
            }
            Piece::NotUtf8(length) => {
                replaced += 1;
                (length, char::REPLACEMENT_CHARACTER)
            }
            Piece::Quote => {
                used += 1;
                stop = Stop::Quote;
                break;
            }
            Piece::Short => {
                stop = Stop::Short;
                break;
            }
            Piece::Bad(at, reason) => {
                stop = Stop::Bad(at, reason);
                break;
            }
        };
        used += length;
        written += spill.put(char, room);
    }
    Decoded {
        used,
        written,
        replaced,
        stop,
    }
}

/// Copies text that is not UTF-8, with replacements, as far as there is room. A sequence that the text's end cuts is left, since what it
/// is shows only in what follows.
#[cold]
fn copy_lossy(text: &[u8], out: &mut [u8]) -> Decoded {
    const REPLACEMENT: &[u8] = "\u{FFFD}".as_bytes();
    let mut done = Decoded {
        used: 0,
        written: 0,
        replaced: 0,
        stop: Stop::Full,
    };
    for chunk in text.utf8_chunks() {
        let room = &mut out[done.written..];
        let mut length = chunk.valid().len().min(room.len());
        while !chunk.valid().is_char_boundary(length) {
            length -= 1;
        }
        room[..length].copy_from_slice(&chunk.valid().as_bytes()[..length]);
        done.used += length;
        done.written += length;
        let cut = done.used + chunk.invalid().len() == text.len();
        if length < chunk.valid().len() || cut || room.len() - length < REPLACEMENT.len() {
            break;
        }
        room[length..length + REPLACEMENT.len()].copy_from_slice(REPLACEMENT);
        done.used += chunk.invalid().len();
        done.written += REPLACEMENT.len();
        done.replaced += 1;
    }
    done
}

/// How far the bytes of a string stand for themselves.
#[derive(Clone, Copy, Default)]
struct Run {
    length: usize,
    /// Some may not be ASCII: whether they are UTF-8 has to be checked.
    check: bool,
}

/// Bytes looked at together.
const BLOCK: usize = 64;

/// Copies from `input` to `out` until a quote, a backslash, a control character, or the end of either.
fn copy_run(input: &[u8], out: &mut [u8]) -> Run {
    let mut run = Run::default();
    for (block, room) in input.chunks_exact(BLOCK).zip(out.chunks_exact_mut(BLOCK)) {
        room.copy_from_slice(block);
        let length = run.pass(block);
        if length < BLOCK {
            return run;
        }
    }
    for (byte, room) in input[run.length..].iter().zip(&mut out[run.length..]) {
        if ends_run(*byte) {
            return run;
        }
        *room = *byte;
        run.check |= !byte.is_ascii();
        run.length += 1;
    }
    run
}

/// The same without copying.
fn plain_run(input: &[u8]) -> Run {
    let mut run = Run::default();
    for block in input.chunks_exact(BLOCK) {
        if run.pass(block) < BLOCK {
            return run;
        }
    }
    for byte in &input[run.length..] {
        if ends_run(*byte) {
            return run;
        }
        run.check |= !byte.is_ascii();
        run.length += 1;
    }
    run
}

impl Run {
    /// Goes on over a block, up to what ends the run, and says how far that was.
    #[inline(always)]
    fn pass(&mut self, block: &[u8]) -> usize {
        // One test for nearly every block, and without a branch inside, so that it becomes vector instructions.
        let plain = block.iter().fold(true, |plain, &byte| {
            plain & (byte as i8 >= 0x20) & (byte != b'"') & (byte != b'\\')
        });
        let length = if plain { BLOCK } else { self.look(block) };
        self.length += length;
        length
    }

    #[inline(always)]
    fn look(&mut self, block: &[u8]) -> usize {
        let mut mask = 0u64;
        let mut seen = 0;
        for (at, word) in block.chunks_exact(8).enumerate() {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(word);
            let word = u64::from_le_bytes(bytes);
            mask |= ((run_ends(word) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (at * 8);
            seen |= word;
        }
        self.check |= seen & HIGH_BITS != 0;
        BLOCK.min(mask.trailing_zeros() as usize)
    }
}

const EACH_BYTE: u64 = u64::MAX / 255;
const HIGH_BITS: u64 = EACH_BYTE * 0x80;

/// Sets the high bit of each byte of a little-endian `word` that ends a run. Exact up to the first one, which is the lowest: a borrow
/// comes only out of a byte that ends a run.
#[inline(always)]
fn run_ends(word: u64) -> u64 {
    // Flipping bit 1 moves the quote, 0x22, next to the control characters: to 0x20.
    let quote_or_control = (word ^ (EACH_BYTE * 0x02)).wrapping_sub(EACH_BYTE * 0x21);
    let backslash = (word ^ (EACH_BYTE * 0x5C)).wrapping_sub(EACH_BYTE);
    (quote_or_control | backslash) & !word & HIGH_BITS
}

fn ends_run(byte: u8) -> bool {
    matches!(byte, 0..=0x1F | b'"' | b'\\')
}

/// What comes next inside a string, with its length.
enum Piece {
    Quote,
    Char(usize, char),
    /// A `\u` escape that is half a surrogate pair, alone.
    HalfPair,
    NotUtf8(usize),
    /// Not to be told before there is more input.
    Short,
    /// The first wrong byte's place, and what is wrong.
    Bad(usize, &'static str),
}

/// The length of `\uD83D`.
const HALF_PAIR: usize = 6;

fn piece(input: &[u8]) -> Piece {
    match *input {
        [] | [b'\\'] => Piece::Short,
        [b'"', ..] => Piece::Quote,
        [b'\\', b'u', ref digits @ ..] => unicode_escape(digits),
        [b'\\', ..] => match short_escape(input) {
            Some(byte) => Piece::Char(2, char::from(byte)),
            None => Piece::Bad(1, "unknown escape"),
        },
        [0..=0x1F, ..] => Piece::Bad(0, "control character in a string"),
        [byte @ ..=0x7F, ..] => Piece::Char(1, char::from(byte)),
        [lead, ..] => utf8_sequence(lead, input),
    }
}

fn short_escape(input: &[u8]) -> Option<u8> {
    match *input {
        [b'\\', letter, ..] if SHORT_ESCAPES[usize::from(letter)] != 0 => {
            Some(SHORT_ESCAPES[usize::from(letter)])
        }
        _ => None,
    }
}

/// What each escape of one letter stands for; 0 where there is no such escape.
static SHORT_ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table[b'/' as usize] = b'/';
    table[b'b' as usize] = 0x08;
    table[b'f' as usize] = 0x0C;
    table[b'n' as usize] = b'\n';
    table[b'r' as usize] = b'\r';
    table[b't' as usize] = b'\t';
    table
};

/// What a `\u` escape stands for, or two.
fn unicode_escape(digits: &[u8]) -> Piece {
    let unit = match utf16_unit(digits) {
        Unit::Is(unit) => unit,
        Unit::Short => return Piece::Short,
        Unit::Bad(at) => return Piece::Bad(2 + at, "expected a hexadecimal digit"),
    };
    if let Some(char) = char::from_u32(u32::from(unit)) {
        return Piece::Char(6, char);
    }
    let low = match digits[4..] {
        _ if unit >= 0xDC00 => return Piece::HalfPair,
        [] | [b'\\'] => return Piece::Short,
        [b'\\', b'u', ref digits @ ..] => utf16_unit(digits),
        _ => return Piece::HalfPair,
    };
    match low {
        Unit::Is(low) => match char::decode_utf16([unit, low]).next() {
            Some(Ok(char)) => Piece::Char(12, char),
            _ => Piece::HalfPair,
        },
        Unit::Short => Piece::Short,
        Unit::Bad(_) => Piece::HalfPair,
    }
}

enum Unit {
    Is(u16),
    Short,
    Bad(usize),
}

fn utf16_unit(digits: &[u8]) -> Unit {
    let mut unit = 0;
    for at in 0..4 {
        let Some(&digit) = digits.get(at) else {
            return Unit::Short;
        };
        let Some(digit) = char::from(digit).to_digit(16) else {
            return Unit::Bad(at);
        };
        unit = unit << 4 | digit as u16;
    }
    Unit::Is(unit)
}

fn utf8_sequence(lead: u8, input: &[u8]) -> Piece {
    let length = match lead {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => 1,
    };
    match std::str::from_utf8(&input[..length.min(input.len())]) {
        Ok(text) => text
            .chars()
            .next()
            .map_or(Piece::Short, |char| Piece::Char(length, char)),
        Err(error) => error.error_len().map_or(Piece::Short, Piece::NotUtf8),
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
