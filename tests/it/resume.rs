//! A truncated log resumes, wherever the response was cut.

use std::io::Read;

use algo_logs::{Client, Error, Logs};

use crate::client::{algorithm, builder};
use crate::cluster::reply::{chunked, content_length, gzip};
use crate::cluster::{Cluster, Reply};

const LOGS: &str = "/v1/algorithms/acme/x/builds/b1/logs";
const HASH: &str = "0123456789abcdef0123456789abcdef01234567";
const VERSION: &str = "/v1/algorithms/acme/x/versions/0123456789abcdef0123456789abcdef01234567";

/// The last positions of a response, which contain the end of the document and of the framing. Every tenth is cut.
const POSITIONS: usize = 1000;

fn open(client: &Client) -> Result<Logs, Error> {
    client.build_logs(&algorithm("acme/x"), "b1")
}

/// Returns a log with everything that needs decoding: as the JSON text that is sent, and decoded.
fn log() -> (String, String) {
    let mut sent = String::new();
    let mut decoded = String::new();
    for n in 0..26 {
        sent.push_str(&format!(
            "Step {n}/26 \\u001b[91m\\u00e9é\\ud83d\\ude00\\ud800\\\"\\n"
        ));
        decoded.push_str(&format!("Step {n}/26 \u{1b}[91méé\u{1f600}\u{fffd}\"\n"));
    }
    (sent, decoded)
}

/// Cuts `response` once at each of the positions. In every case, the complete log must be read in the end.
fn cut_everywhere(response: &[u8], path: &str, read: impl Fn(&Client) -> Result<Logs, Error>) {
    let (_, decoded) = log();
    assert!(response.len() >= POSITIONS, "{} bytes", response.len());
    let cluster = Cluster::start();
    let client = builder(&cluster).build().unwrap();
    for position in (response.len() - POSITIONS..response.len())
        .rev()
        .step_by(10)
    {
        cluster.script(path, Reply::raw().send(&response[..position]).fin());
        cluster.script(path, Reply::raw().send(response).fin());
        let mut logs = read(&client).unwrap_or_else(|error| panic!("cut at {position}: {error}"));
        let mut whole = Vec::new();
        let mut buf = [0; 100];
        loop {
            let size = 1 + (position + whole.len()) % buf.len();
            match logs.read(&mut buf[..size]) {
                Ok(0) => break,
                Ok(n) => whole.extend_from_slice(&buf[..n]),
                Err(error) => panic!("cut at {position}: {error}"),
            }
        }
        assert!(whole == decoded.as_bytes(), "cut at {position}");
        assert_eq!(logs.delivered(), decoded.len() as u64);
        assert_eq!(logs.replacements(), 26);
    }
}

#[test]
fn a_content_length_body_cut_anywhere() {
    let response = content_length(format!("{{\"logs\":\"{}\"}}\n", log().0));
    cut_everywhere(&response, LOGS, open);
}

#[test]
fn chunks_cut_anywhere() {
    let mut response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    response.extend(chunked(format!("{{\"logs\":\"{}\"}}", log().0), 13));
    cut_everywhere(&response, LOGS, open);
}

#[test]
fn a_body_that_ends_with_the_connection_cut_anywhere() {
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let response = format!("{head}{{\"a\":{{}},\"logs\":\"{}\",\"b\":[]}}", log().0);
    cut_everywhere(response.as_bytes(), LOGS, open);
}

#[test]
fn gzip_cut_anywhere() {
    // Use text that does not compress, so that the response is long enough.
    let mut noise = 1u32;
    let noise: String = std::iter::from_fn(|| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some(char::from(b'a' + (noise >> 24) as u8 % 26))
    })
    .take(1500)
    .collect();
    let body = gzip(format!(
        "{{\"a\":\"{noise}\",\"logs\":\"{}\",\"b\":\"{noise}\"}}",
        log().0
    ));
    let mut response = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n".to_vec();
    response.extend(body);
    cut_everywhere(&response, LOGS, open);
}

#[test]
fn a_version_cut_anywhere() {
    let response = content_length(format!(
        "{{\"compilation\":{{\"output\":\"{}\"}}}}",
        log().0
    ));
    cut_everywhere(&response, VERSION, |client| {
        client.version_logs(&algorithm("acme/x"), HASH)
    });
}

#[test]
fn new_data_resets_the_retries() {
    let (sent, decoded) = log();
    let response = content_length(format!("{{\"logs\":\"{sent}\"}}"));
    let head = response.len() - sent.len();
    let cluster = Cluster::start();
    for position in (head..response.len()).step_by(60) {
        cluster.script(LOGS, Reply::raw().send(&response[..position]).fin());
    }
    cluster.script(LOGS, Reply::raw().send(&response));
    let client = builder(&cluster).retries(1).build().unwrap();
    let mut text = String::new();
    open(&client).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, decoded);
    assert!(cluster.requests().len() > 16);
}

/// Covers a bug: the count of a connection that failed was forgotten.
#[test]
fn replacements_are_counted_over_all_connections() {
    let cluster = Cluster::start();
    for log in [r"\ud800\ud800a", r"\ud800"] {
        let response = format!("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{{\"logs\":\"{log}");
        cluster.script(LOGS, Reply::raw().send(response).fin());
    }
    cluster.script_always(LOGS, Reply::status(400));
    let client = builder(&cluster).build().unwrap();
    let mut logs = open(&client).unwrap();
    logs.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!((logs.replacements(), logs.delivered()), (2, 7));
}
