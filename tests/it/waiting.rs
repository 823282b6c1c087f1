//! Waiting for a build with the library, at intervals of milliseconds.

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use algo_logs::{Algorithm, BuildStatus, Client, Error, ErrorKind, Wait};

use crate::client::{algorithm, builder};
use crate::cluster::data::{WAITING_BUILD, WAITING_LOG, lemmatizer};
use crate::cluster::{Cluster, Reply};

const LIST: &str = "/v1/algorithms/acme/Waiting/builds";
const BUILD: &str = "/v1/algorithms/acme/Waiting/builds/b-wait";

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn client(cluster: &Cluster) -> Client {
    builder(cluster).build().unwrap()
}

fn waiting() -> Algorithm {
    algorithm("acme/Waiting")
}

/// Returns a wait with a short interval.
fn often<'a>() -> Wait<'a> {
    Wait::default().interval(millis(5))
}

#[test]
fn polls_until_the_build_has_finished() {
    let cluster = Cluster::start();
    let client = client(&cluster);
    cluster.finish_after(4);
    let started = Instant::now();
    let build = client
        .wait_for_build(&waiting(), WAITING_BUILD, often())
        .unwrap();
    assert_eq!(build.status, BuildStatus::Succeeded);
    assert_eq!(cluster.requests().len(), 5);
    assert!(started.elapsed() >= millis(4 * 5), "four pauses");
    let mut log = String::new();
    let mut logs = client.build_logs(&waiting(), WAITING_BUILD).unwrap();
    logs.read_to_string(&mut log).unwrap();
    assert_eq!(log, WAITING_LOG);
    // Every status except in-progress ends the wait, and there is no pause before the first poll.
    let lemmatizer = algorithm("acme/Lemmatizer");
    let build = client.wait_for_build(&lemmatizer, lemmatizer::CANCELED, Wait::default());
    assert_eq!(build.unwrap().status.as_str(), "canceled");
}

#[test]
fn ends_at_the_timeout() {
    let cluster = Cluster::start();
    let client = client(&cluster);
    cluster.finish_after(usize::MAX);
    let requests = |wait: Wait<'_>| {
        let (before, started) = (cluster.requests().len(), Instant::now());
        let error = client
            .wait_for_build(&waiting(), WAITING_BUILD, wait)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFinished);
        assert_eq!(
            error.to_string(),
            "build b-wait of acme/Waiting: the build is still in progress"
        );
        (cluster.requests().len() - before, started.elapsed())
    };
    let (once, _) = requests(Wait::default().timeout(millis(0)));
    assert_eq!(once, 1, "it polls once, however short the time is");
    // The last pause is shortened, so that the last poll is at the end of the timeout.
    let (polls, elapsed) = requests(Wait::default().timeout(millis(50)));
    assert_eq!(polls, 2);
    assert!(elapsed >= millis(50) && elapsed < Duration::from_secs(5));
}

#[test]
fn sends_each_poll_once_and_obeys_retry_after() {
    let cluster = Cluster::start();
    let client = builder(&cluster).retries(9).build().unwrap();
    cluster.finish_after(0);
    cluster.script(BUILD, Reply::status(429).header("Retry-After", "1"));
    let started = Instant::now();
    client
        .wait_for_build(&waiting(), WAITING_BUILD, often())
        .unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
    cluster.script(BUILD, Reply::status(502));
    let before = cluster.requests().len();
    let error = client
        .wait_for_build(&waiting(), WAITING_BUILD, often().timeout(millis(0)))
        .unwrap_err();
    assert_eq!(error.status(), Some(502));
    assert_eq!(cluster.requests().len() - before, 1);
}

#[test]
fn transient_errors_do_not_end_the_wait() {
    let cluster = Cluster::start();
    let client = client(&cluster);
    cluster.finish_after(1);
    for reply in [Reply::status(502), Reply::raw().fin(), Reply::status(429)] {
        cluster.script(BUILD, reply);
    }
    client
        .wait_for_build(&waiting(), WAITING_BUILD, often())
        .unwrap();
    assert_eq!(cluster.requests().len(), 5);
    // A transient error that lasts until the timeout is returned.
    cluster.script_always(BUILD, Reply::status(502));
    let error = client
        .wait_for_build(&waiting(), WAITING_BUILD, often().timeout(millis(30)))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Service);
    // Any other error ends the wait at once.
    for (reply, kind) in [
        (Reply::status(401), ErrorKind::Unauthorized),
        (Reply::status(404), ErrorKind::NotFound),
        (Reply::json(200, "[]"), ErrorKind::InvalidResponse),
    ] {
        cluster.script(BUILD, reply);
        let error = client.wait_for_build(&waiting(), WAITING_BUILD, Wait::default());
        assert_eq!(error.unwrap_err().kind(), kind);
    }
}

#[test]
fn waits_for_a_build_that_is_not_listed_yet() {
    let cluster = Cluster::start();
    let client = client(&cluster);
    let empty = || Reply::json(200, r#"{"results":[]}"#);
    cluster.script(LIST, empty());
    cluster.script(LIST, Reply::status(404));
    let seen = Mutex::new(Vec::new());
    let wait = || {
        often().on_poll(|poll| {
            let status = poll
                .build
                .map(|build| build.map(|build| build.status.clone()));
            seen.lock().unwrap().push(status.map_err(Error::kind));
            ControlFlow::Continue(())
        })
    };
    // A permanent error ends the wait. The callback has seen the earlier polls.
    let error = client
        .wait_for_newest_build(&waiting(), |_| true, wait())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(*seen.lock().unwrap(), [Ok(None)]);

    cluster.script(LIST, empty());
    cluster.finish_after(1);
    let build = client
        .wait_for_newest_build(&waiting(), |_| true, wait())
        .unwrap()
        .unwrap();
    assert_eq!(build.build_id, WAITING_BUILD);
    assert!(build.status.is_finished());
    let in_progress = || Ok(Some(BuildStatus::InProgress));
    let expected = [Ok(None), Ok(None), in_progress(), in_progress()];
    assert_eq!(*seen.lock().unwrap(), expected);

    // No build ever matches.
    let short = || often().timeout(millis(20));
    let never = client.wait_for_newest_build(&waiting(), |_| false, short());
    assert!(never.unwrap().is_none());
    // A build matches but does not finish.
    cluster.finish_after(usize::MAX);
    let error = client
        .wait_for_newest_build(&waiting(), |_| true, short())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFinished);
    assert_eq!(
        error.to_string(),
        "build b-wait of acme/Waiting: the build is still in progress"
    );
}

/// Covers a bug: the only way to cancel was a clock that returned early, which polled the cluster as fast as possible.
#[test]
fn the_callback_can_cancel_the_wait() {
    let cluster = Cluster::start();
    let client = client(&cluster);
    cluster.finish_after(usize::MAX);
    let polls = Mutex::new(0);
    let wait = often().on_poll(|_| {
        let mut polls = polls.lock().unwrap();
        *polls += 1;
        match *polls {
            3 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    });
    let error = client
        .wait_for_build(&waiting(), WAITING_BUILD, wait)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(
        error.to_string(),
        "build b-wait of acme/Waiting: the wait was cancelled"
    );
    assert_eq!(cluster.requests().len(), 3);
    let stop = Wait::default().on_poll(|_| ControlFlow::Break(()));
    let error = client.wait_for_newest_build(&waiting(), |_| true, stop);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Cancelled);
}

#[test]
fn until_listed_waits_for_a_build_that_does_not_exist_yet() {
    let cluster = Cluster::start();
    let client = client(&cluster);
    cluster.finish_after(0);
    let missing = || Reply::json(404, r#"{"error":{"code":1010,"message":"no such build"}}"#);
    let wait = |wait: Wait<'_>| client.wait_for_build(&waiting(), WAITING_BUILD, wait);
    cluster.script(BUILD, missing());
    assert_eq!(wait(often()).unwrap_err().kind(), ErrorKind::NotFound);
    (0..3).for_each(|_| cluster.script(BUILD, missing()));
    let build = wait(often().until_listed(true)).unwrap();
    assert_eq!(build.build_id, WAITING_BUILD);
    // Without a code, the list says once whether the algorithm exists.
    let before = cluster.requests().len();
    (0..3).for_each(|_| cluster.script(BUILD, Reply::status(404)));
    wait(often().until_listed(true)).unwrap();
    let requests = cluster.requests();
    let lists = requests[before..]
        .iter()
        .filter(|request| request.path() == LIST);
    assert_eq!((lists.count(), requests.len() - before), (1, 5));
    // A missing algorithm is an error at once. A missing build is one after the timeout.
    let no_algorithm = r#"{"error":{"code":1001,"message":"no such algorithm"}}"#;
    cluster.script(BUILD, Reply::json(404, no_algorithm));
    let error = wait(often().until_listed(true)).unwrap_err();
    assert_eq!(
        (error.kind(), error.service_code()),
        (ErrorKind::NotFound, Some(1001))
    );
    cluster.script_always(BUILD, missing());
    let error = wait(often().until_listed(true).timeout(millis(20))).unwrap_err();
    assert_eq!(
        (error.kind(), error.service_code()),
        (ErrorKind::NotFound, Some(1010))
    );
}

/// Covers a bug: a wait took as long as the server kept sending a byte now and then.
#[test]
fn the_timeout_also_ends_slow_requests() {
    let cluster = Cluster::start();
    let build = |name: &str| {
        format!(
            r#"{{"build_id":"b-wait","status":"in-progress","commit_sha":"c","started_at":"{name}"}}"#
        )
    };
    let long = build(&"x".repeat(600));
    let ok = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", long.len());
    for slow in [
        // Slow in the body, slow in the header, and silent.
        Reply::raw()
            .send(format!("{ok}\r\n"))
            .drip(&long, millis(100)),
        Reply::raw()
            .send(&ok)
            .drip(format!("A: {long}\r\n\r\n"), millis(100)),
        Reply::raw().stall(),
    ] {
        for was_seen in [false, true] {
            if was_seen {
                cluster.script(BUILD, Reply::json(200, &build("t")));
            }
            cluster.script(BUILD, slow.clone());
            let wait = Wait::default()
                .timeout(Duration::from_secs(1))
                .interval(millis(5));
            let started = Instant::now();
            let error = client(&cluster)
                .wait_for_build(&waiting(), WAITING_BUILD, wait)
                .unwrap_err();
            let elapsed = started.elapsed();
            assert!(elapsed < Duration::from_secs(4), "{elapsed:?}");
            let (kind, why) = if was_seen {
                (ErrorKind::NotFinished, "the build is still in progress")
            } else {
                (
                    ErrorKind::Timeout,
                    "the wait ended before the response was complete",
                )
            };
            assert_eq!(
                error.to_string(),
                format!("build b-wait of acme/Waiting: {why}")
            );
            assert_eq!(error.kind(), kind);
        }
    }
    // The list is read in the same way.
    cluster.script(
        LIST,
        Reply::raw()
            .send(format!("{ok}\r\n"))
            .drip(&long, millis(100)),
    );
    let wait = Wait::default().timeout(Duration::from_secs(1));
    let started = Instant::now();
    let error = client(&cluster).wait_for_newest_build(&waiting(), |_| true, wait);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Timeout);
    assert!(started.elapsed() < Duration::from_secs(4));
}

#[test]
fn shutting_down_ends_the_pause() {
    let cluster = Cluster::start();
    let client = client(&cluster);
    cluster.finish_after(usize::MAX);
    let started = Instant::now();
    let wait = Wait::default()
        .interval(Duration::from_secs(60))
        .on_poll(|_| {
            client.shutdown();
            ControlFlow::Continue(())
        });
    let error = client
        .wait_for_build(&waiting(), WAITING_BUILD, wait)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(started.elapsed() < Duration::from_secs(30));
}

/// Covers a bug: a list without an end was read without looking at the time.
#[test]
fn a_list_without_an_end_does_not_outlast_it() {
    let cluster = Cluster::start();
    for n in 0..1000 {
        let page = format!(
            r#"{{"marker":"m{n}","results":[{{"build_id":"b{n}","status":"failed","commit_sha":"c","started_at":"t"}}]}}"#
        );
        cluster.script(LIST, Reply::json(200, &page));
    }
    cluster.latency(millis(100));
    let started = Instant::now();
    let error = client(&cluster)
        .wait_for_newest_build(&waiting(), |_| false, often().timeout(millis(300)))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(started.elapsed() < Duration::from_secs(5));
}
