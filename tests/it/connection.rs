//! What a refused connection and each retry print.

use crate::cluster::{Cluster, Reply};
use crate::program::Program;
use crate::settings::LIST;

#[test]
fn nothing_listens_at_the_url() {
    let cluster = Cluster::start();
    let (program, port) = (Program::on(&cluster), cluster.port());
    drop(cluster);
    let refused = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap_err();
    program.run(&format!("{LIST} --retries 0")).fails(
        1,
        &format!("algo-logs: builds of acme/Empty: cannot connect to CLUSTER: {refused}\n"),
    );
}

/// Covers a bug: retries were silent, so a terminal showed nothing for minutes.
#[test]
fn each_retry_prints_a_note() {
    let cluster = Cluster::start();
    let failing = || Reply::status(503).header("Retry-After", "0");
    let list = "/v1/algorithms/acme/Empty/builds";
    let failed = "the cluster failed (status 503)";
    (0..3).for_each(|_| cluster.script(list, failing()));
    Program::on(&cluster)
        .run("builds acme/Empty --retries 2")
        .fails(
            1,
            &format!(
                "algo-logs: builds of acme/Empty: {failed}; retrying in 0.0 s, 2 attempts left\n\
             algo-logs: builds of acme/Empty: {failed}; retrying in 0.0 s, 1 attempt left\n\
             algo-logs: builds of acme/Empty, after 3 attempts: {failed}\n"
            ),
        );
    // Retries are also noted in the middle of a log, and between the requests for one log.
    let logs = "/v1/algorithms/acme/x/builds/b1/logs";
    let document = r#"{"logs":"one\ntwo\n"}"#;
    let cut = Reply::raw().send(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}",
        &document[..14]
    ));
    let script = || {
        cluster.script(logs, cut.clone().fin());
        cluster.script(logs, failing());
        cluster.script(logs, Reply::json(200, document));
    };
    script();
    let outcome = Program::on(&cluster).run("log acme/x b1 -o -");
    assert_eq!(
        (outcome.code, &*outcome.stdout),
        (Some(0), &b"one\ntwo\n"[..])
    );
    let notes: Vec<&str> = outcome.stderr.lines().collect();
    let log = "algo-logs: log of build b1 of acme/x";
    assert_eq!(notes.len(), 2, "{notes:?}");
    let cut_short = format!("{log}: the response was cut short; retrying in ");
    assert!(notes[0].starts_with(&cut_short), "{notes:?}");
    assert!(notes[0].ends_with(" s, 3 attempts left"), "{notes:?}");
    assert_eq!(
        notes[1],
        format!("{log}: {failed}; retrying in 0.0 s, 2 attempts left")
    );
    script();
    Program::on(&cluster)
        .run("log acme/x b1 -q")
        .prints("one\ntwo\n");
    // An error that is not retried prints no such note.
    cluster.script(list, Reply::status(503).header("Retry-After", "61"));
    Program::on(&cluster)
        .run("builds acme/Empty")
        .fails(1, &format!("algo-logs: builds of acme/Empty: {failed}\n"));
}
