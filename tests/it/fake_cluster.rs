//! How the fake cluster ends connections, on which other tests rely.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::cluster::reply::content_length;
use crate::cluster::{Cluster, KEY, Reply};

/// Sends a request with the key.
#[track_caller]
fn send(cluster: &Cluster, target: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", cluster.port())).expect("it listens");
    // A broken test should fail instead of hang.
    let limit = Some(Duration::from_secs(20));
    stream.set_read_timeout(limit).expect("a limit");
    let head = format!("GET {target} HTTP/1.1\r\nAuthorization: Simple {KEY}\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    stream
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
