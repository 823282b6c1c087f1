//! Makes untrusted text safe to show.
//!
//! A build log contains whatever the build printed. A terminal obeys the escape sequences in it: they can change its
//! title, write to the clipboard, overwrite earlier output, or make it send input. [`Sanitizer`] passes only the text
//! and the colours of a log. [`sanitize_line`] is for words from the service in tables, notes and errors.

/// The longest colour sequence that passes, in bytes without `ESC [` and `m`. Real ones have fewer than 40.
const MAX_COLOR: usize = 61;

const ESC: char = '\u{1b}';
const CAN: char = '\u{18}';
const SUB: char = '\u{1a}';
const BEL: char = '\u{7}';
/// The C1 string terminator; `ESC \` is the other form.
const ST: char = '\u{9c}';

/// What a [`Sanitizer`] passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// For a terminal: text and colours. Other escape sequences are dropped, other controls become U+FFFD.
    Colors,
    /// For a terminal: text only.
    NoColors,
    /// For a pipe or a file: everything except escape sequences and C1 introducers.
    Strip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Text,
    /// After ESC.
    Escape,
    /// After ESC and intermediate bytes: `ESC (`, before the `B`.
    Intermediate,
    /// In a control sequence (CSI): after `ESC [`.
    Csi,
    /// In the string of an OSC, DCS, SOS, PM or APC.
    String,
}

/// Sanitizes a log as a stream. The result does not depend on how the input is split. Logs are UTF-8; invalid bytes
/// become U+FFFD.
#[derive(Debug)]
pub(crate) struct Sanitizer {
    mode: Mode,
    state: State,
    /// The end of the last input, if it may be an incomplete UTF-8 character.
    partial: Vec<u8>,
    /// The control sequence so far, without `ESC [`.
    csi: String,
    /// Whether a CR has been read whose line end is not written yet: an LF may follow, and CR LF is one line end.
    pending_cr: bool,
    colored: bool,
    line_open: bool,
}

impl Sanitizer {
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            mode,
            state: State::Text,
            partial: Vec::new(),
            csi: String::new(),
            pending_cr: false,
            colored: false,
            line_open: false,
        }
    }

    /// Sanitizes the next piece of the log, and appends it to `out`.
    pub(crate) fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let mut joined = std::mem::take(&mut self.partial);
        let input = if joined.is_empty() {
            input
        } else {
            joined.extend_from_slice(input);
            &joined
        };
        let mut chunks = input.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            for c in chunk.valid().chars() {
                self.character(c, out);
            }
            let invalid = chunk.invalid();
            if chunks.peek().is_none() {
                self.partial = invalid.to_vec();
            } else if !invalid.is_empty() {
                self.character(char::REPLACEMENT_CHARACTER, out);
            }
        }
    }

    /// Ends the log. On a terminal, this resets colours and ends the last line.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) {
        if !self.partial.is_empty() {
            self.character(char::REPLACEMENT_CHARACTER, out);
        }
        self.end_pending_line(out);
        if self.mode == Mode::Strip {
            return;
        }
        if self.colored {
            out.extend_from_slice(b"\x1b[0m");
        }
        if self.line_open {
            self.emit('\n', out);
        }
    }

    fn character(&mut self, c: char, out: &mut Vec<u8>) {
        if self.state != State::Text && self.is_in_sequence(c, out) {
            return;
        }
        match c {
            ESC => self.state = State::Escape,
            // Several CRs in a row are one line end: only the first moves the cursor.
            '\r' if self.mode != Mode::Strip => self.pending_cr = true,
            '\n' => {
                self.pending_cr = false;
                self.emit(c, out);
            }
            _ => {
                self.end_pending_line(out);
                if self.passes(c) {
                    self.emit(c, out);
                } else if self.mode != Mode::Strip {
                    self.emit(char::REPLACEMENT_CHARACTER, out);
                }
            }
        }
    }

    /// Reads a character in an escape sequence. Returns false if the character ends the sequence without being part of
    /// it.
    fn is_in_sequence(&mut self, c: char, out: &mut Vec<u8>) -> bool {
        match (self.state, c) {
            // In a string, this can begin the terminator `ESC \`, which is then dropped as a sequence of its own.
            (_, ESC) => self.state = State::Escape,
            (_, CAN | SUB) | (State::String, BEL | ST) => self.state = State::Text,
            (State::String, _) if !matches!(c, '\n' | '\r') => {}
            (State::Escape, '[') => {
                self.state = State::Csi;
                self.csi.clear();
            }
            (State::Escape, ']' | 'P' | 'X' | '^' | '_') => self.state = State::String,
            (State::Escape | State::Intermediate, ' '..='/') => self.state = State::Intermediate,
            (State::Escape | State::Intermediate, '0'..='~') => self.state = State::Text,
            // A sequence that is too long is dropped as a whole.
            (State::Csi, ' '..='?') if self.csi.len() > MAX_COLOR => {}
            (State::Csi, ' '..='?') => self.csi.push(c),
            (State::Csi, '@'..='~') => self.end_csi(c, out),
            // Treat a malformed sequence as text. The end of a line ends every sequence: titles, links and clipboard
            // contents have none, and a stray `ESC ]` must not hide the rest of the log.
            _ => {
                self.state = State::Text;
                return false;
            }
        }
        true
    }

    fn end_csi(&mut self, last: char, out: &mut Vec<u8>) {
        self.state = State::Text;
        // An SGR has only numbers: `CSI > 4 m` and the like configure the keyboard.
        let is_sgr = last == 'm' && self.csi.chars().all(|c| matches!(c, '0'..='9' | ';' | ':'));
        if is_sgr && self.csi.len() <= MAX_COLOR && self.mode == Mode::Colors {
            self.end_pending_line(out);
            self.colored = true;
            out.extend_from_slice(format!("\x1b[{}m", self.csi).as_bytes());
        }
    }

    fn end_pending_line(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.pending_cr) {
            self.emit('\n', out);
        }
    }

    fn emit(&mut self, c: char, out: &mut Vec<u8>) {
        self.line_open = c != '\n';
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn passes(&self, c: char) -> bool {
        match self.mode {
            // Without its introducer, the rest of a C1 sequence is harmless. It may also be text: a `”` that was encoded
            // twice contains an introducer.
            Mode::Strip => !is_c1_introducer(c),
            Mode::Colors | Mode::NoColors => is_shown(c),
        }
    }
}

/// Returns whether a terminal gets the character as text. LF is not part of a line's text.
pub(crate) fn is_shown(c: char) -> bool {
    c == '\t' || !(c.is_control() || is_bidi_control(c))
}

/// Returns whether some terminals treat the character like `ESC P`, `ESC X`, `ESC [`, `ESC ]`, `ESC ^` or `ESC _`.
fn is_c1_introducer(c: char) -> bool {
    matches!(c, '\u{90}' | '\u{98}' | '\u{9b}' | '\u{9d}'..='\u{9f}')
}

/// Returns whether the character changes the order in which others are shown: <https://trojansource.codes>.
pub(crate) fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns whether a character is a control, or is invisible: a soft hyphen, a separator, a format character, a tag.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || is_bidi_control(c)
        || matches!(c,
            '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}' | '\u{2029}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns the text as one safe line: control and invisible characters become U+FFFD.
pub(crate) fn sanitize_line(text: &str) -> String {
    text.replace(is_unsafe, "\u{fffd}")
}

/// Breaks up what build servers treat as commands: `##[…]`, `##vso[…]`, `##teamcity[…]` anywhere in a line, and `::` at
/// its start.
pub(crate) fn defuse(line: &str) -> String {
    let line = line.replace("##", "# #").replace("##", "# #");
    match line.trim_start().strip_prefix("::") {
        Some(rest) => line[..line.len() - rest.len() - 1].to_owned() + " :" + rest,
        None => line,
    }
}

/// Shortens text to `max` characters, followed by `…` if there were more.
pub(crate) fn truncate(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Mode::{Colors, NoColors, Strip};

    fn sanitized(mode: Mode, input: &[u8], size: usize) -> String {
        let mut sanitizer = Sanitizer::new(mode);
        let mut out = Vec::new();
        for piece in input.chunks(size) {
            sanitizer.push(piece, &mut out);
        }
        sanitizer.finish(&mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn colors_pass_and_are_reset() {
        let longest = format!("\x1b[{}m", "1".repeat(MAX_COLOR));
        let longer = format!("\x1b[{}m", "1".repeat(MAX_COLOR + 1));
        for (log, colored, plain) in [
            (
                "\x1b[91ma\n\x1b[0mb\n",
                "\x1b[91ma\n\x1b[0mb\n\x1b[0m",
                "a\nb\n",
            ),
            (
                "\x1b[1;38:2::1:2:3;4mx",
                "\x1b[1;38:2::1:2:3;4mx\x1b[0m\n",
                "x\n",
            ),
            ("\x1b[m", "\x1b[m\x1b[0m", ""),
            ("a\r\x1b[1mb", "a\n\x1b[1mb\x1b[0m\n", "a\nb\n"),
            ("\x1b[1ma\r", "\x1b[1ma\n\x1b[0m", "a\n"),
            (&longest, &*format!("{longest}\x1b[0m"), ""),
            (&format!("a{longer}b\n"), "ab\n", "ab\n"),
            (
                "a\x1b[>4;2mb\x1b[?4mc\x1b[1 md\x1b[1;2Me\n",
                "abcde\n",
                "abcde\n",
            ),
        ] {
            assert_eq!(sanitized(Colors, log.as_bytes(), 1), colored);
            assert_eq!(sanitized(NoColors, log.as_bytes(), 1), plain);
        }
    }

    /// Logs without colours. `?` stands for U+FFFD.
    #[test]
    fn other_sequences_are_dropped_and_controls_replaced() {
        for (log, expected) in [
            ("", ""),
            ("é ✓ ━━ 日本 👩‍🔧 عربى À\t\n\n", "é ✓ ━━ 日本 👩‍🔧 عربى À\t\n\n"),
            // Neighbours of controls and bidi controls.
            (
                "\u{a0}\u{61b}\u{200d}\u{2010}\u{202f}\u{206a}\n",
                "\u{a0}\u{61b}\u{200d}\u{2010}\u{202f}\u{206a}\n",
            ),
            (
                "\0\u{8}\u{7f}\u{80}\u{9f}\u{61c}\u{200e}\u{202a}\u{202e}\u{2066}\u{2069}\n",
                "???????????\n",
            ),
            ("\u{9b}31m\u{9d}0;t\u{7}\n", "?31m?0;t?\n"),
            // Line ends: a dropped sequence does not come between CR and LF, and a missing one is added.
            ("a\r\nb\r\r\nc\r\rd\re\n\rf\r\0", "a\nb\nc\nd\ne\n\nf\n?\n"),
            ("a\r\x1b[K\nb\r\x1b[Kc", "a\nb\nc\n"),
            ("a\n\x1b[K", "a\n"),
            ("\r", "\n"),
            // Whole sequences of each kind.
            (
                "<\x1b[2J\x1b[1;1H\x1b[?1049h\x1b[1$}\x1b[@\x1b[~>\n",
                "<>\n",
            ),
            (
                "<\x1b]0;título ✓\x07\x1b]52;c;aGk=\u{9c}\x1b]8;;http://x/\x1b\\>\n",
                "<>\n",
            ),
            (
                "<\x1bP+q\x1b\\\x1bXsos\x1b\\\x1b^pm\x1b\\\x1b_G\0\t\u{9b}\x1b\\>\n",
                "<>\n",
            ),
            (
                "<\x1b(B\x1b#8\x1b ( /A\x1b7\x1b=\x1bc\x1b\\\x1b~>\n",
                "<>\n",
            ),
            // The end of a line, another sequence, CAN and SUB end a sequence.
            ("a\x1b]0;t\nb\x1b[12\r\nc\x1b(\rd\x1b\n", "a\nb\nc\nd\n"),
            (
                "a\x1b]0;t\x18b\x1b[12\x1ac\x1b(\x1b[Kd\x1b]0\x1b[Ke\n",
                "abcde\n",
            ),
            ("a\x1b[1", "a\n"),
            // A character that cannot be part of a sequence is text.
            ("a\x1béb\x1b[12éc\x1b(éd\x1b[1\0e\n", "aébécéd?e\n"),
        ] {
            for (mode, size) in [(Colors, 1), (NoColors, 3), (NoColors, usize::MAX)] {
                let expected = expected.replace('?', "\u{fffd}");
                assert_eq!(sanitized(mode, log.as_bytes(), size), expected, "{log:?}");
            }
        }
        let invalid = b"\xff\xe2\xe2\x94\x81\x1b[1\xffm\xf0\x9f\x1b[K\xf0";
        assert_eq!(
            sanitized(NoColors, invalid, 1),
            "\u{fffd}\u{fffd}━\u{fffd}m\u{fffd}\u{fffd}\n"
        );
    }

    #[test]
    fn stripping_removes_sequences_only() {
        let kept = "a\r\r\n\0\x08\x07\x7f\u{80}\u{85}\u{9a}\u{9c}\u{202e}\r";
        for (log, expected) in [
            (kept, kept),
            (
                "\x1b[91ma\r\n\x1b[0mb\x1b]0;t\x07c\x1b[1\0\x1b",
                "a\r\nbc\0",
            ),
            ("a\u{90}b\u{98}c\u{9b}d\u{9d}e\u{9e}f\u{9f}g", "abcdefg"),
        ] {
            assert_eq!(sanitized(Strip, log.as_bytes(), 1), expected);
        }
    }

    #[test]
    fn lines_have_no_control_or_invisible_characters() {
        for (text, expected) in [
            ("build é 日本 ✓ 👍", "build é 日本 ✓ 👍"),
            ("a\nb\tc\r\x1b[31m\u{9b}1m", "a?b?c??[31m?1m"),
            (
                "\u{ad}\u{180e}\u{200b}\u{2028}\u{2060}\u{feff}\u{e0041}",
                "???????",
            ),
        ] {
            assert_eq!(sanitize_line(text), expected.replace('?', "\u{fffd}"));
        }
        // Every character that logs do not show is replaced in lines too.
        let sanitizer = Sanitizer::new(NoColors);
        for c in ('\0'..=char::MAX).filter(|&c| !sanitizer.passes(c)) {
            assert!(is_unsafe(c), "{c:?}");
        }
    }

    #[test]
    fn commands_of_build_servers_are_broken_up() {
        for (text, expected) in [
            ("issue #7 of # and #", "issue #7 of # and #"),
            ("a ##[error]b ##vso[x", "a # #[error]b # #vso[x"),
            ("####[x", "# # # #[x"),
            (" \u{a0}::x ::y", " \u{a0}: :x ::y"),
            (":::##", ": ::# #"),
            ("a ::x", "a ::x"),
        ] {
            assert_eq!(defuse(text), expected);
        }
    }
}
