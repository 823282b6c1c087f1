//! Explains TLS failures.
//!
//! rustls is not a direct dependency, so its errors can only be recognized by their text, which mostly consists of
//! names of enum variants. The tests of the program produce each case with a real server.

use crate::error::{Error, ErrorKind};

/// Parts of the errors of rustls about certificates, and what they mean.
const CERTIFICATES: [(&str, &str); 10] = [
    (
        "UnknownIssuer",
        "its certificate is from an unknown CA, or it does not send an intermediate certificate",
    ),
    ("xpired", "its certificate has expired"),
    (
        "alid yet",
        "its certificate is not valid yet, or this machine's clock is wrong",
    ),
    (
        "NotValidYet",
        "its certificate is not valid yet, or this machine's clock is wrong",
    ),
    ("alid for name", "its certificate is for another host"),
    ("NotValidForName", "its certificate is for another host"),
    (
        "CaUsedAsEndEntity",
        "its certificate belongs to a CA, not to a server",
    ),
    ("key usage", "its certificate is not meant for servers"),
    ("Revoked", "its certificate was revoked"),
    (
        "UnsupportedCertVersion",
        "its certificate has an old format (not X.509 version 3)",
    ),
];

/// Parts of the other errors of rustls, and what they mean.
const HANDSHAKES: [(&str, &str); 9] = [
    ("InvalidContentType", "it does not use TLS on this port"),
    (
        "CertificateRequired",
        "it requires a client certificate, which is not supported",
    ),
    (
        "BadCertificate",
        "it requires a client certificate, which is not supported",
    ),
    ("ProtocolVersion", "it supports neither TLS 1.2 nor TLS 1.3"),
    ("Tls12", "it supports neither TLS 1.2 nor TLS 1.3"),
    ("TlsVersion", "it supports neither TLS 1.2 nor TLS 1.3"),
    (
        "HandshakeFailure",
        "it supports none of our ciphers, or requires a client certificate, which is not supported",
    ),
    ("UnrecognisedName", "it does not know this host name"),
    ("AccessDenied", "it denied access"),
];

/// Explains an error of rustls from its text. `base` is the server.
pub(super) fn explain(text: &str, base: &str) -> Error {
    let find = |table: &[(&str, &'static str)]| {
        let found = table.iter().find(|(part, _)| text.contains(part));
        found.map(|(_, meaning)| *meaning)
    };
    let (kind, why) = match text.split_once("invalid peer certificate: ") {
        Some(_) => (
            ErrorKind::Tls,
            find(&CERTIFICATES).unwrap_or("its certificate is not valid"),
        ),
        None => (
            ErrorKind::Connection,
            find(&HANDSHAKES).unwrap_or("the TLS handshake failed"),
        ),
    };
    Error::new(kind, format!("no secure connection to {base}: {why}"))
}
