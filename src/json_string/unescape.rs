//! Unescapes the inside of a JSON string, slice by slice.

/// The length of the longest character in UTF-8.
pub(super) const MAX_CHAR: usize = 4;

/// The next item of a string, decoded.
pub(super) enum Item<'a> {
    /// Text that stands for itself.
    Text(&'a [u8]),
    /// An escaped character.
    Char(char),
    /// A `\u` escape for half of a surrogate pair, without the other half.
    LoneSurrogate,
    /// Bytes that are not UTF-8.
    InvalidUtf8,
}

/// Why there is no next item.
pub(super) enum Stop {
    /// The closing quote comes next.
    Quote,
    /// The input ends inside the next item.
    Incomplete,
    /// The string is not valid JSON.
    Invalid {
        /// How far ahead the offending byte is.
        at: usize,
        reason: &'static str,
    },
}

/// How far a call to [`unescape`] got.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) read: usize,
    pub(super) written: usize,
    pub(super) replacements: u64,
    /// Why it stopped; `None` if `out` is full.
    pub(super) stop: Option<Stop>,
}

/// Unescapes the inside of a string from `input` into `out`, until `out` has no room for another character.
///
/// Lone surrogates and invalid UTF-8 become U+FFFD. The closing quote is not read.
pub(super) fn unescape(input: &[u8], out: &mut [u8]) -> Progress {
    let mut progress = Progress::default();
    while out.len() - progress.written >= MAX_CHAR {
        let room = &mut out[progress.written..];
        let (length, item) = match next_item(&input[progress.read..], room.len()) {
            Ok(item) => item,
            Err(stop) => {
                progress.stop = Some(stop);
                break;
            }
        };
        progress.read += length;
        progress.written += match item {
            Item::Text(text) => {
                room[..text.len()].copy_from_slice(text);
                text.len()
            }
            Item::Char(char) => char.encode_utf8(room).len(),
            Item::LoneSurrogate | Item::InvalidUtf8 => {
                progress.replacements += 1;
                char::REPLACEMENT_CHARACTER.encode_utf8(room).len()
            }
        };
    }
    progress
}

/// Returns the next item of a string and its length in `input`. Text ends after at most `max_text` bytes, which must be
/// at least [`MAX_CHAR`].
// Inlined together with `unescape_char`: without that, strings full of escapes take four times as long.
#[inline(always)]
pub(super) fn next_item(input: &[u8], max_text: usize) -> Result<(usize, Item<'_>), Stop> {
    match *input {
        [] => Err(Stop::Incomplete),
        [b'"', ..] => Err(Stop::Quote),
        [b'\\', ref escape @ ..] => unescape_char(escape),
        [0..=0x1F, ..] => Err(Stop::Invalid {
            at: 0,
            reason: "control character in a string",
        }),
        _ => text(&input[..input.len().min(max_text)]),
    }
}

/// Returns the text that `input` begins with, up to the first byte that is special or not UTF-8.
fn text(input: &[u8]) -> Result<(usize, Item<'_>), Stop> {
    let mut length = ascii_length(input);
    loop {
        match char_length(&input[length..]) {
            0 => break,
            char => length += char,
        }
        // Non-ASCII characters often come in runs.
        if input.get(length).is_some_and(u8::is_ascii) {
            length += ascii_length(&input[length..]);
        }
    }
    if length > 0 {
        return Ok((length, Item::Text(&input[..length])));
    }
    let start = &input[..input.len().min(MAX_CHAR)];
    match std::str::from_utf8(start).map_err(|error| error.error_len()) {
        Err(Some(length)) => Ok((length, Item::InvalidUtf8)),
        _ => Err(Stop::Incomplete),
    }
}

/// Returns how many bytes come before the first one that is special or not ASCII.
///
/// Logs are mostly text, so this is the inner loop. It takes eight bytes at a time, which decodes a log in less than
/// half the time that byte by byte takes.
fn ascii_length(input: &[u8]) -> usize {
    let mut length = 0;
    while let Some(&word) = input[length..].first_chunk() {
        let marked = mark_special(u64::from_le_bytes(word));
        if marked != 0 {
            return length + marked.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let is_special = |&byte: &u8| mark_special(u64::from(byte)) & 0xFF != 0;
    let rest = &input[length..];
    length + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// Marks quotes, backslashes, control characters and everything that is not ASCII, by setting the high bit of the byte:
/// Mycroft's algorithm. Only the first mark is reliable, because a marked byte may borrow from the next.
#[inline(always)]
fn mark_special(word: u64) -> u64 {
    /// Multiplied by a byte, repeats it eight times.
    const EACH: u64 = 0x0101_0101_0101_0101;
    let control = word.wrapping_sub(EACH * 0x20);
    let quote = (word ^ (EACH * 0x22)).wrapping_sub(EACH);
    let backslash = (word ^ (EACH * 0x5C)).wrapping_sub(EACH);
    (control | quote | backslash | word) & (EACH * 0x80)
}

/// Returns the length of the character that `input` begins with, or 0 if it is ASCII, cut or not UTF-8.
///
/// This is table 3-7 of the Unicode standard. With the standard library's check instead, Docker output takes a third
/// longer, because progress bars are full of such characters.
#[inline(always)]
fn char_length(input: &[u8]) -> usize {
    match *input {
        [0xC2..=0xDF, 0x80..=0xBF, ..] => 2,
        [0xE0, 0xA0..=0xBF, 0x80..=0xBF, ..]
        | [0xE1..=0xEC | 0xEE..=0xEF, 0x80..=0xBF, 0x80..=0xBF, ..]
        | [0xED, 0x80..=0x9F, 0x80..=0xBF, ..] => 3,
        [0xF0, 0x90..=0xBF, 0x80..=0xBF, 0x80..=0xBF, ..]
        | [0xF1..=0xF3, 0x80..=0xBF, 0x80..=0xBF, 0x80..=0xBF, ..]
        | [0xF4, 0x80..=0x8F, 0x80..=0xBF, 0x80..=0xBF, ..] => 4,
        _ => 0,
    }
}

/// Decodes an escape sequence; `escape` begins after the backslash.
#[inline(always)]
fn unescape_char(escape: &[u8]) -> Result<(usize, Item<'_>), Stop> {
    let char = match *escape {
        [] => return Err(Stop::Incomplete),
        [b'u', ref digits @ ..] => return unicode_escape(digits),
        [char @ (b'"' | b'\\' | b'/'), ..] => char::from(char),
        [b'b', ..] => '\u{8}',
        [b'f', ..] => '\u{C}',
        [b'n', ..] => '\n',
        [b'r', ..] => '\r',
        [b't', ..] => '\t',
        _ => {
            return Err(Stop::Invalid {
                at: 1,
                reason: "unknown escape",
            });
        }
    };
    Ok((2, Item::Char(char)))
}

/// Decodes a `\u` escape, or two that form a surrogate pair; `digits` begins after the `\u`.
fn unicode_escape(digits: &[u8]) -> Result<(usize, Item<'_>), Stop> {
    const LENGTH: usize = r"\uXXXX".len();
    let unit = utf16_unit(digits)?;
    if let Some(char) = char::from_u32(u32::from(unit)) {
        return Ok((LENGTH, Item::Char(char)));
    }
    let second = match digits[4..] {
        [] | [b'\\'] => return Err(Stop::Incomplete),
        [b'\\', b'u', ref digits @ ..] => utf16_unit(digits),
        _ => return Ok((LENGTH, Item::LoneSurrogate)),
    };
    match second {
        Ok(second) => match char::decode_utf16([unit, second]).next() {
            Some(Ok(char)) => Ok((2 * LENGTH, Item::Char(char))),
            _ => Ok((LENGTH, Item::LoneSurrogate)),
        },
        Err(Stop::Incomplete) => Err(Stop::Incomplete),
        // The second escape is the next item, which is invalid.
        Err(_) => Ok((LENGTH, Item::LoneSurrogate)),
    }
}

/// Returns the UTF-16 code unit that the digits of a `\u` escape stand for.
fn utf16_unit(digits: &[u8]) -> Result<u16, Stop> {
    let mut unit = 0;
    for at in 0..4 {
        let &digit = digits.get(at).ok_or(Stop::Incomplete)?;
        let digit = char::from(digit).to_digit(16).ok_or(Stop::Invalid {
            at: 2 + at,
            reason: "expected a hexadecimal digit",
        })?;
        unit = (unit << 4) | digit as u16;
    }
    Ok(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that are scanned together must not affect each other.
    #[test]
    fn finds_the_first_special_byte_beside_any_other() {
        let is_special =
            |&byte: &u8| !matches!(byte, b' '..=b'~' | 0x7F) || b"\"\\".contains(&byte);
        for at in [0, 3, 7, 14] {
            for pair in 0..=u16::MAX {
                let mut text = [b'x'; 18];
                text[at..at + 2].copy_from_slice(&pair.to_le_bytes());
                let expected = text.iter().position(is_special).unwrap_or(18);
                assert_eq!(ascii_length(&text), expected, "{pair:#x} at {at}");
            }
        }
    }

    #[test]
    fn characters_are_recognized_as_by_the_standard_library() {
        const THIRD_AND_FOURTH: [u8; 4] = [0x7F, 0x80, 0xBF, 0xC0];
        for start in 0x8000..=u16::MAX {
            for third in THIRD_AND_FOURTH {
                for fourth in THIRD_AND_FOURTH {
                    let [first, second] = start.to_be_bytes();
                    let bytes = [first, second, third, fourth];
                    let chunk = bytes.utf8_chunks().next().unwrap();
                    let expected = chunk.valid().chars().next().map_or(0, char::len_utf8);
                    assert_eq!(char_length(&bytes), expected, "{bytes:x?}");
                }
            }
        }
    }
}
