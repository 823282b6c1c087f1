//! The speed of the JSON decoder on documents in memory, compared with a plain copy and with two other JSON parsers.

use std::hint::black_box;
use std::io::Read;

use divan::Bencher;
use divan::counter::BytesCount;
use serde::Deserialize;
use struson::reader::{JsonReader, JsonStreamReader};

use big::{BigLog, Flavour};
use json_string::JsonString;

#[allow(dead_code, reason = "the fake cluster uses the rest")]
#[path = "../cluster/big.rs"]
mod big;

// The decoder is private, so it is compiled in here.
#[allow(dead_code, unused_imports, reason = "only reading is measured")]
#[path = "../../src/json_string/mod.rs"]
mod json_string;

const SIZE: u64 = 16_000_000;
const FLAVOURS: [Flavour; 4] = [
    Flavour::Docker,
    Flavour::Escapes,
    Flavour::Utf8,
    Flavour::Unicode,
];

/// The size of the buffer that the program reads into.
const BUFFER: usize = 64 * 1024;

fn main() {
    divan::Divan::default()
        .sample_count(10)
        .config_with_args()
        .main();
}

#[divan::bench(args = FLAVOURS)]
fn algo_logs(bencher: Bencher<'_, '_>, flavour: Flavour) {
    run(bencher, flavour, |document| {
        let mut decoder = JsonString::new(document, &["logs"]);
        read_to_end(|buffer| decoder.read(buffer).expect("valid JSON"))
    });
}

#[divan::bench(args = FLAVOURS)]
fn copy(bencher: Bencher<'_, '_>, flavour: Flavour) {
    run(bencher, flavour, |mut document| {
        read_to_end(|buffer| document.read(buffer).expect("memory can be read"))
    });
}

#[divan::bench(args = FLAVOURS)]
fn serde_json(bencher: Bencher<'_, '_>, flavour: Flavour) {
    #[derive(Deserialize)]
    struct Document {
        logs: String,
    }
    run(bencher, flavour, |document| {
        let document: Document = serde_json::from_slice(document).expect("valid JSON");
        document.logs.len() as u64
    });
}

#[divan::bench(args = FLAVOURS)]
fn struson(bencher: Bencher<'_, '_>, flavour: Flavour) {
    run(bencher, flavour, |document| {
        let mut reader = JsonStreamReader::new(document);
        reader.begin_object().expect("valid JSON");
        reader.next_name().expect("valid JSON");
        let mut log = reader.next_string_reader().expect("a string");
        read_to_end(|buffer| log.read(buffer).expect("valid JSON"))
    });
}

/// Measures `decode`, which returns how many bytes it decoded.
fn run(bencher: Bencher<'_, '_>, flavour: Flavour, decode: impl Fn(&[u8]) -> u64 + Sync) {
    let document = BigLog::new(flavour, SIZE).document();
    bencher
        .counter(BytesCount::of_slice(&document))
        .bench(|| decode(&document));
}

/// Calls `read` until it returns 0, and returns the total.
fn read_to_end(mut read: impl FnMut(&mut [u8]) -> usize) -> u64 {
    let mut buffer = vec![0; BUFFER];
    let mut length = 0;
    loop {
        match read(&mut buffer) {
            0 => return length,
            n => length += n as u64,
        }
        black_box(&buffer);
    }
}
