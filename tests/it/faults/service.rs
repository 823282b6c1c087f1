//! What the service answers, whether it has the log or not.

use super::{
    BUILD, BUILDS, CUT_DOC, CUT_TEXT, DOC, LOGS, READ, Row, TEXT, at, body, good, length, log,
    log_after, rows,
};
use crate::cluster::reply::{documented_errors, gzip};
use crate::cluster::{Cluster, KEY, Reply};

pub fn statuses() -> Vec<Row> {
    let mut rows = Vec::new();
    let refused: Vec<u16> = (400..=431)
        .chain([451, 499])
        .filter(|s| ![401, 403, 404].contains(s))
        .collect();
    for (code, statuses) in [
        (4, &[401, 403][..]),
        (1, &[201, 202, 203, 204, 205, 206, 226, 299]),
        (1, &refused),
        (
            1,
            &[
                500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 599, 600, 999,
            ],
        ),
    ] {
        for &status in statuses {
            let row = log(format!("status {status}"), Reply::status(status));
            rows.push(row.fails(code, &format!("(status {status})")).asks(1));
        }
    }
    rows.extend(rows! {
        log("status 404", Reply::status(404)).fails(5, "there is no such algorithm (status 404)"),
        log("status 200 and no body", Reply::status(200)).fails(6, "in the middle of its JSON"),
        log("status 206 with a whole document", Reply::json(206, DOC)).fails(1, "(status 206)"),
        log("status 500 with a whole document", Reply::json(500, DOC)).fails(1, "(status 500)"),
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
                .asks(1),
        );
    }
    let row = |name: &str, target: &str, says: &str| {
        log(format!("a redirect to {name}"), to(302, target))
            .fails(1, says)
            .asks(1)
    };
    rows.extend(rows! {
        log("a redirect to nowhere", Reply::status(302)).fails(1, "redirects to nowhere"),
        log("304", Reply::status(304)).fails(1, "(status 304)"),
        row("itself", LOGS, "redirects to another path on the same host"),
        row("a host of no scheme", "//evil.example.com/", "not followed"),
        row("the key's own host", &format!("https://{KEY}/?key={KEY}"), "redirects to https://[key]:443"),
        row("a user and the key", &format!("http://u:{KEY}@evil.example.com/{KEY}"), "redirects to http://evil.example.com:80"),
        row("junk", "http://[", "redirects to an invalid URL"),
        row("a file", "file:///etc/passwd", "not followed"),
        row("10 kB", &format!("http://{}.com/", "a".repeat(10_000)), "not followed"),
        at("a redirect of a list", "builds acme/x --retries 0", BUILDS, vec![to(301, other)])
            .fails(1, "redirects to").asks(1),
        log("a redirect that has a body without end", Reply::raw().send("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n").repeat("x", 5_000_000))
            .fails(1, "redirects to"),
    });
    rows
}

/// What the service says of itself, in every shape, with the key in it.
pub fn words() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, reply) in documented_errors() {
        let code = match name {
            "nested" => 4,
            "text" | "message only" => 5,
            _ => 1,
        };
        rows.push(
            log(format!("documented error: {name}"), reply).fails(code, "build b1 of acme/x: "),
        );
    }
    let said = |name: &str, status, json: &str, says: &str| {
        log(format!("an error that {name}"), Reply::json(status, json)).fails(1, says)
    };
    let escaped: String = KEY
        .chars()
        .map(|c| format!("\\u{:04x}", c as u32))
        .collect();
    let long = "ab ".repeat(5_000);
    rows.extend(rows! {
        said("repeats the key", 500, &format!(r#"{{"error":{{"code":5001,"message":"bad: {KEY}!"}}}}"#), "says: bad: [key]!"),
        said("repeats the key, escaped", 500, &format!(r#"{{"error":"{escaped}"}}"#), "says: [key]"),
        said("repeats the header", 500, &format!(r#"{{"message":"Authorization: Simple {KEY}"}}"#), "Authorization: Simple [key]"),
        said("repeats the key at the limit", 500, &format!(r#"{{"message":"{}{KEY}"}}"#, "y".repeat(190)), "yyy"),
        said("has the key for a code", 500, &format!(r#"{{"error":{{"code":"{KEY}","message":["{KEY}"]}}}}"#), "the cluster failed (status 500)"),
        said("is a number", 500, r#"{"error":7}"#, "the cluster failed (status 500)"),
        said("is an array", 500, &format!(r#"["{KEY}"]"#), "the cluster failed (status 500)"),
        said("is broken JSON", 500, &format!(r#"{{"error":"{KEY}"#), "the cluster failed (status 500)"),
        said("is long", 500, &format!(r#"{{"error":"{long}"}}"#), "ab…"),
        said("commands a build server", 500, r#"{"error":"x\n::error::y\n##vso[task.complete]"}"#, "x\u{fffd}::error::y\u{fffd}# #vso[task.complete]"),
        said("commands build servers within a line", 500, r###"{"error":"a ##[error]b ##teamcity[c] ###[group]d"}"###, "a # #[error]b # #teamcity[c] # # #[group]d"),
        log("a header that commands a build server", Reply::status(502).header("X-Error-Message", "##vso[x]y")).fails(1, "says: # #vso[x]y"),
        log("an encoding that commands a build server", Reply::json(200, DOC).header("Content-Encoding", "##[x]")).fails(6, "'# #[x]'"),
        said("commands a terminal", 500, r#"{"error":"\u001b]0;owned\u0007\u009b2J\u202e"}"#, "\u{fffd}]0;owned\u{fffd}\u{fffd}2J\u{fffd}"),
        said("is nested deep", 500, &format!("{}{}", r#"{"error":"#.repeat(500), "}".repeat(500)), "(status 500)"),
        log("plain text with the key", Reply::status(502).body(format!("no {KEY}\n"))).fails(1, "says: no [key]"),
        log("a header with the key", Reply::status(502).header("X-Error-Message", KEY)).fails(1, "says: [key]"),
        log("HTML with the key", Reply::status(502).body(format!("<p>{KEY}")))
            .fails(1, "the cluster failed (status 502)"),
        log("a page that explains itself", Reply::status(400).body("<html>\r\n<head><title>400 No required SSL certificate was sent</title></head>"))
            .fails(1, "(status 400), the service says: 400 No required SSL certificate was sent"),
        log("a page that repeats the status", Reply::status(403).body("<title>403 Forbidden</title>"))
            .fails(4, "the key is not allowed to read this (status 403); the key is from"),
        log("a page with the key in its title", Reply::status(502).body(format!("<TITLE>\n no\n {KEY}\u{1b}[2J</TITLE>")))
            .fails(1, "says: no [key]\u{fffd}[2J"),
        log("a login page instead of a log", Reply::status(200).body(format!("<!DOCTYPE html><title>Sign in {KEY}</title>")))
            .fails(6, "at byte 0, but a page that says: Sign in [key]"),
        at("a login page instead of a list", "builds acme/x --retries 0", BUILDS, vec![Reply::status(200).body("\n<html><title>Sign in</title>")])
            .fails(6, "not JSON (line 2, column 1), but a page that says: Sign in"),
        log("a 401 of a server in front", Reply::status(401).header("WWW-Authenticate", "basic realm=\"x\""))
            .fails(4, "a server in front of the cluster requires a user and a password: this is not about the key (status 401)"),
        log("text in no known encoding", Reply::status(502).body(b"\xff\xfe\xfd")).fails(1, "says: \u{fffd}"),
        log("a refusal cut short", Reply::raw().send("HTTP/1.1 403 No\r\nContent-Length: 99\r\n\r\nno").fin())
            .fails(4, "says: no"),
        log("a refusal without end", Reply::raw().send("HTTP/1.1 403 No\r\n\r\n").repeat("no ", 10_000_000))
            .fails(4, "says: no no"),
        log("a refusal in broken gzip", Reply::status(403).header("Content-Encoding", "gzip").body("junk"))
            .fails(4, "(status 403)"),
        log("2002 with a 400", Reply::json(400, r#"{"error":{"code":2002}}"#)).fails(4, "rejected the key"),
        log("401 names where the key is from", Reply::status(401)).fails(4, "; the key is from ALGORITHMIA_API_KEY"),
        log("a 200 that is an error", Reply::json(200, &format!(r#"{{"error":{{"code":2001,"message":"{KEY}"}}}}"#)))
            .fails(4, "the key is not allowed to read this, the service says: [key]"),
        log("a 200 that is an error of no kind", Reply::json(200, &format!(r#"{{"error":"{KEY}"}}"#)))
            .fails(1, "the cluster responded with an error, the service says: [key]"),
        log("a 200 that is no such build", Reply::json(200, r#"{"error":{"code":1010,"message":"m"}}"#))
            .fails(5, "there is no such build"),
        at("an error as an object that commands a build server", "builds acme/x --retries 0 --json", BUILDS, vec![Reply::json(500, r###"{"error":"##[error]x"}"###)])
            .fails(1, r###"the service says: # #[error]x","status":500"###),
        at("an error as an object", "builds acme/x --retries 0 --json", BUILDS, vec![Reply::json(500, &format!(r#"{{"error":{{"code":5001,"message":"{KEY}\n"}}}}"#))])
            .fails(1, r#"{"error":{"kind":"service","message":"builds of acme/x: the cluster failed (status 500), the service says: [key]","status":500,"code":5001,"exit":1}}"#),
    });
    rows
}

/// What passes is tried again, and nothing else.
pub fn retries() -> Vec<Row> {
    let passing = |status| Reply::status(status).header("Retry-After", "0");
    let mut rows = Vec::new();
    for status in [408, 429, 500, 502, 503, 504] {
        let name = format!("status {status}, which passes");
        rows.push(
            log_after(name, vec![passing(status), good()], "")
                .succeeds()
                .asks(2),
        );
    }
    for status in [400, 401, 403, 404, 409, 410, 501, 505, 599] {
        let name = format!("status {status}, which does not pass");
        let code = match status {
            401 | 403 => 4,
            404 => 5,
            _ => 1,
        };
        let asks = if status == 404 { 2 } else { 1 };
        rows.push(
            log_after(name, vec![passing(status), good()], "")
                .fails(code, "(status")
                .asks(asks),
        );
    }
    let late = |pause: &str| Reply::status(503).header("Retry-After", pause);
    rows.extend(rows! {
        log_after("a date in the past to wait for", vec![late("Wed, 21 Oct 2015 07:28:00 GMT"), good()], "")
            .succeeds().asks(2),
        log_after("61 s to wait", vec![late("61"), good()], "").fails(1, "(status 503)").asks(1),
        log_after("a date far away to wait for", vec![late("Wed, 21 Oct 9015 07:28:00 GMT"), good()], "")
            .fails(1, "(status 503)").asks(1),
        log_after("more seconds than there are", vec![late("99999999999999999999999"), good()], "")
            .fails(1, "(status 503)").asks(1),
        log_after("more failures than retries", vec![passing(503)], "--retries 2").fails(1, "(status 503)").asks(3),
        log_after("503, then 403", vec![passing(503), Reply::status(403)], "").fails(4, "(status 403)").asks(2),
        log_after("a redirect after a 503", vec![passing(503), Reply::status(302)], "")
            .fails(1, "redirects to nowhere").asks(2),
        log_after("a reset, and then the log", vec![Reply::raw().rst(), good()], "--retries 1").succeeds().asks(2),
        log_after("an end, and then the log", vec![Reply::raw().fin(), good()], "--retries 1").succeeds().asks(2),
        log_after("silence, and then the log", vec![Reply::raw().stall(), good()], "--retries 1 --timeout 1")
            .succeeds().asks(2),
        log_after("no HTTP, which does not pass", vec![Reply::raw().send("junk\r\n\r\n").fin(), good()], "")
            .fails(6, "not valid HTTP").asks(1),
        log_after("an encoding, which does not pass", vec![Reply::json(200, DOC).header("Content-Encoding", "br"), good()], "")
            .fails(6, "'br'").asks(1),
        at("a list, a 503 and the list", "builds acme/x", BUILDS, vec![passing(503), Reply::json(200, r#"{"results":[]}"#)])
            .is(0, "", "no build of acme/x").asks(2),
        at("a list, a cut and the list", "builds acme/x --retries 1", BUILDS, vec![body("Content-Length: 99\r\n", "{").fin(), Reply::json(200, r#"{"results":[]}"#)])
            .is(0, "", "no build of acme/x").asks(2),
    });
    rows
}

/// A log that is cut, and fetched again.
pub fn going_on() -> Vec<Row> {
    let cut = || body("Content-Length: 1000\r\n", CUT_DOC).fin();
    let changed = "the log changed while it was read";
    let passing = || Reply::status(503).header("Retry-After", "0");
    rows! {
        log_after("a cut, and the log", vec![cut(), good()], "--retries 1").succeeds().asks(2),
        log_after("a reset, and the log", vec![body("Content-Length: 1000\r\n", CUT_DOC).wait(READ).rst(), good()], "--retries 1")
            .succeeds().asks(2),
        log_after("a cut in the frame, and the log", vec![body("", CUT_DOC).fin(), good()], "--retries 1")
            .succeeds().asks(2),
        log_after("silence in the middle, and the log", vec![body(&length(DOC), CUT_DOC).stall(), good()], "--retries 1 --timeout 1")
            .succeeds().asks(2),
        log_after("a cut after the log, and the log", vec![body("Content-Length: 1000\r\n", DOC).fin(), good()], "--retries 1")
            .succeeds().asks(2),
        log_after("a cut, and the log in gzip", vec![cut(), Reply::json(200, "").header("Content-Encoding", "gzip").body(gzip(DOC))], "--retries 1")
            .succeeds().asks(2),
        log_after("a cut, a 503 and the log", vec![cut(), passing(), good()], "--retries 2").succeeds().asks(3),
        log_after("a cut, and another log", vec![cut(), Reply::json(200, r#"{"logs":"one\nTWO\nthree\n"}"#)], "--retries 1")
            .breaks_off(changed).asks(2),
        log_after("a cut, and a log that differs in its first byte", vec![cut(), Reply::json(200, r#"{"logs":"One\ntwo\nthree\n"}"#)], "--retries 1")
            .breaks_off(changed).asks(2),
        log_after("a cut, and a shorter log", vec![cut(), Reply::json(200, r#"{"logs":"one\n"}"#)], "--retries 1")
            .breaks_off(changed).asks(2),
        log_after("a cut, and an empty log", vec![cut(), Reply::json(200, r#"{"logs":""}"#)], "--retries 1")
            .breaks_off(changed).asks(2),
        log_after("a cut, and no log", vec![cut(), Reply::json(200, "{}")], "--retries 1")
            .breaks_off("no 'logs'").asks(2),
        log_after("a cut, and HTML", vec![cut(), Reply::status(200).body("<html>")], "--retries 1")
            .breaks_off("not the expected JSON").asks(2),
        log_after("a cut, and a 401", vec![cut(), Reply::status(401)], "--retries 1")
            .is(4, CUT_TEXT, "(status 401)").asks(2),
        log_after("a cut, and a 404", vec![cut(), Reply::status(404)], "--retries 1")
            .is(5, CUT_TEXT, "(status 404)").asks(2),
        log_after("a cut, and a 503 for longer than a minute", vec![cut(), Reply::status(503).header("Retry-After", "61")], "--retries 3")
            .is(1, CUT_TEXT, "(status 503)").asks(2),
        log_after("a cut, and a 200 that is an error", vec![cut(), Reply::json(200, &format!(r#"{{"error":"{KEY}"}}"#))], "--retries 1")
            .is(1, CUT_TEXT, "says: [key]").asks(2),
        log_after("the same cut again and again", vec![cut()], "--retries 1").breaks_off("cut short").asks(2),
        log_after("a cut, and no retries", vec![cut(), good()], "--retries 0").breaks_off("cut short").asks(1),
    }
}

/// While a build is in progress, and when its log is not there.
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
        missing("in progress", none(), build("in-progress"))
            .fails(8, "the build is still in progress; use --wait to wait for it"),
        missing("lost", none(), build("failed")).fails(5, "the build has finished (failed), but its log is lost"),
        missing("no such build", none(), Reply::json(404, r#"{"error":{"code":1010,"message":"m"}}"#))
            .fails(5, "there is no such build"),
        missing("no such build, at once", Reply::json(404, r#"{"error":{"code":1010,"message":"m"}}"#), build("failed"))
            .fails(5, "there is no such build").asks(1),
        missing("nobody can say why", none(), Reply::status(500)).fails(5, "(status 404)"),
        missing("the key in the status", none(), build(KEY)).fails(5, "the build has finished ([key])"),
        missing("a status of 10 kB", none(), build(&"s".repeat(10_000))).fails(5, "but its log is lost"),
        waiting("a failed build", vec![build("failed")], "--exit-status").is(3, TEXT, "build b1 of acme/x: failed"),
        waiting("the key in the status", vec![build(KEY)], "--exit-status").is(3, TEXT, "build b1 of acme/x: [key]"),
        waiting("a status of 10 kB", vec![build(&"s".repeat(10_000))], "--exit-status").is(3, TEXT, "sss"),
        waiting("a 503, and a build that has finished", vec![Reply::status(503).header("Retry-After", "0"), build("succeeded")], "--wait=1 --retries 1")
            .succeeds(),
        waiting("time is up", vec![build("in-progress")], "--wait=0")
            .fails(8, "the build is still in progress; waited 0s"),
        waiting("a 401 ends it", vec![Reply::status(401)], "--wait=600").fails(4, "(status 401)").asks(1),
        waiting("junk ends it", vec![Reply::json(200, "[]")], "--wait=600").fails(6, "documented shape").asks(1),
    }
}
