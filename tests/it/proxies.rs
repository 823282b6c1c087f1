//! Proxies: which one is used, what it sees, and which hosts are not proxied.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use algo_logs::ClientBuilder;

use crate::client::{builder_at, paged};
use crate::cluster::{Cluster, Identity, KEY, Reply, tls};
use crate::program::{Outcome, Program, TempDir};
use crate::proxy::{Proxy, serve};
use crate::settings::{LIST, sent};

/// A list over http from a cluster that only a proxy can reach, because loopback hosts are never proxied.
const PROXIED: &str =
    "builds acme/Empty -q --retries 0 --allow-http --api http://cluster.example.com";

#[test]
fn the_proxy_is_the_one_for_the_scheme() {
    let cluster = Cluster::start();
    let proxy = Proxy::to(&cluster);
    let program = Program::on(&cluster);
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        let before = proxy.heads().len();
        program
            .clone()
            .env(name, proxy.url(""))
            .run(PROXIED)
            .prints("");
        let heads = proxy.heads();
        assert_eq!(heads.len(), before + 1, "{name}");
        let line = "CONNECT cluster.example.com:80 HTTP/1.1\r\n";
        assert!(heads[before].starts_with(line), "{}", heads[before]);
        assert!(!heads[before].contains(KEY));
    }
    // Lower case takes precedence, and the scheme's variable overrides the one for all schemes. The variable of the
    // other scheme is not used.
    let before = proxy.heads().len();
    let dead = "http://127.0.0.1:1";
    program
        .clone()
        .env("HTTPS_PROXY", dead)
        .env("https_proxy", dead)
        .env("HTTP_PROXY", dead)
        .env("http_proxy", proxy.url(""))
        .env("ALL_PROXY", dead)
        .run(PROXIED)
        .prints("");
    assert_eq!(proxy.heads().len(), before + 1);
}

/// Covers a bug: over http, the key for a forwarded port was sent to the proxy in clear text.
#[test]
fn loopback_hosts_are_never_proxied() {
    let cluster = Cluster::start();
    let proxy = Proxy::to(&cluster);
    let port = cluster.port();
    for host in ["127.0.0.1", "localhost", "LOCALHOST", "127.0.0.2"] {
        for (name, url) in [
            ("HTTP_PROXY", proxy.url("")),
            ("all_proxy", proxy.url("")),
            ("HTTP_PROXY", "socks5://127.0.0.1:1".to_owned()),
        ] {
            // The fake cluster listens on one address.
            let reachable = host != "127.0.0.2";
            let outcome = Program::on(&cluster)
                .env(name, url)
                .run(&format!("{LIST} --retries 0 --api http://{host}:{port}"));
            assert_eq!(outcome.code, Some(i32::from(!reachable)), "{host} {name}");
        }
    }
    assert_eq!(proxy.heads(), [""; 0]);
}

#[test]
fn a_proxy_does_not_see_the_key_of_https() {
    // The cluster is reached by a name that only the proxy can resolve.
    let cluster = Cluster::start_tls(Identity::wrong_host());
    let dir = TempDir::new();
    let ca = dir.write("ca.pem", tls::ca_pem());
    let program = Program::on(&cluster);
    let list = format!("{LIST} --api cluster.example.com --cacert {ca}");
    for name in ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        let proxy = Proxy::to(&cluster);
        program
            .clone()
            .env(name, proxy.url(""))
            .run(&list)
            .prints("");
        let heads = proxy.heads();
        assert_eq!(heads.len(), 1, "{name}");
        let line = "CONNECT cluster.example.com:443 HTTP/1.1\r\n";
        assert!(heads[0].starts_with(line), "{}", heads[0]);
        let seen = String::from_utf8_lossy(&proxy.seen()).into_owned();
        assert!(!seen.contains(KEY) && !seen.contains("Authorization"));
        assert_eq!(sent(&cluster), format!("Simple {KEY}"));
    }
}

#[test]
fn a_proxy_has_its_own_user_and_password() {
    let cluster = Cluster::start();
    let proxy = Proxy::to(&cluster);
    Program::on(&cluster)
        .env("HTTP_PROXY", proxy.url("joe:pa%40ss@"))
        .run(PROXIED)
        .prints("");
    let head = proxy.heads().remove(0).to_ascii_lowercase();
    // `joe:pa@ss` in base64.
    let authorization = "\r\nproxy-authorization: basic am9lOnBhQHNz\r\n";
    assert!(head.contains(&authorization.to_ascii_lowercase()), "{head}");
    // The cluster does not see this header.
    let request = cluster.requests().pop().unwrap();
    assert_eq!(request.header("Proxy-Authorization"), None);
}

/// 0.0.0.0 also reaches the fake cluster, but is not a loopback address. Names are tested in src/http/proxy.rs, because
/// here they would have to be resolved.
#[test]
#[cfg(target_os = "linux")]
fn no_proxy_hosts_are_not_proxied() {
    let cluster = Cluster::start();
    let port = cluster.port();
    let program = Program::on(&cluster).env("HTTP_PROXY", "http://127.0.0.1:1");
    let line = format!("{LIST} --retries 0 --allow-http --api http://0.0.0.0:{port}");
    let with_port = format!("a.example.com , 0.0.0.0:{port}");
    for name in ["no_proxy", "NO_PROXY"] {
        for hosts in [
            "0.0.0.0",
            "*",
            "a.example.com,0.0.0.0",
            "0.0.0.0/8",
            &with_port,
        ] {
            program.clone().env(name, hosts).run(&line).prints("");
        }
    }
    for hosts in ["", "0.0.0.1", "0.0.0", "0.0.0.0:1", "::/0", "10.0.0.0/8"] {
        let outcome = program.clone().env("NO_PROXY", hosts).run(&line);
        assert_eq!(outcome.code, Some(1), "{hosts}");
    }
    // A proxy that is not used may have any URL.
    let unused = program.env("HTTP_PROXY", "socks5://127.0.0.1:1");
    unused.env("NO_PROXY", "*").run(&line).prints("");
}

#[test]
fn the_library_can_name_the_proxy_or_use_none() {
    let cluster = Cluster::start();
    let proxy = Proxy::to(&cluster);
    let list = |builder: ClientBuilder| {
        builder
            .allow_http(true)
            .retries(0)
            .build()
            .map(|client| client.builds(&paged()).next())
    };
    assert!(
        list(builder_at("http://cluster.example.com").proxy_url(proxy.url("")))
            .unwrap()
            .unwrap()
            .is_ok()
    );
    assert_eq!(proxy.heads().len(), 1);
    // The last call takes precedence.
    let direct = builder_at("http://cluster.example.com")
        .proxy_url(proxy.url(""))
        .no_proxy();
    assert!(list(direct).unwrap().unwrap().is_err());
    assert_eq!(proxy.heads().len(), 1);

    let error = list(builder_at("http://cluster.example.com").proxy_url("socks5://u:SECRET@h"))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the proxy given to ClientBuilder::proxy_url cannot be used: \
         SOCKS is not supported, only http and https"
    );
    let refusing = Proxy::refusing(403);
    let error = list(builder_at("http://cluster.example.com").proxy_url(refusing.url("u:SECRET@")));
    let error = error.unwrap().unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "builds of acme/Paged: cannot connect to http://cluster.example.com \
         through the proxy given to ClientBuilder::proxy_url: the proxy does not allow it (status 403)"
    );
    assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
}

#[test]
fn an_unusable_proxy() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    for (name, url, why) in [
        ("HTTP_PROXY", "http://", "it is not a valid proxy URL"),
        (
            "http_proxy",
            "http://u:SECRET@ho st",
            "it is not a valid proxy URL",
        ),
        (
            "ALL_PROXY",
            "gopher://SECRET",
            "it is not a valid proxy URL",
        ),
        (
            "all_proxy",
            "socks5://u:SECRET@127.0.0.1:1080",
            "SOCKS is not supported, only http and https",
        ),
        (
            "HTTP_PROXY",
            "socks4://127.0.0.1",
            "SOCKS is not supported, only http and https",
        ),
    ] {
        let proxied = program.clone().env(name, url);
        // On Windows, names ignore case, and a message has the one that was looked up.
        let lower = name.to_ascii_lowercase();
        let name = if cfg!(windows) { &lower } else { name };
        proxied.run(PROXIED).fails(
            2,
            &format!("algo-logs: the proxy in {name} cannot be used: {why}\n"),
        );
    }
    assert_eq!(cluster.connections(), 0);
}

#[test]
fn a_proxy_that_rejects_requests() {
    let cluster = Cluster::start();
    for (status, why, attempts) in [
        (403, "the proxy does not allow it", 1),
        (407, "the proxy requires a user and a password", 1),
        (404, "the proxy refused", 1),
        (405, "the proxy refused", 1),
        (301, "the proxy refused", 1),
        (429, "the proxy refused", 2),
        (500, "the proxy refused", 2),
        (502, "the proxy refused", 2),
        (503, "the proxy refused", 2),
        (504, "the proxy refused", 2),
    ] {
        let proxy = Proxy::refusing(status);
        let outcome = Program::on(&cluster)
            .env("http_proxy", proxy.url(""))
            .run(&PROXIED.replace("--retries 0", "--retries 1"));
        assert_eq!(outcome.code, Some(1));
        let after = if attempts == 1 {
            ""
        } else {
            ", after 2 attempts"
        };
        let expected = format!(
            "algo-logs: builds of acme/Empty{after}: cannot connect to http://cluster.example.com \
             through the proxy in http_proxy: {why} (status {status})"
        );
        assert!(outcome.stderr.starts_with(&expected), "{}", outcome.stderr);
        assert_eq!(proxy.heads().len(), attempts, "{status}");
    }
    assert_eq!(cluster.connections(), 0);
}

/// Covers a bug: a proxy that stopped accepting connections, or stopped in the middle of CONNECT, blocked a wait and its
/// last poll for minutes.
#[test]
fn a_proxy_that_stops_does_not_block() {
    let cluster = Cluster::start_tls(Identity::wrong_host());
    let dir = TempDir::new();
    let ca = dir.write("ca.pem", tls::ca_pem());
    // The first response closes its connection, so that the second request needs another one.
    let page = r#"{"marker":"m","results":[]}"#;
    let build = r#"{"build_id":"b1","status":"in-progress","commit_sha":"c","started_at":"t"}"#;
    for (path, json) in [("builds", page), ("builds/b1", build)] {
        let reply = Reply::json(200, json).header("Connection", "close");
        cluster.script_always(&format!("/v1/algorithms/acme/x/{path}"), reply);
    }
    type Start = fn(u16) -> SocketAddr;
    let proxies: [(&str, Start); 4] = [
        ("that accepts nothing", |_| {
            listen(|listener| keep(fill(&listener)))
        }),
        ("that is silent", |_| {
            listen(|listener| keep(listener.accept()))
        }),
        ("that is silent after its reply to CONNECT", |_| {
            listen(|listener| {
                let (mut client, _) = listener.accept().unwrap();
                client
                    .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    .unwrap();
                keep(client);
            })
        }),
        ("that accepts one connection", |port| {
            listen(move |listener| {
                let (client, _) = listener.accept().unwrap();
                let waiting = fill(&listener);
                let _ = serve(client, Ok(port), &Mutex::default());
                keep(waiting);
            })
        }),
    ];
    std::thread::scope(|scope| {
        for (name, start) in proxies {
            for (line, limit) in [("builds acme/x --all", 12), ("log acme/x b1 --wait=3", 6)] {
                let program = Program::on(&cluster)
                    .env("https_proxy", format!("http://{}", start(cluster.port())));
                let line = format!("{line} -q --retries 0 --api cluster.example.com --cacert {ca}");
                scope.spawn(move || {
                    let started = Instant::now();
                    let Outcome { code, stderr, .. } = program.run(&line);
                    let elapsed = started.elapsed();
                    assert!(
                        elapsed < Duration::from_secs(limit),
                        "a proxy {name}: {elapsed:?}, {stderr}"
                    );
                    // Only the wait through this proxy saw the build, which was in progress.
                    let is_wait = line.contains("--wait");
                    let code_of_wait = if name == "that accepts one connection" {
                        8
                    } else {
                        1
                    };
                    assert_eq!(
                        code,
                        Some(if is_wait { code_of_wait } else { 1 }),
                        "a proxy {name}: {stderr}"
                    );
                    let within = "through the proxy in https_proxy within 10 s\n";
                    assert_eq!(
                        stderr.ends_with(within),
                        !is_wait,
                        "a proxy {name}: {stderr}"
                    );
                });
            }
        }
    });
}

/// A timeout below 10 s also limits connecting to a proxy.
#[test]
fn the_timeout_limits_connecting_to_a_proxy() {
    let silent = listen(|listener| keep(listener.accept()));
    let program = Program::on(&Cluster::start()).env("http_proxy", format!("http://{silent}"));
    let started = Instant::now();
    let message = "algo-logs: builds of acme/Empty: cannot connect to http://cluster.example.com \
                   through the proxy in http_proxy within 1 s\n";
    program
        .run(&format!("{PROXIED} --timeout 1"))
        .fails(1, message);
    assert!(started.elapsed() < Duration::from_secs(9));
}

/// Runs a proxy in a thread, and returns its address.
fn listen(run: impl FnOnce(TcpListener) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || run(listener));
    address
}

/// Keeps connections open until all tests have ended.
fn keep<T>(_connections: T) {
    loop {
        std::thread::park();
    }
}

/// Fills the backlog of a listener, which then neither accepts nor refuses connections. Not every system has a limit.
fn fill(listener: &TcpListener) -> Vec<TcpStream> {
    let address = listener.local_addr().unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(300));
    std::iter::repeat_with(connect)
        .map_while(Result::ok)
        .take(5000)
        .collect()
}

#[test]
fn a_second_request_uses_the_kept_connection() {
    let cluster = Cluster::start();
    let proxy = Proxy::to(&cluster);
    let client = builder_at("http://cluster.example.com")
        .allow_http(true)
        .proxy_url(proxy.url(""))
        .build()
        .unwrap();
    for _ in 0..2 {
        client.builds(&paged()).next().unwrap().unwrap();
        assert_eq!(proxy.heads().len(), 1);
    }
}

/// In ureq, a lookup with a timeout starts a thread, and panics if that fails. Proxies and waits have such a lookup.
#[test]
fn a_direct_request_starts_no_thread() {
    let cluster = Cluster::start();
    // No system can provide a stack this large.
    let program = Program::on(&cluster).env("RUST_MIN_STACK", (1u64 << 46).to_string());
    let localhost = format!("{LIST} --api http://localhost:{}", cluster.port());
    program.run(&localhost).prints("");
}
