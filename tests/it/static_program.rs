//! The static program in a root directory that contains only a hosts file.

use std::fs;
use std::io::{self, Write};
use std::process::Command;

use crate::cargo::static_program;
use crate::cluster::data::lemmatizer;
use crate::cluster::{Cluster, Identity, KEY, tls};
use crate::program::{Outcome, TempDir};

/// Runs the program with `root` as its root directory, using a namespace or chroot. Returns `None` if neither is
/// allowed.
fn run_in(root: &TempDir, url: &str, line: &str) -> Option<Outcome> {
    let path = root.path().display().to_string();
    let ways: [&[&str]; 2] = [
        &["unshare", "--map-root-user", "--root", &path],
        &["chroot", &path],
    ];
    ways.into_iter().find_map(|way| {
        let mut command = Command::new(way[0]);
        command
            .args(&way[1..])
            .arg("/algo-logs")
            .args(line.split(' '))
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("ALGORITHMIA_API", url)
            .env("ALGORITHMIA_API_KEY", KEY);
        let outcome = Outcome::new(command.output().ok()?, Some(url));
        // These commands prefix their own errors with their name.
        (!outcome.stderr.starts_with(way[0])).then_some(outcome)
    })
}

#[test]
#[ignore = "builds a release, which takes minutes"]
fn the_static_program_needs_only_a_hosts_file() {
    let root = TempDir::new();
    fs::create_dir(root.join("etc")).unwrap();
    root.write("etc/hosts", "127.0.0.1 localhost\n");
    root.write("ca.pem", tls::ca_pem());
    fs::copy(static_program(), root.join("algo-logs")).unwrap();

    let http = Cluster::start();
    let https = Cluster::start_tls(Identity::good());
    let by_name = format!("http://localhost:{}", http.port());
    let list = "builds acme/Lemmatizer -s failed";
    for (url, line) in [
        (http.url(), list.to_owned()),
        (by_name, list.to_owned()),
        (https.url(), format!("{list} --cacert /ca.pem")),
    ] {
        let Some(outcome) = run_in(&root, &url, &line) else {
            let note = "skipped: neither namespaces nor chroot are allowed here";
            writeln!(io::stderr(), "{note}").expect("stderr takes a note");
            return;
        };
        assert!(
            outcome.stdout_text().starts_with(lemmatizer::FAILED),
            "{url}: {outcome:?}"
        );
        outcome.is(0, &outcome.stdout, "");
    }
    // Mozilla's roots are compiled in, so an unknown CA is rejected here too.
    let url = https.url();
    let outcome = run_in(&root, &url, &format!("{list} --retries 0")).expect("as before");
    outcome.fails(
        1,
        "algo-logs: builds of acme/Lemmatizer: no secure connection to CLUSTER: \
         its certificate is from an unknown CA, or it does not send an intermediate certificate; \
         if the cluster uses a private CA, use --cacert FILE\n",
    );
}
