//! Proxies: which one is used, what it sees, and which hosts are not proxied.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
#[cfg(target_os = "linux")]
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use algo_logs::ClientBuilder;

use crate::client::{builder, paged};
use crate::cluster::data::lemmatizer;
use crate::cluster::{Cluster, Identity, KEY, tls};
use crate::program::{Folder, Program};
#[cfg(target_os = "linux")]
use crate::program::{Outcome, wrap};
use crate::proxy::Proxy;
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
        let client = builder(&cluster).proxy_url(proxy.url(""));
        let client = client.base_url(format!("http://{host}:{port}"));
        drop(client.retries(0).build().unwrap().builds(&paged()).next());
    }
    assert_eq!(proxy.heads(), [""; 0]);
}

#[test]
fn a_proxy_does_not_see_the_key_of_https() {
    // The cluster is reached by a name that only the proxy can resolve.
    let cluster = Cluster::start_tls(Identity::wrong_host());
    let folder = Folder::new();
    let ca = folder.write("ca.pem", tls::ca_pem());
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
        let client = builder
            .base_url("http://cluster.example.com")
            .allow_http(true);
        client
            .retries(0)
            .build()
            .map(|client| client.builds(&paged()).next())
    };
    assert!(
        list(builder(&cluster).proxy_url(proxy.url("")))
            .unwrap()
            .unwrap()
            .is_ok()
    );
    assert_eq!(proxy.heads().len(), 1);
    // The last call takes precedence.
    let direct = builder(&cluster).proxy_url(proxy.url("")).no_proxy();
    assert!(list(direct).unwrap().unwrap().is_err());
    assert_eq!(proxy.heads().len(), 1);

    let error = list(builder(&cluster).proxy_url("socks5://u:SECRET@h")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the proxy given to ClientBuilder::proxy_url cannot be used: \
         SOCKS is not supported, only http and https"
    );
    let refusing = Proxy::refusing(403);
    let error = list(builder(&cluster).proxy_url(refusing.url("u:SECRET@")));
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
            .env("HTTP_PROXY", proxy.url(""))
            .run(&PROXIED.replace("--retries 0", "--retries 1"));
        assert_eq!(outcome.code, Some(1));
        let after = if attempts == 1 {
            ""
        } else {
            ", after 2 attempts"
        };
        let expected = format!(
            "algo-logs: builds of acme/Empty{after}: cannot connect to http://cluster.example.com \
             through the proxy in HTTP_PROXY: {why} (status {status})"
        );
        assert!(outcome.stderr.starts_with(&expected), "{}", outcome.stderr);
        assert_eq!(proxy.heads().len(), attempts, "{status}");
    }
    assert_eq!(cluster.connections(), 0);
}

/// Covers a bug: connecting to a proxy was limited only by the system, to minutes.
#[test]
fn a_proxy_that_does_not_accept_connections() {
    let cluster = Cluster::start();
    let Some(silent) = silent_address() else {
        let _ = writeln!(
            io::stderr(),
            "skipped: this system has no limit on waiting connections"
        );
        return;
    };
    let started = Instant::now();
    let outcome = Program::on(&cluster)
        .env("HTTP_PROXY", format!("http://{}", silent.address))
        .run(&format!("{PROXIED} --timeout 1"));
    outcome.fails(
        1,
        "algo-logs: builds of acme/Empty: cannot connect to http://cluster.example.com \
         through the proxy in HTTP_PROXY within 1 s\n",
    );
    assert!(started.elapsed() < Duration::from_secs(9));
}

/// A proxy that accepts a connection but sends nothing.
#[test]
fn a_proxy_that_does_not_respond() {
    let cluster = Cluster::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    Program::on(&cluster)
        .env("HTTP_PROXY", format!("http://{}", listener.local_addr().unwrap()))
        .run(&format!("{PROXIED} --timeout 1"))
        .fails(
            1,
            "algo-logs: builds of acme/Empty: the cluster sent nothing for longer than the timeout\n",
        );
}

/// An address that neither accepts nor refuses connections, because its backlog is full.
struct Silent {
    address: SocketAddr,
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

fn silent_address() -> Option<Silent> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while waiting.len() < 5000 {
        match TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            Ok(stream) => waiting.push(stream),
            Err(_) => {
                return Some(Silent {
                    address,
                    _listener: listener,
                    _waiting: waiting,
                });
            }
        }
    }
    None
}

/// In ureq, a lookup with a timeout starts a thread, and panics if that fails.
#[test]
fn no_lookup_starts_a_thread() {
    let cluster = Cluster::start();
    let proxy = Proxy::to(&cluster);
    // No system can provide a stack this large.
    let program = Program::on(&cluster).env("RUST_MIN_STACK", (1u64 << 46).to_string());
    let localhost = format!("{LIST} --api http://localhost:{}", cluster.port());
    program.run(&localhost).prints("");
    program
        .run(&format!(
            "log acme/Lemmatizer {} -q --wait=5 -n 0",
            lemmatizer::FAILED
        ))
        .prints("");
    for url in [
        proxy.url(""),
        proxy.url("").replace("127.0.0.1", "localhost"),
    ] {
        program
            .clone()
            .env("HTTP_PROXY", url)
            .run(PROXIED)
            .prints("");
    }
    assert_eq!(proxy.heads().len(), 2);
}

/// As in a container without free PIDs. root has no such limit.
#[test]
#[cfg(target_os = "linux")]
fn the_program_works_where_no_thread_can_be_started() {
    let cluster = Cluster::start();
    let proxy = Proxy::to(&cluster);
    let limited = |program: &Program, line: &str| {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .args(["prlimit", "--nproc=1"])
            .stdin(Stdio::null());
        wrap(command, &program.command(line)).output()
    };
    // The tools, the right to become another user, or a program that this user can run may be missing.
    let version = limited(&Program::bare(), "--version");
    if !version.is_ok_and(|output| output.status.success()) {
        let _ = writeln!(
            io::stderr(),
            "skipped: cannot run the program as another user"
        );
        return;
    }
    let program = Program::on(&cluster);
    let localhost = format!("{LIST} --api http://localhost:{}", cluster.port());
    let proxied = program.clone().env(
        "HTTP_PROXY",
        proxy.url("").replace("127.0.0.1", "localhost"),
    );
    for (program, line) in [
        (&program, &*localhost),
        (
            &program,
            &format!(
                "log acme/Lemmatizer {} -q --wait=5 -n 0",
                lemmatizer::FAILED
            ),
        ),
        (&proxied, PROXIED),
    ] {
        let output = limited(program, line).unwrap();
        Outcome::new(output, None).prints("");
    }
}
