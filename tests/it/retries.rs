//! The measured delay before a retry, and a request that is sent again without one. The table of faults shows what is
//! retried and how often.

use std::time::{Duration, Instant};

use algo_logs::{Client, ErrorKind};

use crate::client::{builder, paged};
use crate::cluster::{Cluster, Reply, data};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Covers a bug: if a server closed idle connections at once, a request for each log was retried or failed.
#[test]
fn a_request_on_a_closed_connection_is_sent_again_at_once() {
    let cluster = Cluster::start();
    let build = data::paged_build_id(0);
    let path = format!("/v1/algorithms/acme/Paged/builds/{build}");
    let closed = [Reply::raw().fin(), Reply::raw().rst()];
    let client = || {
        let client = builder(&cluster).retries(0);
        client
            .on_retry(|retry| panic!("{retry:?}"))
            .build()
            .unwrap()
    };
    let first = client();
    first.build(&paged(), &build).unwrap();
    for (n, reply) in closed.iter().enumerate() {
        cluster.script(&path, reply.clone());
        first.build(&paged(), &build).unwrap();
        assert_eq!(cluster.requests().len(), 3 + 2 * n);
        assert_eq!(cluster.connections(), 2 + n);
    }
    // A second failure counts, and so does the first one of a client that has received nothing yet.
    let why = format!(
        "{} closed the connection before it responded",
        cluster.url()
    );
    for (client, failures) in [(first, 2), (client(), 1)] {
        for reply in &closed {
            (0..failures).for_each(|_| cluster.script(&path, reply.clone()));
            let error = client.build(&paged(), &build).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Connection);
            assert!(error.to_string().ends_with(&why), "{error}");
        }
    }
}

#[test]
fn the_delay_doubles_and_is_a_second_unless_set() {
    let cluster = Cluster::start();
    cluster.script_always("/v1/algorithms/acme/Paged/builds/b", Reply::status(503));
    let elapsed = |client: Client| {
        let started = Instant::now();
        client.build(&paged(), "b").unwrap_err();
        started.elapsed()
    };
    let client = builder(&cluster).retry_delay(millis(40));
    // 40, 80 and 160 ms, of which jitter may remove up to half.
    let time = elapsed(client.build().unwrap());
    assert_eq!(cluster.requests().len(), 4, "three retries by default");
    assert!(time >= millis(140) && time < millis(5000), "{time:?}");
    let default = Client::builder(cluster.url()).retries(1);
    let time = elapsed(default.build().unwrap());
    assert!(time >= millis(500) && time < millis(6000), "{time:?}");
}

#[test]
fn retry_after_replaces_the_delay() {
    let cluster = Cluster::start();
    let build = data::paged_build_id(0);
    let path = format!("/v1/algorithms/acme/Paged/builds/{build}");
    let hour = Duration::from_secs(3600);
    for (after, delay, least) in [
        ("0", hour, 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", hour, 0),
        ("1", millis(1), 1000),
        ("in a while", millis(1), 0),
    ] {
        cluster.script(&path, Reply::status(429).header("Retry-After", after));
        let client = builder(&cluster).retry_delay(delay).build().unwrap();
        let started = Instant::now();
        client.build(&paged(), &build).unwrap();
        let time = started.elapsed();
        assert!(time >= millis(least), "{after}: {time:?}");
    }
}
