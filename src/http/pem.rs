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
        (true, false) => Err(invalid("the file contains none")),
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
    if is_certificate(certificate.der()) {
        Ok(certificate)
    } else {
        Err("one of them is not a certificate")
    }
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// Checks that DER has the outline of a certificate (RFC 5280), unlike keys, requests and revocation lists. TLS
/// libraries silently ignore a root that they cannot parse.
fn is_certificate(der: &[u8]) -> bool {
    let tags = |elements: &[(u8, &[u8])]| elements.iter().map(|(tag, _)| *tag).collect::<Vec<_>>();
    let whole = elements(der);
    let parts = whole.first().map(|(_, parts)| elements(parts));
    let parts = parts.unwrap_or_default();
    let signed = parts.first().map(|(_, signed)| elements(signed));
    let signed = tags(&signed.unwrap_or_default());
    // A certificate of version 1 leaves its version out. Extensions may follow the key.
    let signed = signed.strip_prefix(&[VERSION]).unwrap_or(&signed);
    tags(&whole) == [SEQUENCE]
        && tags(&parts) == [SEQUENCE, SEQUENCE, BIT_STRING]
        // The serial number, signature algorithm, issuer, validity, subject and public key.
        && signed.starts_with(&[INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE])
}

/// Splits DER into its elements, each with its tag and content. Returns none if it is not valid. Supports lengths of up
/// to two bytes, which are enough for a certificate.
fn elements(mut der: &[u8]) -> Vec<(u8, &[u8])> {
    let mut elements = Vec::new();
    while !der.is_empty() {
        let (tag, length, rest) = match der {
            [tag, 0x81, length, rest @ ..] => (*tag, usize::from(*length), rest),
            [tag, 0x82, high, low, rest @ ..] => {
                (*tag, usize::from(u16::from_be_bytes([*high, *low])), rest)
            }
            [tag, length @ 0..=0x7f, rest @ ..] => (*tag, usize::from(*length), rest),
            _ => return Vec::new(),
        };
        let Some((content, rest)) = rest.split_at_checked(length) else {
            return Vec::new();
        };
        elements.push((tag, content));
        der = rest;
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], &length[..], content].concat()
    }

    /// The outline of a certificate, a request or a revocation list, with elements of these tags in its signed part.
    fn outline(tags: &[u8]) -> Vec<u8> {
        let signed: Vec<u8> = tags.iter().flat_map(|&tag| element(tag, b"x")).collect();
        let parts = [
            element(SEQUENCE, &signed),
            element(SEQUENCE, b""),
            element(BIT_STRING, b""),
        ];
        element(SEQUENCE, &parts.concat())
    }

    #[test]
    fn only_certificates_are_recognized() {
        const REST: [u8; 6] = [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE];
        let certificate = outline(&[&[VERSION], &REST[..], &[0xa3]].concat());
        assert!(is_certificate(&certificate));
        assert!(is_certificate(&outline(&REST)));
        // A request, a revocation list, a private key, and something else.
        assert!(!is_certificate(&outline(&[
            INTEGER, SEQUENCE, SEQUENCE, VERSION
        ])));
        assert!(!is_certificate(&outline(&[
            INTEGER, SEQUENCE, SEQUENCE, 0x17, 0x17
        ])));
        let key = [
            &[INTEGER, 1, 0],
            &element(SEQUENCE, b"")[..],
            &element(4, b"x"),
        ]
        .concat();
        assert!(!is_certificate(&element(SEQUENCE, &key)));
        assert!(!is_certificate(b"junk"));
        assert!(!is_certificate(b""));
        // Cut short, or with something after it.
        for length in 0..certificate.len() {
            assert!(!is_certificate(&certificate[..length]), "{length}");
        }
        assert!(!is_certificate(&[&certificate[..], b"x"].concat()));
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
