//! Logs of any size, generated while they are sent and never held in memory as a whole. The benchmark builds the same
//! documents in memory.

use std::io::{self, Write};
use std::sync::OnceLock;

/// The kind of text in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Docker's output: long runs without escapes, and one escape at the end of each line.
    Docker,
    /// Only characters that JSON must escape, each as two characters.
    Escapes,
    /// Letters of two to four bytes, sent unescaped.
    Utf8,
    /// The same letters, each sent as `\uXXXX`.
    Unicode,
}

/// The maximum size of a log: large enough, and far from any overflow.
const MAX_SIZE: u64 = 1 << 44;

/// The minimum size of a write.
const CHUNK: usize = 256 * 1024;

/// A log of a given size, as the document `{"logs":"…"}`.
#[derive(Debug, Clone)]
pub struct BigLog {
    size: u64,
    /// The text is the block repeated, then its first `tail` bytes, then `padding`.
    block: &'static Block,
    tail: usize,
    /// Replaces a character that does not fit completely.
    padding: &'static str,
}

impl BigLog {
    /// Returns the log of the build `docker-SIZE`, `escapes-SIZE`, `utf8-SIZE` or `unicode-SIZE`.
    pub fn named(build_id: &str) -> Option<BigLog> {
        let (flavour, size) = build_id.split_once('-')?;
        let flavour = match flavour {
            "docker" => Flavour::Docker,
            "escapes" => Flavour::Escapes,
            "utf8" => Flavour::Utf8,
            "unicode" => Flavour::Unicode,
            _ => return None,
        };
        let size = size.parse().ok().filter(|&size| size <= MAX_SIZE)?;
        Some(BigLog::new(flavour, size))
    }

    /// Creates a log of `size` bytes, counted after decoding.
    pub fn new(flavour: Flavour, size: u64) -> BigLog {
        let block = flavour.block();
        let rest = usize::try_from(size % block.text.len() as u64).expect("less than a block");
        let mut tail = rest;
        while !block.text.is_char_boundary(tail) {
            tail -= 1;
        }
        BigLog {
            size,
            block,
            tail,
            padding: &"..."[..rest - tail],
        }
    }

    /// Returns the size of the document in bytes.
    pub fn document_size(&self) -> u64 {
        let blocks = self.blocks() * self.block.escaped.len() as u64;
        let tail = self.escaped_tail().len() + self.padding.len();
        blocks + (OPENING.len() + tail + CLOSING.len()) as u64
    }

    /// Writes the document in large chunks.
    pub fn write_document(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(OPENING)?;
        write_repeated(out, &self.block.escaped, self.blocks())?;
        out.write_all(self.escaped_tail())?;
        out.write_all(self.padding.as_bytes())?;
        out.write_all(CLOSING)
    }

    /// Returns the document.
    pub fn document(&self) -> Vec<u8> {
        let mut document = Vec::new();
        self.write_document(&mut document)
            .expect("writing into a Vec cannot fail");
        document
    }

    /// Returns the log.
    pub fn log(&self) -> String {
        let blocks = usize::try_from(self.blocks()).expect("the log fits into memory");
        let mut log = self.block.text.repeat(blocks);
        log.push_str(&self.block.text[..self.tail]);
        log.push_str(self.padding);
        log
    }

    fn blocks(&self) -> u64 {
        self.size / self.block.text.len() as u64
    }

    fn escaped_tail(&self) -> &'static [u8] {
        &self.block.escaped[..self.block.offsets[self.tail]]
    }
}

const OPENING: &[u8] = br#"{"logs":""#;
const CLOSING: &[u8] = br#""}"#;

/// Writes `block` repeatedly, and combines small blocks into larger writes.
pub(super) fn write_repeated(out: &mut impl Write, block: &[u8], times: u64) -> io::Result<()> {
    if block.is_empty() {
        return Ok(());
    }
    let at_once = (CHUNK / block.len()).max(1) as u64;
    let at_once = at_once.min(times);
    let chunk = block.repeat(usize::try_from(at_once).expect("at most a chunk's length"));
    let mut left = times;
    while left > 0 {
        let now = left.min(at_once);
        let bytes = usize::try_from(now).expect("at most a chunk's length") * block.len();
        out.write_all(&chunk[..bytes])?;
        left -= now;
    }
    Ok(())
}

/// A piece of a log. It is escaped only once, so that a benchmark does not measure the escaping.
#[derive(Debug)]
struct Block {
    text: String,
    escaped: Vec<u8>,
    /// For each byte of `text`, where its character begins in `escaped`.
    offsets: Vec<usize>,
}

impl Flavour {
    fn block(self) -> &'static Block {
        static BLOCKS: [OnceLock<Block>; 4] = [const { OnceLock::new() }; 4];
        BLOCKS[self as usize].get_or_init(|| self.escape(self.text()))
    }

    fn text(self) -> String {
        match self {
            Flavour::Docker => format!("{}\n", include_str!("../../fixtures/docker-build.log")),
            Flavour::Escapes => "\"\\\n\t\r\u{8}\u{c}/".repeat(8 * 1024),
            Flavour::Utf8 | Flavour::Unicode => {
                "Übersicht: мыши → мышь, 走った → 走る, naïveté ✓ 🎉\n".repeat(1024)
            }
        }
    }

    fn escape(self, text: String) -> Block {
        let mut escaped = Vec::with_capacity(text.len() * 2);
        let mut offsets = Vec::with_capacity(text.len());
        for c in text.chars() {
            offsets.resize(offsets.len() + c.len_utf8(), escaped.len());
            match (self, c) {
                (Flavour::Unicode, _) => escape_in_full(c, &mut escaped),
                (Flavour::Escapes, '/') => escaped.extend_from_slice(br"\/"),
                _ => escape_as_needed(c, &mut escaped),
            }
        }
        Block {
            text,
            escaped,
            offsets,
        }
    }
}

fn escape_in_full(c: char, escaped: &mut Vec<u8>) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        escaped.extend_from_slice(format!(r"\u{unit:04x}").as_bytes());
    }
}

fn escape_as_needed(c: char, escaped: &mut Vec<u8>) {
    let short = match c {
        '"' => '"',
        '\\' => '\\',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        _ if c < ' ' => return escape_in_full(c, escaped),
        _ => {
            escaped.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return;
        }
    };
    escaped.extend_from_slice(&[b'\\', short as u8]);
}
