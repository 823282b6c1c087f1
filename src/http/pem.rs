//! Reads certificates from a PEM file: as strict as OpenSSL about certificates, and as lenient about the text around
//! them.
//!
//! ureq's own reader ignores certificates that do not begin on a line of their own, and its errors show the file.

use ureq::tls::Certificate;

use crate::error::Error;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// A part of a PEM file, between its `BEGIN` and its `END`.
struct Block<'a> {
    label: &'a str,
    base64: &'a str,
}

/// Reads the certificates in a file. Fails if there is none or an invalid one. Ignores keys, other blocks, and text
/// between blocks.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, Error> {
    // Errors show nothing of the file, which may contain a private key.
    let invalid =
        |why: &str| Error::invalid_input(format!("the CA certificates cannot be used: {why}"));
    let text = String::from_utf8_lossy(pem);
    let mut certificates = Vec::new();
    let mut has_key = false;
    for block in blocks(&text) {
        let block = block.map_err(invalid)?;
        match block.label {
            "CERTIFICATE" | "X509 CERTIFICATE" => {
                certificates.push(certificate(block.base64).map_err(invalid)?);
            }
            "TRUSTED CERTIFICATE" => {
                let why = "one of them is a TRUSTED CERTIFICATE, a format specific to OpenSSL; \
                     'openssl x509' converts it";
                return Err(invalid(why));
            }
            label => has_key |= label.ends_with("PRIVATE KEY"),
        }
    }
    match (certificates.is_empty(), has_key) {
        (false, _) => Ok(certificates),
        (true, true) => Err(invalid(
            "the file contains a private key and no certificate",
        )),
        (true, false) => Err(invalid("no certificates found")),
    }
}

/// Splits a file into its blocks, which may begin and end anywhere on a line.
fn blocks(text: &str) -> impl Iterator<Item = Result<Block<'_>, &'static str>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(BEGIN)?;
        // The next block begins after this one, even if this one is invalid.
        rest = after;
        let (label, after) = match after.split_once(DASHES) {
            Some((label, after)) if !label.contains('\n') => (label, after),
            _ => return Some(Err("one of them has an incomplete BEGIN line")),
        };
        let Some((base64, after)) = after.split_once(END) else {
            return Some(Err("one of them has no END line"));
        };
        match after
            .strip_prefix(label)
            .and_then(|after| after.strip_prefix(DASHES))
        {
            Some(after) => {
                rest = after;
                Some(Ok(Block { label, base64 }))
            }
            None => Some(Err("the BEGIN and END lines of one of them do not match")),
        }
    })
}

fn certificate(base64: &str) -> Result<Certificate<'static>, &'static str> {
    if base64.contains("\\n") {
        return Err("the line endings of one of them are written as '\\n'");
    }
    let base64: String = base64.split_whitespace().collect();
    let pem = format!("{BEGIN}CERTIFICATE{DASHES}\n{base64}\n{END}CERTIFICATE{DASHES}\n");
    let certificate =
        Certificate::from_pem(pem.as_bytes()).map_err(|_| "one of them is not valid base64")?;
    if is_sequence(certificate.der()) {
        Ok(certificate)
    } else {
        Err("one of them is not a certificate")
    }
}

/// Returns whether DER is one whole SEQUENCE, as a certificate is. TLS libraries silently ignore a root that they cannot
/// parse. Lengths of two bytes are enough for a certificate.
fn is_sequence(der: &[u8]) -> bool {
    match *der {
        [0x30, 0x82, high, low, ref content @ ..] => {
            content.len() == usize::from(u16::from_be_bytes([high, low]))
        }
        [0x30, 0x81, length, ref content @ ..] | [0x30, length @ 0..=0x7f, ref content @ ..] => {
            content.len() == usize::from(length)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_one_whole_sequence() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff] {
            let content = vec![0; length];
            let head = match length {
                ..=0x7f => vec![0x30, length as u8],
                0x80..=0xff => vec![0x30, 0x81, length as u8],
                _ => vec![0x30, 0x82, (length >> 8) as u8, length as u8],
            };
            let der = [head, content].concat();
            assert!(is_sequence(&der), "{length}");
            assert!(!is_sequence(&der[..der.len() - 1]), "{length}, cut");
            assert!(
                !is_sequence(&[&der[..], b"x"].concat()),
                "{length}, and more"
            );
            assert!(
                !is_sequence(&[b"\x31", &der[1..]].concat()),
                "{length}, a SET"
            );
        }
        assert!(!is_sequence(b""));
        assert!(!is_sequence(b"junk"));
    }

    #[test]
    fn blocks_may_begin_anywhere_on_a_line() {
        let read = |text: &str| -> Vec<Result<(String, String), &str>> {
            blocks(text)
                .map(|block| block.map(|block| (block.label.into(), block.base64.trim().into())))
                .collect()
        };
        let block = |label: &str, base64: &str| Ok((label.to_owned(), base64.to_owned()));
        assert_eq!(
            read(
                "\u{feff}-----BEGIN A-----\r\nx\r\n-----END A----------BEGIN B-----y-----END B-----"
            ),
            [block("A", "x"), block("B", "y")]
        );
        assert_eq!(read("text\n----- BEGIN A -----\n"), []);
        let mismatch = "the BEGIN and END lines of one of them do not match";
        assert_eq!(
            read("-----BEGIN A-----\nx\n-----END B-----\n"),
            [Err(mismatch)]
        );
        assert_eq!(
            read("-----BEGIN A-----\nx\n"),
            [Err("one of them has no END line")]
        );
        let incomplete = "one of them has an incomplete BEGIN line";
        assert_eq!(read("-----BEGIN A"), [Err(incomplete)]);
    }
}
