//! What is between the two ends, and what the shell does with the streams.

use super::{
    BUILDS, CUT_DOC, DOC, LOGS, Row, VERSIONS, at, body, good, length, log, log_after, rows,
};
use crate::cluster::{Cluster, Identity, KEY, Reply};

/// Who is at the other end.
pub fn connections() -> Vec<Row> {
    let tls = |name: &str, identity: Identity| log(name, good()).over_tls(identity);
    let certificate = "no secure connection to CLUSTER: its certificate ";
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
        tls("TLS, by a CA that nobody knows", Identity::good()).fails(1, certificate).asks(0),
        tls("TLS, by a CA other than the one to trust", Identity::good()).env("SSL_CERT_FILE", "OTHER-CA")
            .fails(1, certificate).asks(0),
        tls("TLS, for another host", Identity::wrong_host()).env("SSL_CERT_FILE", "CA").fails(1, certificate).asks(0),
        tls("TLS, no longer valid", Identity::expired()).env("SSL_CERT_FILE", "CA").fails(1, certificate).asks(0),
        https("TLS, cut in the middle of a length", body("Content-Length: 1000\r\n", CUT_DOC).rst())
            .breaks_off("cut short"),
        https("TLS, cut where the connection's end is due, the document whole", body("", DOC).rst()).succeeds(),
        https("TLS, cut where the connection's end is due, the document cut", body("", CUT_DOC).rst())
            .breaks_off("in the middle of its JSON"),
        https("TLS, cut instead of an answer", Reply::raw().rst())
            .fails(1, "closed the connection before it responded"),
        log_after("http where https is meant", vec![good()], "--retries 0 --timeout 1").env("ALGORITHMIA_API", "TLS-URL")
            .fails(1, "cannot connect to https://127.0.0.1").asks(0),
        log("https where http is meant", good()).over_tls(Identity::good()).env("ALGORITHMIA_API", "PLAIN-URL")
            .fails(6, "not valid HTTP").asks(0),
        log("nobody listens", good()).env("ALGORITHMIA_API", format!("http://{closed}"))
            .fails(1, "cannot connect to ").asks(0),
        proxied("nobody listens at the proxy").env("HTTPS_PROXY", format!("http://{closed}"))
            .fails(1, "cannot connect to https://cluster.example.com through the proxy in HTTPS_PROXY: Connection refused").asks(0),
        proxied("a proxy of no use").env("HTTPS_PROXY", "junk://[")
            .fails(2, "the proxy in HTTPS_PROXY cannot be used").asks(0),
        proxied("a SOCKS proxy").env("ALL_PROXY", "socks5://127.0.0.1:1")
            .fails(2, "SOCKS is not supported").asks(0),
        log("a loopback host needs no proxy, whatever it is", good()).env("HTTP_PROXY", format!("http://{closed}"))
            .env("ALL_PROXY", "socks5://127.0.0.1:1").succeeds(),
        log("a CA file without a certificate", good()).env("SSL_CERT_FILE", "/dev/null")
            .fails(2, "the file contains none").asks(0),
        log("a CA file that is not there", good()).env("SSL_CERT_FILE", "/nowhere/ca.pem")
            .fails(2, "cannot read the CA file").asks(0),
        log("a CA file without end", good()).env("SSL_CERT_FILE", "/dev/zero").memory(64 * 1024)
            .fails(2, "it is larger than 16 MiB").asks(0),
        log("http to another machine", good()).env("ALGORITHMIA_API", "http://cluster.example.com")
            .fails(2, "would send the key unencrypted").asks(0),
        log("a password in the URL", good()).env("ALGORITHMIA_API", format!("https://u:{KEY}@cluster.example.com"))
            .fails(2, "it contains a user or a password").asks(0),
        log("a query in the URL", good()).env("ALGORITHMIA_API", format!("https://cluster.example.com/?{KEY}"))
            .fails(2, "the base URL cannot be used").asks(0),
        log("a key of two lines", good()).env("ALGORITHMIA_API_KEY", format!("{KEY}\r\nX: y"))
            .fails(2, "it contains a line ending").asks(0),
        log("a key with a space", good()).env("ALGORITHMIA_API_KEY", format!("{KEY} {KEY}"))
            .fails(2, "it contains a space").asks(0),
        log("a key that is not ASCII", good()).env("ALGORITHMIA_API_KEY", format!("{KEY}é"))
            .fails(2, "non-ASCII").asks(0),
        log("a key of 60 kB", good()).env("ALGORITHMIA_API_KEY", KEY.repeat(2_000))
            .fails(2, "it is longer than 16 KiB").asks(0),
        log("no key", good()).env("ALGORITHMIA_API_KEY", "").fails(4, "there is no key").asks(0),
        at("an id that climbs", "log acme/x .. --retries 0", LOGS, vec![good()]).fails(2, "build ID").asks(0),
        at("an id with a query", "log acme/x b1?a=b --retries 0", LOGS, vec![good()]).fails(2, "build ID").asks(0),
        at("a name with a slash", "log acme/x/y/z b1 --retries 0", LOGS, vec![good()]).fails(2, "").asks(0),
        at("a name that is escaped", "log acme/%2e%2e b1 --retries 0", LOGS, vec![good()]).fails(2, "").asks(0),
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
                "a connection that is closed after its first answer",
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
                "an answer that nobody asked for",
                "log acme/x -q --retries 1",
                Box::new(script),
            )
            .succeeds()
        },
    }
}

/// Readers that go away, devices that are full, a stderr that is gone.
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
        rows.push(run("nobody reads").in_shell(closed).fails(141, ""));
        rows.push(run("stdout is full").in_shell(full).fails(7, cannot));
        // std opens what is closed as /dev/null.
        rows.push(
            run("stdout is closed")
                .in_shell(r#"exec "$@" >&-"#)
                .fails(0, ""),
        );
    }
    rows.extend(rows! {
        log("a reader that goes away after some bytes", big()).in_shell(some).fails(0, "code 141\n"),
        log("a reader that goes away, and a stderr that is full", big()).in_shell(r#"{ "$@" 2> /dev/full; echo "code $?" >&2; } | head -c 5 > /dev/null"#)
            .fails(0, "code 141\n"),
        log("an error, and a stderr that is full", Reply::status(403)).in_shell(r#"exec "$@" 2> /dev/full"#)
            .fails(4, ""),
        log("an error, and no stderr", Reply::status(403)).in_shell(r#"exec "$@" 2>&-"#).fails(4, ""),
        log("a note, and a stderr that is full", Reply::json(200, r#"{"logs":"\ud800"}"#)).in_shell(r#"exec "$@" 2> /dev/full"#)
            .is(0, "\u{fffd}", ""),
        at("-v, and a stderr that is full", "log acme/x b1 -v", LOGS, vec![good()]).in_shell(r#"exec "$@" 2> /dev/full"#)
            .succeeds(),
        at("bad usage, and a stderr that is full", "log", LOGS, vec![good()]).in_shell(r#"exec "$@" 2> /dev/full"#)
            .fails(2, ""),
        log("an error, and no stdin", Reply::status(403)).in_shell(r#"exec "$@" <&-"#).fails(4, "(status 403)"),
        at("the key from a stdin that is closed", "log acme/x b1 --api-key-file -", LOGS, vec![good()]).in_shell(r#"exec "$@" <&-"#)
            .fails(2, "it is empty").asks(0),
        at("the key from a folder", "log acme/x b1 --api-key-file /", LOGS, vec![good()])
            .fails(2, "cannot read the key file /").asks(0),
        at("the key from a file without end", "log acme/x b1 --api-key-file /dev/zero", LOGS, vec![good()]).memory(64 * 1024)
            .fails(2, "it is larger than 16 MiB").asks(0),
        at("into a folder", "log acme/x b1 -o /", LOGS, vec![good()]).fails(7, "cannot write /: "),
        at("into a folder that is not there", "log acme/x b1 -o nowhere/f", LOGS, vec![good()])
            .fails(7, "cannot write nowhere/f: "),
        at("into below a file", "log acme/x b1 -o file/f", LOGS, vec![good()]).in_shell(r#"echo x > file; exec "$@""#)
            .fails(7, "cannot write file/f: "),
        at("into a full device", "log acme/x b1 -o /dev/full", LOGS, vec![good()])
            .fails(7, "cannot write /dev/full: No space left on device"),
        at("into nothing", "log acme/x b1 -o /dev/null", LOGS, vec![good()]).fails(0, ""),
        at("a socket", "log acme/x b1 -o s", LOGS, vec![good()]).in_shell(r#"ln -s /dev/full s; exec "$@""#)
            .fails(7, "cannot write s: No space left"),
        at("links that go round", "log acme/x b1 -o a", LOGS, vec![good()]).in_shell(r#"ln -s b a; ln -s a b; exec "$@""#)
            .fails(7, "cannot write a: "),
    });
    rows
}
