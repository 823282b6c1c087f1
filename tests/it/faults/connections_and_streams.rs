//! Connections, settings, and the streams that a shell sets up.

use super::{
    BUILDS, CUT_DOC, DOC, LOGS, Row, VERSIONS, at, body, good, length, log, log_after, rows,
};
use crate::cluster::{Cluster, Identity, KEY, Reply};

/// TLS, proxies, and settings that prevent a connection.
pub fn connections() -> Vec<Row> {
    let https = |name: &str, reply: Reply| {
        log(name, reply)
            .over_tls(Identity::good())
            .env("SSL_CERT_FILE", "CA")
    };
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.local_addr().expect("it has an address")
    };
    let proxied =
        |name: &str| log(name, good()).env("ALGORITHMIA_API", "https://cluster.example.com");
    rows! {
        https("TLS", good()).succeeds(),
        https("TLS, closed before Content-Length bytes", body("Content-Length: 1000\r\n", CUT_DOC).rst())
            .ends_early("cut short"),
        https("TLS, no close_notify, the document complete", body("", DOC).rst()).succeeds(),
        https("TLS, no close_notify, the document truncated", body("", CUT_DOC).rst())
            .ends_early("in the middle of its JSON"),
        https("TLS, closed before the response", Reply::raw().rst())
            .fails(1, "closed the connection before it responded"),
        log_after("an https URL for a plain http server", vec![good()], "--retries 0 --timeout 1").env("ALGORITHMIA_API", "TLS-URL")
            .fails(1, "cannot connect to https://127.0.0.1").requests(0),
        log("an http URL for a TLS server", good()).over_tls(Identity::good()).env("ALGORITHMIA_API", "PLAIN-URL")
            .fails(6, "not valid HTTP").requests(0),
        proxied("connection refused by the proxy").env("HTTPS_PROXY", format!("http://{closed}"))
            .fails(1, "cannot connect to https://cluster.example.com through the proxy in HTTPS_PROXY: Connection refused").requests(0),
        log("an endless CA file", good()).env("SSL_CERT_FILE", "/dev/zero").memory(64 * 1024)
            .fails(2, "it is larger than 16 MiB").requests(0),
        log("a key of 60 kB", good()).env("ALGORITHMIA_API_KEY", KEY.repeat(2_000))
            .fails(2, "it is longer than 16 KiB").requests(0),
        {
            let list = Reply::json(
                200,
                r#"{"results":[{"build_id":"b1","status":"succeeded","commit_sha":"c","started_at":"t"}]}"#,
            );
            let script = move |cluster: &Cluster| {
                cluster.script_always(BUILDS, list.clone().fin());
                cluster.script_always(LOGS, good());
            };
            Row::new(
                "a connection closed after its first response",
                "log acme/x -q --retries 1",
                Box::new(script),
            )
            .succeeds()
        },
        {
            let list = r#"{"results":[{"build_id":"b1","status":"succeeded","commit_sha":"c","started_at":"t"}]}"#;
            let reply = body(
                &length(list),
                format!("{list}HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{{\"logs\":\"bad\"}}"),
            );
            let script = move |cluster: &Cluster| {
                cluster.script_always(BUILDS, reply.clone());
                cluster.script_always(LOGS, good());
            };
            Row::new(
                "a response without a request",
                "log acme/x -q --retries 1",
                Box::new(script),
            )
            .succeeds()
        },
    }
}

/// Closed and full streams, and output files that cannot be written.
pub fn shells() -> Vec<Row> {
    // A FIFO whose only reader has closed it.
    let closed = r#"mkfifo p && exec 3<>p 4>p 3<&- && exec "$@" >&4 4>&-"#;
    let full = r#"exec "$@" > /dev/full"#;
    let some = r#"{ "$@"; echo "code $?" >&2; } | head -c 5 > /dev/null"#;
    let list = || {
        Reply::json(
            200,
            r#"{"results":[{"build_id":"b1","status":"succeeded","commit_sha":"c","started_at":"t"}]}"#,
        )
    };
    let big = || {
        body("", r#"{"logs":""#)
            .repeat(vec![b'x'; 64 * 1024], 1024)
            .send("\"}")
            .fin()
    };
    let cannot = ": No space left on device";
    let mut rows = Vec::new();
    for (line, path, reply) in [
        ("--help", LOGS, good()),
        ("help log", LOGS, good()),
        ("--version", LOGS, good()),
        ("log acme/x b1", LOGS, good()),
        ("log acme/x b1 -n 1", LOGS, good()),
        ("log acme/x b1 --plain", LOGS, good()),
        ("log acme/x b1 -o -", LOGS, good()),
        ("log acme/x b1 -o /dev/stdout", LOGS, good()),
        ("builds acme/x", BUILDS, list()),
        ("builds acme/x --json", BUILDS, list()),
        (
            "versions acme/x",
            VERSIONS,
            Reply::json(200, r#"{"results":[{}]}"#),
        ),
        (
            "versions acme/x --json",
            VERSIONS,
            Reply::json(200, r#"{"results":[{}]}"#),
        ),
    ] {
        let run = |what: &str| at(format!("{what}: {line}"), line, path, vec![reply.clone()]);
        rows.push(run("stdout has no reader").in_shell(closed).fails(141, ""));
        rows.push(run("stdout is full").in_shell(full).fails(7, cannot));
        // std opens /dev/null in place of a closed stream.
        rows.push(
            run("stdout is closed")
                .in_shell(r#"exec "$@" >&-"#)
                .fails(0, ""),
        );
    }
    rows.extend(rows! {
        log("a reader that stops early", big()).in_shell(some).fails(0, "code 141\n"),
        log("a reader that stops early, stderr full", big()).in_shell(r#"{ "$@" 2> /dev/full; echo "code $?" >&2; } | head -c 5 > /dev/null"#)
            .fails(0, "code 141\n"),
        log("an error, stderr full", Reply::status(403)).in_shell(r#"exec "$@" 2> /dev/full"#)
            .fails(4, ""),
        log("an error, stderr closed", Reply::status(403)).in_shell(r#"exec "$@" 2>&-"#).fails(4, ""),
        log("a note, stderr full", Reply::json(200, r#"{"logs":"\ud800"}"#)).in_shell(r#"exec "$@" 2> /dev/full"#)
            .is(0, "\u{fffd}", ""),
        at("-v, stderr full", "log acme/x b1 -v", LOGS, vec![good()]).in_shell(r#"exec "$@" 2> /dev/full"#)
            .succeeds(),
        at("a usage error, stderr full", "log", LOGS, vec![good()]).in_shell(r#"exec "$@" 2> /dev/full"#)
            .fails(2, ""),
        log("an error, stdin closed", Reply::status(403)).in_shell(r#"exec "$@" <&-"#).fails(4, "(status 403)"),
        at("the key from a closed stdin", "log acme/x b1 --api-key-file -", LOGS, vec![good()]).in_shell(r#"exec "$@" <&-"#)
            .fails(2, "it is empty").requests(0),
        at("-o names a directory", "log acme/x b1 -o /", LOGS, vec![good()]).fails(7, "cannot write /: "),
        at("-o names a file in a missing directory", "log acme/x b1 -o nowhere/f", LOGS, vec![good()])
            .fails(7, "cannot write nowhere/f: "),
        at("-o names a path below a file", "log acme/x b1 -o file/f", LOGS, vec![good()]).in_shell(r#"echo x > file; exec "$@""#)
            .fails(7, "cannot write file/f: "),
        at("-o names a full device", "log acme/x b1 -o /dev/full", LOGS, vec![good()])
            .fails(7, "cannot write /dev/full: No space left on device"),
        at("-o names /dev/null", "log acme/x b1 -o /dev/null", LOGS, vec![good()]).fails(0, ""),
        at("-o names a link to a full device", "log acme/x b1 -o s", LOGS, vec![good()]).in_shell(r#"ln -s /dev/full s; exec "$@""#)
            .fails(7, "cannot write s: No space left"),
        at("-o names a symlink loop", "log acme/x b1 -o a", LOGS, vec![good()]).in_shell(r#"ln -s b a; ln -s a b; exec "$@""#)
            .fails(7, "cannot write a: "),
    });
    rows
}
