//! The settings of a connection: timeouts, roots of trust and the proxy, put into ureq's words and checked beforehand.
//!
//! ureq panics on some settings that it cannot serve and ignores others, so each is looked at here first.

use std::env;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider};

use crate::{BaseUrl, Error};

/// What a client sends as `User-Agent`.
const USER_AGENT: &str = concat!("algo-logs/", env!("CARGO_PKG_VERSION"));

/// Room for the request's head, of which no part is longer than a token.
const OUTPUT_BUFFER: usize = 32 * 1024;

pub(super) struct Settings<'a> {
    pub(super) base: &'a BaseUrl,
    pub(super) timeout: Duration,
    pub(super) roots: Option<Vec<u8>>,
    pub(super) connections: usize,
}

pub(super) fn build(settings: Settings<'_>) -> Result<Agent, Error> {
    let Settings {
        base,
        timeout,
        roots,
        connections,
    } = settings;
    if base.is_https() && !cfg!(any(feature = "rustls", feature = "native-tls")) {
        return Err(Error::settings(
            "this build has no TLS: it needs the feature rustls or native-tls",
        ));
    }
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(USER_AGENT)
        .accept("application/json")
        .proxy(proxy(base)?)
        .tls_config(tls(roots)?)
        .timeout_connect(Some(timeout))
        // A look-up that can be given up costs a thread, so only names get one.
        .timeout_resolve(base.is_name().then_some(timeout))
        .timeout_per_read(Some(timeout))
        .timeout_per_write(Some(timeout))
        .output_buffer_size(OUTPUT_BUFFER)
        .max_idle_connections(connections)
        .max_idle_connections_per_host(connections)
        .build();
    Ok(config.new_agent())
}

fn tls(roots: Option<Vec<u8>>) -> Result<TlsConfig, Error> {
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

/// The certificates of a PEM file. One that has none, or one that is broken, is refused here: ureq would take it and
/// trust nobody.
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
            Err(error) => return Err(wrong("the file is not valid PEM").caused_by(error)),
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

/// The proxy that the environment names for this cluster.
///
/// ureq's own look takes `ALL_PROXY` before the variable of the scheme, and no proxy where the variable's value is of
/// no use: then a company's key would go out another way than the company wants.
fn proxy(base: &BaseUrl) -> Result<Option<ureq::Proxy>, Error> {
    let scheme = if base.is_https() {
        ["https_proxy", "HTTPS_PROXY"]
    } else {
        ["http_proxy", "HTTP_PROXY"]
    };
    let Some((name, value)) = variable(&scheme).or_else(|| variable(&["all_proxy", "ALL_PROXY"]))
    else {
        return Ok(None);
    };
    let wrong = |why: &str| Error::settings(format!("the proxy in {name} cannot be used: {why}"));
    let proxy = ureq::Proxy::new(&value).map_err(|_| wrong("it is no URL of a proxy"))?;
    let protocol = match proxy.protocol() {
        protocol @ (ureq::ProxyProtocol::Http | ureq::ProxyProtocol::Https) => protocol,
        _ => return Err(wrong("SOCKS is not supported, only http and https")),
    };
    let mut builder = ureq::Proxy::builder(protocol)
        .host(proxy.host())
        .port(proxy.port());
    if let Some(user) = proxy.username() {
        builder = builder.username(user);
    }
    if let Some(password) = proxy.password() {
        builder = builder.password(password);
    }
    let (_, exempt) = variable(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
    for host in exempt.split([',', ' ']).filter(|host| !host.is_empty()) {
        // As curl has it: a name stands for its subdomains, too, with or without a dot in front.
        let host = host.strip_prefix('.').unwrap_or(host);
        builder = builder.no_proxy(host).no_proxy(&format!(".{host}"));
    }
    let proxy = builder
        .build()
        .map_err(|_| wrong("it is no URL of a proxy"))?;
    let target = base.to_string().parse();
    let exempt = target.is_ok_and(|target| proxy.is_no_proxy(&target));
    Ok((!exempt).then_some(proxy))
}

/// The first of these variables of the environment that is set to something.
fn variable(names: &[&'static str]) -> Option<(&'static str, String)> {
    names.iter().find_map(|&name| {
        let value = env::var_os(name)?;
        // A value that is no text is no URL either, and is refused as such.
        let value = value.to_string_lossy().into_owned();
        (!value.is_empty()).then_some((name, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn junk_is_no_certificate() {
        for (pem, why) in [
            ("", "there is none in the file"),
            ("junk", "there is none in the file"),
            (
                "-----BEGIN CERTIFICATE-----\nanVuaw==\n-----END CERTIFICATE-----\n",
                "one of them is no certificate",
            ),
            (
                "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
                "the file is not valid PEM",
            ),
        ] {
            let error = certificates(pem.as_bytes()).err().map(|e| e.to_string());
            let expected = format!("the CA certificates cannot be used: {why}");
            assert_eq!(error, Some(expected), "{pem}");
        }
    }

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
