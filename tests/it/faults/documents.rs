//! The content of bodies that arrive completely.

use super::{BUILD, BUILDS, LOGS, Row, VERSIONS, at, body, builds, good, length, log, rows};
use crate::cluster::reply::gzip;
use crate::cluster::{Cluster, KEY, Reply};

/// The document with a log.
pub fn documents() -> Vec<Row> {
    let json = |name: &str, json: &str| log(format!("a document: {name}"), Reply::json(200, json));
    let shape = "the response is not the expected JSON";
    let nested = |depth: usize| {
        format!(
            r#"{{"a":{}{},"logs":"one\ntwo\nthree\n"}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    let long = "y".repeat(10_000_000);
    rows! {
        json("members before and after", r#"{"a":[1,-2.5e+3,null,true,{"b":"é"}],"logs":"one\ntwo\nthree\n","c":{}}"#)
            .succeeds(),
        json("escapes in the key", r#"{"\u006cog\u0073":"one\ntwo\nthree\n"}"#).succeeds(),
        json("nested 127 levels deep", &nested(127)).succeeds(),
        json("nested 128 levels deep below the top", &nested(128)).fails(6, "nested too deeply"),
        json("10 MB before the log", &format!(r#"{{"a":"{long}","logs":"one\ntwo\nthree\n"}}"#)).succeeds(),
        json("10 MB after the log", &format!(r#"{{"logs":"one\ntwo\nthree\n","a":"{long}"}}"#)).succeeds(),
        json("NUL and other control characters", r#"{"logs":"a\u0000\u001b[2J\b\f\r\n"}"#)
            .is(0, "a\0\x1b[2J\x08\x0c\r\n", ""),
        log("a document: invalid UTF-8", Reply::status(200).body(b"{\"logs\":\"a\xffb\xc3\"}"))
            .is(0, "a\u{fffd}b\u{fffd}", "2 invalid characters"),
        json("null", r#"{"logs":null}"#).fails(6, "the response has no 'logs'"),
        json("no log", r#"{"log":"x"}"#).fails(6, "the response has no 'logs'"),
        json("a number as the log", r#"{"logs":7}"#).fails(6, "not a string at byte 8"),
        json("an array at the top level", r#"["logs","x"]"#).fails(6, "not an object"),
        json("two logs", r#"{"logs":"one\n","logs":"two\n"}"#).is(6, "one\n", "a repeated key at byte 16"),
        json("two documents", r#"{"logs":"one\n"}{"logs":"two\n"}"#)
            .is(6, "one\n", "trailing data at byte 16"),
        json("truncated", r#"{"logs":"one\n""#).is(6, "one\n", "ends in the middle"),
        json("truncated after the log", r#"{"logs":"one\n","a":tr"#).is(6, "one\n", "ends in the middle"),
        json("an invalid escape", r#"{"logs":"one\x"}"#).is(6, "one", shape),
        json("an unescaped newline", "{\"logs\":\"one\ntwo\"}").is(6, "one", shape),
        json("a byte order mark", "\u{feff}{\"logs\":\"one\"}").fails(6, shape),
        json("the key instead of a value", &format!(r#"{{"a":{KEY},"logs":"one"}}"#)).fails(6, "expected a value"),
    }
}

/// Lists and their pages.
pub fn lists(other: &str) -> Vec<Row> {
    let item = r#"{"build_id":"b1","status":"succeeded","commit_sha":"c0ffee","started_at":"2021-07-29T21:12:56.442Z"}"#;
    let line = "b1\tsucceeded\tc0ffee\t2021-07-29T21:12:56.442Z\t-\t-\n";
    let page = |marker: &str, items: &str| {
        Reply::json(
            200,
            &format!(r#"{{"marker":{marker},"next_link":"{other}{BUILDS}","results":[{items}]}}"#),
        )
    };
    let all = |name: &str, replies: Vec<Reply>| {
        at(name, "builds acme/x --all --retries 0", BUILDS, replies)
    };
    let shape = "does not have the documented shape";
    let list = |name: &str, json: &str| builds(format!("a list: {name}"), Reply::json(200, json));
    rows! {
        all("a list of two pages whose link names another host", vec![page(r#""m 1&""#, item), page("null", item)])
            .is(0, line.repeat(2), "").requests(2),
        all("an endless list", vec![page(r#""m""#, item)])
            .is(6, line, "builds of acme/x: the list never ends: the service repeated a page marker\n").requests(2),
        all("a list whose markers repeat after three pages", vec![page(r#""1""#, item), page(r#""2""#, item), page(r#""3""#, item), page(r#""1""#, item)])
            .is(6, line.repeat(3), "the service repeated a page marker").requests(4),
        all("a list whose second page fails", vec![page(r#""m""#, item), Reply::status(500)])
            .is(1, line, "(status 500)").requests(2),
        all("a list whose second page is truncated", vec![page(r#""m""#, item), Reply::raw().send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"").fin()])
            .is(6, line, "cut short").requests(2),
        all("a list whose second page is HTML", vec![page(r#""m""#, item), Reply::status(200).body("<html>")])
            .is(6, line, "not JSON").requests(2),
        all("a list whose marker has become invalid", vec![page(r#""m""#, item), Reply::json(400, r#"{"error":{"code":5002,"message":"bad marker"}}"#)])
            .is(1, line, "builds of acme/x: the cluster refused the request (status 400), the service says: bad marker\n").requests(2),
        list("no results", r#"{"marker":null,"next_link":null}"#).fails(6, shape),
        list("null results", r#"{"results":null}"#).fails(6, shape),
        list("results as an object", r#"{"results":{}}"#).fails(6, shape),
        list("a build as a string", r#"{"results":["b1"]}"#).fails(6, shape),
        list("a build without an id", r#"{"results":[{"status":"failed","commit_sha":"a","started_at":"t"}]}"#)
            .fails(6, shape),
        list("a build with a number as its id", r#"{"results":[{"build_id":7,"status":"failed","commit_sha":"a","started_at":"t"}]}"#)
            .fails(6, shape),
        list("a marker as a number", &format!(r#"{{"marker":7,"results":[{item}]}}"#)).fails(6, shape),
        list("the key in unexpected places", &format!(r#"{{"marker":{{"{KEY}":1}},"results":["{KEY}"]}}"#))
            .fails(6, shape),
        list("an array at the top level", "[]").fails(6, shape),
        list("NaN", r#"{"results":[],"a":NaN}"#).fails(6, "not JSON"),
        list("deeply nested", &format!(r#"{{"results":[],"a":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000)))
            .is(0, "", "acme/x has no builds"),
        list("a deeply nested build", &format!(r#"{{"results":[{{"build_id":"b1","status":"s","commit_sha":"c","started_at":"t","a":{}{}}}]}}"#, "[".repeat(100_000), "]".repeat(100_000)))
            .is(0, "b1\ts\tc\tt\t-\t-\n", ""),
        list("truncated", r#"{"results":["#).fails(6, "in the middle of its JSON"),
        list("two documents", r#"{"results":[]}{"results":[]}"#).fails(6, "not JSON"),
        list("an error with a code", r#"{"error":{"code":1001,"message":"gone"}}"#).fails(5, "there is no such algorithm, the service says: gone"),
        list("an error", &format!(r#"{{"error":"{KEY}"}}"#)).fails(1, "the service says: [key]"),
        list("no items", r#"{"results":[]}"#).is(0, "", "acme/x has no builds"),
        list("cells with escape sequences", r#"{"results":[{"build_id":"b\u001b[2J","status":"x\ty","commit_sha":"c\nd","started_at":"\u202e"}]}"#)
            .is(0, "b\u{fffd}[2J\tx\u{fffd}y\tc\u{fffd}d\t\u{fffd}\t-\t-\n", ""),
        builds("a page over 32 MiB", body("", r#"{"results":[],"a":""#).repeat(vec![b'x'; 1 << 20], 33).send("\"}").fin())
            .fails(6, "larger than 32 MiB").memory(160 * 1024),
        builds("an endless page", body("", r#"{"results":[],"a":""#).repeat(vec![b'x'; 1 << 20], 1 << 16))
            .fails(6, "larger than 32 MiB").memory(160 * 1024),
        builds("a page in an unsupported encoding", Reply::json(200, r#"{"results":[]}"#).header("Content-Encoding", "zstd"))
            .fails(6, "encoded as 'zstd'"),
        builds("junk after a page", body(&length(r#"{"results":[]}"#), r#"{"results":[]}HTTP/1.1 200 OK"#))
            .is(0, "", "acme/x has no builds"),
        at("JSON output of a list that fails", "builds acme/x --all --json --retries 0", BUILDS, vec![page(r#""m""#, item), Reply::status(502)])
            .is(1, format!("[{item}]\n"), r#""exit":1"#),
        at("the newest build of an endless list", "log acme/x -s failed --retries 0", BUILDS, vec![page(r#""m""#, item)])
            .fails(6, "the service repeated a page marker"),
        at("endless versions", "versions acme/x --all --retries 0", VERSIONS, vec![Reply::json(200, r#"{"marker":"m","results":[{}]}"#)])
            .is(6, "-\t-\t-\t-\t-\n", "the service repeated a page marker"),
    }
}

/// JSON that takes little to send and would take much to keep.
pub fn traps() -> Vec<Row> {
    const MIB: usize = 1 << 20;
    let mut rows = Vec::new();
    for (name, before, item, error) in [
        (
            "an unknown member",
            r#"{"results":[],"a":["#,
            r#"{"":0},"#,
            "",
        ),
        ("objects", r#"{"results":["#, "{},", "documented shape"),
        ("numbers", r#"{"results":["#, "0,", "documented shape"),
    ] {
        let page = |size: usize| {
            let page = format!("{before}{}null]}}", item.repeat(size / item.len()));
            let reply = Reply::json(200, "").header("Content-Encoding", "gzip");
            reply.body(gzip(page))
        };
        let small = page(3 * MIB);
        for (line, code, stdout) in [
            ("builds acme/x", 0, ""),
            ("builds acme/x --json", 0, "[]\n"),
            ("versions acme/x", 0, ""),
            ("log acme/x", 5, ""),
            ("why acme/x", 5, ""),
            ("save acme/x -d .", 0, ""),
        ] {
            // The largest page takes long to parse without optimization.
            let (reply, mib) = match (name, line) {
                ("an unknown member", "builds acme/x") => (page(31 * MIB), 250),
                _ => (small.clone(), 40),
            };
            let script = move |cluster: &Cluster| {
                cluster.script_always(BUILDS, reply.clone());
                cluster.script_always(VERSIONS, reply.clone());
            };
            let row = Row::new(format!("a page of {name}"), line, Box::new(script));
            let row = match error {
                "" => row.is(code, stdout, "acme/x"),
                error => row.fails(6, error),
            };
            rows.push(row.memory(mib * 1024));
        }
    }
    rows
}

/// The log of a version, which may have to be read from its build.
pub fn versions() -> Vec<Row> {
    const HASH: &str = "0123456789abcdef0123456789abcdef01234567";
    const VERSION: &str = "/v1/algorithms/acme/x/versions/0123456789abcdef0123456789abcdef01234567";
    let version = |name: &str, json: &str| {
        let reply = Reply::json(200, json);
        let script = move |cluster: &Cluster| {
            cluster.script_always(VERSION, reply.clone());
            cluster.script_always(LOGS, good());
        };
        Row::new(
            format!("a version: {name}"),
            format!("log acme/x/{HASH} -q --retries 0"),
            Box::new(script),
        )
    };
    let large = |mb: u64, line: &str| {
        let script = move |cluster: &Cluster| {
            let build = format!(
                r#"{{"build_id":"b1","status":"failed","commit_sha":"{HASH}","started_at":"t"}}"#
            );
            let begin = format!(
                r#"{{"version_info":{{"git_hash":"{HASH}"}},"build":{build},"compilation":{{"output":""#
            );
            let reply = body("", begin).repeat(r"line\n".repeat(1_000_000 / 6), mb);
            cluster.script_always(VERSION, reply.send(r#""}}"#).fin());
            cluster.script_always(BUILD, Reply::json(200, &build));
            cluster.script_always(LOGS, Reply::json(404, r#"{"error":{"code":1011}}"#));
        };
        let line = format!("{line} --exit-status -n 1 -q -o -");
        Row::new(format!("a version of {mb} MB"), line, Box::new(script))
            .is(3, "line\n", ": failed")
            .memory(6 * 1024)
    };
    rows! {
        // Over 32 MiB, the limit of a page.
        large(34, &format!("log acme/x/{HASH}")),
        large(8, "log acme/x b1"),
        version("with output", r#"{"compilation":{"output":"one\ntwo\nthree\n"}}"#).succeeds().requests(1),
        version("with a build", r#"{"compilation":{"output":""},"build":{"build_id":"b1","status":"succeeded","commit_sha":"c","started_at":"t"}}"#)
            .succeeds(),
        version("neither output nor build", "{}").fails(5, "the version has no output and names no build"),
        version("output of the wrong type", r#"{"compilation":{"output":7}}"#).fails(6, "not a string"),
        version("compilation of the wrong type", r#"{"compilation":[]}"#).fails(6, "not an object"),
        version("output twice", r#"{"compilation":{"output":"one\n","output":"two\n"}}"#)
            .is(6, "one\n", "a repeated key"),
        version("compilation twice", r#"{"compilation":{"output":"one\n"},"compilation":{}}"#)
            .is(6, "one\n", "a repeated key"),
        version("a build id with '..' in it", r#"{"build":{"build_id":"../../../x","status":"succeeded","commit_sha":"c","started_at":"t"}}"#)
            .fails(6, "build ID"),
        version("an error", &format!(r#"{{"error":{{"code":1014,"message":"{KEY}"}}}}"#))
            .fails(5, "there is no such version"),
        at("a version: an error, asked for its status", format!("log acme/x/{HASH} --exit-status -q --retries 0"), VERSION, vec![Reply::json(200, r#"{"error":{"code":1014,"message":"gone"}}"#)])
            .fails(5, "there is no such version, the service says: gone").requests(2),
        version("truncated", r#"{"compilation":{"output":"one"#).is(6, "one", "in the middle of its JSON"),
    }
}
