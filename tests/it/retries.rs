//! Trying again and waiting, by a clock that takes no time.

use std::io::Read;
use std::time::Duration;

use algo_logs::{Error, ErrorKind, Logs};

use crate::client::{TestClock, builder, paged};
use crate::cluster::data;
use crate::cluster::{Cluster, Reply};

const BUILDS: &str = "/v1/algorithms/acme/Paged/builds";
const BUILD: &str = "/v1/algorithms/acme/Paged/builds/b";
const LOGS: &str = "/v1/algorithms/acme/Paged/builds/b/logs";

/// No pauses.
const NONE: [Duration; 0] = [];

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Whether each pause is what is allowed for that many failures in a row: half of it may be left out.
#[track_caller]
fn backed_off(pauses: &[Duration], most: &[u64]) {
    assert_eq!(pauses.len(), most.len(), "{pauses:?}");
    for (pause, &most) in pauses.iter().zip(most) {
        assert!(*pause <= seconds(most), "{pauses:?}");
        assert!(*pause >= seconds(most) / 2, "{pauses:?}");
    }
}

#[test]
fn what_may_pass_is_tried_again_after_longer_and_longer() {
    let cluster = Cluster::start();
    let clock = TestClock::new();
    let client = |retries| {
        let builder = builder(&cluster).clock(clock.clone()).retries(retries);
        builder.build().unwrap()
    };
    let build = data::paged_build_id(0);
    let path = format!("{BUILDS}/{build}");
    for status in [408, 429, 500, 502, 503, 504] {
        cluster.script(&path, Reply::status(status));
        cluster.script(&path, Reply::status(status));
        client(3).build(&paged(), &build).unwrap();
        backed_off(&clock.pauses(), &[1, 2]);
    }
    (0..7).for_each(|_| cluster.script(&path, Reply::status(503)));
    let before = cluster.requests().len();
    let error = client(6).build(&paged(), &build).unwrap_err();
    assert_eq!(error.status(), Some(503));
    backed_off(&clock.pauses(), &[1, 2, 4, 8, 8, 8]);
    assert_eq!(cluster.requests().len() - before, 7);
    // The connection broke before the answer, or in the middle of it.
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{";
    for reply in [
        Reply::raw().fin(),
        Reply::raw().rst(),
        Reply::raw().send("HTTP/1.1 2").fin(),
        Reply::raw().send(cut).fin(),
        Reply::raw().send("HTTP/1.1 200 OK\r\n\r\n{").fin(),
    ] {
        cluster.script(&path, reply);
        client(1).build(&paged(), &build).unwrap();
        backed_off(&clock.pauses(), &[1]);
    }
    // Three times, unless told otherwise.
    (0..4).for_each(|_| cluster.script(&path, Reply::status(503)));
    let usual = builder(&cluster).clock(clock.clone()).build().unwrap();
    usual.build(&paged(), &build).unwrap_err();
    backed_off(&clock.pauses(), &[1, 2, 4]);
}

#[test]
fn what_does_not_pass_is_not_tried_again() {
    let cluster = Cluster::start();
    let clock = TestClock::new();
    let client = builder(&cluster).clock(clock.clone()).build().unwrap();
    for reply in [
        Reply::status(400),
        Reply::status(401),
        Reply::status(403),
        Reply::status(404),
        Reply::status(501),
        Reply::status(204),
        Reply::status(302).header("Location", "https://x.example.com/"),
        // A pause that is asked for does not make it pass.
        Reply::status(404).header("Retry-After", "1"),
        Reply::json(200, "<html>"),
        Reply::json(200, "{}"),
        Reply::json(200, r#"{"error":{"code":5001,"message":"m"}}"#),
        Reply::json(200, "{}").header("Content-Encoding", "br"),
    ] {
        let before = cluster.requests().len();
        cluster.script(BUILD, reply.clone());
        client.build(&paged(), "b").unwrap_err();
        assert_eq!(cluster.requests().len(), before + 1, "{reply:?}");
    }
    assert_eq!(clock.pauses(), NONE);
}

#[test]
fn retry_after_is_obeyed_up_to_a_minute() {
    let cluster = Cluster::start();
    let clock = TestClock::new();
    let client = builder(&cluster).clock(clock.clone()).build().unwrap();
    let build = data::paged_build_id(0);
    let path = format!("{BUILDS}/{build}");
    let busy = |after: &str| Reply::status(429).header("Retry-After", after);
    for after in [0, 7, 60] {
        cluster.script(&path, busy(&after.to_string()));
        client.build(&paged(), &build).unwrap();
        assert_eq!(clock.pauses(), [seconds(after)]);
    }
    cluster.script(&path, busy("Wed, 21 Oct 2015 07:28:00 GMT"));
    client.build(&paged(), &build).unwrap();
    assert_eq!(clock.pauses(), [seconds(0)]);
    cluster.script(&path, busy("in a while"));
    client.build(&paged(), &build).unwrap();
    backed_off(&clock.pauses(), &[1]);
    for after in [
        "61",
        "99999999999999999999",
        "Fri, 21 Oct 9015 07:28:00 GMT",
    ] {
        let before = cluster.requests().len();
        cluster.script(&path, busy(after));
        let error = client.build(&paged(), &build).unwrap_err();
        assert_eq!(
            (error.kind(), error.status()),
            (ErrorKind::Service, Some(429))
        );
        assert_eq!(cluster.requests().len(), before + 1);
        assert_eq!(clock.pauses(), NONE);
    }
}

#[test]
fn a_cut_log_goes_on_where_it_stopped() {
    let cluster = Cluster::start();
    let clock = TestClock::new();
    let client = builder(&cluster).clock(clock.clone()).build().unwrap();
    let cut = |log: &str| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n";
        Reply::raw().send(format!("{head}{{\"logs\":\"{log}")).fin()
    };
    let read = |logs: Logs| {
        let mut text = String::new();
        let result = { logs }.read_to_string(&mut text);
        (
            text,
            result.map_err(|error| Error::from_io(error).unwrap().kind()),
        )
    };
    let whole = || Reply::json(200, r#"{"logs":"abcdef"}"#);
    for reply in [cut("a"), cut("abc"), cut("abcd"), whole()] {
        cluster.script(LOGS, reply);
    }
    let logs = client.build_logs(&paged(), "b").unwrap();
    assert_eq!(read(logs), ("abcdef".to_owned(), Ok(6)));
    // Each attempt brought something new, and the next failure is the first again.
    backed_off(&clock.pauses(), &[1, 1, 1]);

    for reply in [cut("abc"), Reply::json(200, r#"{"logs":"abXdef"}"#)] {
        cluster.script(LOGS, reply);
    }
    let logs = client.build_logs(&paged(), "b").unwrap();
    assert_eq!(
        read(logs),
        ("abc".to_owned(), Err(ErrorKind::InvalidResponse))
    );
    clock.pauses();
    // It is not read on after that, as if nothing had been.
    for reply in [cut("abc"), Reply::json(200, r#"{"logs":"abXdef"}"#)] {
        cluster.script(LOGS, reply);
    }
    let mut logs = client.build_logs(&paged(), "b").unwrap();
    assert_eq!(logs.read_some(&mut [0; 9]).unwrap(), 3);
    for _ in 0..2 {
        let error = logs.read_some(&mut [0; 9]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "log of build b of acme/Paged: the log changed while it was read"
        );
    }
    clock.pauses();

    (0..9).for_each(|_| cluster.script(LOGS, cut("abc")));
    let before = cluster.requests().len();
    let logs = client.build_logs(&paged(), "b").unwrap();
    assert_eq!(read(logs), ("abc".to_owned(), Err(ErrorKind::Incomplete)));
    backed_off(&clock.pauses(), &[1, 2, 4]);
    assert_eq!(cluster.requests().len() - before, 4);

    let logs = client.build_logs(&paged(), "b").unwrap().resume(false);
    assert_eq!(read(logs), ("abc".to_owned(), Err(ErrorKind::Incomplete)));
    assert_eq!(clock.pauses(), NONE);
}
