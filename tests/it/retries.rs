//! Retries, measured by the number of requests and the elapsed time.

use std::io::Read;
use std::time::{Duration, Instant};

use algo_logs::{Client, Error, ErrorKind, Logs};

use crate::client::{builder, paged};
use crate::cluster::data;
use crate::cluster::{Cluster, Reply};

const BUILD: &str = "/v1/algorithms/acme/Paged/builds/b";
const LOGS: &str = "/v1/algorithms/acme/Paged/builds/b/logs";

const HOUR: Duration = Duration::from_secs(3600);

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Runs `work`, and returns the number of its requests and the time it took.
fn measure(cluster: &Cluster, work: impl FnOnce()) -> (usize, Duration) {
    let (before, started) = (cluster.requests().len(), Instant::now());
    work();
    (cluster.requests().len() - before, started.elapsed())
}

fn requests(cluster: &Cluster, work: impl FnOnce()) -> usize {
    measure(cluster, work).0
}

/// Returns the ID of an existing build, and its path.
fn build() -> (String, String) {
    let build = data::paged_build_id(0);
    let path = format!("/v1/algorithms/acme/Paged/builds/{build}");
    (build, path)
}

#[test]
fn a_transient_failure_is_retried() {
    let cluster = Cluster::start();
    let (build, path) = build();
    let get = |retries| {
        let client = builder(&cluster).retries(retries).build().unwrap();
        client.build(&paged(), &build)
    };
    let fail = |times| (0..times).for_each(|_| cluster.script(&path, Reply::status(503)));
    for status in [408, 429, 500, 502, 503, 504] {
        cluster.script(&path, Reply::status(status));
        cluster.script(&path, Reply::status(status));
        assert_eq!(requests(&cluster, || drop(get(3).unwrap())), 3, "{status}");
    }
    fail(7);
    let count = requests(&cluster, || {
        assert_eq!(get(6).unwrap_err().status(), Some(503));
    });
    assert_eq!(count, 7);
    // The connection breaks before the response, or in the middle of it.
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{";
    for reply in [
        Reply::raw().fin(),
        Reply::raw().rst(),
        Reply::raw().send("HTTP/1.1 2").fin(),
        Reply::raw().send(cut).fin(),
        Reply::raw().send("HTTP/1.1 200 OK\r\n\r\n{").fin(),
    ] {
        cluster.script(&path, reply);
        get(1).unwrap();
    }
    // The default is 3.
    fail(4);
    let default = builder(&cluster).build().unwrap();
    let count = requests(&cluster, || {
        drop(default.build(&paged(), &build).unwrap_err())
    });
    assert_eq!(count, 4);
}

#[test]
fn the_delay_doubles_and_is_a_second_unless_set() {
    let cluster = Cluster::start();
    cluster.script_always(BUILD, Reply::status(503));
    let elapsed = |client: Client| {
        let failing = || drop(client.build(&paged(), "b").unwrap_err());
        measure(&cluster, failing).1
    };
    let client = builder(&cluster).retries(3).retry_delay(millis(40));
    // 40, 80 and 160 ms, of which jitter may remove up to half.
    let time = elapsed(client.build().unwrap());
    assert!(time >= millis(140) && time < millis(5000), "{time:?}");
    let default = Client::builder().base_url(cluster.url()).retries(1);
    let time = elapsed(default.build().unwrap());
    assert!(time >= millis(500) && time < millis(6000), "{time:?}");
}

#[test]
fn a_permanent_failure_is_not_retried() {
    let cluster = Cluster::start();
    let client = builder(&cluster).build().unwrap();
    for reply in [
        Reply::status(400),
        Reply::status(401),
        Reply::status(403),
        Reply::status(404),
        Reply::status(501),
        Reply::status(204),
        Reply::status(302).header("Location", "https://x.example.com/"),
        // Retry-After does not make a failure transient.
        Reply::status(404).header("Retry-After", "0"),
        Reply::json(200, "<html>"),
        Reply::json(200, "{}"),
        Reply::json(200, r#"{"error":{"code":5001,"message":"m"}}"#),
        Reply::json(200, "{}").header("Content-Encoding", "br"),
    ] {
        cluster.script(BUILD, reply.clone());
        let count = requests(&cluster, || drop(client.build(&paged(), "b").unwrap_err()));
        assert_eq!(count, 1, "{reply:?}");
    }
}

#[test]
fn retry_after_takes_precedence_up_to_a_minute() {
    let cluster = Cluster::start();
    let (build, path) = build();
    let busy = |after: &str| cluster.script(&path, Reply::status(429).header("Retry-After", after));
    let client = |delay| builder(&cluster).retry_delay(delay).build().unwrap();
    let patient = client(HOUR);
    for after in ["0", "Wed, 21 Oct 2015 07:28:00 GMT"] {
        busy(after);
        patient.build(&paged(), &build).unwrap();
    }
    busy("1");
    let (_, time) = measure(&cluster, || {
        drop(client(millis(1)).build(&paged(), &build).unwrap())
    });
    assert!(time >= millis(1000), "{time:?}");
    busy("in a while");
    client(millis(1)).build(&paged(), &build).unwrap();
    for after in [
        "61",
        "99999999999999999999",
        "Fri, 21 Oct 9015 07:28:00 GMT",
    ] {
        busy(after);
        let count = requests(&cluster, || {
            let error = patient.build(&paged(), &build).unwrap_err();
            assert_eq!(
                (error.kind(), error.status()),
                (ErrorKind::Service, Some(429))
            );
        });
        assert_eq!(count, 1, "{after}");
    }
}

#[test]
fn a_cut_log_resumes() {
    let cluster = Cluster::start();
    let client = builder(&cluster).build().unwrap();
    let open = || client.build_logs(&paged(), "b").unwrap();
    let cut = |log: &str| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n";
        Reply::raw().send(format!("{head}{{\"logs\":\"{log}")).fin()
    };
    let read = |mut logs: Logs| {
        let mut text = String::new();
        let result = logs.read_to_string(&mut text);
        let result = result.map_err(|error| Error::from_io(error).unwrap().kind());
        (text, result)
    };
    for reply in [
        cut("a"),
        cut("abc"),
        cut("abcd"),
        Reply::json(200, r#"{"logs":"abcdef"}"#),
    ] {
        cluster.script(LOGS, reply);
    }
    assert_eq!(read(open()), ("abcdef".to_owned(), Ok(6)));

    let change = || {
        cluster.script(LOGS, cut("abc"));
        cluster.script(LOGS, Reply::json(200, r#"{"logs":"abXdef"}"#));
    };
    change();
    let changed = Err(ErrorKind::InvalidResponse);
    assert_eq!(read(open()), ("abc".to_owned(), changed));
    // Nothing more is read after that.
    change();
    let mut logs = open();
    assert_eq!(logs.read(&mut [0; 9]).unwrap(), 3);
    for _ in 0..2 {
        assert_eq!(
            logs.read(&mut [0; 9]).unwrap_err().to_string(),
            "log of build b of acme/Paged: the log changed while it was read"
        );
    }

    cluster.script_always(LOGS, cut("abc"));
    let incomplete = Err(ErrorKind::Incomplete);
    let count = requests(&cluster, || {
        assert_eq!(read(open()), ("abc".to_owned(), incomplete));
    });
    assert_eq!(count, 4);
    let count = requests(&cluster, || {
        assert_eq!(read(open().resume(false)), ("abc".to_owned(), incomplete));
    });
    assert_eq!(count, 1);
}
