//! TLS with a private CA. The table of faults tests which certificates are rejected, and why.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::cluster::{Cluster, Identity, KEY, tls};
use crate::program::{Program, TempDir};

const LINE: &str = "builds acme/Empty -q --retries 0";

#[test]
fn an_untrusted_certificate_is_not_retried() {
    let dir = TempDir::new();
    let ours = dir.write("ours.pem", tls::ca_pem());
    let other = dir.write("other.pem", tls::other_ca_pem());
    for (identity, ca) in [(Identity::good(), &other), (Identity::expired(), &ours)] {
        let cluster = Cluster::start_tls(identity);
        let outcome = Program::on(&cluster).run(&format!("builds acme/Empty --cacert {ca}"));
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        let start = "algo-logs: builds of acme/Empty: no secure connection to https://localhost:";
        let url = cluster.url();
        let stderr = outcome.stderr.replace("CLUSTER", &url);
        assert!(stderr.starts_with(start), "{stderr}");
        assert_eq!(cluster.connections(), 1);
    }
}

#[test]
fn a_bundle_with_an_unusable_certificate_is_rejected_as_a_whole() {
    let dir = TempDir::new();
    let cluster = Cluster::start_tls(Identity::good());
    let (ca, other) = (tls::ca_pem(), tls::other_ca_pem());
    let second_line = other.lines().nth(1).unwrap();
    let block = |base64: &str| {
        format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
    };
    let damaged = "one of them is damaged";
    let no_end = "a block has no end";
    for (bundle, why) in [
        (block("anVuaw=="), damaged),
        (block("!"), damaged),
        (other.replace(second_line, ""), damaged),
        (other.replace('\n', "\\n"), damaged),
        (other.replace("-----END CERTIFICATE-----", ""), no_end),
        (other.replace("END CERTIFICATE", "END PRIVATE KEY"), no_end),
        (other.replacen("CERTIFICATE-----", "CERTIFICATE", 1), no_end),
        (
            other.replace(" CERTIFICATE-", " TRUSTED CERTIFICATE-"),
            "one of them is a TRUSTED CERTIFICATE; 'openssl x509' converts it",
        ),
    ] {
        let path = dir.write("bundle.pem", format!("{ca}{bundle}"));
        Program::on(&cluster)
            .run(&format!("{LINE} --cacert {path}"))
            .fails(
                2,
                &format!("algo-logs: --cacert: the CA certificates cannot be used: {why}\n"),
            );
    }
    assert_eq!(cluster.connections(), 0);
}

/// Covers a bug: certificates were ignored in bundles such as editors and `cat` produce.
#[test]
fn bundles_may_be_joined_carelessly() {
    let dir = TempDir::new();
    let cluster = Cluster::start_tls(Identity::good());
    let (ca, other) = (tls::ca_pem(), tls::other_ca_pem());
    for bundle in [
        format!("\u{feff}{ca}"),
        format!("{}{ca}", other.trim_end()),
        format!("{}{}", other.trim_end(), ca.trim_end()),
        format!("subject: ours {ca}"),
        ca.replace('\n', "\r\n"),
        ca.replace('\n', ""),
        ca.replace('\n', " \t\n"),
        ca.replace(" CERTIFICATE-", " X509 CERTIFICATE-"),
        // Other content of the file is ignored.
        format!("{}{ca}", tls::key_pem()),
    ] {
        let path = dir.write("bundle.pem", &bundle);
        let outcome = Program::on(&cluster).run(&format!("{LINE} --cacert {path}"));
        assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{bundle}");
    }
}

/// Most error messages of rustls are names of Rust variants.
#[test]
#[cfg_attr(
    not(feature = "rustls"),
    ignore = "only the errors of rustls are translated"
)]
fn failures_are_explained_in_words() {
    let dir = TempDir::new();
    let ca = dir.write("ca.pem", tls::ca_pem());
    let no_client = "it requires a client certificate, which is not supported";
    for (identity, why) in [
        (Identity::expired(), "its certificate has expired"),
        (
            Identity::not_yet_valid(),
            "its certificate is not valid yet, or this machine's clock is wrong",
        ),
        (
            Identity::wrong_host(),
            "its certificate is for another host",
        ),
        (
            Identity::missing_intermediate(),
            "its certificate is from an unknown CA, or it does not send an intermediate certificate",
        ),
        (Identity::ca_as_server(), "its certificate is that of a CA"),
        (
            Identity::client_only(),
            "its certificate is not meant for servers",
        ),
        (
            Identity::requiring_a_client_certificate(&rustls::version::TLS13),
            no_client,
        ),
        (
            Identity::requiring_a_client_certificate(&rustls::version::TLS12),
            no_client,
        ),
    ] {
        let cluster = Cluster::start_tls(identity);
        let hint = if why.starts_with("its certificate") {
            "; the trusted CAs are from --cacert"
        } else {
            ""
        };
        Program::on(&cluster)
            .run(&format!("builds acme/Empty -q --cacert {ca}"))
            .fails(
                1,
                &format!(
                    "algo-logs: builds of acme/Empty: no secure connection to CLUSTER: {why}{hint}\n"
                ),
            );
    }
    let cluster = Cluster::start_tls(Identity::good());
    Program::on(&cluster).run("builds acme/Empty -q").fails(
        1,
        "algo-logs: builds of acme/Empty: no secure connection to CLUSTER: \
         its certificate is from an unknown CA, or it does not send an intermediate certificate; \
         if the cluster uses a private CA, use --cacert FILE\n",
    );
    let json = Program::on(&cluster).run("builds acme/Empty -q --json");
    assert!(json.stderr.contains(r#""kind":"tls""#), "{}", json.stderr);
}

/// Servers that cannot complete the handshake: one sends an HTTP page, others the alerts of servers that know only TLS
/// 1.0 or accept no cipher.
#[test]
#[cfg_attr(
    not(feature = "rustls"),
    ignore = "only the errors of rustls are translated"
)]
fn servers_without_usable_tls_are_explained_in_words() {
    for (bytes, why) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..],
            "it does not use TLS on this port",
        ),
        (
            &[21, 3, 1, 0, 2, 2, 70],
            "it supports neither TLS 1.2 nor TLS 1.3",
        ),
        (
            // The ServerHello of a server that chooses TLS 1.1.
            &[
                &[22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2][..],
                &[7; 32],
                &[0, 0xc0, 0x13, 0],
            ]
            .concat(),
            "it supports neither TLS 1.2 nor TLS 1.3",
        ),
        (
            &[21, 3, 3, 0, 2, 2, 40],
            "it supports none of our ciphers, or requires a client certificate, which is not supported",
        ),
        (&[21, 3, 3, 0, 2, 2, 112], "it does not know this host name"),
        (&[21, 3, 3, 0, 2, 2, 80], "the TLS handshake failed"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let bytes = bytes.to_vec();
        let server = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let _ = client.read(&mut [0; 4096]);
            client.write_all(&bytes).unwrap();
            // Closing the connection early would cause another error.
            let _ = client.read(&mut [0; 4096]);
        });
        Program::bare()
            .env("ALGORITHMIA_API_KEY", KEY)
            .run(&format!("builds acme/Empty -q --api {url}"))
            .fails(
                1,
                &format!("algo-logs: builds of acme/Empty: no secure connection to {url}: {why}\n"),
            );
        server.join().unwrap();
    }
}
