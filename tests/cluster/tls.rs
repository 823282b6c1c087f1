//! The certificates of the cluster. `certificates/README.md` describes them.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
};

use super::http::Socket;

/// The certificate of a cluster, and the server's TLS configuration for it.
#[derive(Debug, Clone)]
pub struct Identity {
    config: Arc<ServerConfig>,
}

impl Identity {
    /// Returns a certificate for `localhost` and the loopback addresses, issued by the CA of [`ca_pem`].
    pub fn good() -> Identity {
        Identity::new(include_str!("certificates/good.pem"))
    }

    /// Returns a certificate for another host, from the same CA.
    pub fn wrong_host() -> Identity {
        Identity::new(include_str!("certificates/wrong-host.pem"))
    }

    /// Returns an expired certificate for the right hosts, from the same CA.
    pub fn expired() -> Identity {
        Identity::new(include_str!("certificates/expired.pem"))
    }

    /// Returns a certificate for the right hosts that is valid only from 2099.
    pub fn not_yet_valid() -> Identity {
        Identity::new(include_str!("certificates/not-yet-valid.pem"))
    }

    /// Returns a certificate for the right hosts, issued by an intermediate CA whose own certificate is not sent.
    pub fn missing_intermediate() -> Identity {
        Identity::new(include_str!("certificates/missing-intermediate.pem"))
    }

    /// Returns a CA certificate for the right hosts.
    pub fn ca_as_server() -> Identity {
        Identity::new(include_str!("certificates/ca-as-server.pem"))
    }

    /// Returns a certificate for the right hosts that is valid only for clients.
    pub fn client_only() -> Identity {
        Identity::new(include_str!("certificates/client-only.pem"))
    }

    /// Returns the certificate of [`good`](Self::good), on a server that requires a client certificate.
    pub fn requiring_a_client_certificate(version: &'static SupportedProtocolVersion) -> Identity {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(ca_pem().as_bytes()).expect("the CA is valid PEM");
        roots.add(ca).expect("the CA is valid");
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = verifier.build().expect("there is a root");
        Identity::serve(include_str!("certificates/good.pem"), &[version], verifier)
    }

    fn new(certificate: &str) -> Identity {
        Identity::serve(certificate, rustls::ALL_VERSIONS, Arc::new(NoClientAuth))
    }

    fn serve(
        certificate: &str,
        versions: &[&'static SupportedProtocolVersion],
        clients: Arc<dyn ClientCertVerifier>,
    ) -> Identity {
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())
            .expect("the certificate is valid PEM");
        let key =
            PrivateKeyDer::from_pem_slice(key_pem().as_bytes()).expect("the key is valid PEM");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("ring supports the protocol versions")
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![certificate], key)
            .expect("the key belongs to the certificate");
        Identity {
            config: Arc::new(config),
        }
    }

    pub(super) fn accept(&self, socket: Socket) -> TlsStream {
        let connection = ServerConnection::new(Arc::clone(&self.config));
        let connection = connection.expect("the configuration is complete");
        StreamOwned::new(connection, socket)
    }
}

/// Returns the PEM of the CA that the tests trust.
pub fn ca_pem() -> String {
    include_str!("certificates/ca.pem").to_owned()
}

/// Returns the PEM of a CA that issued none of the cluster's certificates.
pub fn other_ca_pem() -> String {
    include_str!("certificates/other-ca.pem").to_owned()
}

/// Returns the PEM of the key of every server certificate.
pub fn key_pem() -> String {
    include_str!("certificates/server.key").to_owned()
}

pub(super) type TlsStream = StreamOwned<ServerConnection, Socket>;
