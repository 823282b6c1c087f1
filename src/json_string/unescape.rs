//! The inside of a JSON string, over slices: what each escape and each byte stands for, and how to get there fast.

/// What was left of a decoded character when the caller's buffer was full.
#[derive(Default)]
pub(super) struct Spill {
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
    pub(super) fn pour(&mut self, out: &mut [u8]) -> usize {
        let length = out.len().min(self.end - self.start);
        out[..length].copy_from_slice(&self.bytes[self.start..self.start + length]);
        self.start += length;
        length
    }
}

/// How far decoding has come.
#[derive(Clone, Copy, Default)]
pub(super) struct Done {
    pub(super) used: usize,
    pub(super) written: usize,
    pub(super) replaced: u64,
}

impl Done {
    fn copied(length: usize) -> Done {
        Done {
            used: length,
            written: length,
            replaced: 0,
        }
    }

    fn add(&mut self, more: Done) {
        self.used += more.used;
        self.written += more.written;
        self.replaced += more.replaced;
    }
}

/// Why decoding stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The string is complete.
    Quote,
    /// There is no more room for output.
    Full,
    /// What comes next is cut by the input's end.
    Short,
    /// What comes next is wrong; its first wrong byte is this far on.
    Bad(usize, &'static str),
}

/// Unescapes the inside of a string from `input` into `out`.
///
/// Logs are lines of some 80 bytes, each ended by an escape, so that what is done once a line decides how fast all
/// is. Hence a function over slices, with its state in registers, and with short cuts for plain text and for
/// escapes of one letter.
pub(super) fn decode(input: &[u8], out: &mut [u8], spill: &mut Spill) -> (Done, Stop) {
    let mut done = Done::default();
    while done.written < out.len() {
        // Escapes often follow each other: no need to look for text between them.
        if input.get(done.used) != Some(&b'\\') {
            done.add(copy_plain(&input[done.used..], &mut out[done.written..]));
            if input.get(done.used).is_some_and(|byte| !byte.is_ascii()) {
                let length = copy_wide(&input[done.used..], &mut out[done.written..]);
                done.add(Done::copied(length));
                if length > 0 {
                    continue;
                }
                done.add(copy_text(&input[done.used..], &mut out[done.written..]));
            }
        }
        let rest = &input[done.used..];
        let room = &mut out[done.written..];
        if room.is_empty() {
            break;
        }
        if let Some(byte) = short_escape(rest) {
            room[0] = byte;
            done.used += 2;
            done.written += 1;
            continue;
        }
        let (length, char, replaced) = match piece(rest) {
            Piece::Char(length, char) => (length, char, 0),
            Piece::HalfPair => (HALF_PAIR, char::REPLACEMENT_CHARACTER, 1),
            Piece::NotUtf8(length) => (length, char::REPLACEMENT_CHARACTER, 1),
            Piece::Quote => {
                done.used += 1;
                return (done, Stop::Quote);
            }
            Piece::Short => return (done, Stop::Short),
            Piece::Bad(at, reason) => return (done, Stop::Bad(at, reason)),
        };
        done.used += length;
        done.written += spill.put(char, room);
        done.replaced += replaced;
    }
    (done, Stop::Full)
}

/// Copies ASCII that stands for itself, to its end or that of either slice. What `out` holds behind it may be
/// overwritten: it is copied by the block, before it is known whether all of the block belongs to it.
#[inline(always)]
fn copy_plain(input: &[u8], out: &mut [u8]) -> Done {
    let most = input.len().min(out.len());
    let (input, out) = (&input[..most], &mut out[..most]);
    let mut length = 0;
    for (block, room) in input.chunks_exact(BLOCK).zip(out.chunks_exact_mut(BLOCK)) {
        let (Some(block), Some(room)) = (block.first_chunk(), room.first_chunk_mut()) else {
            break;
        };
        *room = *block;
        if let Some(at) = find(block, ends_plain) {
            return Done::copied(length + at);
        }
        length += BLOCK;
    }
    for (&byte, room) in input[length..].iter().zip(&mut out[length..]) {
        if is_marked(ends_plain(u64::from(byte))) {
            break;
        }
        *room = byte;
        length += 1;
    }
    Done::copied(length)
}

/// Copies text as long as each word of it has characters of two or three bytes, likewise; all else is left.
///
/// Most lines have no more of them than a few words, an arrow or a progress bar. To have the rest of such a line checked
/// as UTF-8 took as long as decoding all lines that are ASCII.
#[inline(always)]
fn copy_wide(input: &[u8], out: &mut [u8]) -> usize {
    let mut length = 0;
    while let (Some(bytes), Some(room)) = (
        input[length..].first_chunk(),
        out[length..].first_chunk_mut(),
    ) {
        let word = u64::from_le_bytes(*bytes);
        *room = *bytes;
        if word & EACH_HIGH_BIT == 0 {
            break;
        }
        // A progress bar. To know in advance how far to go on is twice as fast as to find it out.
        let step = if is_three_bytes(word) && is_three_bytes(word >> 24) {
            6
        } else {
            whole_characters(word)
        };
        if step == 0 {
            break;
        }
        length += step;
    }
    length
}

/// Whether a word begins with a character of three bytes: not with one that has a shorter form, and not with half a
/// surrogate pair.
#[inline(always)]
fn is_three_bytes(word: u64) -> bool {
    word & 0xC0_C0F0 == 0x80_80E0 && word & 0x200F != 0 && word & 0x200F != 0x200D
}

/// How many bytes at the beginning of a word are ASCII that stands for itself and whole characters of two and three
/// bytes. Without a branch, since text gives the processor nothing to guess by.
#[inline(always)]
fn whole_characters(word: u64) -> usize {
    // Each bit of all bytes, where the highest one was.
    let (b6, b5, b4, b3) = (word << 1, word << 2, word << 3, word << 4);
    let (b2, b1, b0) = (word << 5, word << 6, word << 7);
    let lead = word & b6 & EACH_HIGH_BIT;
    let continuation = word & !b6 & EACH_HIGH_BIT;
    let one_follows = continuation >> 8;
    let two_follow = one_follows & (continuation >> 16);
    // Neither 0xC0 nor 0xC1, which lead what has a shorter form.
    let of_two = lead & !b5 & (b4 | b3 | b2 | b1) & one_follows;
    // Nor 0xE0 and 0xED, which lead some of what is no character and are left to others.
    let of_three = lead & b5 & !b4 & (b3 | b2 | b1 | b0) & !(b3 & b2 & !b1 & b0) & two_follow;
    let whole =
        !ends_plain(word) | of_two | of_two << 8 | of_three | of_three << 8 | of_three << 16;
    (!whole & EACH_HIGH_BIT).trailing_zeros() as usize / 8
}

/// Copies text that is not all ASCII, likewise. It could be left to [`piece`], which is slower. A sequence that the
/// end cuts is left.
#[inline(never)]
fn copy_text(input: &[u8], out: &mut [u8]) -> Done {
    let input = &input[..input.len().min(out.len())];
    let text = &input[..run(input, ends_text)];
    if std::str::from_utf8(text).is_err() {
        return copy_lossy(text, out);
    }
    out[..text.len()].copy_from_slice(text);
    Done::copied(text.len())
}

/// Copies text that is not UTF-8, with replacements, as far as there is room. A sequence at the very end is left:
/// what it is shows only in what follows.
fn copy_lossy(text: &[u8], out: &mut [u8]) -> Done {
    const REPLACEMENT: &[u8] = "\u{FFFD}".as_bytes();
    let mut done = Done::default();
    for chunk in text.utf8_chunks() {
        let room = &mut out[done.written..];
        let mut length = chunk.valid().len().min(room.len());
        while !chunk.valid().is_char_boundary(length) {
            length -= 1;
        }
        room[..length].copy_from_slice(&chunk.valid().as_bytes()[..length]);
        done.add(Done::copied(length));
        let room = &mut room[length..];
        let at_end = done.used + chunk.invalid().len() >= text.len();
        if length < chunk.valid().len() || at_end || room.len() < REPLACEMENT.len() {
            break;
        }
        room[..REPLACEMENT.len()].copy_from_slice(REPLACEMENT);
        done.add(Done {
            used: chunk.invalid().len(),
            written: REPLACEMENT.len(),
            replaced: 1,
        });
    }
    done
}

/// Bytes looked at together: two machine words.
pub(super) const BLOCK: usize = 16;

/// How many bytes come before the first that `ends` marks.
#[inline(always)]
pub(super) fn run(input: &[u8], ends: impl Fn(u64) -> u64 + Copy) -> usize {
    let mut length = 0;
    while let Some(block) = input[length..].first_chunk() {
        if let Some(at) = find(block, ends) {
            return length + at;
        }
        length += BLOCK;
    }
    let rest = &input[length..];
    length
        + rest
            .iter()
            .position(|&byte| is_marked(ends(u64::from(byte))))
            .unwrap_or(rest.len())
}

/// Where in a block the first byte is that `ends` marks.
///
/// Eight bytes at a time, in plain arithmetic: that is as fast as the vector instructions which an optimizer makes of
/// a loop over bytes, and it does not need that optimizer. With it (`opt-level` 3) a log is decoded at the same speed,
/// but the whole program is a tenth larger; at `s` a loop over bytes is ten times slower than this.
#[inline(always)]
fn find(block: &[u8; BLOCK], ends: impl Fn(u64) -> u64) -> Option<usize> {
    let marks = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&block[at..at + 8]);
        ends(u64::from_le_bytes(word)) & EACH_HIGH_BIT
    };
    let (a, b) = (marks(0), marks(8));
    if a | b == 0 {
        return None;
    }
    // Which of the words it is, is a choice and no branch: there is nothing to guess it by.
    let (at, marks) = if a != 0 { (0, a) } else { (8, b) };
    Some(at + marks.trailing_zeros() as usize / 8)
}

const EACH_BYTE: u64 = u64::MAX / 0xFF;
const EACH_HIGH_BIT: u64 = EACH_BYTE * 0x80;

/// Whether the first byte has a mark.
pub(super) fn is_marked(marks: u64) -> bool {
    marks & 0x80 != 0
}

/// Marks, by its high bit, each byte that is not ASCII that stands for itself.
///
/// All marks here are right up to the first, which is all that is asked of them: a byte takes a borrow from the next
/// only if it is marked.
#[inline(always)]
pub(super) fn ends_plain(word: u64) -> u64 {
    // Flipping bit 1 puts the quote, 0x22, next to the control characters, at 0x20, so that one subtraction tells
    // both.
    let control_or_quote = (word ^ (EACH_BYTE * 0x02)).wrapping_sub(EACH_BYTE * 0x21);
    let backslash = (word ^ (EACH_BYTE * 0x5C)).wrapping_sub(EACH_BYTE);
    // Of what is not ASCII one of the two keeps the high bit.
    control_or_quote | backslash
}

/// Marks quotes, backslashes and control characters, whatever else there is.
#[inline(always)]
pub(super) fn ends_text(word: u64) -> u64 {
    ends_plain(word) & !word
}

/// What comes next inside a string, with its length.
pub(super) enum Piece {
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
pub(super) const HALF_PAIR: usize = 6;

pub(super) fn piece(input: &[u8]) -> Piece {
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
    let [b'\\', letter, ..] = *input else {
        return None;
    };
    Some(SHORT_ESCAPES[usize::from(letter)]).filter(|&byte| byte != 0)
}

/// What each escape of one letter stands for; 0 where there is no such escape. A table, since jumping by the letter
/// is slower than all the rest of an escape.
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
        unit = (unit << 4) | digit as u16;
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
