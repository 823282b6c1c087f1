//! Unescapes the inside of a JSON string, slice by slice.

/// The length of the longest character in UTF-8.
pub(super) const MAX_CHAR: usize = 4;

/// The most bytes of text in one item: about a line. After an invalid byte, no more than this is scanned again.
pub(super) const MAX_TEXT: usize = 128;

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
        let max_text = room.len().min(MAX_TEXT);
        let (length, item) = match next_item(&input[progress.read..], max_text) {
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

/// Returns the valid text that `input` begins with.
fn text(input: &[u8]) -> Result<(usize, Item<'_>), Stop> {
    let ascii = length_until(input, special_or_non_ascii);
    if ascii > 0 {
        return Ok((ascii, Item::Text(&input[..ascii])));
    }
    let text = &input[..length_until(input, special)];
    let Err(error) = std::str::from_utf8(text) else {
        return Ok((text.len(), Item::Text(text)));
    };
    match (error.valid_up_to(), error.error_len()) {
        (0, Some(length)) => Ok((length, Item::InvalidUtf8)),
        (0, None) if text.len() < input.len() => Ok((text.len(), Item::InvalidUtf8)),
        (0, None) => Err(Stop::Incomplete),
        (length, _) => Ok((length, Item::Text(&text[..length]))),
    }
}

/// Returns how many bytes come before the first one that `mark` marks by setting its high bit.
///
/// Logs are mostly text, so this is the inner loop. It scans eight bytes at a time, which more than halves the time to
/// decode a log.
fn length_until(input: &[u8], mark: impl Fn(u64) -> u64) -> usize {
    let mut length = 0;
    while let Some(&word) = input[length..].first_chunk() {
        let marked = mark(u64::from_le_bytes(word)) & (EACH_BYTE * 0x80);
        if marked != 0 {
            return length + marked.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let is_marked = |&byte: &u8| mark(u64::from(byte)) & 0x80 != 0;
    let rest = &input[length..];
    length + rest.iter().position(is_marked).unwrap_or(rest.len())
}

/// Multiplied by a byte, repeats it eight times.
const EACH_BYTE: u64 = 0x0101_0101_0101_0101;

/// Marks quotes, backslashes and control characters: Mycroft's algorithm. Only the first mark is reliable, because a
/// marked byte may borrow from the next.
fn special(word: u64) -> u64 {
    let control = word.wrapping_sub(EACH_BYTE * 0x20);
    let quote = (word ^ (EACH_BYTE * 0x22)).wrapping_sub(EACH_BYTE);
    let backslash = (word ^ (EACH_BYTE * 0x5C)).wrapping_sub(EACH_BYTE);
    (control | quote | backslash) & !word
}

fn special_or_non_ascii(word: u64) -> u64 {
    special(word) | word
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
        let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
        for at in [0, 3, 7, 14] {
            for pair in 0..=u16::MAX {
                let mut text = [b'x'; 18];
                text[at..at + 2].copy_from_slice(&pair.to_le_bytes());
                let expected = text.iter().position(is_special);
                assert_eq!(
                    length_until(&text, special),
                    expected.unwrap_or(18),
                    "{pair:#x}"
                );
                let expected = text
                    .iter()
                    .position(|byte| is_special(byte) || !byte.is_ascii());
                let length = length_until(&text, special_or_non_ascii);
                assert_eq!(length, expected.unwrap_or(18), "{pair:#x}");
            }
        }
    }
}
