//! The library, used as an embedding program would use it.

use std::error::Error as _;
use std::io::{self, Read};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use algo_logs::{
    Algorithm, BaseUrl, Build, BuildStatus, Client, ClientBuilder, Error, ErrorKind, Logs, Pages,
    RequestSummary, Token, Version, Wait,
};

use crate::client::{algorithm, builder, builder_at, paged};
use crate::cluster::data::{self, documented, lemmatizer};
use crate::cluster::{Cluster, Reply};

const BUILD: &str = "/v1/algorithms/acme/Paged/builds/b";
const LOGS: &str = "/v1/algorithms/acme/Paged/builds/b/logs";

fn client(cluster: &Cluster) -> Client {
    builder(cluster).retries(0).build().unwrap()
}

#[test]
fn public_types_are_send_and_sync() {
    type Plain = (Algorithm, Build, BuildStatus, ErrorKind, RequestSummary);
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    fn clone<T: Clone>() {}
    fn error<T: std::error::Error + Send + Sync + Clone + 'static>() {}
    send::<Client>();
    sync::<Client>();
    clone::<Client>();
    send::<ClientBuilder>();
    send::<Logs>();
    send::<Pages<Build>>();
    send::<Pages<Version>>();
    error::<Error>();
    send::<Plain>();
    sync::<Plain>();
    send::<(Token, Version)>();
    sync::<(Token, Version)>();
}

#[test]
fn clones_share_their_connections_between_threads() {
    let cluster = Cluster::start();
    let client = client(&cluster);
    for _ in 0..3 {
        let clone = client.clone();
        let thread = std::thread::spawn(move || clone.build(&paged(), &data::paged_build_id(0)));
        thread.join().unwrap().unwrap();
        let logs = client.build_logs(&paged(), &data::paged_build_id(0));
        io::copy(&mut logs.unwrap(), &mut io::sink()).unwrap();
    }
    assert_eq!((cluster.requests().len(), cluster.connections()), (6, 1));
}

#[test]
fn a_build_has_what_the_service_sent() {
    let cluster = Cluster::start();
    let lemmatizer = algorithm("acme/Lemmatizer");
    let build = client(&cluster)
        .build(&lemmatizer, lemmatizer::FULL)
        .unwrap();
    assert_eq!(build.build_id, lemmatizer::FULL);
    assert_eq!(build.status, BuildStatus::Succeeded);
    assert_eq!(build.commit_sha, "4a6f8c02d1e7b359c0a8d4f6e2b17935d0c6a8e1");
    assert_eq!(build.started_at, "2021-07-29T10:15:30.640Z");
    assert_eq!(
        build.finished_at.as_deref(),
        Some("2021-07-29T10:16:45.118Z")
    );
    assert_eq!(build.duration(), Some(Duration::from_millis(74_478)));
    assert_eq!(build.semantic_version(), Some("1.0.0"));

    let version = client(&cluster)
        .version(&lemmatizer, lemmatizer::VERSION)
        .unwrap();
    assert_eq!(version.semantic_version(), Some("1.2.0"));
    assert_eq!(version.git_hash(), Some(lemmatizer::VERSION));
    assert_eq!(version.callability(), Some("public"));
    assert_eq!(version.compilation_successful(), Some(true));
    assert_eq!(version.build_id(), Some(lemmatizer::SUCCEEDED));
    assert_eq!(version.build_status(), Some(&BuildStatus::Succeeded));
    assert!(version.built_time().is_some());
}

#[test]
fn a_log_is_a_reader() {
    let cluster = Cluster::start();
    let lemmatizer = algorithm("acme/Lemmatizer");
    let client = client(&cluster);
    let mut logs = client.build_logs(&lemmatizer, lemmatizer::FAILED).unwrap();
    assert_eq!(logs.delivered(), 0);
    let mut text = String::new();
    logs.read_to_string(&mut text).unwrap();
    assert!(text == lemmatizer::FAILED_LOG);
    assert_eq!(logs.delivered(), text.len() as u64);
    assert_eq!(logs.replacements(), 0);
    // Reading again after the end returns 0.
    assert_eq!(logs.read(&mut [0; 10]).unwrap(), 0);

    // A log can move to another thread and outlive its client.
    let mut logs = client
        .build_logs(&lemmatizer, lemmatizer::SUCCEEDED)
        .unwrap();
    drop(client);
    let thread = std::thread::spawn(move || {
        let mut text = String::new();
        logs.read_to_string(&mut text).map(|_| text)
    });
    assert_eq!(thread.join().unwrap().unwrap(), lemmatizer::SUCCEEDED_LOG);
}

#[test]
fn a_versions_log_is_a_reader_too() {
    let cluster = Cluster::start();
    let lemmatizer = algorithm("acme/Lemmatizer");
    let client = client(&cluster);
    for (hash, log) in [
        (lemmatizer::VERSION, lemmatizer::SUCCEEDED_LOG),
        (lemmatizer::OLDEST_VERSION, lemmatizer::OLDEST_OUTPUT),
        (
            lemmatizer::VERSION_WITH_EMPTY_OUTPUT,
            lemmatizer::SUCCEEDED_LOG,
        ),
    ] {
        let mut logs = client.version_logs(&lemmatizer, hash).unwrap();
        // The beginning was read to check that there is a log, but it counts only once it is delivered.
        assert_eq!(logs.delivered(), 0);
        let mut bytes = Vec::new();
        let mut piece = [0; 7];
        loop {
            let n = logs.read(&mut piece).unwrap();
            bytes.extend_from_slice(&piece[..n]);
            assert_eq!(logs.delivered(), bytes.len() as u64);
            if n == 0 {
                break;
            }
        }
        assert_eq!(bytes, log.as_bytes());
    }
    let error = client
        .version_logs(&lemmatizer, lemmatizer::VERSION_WITHOUT_COMPILATION)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoLog);
}

/// The service lists a version with its build, but responds with 404 to a request for the version.
#[test]
fn the_log_of_a_listed_version_that_is_not_found_is_its_builds_log() {
    let cluster = Cluster::start();
    let lemmatizer = algorithm("acme/Lemmatizer");
    let path = |hash: &str| format!("/v1/algorithms/acme/Lemmatizer/versions/{hash}");
    let gone = || {
        Reply::json(
            404,
            r#"{"error":{"code":1014,"message":"no such version"}}"#,
        )
    };
    cluster.script(&path(lemmatizer::VERSION), gone());
    let client = client(&cluster);
    let mut log = String::new();
    let logs = client.version_logs(&lemmatizer, lemmatizer::VERSION);
    logs.unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(log, lemmatizer::SUCCEEDED_LOG);
    // A version without a build, and one that is not listed at all.
    let hashes = [lemmatizer::VERSION_WITHOUT_COMPILATION, documented::VERSION];
    for hash in hashes {
        cluster.script(&path(hash), gone());
        let error = client.version_logs(&lemmatizer, hash).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}

#[test]
fn the_first_error_of_a_log_is_final_and_survives_io() {
    let cluster = Cluster::start();
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"logs\":\"abc";
    cluster.script(LOGS, Reply::raw().send(cut).fin());
    let mut logs = client(&cluster).build_logs(&paged(), "b").unwrap();
    let mut text = String::new();
    let error = logs.read_to_string(&mut text).unwrap_err();
    assert_eq!(text, "abc", "what came before it is delivered");
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    let error = error.downcast::<Error>().unwrap();
    assert_eq!(error.kind(), ErrorKind::Incomplete);
    assert_eq!(
        error.to_string(),
        "log of build b of acme/Paged: the response was cut short"
    );
    for _ in 0..3 {
        let again = logs.read(&mut [0; 10]).unwrap_err();
        assert_eq!(again.to_string(), error.to_string());
    }
    assert_eq!(logs.delivered(), 3);
}

#[test]
fn errors_have_kinds_and_messages() {
    let cluster = Cluster::start();
    let client = client(&cluster);
    let lemmatizer = algorithm("acme/Lemmatizer");
    let build = |id: &str| client.build(&lemmatizer, id).unwrap_err();
    let logs = |id: &str| client.build_logs(&lemmatizer, id).unwrap_err();
    let error = build("nope");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        (error.status(), error.service_code()),
        (Some(404), Some(1010))
    );
    assert_eq!(error.service_message(), Some("build nope not found"));
    assert!(error.source().is_none());
    let error = logs(lemmatizer::LOST);
    assert_eq!(error.kind(), ErrorKind::NoLog);
    assert_eq!(
        (error.status(), error.service_code()),
        (Some(404), Some(1011))
    );
    let error = logs(lemmatizer::IN_PROGRESS);
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::NotFinished, None)
    );
    let error = client.build(&algorithm("acme/Secret"), "b").unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Unauthorized, Some(403))
    );
    let error = client
        .version(&lemmatizer, documented::VERSION)
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.service_code()),
        (ErrorKind::NotFound, Some(1014))
    );
    // No request was sent for these.
    let before = cluster.requests().len();
    for error in [build(".."), build("a/b"), logs(""), build(&"x".repeat(256))] {
        assert_eq!(
            (error.kind(), error.status()),
            (ErrorKind::InvalidInput, None)
        );
    }
    assert_eq!(cluster.requests().len(), before);
    // Nothing listens on port 1. The port of a stopped cluster may stay open for a moment, in a child process that
    // another test has just forked.
    let client = builder_at("http://127.0.0.1:1").retries(0).build().unwrap();
    let error = client.build(&lemmatizer, "b").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(
        error.to_string(),
        "build b of acme/Lemmatizer: cannot connect to http://127.0.0.1:1"
    );
    let source = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn on_request_is_called_once_for_each_finished_request() {
    let cluster = Cluster::start();
    let summaries: Arc<Mutex<Vec<RequestSummary>>> = Arc::default();
    let observer = Arc::clone(&summaries);
    let client = builder(&cluster)
        .on_request(move |exchange| observer.lock().unwrap().push(exchange.clone()))
        .build()
        .unwrap();
    let take = || -> Vec<(String, Option<u16>, u64)> {
        let exchanges = std::mem::take(&mut *summaries.lock().unwrap());
        let base = cluster.url();
        exchanges
            .into_iter()
            .map(|e| (e.url.replace(&base, ""), e.status, e.bytes))
            .collect()
    };
    let summary = |path: &str, status, bytes| (path.to_owned(), status, bytes);
    let length = documented::BUILDS_JSON.len() as u64;
    let path = "/v1/algorithms/ALGO_OWNER/ALGO_NAME/builds";
    client.builds(&algorithm("ALGO_OWNER/ALGO_NAME")).count();
    assert_eq!(take(), [summary(path, Some(200), length)]);

    cluster.script(BUILD, Reply::raw().fin());
    cluster.script(BUILD, Reply::status(503).body("busy"));
    client.build(&paged(), "b").unwrap_err();
    let first = [summary(BUILD, None, 0), summary(BUILD, Some(503), 4)];
    assert_eq!(take()[..2], first);

    // The request for a log ends when the log has been read or dropped.
    let document = r#"{"logs":"abc"}"#;
    cluster.script_always(LOGS, Reply::json(200, document));
    let mut logs = client.build_logs(&paged(), "b").unwrap();
    assert_eq!(take(), []);
    io::copy(&mut logs, &mut io::sink()).unwrap();
    let whole = summary(LOGS, Some(200), document.len() as u64);
    assert_eq!(take(), std::slice::from_ref(&whole));
    drop(logs);
    assert_eq!(take(), [], "once");
    drop(client.build_logs(&paged(), "b").unwrap());
    assert_eq!(take(), [whole]);

    let redirect = Reply::status(307).header("Location", "https://x.example.com/");
    cluster.script(BUILD, redirect);
    client.build(&paged(), "b").unwrap_err();
    assert_eq!(take(), [summary(BUILD, Some(307), 0)]);
}

#[test]
fn on_request_is_called_for_requests_that_were_sent() {
    let cluster = Cluster::start();
    let urls = Arc::new(Mutex::new(Vec::new()));
    let observer = Arc::clone(&urls);
    let client = builder(&cluster)
        .on_request(move |request| observer.lock().unwrap().push(request.url.clone()))
        .build()
        .unwrap();
    let path = "/v1/algorithms/acme/Paged/builds";
    // Each page takes 0.7 s, so the last second of the wait is over before the second page arrives.
    for marker in ["m".repeat(3000), "n".to_owned(), "o".to_owned()] {
        let page = format!(r#"{{"marker":"{marker}","results":[]}}"#);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", page.len());
        let reply = Reply::raw().wait(Duration::from_millis(700));
        cluster.script(path, reply.send(head + &page));
    }
    let wait = Wait::default().timeout(Duration::ZERO);
    let error = client
        .wait_for_newest_build(&paged(), |_| true, wait)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    client.shutdown();
    client.build(&paged(), "b").unwrap_err();
    let urls = urls.lock().unwrap();
    assert_eq!(urls.len(), cluster.requests().len());
    assert_eq!(urls.len(), 2);
    // A URL is shortened.
    assert_eq!(urls[1].chars().count(), 1001);
}

/// An error can be sent with status 200.
#[test]
fn an_error_is_the_result_of_the_method_whatever_its_status() {
    let cluster = Cluster::start();
    let client = client(&cluster);
    let version = "/v1/algorithms/acme/Paged/versions/c0ffee";
    let id = data::paged_build_id(0);
    let logs = format!("/v1/algorithms/acme/Paged/builds/{id}/logs");
    for status in [200, 400, 404] {
        let own = (status != 200).then_some(status);
        for (code, kind) in [
            (1010, ErrorKind::NotFound),
            (1011, ErrorKind::NoLog),
            (2002, ErrorKind::Unauthorized),
        ] {
            let json = format!(r#"{{"error":{{"code":{code},"message":"m"}}}}"#);
            cluster.script(version, Reply::json(status, &json));
            cluster.script(&logs, Reply::json(status, &json));
            for error in [
                client.version(&paged(), "c0ffee").unwrap_err(),
                client.build_logs(&paged(), &id).unwrap_err(),
            ] {
                assert_eq!((error.kind(), error.status()), (kind, own), "{error}");
                assert_eq!(error.service_code(), Some(code), "{error}");
            }
        }
    }
}

#[test]
fn a_client_takes_a_base_url() {
    let url: BaseUrl = "https://cluster.example.com/v1".parse().unwrap();
    for builder in [
        Client::builder(url.to_string()),
        Client::builder("cluster.example.com"),
        Client::builder("https://cluster.example.com/".to_owned()),
    ] {
        assert_eq!(builder.build().unwrap().base_url(), &url);
    }
}

#[test]
fn without_a_token_none_is_sent() {
    let cluster = Cluster::start();
    let client = Client::builder(cluster.url()).build().unwrap();
    let error = client.build(&paged(), "b").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    let request = cluster.requests().pop().unwrap();
    assert_eq!(request.header("Authorization"), None);
}

#[test]
fn unusable_settings_are_rejected_when_the_client_is_built() {
    let message = |builder: ClientBuilder| {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        error.to_string()
    };
    let builder = || Client::builder("cluster.example.com");
    assert_eq!(
        message(Client::builder("http://192.0.2.1:8080/v1")),
        "http://192.0.2.1:8080 would send the key unencrypted: http is only allowed for a loopback address"
    );
    assert_eq!(
        message(builder().timeout(Duration::ZERO)),
        "the timeout must be greater than 0"
    );
    assert_eq!(
        message(builder().root_certificates("junk")),
        "the CA certificates cannot be used: no certificates found"
    );
    let allowed = Client::builder("http://192.0.2.1").allow_http(true);
    let client = allowed.build().unwrap();
    assert_eq!(client.base_url().to_string(), "http://192.0.2.1");
}

/// Covers a bug: ureq panicked on a timeout that no clock can represent.
#[test]
fn extreme_settings_do_not_panic() {
    let cluster = Cluster::start();
    let patient = builder(&cluster)
        .timeout(Duration::MAX)
        .retries(u32::MAX)
        .retry_delay(Duration::MAX)
        .idle_connections(usize::MAX)
        .build()
        .unwrap();
    let build = data::paged_build_id(0);
    patient.build(&paged(), &build).unwrap();
    // A name lookup has a timeout of its own.
    let named = format!("http://localhost:{}", cluster.port());
    let named = builder_at(&named).timeout(Duration::MAX);
    named.build().unwrap().build(&paged(), &build).unwrap();
    let wait = Wait::default()
        .timeout(Duration::MAX)
        .interval(Duration::MAX);
    patient.wait_for_build(&paged(), &build, wait).unwrap();
}
