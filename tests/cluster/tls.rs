//! Certificates, made anew in each process, and what the server needs to serve TLS with them.

use std::sync::{Arc, OnceLock};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::http::Socket;

/// What a cluster shows of itself over TLS.
#[derive(Debug, Clone)]
pub struct Identity {
    config: Arc<ServerConfig>,
}

impl Identity {
    /// A certificate for `localhost` and the loopback addresses, from the CA of [`ca_pem`].
    pub fn good() -> Identity {
        Identity::issue(&["localhost", "127.0.0.1", "::1"], 2100)
    }

    /// A certificate from the same CA, for another host.
    pub fn wrong_host() -> Identity {
        Identity::issue(&["cluster.example.com"], 2100)
    }

    /// A certificate from the same CA for the right hosts, valid no longer.
    pub fn expired() -> Identity {
        Identity::issue(&["localhost", "127.0.0.1", "::1"], 2021)
    }

    fn issue(hosts: &[&str], last_year: i32) -> Identity {
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        let mut params = CertificateParams::new(hosts).expect("the hosts are valid names");
        params
            .distinguished_name
            .push(DnType::CommonName, "fake cluster");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
        let key = new_key();
        let certificate = params
            .signed_by(&key, &Ca::ours().issuer)
            .expect("signing works");
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring knows the protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .expect("the key is the certificate's");
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

/// The CA that issues every [`Identity`], in PEM.
pub fn ca_pem() -> String {
    Ca::ours().pem.clone()
}

/// A CA that issued none of them, in PEM.
pub fn other_ca_pem() -> String {
    Ca::new("the CA of somebody else").pem
}

struct Ca {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    fn ours() -> &'static Ca {
        static OURS: OnceLock<Ca> = OnceLock::new();
        OURS.get_or_init(|| Ca::new("the CA of the fake cluster"))
    }

    fn new(name: &str) -> Ca {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2100, 1, 1);
        let key = new_key();
        let pem = params.self_signed(&key).expect("signing works").pem();
        Ca {
            pem,
            issuer: Issuer::new(params, key),
        }
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("the system has randomness")
}

pub(super) type TlsStream = StreamOwned<ServerConnection, Socket>;
