//! Tests of the fake cluster itself, because other tests rely on it.
#![allow(
    unused_imports,
    reason = "a benchmark without a harness is compiled with cfg(test), but without its tests"
)]

use std::collections::HashSet;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::big::{BigLog, Flavour};
use super::data::{self, JWT, KEY, documented, lemmatizer};
use super::reply::{self, Reply, chunked, content_length};
use super::tls::{self, Identity};
use super::{Cluster, Request};

/// A received response, with its body still encoded.
#[derive(Debug)]
struct Response {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Response {
    #[track_caller]
    fn read(from: &mut impl Read) -> Response {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).expect("a complete response");
        Response::parse(&bytes)
    }

    #[track_caller]
    fn parse(bytes: &[u8]) -> Response {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.expect("a head") + 4;
        let head = String::from_utf8(bytes[..end].to_vec()).expect("an ASCII head");
        Response {
            status: head[9..12].parse().expect("a status"),
            head,
            body: bytes[end..].to_vec(),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.strip_prefix(": "))
    }

    #[track_caller]
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    #[track_caller]
    fn code(&self) -> (u16, u64) {
        let code = self.json()["error"]["code"].as_u64();
        (self.status, code.expect("a code"))
    }
}

#[track_caller]
fn connect(cluster: &Cluster) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", cluster.port())).expect("it listens");
    // Make a broken test fail instead of hang.
    let limit = Some(Duration::from_secs(20));
    stream.set_read_timeout(limit).expect("a limit");
    stream
}

fn request(method: &str, target: &str, headers: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
}

fn get(target: &str) -> String {
    request("GET", target, &format!("Authorization: Simple {KEY}\r\n"))
}

#[track_caller]
fn send(cluster: &Cluster, method: &str, target: &str, headers: &str) -> Response {
    let mut stream = connect(cluster);
    let request = request(method, target, &format!("Connection: close\r\n{headers}"));
    stream.write_all(request.as_bytes()).expect("sent");
    Response::read(&mut stream)
}

/// Requests a path below `/v1/algorithms/` with the key.
#[track_caller]
fn fetch(cluster: &Cluster, target: &str) -> Response {
    let authorization = format!("Authorization: Simple {KEY}\r\n");
    send(
        cluster,
        "GET",
        &format!("/v1/algorithms/{target}"),
        &authorization,
    )
}

#[track_caller]
fn log(cluster: &Cluster, build: &str) -> String {
    let response = fetch(cluster, &format!("{build}/logs"));
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()["logs"].as_str().expect("a log").to_owned()
}

/// Reads one response with a `Content-Length` from a connection that stays open.
#[track_caller]
fn read_one(stream: &mut TcpStream) -> Response {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a head");
        bytes.push(byte[0]);
    }
    let mut response = Response::parse(&bytes);
    let length = response.header("Content-Length").expect("a length");
    response.body = vec![0; length.parse().expect("a number")];
    stream.read_exact(&mut response.body).expect("a body");
    response
}

#[test]
fn documented_responses_are_sent_byte_for_byte() {
    let cluster = Cluster::start();
    let logs = format!("builds/{}/logs", documented::BUILD);
    let version = format!("versions/{}", documented::VERSION);
    for (target, expected) in [
        ("builds", documented::BUILDS_JSON),
        ("builds?limit=2", documented::BUILDS_JSON),
        (&logs, documented::BUILD_LOGS_JSON),
        ("versions", documented::VERSIONS_JSON),
        (&version, documented::VERSION_JSON),
    ] {
        let response = fetch(&cluster, &format!("ALGO_OWNER/ALGO_NAME/{target}"));
        assert_eq!(
            (response.status, response.text()),
            (200, expected),
            "{target}"
        );
        assert_eq!(response.header("Content-Type"), Some("application/json"));
    }
    let first = fetch(&cluster, "ALGO_OWNER/ALGO_NAME/builds?limit=1").json();
    assert_eq!(first["results"].as_array().unwrap().len(), 1);
    for (index, id) in [documented::BUILD, documented::OLDER_BUILD]
        .iter()
        .enumerate()
    {
        let list: Value = serde_json::from_str(documented::BUILDS_JSON).unwrap();
        let build = fetch(&cluster, &format!("ALGO_OWNER/ALGO_NAME/builds/{id}"));
        assert_eq!(build.json(), list["results"][index]);
    }
    assert_ne!(
        log(
            &cluster,
            &format!("ALGO_OWNER/ALGO_NAME/builds/{}", documented::OLDER_BUILD)
        ),
        ""
    );
}

#[test]
fn a_key_is_required() {
    let cluster = Cluster::start();
    for (authorization, status) in [
        (format!("Authorization: Simple {KEY}\r\n"), 200),
        (format!("authorization: Bearer {JWT}\r\n"), 200),
        (format!("Authorization: Simple {JWT}\r\n"), 200),
        (format!("Authorization: Bearer {KEY}\r\n"), 401),
        (format!("Authorization: {KEY}\r\n"), 200),
        (format!("Authorization: Simple {KEY}x\r\n"), 401),
        (String::new(), 401),
    ] {
        let response = send(
            &cluster,
            "GET",
            "/v1/algorithms/acme/Empty/builds",
            &authorization,
        );
        assert_eq!(response.status, status, "{authorization}");
        if status == 401 {
            assert_eq!(response.code(), (401, 2002));
        }
    }
}

#[test]
fn each_missing_item_has_its_own_error() {
    let cluster = Cluster::start();
    let lost = format!("acme/Lemmatizer/builds/{}/logs", lemmatizer::LOST);
    let running = format!("acme/Lemmatizer/builds/{}/logs", lemmatizer::IN_PROGRESS);
    for (target, code) in [
        ("acme/Nothing/builds", (404, 1001)),
        ("nobody/Lemmatizer/versions", (404, 1001)),
        ("acme/Secret/builds", (403, 2001)),
        ("acme/Lemmatizer/builds/nothing", (404, 1010)),
        ("acme/Lemmatizer/builds/nothing/logs", (404, 1010)),
        ("acme/Big/builds/docker-x", (404, 1010)),
        ("acme/Lemmatizer/versions/1.0.0", (404, 1014)),
        (&running, (404, 1011)),
        (&lost, (404, 1011)),
    ] {
        assert_eq!(fetch(&cluster, target).code(), code, "{target}");
    }
    for target in [
        "acme",
        "acme/Lemmatizer/runs",
        "acme/Lemmatizer/versions/x/logs",
    ] {
        let response = fetch(&cluster, target);
        assert_eq!(
            (response.status, response.header("Content-Type")),
            (404, Some("text/html")),
            "{target}"
        );
    }
}

#[test]
fn only_get_is_allowed() {
    let cluster = Cluster::start();
    let target = "/v1/algorithms/acme/Empty/builds";
    let mut stream = connect(&cluster);
    // The body must not be parsed as the next request.
    let post = request("POST", target, "Content-Length: 5\r\n") + "GET /" + &get(target);
    stream.write_all(post.as_bytes()).unwrap();
    let refused = read_one(&mut stream);
    assert_eq!(
        (refused.status, refused.header("Allow")),
        (405, Some("GET"))
    );
    assert_eq!(read_one(&mut stream).status, 200);
    assert_eq!(send(&cluster, "HEAD", target, "").body, b"");
    stream.write_all(b"what is this?\r\n\r\n").unwrap();
    assert_eq!(Response::read(&mut stream).status, 400);
}

#[test]
fn the_lemmatizer_has_builds_of_every_kind() {
    let cluster = Cluster::start();
    let page = fetch(&cluster, "acme/Lemmatizer/builds").json();
    let builds = page["results"].as_array().unwrap();
    let kinds: Vec<(&str, &str)> = builds
        .iter()
        .map(|build| {
            (
                build["build_id"].as_str().unwrap(),
                build["status"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            (lemmatizer::IN_PROGRESS, "in-progress"),
            (lemmatizer::FAILED, "failed"),
            (lemmatizer::SUCCEEDED, "succeeded"),
            (lemmatizer::SAME_COMMIT, "succeeded"),
            (lemmatizer::CANCELED, "canceled"),
            (lemmatizer::LOST, "succeeded"),
            (lemmatizer::FULL, "succeeded"),
        ]
    );
    assert_eq!(builds[2]["commit_sha"], builds[3]["commit_sha"]);
    let times = builds
        .iter()
        .map(|build| build["started_at"].as_str().unwrap());
    assert!(times.rev().is_sorted(), "newest first");
    for (build, expected) in [
        (lemmatizer::FAILED, lemmatizer::FAILED_LOG),
        (lemmatizer::SUCCEEDED, lemmatizer::SUCCEEDED_LOG),
        (lemmatizer::SAME_COMMIT, lemmatizer::SUCCEEDED_LOG),
        (lemmatizer::CANCELED, ""),
        (lemmatizer::FULL, lemmatizer::SUCCEEDED_LOG),
    ] {
        assert_eq!(
            log(&cluster, &format!("acme/Lemmatizer/builds/{build}")),
            expected
        );
    }
}

#[test]
fn the_lemmatizer_has_versions_with_and_without_output() {
    let cluster = Cluster::start();
    let page = fetch(&cluster, "acme/Lemmatizer/versions").json();
    let versions = page["results"].as_array().unwrap();
    let expected = [
        (lemmatizer::VERSION, json!(lemmatizer::SUCCEEDED_LOG)),
        (lemmatizer::VERSION_WITHOUT_COMPILATION, json!(null)),
        (lemmatizer::VERSION_WITH_EMPTY_OUTPUT, json!("")),
        (lemmatizer::OLDEST_VERSION, json!(lemmatizer::OLDEST_OUTPUT)),
    ];
    assert_eq!(versions.len(), expected.len());
    for (listed, (hash, output)) in versions.iter().zip(expected) {
        assert_eq!(listed["version_info"]["git_hash"], hash);
        assert_eq!(listed.get("compilation"), None);
        let single = fetch(&cluster, &format!("acme/Lemmatizer/versions/{hash}")).json();
        assert_eq!(single["compilation"]["output"], output);
        assert_eq!(single["version_info"], listed["version_info"]);
    }
    assert_eq!(versions[2]["build"]["build_id"], lemmatizer::FULL);
}

#[test]
fn markers_lead_to_the_next_page() {
    let cluster = Cluster::start();
    cluster.page_size(10);
    let (mut pages, mut ids, mut marker) = (0, HashSet::new(), String::new());
    loop {
        let page = fetch(&cluster, &format!("acme/Paged/builds?{marker}")).json();
        let results = page["results"].as_array().unwrap();
        ids.extend(
            results
                .iter()
                .map(|build| build["build_id"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        let Some(text) = page["marker"].as_str() else {
            assert_eq!(
                page,
                json!({"marker": null, "next_link": null, "results": results})
            );
            break;
        };
        assert!("+/=& %".chars().all(|c| text.contains(c)), "{text}");
        let link = page["next_link"].as_str().unwrap();
        let (base, query) = link.split_once('?').unwrap();
        assert_eq!(
            base,
            "http://api.algorithmia.com/v1/algorithms/acme/Paged/builds"
        );
        marker = query.to_owned();
    }
    assert_eq!((pages, ids.len()), (6, data::PAGED_BUILDS));
    assert!((0..data::PAGED_BUILDS).all(|index| ids.contains(&data::paged_build_id(index))));
    assert_eq!(
        fetch(&cluster, &format!("acme/Paged/versions?{marker}")).code(),
        (400, 5002)
    );
}

#[test]
fn limits_are_validated() {
    let cluster = Cluster::start();
    for (limit, expected) in [
        ("", Ok(50)),
        ("?limit=1", Ok(1)),
        ("?limit=100", Ok(data::PAGED_BUILDS)),
        ("?limit=101", Err((400, 5003))),
        ("?limit=0", Err((400, 5003))),
        ("?limit=-1", Err((400, 5003))),
        ("?limit=", Err((400, 5003))),
        ("?marker=nonsense", Err((400, 5002))),
        ("?marker=", Err((400, 5002))),
    ] {
        let response = fetch(&cluster, &format!("acme/Paged/builds{limit}"));
        let got = match response.status {
            200 => Ok(response.json()["results"].as_array().unwrap().len()),
            _ => Err(response.code()),
        };
        assert_eq!(got, expected, "{limit}");
    }
    cluster.max_page_size(5);
    assert_eq!(
        fetch(&cluster, "acme/Paged/builds?limit=6").code(),
        (400, 5003)
    );
}

#[test]
fn versions_are_filtered() {
    let cluster = Cluster::start();
    for (query, published, public) in [
        ("published=true", Some(true), None),
        ("published=false", Some(false), None),
        ("callable=true", None, Some(true)),
        ("callable=false", None, Some(false)),
        ("published=true&callable=false", Some(true), Some(false)),
    ] {
        let page = fetch(&cluster, &format!("acme/Paged/versions?{query}")).json();
        let shown = page["results"].as_array().unwrap().len();
        let expected = (0..data::PAGED_VERSIONS).filter(|index| {
            published.is_none_or(|published| published == (index % 2 == 0))
                && public.is_none_or(|public| public == (index % 3 == 0))
        });
        assert_eq!(shown, expected.count(), "{query}");
    }
    let first = fetch(&cluster, "acme/Paged/versions?limit=4&callable=true").json();
    let marker = first["next_link"]
        .as_str()
        .unwrap()
        .split_once('?')
        .unwrap()
        .1;
    let second = fetch(
        &cluster,
        &format!("acme/Paged/versions?limit=4&callable=true&{marker}"),
    )
    .json();
    // Every third version is public; this is the fifth of those.
    assert_eq!(
        second["results"][0]["version_info"]["git_hash"],
        data::paged_commit(12)
    );
    let unfiltered = fetch(&cluster, &format!("acme/Paged/versions?limit=4&{marker}")).json();
    assert_eq!(
        unfiltered["results"][1]["version_info"]["git_hash"],
        data::paged_commit(13)
    );
    assert_eq!(
        fetch(&cluster, "acme/Paged/versions?callable=1").status,
        400
    );
}

#[test]
fn a_build_in_progress_finishes() {
    let cluster = Cluster::start();
    let build = "acme/Waiting/builds/b-wait";
    let status = || {
        fetch(&cluster, build).json()["status"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        fetch(&cluster, &format!("{build}/logs")).code(),
        (404, 1011)
    );
    assert_eq!(
        [status(), status(), status()],
        ["in-progress", "in-progress", "succeeded"]
    );
    assert_eq!(log(&cluster, build), data::WAITING_LOG);
    cluster.finish_after(1);
    assert_eq!([status(), status()], ["in-progress", "succeeded"]);
    cluster.finish_after(0);
    assert_eq!(status(), "succeeded");
}

#[test]
fn requests_are_recorded() {
    let cluster = Cluster::start();
    let mut stream = connect(&cluster);
    stream
        .write_all(b"GET /a/b?c=%2F&d HTTP/1.1\r\nhost: x\r\nX-A:  1\r\nx-a: 2 \r\n\r\n")
        .unwrap();
    read_one(&mut stream);
    stream.write_all(get("/second").as_bytes()).unwrap();
    read_one(&mut stream);
    send(&cluster, "GET", "/third", "");
    let requests = cluster.requests();
    let first = &requests[0];
    assert_eq!(
        (first.method.as_str(), first.target.as_str()),
        ("GET", "/a/b?c=%2F&d")
    );
    assert_eq!((first.path(), first.query()), ("/a/b", "c=%2F&d"));
    let headers = [("host", "x"), ("X-A", "1"), ("x-a", "2")];
    assert_eq!(
        first.headers,
        headers.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(first.header("HOST"), Some("x"));
    let connections: Vec<usize> = requests.iter().map(|request| request.connection).collect();
    assert_eq!((connections, cluster.connections()), (vec![1, 1, 2], 2));
}

#[test]
fn requests_may_arrive_in_pieces_or_several_at_once() {
    let cluster = Cluster::start();
    let mut stream = connect(&cluster);
    let text = get("/v1/algorithms/acme/Empty/builds");
    for byte in text.as_bytes() {
        stream.write_all(&[*byte]).unwrap();
    }
    assert_eq!(read_one(&mut stream).status, 200);
    let long = request("GET", "/x", &format!("X-Long: {}\r\n", "x".repeat(10_000)));
    stream.write_all((long + &text + &text).as_bytes()).unwrap();
    let statuses = [(); 3].map(|()| read_one(&mut stream).status);
    assert_eq!(statuses, [404, 200, 200]);
}

#[test]
fn invalid_requests_are_rejected() {
    let cluster = Cluster::start();
    for head in [
        "what is this?",
        "GET /x",
        "GET /x HTTP/2",
        "GET x HTTP/1.1",
        "GET /x HTTP/1.1 y",
        "GET /x HTTP/1.1\r\nno header",
    ] {
        let mut stream = connect(&cluster);
        stream
            .write_all(format!("{head}\r\n\r\n").as_bytes())
            .unwrap();
        assert_eq!(Response::read(&mut stream).status, 400, "{head}");
    }
    assert_eq!(cluster.requests(), []);
    let mut stream = connect(&cluster);
    // The cluster may reject it before all of it is sent.
    let _ = stream.write_all(request("GET", "/x", &"X: 1\r\n".repeat(20_000)).as_bytes());
    assert!(
        matches!(stream.read(&mut [0]), Ok(0) | Err(_)),
        "a head without end"
    );
    assert_eq!(cluster.requests(), []);
}

#[test]
fn paths_are_decoded() {
    let cluster = Cluster::start();
    assert_eq!(fetch(&cluster, "ac%6de/%45mpty/builds").status, 200);
    for path in [
        "ac%2Fme/Empty",
        "acme/Empty%",
        "acme/Empty%4",
        "acme/Empty%zz",
    ] {
        let response = fetch(&cluster, &format!("{path}/builds"));
        let message = format!("algorithm algo://{} not found", path.replace("%2F", "/"));
        assert_eq!(response.json()["error"]["message"], message);
    }
}

#[test]
fn a_connection_is_closed_on_request() {
    let cluster = Cluster::start();
    for (version, header, closed) in [
        ("1.1", "", false),
        ("1.1", "Connection: keep-alive\r\n", false),
        ("1.1", "connection: Close\r\n", true),
        ("1.0", "", true),
    ] {
        let mut stream = connect(&cluster);
        stream
            .write_all(format!("GET /x HTTP/{version}\r\n{header}\r\n").as_bytes())
            .unwrap();
        let response = read_one(&mut stream);
        assert_eq!(
            response.header("Connection") == Some("close"),
            closed,
            "{version} {header}"
        );
        stream
            .set_read_timeout(Some(Duration::from_millis(if closed {
                20_000
            } else {
                50
            })))
            .unwrap();
        assert_eq!(stream.read(&mut [0]).is_ok(), closed, "{version} {header}");
    }
}

#[test]
fn scripted_replies_are_sent_in_order() {
    let cluster = Cluster::start();
    let status = |target: &str| fetch(&cluster, target).status;
    cluster.script_always("/v1/algorithms/acme/Empty/builds", Reply::status(503));
    cluster.script("/v1/algorithms/acme/Empty/builds", Reply::status(500));
    cluster.script("/v1/algorithms/acme/Empty/builds", Reply::status(502).fin());
    assert_eq!(status("acme/Empty/versions"), 200);
    let statuses = [(); 4].map(|()| {
        let mut stream = connect(&cluster);
        stream
            .write_all(get("/v1/algorithms/acme/Empty/builds?limit=3").as_bytes())
            .unwrap();
        read_one(&mut stream).status
    });
    assert_eq!(statuses, [500, 502, 503, 503]);
}

#[test]
fn steps_are_sent_unchanged() {
    let cluster = Cluster::start();
    let reply = Reply::raw()
        .send("HTTP/1.1 200 OK\r\n")
        .wait(Duration::from_millis(50))
        .drip("X-Slow: 1\r\n\r\n", Duration::from_millis(2))
        .repeat("ab", 3)
        .repeat("", 3)
        .repeat("ab", 0)
        .send([0xff])
        .fin();
    cluster.script("/x", reply);
    let start = Instant::now();
    let mut stream = connect(&cluster);
    stream.write_all(get("/x").as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"HTTP/1.1 200 OK\r\nX-Slow: 1\r\n\r\nababab\xff");
    assert!(start.elapsed() >= Duration::from_millis(50 + 2 * 13));
}

#[test]
fn a_missing_content_length_is_added() {
    for (reply, expected) in [
        (Reply::json(200, "{}"), Some("2")),
        (Reply::status(503), Some("0")),
        (Reply::status(204), None),
        (
            Reply::status(200).header("content-length", "9").body("{}"),
            None,
        ),
        (
            Reply::status(200).header("Transfer-Encoding", "chunked"),
            None,
        ),
    ] {
        let head = reply.response.as_ref().unwrap().head();
        assert_eq!(
            Response::parse(&head).header("Content-Length"),
            expected,
            "{reply:?}"
        );
    }
}

#[test]
fn rst_resets_and_fin_closes_cleanly() {
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
            let mut stream = connect(&cluster);
            stream.write_all(get("/x").as_bytes()).unwrap();
            let mut bytes = Vec::new();
            let result = stream.read_to_end(&mut bytes);
            assert_eq!(result.err().map(|error| error.kind()), error);
            assert_eq!(bytes, part, "what was sent before arrives");
        }
    }
    cluster.script("/x", Reply::raw().rst());
    let mut stream = connect(&cluster);
    stream.write_all(get("/x").as_bytes()).unwrap();
    let error = stream.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_stall_ends_with_the_client_or_the_cluster() {
    let cluster = Cluster::start();
    cluster.script_always("/x", Reply::raw().send("HTTP/1.1 ").stall());
    let mut gone = connect(&cluster);
    gone.write_all(get("/x").as_bytes()).unwrap();
    gone.read_exact(&mut [0; 9]).unwrap();
    drop(gone);
    let mut patient = connect(&cluster);
    patient.write_all(get("/x").as_bytes()).unwrap();
    patient.read_exact(&mut [0; 9]).unwrap();
    patient
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let silence = patient.read(&mut [0]).unwrap_err();
    // Unix reports the first kind, Windows the second.
    assert!(matches!(
        silence.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut
    ));
    drop(cluster);
    assert_eq!(patient.read(&mut [0]).unwrap(), 0);
}

#[test]
fn dropping_a_cluster_does_not_block() {
    let hour = Duration::from_secs(3600);
    let cluster = Cluster::start();
    cluster.script("/wait", Reply::raw().send("x").wait(hour));
    cluster.script("/drip", Reply::raw().send("x").drip("abc", hour));
    cluster.script("/endless", Reply::raw().repeat("x", u64::MAX));
    let big = "/v1/algorithms/acme/Big/builds/docker-1099511627776/logs";
    let streams: Vec<TcpStream> = ["/wait", "/drip", "/endless", big]
        .iter()
        .map(|target| {
            let mut stream = connect(&cluster);
            stream.write_all(get(target).as_bytes()).unwrap();
            stream.read_exact(&mut [0]).unwrap();
            stream
        })
        .collect();
    let idle = connect(&cluster);
    cluster.latency(hour);
    let mut late = connect(&cluster);
    late.write_all(get("/late").as_bytes()).unwrap();
    while cluster.requests().len() < 5 {
        std::thread::yield_now();
    }
    let start = Instant::now();
    drop(cluster);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    drop((streams, idle, late));
}

#[test]
fn a_port_can_be_reused() {
    let port = Cluster::start().port();
    let again = Cluster::start_on(port).unwrap();
    assert_eq!(again.url(), format!("http://127.0.0.1:{port}"));
}

#[test]
fn latency_and_rate_slow_responses_down() {
    let cluster = Cluster::start();
    cluster.latency(Duration::from_millis(100));
    let start = Instant::now();
    fetch(&cluster, "acme/Empty/builds");
    assert!(start.elapsed() >= Duration::from_millis(100));
    cluster.latency(Duration::ZERO);
    cluster.rate(1_000_000);
    for target in [
        "acme/Big/builds/docker-100000/logs",
        "acme/Paged/builds?limit=57",
    ] {
        let start = Instant::now();
        let body = fetch(&cluster, target).body.len();
        let least = Duration::from_secs_f64(body as f64 / 1_000_000.0);
        assert!(start.elapsed() >= least, "{body} in {:?}", start.elapsed());
    }
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
            assert_eq!(
                (log.len(), big.size()),
                (size, size as u64),
                "{name}-{size}"
            );
            assert!(log == big.log(), "{name}-{size}");
        }
    }
    for name in [
        "docker",
        "docker-",
        "docker--1",
        "other-5",
        "docker-99999999999999999",
    ] {
        assert!(BigLog::named(name).is_none(), "{name}");
    }
    let unicode = BigLog::new(Flavour::Unicode, 5000).document();
    assert!(unicode[10..5000].starts_with(br"u00dc") && unicode.is_ascii());
    assert!(!BigLog::new(Flavour::Utf8, 5000).document().is_ascii());
}

#[test]
fn big_logs_are_served() {
    let cluster = Cluster::start();
    for name in [
        "docker-1000003",
        "escapes-77777",
        "utf8-77777",
        "unicode-77777",
    ] {
        let response = fetch(&cluster, &format!("acme/Big/builds/{name}/logs"));
        assert!(
            response.body == BigLog::named(name).unwrap().document(),
            "{name}"
        );
        assert_eq!(
            response.header("Content-Length"),
            Some(response.body.len().to_string().as_str())
        );
        let build = fetch(&cluster, &format!("acme/Big/builds/{name}")).json();
        assert_eq!(
            (&build["build_id"], &build["status"]),
            (&json!(name), &json!("succeeded"))
        );
    }
    assert_eq!(fetch(&cluster, "acme/Big/builds").status, 200);
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(bytes)
        .read_to_end(&mut plain)
        .unwrap();
    plain
}

#[track_caller]
fn dechunk(mut body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    loop {
        let line = body
            .windows(2)
            .position(|window| window == b"\r\n")
            .expect("a chunk");
        let size = std::str::from_utf8(&body[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).expect("a size");
        let chunk = &body[line + 2..][..size + 2];
        assert_eq!(&chunk[size..], b"\r\n");
        body = &body[line + 2 + size + 2..];
        if size == 0 {
            assert_eq!(body, b"");
            return plain;
        }
        plain.extend_from_slice(&chunk[..size]);
    }
}

#[test]
fn json_is_compressed_for_clients_that_accept_gzip() {
    let cluster = Cluster::start();
    let target = "/v1/algorithms/acme/Big/builds/docker-1000003";
    let key = format!("Authorization: Simple {KEY}\r\n");
    let accepting = format!("{key}Accept-Encoding: br, gzip;q=1\r\n");
    let encoding = |headers: &str| {
        let response = send(&cluster, "GET", target, headers);
        response.header("Content-Encoding").map(str::to_owned)
    };
    assert_eq!(encoding(&accepting), None);
    cluster.gzip(true);
    assert_eq!(encoding(&key), None);
    let small = send(&cluster, "GET", target, &accepting);
    assert_eq!(small.header("Content-Encoding"), Some("gzip"));
    assert_eq!(
        gunzip(&small.body),
        fetch(&cluster, &target["/v1/algorithms/".len()..]).body
    );
    let big = send(&cluster, "GET", &format!("{target}/logs"), &accepting);
    assert_eq!(big.header("Content-Encoding"), Some("gzip"));
    assert_eq!(big.header("Transfer-Encoding"), Some("chunked"));
    let plain = gunzip(&dechunk(&big.body));
    assert!(plain == BigLog::new(Flavour::Docker, 1_000_003).document());
    let page = send(&cluster, "GET", "/nothing", &accepting);
    assert_eq!(page.header("Content-Encoding"), None, "HTML stays as it is");
}

#[test]
fn response_helpers_frame_bodies_correctly() {
    assert_eq!(
        chunked("abcdefg", 3),
        b"3\r\nabc\r\n3\r\ndef\r\n1\r\ng\r\n0\r\n\r\n"
    );
    assert_eq!(chunked("", 3), b"0\r\n\r\n");
    assert_eq!(dechunk(&chunked("abc", 0)), b"abc");
    assert_eq!(gunzip(&reply::gzip("abc")), b"abc");
    let response = Response::parse(&content_length("{}"));
    assert_eq!((response.status, response.text()), (200, "{}"));
    assert_eq!(response.header("Content-Length"), Some("2"));
}

#[test]
fn documented_errors_are_well_formed() {
    let cluster = Cluster::start();
    for (name, reply) in reply::documented_errors() {
        cluster.script("/x", reply);
        let mut stream = connect(&cluster);
        stream.write_all(get("/x").as_bytes()).unwrap();
        let response = read_one(&mut stream);
        if response.header("Content-Type") == Some("application/json") {
            response.json();
        }
        assert_eq!(response.status == 200, name == "within a 200");
    }
}

#[test]
fn the_long_log_has_its_documented_properties() {
    let log = lemmatizer::FAILED_LOG;
    assert!((60_000..100_000).contains(&log.len()), "{}", log.len());
    for part in [
        "Step 1/21 : FROM",
        "Already exists",
        "\u{1b}[91m",
        "\u{1b}[0m",
        "%\r",
        "→",
        "returned a non-zero code",
    ] {
        assert!(log.contains(part), "{part:?}");
    }
    let last = log.lines().next_back().unwrap();
    assert!(
        last.starts_with("Deleted: sha256:") && log.ends_with(last),
        "{last}"
    );
}

/// A TLS client that trusts this CA, connected to `localhost`.
fn trusting(
    ca: &str,
    cluster: &Cluster,
) -> rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap());
    rustls::StreamOwned::new(client.unwrap(), connect(cluster))
}

#[test]
fn tls_serves_the_same_responses() {
    let cluster = Cluster::start_tls(Identity::good());
    assert_eq!(
        cluster.url(),
        format!("https://localhost:{}", cluster.port())
    );
    let mut stream = trusting(&tls::ca_pem(), &cluster);
    let text = request(
        "GET",
        "/v1/algorithms/acme/Big/builds/docker-1000003/logs",
        &format!("Authorization: Simple {KEY}\r\nConnection: close\r\n"),
    );
    stream.write_all((get("/x") + &text).as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream
        .read_to_end(&mut bytes)
        .expect("an end with close_notify");
    let first = Response::parse(&bytes);
    let length: usize = first.header("Content-Length").unwrap().parse().unwrap();
    let second = Response::parse(&first.body[length..]);
    assert!(second.body == BigLog::new(Flavour::Docker, 1_000_003).document());
    assert_eq!(cluster.requests().len(), 2);
}

#[test]
fn tls_can_be_cut() {
    let cluster = Cluster::start_tls(Identity::good());
    let mut stream = trusting(&tls::ca_pem(), &cluster);
    cluster.script("/x", Reply::raw().send("HTTP/1.1 200 OK\r\n\r\npart").rst());
    stream.write_all(get("/x").as_bytes()).unwrap();
    let error = stream.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn bad_certificates_are_rejected() {
    for (identity, ca, complaint) in [
        (Identity::wrong_host(), tls::ca_pem(), "not valid for name"),
        (Identity::expired(), tls::ca_pem(), "expired"),
        (Identity::good(), tls::other_ca_pem(), "UnknownIssuer"),
    ] {
        let cluster = Cluster::start_tls(identity);
        let mut stream = trusting(&ca, &cluster);
        let error = stream.write_all(get("/x").as_bytes()).unwrap_err();
        assert!(error.to_string().contains(complaint), "{error}");
        assert_eq!(
            (cluster.requests().len(), cluster.connections() <= 1),
            (0, true)
        );
    }
}

#[test]
fn the_official_clients_requests_are_served() {
    let cluster = Cluster::start();
    let bare = format!("Authorization: {KEY}\r\n");
    let get = |target: &str| send(&cluster, "GET", target, &bare);
    let found = get("/v1/algorithms/acme/Lemmatizer");
    assert_eq!(
        (found.status, &found.json()["name"]),
        (200, &"Lemmatizer".into())
    );
    let missing = get("/v1/algorithms/acme/Nothing");
    assert_eq!(missing.status, 404);
    assert_eq!(missing.text(), r#"{"error":"No such algorithm"}"#);
    assert_eq!(get("/v1/algorithms/acme/Lemmatizer/builds").status, 200);
    let wrong = send(
        &cluster,
        "GET",
        "/v1/algorithms/acme/Paged",
        "Authorization: simWrong\r\n",
    );
    assert_eq!(wrong.code(), (401, 2002));
}

#[test]
fn algorithms_of_an_owner_are_an_array() {
    let cluster = Cluster::start();
    let authorization = format!("Authorization: Simple {KEY}\r\n");
    let list = |owner: &str| {
        let target = format!("/v1/users/{owner}/algorithms");
        send(&cluster, "GET", &target, &authorization).json()
    };
    let acme = list("acme");
    let names: Vec<&str> = acme
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["algoname"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Lemmatizer", "Paged", "Waiting", "Big", "Empty"]);
    assert!(
        acme.as_array()
            .unwrap()
            .iter()
            .all(|a| a["username"] == "acme" && a["id"].is_string())
    );
    assert_eq!(list("nobody"), serde_json::json!([]));
}
