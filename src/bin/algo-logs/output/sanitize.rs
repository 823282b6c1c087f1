//! Untrusted text on its way to a terminal.
//!
//! A build's log holds whatever the build's commands printed, and a terminal obeys what it is sent:
//! it can be told to change its title, to write to the clipboard, to move back and overwrite what
//! was shown, to answer as if someone had typed. [`Sanitizer`] lets a log's text and colours through
//! and nothing else, as a stream and in constant memory. [`sanitize_line`] does the same for the words and
//! sentences of the service that are shown in tables, notes and errors.

/// The longest colour sequence that is let through, in bytes. Real ones stay under 40.
const MAX_COLOUR: usize = 64;

/// After how many bytes an escape sequence that has not ended is given up, and text is shown again.
///
/// Terminals themselves wait for a string's terminator without end, or until a time has passed. One
/// stray `ESC ]` must not hide the rest of a log, which is why a sequence ends with its line, too:
/// what belongs inside one (a title, a link, a clipboard's base64) holds no line end.
const MAX_SEQUENCE: usize = 4096;

const ESC: char = '\u{1b}';
const CAN: char = '\u{18}';
const SUB: char = '\u{1a}';
const BEL: char = '\u{7}';
/// The string terminator in its one-character form; `ESC \` is the other.
const ST: char = '\u{9c}';

const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
const RESET: &[u8] = b"\x1b[0m";

/// What a [`Sanitizer`] lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// For a terminal: text and colours. Everything else is dropped or shown as U+FFFD.
    Colours,
    /// For a terminal: text alone.
    NoColours,
    /// For a pipe or a file: everything but escape sequences, byte for byte.
    Strip,
}

/// Where in the text the filter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Text,
    /// After ESC.
    Escape,
    /// After ESC and bytes that announce one more (`ESC ( B`).
    Intermediate,
    /// After `ESC [`.
    Control,
    /// In the string of an OSC, DCS, SOS, PM or APC.
    String,
}

/// Makes a log safe to show. Input may be chopped anywhere: it changes nothing.
#[derive(Debug)]
pub(crate) struct Sanitizer {
    mode: Mode,
    state: State,
    /// The beginning of a UTF-8 character whose end has not come yet: 3 bytes at most.
    partial: Vec<u8>,
    /// The control sequence so far, as far as a colour may be long; a longer one loses its `m`.
    sequence: Vec<u8>,
    /// How long the escape sequence is so far, in bytes.
    length: usize,
    /// A CR has come, and not yet what tells whether it is half of a CR LF.
    pending_line_end: bool,
    coloured: bool,
    line_open: bool,
}

impl Sanitizer {
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            mode,
            state: State::Text,
            partial: Vec::new(),
            sequence: Vec::new(),
            length: 0,
            pending_line_end: false,
            coloured: false,
            line_open: false,
        }
    }

    /// Appends to `out` what may be shown of the log's next piece.
    pub(crate) fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let input = self.complete_partial(input, out);
        let mut chunks = input.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.text(chunk.valid(), out);
            let rest = chunk.invalid();
            if chunks.peek().is_none() && is_cut_short(rest) {
                self.partial.extend_from_slice(rest);
            } else if !rest.is_empty() {
                self.invalid(rest, out);
            }
        }
    }

    /// Appends what is due at the end of the log: for a terminal, the colours' reset and a missing
    /// newline.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        let partial = std::mem::take(&mut self.partial);
        if !partial.is_empty() {
            self.invalid(&partial, out);
        }
        self.end_pending_line(out);
        if self.mode == Mode::Strip {
            return;
        }
        if std::mem::take(&mut self.coloured) {
            out.extend_from_slice(RESET);
        }
        if self.line_open {
            self.emit(b"\n", out);
        }
    }

    /// Finishes the character that the last push left cut; returns what follows it.
    fn complete_partial<'a>(&mut self, mut input: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        while !self.partial.is_empty() {
            let Some((&byte, rest)) = input.split_first() else {
                break;
            };
            let mut character = std::mem::take(&mut self.partial);
            character.push(byte);
            match std::str::from_utf8(&character) {
                Ok(text) => self.text(text, out),
                Err(error) if error.error_len().is_none() => self.partial = character,
                Err(_) => {
                    // The beginning is invalid, the byte after it need not be.
                    character.pop();
                    self.invalid(&character, out);
                    break;
                }
            }
            input = rest;
        }
        input
    }

    fn text(&mut self, mut text: &str, out: &mut Vec<u8>) {
        while let Some(next) = text.chars().next() {
            let used = match self.state {
                State::Text => self.shown(text, next, out),
                _ => self.dropped(next, out),
            };
            text = &text[used..];
        }
    }

    /// Outside any sequence: takes what can be copied at once, or one character; returns the bytes
    /// taken.
    fn shown(&mut self, text: &str, next: char, out: &mut Vec<u8>) -> usize {
        match next {
            ESC => {
                self.begin_sequence();
                return 1;
            }
            // A run of CRs is one line end, as CR LF is: on a terminal the second CR moves nothing.
            '\r' if self.mode != Mode::Strip => {
                self.pending_line_end = true;
                return 1;
            }
            '\n' => self.pending_line_end = false,
            _ => self.end_pending_line(out),
        }
        let run = self.harmless_prefix(text);
        if run > 0 {
            self.emit(&text.as_bytes()[..run], out);
            return run;
        }
        // To strip an 8-bit introducer alone disarms it, and loses nothing of what follows one that
        // is there by accident: a curly quote that was encoded twice holds one.
        if self.mode != Mode::Strip {
            self.emit(REPLACEMENT, out);
        }
        next.len_utf8()
    }

    /// Inside a sequence: takes one character, or none if the sequence ended before it; returns the
    /// bytes taken.
    fn dropped(&mut self, next: char, out: &mut Vec<u8>) -> usize {
        if self.length >= MAX_SEQUENCE {
            self.state = State::Text;
            return 0;
        }
        let size = next.len_utf8();
        self.length += size;
        match (self.state, next) {
            // In a string this may begin its terminator, `ESC \`: a sequence of its own.
            (_, ESC) => self.begin_sequence(),
            (_, CAN | SUB) | (State::String, BEL | ST) => self.state = State::Text,
            // Malformed, and more likely text that went wrong than anything that wants dropping.
            (_, '\n' | '\r') => return self.give_up(),
            (State::String, _) => {}
            (State::Escape, '[') => self.begin_control(),
            (State::Escape, ']' | 'P' | 'X' | '^' | '_') => self.state = State::String,
            (State::Escape | State::Intermediate, ' '..='/') => self.state = State::Intermediate,
            (State::Escape | State::Intermediate, '0'..='~') => self.state = State::Text,
            (State::Control, ' '..='?') => self.remember(next),
            (State::Control, '@'..='~') => self.end_control(next, out),
            _ => return self.give_up(),
        }
        size
    }

    fn give_up(&mut self) -> usize {
        self.state = State::Text;
        0
    }

    fn begin_sequence(&mut self) {
        self.state = State::Escape;
        self.length = 1;
    }

    fn begin_control(&mut self) {
        self.state = State::Control;
        self.sequence.clear();
        self.sequence.extend_from_slice(b"\x1b[");
    }

    fn remember(&mut self, parameter: char) {
        if self.sequence.len() < MAX_COLOUR {
            self.sequence.push(parameter as u8);
        }
    }

    fn end_control(&mut self, last: char, out: &mut Vec<u8>) {
        self.state = State::Text;
        self.remember(last);
        if self.mode == Mode::Colours && is_colour(&self.sequence) {
            self.end_pending_line(out);
            self.coloured = true;
            out.extend_from_slice(&self.sequence);
        }
    }

    /// Bytes that are no UTF-8. A string swallows them as it does the rest, other sequences end.
    fn invalid(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.state == State::String && self.length < MAX_SEQUENCE {
            self.length += bytes.len();
            return;
        }
        self.state = State::Text;
        self.end_pending_line(out);
        match self.mode {
            Mode::Strip => self.emit(bytes, out),
            Mode::Colours | Mode::NoColours => self.emit(REPLACEMENT, out),
        }
    }

    fn end_pending_line(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.pending_line_end) {
            self.emit(b"\n", out);
        }
    }

    fn emit(&mut self, visible: &[u8], out: &mut Vec<u8>) {
        self.line_open = visible.last() != Some(&b'\n');
        out.extend_from_slice(visible);
    }

    /// How many bytes of the text can be copied as they are.
    fn harmless_prefix(&self, text: &str) -> usize {
        let bytes = text.as_bytes();
        let mut at = 0;
        loop {
            at += plain_prefix(&bytes[at..]);
            match text[at..].chars().next() {
                Some(next) if self.is_harmless(next) => at += next.len_utf8(),
                _ => return at,
            }
        }
    }

    fn is_harmless(&self, c: char) -> bool {
        match self.mode {
            Mode::Strip => c != ESC && !is_introducer(c),
            Mode::Colours | Mode::NoColours => {
                matches!(c, '\n' | '\t') || !(c.is_control() || is_bidi_control(c))
            }
        }
    }
}

/// How many bytes stand before the first one with which a character that needs a look may begin.
fn plain_prefix(bytes: &[u8]) -> usize {
    let suspect = |byte: &u8| SUSPECT[usize::from(*byte)];
    bytes.iter().position(suspect).unwrap_or(bytes.len())
}

/// The first bytes of all characters that some mode does not let through, and of some that it does.
const SUSPECT: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'\n' as usize] = false;
    table[b'\t' as usize] = false;
    table[0x7f] = true;
    table[0xc2] = true; // C1 controls
    table[0xd8] = true; // U+061C
    table[0xe2] = true; // the other bidi controls
    table
};

/// Whether these bytes are the beginning of a character, as opposed to invalid.
fn is_cut_short(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

/// Whether a control sequence is an SGR: of numbers only, because `CSI > 4 m` and its like set up
/// the keyboard.
fn is_colour(sequence: &[u8]) -> bool {
    let parameters = sequence
        .strip_prefix(b"\x1b[")
        .and_then(|rest| rest.strip_suffix(b"m"));
    parameters.is_some_and(|bytes| {
        bytes
            .iter()
            .all(|byte| matches!(byte, b'0'..=b'9' | b';' | b':'))
    })
}

/// The C1 controls DCS, SOS, CSI, OSC, PM and APC: some terminals take them for `ESC P`, `ESC X`,
/// `ESC [` and so on.
fn is_introducer(c: char) -> bool {
    matches!(
        c,
        '\u{90}' | '\u{98}' | '\u{9b}' | '\u{9d}' | '\u{9e}' | '\u{9f}'
    )
}

/// Characters that change the order in which others are shown: <https://trojansource.codes>.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Line separators, format characters and blank letters: nothing of them is seen, so that two
/// different words look alike.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether a character is a control, or cannot be seen.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// One line of harmless text: every control and every character that cannot be seen becomes U+FFFD.
pub(crate) fn sanitize_line(text: &str) -> String {
    let shown = |c: char| {
        if is_unsafe(c) {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filtered<'a>(mode: Mode, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut filter = Sanitizer::new(mode);
        let mut out = Vec::new();
        for piece in pieces {
            filter.push(piece, &mut out);
        }
        filter.finish(&mut out);
        out
    }

    /// Whole, in two pieces cut at every place, and byte by byte.
    #[track_caller]
    fn check_bytes(mode: Mode, input: &[u8], expected: &[u8]) {
        let (shown, wanted) = (input.escape_ascii(), expected.escape_ascii());
        let check = |how: &str, out: Vec<u8>| {
            assert!(
                out == expected,
                "{mode:?} of {shown}, {how}: {}, wanted {wanted}",
                out.escape_ascii()
            );
        };
        check("whole", filtered(mode, [input]));
        for at in 0..=input.len() {
            let (head, tail) = input.split_at(at);
            check(&format!("cut at {at}"), filtered(mode, [head, tail]));
        }
        check("byte by byte", filtered(mode, input.chunks(1)));
    }

    #[track_caller]
    fn check(mode: Mode, input: &str, expected: &str) {
        check_bytes(mode, input.as_bytes(), expected.as_bytes());
    }

    /// Both modes for a terminal; the input has no colours and ends its lines.
    #[track_caller]
    fn check_terminal(input: &str, expected: &str) {
        check(Mode::Colours, input, expected);
        check(Mode::NoColours, input, expected);
    }

    #[test]
    fn text_passes() {
        check_terminal("", "");
        check_terminal(
            "Step 1/21 : FROM x\n\tok ~\n\n",
            "Step 1/21 : FROM x\n\tok ~\n\n",
        );
        check_terminal("é ✓ ━━ 日本 👩‍🔧 عربى ª À\n", "é ✓ ━━ 日本 👩‍🔧 عربى ª À\n");
    }

    #[test]
    fn colours_pass_and_are_reset() {
        let docker = "\x1b[91mE: no\n\x1b[0mStep 2\n";
        check(
            Mode::Colours,
            docker,
            "\x1b[91mE: no\n\x1b[0mStep 2\n\x1b[0m",
        );
        check(Mode::NoColours, docker, "E: no\nStep 2\n");
        check(Mode::Colours, "\x1b[m", "\x1b[m\x1b[0m");
        check(
            Mode::Colours,
            "\x1b[1;38:2::1:2:3;4mx",
            "\x1b[1;38:2::1:2:3;4mx\x1b[0m\n",
        );
        check(Mode::NoColours, "\x1b[1;38:2::1:2:3;4mx", "x\n");
    }

    #[test]
    fn only_numbers_make_a_colour() {
        for not_sgr in [
            "\x1b[>4;2m",
            "\x1b[?4m",
            "\x1b[<1m",
            "\x1b[=1m",
            "\x1b[1 m",
            "\x1b[1!m",
            "\x1b[1;2M",
        ] {
            check_terminal(&format!("a{not_sgr}b\n"), "ab\n");
        }
    }

    #[test]
    fn a_long_colour_is_dropped() {
        let sgr = |length: usize| format!("\x1b[{}m", "1".repeat(length - 3));
        check(
            Mode::Colours,
            &format!("{}\n", sgr(64)),
            &format!("{}\n\x1b[0m", sgr(64)),
        );
        check(Mode::Colours, &format!("a{}b\n", sgr(65)), "ab\n");
        check(Mode::Colours, &format!("a{}b\n", sgr(66)), "ab\n");
        // One byte too many, and what was kept of it would look whole.
        check(
            Mode::Colours,
            &format!("a\x1b[{}mmb\n", "1".repeat(62)),
            "amb\n",
        );
    }

    #[test]
    fn line_ends() {
        check_terminal("a\r\nb\r\n", "a\nb\n");
        check_terminal("10%\r20%\r", "10%\n20%\n");
        check_terminal("a\r\r\nb\r\rc\n", "a\nb\nc\n");
        check_terminal("\r\n\r\n", "\n\n");
        check_terminal("\r", "\n");
        check_terminal("a\n\rb\n", "a\n\nb\n");
        check_terminal("a\r\0\n", "a\n\u{fffd}\n");
        check_terminal("a\r\u{9b}\n", "a\n\u{fffd}\n");
        // What is dropped leaves no trace: still one line end.
        check_terminal("a\r\x1b[K\nb\r\x1b[Kc\n", "a\nb\nc\n");
        check(Mode::Colours, "a\r\x1b[1mb", "a\n\x1b[1mb\x1b[0m\n");
        check(Mode::Colours, "a\r\x1b[1m", "a\n\x1b[1m\x1b[0m");
        check(Mode::Colours, "\x1b[1ma\r", "\x1b[1ma\n\x1b[0m");
        check_bytes(Mode::Colours, b"a\r\xff\n", "a\n\u{fffd}\n".as_bytes());
    }

    #[test]
    fn a_missing_newline_is_added() {
        check_terminal("a", "a\n");
        check_terminal("a\0", "a\u{fffd}\n");
        check_terminal("a\n\x1b[K", "a\n");
        check_terminal("\x1b[K", "");
        check(Mode::Colours, "a\n\x1b[0m", "a\n\x1b[0m\x1b[0m");
        check(Mode::Colours, "\x1b[31ma", "\x1b[31ma\x1b[0m\n");
    }

    #[test]
    fn finishing_twice_adds_nothing() {
        let (mut filter, mut out) = (Sanitizer::new(Mode::Colours), Vec::new());
        filter.push(b"\x1b[1ma\r\xe2", &mut out);
        filter.finish(&mut out);
        filter.finish(&mut out);
        assert_eq!(out, "\x1b[1ma\n\u{fffd}\x1b[0m\n".as_bytes());
    }

    #[test]
    fn sequences_are_dropped_whole() {
        let sequences = [
            "\x1b[2J",
            "\x1b[K",
            "\x1b[1;1H",
            "\x1b[?1049h",
            "\x1b[6n",
            "\x1b[1$}",
            "\x1b[!p",
            "\x1b[@",
            "\x1b[~",
            "\x1b]0;title\x07",
            "\x1b]0;título ✓ \x1b\\",
            "\x1b]52;c;aGk=\u{9c}",
            "\x1b]8;;http://x/\x1b\\",
            "\x1bP+q544e\x1b\\",
            "\x1bXsos\x1b\\",
            "\x1b^pm\x1b\\",
            "\x1b_Gi=1;AAAA\x1b\\",
            "\x1b_apc\x07",
            "\x1bPin a string \0 \t \u{9b} and\u{85}\x1b\\",
            "\x1b(B",
            "\x1b#8",
            "\x1b%G",
            "\x1b ( /A",
            "\x1b([",
            "\x1b(]",
            "\x1b7",
            "\x1b=",
            "\x1b0",
            "\x1b~",
            "\x1bc",
            "\x1bM",
            "\x1bN",
            "\x1b\\",
        ];
        for sequence in sequences {
            let input = format!("<{sequence}>\r\n");
            check_terminal(&input, "<>\n");
            check(Mode::Strip, &input, "<>\r\n");
        }
        check_bytes(
            Mode::Colours,
            b"<\x1b]\xe2\x9c\x93\x9c\xff\xc2\x1b\\>\n",
            b"<>\n",
        );
    }

    #[test]
    fn sequences_that_do_not_end_well() {
        let cases = [
            // An ESC begins a new one, CAN and SUB end any.
            ("a\x1b\x1b[Kb\n", "ab\n"),
            ("a\x1b[12\x1b[Kb\n", "ab\n"),
            ("a\x1b]0;t\x1b[Kb\n", "ab\n"),
            ("a\x1b(\x1b[Kb\n", "ab\n"),
            ("a\x1b\x18[b\n", "a[b\n"),
            ("a\x1b(\x18Bb\n", "aBb\n"),
            ("a\x1b[1\x18mb\n", "amb\n"),
            ("a\x1b[1\x1amb\n", "amb\n"),
            ("a\x1b]0;t\x18b\n", "ab\n"),
            ("a\x1b]0;t\x1ab\n", "ab\n"),
            // A line end ends any.
            ("a\x1b\nb\n", "a\nb\n"),
            ("a\x1b(\r\nb\n", "a\nb\n"),
            ("a\x1b[1\nmb\n", "a\nmb\n"),
            ("a\x1b]0;t\nb\n", "a\nb\n"),
            ("a\x1b]0;t\r\nb\n", "a\nb\n"),
            ("a\x1bP\rb\n", "a\nb\n"),
            // What cannot stand in one ends it, and is shown for itself.
            ("a\x1b[1\0mb\n", "a\u{fffd}mb\n"),
            ("a\x1b[1\x7fmb\n", "a\u{fffd}mb\n"),
            ("a\x1b[1émb\n", "aémb\n"),
            ("a\x1b[1\u{9b}mb\n", "a\u{fffd}mb\n"),
            ("a\x1b\x07b\n", "a\u{fffd}b\n"),
            ("a\x1b\x7fb\n", "a\u{fffd}b\n"),
            ("a\x1béb\n", "aéb\n"),
            ("a\x1b(éb\n", "aéb\n"),
            // So does the end of the log.
            ("a\n\x1b", "a\n"),
            ("a\n\x1b[31", "a\n"),
            ("a\n\x1b(", "a\n"),
            ("a\n\x1b]0;", "a\n"),
        ];
        for (input, expected) in cases {
            check_terminal(input, expected);
        }
        check_bytes(
            Mode::Colours,
            b"a\x1b[1\xffmb\n",
            "a\u{fffd}mb\n".as_bytes(),
        );
        check_bytes(Mode::Colours, b"a\n\x1b]\xe2", b"a\n");
        check_bytes(Mode::Colours, b"a\n\x1b[1\xe2", "a\n\u{fffd}\n".as_bytes());
    }

    #[test]
    fn an_endless_sequence_is_given_up() {
        for begin in ["\x1b]", "\x1bP", "\x1b[", "\x1b("] {
            let fill = if begin == "\x1b(" { " " } else { "1" };
            let inside = fill.repeat(MAX_SEQUENCE - begin.len());
            assert_eq!(
                filtered(Mode::Colours, [format!("{begin}{inside}1m\n").as_bytes()]),
                b"1m\n"
            );
        }
        check_at_limit(
            format!("\x1b]{}éé\n", "é".repeat(MAX_SEQUENCE / 2 - 1)).as_bytes(),
            "éé\n",
        );
        // A character, or what is left of one, is never cut by the limit.
        let inside = |length: usize| "1".repeat(MAX_SEQUENCE - 2 - length);
        check_at_limit(format!("\x1b]{}éé\n", inside(1)).as_bytes(), "é\n");
        check_at_limit(
            &[b"\x1b]", inside(0).as_bytes(), b"\xe2\x94\n"].concat(),
            "\u{fffd}\n",
        );
        check_at_limit(
            &[b"\x1b]", inside(1).as_bytes(), b"\xe2\x94\xe2\x94\n"].concat(),
            "\u{fffd}\n",
        );
    }

    #[track_caller]
    fn check_at_limit(input: &[u8], expected: &str) {
        for size in [input.len(), 1, 3, 4095] {
            assert_eq!(
                filtered(Mode::Colours, input.chunks(size)),
                expected.as_bytes(),
                "pieces of {size}"
            );
        }
    }

    #[test]
    fn controls_are_replaced() {
        let passing = ['\n', '\t', '\r', ESC];
        let controls = ('\0'..='\u{9f}').filter(|c| c.is_control() && !passing.contains(c));
        let bidi = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
        for c in controls.chain(bidi.chars()) {
            check_terminal(&format!("a{c}b\n"), "a\u{fffd}b\n");
        }
        // An 8-bit introducer is disarmed, and what follows it is text.
        check_terminal(
            "\u{9b}31m\u{9d}0;t\u{7}\n",
            "\u{fffd}31m\u{fffd}0;t\u{fffd}\n",
        );
    }

    #[test]
    fn nothing_else_is_replaced() {
        for c in [
            "\u{a0}", "\u{85a}", "\u{61b}", "\u{61d}", "\u{200d}", "\u{2010}", "\u{202f}",
            "\u{2065}", "\u{206a}",
        ] {
            check_terminal(&format!("{c}\n"), &format!("{c}\n"));
        }
    }

    #[test]
    fn invalid_utf8_is_replaced() {
        let cases: [(&[u8], &str); 7] = [
            (b"\xff\n", "?\n"),
            (b"\x9b31m\n", "?31m\n"),
            (b"\xe2\x94a\n", "?a\n"),
            (b"\xe2\xe2\x94\x81\n", "?━\n"),
            (b"\xc0\xaf\xed\xa0\x80\n", "?????\n"),
            (b"\xf4\x90\x80\x80\n", "????\n"),
            (b"\xf0\x9f", "?\n"),
        ];
        for (input, expected) in cases {
            let expected = expected.replace('?', "\u{fffd}");
            check_bytes(Mode::Colours, input, expected.as_bytes());
            check_bytes(Mode::Strip, input, input);
        }
        let before_a_sequence = b"\xf0\x9f\x91\x1b[K\n";
        check_bytes(Mode::Colours, before_a_sequence, "\u{fffd}\n".as_bytes());
        check_bytes(Mode::Strip, before_a_sequence, b"\xf0\x9f\x91\n");
    }

    #[test]
    fn stripping_removes_sequences_only() {
        check(Mode::Strip, "", "");
        check(Mode::Strip, "a", "a");
        check(Mode::Strip, "\x1b[91ma\r\n\x1b[0m", "a\r\n");
        check(
            Mode::Strip,
            "a\r\r\n\0\x08\x07\x7f\u{85}\u{202e}\r",
            "a\r\r\n\0\x08\x07\x7f\u{85}\u{202e}\r",
        );
        check(Mode::Strip, "a\x1b]0;t\x07b\x1b", "ab");
        check(Mode::Strip, "a\x1b[1\0b", "a\0b");
        check(Mode::Strip, "\u{80}\u{9a}\u{9c}", "\u{80}\u{9a}\u{9c}");
        // The 8-bit introducers alone: a doubly encoded `”` keeps what follows it.
        check(
            Mode::Strip,
            "a\u{90}b\u{98}c\u{9b}d\u{9d}e\u{9e}f\u{9f}g",
            "abcdefg",
        );
    }

    #[test]
    fn the_fast_path_overlooks_nothing() {
        for mode in [Mode::Colours, Mode::NoColours, Mode::Strip] {
            let filter = Sanitizer::new(mode);
            for c in '\0'..=char::MAX {
                let suspect = SUSPECT[usize::from(c.to_string().as_bytes()[0])];
                assert!(suspect || filter.is_harmless(c), "{mode:?} {c:?}");
            }
        }
    }

    /// Xorshift, so that a failure can be repeated.
    struct Random(u64);

    impl Random {
        fn below(&mut self, end: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 % u64::try_from(end).unwrap()).unwrap()
        }

        fn input(&mut self) -> Vec<u8> {
            #[rustfmt::skip] // many to a line
            let parts: [&[u8]; 27] = [
                b"\x1b", b"\x1b[", b"\x1b]", b"\x1bP", b"\x1b\\", b"\x1b[31m", b"[", b"]", b"m",
                b"1", b";", b":", b"?", b" ", b"\r", b"\n", b"\t", b"\x07", b"\x18", b"text",
                b"\0", b"\xc2", b"\x9b", b"\x9c", b"\xe2\x80", b"\xae", b"\xf0\x9f",
            ];
            let count = self.below(24);
            (0..count)
                .flat_map(|_| match self.below(8) {
                    0 => vec![u8::try_from(self.below(256)).unwrap()],
                    _ => parts[self.below(parts.len())].to_vec(),
                })
                .collect()
        }

        fn pieces<'a>(&mut self, mut input: &'a [u8]) -> Vec<&'a [u8]> {
            let mut pieces = Vec::new();
            while !input.is_empty() {
                let (piece, rest) = input.split_at(self.below(input.len() + 1).min(5));
                pieces.push(piece);
                input = rest;
            }
            pieces
        }
    }

    /// Takes complete SGR sequences out; what is left must have no controls but LF and TAB.
    #[track_caller]
    fn assert_safe(out: &[u8], colours: bool) {
        let mut text = std::str::from_utf8(out).expect("valid UTF-8");
        while let Some(next) = text.chars().next() {
            if next == ESC {
                assert!(colours, "a colour in {out:?}");
                let end = text
                    .find('m')
                    .unwrap_or_else(|| panic!("no SGR in {out:?}"));
                let parameters = text[..end]
                    .strip_prefix("\x1b[")
                    .unwrap_or_else(|| panic!("no SGR in {out:?}"));
                assert!(
                    parameters
                        .bytes()
                        .all(|b| b.is_ascii_digit() || b";:".contains(&b)),
                    "{out:?}"
                );
                text = &text[end + 1..];
                continue;
            }
            assert!(matches!(next, '\n' | '\t') || !next.is_control(), "{out:?}");
            assert!(!is_bidi_control(next), "{out:?}");
            text = &text[next.len_utf8()..];
        }
    }

    #[test]
    fn random_input_is_made_safe_however_it_is_chopped() {
        let mut random = Random(0x00c0_ffee);
        for _ in 0..20_000 {
            let input = random.input();
            for mode in [Mode::Colours, Mode::NoColours, Mode::Strip] {
                let out = filtered(mode, [&input[..]]);
                let pieces = random.pieces(&input);
                assert_eq!(
                    out,
                    filtered(mode, pieces.iter().copied()),
                    "{mode:?} {pieces:?}"
                );
                if mode == Mode::Strip {
                    assert!(!out.contains(&0x1b), "{input:?}");
                } else {
                    assert_safe(&out, mode == Mode::Colours);
                    let open = out
                        .last()
                        .is_some_and(|&last| last != b'\n' && last != b'm');
                    assert!(!open, "an open line after {input:?}");
                }
            }
        }
    }

    #[test]
    fn masking_makes_one_harmless_line() {
        let cases = [
            ("", ""),
            ("build é 日本 ✓ 👍", "build é 日本 ✓ 👍"),
            ("a\nb\tc\r\u{7f}", "a\u{fffd}b\u{fffd}c\u{fffd}\u{fffd}"),
            ("\x1b[31mx", "\u{fffd}[31mx"),
            ("\u{85}\u{9b}1m", "\u{fffd}\u{fffd}1m"),
        ];
        for (text, expected) in cases {
            assert_eq!(sanitize_line(text), expected);
        }
        let hidden = [
            '\0',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202e}',
            '\u{2060}',
            '\u{2069}',
            '\u{3164}',
            '\u{feff}',
            '\u{fff9}',
            '\u{e0041}',
        ];
        for c in hidden {
            assert_eq!(sanitize_line(&c.to_string()), "\u{fffd}", "{c:?}");
        }
    }

    #[test]
    fn masking_hides_all_that_a_terminal_filter_does() {
        let filter = Sanitizer::new(Mode::NoColours);
        for c in ('\0'..=char::MAX).filter(|&c| !filter.is_harmless(c)) {
            assert_eq!(sanitize_line(&c.to_string()), "\u{fffd}", "{c:?}");
        }
    }
}
