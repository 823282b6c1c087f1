//! The decoder alone, on documents in memory.

use std::hint::black_box;
use std::io::Read;

use serde::Deserialize;
use struson::reader::{JsonReader, JsonStreamReader};

use crate::chart::{Times, figure, note, print_table, time};
use crate::cluster::big::{BigLog, Flavour};
use crate::json_string::JsonString;
use crate::{Effort, Result};

/// As much as the program hands on at a time.
const PIECE: usize = 64 * 1024;

pub fn measure(effort: Effort) -> Result<()> {
    let (size, rounds) = match effort {
        Effort::Quick => (32_000_000, 3),
        Effort::Full => (256_000_000, 7),
    };
    let flavours = [
        (Flavour::Docker, "Docker's output"),
        (Flavour::Escapes, "nothing but escapes"),
        (Flavour::Utf8, "non-ASCII, as UTF-8"),
        (Flavour::Unicode, r"non-ASCII, as `\u` escapes"),
    ];
    let mut rows = Vec::new();
    for (flavour, name) in flavours {
        note(&format!("the decoder alone: {name}"));
        let document = BigLog::new(flavour, size).document();
        let times = Times::take(
            rounds,
            &mut [
                &mut || time(|| ours(&document, size)),
                &mut || time(|| copy(&document)),
                &mut || time(|| with_serde_json(&document, size)),
                &mut || time(|| with_struson(&document, size)),
            ],
        )?;
        rows.push([
            name.to_owned(),
            format!(
                "{} GB/s",
                figure(document.len() as f64 / times.seconds(0) / 1e9)
            ),
            format!("{}×", figure(times.ratio(1, 0))),
            format!("{}×", figure(times.ratio(2, 0))),
            format!("{}×", figure(times.ratio(3, 0))),
        ]);
    }
    print_table(
        &[
            "the decoder alone",
            "speed",
            "against memcpy",
            "against `serde_json::from_slice`",
            "against struson",
        ],
        &rows,
    )
}

fn check(length: u64, size: u64) -> Result<()> {
    match length == size {
        true => Ok(()),
        false => Err(format!("{length} bytes decoded in place of {size}").into()),
    }
}

fn ours(document: &[u8], size: u64) -> Result<()> {
    let mut decoder = JsonString::new(document, &["logs"]);
    let mut piece = vec![0; PIECE];
    let mut length = 0;
    loop {
        match decoder.read(&mut piece) {
            Ok(0) => return check(length, size),
            Ok(n) => length += n as u64,
            Err(fault) => return Err(format!("{fault:?}").into()),
        }
        black_box(&piece);
    }
}

/// The document in pieces, copied into the same place: no more than to look at each byte once.
fn copy(document: &[u8]) -> Result<()> {
    let mut place = vec![0; PIECE];
    for piece in document.chunks(PIECE) {
        place[..piece.len()].copy_from_slice(piece);
        black_box(&place);
    }
    Ok(())
}

fn with_serde_json(document: &[u8], size: u64) -> Result<()> {
    #[derive(Deserialize)]
    struct Answer {
        logs: String,
    }
    let answer: Answer = serde_json::from_slice(document)?;
    check(black_box(answer).logs.len() as u64, size)
}

fn with_struson(document: &[u8], size: u64) -> Result<()> {
    let mut reader = JsonStreamReader::new(document);
    reader.begin_object()?;
    if reader.next_name()? != "logs" {
        return Err("no log".into());
    }
    let mut log = reader.next_string_reader()?;
    let mut piece = vec![0; PIECE];
    let mut length = 0;
    loop {
        match log.read(&mut piece)? {
            0 => break,
            n => length += n as u64,
        }
        black_box(&piece);
    }
    drop(log);
    reader.end_object()?;
    reader.consume_trailing_whitespace()?;
    check(length, size)
}
