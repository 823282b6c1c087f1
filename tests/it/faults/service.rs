//! The responses of the service, with or without a log.

use super::{
    BUILD, BUILDS, CUT_DOC, CUT_TEXT, DOC, LOGS, READ, Row, TEXT, at, body, good, length, log,
    log_after, rows,
};
use crate::cluster::reply::gzip;
use crate::cluster::{Cluster, KEY, Reply};

pub fn statuses() -> Vec<Row> {
    let mut rows = Vec::new();
    let refused: Vec<u16> = (400..=431)
        .chain([451, 499])
        .filter(|s| ![401, 403, 404].contains(s))
        .collect();
    for (code, statuses) in [
        (4, &[401, 403][..]),
        (1, &refused),
        (1, &[500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 599]),
    ] {
        for &status in statuses {
            let row = log(format!("status {status}"), Reply::status(status));
            rows.push(row.fails(code, &format!("(status {status})")).requests(1));
        }
    }
    for status in [201, 202, 203, 204, 205, 206, 226, 299, 304, 600, 999] {
        let says = format!("unexpected response (status {status})");
        rows.push(log(format!("status {status}"), Reply::status(status)).fails(1, &says));
    }
    rows.extend(rows! {
        log("status 404", Reply::status(404)).fails(5, "there is no such algorithm (status 404)"),
        log("status 200 without a body", Reply::status(200)).fails(6, "in the middle of its JSON"),
        log("status 206 with a complete document", Reply::json(206, DOC)).fails(1, "(status 206)"),
        log("status 500 with a complete document", Reply::json(500, DOC)).fails(1, "(status 500)"),
    });
    rows
}

pub fn redirects(other: &str) -> Vec<Row> {
    let to = |status, target: &str| Reply::status(status).header("Location", target);
    let mut rows = Vec::new();
    for status in [300, 301, 302, 303, 305, 307, 308] {
        let says =
            format!("the cluster redirects to {other}, which is not followed (status {status})");
        let reply = to(status, &format!("{other}{LOGS}"));
        rows.push(
            log(format!("redirect {status}"), reply)
                .fails(1, &says)
                .requests(1),
        );
    }
    let row = |name: &str, target: &str, says: &str| {
        log(format!("a redirect to {name}"), to(302, target))
            .fails(1, says)
            .requests(1)
    };
    rows.extend(rows! {
        log("a redirect without Location", Reply::status(302)).fails(1, "sent a redirect without a usable Location"),
        row("itself", LOGS, "redirects to another path on the same host"),
        row("a URL without a scheme", "//evil.example.com/", "not followed"),
        row("a host named like the key", &format!("https://{KEY}/?key={KEY}"), "redirects to https://[key]:443"),
        row("a URL with a user and the key", &format!("http://u:{KEY}@evil.example.com/{KEY}"), "redirects to http://evil.example.com:80"),
        row("an invalid URL", "http://[", "sent a redirect without a usable Location"),
        row("a file URL", "file:///etc/passwd", "sent a redirect without a usable Location"),
        row("a URL of 10 kB", &format!("http://{}.com/", "a".repeat(10_000)), "not followed"),
        at("a redirect of a list", "builds acme/x --retries 0", BUILDS, vec![to(301, other)])
            .fails(1, "redirects to").requests(1),
        log("a redirect with an endless body", Reply::raw().send("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n").repeat("x", 5_000_000))
            .fails(1, "redirects to"),
    });
    rows
}

/// Error messages of the service in every shape, with the key in them.
pub fn messages() -> Vec<Row> {
    const ABOUT: &str = "build b1 of acme/x: ";
    macro_rules! fixture {
        ($file:literal) => {
            include_str!(concat!("../../../fixtures/errors/", $file))
        };
    }
    let html = Reply::status(502).header("Content-Type", "text/html");
    let text = Reply::status(503).header("Content-Type", "text/plain");
    let mut rows = rows! {
        log("a nested error", Reply::json(403, fixture!("nested.json"))).fails(4, ABOUT),
        log("a flat error", Reply::json(500, fixture!("flat.json"))).fails(1, ABOUT),
        log("an error that is a text", Reply::json(404, fixture!("text.json"))).fails(5, ABOUT),
        log("an error with only a message", Reply::json(404, fixture!("message-only.json"))).fails(5, ABOUT),
        log("an error in a header", Reply::raw().send(fixture!("header.http"))).fails(1, ABOUT),
        log("a proxy's HTML", html.body(fixture!("proxy.html"))).fails(1, ABOUT),
        log("a proxy's text", text.body(fixture!("proxy.txt"))).fails(1, ABOUT),
        log("an empty error", Reply::status(500).body(fixture!("empty"))).fails(1, ABOUT),
        log("an error within a 200", Reply::json(200, fixture!("within-200.json"))).fails(1, ABOUT),
    };
    let error = |name: &str, status, json: &str, says: &str| {
        log(format!("an error that {name}"), Reply::json(status, json)).fails(1, says)
    };
    let escaped: String = KEY
        .chars()
        .map(|c| format!("\\u{:04x}", c as u32))
        .collect();
    let long = "ab ".repeat(5_000);
    let half_key = &KEY[..KEY.len() - 1];
    rows.extend(rows! {
        error("repeats the key", 500, &format!(r#"{{"error":{{"code":5001,"message":"bad: {KEY}!"}}}}"#), "says: bad: [key]!"),
        error("repeats the key, escaped", 500, &format!(r#"{{"error":"{escaped}"}}"#), "says: [key]"),
        error("repeats the header", 500, &format!(r#"{{"message":"Authorization: Simple {KEY}"}}"#), "Authorization: Simple [key]"),
        error("repeats the key at the length limit", 500, &format!(r#"{{"message":"{}{KEY}"}}"#, "y".repeat(190)), "yyy"),
        error("has the key as its code", 500, &format!(r#"{{"error":{{"code":"{KEY}","message":["{KEY}"]}}}}"#), "the cluster failed (status 500)"),
        error("is a number", 500, r#"{"error":7}"#, "the cluster failed (status 500)"),
        error("is an array", 500, &format!(r#"["{KEY}"]"#), "the cluster failed (status 500)"),
        error("is broken JSON", 500, &format!(r#"{{"error":"{KEY}"#), "the cluster failed (status 500)"),
        error("is long", 500, &format!(r#"{{"error":"{long}"}}"#), "ab…"),
        error("contains build server commands", 500, r#"{"error":"x\n::error::y\n##vso[task.complete]"}"#, "x\u{fffd}::error::y\u{fffd}# #vso[task.complete]"),
        error("contains build server commands within a line", 500, r###"{"error":"a ##[error]b ##teamcity[c] ###[group]d"}"###, "a # #[error]b # #teamcity[c] # # #[group]d"),
        log("a header with a build server command", Reply::status(502).header("X-Error-Message", "##vso[x]y")).fails(1, "says: # #vso[x]y"),
        log("an encoding with a build server command", Reply::json(200, DOC).header("Content-Encoding", "##[x]")).fails(6, "'# #[x]'"),
        error("contains escape sequences", 500, r#"{"error":"\u001b]0;owned\u0007\u009b2J\u202e"}"#, "\u{fffd}]0;owned\u{fffd}\u{fffd}2J\u{fffd}"),
        error("is deeply nested", 500, &format!("{}{}", r#"{"error":"#.repeat(500), "}".repeat(500)), "(status 500)"),
        log("plain text with the key", Reply::status(502).body(format!("no {KEY}\n"))).fails(1, "says: no [key]"),
        log("a header with the key", Reply::status(502).header("X-Error-Message", KEY)).fails(1, "says: [key]"),
        log("HTML with the key", Reply::status(502).body(format!("<p>{KEY}")))
            .fails(1, "the cluster failed (status 502)"),
        log("an HTML page whose title gives the reason", Reply::status(400).body("<html>\r\n<head><title>400 No required SSL certificate was sent</title></head>"))
            .fails(1, "(status 400), the service says: 400 No required SSL certificate was sent"),
        log("an HTML page with the key in its title", Reply::status(502).body(format!("<TITLE>\n no\n {KEY}\u{1b}[2J</TITLE>")))
            .fails(1, "says: no [key]\u{fffd}[2J"),
        log("a login page instead of a log", Reply::status(200).body(format!("<!DOCTYPE html><title>Sign in {KEY}</title>")))
            .fails(6, "at byte 0, but a page that says: Sign in [key]"),
        at("a login page instead of a list", "builds acme/x --retries 0", BUILDS, vec![Reply::status(200).body("\n<html><title>Sign in</title>")])
            .fails(6, "not JSON (line 2, column 1), but a page that says: Sign in"),
        log("text that is not UTF-8", Reply::status(502).body(b"\xff\xfe\xfd")).fails(1, "says: \u{fffd}"),
        log("an error cut inside the key", Reply::raw().send(format!("HTTP/1.1 500 No\r\nContent-Length: 99\r\n\r\nbad key: {half_key}")).fin())
            .fails(1, "the cluster failed (status 500)\n"),
        log("an error cut inside the key, in a body without a length", Reply::raw().send(format!("HTTP/1.1 500 No\r\n\r\nbad key: {half_key}")).fin())
            .fails(1, "the cluster failed (status 500)\n"),
        log("an error with the key at the limit", Reply::status(500).body(format!("{}{KEY}", " ".repeat((64 << 10) - half_key.len()))))
            .fails(1, "the cluster failed (status 500)\n"),
        log("an error of 64 KiB", Reply::status(500).body(format!("{}no", " ".repeat((64 << 10) - 2)))).fails(1, "says: no\n"),
        log("a cut error whose code arrived", Reply::raw().send("HTTP/1.1 400 No\r\nContent-Length: 99\r\n\r\n{\"code\":2002,\"message\":\"no\"}").fin())
            .fails(4, "the cluster rejected the key (status 400); the key is from"),
        log("JSON that ends with the connection", Reply::raw().send("HTTP/1.1 500 No\r\n\r\n{\"error\":\"no\"}").fin())
            .fails(1, "says: no\n"),
        log("an endless error response", Reply::raw().send("HTTP/1.1 403 No\r\n\r\n").repeat("no ", 10_000_000))
            .fails(4, "the key is not allowed to read this (status 403); the key is from"),
        log("an error response in invalid gzip", Reply::status(403).header("Content-Encoding", "gzip").body("an invalid URL"))
            .fails(4, "(status 403)"),
        log("code 2002 with status 400", Reply::json(400, r#"{"error":{"code":2002}}"#)).fails(4, "rejected the key"),
        log("a 401 names the source of the key", Reply::status(401)).fails(4, "; the key is from ALGORITHMIA_API_KEY"),
        log("a 200 that is an error", Reply::json(200, &format!(r#"{{"error":{{"code":2001,"message":"{KEY}"}}}}"#)))
            .fails(4, "the key is not allowed to read this, the service says: [key]"),
        log("a 200 that is an error without a code", Reply::json(200, &format!(r#"{{"error":"{KEY}"}}"#)))
            .fails(1, "the cluster responded with an error, the service says: [key]"),
        log("a 200 that says there is no such build", Reply::json(200, r#"{"error":{"code":1010,"message":"m"}}"#))
            .fails(5, "there is no such build"),
        at("a JSON error with a build server command", "builds acme/x --retries 0 --json", BUILDS, vec![Reply::json(500, r###"{"error":"##[error]x"}"###)])
            .fails(1, r###"the service says: # #[error]x","status":500"###),
        at("a JSON error", "builds acme/x --retries 0 --json", BUILDS, vec![Reply::json(500, &format!(r#"{{"error":{{"code":5001,"message":"{KEY}\n"}}}}"#))])
            .fails(1, r#"{"error":{"kind":"service","message":"builds of acme/x: the cluster failed (status 500), the service says: [key]","status":500,"code":5001,"exit":1}}"#),
    });
    rows
}

/// Only transient failures are retried.
pub fn retries() -> Vec<Row> {
    let transient = |status| Reply::status(status).header("Retry-After", "0");
    let mut rows = Vec::new();
    for status in [408, 429, 500, 502, 503, 504] {
        let name = format!("status {status}, retried");
        rows.push(
            log_after(name, vec![transient(status), good()], "")
                .succeeds()
                .requests(2),
        );
    }
    for status in [204, 400, 401, 403, 404, 409, 410, 501, 505, 599] {
        let name = format!("status {status}, not retried");
        let code = match status {
            401 | 403 => 4,
            404 => 5,
            _ => 1,
        };
        let requests = if status == 404 { 3 } else { 1 };
        rows.push(
            log_after(name, vec![transient(status), good()], "")
                .fails(code, "(status")
                .requests(requests),
        );
    }
    let late = |pause: &str| Reply::status(503).header("Retry-After", pause);
    rows.extend(rows! {
        log_after("Retry-After of 61 s", vec![late("61"), good()], "").fails(1, "(status 503)").requests(1),
        log_after("Retry-After with a distant date", vec![late("Wed, 21 Oct 9015 07:28:00 GMT"), good()], "")
            .fails(1, "(status 503)").requests(1),
        log_after("Retry-After over 64 bits", vec![late("99999999999999999999999"), good()], "")
            .fails(1, "(status 503)").requests(1),
        log_after("more failures than retries", vec![transient(503)], "--retries 2").fails(1, "(status 503)").requests(3),
        log_after("503, then 403", vec![transient(503), Reply::status(403)], "").fails(4, "(status 403)").requests(2),
        log_after("a redirect after a 503", vec![transient(503), Reply::status(302)], "")
            .fails(1, "sent a redirect without a usable Location").requests(2),
        log_after("a reset, then the log", vec![Reply::raw().rst(), good()], "--retries 1").succeeds().requests(2),
        log_after("a closed connection, then the log", vec![Reply::raw().fin(), good()], "--retries 1").succeeds().requests(2),
        log_after("silence, then the log", vec![Reply::raw().stall(), good()], "--retries 1 --timeout 1")
            .succeeds().requests(2),
        log_after("not HTTP, not retried", vec![Reply::raw().send("junk\r\n\r\n").fin(), good()], "")
            .fails(6, "not valid HTTP").requests(1),
        log_after("an unsupported encoding, not retried", vec![Reply::json(200, DOC).header("Content-Encoding", "zstd"), good()], "")
            .fails(6, "'zstd'").requests(1),
        log_after("HTML, not retried", vec![Reply::json(200, "<html>"), good()], "").fails(6, "not the expected JSON").requests(1),
        log_after("a 200 that is an error, not retried", vec![Reply::json(200, r#"{"error":{"code":5001}}"#), good()], "")
            .fails(1, "").requests(1),
        at("a 503, then the list", "builds acme/x", BUILDS, vec![transient(503), Reply::json(200, r#"{"results":[]}"#)])
            .is(0, "", "acme/x has no builds").requests(2),
        at("a truncated list, then the list", "builds acme/x --retries 1", BUILDS, vec![body("Content-Length: 99\r\n", "{").fin(), Reply::json(200, r#"{"results":[]}"#)])
            .is(0, "", "acme/x has no builds").requests(2),
        at("a list that ends with the connection, truncated, then the list", "builds acme/x --retries 1", BUILDS, vec![body("", "{").fin(), Reply::json(200, r#"{"results":[]}"#)])
            .is(0, "", "acme/x has no builds").requests(2),
    });
    rows
}

/// Truncated logs, which are fetched again.
pub fn resumption() -> Vec<Row> {
    let cut = || body("Content-Length: 1000\r\n", CUT_DOC).fin();
    let changed = "the log changed while it was read";
    let transient = || Reply::status(503).header("Retry-After", "0");
    rows! {
        log_after("truncated, then the log", vec![cut(), good()], "--retries 1").succeeds().requests(2),
        log_after("a reset within the body, then the log", vec![body("Content-Length: 1000\r\n", CUT_DOC).wait(READ).rst(), good()], "--retries 1")
            .succeeds().requests(2),
        log_after("truncated where the connection ends the body, then the log", vec![body("", CUT_DOC).fin(), good()], "--retries 1")
            .succeeds().requests(2),
        log_after("silence within the body, then the log", vec![body(&length(DOC), CUT_DOC).stall(), good()], "--retries 1 --timeout 1")
            .succeeds().requests(2),
        log_after("truncated after the document, then the log", vec![body("Content-Length: 1000\r\n", DOC).fin(), good()], "--retries 1")
            .succeeds().requests(2),
        log_after("truncated after a document, then a longer log", vec![body("Content-Length: 1000\r\n", r#"{"logs":"one\ntw"}"#).fin(), good()], "--retries 1")
            .succeeds().requests(2),
        log_after("truncated, then the log in gzip", vec![cut(), Reply::json(200, "").header("Content-Encoding", "gzip").body(gzip(DOC))], "--retries 1")
            .succeeds().requests(2),
        log_after("truncated, then a 503, then the log", vec![cut(), transient(), good()], "--retries 2").succeeds().requests(3),
        log_after("truncated, then another log", vec![cut(), Reply::json(200, r#"{"logs":"one\nTWO\nthree\n"}"#)], "--retries 1")
            .ends_early(changed).requests(2),
        log_after("truncated, then a log with another first byte", vec![cut(), Reply::json(200, r#"{"logs":"One\ntwo\nthree\n"}"#)], "--retries 1")
            .ends_early(changed).requests(2),
        log_after("truncated, then a shorter log", vec![cut(), Reply::json(200, r#"{"logs":"one\n"}"#)], "--retries 1")
            .ends_early(changed).requests(2),
        log_after("truncated, then an empty log", vec![cut(), Reply::json(200, r#"{"logs":""}"#)], "--retries 1")
            .ends_early(changed).requests(2),
        log_after("truncated, then no log", vec![cut(), Reply::json(200, "{}")], "--retries 1")
            .ends_early("no 'logs'").requests(2),
        log_after("truncated, then HTML", vec![cut(), Reply::status(200).body("<html>")], "--retries 1")
            .ends_early("not the expected JSON").requests(2),
        log_after("truncated, then a 401", vec![cut(), Reply::status(401)], "--retries 1")
            .is(4, CUT_TEXT, "(status 401)").requests(2),
        log_after("truncated, then a 404", vec![cut(), Reply::status(404)], "--retries 1")
            .is(5, CUT_TEXT, "(status 404)").requests(2),
        log_after("truncated, then a 503 with Retry-After of 61 s", vec![cut(), Reply::status(503).header("Retry-After", "61")], "--retries 3")
            .is(1, CUT_TEXT, "(status 503)").requests(2),
        log_after("truncated, then a 200 that is an error", vec![cut(), Reply::json(200, &format!(r#"{{"error":"{KEY}"}}"#))], "--retries 1")
            .is(1, CUT_TEXT, "says: [key]").requests(2),
        log_after("truncated every time", vec![cut()], "--retries 1").ends_early("cut short").requests(2),
        log_after("truncated, without retries", vec![cut(), good()], "--retries 0").ends_early("cut short").requests(1),
    }
}

/// Builds in progress, and missing logs.
pub fn waits() -> Vec<Row> {
    let build = |status: &str| {
        Reply::json(
            200,
            &format!(
                r#"{{"build_id":"b1","status":"{status}","commit_sha":"c","started_at":"t"}}"#
            ),
        )
    };
    let missing = |name: &str, reply: Reply, explained: Reply| {
        let script = move |cluster: &Cluster| {
            cluster.script_always(LOGS, reply.clone());
            cluster.script_always(BUILD, explained.clone());
        };
        Row::new(
            format!("no log: {name}"),
            "log acme/x b1 --retries 0",
            Box::new(script),
        )
    };
    let waiting = |name: &str, replies: Vec<Reply>, options: &str| {
        let script = move |cluster: &Cluster| {
            let (last, first) = replies.split_last().expect("at least one reply");
            for reply in first {
                cluster.script(BUILD, reply.clone());
            }
            cluster.script_always(BUILD, last.clone());
            cluster.script_always(LOGS, good());
        };
        Row::new(
            format!("waiting: {name}"),
            format!("log acme/x b1 {options}"),
            Box::new(script),
        )
    };
    let none = || Reply::status(404);
    rows! {
        missing("the key in the status", none(), build(KEY)).fails(5, "the build has finished ([key])"),
        missing("a status of 10 kB", none(), build(&"s".repeat(10_000))).fails(5, "but its log is lost"),
        waiting("a failed build", vec![build("failed")], "--exit-status").is(3, TEXT, "build b1 of acme/x: failed"),
        waiting("the key in the status", vec![build(KEY)], "--exit-status").is(3, TEXT, "build b1 of acme/x: [key]"),
        waiting("a status of 10 kB", vec![build(&"s".repeat(10_000))], "--exit-status").is(3, TEXT, "sss"),
        waiting("a 503, then a finished build", vec![Reply::status(503).header("Retry-After", "0"), build("succeeded")], "--wait=1 --retries 1")
            .succeeds(),
        waiting("timeout", vec![build("in-progress")], "--wait=0")
            .fails(8, "the build is still in progress; waited 0s"),
        waiting("a 401 ends the wait", vec![Reply::status(401)], "--wait=600").fails(4, "(status 401)").requests(1),
        waiting("an invalid response ends the wait", vec![Reply::json(200, "[]")], "--wait=600").fails(6, "documented shape").requests(1),
    }
}
