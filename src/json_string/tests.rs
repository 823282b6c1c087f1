//! serde_json is the oracle: the same result for every way of chopping the input and every size of the reader's buffer.

use std::fmt::Write as _;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::unescape::{BLOCK, is_marked};
use super::*;

const LOGS: &[&str] = &["logs"];
const OUTPUT: &[&str] = &["compilation", "output"];
const CHOPS: [usize; 5] = [1, 2, 3, 7, usize::MAX];
const BUFS: [usize; 6] = [1, 2, 3, 5, 64, 8192];

/// Sends a document by the piece, interrupted before each, then its end; nothing may be asked of it after that.
struct Feed<'a> {
    rest: &'a [u8],
    chop: usize,
    interrupt: bool,
    fail: Option<(io::ErrorKind, &'static str)>,
    over: bool,
}

impl<'a> Feed<'a> {
    fn new(doc: &'a [u8], chop: usize) -> Self {
        Feed {
            rest: doc,
            chop,
            interrupt: false,
            fail: None,
            over: false,
        }
    }
}

impl Read for Feed<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        assert!(!self.over, "read again after its end or its error");
        assert!(!buf.is_empty());
        self.interrupt = !self.interrupt;
        if self.interrupt {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = self.rest.len().min(self.chop).min(buf.len());
        if length == 0 {
            self.over = true;
            if let Some((kind, message)) = self.fail {
                return Err(io::Error::new(kind, message));
            }
        }
        buf[..length].copy_from_slice(&self.rest[..length]);
        self.rest = &self.rest[length..];
        Ok(length)
    }
}

/// What came out before the end, and what the end was.
#[derive(Debug, Clone, PartialEq)]
struct Outcome {
    text: Vec<u8>,
    end: End,
}

#[derive(Debug, Clone, PartialEq)]
enum End {
    Valid { found: bool, replacements: u64 },
    Read(io::ErrorKind, String),
    Cut,
    Invalid(u64, &'static str),
}

#[track_caller]
fn run_feed(feed: Feed<'_>, path: &'static [&'static str], size: usize) -> Outcome {
    let mut json = JsonString::new(feed, path);
    let mut buf = vec![0; size];
    let mut text = Vec::new();
    let mut last = loop {
        match json.read(&mut buf) {
            Ok(length) if length > 0 => text.extend_from_slice(&buf[..length]),
            last => break end(&json, last),
        }
    };
    if let End::Invalid(..) = last {
        json.reader.over = true;
    }
    for _ in 0..2 {
        assert_eq!(json.read(&mut []).unwrap(), 0);
        let again = json.read(&mut buf);
        let again = end(&json, again);
        assert_eq!(again, last, "the end does not last");
        last = again;
    }
    Outcome { text, end: last }
}

fn end<R: Read>(json: &JsonString<R>, last: Result<usize, Fault>) -> End {
    match last {
        Ok(_) => End::Valid {
            found: json.found(),
            replacements: json.replacements(),
        },
        Err(Fault::Read(error)) => End::Read(error.kind(), error.to_string()),
        Err(Fault::Cut) => End::Cut,
        Err(Fault::Invalid { offset, reason }) => End::Invalid(offset, reason),
    }
}

/// The outcome, which has to be the same however the document is chopped and whatever the size of the buffer.
#[track_caller]
fn run_all(doc: &[u8], path: &'static [&'static str]) -> Outcome {
    let whole = run_feed(Feed::new(doc, usize::MAX), path, 8192);
    for chop in CHOPS {
        for size in BUFS {
            let outcome = run_feed(Feed::new(doc, chop), path, size);
            assert_eq!(
                outcome,
                whole,
                "by {chop}, into {size}: {}",
                doc.escape_ascii()
            );
        }
    }
    whole
}

/// What comes of a document, here and where serde_json reads it: there `None` is an error, `Some(None)` no string.
#[track_caller]
fn comes_to(
    doc: &[u8],
    path: &'static [&'static str],
    text: &str,
    end: End,
    in_oracle: Option<Option<(String, u64)>>,
) {
    let text = text.into();
    let outcome = Outcome { text, end };
    assert_eq!(run_all(doc, path), outcome, "{}", doc.escape_ascii());
    assert_eq!(oracle(doc, path), in_oracle, "the oracle");
}

#[track_caller]
fn accepts(doc: impl AsRef<[u8]>, path: &'static [&'static str], text: &str, replacements: u64) {
    let end = End::Valid {
        found: true,
        replacements,
    };
    let in_oracle = Some(Some((text.into(), replacements)));
    comes_to(doc.as_ref(), path, text, end, in_oracle);
}

#[track_caller]
fn finds_none(doc: impl AsRef<[u8]>, path: &'static [&'static str]) {
    let end = End::Valid {
        found: false,
        replacements: 0,
    };
    comes_to(doc.as_ref(), path, "", end, Some(None));
}

#[track_caller]
fn rejects(
    doc: impl AsRef<[u8]>,
    path: &'static [&'static str],
    text: &str,
    offset: u64,
    reason: &'static str,
) {
    comes_to(doc.as_ref(), path, text, End::Invalid(offset, reason), None);
}

#[track_caller]
fn is_cut(doc: impl AsRef<[u8]>) {
    let doc = doc.as_ref();
    assert_eq!(run_all(doc, LOGS).end, End::Cut, "{}", doc.escape_ascii());
    assert_eq!(oracle(doc, LOGS), None, "the oracle");
}

/// What serde_json makes of a document: `None` is "rejected", `Some(None)` "no such string". It differs from us
/// on purpose, which is undone here, in:
///
/// - depth, which it does not limit for what it skips;
/// - invalid UTF-8, which it takes nowhere in a `str` and we take in the wanted string: it gets the document
///   with U+FFFD in its place, and outside the wanted string that is then a reason to reject;
/// - half surrogate pairs, which it takes only in strings read as bytes, as three bytes each: they become
///   U+FFFD;
/// - repeated members, which are left to whoever asked for the map;
/// - numbers out of range, which matter only to those who want their value: here they are skipped;
/// - control characters in strings read as bytes, which it takes: all is skipped once, where it does not.
fn oracle(doc: &[u8], path: &[&str]) -> Option<Option<(String, u64)>> {
    let mut text = String::new();
    let mut replaced = Vec::new();
    for chunk in doc.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            replaced.push(text.len());
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    serde_json::from_str::<IgnoredAny>(&text).ok()?;
    if nesting(&text) > DEPTH {
        return None;
    }
    let wanted = wanted(&text, path)?;
    let range = wanted.map_or(0..0, |wanted| range_in(&text, wanted));
    if replaced.iter().any(|at| !range.contains(at)) {
        return None;
    }
    let Some(wanted) = wanted else {
        return Some(None);
    };
    let (decoded, halves) = without_halves(serde_json::from_str::<Bytes>(wanted).ok()?.0);
    Some(Some((decoded, halves + replaced.len() as u64)))
}

/// The wanted string as it stands in the document.
fn wanted<'a>(object: &'a str, path: &[&str]) -> Option<Option<&'a str>> {
    let (key, path) = path.split_first()?;
    let members: Members<'a> = serde_json::from_str(object).ok()?;
    let mut members = members
        .0
        .into_iter()
        .filter(|(name, _)| name == key.as_bytes());
    let Some((_, value)) = members.next() else {
        return Some(None);
    };
    match (value.get().as_bytes()[0], path) {
        _ if members.next().is_some() => None,
        (b'n', _) => Some(None),
        (b'"', []) => Some(Some(value.get())),
        (b'{', [_, ..]) => wanted(value.get(), path),
        _ => None,
    }
}

fn range_in(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}

fn without_halves(mut bytes: Vec<u8>) -> (String, u64) {
    let mut halves = 0;
    for at in 0..bytes.len().saturating_sub(2) {
        if bytes[at] == 0xED && bytes[at + 1] >= 0xA0 {
            bytes[at..at + 3].copy_from_slice("\u{FFFD}".as_bytes());
            halves += 1;
        }
    }
    (String::from_utf8(bytes).unwrap(), halves)
}

fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

struct Members<'a>(Vec<(Vec<u8>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Bytes(key), value)) = map.next_entry()? {
                    members.push((key, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl Visitor<'_> for Collect {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Collect)
    }
}

/// A document whose log is, as it stands, `inside`.
fn log(inside: impl AsRef<[u8]>) -> Vec<u8> {
    [b"{\"logs\":\"", inside.as_ref(), b"\"}"].concat()
}

#[test]
fn undoes_escapes() {
    for (inside, text) in [
        ("", ""),
        ("Step 1/21 : FROM x", "Step 1/21 : FROM x"),
        (r#"\" \\ \/ \b \f \n \r \t"#, "\" \\ / \u{8} \u{C} \n \r \t"),
        (r"\n", "\n"),
        (r"\n\n\\n\\\n", "\n\n\\n\\\n"),
        (r"\u0041\u00e9\u20AC\uffff\uFFFD", "Aé€\u{FFFF}\u{FFFD}"),
        (r"\u001b[91mred\u001b[0m", "\u{1B}[91mred\u{1B}[0m"),
        (r"a\u0000b", "a\0b"),
        (
            r"\ud83d\ude00\uD800\uDC00\udbff\udfff",
            "😀\u{10000}\u{10FFFF}",
        ),
        ("\u{7F}é€😀\u{FFFD}", "\u{7F}é€😀\u{FFFD}"),
    ] {
        accepts(log(inside), LOGS, text, 0);
    }
}

#[test]
fn replaces_half_surrogate_pairs() {
    for (inside, text, replacements) in [
        (r"\ud83d", "\u{FFFD}", 1),
        (r"\udfff", "\u{FFFD}", 1),
        (r"\ud83dx", "\u{FFFD}x", 1),
        (r"\ud83d\n", "\u{FFFD}\n", 1),
        (r"\ud83d\u0041", "\u{FFFD}A", 1),
        (r"\ude00\ud83d", "\u{FFFD}\u{FFFD}", 2),
        (r"\ud83d\ud83d\ude00", "\u{FFFD}😀", 1),
        (r"\ud83d\ud83d", "\u{FFFD}\u{FFFD}", 2),
        (r"\ude00\ude00", "\u{FFFD}\u{FFFD}", 2),
        (r"\ud83dude00", "\u{FFFD}ude00", 1),
    ] {
        accepts(log(inside), LOGS, text, replacements);
    }
}

#[test]
fn replaces_invalid_utf8() {
    for inside in [
        &b"\x80"[..],
        b"\xff\xfe",
        b"\xc0\xaf \xc1\xbf \xe0\x80\xaf \xf0\x80\x80\xaf \xf5\x80",
        b"\xed\xa0\x80 \xed\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xc3",
        b"\xe2\x82",
        b"\xe2\x82\\n",
        b"\xf0\x9f\x98",
        b"\xf0\x9f\x98x\xf0\x9f\x98\x80",
        b"\xe2\xe2\x82\xe2\x82\xac",
        b"a\xffb\xffc\xff\xe2\x82\xac",
        b"\xe2\x82\\u20ac\xac",
    ] {
        let text = String::from_utf8_lossy(inside)
            .replace("\\n", "\n")
            .replace("\\u20ac", "€");
        let replacements = text.matches('\u{FFFD}').count() as u64;
        accepts(log(inside), LOGS, &text, replacements);
    }
}

/// Text is looked at by the block: each kind of interruption at each place of one.
#[test]
fn blocks_have_no_borders() {
    for before in 0..2 * BLOCK + 2 {
        for inside in ["\\n", "\\u00e9", "\\ud83d", "é", "😀", "é\\n"] {
            let inside = format!("{}{inside}{}", "x".repeat(before), "y".repeat(BLOCK + 3));
            let text = inside
                .replace("\\n", "\n")
                .replace("\\u00e9", "é")
                .replace("\\ud83d", "\u{FFFD}");
            let doc = log(&inside);
            let replacements = u64::from(text.contains('\u{FFFD}'));
            let end = End::Valid {
                found: true,
                replacements,
            };
            for size in [1, BLOCK - 1, BLOCK, BLOCK + 1, 64, 8192] {
                let outcome = run_feed(Feed::new(&doc, usize::MAX), LOGS, size);
                assert_eq!(
                    outcome,
                    Outcome {
                        text: text.clone().into(),
                        end: end.clone()
                    },
                    "{before} {size}"
                );
            }
            finds_none(log(&inside), &["other"]);
        }
        let x = "x".repeat(before);
        let at = before as u64;
        rejects(
            log(format!("{x}\x1f{x}")),
            LOGS,
            &x,
            9 + at,
            "control character in a string",
        );
        rejects(
            log(format!("{x}\x00{x}")),
            &["other"],
            "",
            9 + at,
            "control character in a string",
        );
        rejects(
            log([x.as_bytes(), b"\xff"].concat()),
            &["other"],
            "",
            9 + at,
            "invalid UTF-8",
        );
    }
}

#[test]
fn every_byte_is_told_apart() {
    for byte in 0..=0xFF {
        let mark = |ends: fn(u64) -> u64| is_marked(ends(u64::from(byte)));
        assert_eq!(mark(ends_plain), ends_run(byte, true), "{byte:#x}");
        assert_eq!(mark(ends_text), ends_run(byte, false), "{byte:#x}");
    }
}

/// Bytes are looked at together, and must not be taken for each other.
#[test]
fn every_byte_is_told_apart_beside_any_other() {
    for at in [3, 7, BLOCK - 2] {
        for pair in 0..=u16::MAX {
            let mut block = [b'x'; BLOCK];
            block[at..at + 2].copy_from_slice(&pair.to_le_bytes());
            let first = |ascii| block.iter().position(|&byte| ends_run(byte, ascii));
            let (plain, text) = (run(&block, ends_plain), run(&block, ends_text));
            assert_eq!(plain, first(true).unwrap_or(BLOCK), "{pair:#x} at {at}");
            assert_eq!(text, first(false).unwrap_or(BLOCK), "{pair:#x} at {at}");
        }
    }
}

fn ends_run(byte: u8, ascii: bool) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || (ascii && byte >= 0x80)
}

/// What comes as UTF-8 is told apart by hand where that is faster: every pair of bytes that may begin a character,
/// with every third byte that may make it a longer one, passes exactly if std says so.
#[test]
fn characters_are_what_std_takes_for_them() {
    // Each place in a word that begins with what is looked at by the word.
    for before in ["x", "xé", "x€", "xéé", "x€é", "xé€e", "x€€e"] {
        for lead in 0x80..=0xFF {
            for second in (0x7F..=0xC2).chain([0x20, 0x41, 0xE2]) {
                for third in [0x41, 0x80, 0xBF, 0xC0] {
                    is_what_std_takes_for_it(&[
                        before.as_bytes(),
                        &[lead, second, third],
                        b"yyyyyyyy",
                    ]);
                }
            }
        }
    }
}

#[track_caller]
fn is_what_std_takes_for_it(inside: &[&[u8]]) {
    let inside = inside.concat();
    let text = String::from_utf8_lossy(&inside);
    let replacements = text.matches('\u{FFFD}').count() as u64;
    let end = End::Valid {
        found: true,
        replacements,
    };
    let text = text.into_owned().into();
    let outcome = run_feed(Feed::new(&log(&inside), usize::MAX), LOGS, 64);
    assert_eq!(outcome, Outcome { text, end }, "{}", inside.escape_ascii());
}

#[test]
fn follows_the_path() {
    accepts(r#" { "a" : 1 , "logs" : "x" , "b" : [ ] } "#, LOGS, "x", 0);
    accepts("{\"logs\":\"x\"}\r\n\t ", LOGS, "x", 0);
    accepts(r#"{"\u006co\u0067s":"x"}"#, LOGS, "x", 0);
    accepts(
        r#"{"a":{"logs":1},"b":[{"logs":"y"}],"logs":"x","c":{"logs":"z","logs":[]}}"#,
        LOGS,
        "x",
        0,
    );
    accepts(
        r#"{"log":1,"logss":2,"":3,"Logs":4,"logs\u0000":5,"logs\ud800":6,"logs":"x"}"#,
        LOGS,
        "x",
        0,
    );
    accepts(
        r#"{"output":1,"compilation":{"compilation":2,"output":"x"}}"#,
        OUTPUT,
        "x",
        0,
    );
    accepts(
        r#"{"compilation":{"a":{"output":1},"output":"x","b":[{"output":2}]},"c":{"output":3}}"#,
        OUTPUT,
        "x",
        0,
    );
    for doc in [
        "{}",
        r#"{"logs":null}"#,
        r#"{"a":{"logs":"x"}}"#,
        r#"{"a":["logs","logs"]}"#,
        r#"{"a":"logs","b":0}"#,
    ] {
        finds_none(doc, LOGS);
    }
    for doc in [
        r#"{"compilation":null}"#,
        r#"{"compilation":{}}"#,
        r#"{"compilation":{"output":null}}"#,
        r#"{"output":"x"}"#,
        r#"{"compilation":{},"a":{"output":"x"}}"#,
        r#"{"a":{"compilation":{"output":"x"}}}"#,
        r#"{"compilation":{"a":{}, "b":{"output":[]}}}"#,
    ] {
        finds_none(doc, OUTPUT);
    }
}

#[test]
fn rejects_another_shape() {
    for (doc, offset, reason) in [
        ("[]", 0, "not an object"),
        (" 1", 1, "not an object"),
        ("null", 0, "not an object"),
        ("\"logs\"", 0, "not an object"),
        (
            "<html><body>502 Bad Gateway</body></html>",
            0,
            "not an object",
        ),
        ("\u{FEFF}{}", 0, "not an object"),
        ("\0", 0, "not an object"),
        (r#"{"logs":1}"#, 8, "not a string"),
        (r#"{"logs":{}}"#, 8, "not a string"),
        (r#"{"logs":["x"]}"#, 8, "not a string"),
        (r#"{"logs":true}"#, 8, "not a string"),
        (r#"{"logs":nil}"#, 9, "expected a value"),
        (r#"{"logs":null,"logs":null}"#, 13, "a repeated key"),
        (r#"{"logs":null,"l\u006fgs":"x"}"#, 13, "a repeated key"),
        (
            r#"{"a":{},"logs":null,"b":[],"logs":"x"}"#,
            27,
            "a repeated key",
        ),
    ] {
        rejects(doc, LOGS, "", offset, reason);
    }
    rejects(
        r#"{"logs":"x","a":1,"logs":"y"}"#,
        LOGS,
        "x",
        18,
        "a repeated key",
    );
    rejects(
        r#"{"compilation":{"output":"x","output":null}}"#,
        OUTPUT,
        "x",
        29,
        "a repeated key",
    );
    for (doc, offset, reason) in [
        (r#"{"compilation":"x"}"#, 15, "not an object"),
        (r#"{"compilation":[]}"#, 15, "not an object"),
        (r#"{"compilation":{"output":{}}}"#, 25, "not a string"),
        (
            r#"{"compilation":null,"compilation":{}}"#,
            20,
            "a repeated key",
        ),
        (
            r#"{"compilation":{"output":null},"compilation":null}"#,
            31,
            "a repeated key",
        ),
    ] {
        rejects(doc, OUTPUT, "", offset, reason);
    }
}

#[test]
fn rejects_what_is_not_json() {
    for (rest, offset, reason) in [
        (r#""a"}"#, 5, "expected ':'"),
        ("a:1}", 2, "expected a key"),
        (r#""a" 1}"#, 6, "expected ':'"),
        (r#""a":}"#, 6, "expected a value"),
        (r#""a":1,}"#, 8, "expected a key"),
        (r#""a":1 "b":2}"#, 8, "expected ',' or '}'"),
        (r#""a":1]"#, 7, "expected ',' or '}'"),
        (r#""a":[1}"#, 8, "expected ',' or ']'"),
        (r#""a":[1,]}"#, 9, "expected a value"),
        (r#""a":[,1]}"#, 7, "expected a value"),
        (r#""a":[1 2]}"#, 9, "expected ',' or ']'"),
        (r#""a":{]}"#, 7, "expected a key"),
        (r#""a":[}}"#, 7, "expected a value"),
        (r#""a":{1:2}}"#, 7, "expected a key"),
        (r#""a":[1:2]}"#, 8, "expected ',' or ']'"),
        (r#""a":[{]}"#, 8, "expected a key"),
        (r#""a":tru}"#, 9, "expected a value"),
        (r#""a":falsy}"#, 10, "expected a value"),
        (r#""a":nULL}"#, 7, "expected a value"),
        (r#""a":truex}"#, 10, "expected ',' or '}'"),
        (r#""a":'x'}"#, 6, "expected a value"),
        (r#""a":"\q"}"#, 8, "unknown escape"),
        (r#""a":"\u00g0"}"#, 11, "expected a hexadecimal digit"),
        (r#""a":"\u+123"}"#, 9, "expected a hexadecimal digit"),
        ("\"a\":\"\t\"}", 7, "control character in a string"),
        ("\"a\nb\":1}", 4, "control character in a string"),
        (r#""\x":1}"#, 4, "unknown escape"),
        ("\u{A0}\"a\":1}", 2, "expected a key"),
        ("\x0B\"a\":1}", 2, "expected a key"),
        ("/**/\"a\":1}", 2, "expected a key"),
    ] {
        // Behind the first byte, so that `{"logs"` and a member before it are out of the way.
        rejects(format!("{{ {rest}"), LOGS, "", offset, reason);
    }
    for (inside, text, offset, reason) in [
        (r"x\q", "x", 11, "unknown escape"),
        (r"x\U0041", "x", 11, "unknown escape"),
        (r"x\u00g0", "x", 14, "expected a hexadecimal digit"),
        (
            r"\ud83d\u12x4",
            "\u{FFFD}",
            19,
            "expected a hexadecimal digit",
        ),
        (r"\ud83d\q", "\u{FFFD}", 16, "unknown escape"),
        ("line\n", "line", 13, "control character in a string"),
        ("\0", "", 9, "control character in a string"),
        ("é\x1f", "é", 11, "control character in a string"),
    ] {
        rejects(log(inside), LOGS, text, offset, reason);
    }
}

#[test]
fn rejects_invalid_utf8_elsewhere() {
    for (doc, offset) in [
        (&b"{\"a\":\"\xff\"}"[..], 6),
        (b"{\"a\":\"\xc3\"}", 6),
        (b"{\"a\":\"\xc3\xa9\xe2\x82\"}", 8),
        (b"{\"a\":\"\xed\xa0\x80\"}", 6),
        (b"{\"\xff\":1}", 2),
        (b"{\"a\":{\"\xc0\x80\":1}}", 7),
    ] {
        rejects(doc, LOGS, "", offset, "invalid UTF-8");
    }
    rejects(b"{\"a\":\xff}", LOGS, "", 5, "expected a value");
    finds_none("{\"é€😀\":\"é€😀\",\"a\":{\"é\":[\"é€😀\"]}}", LOGS);
    finds_none(r#"{"\ud800\u00e9":"\ud800 \udc00\ud800 \n\/"}"#, LOGS);
}

#[test]
fn nothing_may_follow() {
    for (after, offset) in [
        ("{}", 12),
        ("  {\"logs\":\"y\"}", 14),
        ("\0", 12),
        ("}", 12),
        (",", 12),
        ("\n\n.", 14),
    ] {
        let doc = format!("{{\"logs\":\"x\"}}{after}");
        rejects(doc, LOGS, "x", offset, "something follows the document");
    }
}

#[test]
fn numbers() {
    for number in [
        "0", "-0", "1", "10", "-19", "0.0", "1.50", "0e0", "1E+9", "1e-9", "12.5e999", "-0.1E05",
    ] {
        finds_none(format!("{{\"a\":{number}}}"), LOGS);
        finds_none(format!("{{\"a\":[{number} ,{number}]}}"), LOGS);
    }
    for (number, at, reason) in [
        ("-", 1, "expected a digit"),
        ("--1", 1, "expected a digit"),
        ("+1", 0, "expected a value"),
        (".5", 0, "expected a value"),
        ("-.5", 1, "expected a digit"),
        ("1.", 2, "expected a digit"),
        ("1.e5", 2, "expected a digit"),
        ("1e", 2, "expected a digit"),
        ("1e+", 3, "expected a digit"),
        ("1e+-1", 3, "expected a digit"),
        ("01", 1, "expected ',' or '}'"),
        ("-01", 2, "expected ',' or '}'"),
        ("1.5.5", 3, "expected ',' or '}'"),
        ("1e5e5", 3, "expected ',' or '}'"),
        ("0x10", 1, "expected ',' or '}'"),
        ("1_000", 1, "expected ',' or '}'"),
        ("Infinity", 0, "expected a value"),
        ("NaN", 0, "expected a value"),
    ] {
        rejects(format!("{{\"a\":{number}}}"), LOGS, "", 5 + at, reason);
    }
}

#[test]
fn nesting_has_a_limit() {
    for depth in [1, 2, 127, 128] {
        let (arrays, ends) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
        accepts(
            format!("{{\"a\":{arrays}0{ends},\"logs\":\"x\"}}").replace(":0,", ":[],"),
            LOGS,
            "x",
            0,
        );
    }
    let objects = format!("{}1{}", "{\"logs\":[".repeat(63), "]}".repeat(63));
    accepts(
        format!("{{\"a\":[{objects},{{}}],\"logs\":\"x\"}}"),
        LOGS,
        "x",
        0,
    );
    rejects(
        format!("{{\"a\":{}", "[".repeat(500)),
        LOGS,
        "",
        5 + 127,
        "nested too deep",
    );
    rejects(
        format!("{{\"a\":[{objects},{{}}],\"a\":[[{objects}"),
        LOGS,
        "",
        6 + 694 + 11 + 62 * 9 + 8,
        "nested too deep",
    );
    rejects("{\"logs\":".repeat(500), LOGS, "", 8, "not a string");
    rejects("{\"a\":".repeat(500), LOGS, "", 5 * 128, "nested too deep");
}

#[test]
fn large_documents() {
    let mut text = String::new();
    for line in 0..2_000 {
        writeln!(text, "{line}\u{1B}[91m é€😀 \"{}\"", "=".repeat(line % 120)).unwrap();
    }
    let long = serde_json::to_string(&text).unwrap();
    let space = " ".repeat(3 * BUFFER);
    let digits = "1".repeat(3 * BUFFER);
    let many = "{\"logs\":[1,null]},".repeat(BUFFER / 4);
    let others =
        format!("{long}:[{digits}.{digits}e{digits},{many}{space}{long}],\"o\":{{{long}:{long}}}");
    for path in [LOGS, OUTPUT] {
        let wanted = if path == LOGS {
            format!("\"logs\":{long}")
        } else {
            format!("\"compilation\":{{\"output\":{long}}}")
        };
        let doc = format!("{{{others},{wanted}{space},{others}{space}}}{space}");
        for (chop, size) in [
            (usize::MAX, 8192),
            (usize::MAX, usize::from(u16::MAX)),
            (1021, 1 << 20),
            (BUFFER - 1, 4096),
            (97, 61),
        ] {
            let outcome = run_feed(Feed::new(doc.as_bytes(), chop), path, size);
            assert_eq!(
                outcome.end,
                End::Valid {
                    found: true,
                    replacements: 0
                }
            );
            assert!(outcome.text == text.as_bytes(), "by {chop}, into {size}");
        }
    }
}

#[test]
fn large_invalid_text() {
    let inside = b"\xff\xe2\x82x\xf0\x9f\x98\\n\xc3\xa9".repeat(BUFFER / 8);
    let text = String::from_utf8_lossy(&inside).replace("\\n", "\n");
    let replacements = text.matches('\u{FFFD}').count() as u64;
    for (chop, size) in [
        (usize::MAX, 8192),
        (usize::MAX, 1 << 20),
        (1021, 4093),
        (3, 17),
    ] {
        let outcome = run_feed(Feed::new(&log(&inside), chop), LOGS, size);
        assert_eq!(
            outcome.end,
            End::Valid {
                found: true,
                replacements
            }
        );
        assert!(outcome.text == text.as_bytes(), "by {chop}, into {size}");
    }
}

#[test]
fn a_cut_is_seen_wherever_it_is() {
    let doc = "{\"a\":[1,-2.5e+3,true,{\"é\":null,\"b\\u00e9\":\"\\ud83d\\n\"}],\"logs\":\"é€😀 \\u20ac\\ud83d\\ude00\\n\\ud83d\",\"c\":[]}";
    accepts(doc, LOGS, "é€😀 €😀\n\u{FFFD}", 1);
    for length in 0..doc.len() {
        is_cut(&doc.as_bytes()[..length]);
    }
    is_cut(" \r\n\t");
}

#[test]
fn what_was_decoded_comes_before_the_fault() {
    for (inside, text) in [
        ("line\\n", "line\n"),
        ("é\\ud83d\\ude0", "é"),
        ("ab\\ud83d", "ab"),
        ("ab\u{20AC}\\", "ab€"),
    ] {
        let doc = format!("{{\"logs\":\"{inside}");
        let expected = Outcome {
            text: text.into(),
            end: End::Cut,
        };
        assert_eq!(run_all(doc.as_bytes(), LOGS), expected, "{inside}");
    }
}

#[test]
fn errors_of_the_reader_last() {
    let whole = "{\"logs\":\"line\\n\"}  ";
    for length in 0..=whole.len() {
        for chop in CHOPS {
            let mut feed = Feed::new(&whole.as_bytes()[..length], chop);
            feed.fail = Some((io::ErrorKind::ConnectionReset, "reset by peer"));
            let outcome = run_feed(feed, LOGS, 64);
            assert_eq!(
                outcome.end,
                End::Read(io::ErrorKind::ConnectionReset, "reset by peer".into())
            );
            let decoded = length.saturating_sub(9).min(4);
            let decoded = if length >= 15 {
                "line\n"
            } else {
                &"line"[..decoded]
            };
            assert_eq!(outcome.text, decoded.as_bytes(), "cut at {length}");
        }
    }
}

/// Whoever resumes has to know what kind of error it was, so the first time it is the reader's own.
#[test]
fn the_first_error_is_the_readers_own() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(104))
        }
    }
    let mut json = JsonString::new(Fails, LOGS);
    let mut os_error = || match json.read(&mut [0]) {
        Err(Fault::Read(error)) => error.raw_os_error(),
        _ => panic!("no error"),
    };
    assert_eq!((os_error(), os_error()), (Some(104), None));
}

#[test]
fn an_empty_buffer_asks_nothing() {
    let mut feed = Feed::new(b"", 1);
    feed.over = true;
    let mut json = JsonString::new(feed, LOGS);
    assert_eq!(json.read(&mut []).unwrap(), 0);
    assert!(json.get_ref().over);
}

#[test]
fn found_is_known_early_and_debug_shows_no_log() {
    let mut json = JsonString::new(&b"{\"logs\":\"secret\"}"[..], LOGS);
    assert!(!json.found());
    assert_eq!(json.read(&mut [0]).unwrap(), 1);
    assert!(json.found());
    let shown = format!("{json:?}");
    assert!(
        shown.contains("offset: 10") && !shown.contains("secret") && !shown.contains("115"),
        "{shown}"
    );
}

/// Random documents, whole and damaged: the same verdict and the same string as serde_json's.
#[test]
fn agrees_with_serde_json() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut valid, mut found) = (0, 0);
    for round in 0..20_000 {
        let path = if random.below(2) == 0 { LOGS } else { OUTPUT };
        let mut doc = Vec::new();
        random.object(&mut doc, 4, path);
        if random.below(2) > 0 {
            for _ in 0..=random.below(3) {
                random.damage(&mut doc);
            }
        }
        let expected = oracle(&doc, path);
        let chop = CHOPS[random.below(CHOPS.len())];
        let size = BUFS[random.below(BUFS.len())];
        let outcome = run_feed(Feed::new(&doc, chop), path, size);
        let actual = match outcome.end {
            End::Valid {
                found: true,
                replacements,
            } => {
                found += 1;
                Some(Some((
                    String::from_utf8(outcome.text).unwrap(),
                    replacements,
                )))
            }
            End::Valid { .. } => Some(None),
            _ => None,
        };
        valid += usize::from(actual.is_some());
        assert_eq!(
            actual,
            expected,
            "round {round}, by {chop}, into {size}: {}",
            doc.escape_ascii()
        );
    }
    assert!(
        (5_000..15_000).contains(&valid) && found > 2_000,
        "a poor mixture: {valid} {found}"
    );
}

/// Marsaglia's xorshift, and what is made of it.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }

    fn pick(&mut self, doc: &mut Vec<u8>, from: &[&[u8]]) {
        let at = self.below(from.len());
        doc.extend_from_slice(from[at]);
    }

    fn space(&mut self, doc: &mut Vec<u8>) {
        self.pick(doc, &[b"", b"", b"", b"", b" ", b"\n", b"\r\n\t "]);
    }

    /// An object; mostly one in which `path` leads to a string.
    fn object(&mut self, doc: &mut Vec<u8>, depth: usize, path: &[&str]) {
        const KEYS: &[&[u8]] = &[
            b"\"logs\"",
            b"\"compilation\"",
            b"\"output\"",
            b"\"l\\u006Fgs\"",
            b"\"lo\"",
            b"\"\"",
            b"\"\\ud800\xC3\xA9\"",
        ];
        let members = self.below(5);
        let on_path = self.below(members + 2);
        doc.push(b'{');
        for member in 0..members {
            if member > 0 {
                doc.push(b',');
            }
            self.space(doc);
            match path {
                [key, path @ ..] if member == on_path => {
                    doc.extend_from_slice(format!("\"{key}\":").as_bytes());
                    if path.is_empty() {
                        self.string(doc);
                    } else {
                        self.object(doc, depth - 1, path);
                    }
                }
                _ => {
                    let keys = if self.below(8) == 0 { KEYS } else { &KEYS[4..] };
                    self.pick(doc, keys);
                    self.space(doc);
                    doc.push(b':');
                    self.value(doc, depth);
                }
            }
        }
        self.space(doc);
        doc.push(b'}');
    }

    fn value(&mut self, doc: &mut Vec<u8>, depth: usize) {
        self.space(doc);
        match self.below(if depth > 0 { 12 } else { 6 }) {
            0 => self.pick(doc, &[b"0", b"-1.5", b"20e+3", b"1E-2", b"-0.0e0"]),
            1 => self.pick(doc, &[b"null", b"true", b"false"]),
            2..=6 => self.string(doc),
            7 => {
                doc.push(b'[');
                for element in 0..self.below(4) {
                    if element > 0 {
                        doc.push(b',');
                    }
                    self.value(doc, depth - 1);
                }
                self.space(doc);
                doc.push(b']');
            }
            _ => self.object(doc, depth - 1, LOGS),
        }
        self.space(doc);
    }

    fn string(&mut self, doc: &mut Vec<u8>) {
        const PIECES: &[&[u8]] = &[
            b"Step 1/21 : FROM python:3.8 AS x",
            b"a",
            b"Ab c",
            b"\\n",
            b"\\n",
            b"\\\"",
            b"\\\\",
            b"\\/",
            b"\\b",
            b"\\f",
            b"\\r",
            b"\\t",
            b"\\u001b[91m",
            b"\\u00e9",
            b"\\u0000",
            b"\\ud83d\\ude00",
            "é".as_bytes(),
            "€".as_bytes(),
            "😀".as_bytes(),
            b"\x7F",
            b"'{[]}',:",
        ];
        const ODD: &[&[u8]] = &[
            b"\\ud83d",
            b"\\uDE00",
            b"\xFF",
            b"\xE2\x82",
            b"\xC0\x80",
            b"\xED\xA0\x80",
        ];
        doc.push(b'"');
        let odd = self.below(8) == 0;
        for _ in 0..self.below(12) {
            let from = if odd && self.below(3) == 0 {
                ODD
            } else {
                PIECES
            };
            self.pick(doc, from);
        }
        doc.push(b'"');
    }

    fn damage(&mut self, doc: &mut Vec<u8>) {
        const BYTES: &[u8] = b"{}[]:,\"\\u0189dDeE+-. \n\0\x1Ftfn\x80\xC3\xE2\xF0\xFF";
        if doc.is_empty() {
            return;
        }
        let at = self.below(doc.len());
        let byte = BYTES[self.below(BYTES.len())];
        match self.below(6) {
            0 => doc[at] = byte,
            1 => doc.insert(at, byte),
            2 => drop(doc.remove(at)),
            3 => doc[at] ^= 1 << self.below(8),
            4 => doc.truncate(at),
            _ => {
                let end = at + self.below((doc.len() - at).min(20) + 1);
                let copy = doc[at..end].to_vec();
                doc.splice(end..end, copy);
            }
        }
    }
}
