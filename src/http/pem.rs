//! Reads certificates from a PEM file: strict about certificates, and lenient about the text around them.
//!
//! ureq's own reader ignores certificates that do not begin on a line of their own, and its errors show the file.

use ureq::tls::Certificate;

use crate::error::Error;

/// Reads the certificates in a file, which may begin and end anywhere on a line. Fails if there is none or an invalid
/// one. Ignores keys, other blocks, and text between blocks.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, Error> {
    // Errors show nothing of the file, which may contain a private key.
    let invalid =
        |why: &str| Error::invalid_input(format!("the CA certificates cannot be used: {why}"));
    let mut certificates = Vec::new();
    for block in String::from_utf8_lossy(pem).split("-----BEGIN ").skip(1) {
        let (label, base64) = split(block).ok_or_else(|| invalid("a block has no end"))?;
        match label {
            "CERTIFICATE" | "X509 CERTIFICATE" => {
                let certificate = certificate(base64);
                certificates.push(certificate.ok_or_else(|| invalid("one of them is damaged"))?);
            }
            "TRUSTED CERTIFICATE" => {
                return Err(invalid(
                    "one of them is a TRUSTED CERTIFICATE; 'openssl x509' converts it",
                ));
            }
            _ => {}
        }
    }
    if certificates.is_empty() {
        return Err(invalid("no certificates found"));
    }
    Ok(certificates)
}

/// Splits a block, which begins after `-----BEGIN `, into its label and its content.
fn split(block: &str) -> Option<(&str, &str)> {
    let (label, rest) = block.split_once("-----")?;
    let (content, _) = rest.split_once(&format!("-----END {label}-----"))?;
    Some((label, content))
}

fn certificate(base64: &str) -> Option<Certificate<'static>> {
    let base64: String = base64.split_whitespace().collect();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
    let certificate = Certificate::from_pem(pem.as_bytes()).ok()?;
    is_sequence(certificate.der()).then_some(certificate)
}

/// Returns whether DER is one whole SEQUENCE, of the size of a certificate. TLS libraries silently ignore a root that
/// they cannot parse.
fn is_sequence(der: &[u8]) -> bool {
    match *der {
        [0x30, 0x81, length, ref content @ ..] => content.len() == usize::from(length),
        [0x30, 0x82, high, low, ref content @ ..] => {
            content.len() == usize::from(u16::from_be_bytes([high, low]))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_one_whole_sequence() {
        for (head, length) in [
            (&[0x30, 0x81, 0x80][..], 0x80),
            (&[0x30, 0x82, 0x12, 0x34], 0x1234),
        ] {
            let der = [head, &vec![0; length]].concat();
            assert!(is_sequence(&der));
            assert!(!is_sequence(&der[..der.len() - 1]), "cut");
            assert!(!is_sequence(&[&der[..], b"x"].concat()), "and more");
            assert!(!is_sequence(&[b"\x31", &der[1..]].concat()), "a SET");
        }
    }
}
