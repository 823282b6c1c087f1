//! `Client::shutdown` interrupts the client's requests on every thread, and nothing is retried.

use std::io::Read;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use algo_logs::{Client, Error, ErrorKind};

use crate::client::{builder, paged};
use crate::cluster::{Cluster, Reply};

const BUILD: &str = "/v1/algorithms/acme/Paged/builds/b";
const LOGS: &str = "/v1/algorithms/acme/Paged/builds/b/logs";

/// Far below the client's timeout of 30 s, and long enough for a busy machine.
const SOON: Duration = Duration::from_secs(10);

#[track_caller]
fn cancelled(error: &Error, what: &str) {
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(
        error.to_string(),
        format!("{what}: the client was shut down")
    );
}

/// Shuts down a client whose request for a build has reached the cluster.
fn shut_down_during_a_build(cluster: &Cluster) {
    let client = builder(cluster).build().unwrap();
    let clone = client.clone();
    let worker = thread::spawn(move || clone.build(&paged(), "b").unwrap_err());
    while cluster.requests().is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    // Give the response, if any, time to arrive.
    thread::sleep(Duration::from_millis(100));
    let started = Instant::now();
    client.shutdown();
    cancelled(&worker.join().unwrap(), "build b of acme/Paged");
    assert!(started.elapsed() < SOON);
    assert_eq!(cluster.requests().len(), 1);
    refuses_requests(&client, cluster);
}

fn refuses_requests(client: &Client, cluster: &Cluster) {
    let requests = cluster.requests().len();
    let error = client.clone().build(&paged(), "b").unwrap_err();
    cancelled(&error, "build b of acme/Paged");
    let error = client.builds(&paged()).next().unwrap().unwrap_err();
    cancelled(&error, "builds of acme/Paged");
    assert_eq!(cluster.requests().len(), requests);
}

#[test]
fn it_interrupts_a_request() {
    let cluster = Cluster::start();
    cluster.script_always(BUILD, Reply::raw().stall());
    shut_down_during_a_build(&cluster);
}

#[test]
fn it_interrupts_a_response() {
    let cluster = Cluster::start();
    // Test both framings, because ureq reports the end of the second as clean.
    let head = "HTTP/1.1 200 OK\r\n";
    for headers in ["Content-Length: 99\r\n", ""] {
        let start = format!("{head}{headers}\r\n{{\"logs\":\"abc");
        cluster.script_always(LOGS, Reply::raw().send(start).stall());
        let client = builder(&cluster).build().unwrap();
        let before = cluster.requests().len();
        let mut logs = client.build_logs(&paged(), "b").unwrap();
        let (sender, started) = mpsc::channel();
        let worker = thread::spawn(move || {
            assert_eq!(logs.read(&mut [0; 9]).unwrap(), 3);
            sender.send(()).unwrap();
            [(); 2].map(|()| {
                logs.read(&mut [0; 9])
                    .unwrap_err()
                    .downcast::<Error>()
                    .unwrap()
            })
        });
        started.recv().unwrap();
        thread::sleep(Duration::from_millis(100));
        let started = Instant::now();
        client.shutdown();
        for error in worker.join().unwrap() {
            cancelled(&error, "log of build b of acme/Paged");
        }
        assert!(started.elapsed() < SOON);
        assert_eq!(cluster.requests().len(), before + 1);
        refuses_requests(&client, &cluster);
    }
}

#[test]
fn it_interrupts_the_delay_before_a_retry() {
    let cluster = Cluster::start();
    cluster.script_always(BUILD, Reply::status(503).header("Retry-After", "60"));
    shut_down_during_a_build(&cluster);
}
