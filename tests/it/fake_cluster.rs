//! The fake cluster itself, because other tests rely on it: what it serves, and the faults that a test can script.

use std::collections::HashSet;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cluster::big::BigLog;
use crate::cluster::data::{self, JWT, KEY, documented, lemmatizer};
use crate::cluster::reply::content_length;
use crate::cluster::{Cluster, Reply};

/// Sends a request with the key.
#[track_caller]
fn send(cluster: &Cluster, target: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", cluster.port())).expect("it listens");
    // A broken test should fail instead of hang.
    let limit = Some(Duration::from_secs(20));
    stream.set_read_timeout(limit).expect("a limit");
    request(&mut stream, target, &format!("Simple {KEY}"));
    stream
}

fn request(stream: &mut TcpStream, target: &str, authorization: &str) {
    let head = format!("GET {target} HTTP/1.1\r\nAuthorization: {authorization}\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
}

/// Reads one response with a `Content-Length` from a connection that stays open.
#[track_caller]
fn response(stream: &mut TcpStream) -> (u16, String) {
    let (mut head, mut byte) = (String::new(), [0]);
    while !head.ends_with("\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0].into());
    }
    let (_, length) = head.split_once("Content-Length: ").expect("a length");
    let mut body = vec![0; length.trim_end().parse().expect("a number")];
    stream.read_exact(&mut body).expect("a body");
    let body = String::from_utf8(body).expect("UTF-8");
    (head[9..12].parse().expect("a status"), body)
}

/// Requests a path below `/v1/algorithms/`.
#[track_caller]
fn fetch(cluster: &Cluster, target: &str) -> (u16, String) {
    response(&mut send(cluster, &format!("/v1/algorithms/{target}")))
}

#[track_caller]
fn json(cluster: &Cluster, target: &str) -> Value {
    serde_json::from_str(&fetch(cluster, target).1).expect("JSON")
}

#[test]
fn documented_responses_are_sent_byte_for_byte() {
    let cluster = Cluster::start();
    let logs = format!("builds/{}/logs", documented::BUILD);
    let version = format!("versions/{}", documented::VERSION);
    for (target, expected) in [
        ("builds", documented::BUILDS_JSON),
        (&logs, documented::BUILD_LOGS_JSON),
        ("versions", documented::VERSIONS_JSON),
        (&version, documented::VERSION_JSON),
    ] {
        let (status, body) = fetch(&cluster, &format!("ALGO_OWNER/ALGO_NAME/{target}"));
        assert_eq!((status, &*body), (200, expected), "{target}");
    }
}

#[test]
fn each_refusal_has_its_status_and_code() {
    let cluster = Cluster::start();
    let logs = |id: &str| format!("acme/Lemmatizer/builds/{id}/logs");
    for (target, status, code) in [
        ("acme/Nothing/builds", 404, 1001),
        ("acme/Secret/builds", 403, 2001),
        ("acme/Lemmatizer/builds/nothing", 404, 1010),
        ("acme/Lemmatizer/versions/1.0.0", 404, 1014),
        (&logs(lemmatizer::IN_PROGRESS), 404, 1011),
        (&logs(lemmatizer::LOST), 404, 1011),
        ("acme/Paged/builds?limit=101", 400, 5003),
        ("acme/Paged/builds?limit=0", 400, 5003),
        ("acme/Paged/builds?marker=nonsense", 400, 5002),
    ] {
        let error = json(&cluster, target);
        let refused = (fetch(&cluster, target).0, &error["error"]["code"]);
        assert_eq!(refused, (status, &code.into()), "{target}");
    }
    let mut stream = send(&cluster, "/v1/algorithms/acme/Empty/builds");
    assert_eq!(response(&mut stream).0, 200);
    for (authorization, status) in [
        (format!("Bearer {JWT}"), 200),
        (format!("Simple {JWT}"), 200),
        (format!("Bearer {KEY}"), 401),
        (format!("Simple {KEY}x"), 401),
    ] {
        request(
            &mut stream,
            "/v1/algorithms/acme/Empty/builds",
            &authorization,
        );
        assert_eq!(response(&mut stream).0, status, "{authorization}");
    }
}

#[test]
fn markers_lead_to_the_next_page() {
    let cluster = Cluster::start();
    cluster.page_size(10);
    for (list, total) in [
        ("builds?", data::PAGED_BUILDS),
        ("versions?published=true&", data::PAGED_VERSIONS.div_ceil(2)),
        ("versions?callable=true&", data::PAGED_VERSIONS.div_ceil(3)),
    ] {
        let (mut pages, mut seen, mut marker) = (0, HashSet::new(), String::new());
        loop {
            let page = json(&cluster, &format!("acme/Paged/{list}{marker}"));
            pages += 1;
            seen.extend(
                page["results"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(Value::to_string),
            );
            let Some(link) = page["next_link"].as_str() else {
                break;
            };
            // The service names a public host in its links, whatever host a client connected to.
            assert!(link.starts_with("http://api.algorithmia.com/v1/algorithms/acme/Paged/"));
            marker = link.split_once('?').unwrap().1.to_owned();
        }
        assert_eq!((pages, seen.len()), (total.div_ceil(10), total), "{list}");
    }
}

#[test]
fn a_build_in_progress_finishes() {
    let cluster = Cluster::start();
    let status = || json(&cluster, "acme/Waiting/builds/b-wait")["status"].to_string();
    assert_eq!(fetch(&cluster, "acme/Waiting/builds/b-wait/logs").0, 404);
    let statuses = [status(), status(), status()];
    assert_eq!(
        statuses,
        [r#""in-progress""#, r#""in-progress""#, r#""succeeded""#]
    );
    let log = json(&cluster, "acme/Waiting/builds/b-wait/logs");
    assert_eq!(log["logs"], data::WAITING_LOG);
}

#[test]
fn requests_are_recorded() {
    let cluster = Cluster::start();
    let mut stream = send(&cluster, "/a/b?c=%2F&d");
    response(&mut stream);
    // A request may arrive in pieces.
    for byte in b"GET /second HTTP/1.1\r\nX-A:  1\r\nx-a: 2 \r\n\r\n" {
        stream.write_all(&[*byte]).unwrap();
    }
    response(&mut stream);
    response(&mut send(&cluster, "/third"));
    let requests = cluster.requests();
    assert_eq!(
        (requests[0].path(), requests[0].query()),
        ("/a/b", "c=%2F&d")
    );
    let headers = [("X-A", "1"), ("x-a", "2")].map(|(name, value)| (name.into(), value.into()));
    assert_eq!(requests[1].headers, headers);
    assert_eq!(requests[1].header("X-a"), Some("1"));
    let connections = requests.iter().map(|request| request.connection);
    assert!(connections.eq([1, 1, 2]));
    assert_eq!(cluster.connections(), 2);
}

#[test]
fn scripted_replies_are_sent_in_order_and_step_by_step() {
    let cluster = Cluster::start();
    let path = "/v1/algorithms/acme/Empty/builds";
    cluster.script_always(path, Reply::status(503));
    cluster.script(path, Reply::status(500));
    cluster.script(path, Reply::status(502).fin());
    let statuses = [(); 4].map(|()| response(&mut send(&cluster, path)).0);
    assert_eq!(statuses, [500, 502, 503, 503]);
    assert_eq!(fetch(&cluster, "acme/Empty/versions").0, 200);

    let steps = Reply::raw()
        .send("HTTP/1.1 200 OK\r\n")
        .wait(Duration::from_millis(50))
        .drip("X: 1\r\n\r\n", Duration::from_millis(2))
        .repeat("ab", 3)
        .send([0xff])
        .fin();
    cluster.script("/x", steps);
    let (start, mut bytes) = (Instant::now(), Vec::new());
    send(&cluster, "/x").read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"HTTP/1.1 200 OK\r\nX: 1\r\n\r\nababab\xff");
    assert!(start.elapsed() >= Duration::from_millis(50 + 2 * 8));
}

#[test]
fn rst_resets_and_fin_closes_cleanly_after_the_bytes_have_arrived() {
    let cluster = Cluster::start();
    let whole = content_length(r#"{"logs":"0123456789"}"#);
    let part = &whole[..whole.len() - 7];
    for _ in 0..20 {
        for (reply, error) in [
            (
                Reply::raw().send(part).rst(),
                Some(ErrorKind::ConnectionReset),
            ),
            (Reply::raw().send(part).fin(), None),
        ] {
            cluster.script("/x", reply);
            let mut bytes = Vec::new();
            let result = send(&cluster, "/x").read_to_end(&mut bytes);
            assert_eq!(result.err().map(|error| error.kind()), error);
            assert_eq!(bytes, part);
        }
    }
}

#[test]
fn dropping_a_cluster_ends_whatever_it_does() {
    let hour = Duration::from_secs(3600);
    let cluster = Cluster::start();
    cluster.script("/stall", Reply::raw().send("x").stall());
    cluster.script("/drip", Reply::raw().send("x").drip("abc", hour));
    cluster.script("/endless", Reply::raw().repeat("x", u64::MAX));
    let big = "/v1/algorithms/acme/Big/builds/docker-1099511627776/logs";
    let streams = ["/stall", "/drip", "/endless", big].map(|target| {
        let mut stream = send(&cluster, target);
        stream.read_exact(&mut [0]).unwrap();
        stream
    });
    cluster.latency(hour);
    let late = send(&cluster, "/late");
    while cluster.requests().len() < 5 {
        std::thread::yield_now();
    }
    let idle = TcpStream::connect(("127.0.0.1", cluster.port())).unwrap();
    let start = Instant::now();
    drop(cluster);
    let elapsed = start.elapsed();
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
    drop((streams, late, idle));
}

#[test]
fn big_logs_have_the_size_in_their_name() {
    for name in ["docker", "escapes", "utf8", "unicode"] {
        for size in [0, 1, 2, 3, 17, 18, 19, 1000, 65_536, 300_001] {
            let big = BigLog::named(&format!("{name}-{size}")).unwrap();
            let document = big.document();
            assert_eq!(document.len() as u64, big.document_size(), "{name}-{size}");
            let value: Value = serde_json::from_slice(&document).unwrap();
            let log = value["logs"].as_str().unwrap();
            assert_eq!(log.len(), size, "{name}-{size}");
            assert!(log == big.log(), "{name}-{size}");
        }
    }
}
