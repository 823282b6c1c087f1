//! Whom to trust, put into ureq's words and checked beforehand: ureq takes a file of junk, and then trusts nobody.

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider};

use crate::error::Error;

/// Trusts what it is told to, or else what the features say.
pub(super) fn config(roots: Option<Vec<u8>>) -> Result<TlsConfig, Error> {
    let roots = match roots {
        Some(pem) => RootCerts::from(certificates(&pem)?),
        None if cfg!(feature = "platform-verifier") => RootCerts::PlatformVerifier,
        None => RootCerts::WebPki,
    };
    let provider = if cfg!(all(feature = "native-tls", not(feature = "rustls"))) {
        TlsProvider::NativeTls
    } else {
        TlsProvider::Rustls
    };
    Ok(TlsConfig::builder()
        .provider(provider)
        .root_certs(roots)
        .build())
}

/// The certificates of a PEM file that has at least one, and none that is broken.
fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, Error> {
    let wrong = |why: &str| Error::settings(format!("the CA certificates cannot be used: {why}"));
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) if is_der_sequence(certificate.der()) => {
                certificates.push(certificate);
            }
            Ok(PemItem::Certificate(_)) => return Err(wrong("one of them is no certificate")),
            Ok(_) => {}
            Err(error) => return Err(wrong("the file is not valid PEM").with_source(error)),
        }
    }
    if certificates.is_empty() {
        return Err(wrong("there is none in the file"));
    }
    Ok(certificates)
}

/// Whether the bytes are one ASN.1 sequence, as a certificate is: junk in the right frame is not.
fn is_der_sequence(der: &[u8]) -> bool {
    let Some((&[0x30, first], rest)) = der.split_first_chunk() else {
        return false;
    };
    if first < 0x80 {
        return rest.len() == usize::from(first);
    }
    let digits = usize::from(first - 0x80);
    if digits == 0 || digits > 4 || digits > rest.len() {
        return false;
    }
    let (length, content) = rest.split_at(digits);
    let length = length
        .iter()
        .fold(0, |length, &byte| length << 8 | u64::from(byte));
    content.len() as u64 == length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der_sequences() {
        assert!(is_der_sequence(&[0x30, 1, 0]));
        assert!(is_der_sequence(
            &[&[0x30, 0x82, 1, 0][..], &[7; 256]].concat()
        ));
        for junk in [
            &[][..],
            &[0x30],
            &[0x31, 0],
            &[0x30, 1],
            &[0x30, 0, 0],
            &[0x30, 0x80],
            &[0x30, 0x82, 1],
            &[0x30, 0x85, 0, 0, 0, 0, 0],
        ] {
            assert!(!is_der_sequence(junk), "{junk:?}");
        }
    }
}
