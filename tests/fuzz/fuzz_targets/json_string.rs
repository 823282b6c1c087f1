//! Compares the decoder of logs with serde_json, on documents and chunk sizes that the fuzzer generates.
#![no_main]

use std::io::{self, Read};

use libfuzzer_sys::fuzz_target;
use serde_json::Value;

// The module is private to the library and uses nothing else of it than serde.
#[allow(dead_code, reason = "the library uses more of it")]
#[path = "../../../src/json_string/mod.rs"]
mod json_string;

use json_string::{DecodeError, JsonString};

/// Reads in chunks of the given sizes, repeatedly.
struct Chopped<'a> {
    bytes: &'a [u8],
    sizes: std::iter::Cycle<std::slice::Iter<'a, u8>>,
}

impl Read for Chopped<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = self.sizes.next().map_or(usize::MAX, |&size| usize::from(size) + 1);
        let n = most.min(buf.len()).min(self.bytes.len());
        let (chunk, rest) = self.bytes.split_at(n);
        buf[..n].copy_from_slice(chunk);
        self.bytes = rest;
        Ok(n)
    }
}

/// The decoded log, the number of replacements, whether there was a log, and how it ended.
type Outcome = (Vec<u8>, u64, bool, Result<(), String>);

fn decode(document: &[u8], sizes: &[u8], buffer: usize, path: &'static [&'static str]) -> Outcome {
    let reader = Chopped { bytes: document, sizes: sizes.iter().cycle() };
    let mut decoder = JsonString::new(reader, path);
    let mut log = Vec::new();
    let mut buf = vec![0; buffer];
    let end = loop {
        match decoder.read(&mut buf) {
            Ok(0) => break Ok(()),
            Ok(n) => log.extend_from_slice(&buf[..n]),
            Err(error) => {
                assert!(!matches!(error, DecodeError::Read(_)));
                break Err(format!("{error:?}"));
            }
        }
    };
    (log, decoder.replacements(), decoder.found(), end)
}

fuzz_target!(|data: &[u8]| {
    let Some((&[buffer, count, nested], rest)) = data.split_first_chunk() else {
        return;
    };
    let (sizes, document) = rest.split_at(usize::from(count % 8).min(rest.len()));
    let path: &[&str] = if nested % 2 == 0 { &["logs"] } else { &["compilation", "output"] };

    let whole = decode(document, &[], 64 * 1024, path);
    let chopped = decode(document, sizes, usize::from(buffer) + 1, path);
    assert_eq!(whole, chopped, "chopping changes nothing");

    let (log, replacements, found, end) = whole;
    assert!(std::str::from_utf8(&log).is_ok(), "a log is UTF-8");
    // serde_json rejects what the decoder replaces.
    if replacements > 0 {
        return;
    }
    let parsed: Result<Value, _> = serde_json::from_slice(document);
    match (end, parsed) {
        (Ok(()), Ok(value)) => {
            let expected = path.iter().try_fold(&value, |value, key| value.get(key));
            let expected = expected.and_then(Value::as_str);
            assert_eq!(found.then_some(&*log), expected.map(str::as_bytes));
        }
        (Ok(()), Err(error)) => {
            // The grammar allows numbers out of range, and lone surrogates in members that are skipped.
            let known = ["number out of range", "surrogate", "hex escape", "recursion limit"];
            let error = error.to_string();
            assert!(known.iter().any(|known| error.contains(known)), "{error}");
        }
        (Err(error), Ok(value)) => {
            // The decoder also rejects valid JSON of another shape.
            let rules = ["not an object", "not a string", "a repeated key", "too deeply", "too long"];
            assert!(rules.iter().any(|rule| error.contains(rule)), "{error} in {value}");
        }
        (Err(_), Err(_)) => {}
    }
});
