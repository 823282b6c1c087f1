//! The way through a proxy: which one, what it gets to see, and who needs none.

use crate::cluster::{Cluster, Identity, KEY, tls};
use crate::program::{Folder, Program};
use crate::proxy::Proxy;
use crate::settings::{LIST, sent};

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
            .run(LIST)
            .prints("");
        let heads = proxy.heads();
        assert_eq!(heads.len(), before + 1, "{name}");
        let line = format!("CONNECT 127.0.0.1:{} HTTP/1.1\r\n", cluster.port());
        assert!(heads[before].starts_with(&line), "{}", heads[before]);
        assert!(!heads[before].contains(KEY));
    }
    // The variable of the other scheme means nothing, lower case comes first, and the scheme's own before all.
    let before = proxy.heads().len();
    let dead = "http://127.0.0.1:1";
    program
        .clone()
        .env("HTTPS_PROXY", dead)
        .env("https_proxy", dead)
        .run(LIST)
        .prints("");
    assert_eq!(proxy.heads().len(), before);
    program
        .clone()
        .env("HTTP_PROXY", dead)
        .env("http_proxy", proxy.url(""))
        .env("ALL_PROXY", dead)
        .run(LIST)
        .prints("");
    assert_eq!(proxy.heads().len(), before + 1);
}

#[test]
fn a_proxy_does_not_see_the_key_of_https() {
    // It is reached by a name that only the proxy can resolve.
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
        .run(LIST)
        .prints("");
    let head = proxy.heads().remove(0).to_ascii_lowercase();
    // `joe:pa@ss` in base64.
    let authorization = "\r\nproxy-authorization: basic am9lOnBhQHNz\r\n";
    assert!(head.contains(&authorization.to_ascii_lowercase()), "{head}");
    // The cluster does not get to know it.
    let request = cluster.requests().pop().unwrap();
    assert_eq!(request.header("Proxy-Authorization"), None);
}

#[test]
fn hosts_that_need_no_proxy() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster).env("HTTP_PROXY", "http://127.0.0.1:1");
    let localhost = format!(
        "{LIST} --retries 0 --api http://localhost:{}",
        cluster.port()
    );
    for name in ["no_proxy", "NO_PROXY"] {
        for hosts in [
            "localhost",
            "*",
            "a.example.com,localhost",
            " a , .localhost",
        ] {
            let exempt = program.clone().env(name, hosts);
            exempt.run(&localhost).prints("");
        }
    }
    for hosts in ["", "local", "a.localhost", "ocalhost", "127.0.0.1"] {
        let outcome = program.clone().env("NO_PROXY", hosts).run(&localhost);
        assert_eq!(outcome.code, Some(1), "{hosts}");
    }
    let exempt = program.clone().env("NO_PROXY", "127.0.0.1");
    exempt.run(LIST).prints("");
    // A name stands for those below it, too. Here it is an address, since a name would have to be looked up.
    for hosts in ["0.0.1", ".0.0.1"] {
        let exempt = program.clone().env("NO_PROXY", hosts);
        exempt.run(LIST).prints("");
    }
}

#[test]
fn a_proxy_that_cannot_be_used() {
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
        proxied.run(LIST).fails(
            2,
            &format!("algo-logs: the proxy in {name} cannot be used: {why}\n"),
        );
    }
    assert_eq!(cluster.connections(), 0);
}

#[test]
fn a_proxy_that_refuses() {
    let cluster = Cluster::start();
    let proxy = Proxy::refusing();
    Program::on(&cluster)
        .env("HTTP_PROXY", proxy.url(""))
        .run(&format!("{LIST} --retries 0"))
        .fails(
            1,
            "algo-logs: builds of acme/Empty: cannot connect to CLUSTER through the proxy in HTTP_PROXY: the proxy refused\n",
        );
    assert_eq!(cluster.connections(), 0);
}

/// In ureq, a lookup with a timeout takes a thread, and panics where none can be started.
#[test]
fn no_lookup_starts_a_thread() {
    let cluster = Cluster::start();
    let proxy = Proxy::to(&cluster);
    // No system has a stack as large as this.
    let program = Program::on(&cluster).env("RUST_MIN_STACK", (1u64 << 46).to_string());
    let localhost = format!("{LIST} --api http://localhost:{}", cluster.port());
    program.run(&localhost).prints("");
    for url in [
        proxy.url(""),
        proxy.url("").replace("127.0.0.1", "localhost"),
    ] {
        program
            .clone()
            .env("HTTP_PROXY", url)
            .run(&localhost)
            .prints("");
    }
    assert_eq!(proxy.heads().len(), 2);
}
