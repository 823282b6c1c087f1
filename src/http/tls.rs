//! TLS settings.

use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

use super::pem;
use crate::error::Error;

/// Returns the TLS settings, with these root certificates or else those that the features select.
pub(super) fn config(root_certificates: Option<&[u8]>) -> Result<TlsConfig, Error> {
    let roots = match root_certificates {
        Some(pem) => RootCerts::from(pem::certificates(pem)?),
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

#[cfg(test)]
#[cfg(all(
    feature = "native-tls",
    feature = "platform-verifier",
    not(feature = "rustls")
))]
mod tests {
    use super::*;

    #[test]
    fn native_tls_with_the_roots_of_the_system() {
        let config = config(None).unwrap();
        assert_eq!(config.provider(), TlsProvider::NativeTls);
        assert!(matches!(config.root_certs(), RootCerts::PlatformVerifier));
    }
}
