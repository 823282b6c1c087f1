//! TLS settings. ureq would accept a file without a valid certificate, and then trust no server.

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider};

use crate::error::Error;

/// Makes the TLS settings, with these root certificates or else those that the features select.
pub(super) fn config(root_certificates: Option<&[u8]>) -> Result<TlsConfig, Error> {
    let roots = match root_certificates {
        Some(pem) => RootCerts::from(certificates(pem)?),
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

/// Reads a PEM file that has at least one certificate, and no invalid one.
fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, Error> {
    let invalid =
        |why: &str| Error::invalid_input(format!("the CA certificates cannot be used: {why}"));
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) if is_der_sequence(certificate.der()) => {
                certificates.push(certificate);
            }
            Ok(PemItem::Certificate(_)) => return Err(invalid("one of them is not a certificate")),
            Ok(_) => {}
            Err(error) => return Err(invalid("the file is not valid PEM").with_source(error)),
        }
    }
    if certificates.is_empty() {
        return Err(invalid("the file contains none"));
    }
    Ok(certificates)
}

/// Checks that the bytes are one ASN.1 sequence with a length of one or two bytes, as every certificate is. ureq does not
/// look inside the PEM frame.
fn is_der_sequence(der: &[u8]) -> bool {
    let (length, content) = match der {
        [0x30, 0x81, length, content @ ..] => (u16::from(*length), content),
        [0x30, 0x82, high, low, content @ ..] => (u16::from_be_bytes([*high, *low]), content),
        _ => return false,
    };
    content.len() == usize::from(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der_sequences() {
        let sequence = |header: &[u8], length: usize| [header, &vec![7; length]].concat();
        assert!(is_der_sequence(&sequence(&[0x30, 0x81, 200], 200)));
        assert!(is_der_sequence(&sequence(&[0x30, 0x82, 1, 0], 256)));
        assert!(!is_der_sequence(&sequence(&[0x30, 0x82, 1, 0], 257)));
        assert!(!is_der_sequence(&sequence(&[0x31, 0x82, 1, 0], 256)));
        assert!(!is_der_sequence(&[0x30, 0x82, 0]));
        assert!(!is_der_sequence(b"junk"));
    }

    #[test]
    #[cfg(all(
        feature = "native-tls",
        feature = "platform-verifier",
        not(feature = "rustls")
    ))]
    fn native_tls_with_the_roots_of_the_system() {
        let config = config(None).unwrap();
        assert_eq!(config.provider(), TlsProvider::NativeTls);
        assert!(matches!(config.root_certs(), RootCerts::PlatformVerifier));
    }
}
