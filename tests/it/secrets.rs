//! The key appears only in its header. The table of faults checks the program's output; these tests check the library,
//! its log records, and proxies.

use std::cell::RefCell;
use std::error::Error as _;
use std::io::Read;

use algo_logs::{Client, Error, Token};

use crate::client::{algorithm, builder};
use crate::cluster::{Cluster, Identity, KEY, Reply, tls};
use crate::program::{Program, TempDir};

const LOGS: &str = "/v1/algorithms/acme/x/builds/b1/logs";

fn client(cluster: &Cluster) -> Client {
    let client = builder(cluster).root_certificates(tls::ca_pem());
    client.retries(0).build().unwrap()
}

thread_local! {
    /// The records of this thread since a test set it.
    static RECORDS: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps the records of a program that limits `ureq_proto` to level debug, as the documentation recommends.
struct Logger;

impl log::Log for Logger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        !metadata.target().starts_with("ureq_proto") || metadata.level() <= log::Level::Debug
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            // Format the record before the borrow, because formatting may log, too.
            let line = format!("{} {} {}\n", record.level(), record.target(), record.args());
            RECORDS.with_borrow_mut(|records| {
                if let Some(records) = records {
                    records.push_str(&line);
                }
            });
        }
    }

    fn flush(&self) {}
}

#[test]
fn log_records_except_ureq_protos_at_level_trace_do_not_show_the_key() {
    log::set_logger(&Logger).expect("it is the only one");
    log::set_max_level(log::LevelFilter::Trace);
    for cluster in [Cluster::start(), Cluster::start_tls(Identity::good())] {
        cluster.script(LOGS, Reply::json(200, r#"{"logs":"x"}"#));
        RECORDS.set(Some(String::new()));
        let client = client(&cluster);
        assert!(client.builds(&algorithm("acme/x")).next().unwrap().is_err());
        let mut log = client.build_logs(&algorithm("acme/x"), "b1").unwrap();
        assert_eq!(log.read_to_end(&mut Vec::new()).unwrap(), 1);
        let records = RECORDS.take().unwrap();
        assert!(records.contains("DEBUG ureq::"), "{records}");
        assert!(!records.contains(KEY), "{records}");
        let records = records.to_lowercase();
        assert!(!records.contains("authorization"), "{records}");
    }
}

#[test]
fn debug_and_display_never_show_the_key() {
    let cluster = Cluster::start();
    let builder = builder(&cluster);
    let client = client(&cluster);
    let with_password = Client::builder(format!("https://u:{KEY}@h"));
    let mut shown = vec![
        format!("{:?}", Token::simple(KEY)),
        format!("{:?}", Token::simple(format!("{KEY} {KEY}")).unwrap_err()),
        format!("{builder:?} {client:?} {with_password:?}"),
        format!("{:?}", client.builds(&algorithm("acme/x"))),
    ];
    // A service may repeat what it received.
    for reply in [
        Reply::json(500, &format!(r#"{{"error":"{KEY}"}}"#)).header("X-Error-Message", KEY),
        Reply::status(302).header("Location", &format!("https://{KEY}/{KEY}")),
        Reply::json(200, "{}").header("Content-Encoding", KEY),
        Reply::json(200, &format!(r#"{{"error":"{KEY}"}}"#)),
        Reply::json(200, &format!(r#"{{"logs":{KEY}}}"#)),
    ] {
        cluster.script(LOGS, reply);
        let logs = client.build_logs(&algorithm("acme/x"), "b1");
        let error = logs.and_then(|mut logs| {
            shown.push(format!("{logs:?}"));
            let error = logs.read_to_end(&mut Vec::new()).unwrap_err();
            Err::<(), _>(error.downcast::<Error>().unwrap())
        });
        let error = error.unwrap_err();
        shown.push(format!("{error} {error:?} {:?}", error.service_message()));
        let mut source = error.source();
        while let Some(cause) = source {
            shown.push(format!("{cause} {cause:?}"));
            source = cause.source();
        }
        shown.push(format!("{:?}", std::io::Error::from(error)));
    }
    for text in shown {
        let text = text.to_lowercase();
        assert!(!text.contains(&KEY.to_lowercase()), "{text}");
    }
}

#[test]
fn the_key_is_redacted_from_every_line_on_stderr() {
    const BUILDS: &str = "/v1/algorithms/acme/x/builds";
    const VERSIONS: &str = "/v1/algorithms/acme/x/versions";
    let cluster = Cluster::start();
    let list = |path: &str, item: &str| {
        cluster.script(
            path,
            Reply::json(200, &format!(r#"{{"results":[{item}]}}"#)),
        );
    };
    let build = |id: &str, commit: &str, started: &str| {
        format!(
            r#"{{"build_id":"{id}","status":"failed","commit_sha":"{commit}","started_at":"{started}"}}"#
        )
    };

    // A build ID in a file name and in a URL.
    list(BUILDS, &build(KEY, "c", "t"));
    list(VERSIONS, "");
    let dir = TempDir::new();
    let target = dir.path().join(format!("acme/x/t-{KEY}.log"));
    std::fs::create_dir_all(target).unwrap();
    let save = format!("save acme/x -v -d {}", dir.path().display());
    let outcome = Program::on(&cluster).run(&save);
    assert_eq!(outcome.code, Some(7), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("t-[key].log"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains(KEY), "{}", outcome.stderr);
    list(BUILDS, &build(KEY, "c", "t"));
    let path = format!("{BUILDS}/{KEY}/logs");
    cluster.script(&path, Reply::json(200, r#"{"logs":""}"#));
    let outcome = Program::on(&cluster).run("log acme/x -v");
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stderr.contains("/builds/[key]/logs 200 "));
    assert!(!outcome.stderr.contains(KEY), "{}", outcome.stderr);

    // A commit, and a time that is truncated within the key.
    let start = "t".repeat(70);
    list(BUILDS, &build("b1", KEY, &format!("{start}{KEY}")));
    cluster.script(LOGS, Reply::json(200, r#"{"logs":"one\n"}"#));
    Program::on(&cluster).run("log acme/x").is(
        0,
        "one\n",
        &format!("algo-logs: build b1 (failed, commit [key], started {start}[key])\n"),
    );

    // The hash of a version.
    let version =
        format!(r#"{{"version_info":{{"semantic_version":"1.0.0","git_hash":"{KEY}"}}}}"#);
    list(VERSIONS, &version);
    let output = Reply::json(200, r#"{"compilation":{"output":"one\n"}}"#);
    cluster.script(&format!("{VERSIONS}/{KEY}"), output);
    Program::on(&cluster).run("log acme/x/1.0.0").is(
        0,
        "one\n",
        "algo-logs: version 1.0.0, commit [key]\n",
    );

    // An argument, in a JSON error.
    let outcome = Program::on(&cluster).run(&format!("builds acme/{KEY} --json"));
    outcome.fails(
        5,
        "{\"error\":{\"kind\":\"not-found\",\"message\":\"builds of acme/[key]: there is no such algorithm (status 404), the \
         service says: algorithm algo://acme/[key] not found\",\"status\":404,\"code\":1001,\"exit\":5}}\n",
    );
}

#[test]
fn invalid_names_are_rejected_before_a_connection() {
    let cluster = Cluster::start();
    for words in [
        &["builds", "acme/x y"][..],
        &["builds", "acme/x\r\nHost: evil"],
        &["builds", "acme/x?limit=1"],
        &["builds", "acme/x#"],
        &["builds", "acme/.."],
        &["builds", "../../x"],
        &["builds", "acme/%2e%2e"],
        &["builds", "acme/\u{202e}"],
        &["builds", ""],
        &["log", "acme/x", "b 1"],
        &["log", "acme/x", "b1\n"],
        &["log", "acme/x", "b1?a=b"],
        &["log", "acme/x", "a/b"],
        &["log", "acme/x", "."],
        &["log", "acme/x", ""],
        &["log", "acme/x/..", "-n", "1"],
    ] {
        let outcome = Program::on(&cluster).run_words(words);
        assert_eq!(outcome.code, Some(2), "{words:?}: {}", outcome.stderr);
        assert_eq!(outcome.stderr.lines().count(), 1, "{words:?}");
        assert_eq!(outcome.stdout, b"");
    }
    assert_eq!(cluster.connections(), 0);
}
