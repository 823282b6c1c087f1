//! serde_json is the oracle. The result must not depend on how the input is chunked or on the size of the buffer.

use std::fmt::{self, Write as _};

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::*;

type Path = &'static [&'static str];

const LOGS: Path = &["logs"];
const OUTPUT: Path = &["compilation", "output"];
const CHOPS: [usize; 5] = [1, 2, 3, 7, usize::MAX];
const BUFFERS: [usize; 6] = [1, 2, 3, 5, 64, 8192];

/// Returns a document in chunks, each after an interruption. Panics if it is read again after its end.
struct Feed<'a> {
    rest: &'a [u8],
    chop: usize,
    interrupt: bool,
    /// The operating system's error at the end.
    error: Option<i32>,
    ended: bool,
}

impl<'a> Feed<'a> {
    fn new(doc: &'a [u8], chop: usize) -> Self {
        Feed {
            rest: doc,
            chop,
            interrupt: false,
            error: None,
            ended: false,
        }
    }
}

impl Read for Feed<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        assert!(!self.ended, "read again after its end");
        assert!(!buf.is_empty());
        self.interrupt = !self.interrupt;
        if self.interrupt {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = self.rest.len().min(self.chop).min(buf.len());
        self.ended = length == 0;
        if let (true, Some(code)) = (self.ended, self.error) {
            return Err(io::Error::from_raw_os_error(code));
        }
        buf[..length].copy_from_slice(&self.rest[..length]);
        self.rest = &self.rest[length..];
        Ok(length)
    }
}

/// The decoded text, and how it ended: with the number of replacements, with `None` if there is no string, or with an
/// error.
type Outcome = (Vec<u8>, Result<Option<u64>, String>);

#[track_caller]
fn decode(feed: Feed<'_>, path: Path, buffer: usize) -> Outcome {
    let mut json = JsonString::new(feed, path);
    let mut buf = vec![0; buffer];
    let mut text = Vec::new();
    let end = loop {
        match json.read(&mut buf) {
            Ok(0) => break json.found().then_some(json.replacements()),
            Ok(length) => text.extend_from_slice(&buf[..length]),
            Err(DecodeError::Read(error)) => {
                return (text, Err(format!("os {:?}", error.raw_os_error())));
            }
            Err(DecodeError::Truncated) => return (text, Err("truncated".into())),
            Err(DecodeError::Invalid { offset, reason }) => {
                return (text, Err(format!("{offset}: {reason}")));
            }
        }
    };
    assert_eq!(json.read(&mut buf).unwrap(), 0, "reading on after the end");
    (text, Ok(end))
}

/// Checks what a document decodes to, chunked in every way, and that serde_json agrees.
#[track_caller]
fn check(doc: impl AsRef<[u8]>, path: Path, text: &str, end: Result<Option<u64>, &str>) {
    let doc = doc.as_ref();
    let expected = (text.into(), end.map_err(String::from));
    for chop in CHOPS {
        for buffer in BUFFERS {
            let outcome = decode(Feed::new(doc, chop), path, buffer);
            let doc = doc.escape_ascii();
            assert_eq!(outcome, expected, "{chop} into {buffer}: {doc}");
        }
    }
    let expected = end.ok().map(|end| end.map(|count| (text.into(), count)));
    assert_eq!(oracle(doc, path), expected, "serde_json");
}

/// Checks that each document of a table is rejected at its `^`. A row has a reason, two spaces, and the documents.
#[track_caller]
fn rejects(path: Path, table: &str) {
    for row in table.trim().lines() {
        let (reason, docs) = row.trim().split_once("  ").unwrap();
        for doc in docs.trim().split(" | ") {
            let (before, after) = doc.split_once('^').unwrap();
            let error = format!("{}: {reason}", before.len());
            check(format!("{before}{after}"), path, "", Err(&error));
        }
    }
}

/// Returns what serde_json makes of a document: `None` if it is rejected, `Some(None)` if it has no such string.
///
/// The decoder differs from serde_json on purpose. This makes up for the differences:
///
/// - serde_json does not limit the depth of values that it skips. The depth is counted separately.
/// - It never accepts invalid UTF-8. A placeholder stands for it, and may only be in the wanted string.
/// - It accepts lone surrogates only in strings read as bytes, as three bytes each. They are replaced with U+FFFD.
/// - It accepts control characters in strings read as bytes. The document is first read without such strings.
fn oracle(doc: &[u8], path: &[&str]) -> Option<Option<(String, u64)>> {
    const PLACEHOLDER: &str = "\u{E000}";
    let mut text = String::new();
    let mut invalid = 0;
    for chunk in doc.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            invalid += 1;
            text.push_str(PLACEHOLDER);
        }
    }
    serde_json::from_str::<IgnoredAny>(&text).ok()?;
    if nesting(&text) > MAX_DEPTH {
        return None;
    }
    let found = serde_json::Deserializer::from_str(&text).deserialize_map(At(path));
    let Some(mut bytes) = found.ok()? else {
        return (invalid == 0).then_some(None);
    };
    let mut replacements = invalid;
    for at in 0..bytes.len().saturating_sub(2) {
        if bytes[at] == 0xED && bytes[at + 1] >= 0xA0 {
            bytes[at..at + 3].copy_from_slice("\u{FFFD}".as_bytes());
            replacements += 1;
        }
    }
    let text = String::from_utf8(bytes).unwrap();
    let all_inside = text.matches(PLACEHOLDER).count() as u64 == invalid;
    all_inside.then(|| Some((text.replace(PLACEHOLDER, "\u{FFFD}"), replacements)))
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

/// Finds the string at a path. Reads keys and the string as bytes.
struct At<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Option<Vec<u8>>;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        value.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = Option<Vec<u8>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the string, or an object on the way to it")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        match self.0 {
            [] => value.deserialize_bytes(self),
            _ => value.deserialize_map(self),
        }
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Some(bytes.to_vec()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut value = None;
        while let Some(key) = map.next_key_seed(At(&[]))? {
            if key.as_deref() != Some(self.0[0].as_bytes()) {
                map.next_value::<IgnoredAny>()?;
            } else if value.is_none() {
                value = Some(map.next_value_seed(At(&self.0[1..]))?);
            } else {
                return Err(A::Error::custom("a repeated key"));
            }
        }
        Ok(value.flatten())
    }
}

/// Returns a document whose log is `inside`, which is already escaped.
fn log(inside: impl AsRef<[u8]>) -> Vec<u8> {
    [b"{\"logs\":\"", inside.as_ref(), b"\"}"].concat()
}

#[test]
fn unescapes() {
    for (inside, text, replacements) in [
        (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{C}\n\r\t", 0),
        (r"\u0041\u00e9\u20AC\uffff\uFFFD", "Aé€\u{FFFF}\u{FFFD}", 0),
        (
            r"\ud83d\ude00\uD800\uDC00\udbff\udfff",
            "😀\u{10000}\u{10FFFF}",
            0,
        ),
        // Lone surrogates.
        (r"\ud83d", "\u{FFFD}", 1),
        (r"\udfff", "\u{FFFD}", 1),
        (r"\ud83dx", "\u{FFFD}x", 1),
        (r"\ud83d\n", "\u{FFFD}\n", 1),
        (r"\ud83d\u0041", "\u{FFFD}A", 1),
        (r"\ude00\ud83d", "\u{FFFD}\u{FFFD}", 2),
        (r"\ud83d\ud83d\ude00", "\u{FFFD}😀", 1),
        (r"\ude00\ude00", "\u{FFFD}\u{FFFD}", 2),
        (r"\ud83dude00", "\u{FFFD}ude00", 1),
    ] {
        check(log(inside), LOGS, text, Ok(Some(replacements)));
    }
}

#[test]
fn rejects_invalid_json() {
    let table = r#"
        expected a key                  {^a:1} | {"a":1,^} | {"a":{^]} | {"a":{^1:2}} | {"a":{"b":1,^}}
        expected a key                  {"a":[{^]} | {^/**/"a":1}
        expected ':'                    {"a"^} | {"a" ^1} | {"a":{"b"^}}
        expected a value                {"a":^} | {"a":[1,^]} | {"a":[^,1]} | {"a":[^}} | {"a":^'x'}
        expected a value                {"a":^tru} | {"a":^falsy} | {"a":^nULL} | {"a":^truex}
        expected ',' or a closing bracket  {"a":1 ^"b":2} | {"a":1^] | {"a":{"b":1^]}
        expected ',' or a closing bracket  {"a":[1^} | {"a":[1 ^2]} | {"a":[1^:2]}
        unknown escape                  {"a":"\^q"} | {"\^x":1} | {"logs":"\^U0041"}
        expected a hexadecimal digit    {"a":"\u00^g0"} | {"a":"\u^+123"}
        trailing data                   {}^{} | {}  ^{"logs":1} | {}^} | {}^,
        expected a value                {"a":^-} | {"a":^--1} | {"a":^-.5} | {"a":^1.} | {"a":^1.e5}
        expected a value                {"a":^1e} | {"a":^1e+} | {"a":^1e+-1}
        expected a value                {"a":^+1} | {"a":^.5} | {"a":^Infinity} | {"a":^NaN}
        expected a value                {"a":^01} | {"a":^-01} | {"a":^1.5.5} | {"a":^1e5e5} | {"a":^0x10}
        expected ',' or a closing bracket  {"a":1^_000}
    "#;
    rejects(LOGS, table);
    // serde_json has no such limit.
    let doc = format!("{{\"a\":{}}}", "1".repeat(MAX_SCALAR + 1));
    let (_, end) = decode(Feed::new(doc.as_bytes(), 7), LOGS, 64);
    assert_eq!(end, Err("1029: a number is too long".to_owned()));
}

#[test]
fn decodes_large_documents() {
    let mut text = String::new();
    for line in 0..2_000 {
        writeln!(text, "{line}\u{1B}[91m é€😀 \"{}\"", "=".repeat(line % 120)).unwrap();
    }
    text.push_str(&"é€😀".repeat(1000));
    let long = serde_json::to_string(&text).unwrap();
    let space = " ".repeat(3 * BUFFER);
    let digits = "1".repeat(MAX_SCALAR / 3 - 1);
    let many = "{\"logs\":[1,null]},".repeat(BUFFER / 4);
    let others =
        format!("{long}:[{digits}.{digits}e{digits},{many}{space}{long}],\"o\":{{{long}:{long}}}");
    for (path, wanted) in [
        (LOGS, format!("\"logs\":{long}")),
        (OUTPUT, format!("\"compilation\":{{\"output\":{long}}}")),
    ] {
        let doc = format!("{{{others},{wanted}{space},{others}{space}}}{space}");
        for (chop, buffer) in [
            (usize::MAX, 8192),
            (1021, 1 << 20),
            (BUFFER - 1, 4096),
            (97, 61),
        ] {
            let (decoded, end) = decode(Feed::new(doc.as_bytes(), chop), path, buffer);
            assert_eq!(end, Ok(Some(0)), "{chop} into {buffer}");
            assert!(decoded == text.as_bytes(), "{chop} into {buffer}");
        }
    }
}

#[test]
fn detects_truncation_and_read_errors_anywhere() {
    let doc = r#"{"a":[1,-2.5e+3,true,{"é":null,"b\u00e9":"\ud83d\n"}],"logs":"é€😀 \u20ac\ud83d\ude00\n\ud83d","c":[]}"#;
    let text = "é€😀 €😀\n\u{FFFD}";
    check(doc, LOGS, text, Ok(Some(1)));
    for length in 0..=doc.len() {
        let start = &doc.as_bytes()[..length];
        let (decoded, _) = decode(Feed::new(start, usize::MAX), LOGS, 8192);
        let decoded = String::from_utf8(decoded).unwrap();
        assert!(text.starts_with(&decoded));
        if length < doc.len() {
            check(start, LOGS, &decoded, Err("truncated"));
        }
        let mut feed = Feed::new(start, 7);
        feed.error = Some(104);
        let expected = (decoded.into(), Err("os Some(104)".into()));
        assert_eq!(decode(feed, LOGS, 64), expected, "cut at {length}");
    }
}

/// Random documents, whole and damaged, decode to what serde_json makes of them.
#[test]
fn agrees_with_serde_json() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut valid, mut found) = (0, 0);
    for _ in 0..20_000 {
        let path = if random.below(2) == 0 { LOGS } else { OUTPUT };
        let mut doc = random.object(4, path);
        for _ in 0..random.below(6).saturating_sub(2) {
            random.damage(&mut doc);
        }
        let chop = CHOPS[random.below(CHOPS.len())];
        let buffer = BUFFERS[random.below(BUFFERS.len())];
        let (text, end) = decode(Feed::new(&doc, chop), path, buffer);
        valid += usize::from(end.is_ok());
        found += usize::from(matches!(end, Ok(Some(_))));
        let text = String::from_utf8(text).unwrap();
        let decoded = end.ok().map(|end| end.map(|count| (text, count)));
        let expected = oracle(&doc, path);
        let doc = doc.escape_ascii();
        assert_eq!(decoded, expected, "{chop} into {buffer}: {doc}");
    }
    assert!((5_000..15_000).contains(&valid), "{valid} valid documents");
    assert!(found > 2_000, "{found} documents with the string");
}

/// Marsaglia's xorshift, and documents made from it.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }

    /// Returns one of the choices, which are separated by `|`.
    fn pick(&mut self, choices: &'static [u8]) -> &'static [u8] {
        let choices: Vec<_> = choices.split(|&byte| byte == b'|').collect();
        choices[self.below(choices.len())]
    }

    fn space(&mut self) -> &'static [u8] {
        self.pick(b"|||| |\n|\r\n\t ")
    }

    /// Returns an object, usually one in which `path` leads to a string.
    fn object(&mut self, depth: usize, path: &[&str]) -> Vec<u8> {
        let count = self.below(5);
        let on_path = self.below(count + 2);
        let member = |member| match path {
            [key, path @ ..] if member == on_path => {
                let value = match path {
                    [] => self.string(),
                    _ => self.object(depth - 1, path),
                };
                [self.space(), format!("\"{key}\":").as_bytes(), &value].concat()
            }
            _ => {
                let key = match self.below(8) {
                    0 => self.pick(br#""logs"|"compilation"|"output"|"l\u006Fgs""#),
                    _ => self.pick(b"\"lo\"|\"\"|\"\\ud800\xC3\xA9\""),
                };
                [self.space(), key, self.space(), b":", &self.value(depth)].concat()
            }
        };
        let members: Vec<_> = (0..count).map(member).collect();
        [b"{", &members.join(&b',')[..], self.space(), b"}"].concat()
    }

    fn value(&mut self, depth: usize) -> Vec<u8> {
        let value = match self.below(if depth > 0 { 12 } else { 6 }) {
            0 => self.pick(b"0|-1.5|20e+3|1E-2|-0.0e0").to_vec(),
            1 => self.pick(b"null|true|false").to_vec(),
            2..=6 => self.string(),
            7 => {
                let count = self.below(4);
                let elements: Vec<_> = (0..count).map(|_| self.value(depth - 1)).collect();
                [b"[", &elements.join(&b',')[..], self.space(), b"]"].concat()
            }
            _ => self.object(depth - 1, LOGS),
        };
        [self.space(), &value, self.space()].concat()
    }

    fn string(&mut self) -> Vec<u8> {
        const PARTS: &[u8] =
            b"Step 1/21 : FROM x:3.8|a|Ab c|\\n|\\n|\\\"|\\\\|\\/|\\b|\\f|\\r|\\t|\\u001b[91m|\
            \\u00e9|\\u0000|\\ud83d\\ude00|\xC3\xA9|\xE2\x82\xAC|\xF0\x9F\x98\x80|\x7F|'{[]}',:";
        const ODD_PARTS: &[u8] = b"\\ud83d|\\uDE00|\xFF|\xE2\x82|\xC0\x80|\xED\xA0\x80";
        let odd = self.below(8) == 0;
        let mut string = vec![b'"'];
        for _ in 0..self.below(12) {
            let odd = odd && self.below(3) == 0;
            string.extend_from_slice(self.pick(if odd { ODD_PARTS } else { PARTS }));
        }
        string.push(b'"');
        string
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
