//! Explains TLS failures.
//!
//! rustls is not a direct dependency, so its errors can only be recognized by their text, which mostly consists of
//! names of enum variants. The tests of the program produce each case with a real server.

use crate::error::{Error, ErrorKind};

/// Parts of the errors of rustls, in lower case and without spaces, and what they mean.
#[rustfmt::skip] // one line each
const MEANINGS: &[(&str, &str)] = &[
    ("unknownissuer", "its certificate is from an unknown CA, or it does not send an intermediate certificate"),
    ("expired", "its certificate has expired"),
    ("notvalidyet", "its certificate is not valid yet, or this machine's clock is wrong"),
    ("notvalidforname", "its certificate is for another host"),
    ("causedasendentity", "its certificate is that of a CA"),
    ("keyusage", "its certificate is not meant for servers"),
    ("certversion", "its certificate is not X.509 version 3"),
    ("invalidcontenttype", "it does not use TLS on this port"),
    ("protocolversion", "it supports neither TLS 1.2 nor TLS 1.3"),
    ("tls12", "it supports neither TLS 1.2 nor TLS 1.3"),
    ("certificaterequired", "it requires a client certificate, which is not supported"),
    ("badcertificate", "it requires a client certificate, which is not supported"),
    ("handshakefailure", "it supports none of our ciphers, or requires a client certificate, which is not supported"),
    ("unrecognisedname", "it does not know this host name"),
];

/// Explains an error of rustls from its text. `base` is the server.
pub(super) fn explain(text: &str, base: &str) -> Error {
    let words = text.to_lowercase().replace(' ', "");
    let (kind, unknown) = if words.contains("invalidpeercertificate:") {
        (ErrorKind::Tls, "its certificate is not valid")
    } else {
        (ErrorKind::Connection, "the TLS handshake failed")
    };
    let found = MEANINGS.iter().find(|(part, _)| words.contains(part));
    let why = found.map_or(unknown, |(_, meaning)| meaning);
    Error::new(kind, format!("no secure connection to {base}: {why}"))
}
