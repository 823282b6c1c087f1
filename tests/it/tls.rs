//! TLS as a company has it, with a CA of its own. Who is refused, and why, is in the table of faults.

use crate::cluster::{Cluster, Identity, tls};
use crate::program::{Folder, Program};

const LINE: &str = "builds acme/Empty -q --retries 0";

#[test]
fn a_certificate_that_is_not_the_first_of_a_bundle_counts() {
    let folder = Folder::new();
    let cluster = Cluster::start_tls(Identity::good());
    let bundle = format!(
        "# the others\n{}\nand ours:\n{}{}",
        tls::other_ca_pem(),
        tls::ca_pem(),
        tls::other_ca_pem()
    );
    let path = folder.write("bundle.pem", bundle);
    Program::on(&cluster)
        .run(&format!("{LINE} --cacert {path}"))
        .prints("");
    Program::on(&cluster)
        .env("SSL_CERT_FILE", &path)
        .run(LINE)
        .prints("");
}

#[test]
fn the_flag_counts_and_not_the_variable() {
    let folder = Folder::new();
    let cluster = Cluster::start_tls(Identity::good());
    let ours = folder.write("ours.pem", tls::ca_pem());
    let other = folder.write("other.pem", tls::other_ca_pem());
    let program = Program::on(&cluster).env("SSL_CERT_FILE", &other);
    program.run(&format!("{LINE} --cacert {ours}")).prints("");
    let program = Program::on(&cluster).env("SSL_CERT_FILE", &ours);
    let outcome = program.run(&format!("{LINE} --cacert {other}"));
    // The operating system's library has its own words for the reason.
    if cfg!(feature = "rustls") {
        outcome.fails(
            1,
            "algo-logs: builds of acme/Empty: no secure connection to CLUSTER: \
             invalid peer certificate: UnknownIssuer\n",
        );
    } else {
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
    }
}

#[test]
fn a_certificate_that_is_not_trusted_is_not_tried_again() {
    let folder = Folder::new();
    let ours = folder.write("ours.pem", tls::ca_pem());
    let other = folder.write("other.pem", tls::other_ca_pem());
    for (identity, ca) in [
        (Identity::good(), &other),
        (Identity::wrong_host(), &ours),
        (Identity::expired(), &ours),
        (Identity::not_yet_valid(), &ours),
        (Identity::missing_intermediate(), &ours),
        // OpenSSL accepts this one.
        #[cfg(feature = "rustls")]
        (Identity::ca_as_server(), &ours),
    ] {
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
fn a_bundle_with_a_broken_certificate_is_refused_as_a_whole() {
    let folder = Folder::new();
    let cluster = Cluster::start_tls(Identity::good());
    for (broken, why) in [
        (
            "-----BEGIN CERTIFICATE-----\nanVuaw==\n-----END CERTIFICATE-----\n",
            "one of them is not a certificate",
        ),
        (
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
            "the file is not valid PEM",
        ),
    ] {
        let path = folder.write("bundle.pem", format!("{}{broken}", tls::ca_pem()));
        let outcome = Program::on(&cluster).run(&format!("{LINE} --cacert {path}"));
        assert_eq!(outcome.code, Some(2));
        assert!(outcome.stderr.contains(why), "{}", outcome.stderr);
    }
    assert_eq!(cluster.connections(), 0);
}
