//! Certificates, made anew in each process, and what the server needs to serve TLS with them.

use std::io;
use std::net::TcpStream;
use std::sync::{Arc, OnceLock};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
};

/// What a cluster shows of itself over TLS.
#[derive(Debug, Clone)]
pub struct Identity {
    config: Arc<ServerConfig>,
}

impl Identity {
    /// A certificate for `localhost` and the loopback addresses, from the CA of [`ca_pem`].
    pub fn good() -> Identity {
        Certificate::new().identity()
    }

    /// A certificate from the same CA, for another host.
    pub fn wrong_host() -> Identity {
        let mut certificate = Certificate::new();
        certificate.params.subject_alt_names.clear();
        certificate.add_host("cluster.example.com");
        certificate.identity()
    }

    /// A certificate from the same CA for the right hosts that is no longer valid.
    pub fn expired() -> Identity {
        let mut certificate = Certificate::new();
        certificate.params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        certificate.identity()
    }

    /// A certificate from the same CA for the right hosts that is not valid yet.
    pub fn not_yet_valid() -> Identity {
        let mut certificate = Certificate::new();
        certificate.params.not_before = rcgen::date_time_ymd(2099, 1, 1);
        certificate.identity()
    }

    /// A CA certificate for the right hosts.
    pub fn ca() -> Identity {
        let mut certificate = Certificate::new();
        certificate.params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        certificate.identity()
    }

    /// A certificate for the right hosts that is meant for clients.
    pub fn of_a_client() -> Identity {
        let mut certificate = Certificate::new();
        certificate.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        certificate.identity()
    }

    /// The certificate of [`good`](Self::good), on a server that requires one of the client.
    pub fn requiring_a_client_certificate(version: &'static SupportedProtocolVersion) -> Identity {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(Ca::ours().der.clone()).expect("the CA is valid");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = verifier.build().expect("there is a root");
        Certificate::new().serve(&[version], verifier)
    }

    pub(super) fn accept(&self, socket: Arc<TcpStream>) -> TlsStream {
        let connection = ServerConnection::new(Arc::clone(&self.config));
        let connection = connection.expect("the configuration is complete");
        StreamOwned::new(connection, Socket(socket))
    }
}

/// A certificate in the making.
struct Certificate {
    params: CertificateParams,
}

impl Certificate {
    fn new() -> Certificate {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "fake cluster");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2100, 1, 1);
        let mut certificate = Certificate { params };
        for host in ["localhost", "127.0.0.1", "::1"] {
            certificate.add_host(host);
        }
        certificate
    }

    fn add_host(&mut self, host: &str) {
        let name = match host.parse() {
            Ok(ip) => SanType::IpAddress(ip),
            Err(_) => SanType::DnsName(host.try_into().expect("the host is a valid name")),
        };
        self.params.subject_alt_names.push(name);
    }

    fn identity(self) -> Identity {
        self.serve(rustls::ALL_VERSIONS, Arc::new(NoClientAuth))
    }

    fn serve(
        self,
        versions: &[&'static SupportedProtocolVersion],
        clients: Arc<dyn ClientCertVerifier>,
    ) -> Identity {
        let key = new_key();
        let certificate = self
            .params
            .signed_by(&key, &Ca::ours().issuer)
            .expect("signing works");
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("ring knows the protocol versions")
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .expect("the key is the certificate's");
        Identity {
            config: Arc::new(config),
        }
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

/// A private key, in PEM.
pub fn key_pem() -> String {
    new_key().serialize_pem()
}

struct Ca {
    pem: String,
    der: CertificateDer<'static>,
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
        let certificate = params.self_signed(&key).expect("signing works");
        Ca {
            pem: certificate.pem(),
            der: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("the system has randomness")
}

pub(super) type TlsStream = StreamOwned<ServerConnection, Socket>;

/// A socket that has other owners too.
#[derive(Debug)]
pub(super) struct Socket(Arc<TcpStream>);

impl io::Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buffer)
    }
}

impl io::Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
