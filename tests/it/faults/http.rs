//! Valid and invalid HTTP.

use std::time::Duration;

use super::{
    CHUNKED, CUT_DOC, CUT_TEXT, DOC, READ, Row, TEXT, body, good, head, length, log, log_after,
    rows,
};
use crate::cluster::reply::{chunked, content_length, gzip};
use crate::cluster::{KEY, Reply};

/// The end of a body, and its declared length.
pub fn framing() -> Vec<Row> {
    let short = "the response was cut short";
    let half = "the response ends in the middle of its JSON";
    let http = "the response is not valid HTTP";
    let pieces = |bytes: &str| body(CHUNKED, bytes);
    rows! {
        log("Content-Length", good()).succeeds(),
        log("chunks of one byte", body(CHUNKED, chunked(DOC, 1))).succeeds(),
        log("chunks with extensions", pieces(&format!("{:x};a=b\r\n{DOC}\r\n0\r\n\r\n", DOC.len()))).succeeds(),
        log("chunks with trailers", pieces(&format!("{:x}\r\n{DOC}\r\n0\r\nA: b\r\nC: d\r\n\r\n", DOC.len())))
            .succeeds(),
        log("a body that ends with the connection", body("", DOC).fin()).succeeds(),
        log("a body that ends with a reset, the document complete", body("", DOC).wait(READ).rst()).succeeds(),
        log("a body that ends with the connection, the document truncated", body("", CUT_DOC).fin()).ends_early(half),
        log("a body that ends with a reset, the document truncated", body("", CUT_DOC).wait(READ).rst()).ends_early(half),
        log("a connection closed right after the head", head("").fin()).fails(6, half),
        log("a Content-Length that is too large", body("Content-Length: 1000\r\n", DOC).fin()).is(6, TEXT, short),
        log("Content-Length, connection closed early", body("Content-Length: 1000\r\n", CUT_DOC).fin()).ends_early(short),
        log("Content-Length, connection reset", body("Content-Length: 1000\r\n", CUT_DOC).wait(READ).rst())
            .ends_early(short),
        log("Content-Length, connection closed before the body", head("Content-Length: 1000\r\n").fin()).fails(6, short),
        log("a Content-Length that is too small", body(&length(CUT_DOC), DOC).fin()).ends_early(half),
        log("a Content-Length without the last brace", body("Content-Length: 27\r\n", DOC).fin()).is(6, TEXT, half),
        log("junk after Content-Length bytes", body(&length(DOC), format!("{DOC}junk"))).succeeds(),
        log("a Content-Length of 0", body("Content-Length: 0\r\n", "")).fails(6, half),
        log("two equal Content-Lengths", body(&format!("{0}{0}", length(DOC)), DOC)).succeeds(),
        log("two different Content-Lengths", body(&format!("{}Content-Length: 5\r\n", length(DOC)), DOC)).fails(6, http),
        log("two Content-Lengths in one header", body("Content-Length: 28, 5\r\n", DOC)).fails(6, http),
        log("a negative Content-Length", body("Content-Length: -1\r\n", DOC)).fails(6, http),
        log("a Content-Length that is a word", body("Content-Length: long\r\n", DOC)).fails(6, http),
        log("a Content-Length over 64 bits", body("Content-Length: 18446744073709551616\r\n", DOC)).fails(6, http),
        log("Content-Length and chunks: chunks take precedence", body(&format!("Content-Length: 5\r\n{CHUNKED}"), chunked(DOC, 9)))
            .succeeds(),
        log("chunks, truncated in a chunk size", pieces("15\r\n{\"logs\":\"one\\ntwo\\nth\r\n1").fin()).ends_early(short),
        log("chunks, truncated in a chunk", pieces("20\r\n{\"logs\":\"one\\ntwo\\nth").fin()).ends_early(short),
        log("chunks, reset in a chunk", pieces("20\r\n{\"logs\":\"one\\ntwo\\nth").wait(READ).rst())
            .ends_early(short),
        log("chunks, truncated after a chunk", pieces("15\r\n{\"logs\":\"one\\ntwo\\nth").fin()).ends_early(short),
        log("chunks without the last chunk", pieces(&format!("{:x}\r\n{DOC}\r\n", DOC.len())).fin()).is(6, TEXT, short),
        log("a last chunk without its empty line", pieces(&format!("{:x}\r\n{DOC}\r\n0\r\n", DOC.len())).fin())
            .succeeds(),
        log("chunks that end too early", body(CHUNKED, chunked(CUT_DOC, 100))).ends_early(half),
        log("no chunk at all", pieces("0\r\n\r\n")).fails(6, half),
        log("a chunk size that is not a number", pieces("zz\r\n{}\r\n0\r\n\r\n")).fails(6, http),
        log("a chunk size over 64 bits", pieces("fffffffffffffffff\r\n{}\r\n0\r\n\r\n")).fails(6, http),
        log("a negative chunk size", pieces("-2\r\n{}\r\n0\r\n\r\n")).fails(6, http),
        log("an endless chunk size", pieces("").repeat("0", 200_000).fin()).fails(6, short),
        log("a chunk longer than its size", pieces("15\r\n{\"logs\":\"one\\ntwo\\nthree\r\n0\r\n\r\n").fin())
            .fails(6, http),
        log("line endings instead of a chunk size", pieces("\r\n\r\n").fin()).fails(6, http),
        log("a false Content-Length of 1 TB", body("Content-Length: 1099511627776\r\n", CUT_DOC).fin())
            .ends_early(short),
        log("HTTP/1.0 with Content-Length", Reply::raw().send(format!("HTTP/1.0 200 OK\r\n{}\r\n{DOC}", length(DOC))).fin())
            .succeeds(),
        log("HTTP/1.0, ends with the connection", Reply::raw().send(format!("HTTP/1.0 200 OK\r\n\r\n{DOC}")).fin())
            .succeeds(),
        log("HTTP/1.0, truncated", Reply::raw().send(format!("HTTP/1.0 200 OK\r\n\r\n{CUT_DOC}")).fin()).ends_early(half),
        log("24 MB in 16 MiB", body("", r#"{"logs":""#).repeat(vec![b'x'; 64 * 1024], 384).send("\"}").fin())
            .is(0, vec![b'x'; 24 << 20], ""),
        log("1 MB of newlines, truncated", body("", r#"{"logs":""#).repeat(r"\n".repeat(32 * 1024), 32).fin())
            .is(6, vec![b'\n'; 1 << 20], half),
    }
}

/// The same for bodies larger than every buffer between server and program.
pub fn large() -> Vec<Row> {
    let text = "0123456789abcde\n".repeat(3 << 16);
    let long = text.replace('\n', r"\n");
    let doc = format!(r#"{{"logs":"{long}"}}"#);
    let cut = format!(r#"{{"logs":"{long}"#);
    let whole = body(&length(&doc), &doc);
    let too_long = format!("Content-Length: {}\r\n", doc.len() + 1000);
    let short = "the response was cut short";
    let half = "the response ends in the middle of its JSON";
    let zipped = gzip(&doc);
    let zip = |bytes: &[u8]| {
        body(
            &format!("Content-Encoding: gzip\r\n{}", length(bytes)),
            bytes,
        )
    };
    let mut checksum = zipped.clone();
    checksum[zipped.len() - 8] ^= 1;
    let other = cut.replacen('7', "8", 1);
    // It is a matter of chance how much of the data right before such an end is read.
    let no_output = |name: &str, reply| log_after(name, vec![reply], "--retries 0 -n 0");
    rows! {
        log("3 MB", whole.clone()).is(0, &text, ""),
        log("3 MB in chunks", body(CHUNKED, chunked(&doc, 999))).is(0, &text, ""),
        log("3 MB that end with the connection", body("", &doc).fin()).is(0, &text, ""),
        log("3 MB in gzip", zip(&zipped)).is(0, &text, ""),
        log("3 MB with Content-Length, connection closed early", body(&too_long, &cut).fin()).is(6, &text, short),
        no_output("3 MB with Content-Length, connection reset", body(&too_long, &cut).wait(READ).rst()).fails(6, short),
        log("3 MB that end with the connection, the document truncated", body("", &cut).fin()).is(6, &text, half),
        log("3 MB in chunks, without the last chunk", body(CHUNKED, format!("{:x}\r\n{doc}\r\n", doc.len())).fin())
            .is(6, &text, short),
        no_output("3 MB in chunks, then junk", body(CHUNKED, format!("{:x}\r\n{cut}\r\nzz\r\n", cut.len())))
            .fails(6, "the response is not valid HTTP"),
        log("3 MB in gzip with a wrong checksum", zip(&checksum)).is(6, &text, "was cut short or damaged: gzip"),
        log_after("3 MB in gzip with a wrong checksum, then the log", vec![zip(&checksum), whole.clone()], "--retries 1")
            .is(0, &text, "").requests(2),
        log("3 MB, then a control character", body("", format!("{cut}\n\"}}")).fin())
            .is(6, &text, "control character"),
        log_after("3 MB, then silence", vec![body(&too_long, &cut).stall()], "--retries 0 --timeout 1")
            .is(1, &text, "the cluster sent nothing"),
        log("3 MB, then single bytes with pauses", body(&length(&doc), &cut).drip("\"}", Duration::from_millis(700)))
            .is(0, &text, ""),
        log_after("3 MB, truncated, then the log", vec![body(&too_long, &cut).fin(), whole.clone()], "--retries 1")
            .is(0, &text, "").requests(2),
        log_after("3 MB, truncated, then another log", vec![body(&too_long, &other).fin(), whole], "--retries 1")
            .is(6, text.replacen('7', "8", 1), "the log changed while it was read"),
    }
}

/// Status lines and headers.
pub fn heads() -> Vec<Row> {
    let raw = |bytes: &str| Reply::raw().send(bytes);
    let then = |bytes: &str| Reply::raw().send(bytes).send(content_length(DOC));
    let http = "the response is not valid HTTP";
    let many = "X: y\r\n".repeat(200);
    rows! {
        log("connection closed before the response", Reply::raw().fin()).fails(1, "closed the connection before it responded"),
        log("connection reset before the response", Reply::raw().rst()).fails(1, "CLUSTER"),
        log("a truncated status line", raw("HTTP/1.1 2").fin()).fails(1, "closed the connection"),
        log("a truncated header", raw("HTTP/1.1 200 OK\r\nContent-Le").fin()).fails(1, "closed the connection"),
        log("a head without its empty line", raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n").fin())
            .fails(1, "closed the connection"),
        log("not HTTP", raw("SSH-2.0-OpenSSH_9.6\r\n").fin()).fails(6, http),
        log("junk before the response", then("junk")).fails(6, http),
        log("a response without a head", raw(DOC).fin()).fails(6, http),
        log("HTTP/2", raw("HTTP/2 200\r\n\r\n").fin()).fails(6, http),
        log("HTTP/3.7", raw("HTTP/3.7 200 OK\r\n\r\n").fin()).fails(6, http),
        log("a status that is not a number", raw("HTTP/1.1 abc OK\r\n\r\n").fin()).fails(6, http),
        log("a status of 4 digits", raw("HTTP/1.1 2000 OK\r\n\r\n").fin()).fails(6, http),
        log("a status below 100", raw("HTTP/1.1 042 OK\r\n\r\n").fin()).fails(6, "the response"),
        log("a header without a colon", head("nonsense\r\n")).fails(6, http),
        log("a header with NUL", head("A: b\0c\r\n")).fails(6, http),
        log("a folded header", head("A: b\r\n c\r\n")).fails(6, http),
        log("200 headers", body(&format!("{many}{}", length(DOC)), DOC)).fails(6, http),
        log("a header of 100 kB", head(&format!("A: {}\r\n", "b".repeat(100_000))))
            .fails(6, "the response header is larger than 64 KiB"),
        log("an endless header", raw("HTTP/1.1 200 OK\r\nA: ").repeat("b", 10_000_000))
            .fails(6, "the response header is larger than 64 KiB"),
        log("endless headers", raw("HTTP/1.1 200 OK\r\n").repeat("A: b\r\n", 2_000_000)).fails(6, http),
        log("100 first", then("HTTP/1.1 100 Continue\r\n\r\n")).succeeds(),
        log("100, 102 and 103 first", then("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"))
            .succeeds(),
        log("103 a hundred times first", then(&"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100))).succeeds(),
        log("100, then connection closed", raw("HTTP/1.1 100 Continue\r\n\r\n").fin()).fails(1, "closed the connection"),
        log("101", raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n").fin()).fails(1, "(status 101)"),
        log("a page of HTML as a 200", Reply::status(200).header("Content-Type", "text/html").body("<html>Log in</html>"))
            .fails(6, "not the expected JSON"),
        log("the wrong Content-Type", Reply::status(200).header("Content-Type", "text/plain; charset=latin1").body(DOC))
            .succeeds(),
    }
}

/// Encodings: requested ones are decoded, all others are rejected.
pub fn encodings() -> Vec<Row> {
    let zipped = gzip(DOC);
    let encoded = |headers: &str, bytes: &[u8]| body(&format!("{headers}{}", length(bytes)), bytes);
    let coded = |name: &str| encoded(&format!("Content-Encoding: {name}\r\n"), DOC.as_bytes());
    let zip = |bytes: &[u8]| encoded("Content-Encoding: gzip\r\n", bytes);
    let short = "the response was cut short";
    let damaged = "the response was cut short or damaged: gzip";
    let cut = &zipped[..zipped.len() - 12];
    let mut checksum = zipped.clone();
    let mut size = zipped.clone();
    let end = zipped.len();
    checksum[end - 8] ^= 1;
    size[end - 4] ^= 1;
    let mut rows = rows! {
        log("gzip", zip(&zipped)).succeeds(),
        log("gzip in chunks of one byte", body(&format!("Content-Encoding: gzip\r\n{CHUNKED}"), chunked(&zipped, 1)))
            .succeeds(),
        log("gzip in two members", zip(&[gzip(CUT_DOC), gzip(&DOC[CUT_DOC.len()..])].concat())).succeeds(),
        log("gzip that ends with the connection", body("Content-Encoding: gzip\r\n", &zipped).fin()).succeeds(),
        log("gzip, truncated", zip(&zipped[..zipped.len() / 2])).is(6, "on", short),
        log("gzip, truncated with the connection", body("Content-Encoding: gzip\r\n", cut).fin()).is(6, "one\ntwo\nthre", short),
        log("gzip, connection closed early", body("Content-Encoding: gzip\r\nContent-Length: 1000\r\n", &zipped).fin())
            .is(6, TEXT, short),
        log("gzip without its trailer", zip(&zipped[..end - 8])).is(6, TEXT, short),
        log("gzip with half a trailer", zip(&zipped[..end - 4])).is(6, TEXT, short),
        log("gzip with a wrong checksum", zip(&checksum)).is(6, TEXT, damaged),
        log("gzip with a wrong size", zip(&size)).is(6, TEXT, damaged),
        log("gzip, then junk", zip(&[&zipped[..], b"junk and more junk"].concat())).is(6, TEXT, damaged),
        log("gzip that is not gzip", zip(DOC.as_bytes())).fails(6, "the response does not match its encoding: gzip"),
        log("gzip of no bytes", zip(b"")).fails(6, ""),
        log("gzip of half a document", zip(&gzip(CUT_DOC))).ends_early("in the middle of its JSON"),
        log("gzip, 16 MB in 16 kB", zip(&gzip(format!("{{\"logs\":\"{}\"}}", "x".repeat(16 << 20)))))
            .is(0, "x".repeat(16 << 20), ""),
        log("identity", coded("identity")).succeeds(),
        log("gzip as the transfer encoding", encoded("Transfer-Encoding: gzip\r\n", &zipped)).fails(6, "encoded as 'gzip'"),
        log("gzip and chunked as the transfer encoding", body("Transfer-Encoding: gzip, chunked\r\n", chunked(&zipped, 9)))
            .fails(6, "encoded as 'gzip, chunked'"),
        log("an encoding that contains the key", coded(KEY)).fails(6, "encoded as '[key]'"),
        log("an encoding of 10 kB", coded(&"z".repeat(10_000))).fails(6, "…', which was not requested"),
        // The message differs if another crate enables the decoder of br, because ureq then requests br.
        log("encoding br", coded("br")).fails(6, "br"),
        log("gzip, then another encoding", encoded("Content-Encoding: gzip\r\nContent-Encoding: br\r\n", &gzip("br")))
            .fails(6, ""),
    };
    for name in [
        "deflate",
        "zstd",
        "compress",
        "GZIP",
        "x-gzip",
        "gzip, br",
        "gzip, gzip",
        "nonsense",
    ] {
        rows.push(
            log(format!("encoding {name}"), coded(name))
                .fails(6, &format!("encoded as '{name}', which was not requested")),
        );
    }
    rows
}

/// Servers that send nothing or very little.
pub fn silence() -> Vec<Row> {
    let silent = "the cluster sent nothing for longer than the timeout";
    let log = |name: &str, reply| log_after(name, vec![reply], "--retries 0 --timeout 1");
    let bytes = content_length(DOC);
    rows! {
        log("silence before the response", Reply::raw().stall()).fails(1, silent),
        log("silence in the head", Reply::raw().send("HTTP/1.1 200 OK\r\nContent-").stall()).fails(1, silent),
        log("silence before the body", head(&length(DOC)).stall()).fails(1, silent),
        log("silence in the body", body(&length(DOC), CUT_DOC).stall()).is(1, CUT_TEXT, silent),
        log("silence in a chunk", body(CHUNKED, "20\r\n{\"logs\":\"one\\ntwo\\nth").stall()).is(1, CUT_TEXT, silent),
        log("silence instead of the end of the connection", body("", DOC).stall()).is(1, TEXT, silent),
        log("silence after 100", Reply::raw().send("HTTP/1.1 100 Continue\r\n\r\n").stall()).fails(1, silent),
        log("silence in an error response", Reply::raw().send("HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nno").stall())
            .fails(4, "(status 403); the key is from"),
        log("single bytes with pauses", Reply::raw().drip(bytes, Duration::from_millis(12))).succeeds(),
    }
}
