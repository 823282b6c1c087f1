//! A log that is cut resumes, wherever the cut is.

use std::io::Read;
use std::time::{Duration, Instant};

use algo_logs::{Client, Error, ErrorKind, Logs};

use crate::client::{algorithm, builder};
use crate::cluster::reply::{chunked, content_length, gzip};
use crate::cluster::{Cluster, Reply};

const LOGS: &str = "/v1/algorithms/acme/x/builds/b1/logs";
const HASH: &str = "0123456789abcdef0123456789abcdef01234567";
const VERSION: &str = "/v1/algorithms/acme/x/versions/0123456789abcdef0123456789abcdef01234567";

/// On how many bytes an answer is cut, one after the other.
const PLACES: usize = 1000;

fn open(client: &Client) -> Result<Logs, Error> {
    client.build_logs(&algorithm("acme/x"), "b1")
}

/// A log with all that has to be decoded in it, as it is sent and as it is.
fn log() -> (String, String) {
    let mut sent = String::new();
    let mut meant = String::new();
    for n in 0..26 {
        sent.push_str(&format!(
            "Step {n}/26 \\u001b[91m\\u00e9é\\ud83d\\ude00\\ud800\\\"\\n"
        ));
        meant.push_str(&format!("Step {n}/26 \u{1b}[91méé\u{1f600}\u{fffd}\"\n"));
    }
    (sent, meant)
}

/// Cuts `answer` at each place, once: whatever was read by then, the log is whole in the end.
fn cut_everywhere(answer: &[u8], path: &str, read: impl Fn(&Client) -> Result<Logs, Error>) {
    let (_, meant) = log();
    assert!(answer.len() >= PLACES, "{} bytes", answer.len());
    let cluster = Cluster::start();
    let client = builder(&cluster).build().unwrap();
    // All of the end, where framing and document end, and as much before it as makes a thousand.
    for place in answer.len() - PLACES..answer.len() {
        cluster.script(path, Reply::raw().send(&answer[..place]).fin());
        cluster.script(path, Reply::raw().send(answer).fin());
        let mut logs = read(&client).unwrap_or_else(|error| panic!("cut at {place}: {error}"));
        let mut whole = Vec::new();
        let mut buf = [0; 100];
        loop {
            let size = 1 + (place + whole.len()) % buf.len();
            match logs.read(&mut buf[..size]) {
                Ok(0) => break,
                Ok(n) => whole.extend_from_slice(&buf[..n]),
                Err(error) => panic!("cut at {place}: {error}"),
            }
        }
        assert!(whole == meant.as_bytes(), "cut at {place}");
        assert_eq!(logs.delivered(), meant.len() as u64);
        assert_eq!(logs.replacements(), 26);
    }
    assert!(cluster.requests().len() > PLACES * 3 / 2);
}

#[test]
fn a_length_cut_at_a_thousand_places() {
    let answer = content_length(format!("{{\"logs\":\"{}\"}}\n", log().0));
    cut_everywhere(&answer, LOGS, open);
}

#[test]
fn chunks_cut_at_a_thousand_places() {
    let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    answer.extend(chunked(format!("{{\"logs\":\"{}\"}}", log().0), 13));
    cut_everywhere(&answer, LOGS, open);
}

#[test]
fn an_end_with_the_connection_cut_at_a_thousand_places() {
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let answer = format!("{head}{{\"a\":{{}},\"logs\":\"{}\",\"b\":[]}}", log().0);
    cut_everywhere(answer.as_bytes(), LOGS, open);
}

#[test]
fn gzip_cut_at_a_thousand_places() {
    // What cannot be compressed, so that there is something to cut.
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
    let mut answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n".to_vec();
    answer.extend(body);
    cut_everywhere(&answer, LOGS, open);
}

#[test]
fn a_version_cut_at_a_thousand_places() {
    let answer = content_length(format!(
        "{{\"compilation\":{{\"output\":\"{}\"}}}}",
        log().0
    ));
    cut_everywhere(&answer, VERSION, |client| {
        client.version_logs(&algorithm("acme/x"), HASH)
    });
}

#[test]
fn each_piece_that_is_new_starts_the_retries_over() {
    let (sent, meant) = log();
    let answer = content_length(format!("{{\"logs\":\"{sent}\"}}"));
    let head = answer.len() - sent.len();
    let cluster = Cluster::start();
    for place in (head..answer.len()).step_by(60) {
        cluster.script(LOGS, Reply::raw().send(&answer[..place]).fin());
    }
    cluster.script(LOGS, Reply::raw().send(&answer));
    let client = builder(&cluster).retries(1).build().unwrap();
    let mut text = String::new();
    open(&client).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, meant);
    assert!(cluster.requests().len() > 16);
}

/// Reads to the end, and hands over what there was until the error.
fn read_until_error(mut logs: Logs) -> (Vec<u8>, Error) {
    let mut read = Vec::new();
    let error = logs.read_to_end(&mut read).unwrap_err();
    let error = Error::from_io(error).unwrap();
    // The first error stays.
    assert_eq!(
        logs.read(&mut [0; 10]).unwrap_err().to_string(),
        error.to_string()
    );
    assert_eq!(logs.delivered(), read.len() as u64);
    (read, error)
}

fn cut() -> Reply {
    Reply::raw()
        .send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"logs\":\"one\\ntw")
        .fin()
}

#[test]
fn the_same_cut_again_and_again_is_given_up() {
    let cluster = Cluster::start();
    cluster.script_always(LOGS, cut());
    let client = builder(&cluster).build().unwrap();
    let (read, error) = read_until_error(open(&client).unwrap());
    assert_eq!(read, b"one\ntw");
    assert_eq!(error.kind(), ErrorKind::Incomplete);
    assert_eq!(cluster.requests().len(), 4);
}

#[test]
fn going_on_can_be_turned_off() {
    let cluster = Cluster::start();
    cluster.script(LOGS, cut());
    let client = builder(&cluster).build().unwrap();
    let (read, error) = read_until_error(open(&client).unwrap().resume(false));
    assert_eq!(read, b"one\ntw");
    assert_eq!(error.kind(), ErrorKind::Incomplete);
    assert_eq!(cluster.requests().len(), 1);
}

#[test]
fn another_log_is_not_taken_for_the_same() {
    for (second, why) in [
        ("one\\ntW and more", "differs at the end of what was read"),
        ("One\\ntw and more", "differs at the beginning"),
        ("one\\nt", "is shorter by one"),
        ("", "is empty"),
        ("one\\t\\ntw", "has one more in the middle"),
    ] {
        let cluster = Cluster::start();
        cluster.script(LOGS, cut());
        cluster.script(
            LOGS,
            Reply::json(200, &format!("{{\"logs\":\"{second}\"}}")),
        );
        let client = builder(&cluster).build().unwrap();
        let (read, error) = read_until_error(open(&client).unwrap());
        assert_eq!(read, b"one\ntw", "{why}");
        assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{why}");
        assert!(
            error
                .to_string()
                .ends_with("the log changed while it was read"),
            "{error}"
        );
    }
}

#[test]
fn a_log_that_grew_is_given_as_it_is_now() {
    // What came was all of the log, only the frame was cut.
    let cluster = Cluster::start();
    let whole = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"logs\":\"one\\ntw\"}";
    cluster.script(LOGS, Reply::raw().send(whole).fin());
    cluster.script(LOGS, Reply::json(200, r#"{"logs":"one\ntwo\n"}"#));
    let client = builder(&cluster).build().unwrap();
    let mut text = String::new();
    open(&client).unwrap().read_to_string(&mut text).unwrap();
    // Nobody can know that it was: the document that counts is the one that came whole.
    assert_eq!(text, "one\ntwo\n");
}

#[test]
fn a_retry_after_is_obeyed_in_the_middle_of_a_log() {
    let cluster = Cluster::start();
    cluster.script(LOGS, cut());
    cluster.script(LOGS, Reply::status(503).header("Retry-After", "1"));
    cluster.script(LOGS, Reply::json(200, r#"{"logs":"one\ntwo\n"}"#));
    let client = builder(&cluster).build().unwrap();
    let mut text = String::new();
    let started = Instant::now();
    open(&client).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "one\ntwo\n");
    assert!(started.elapsed() >= Duration::from_secs(1));
}
