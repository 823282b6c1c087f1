//! The demo when it cannot serve. Running the demo checks its other output.

use std::net::{Ipv4Addr, TcpListener};
use std::process::Output;

use crate::cargo::cargo;

fn demo(args: &[&str]) -> Output {
    cargo()
        .args(["run", "--quiet", "--offline", "--example", "demo", "--"])
        .args(args)
        .output()
        .expect("cargo runs")
}

#[test]
fn the_demo_explains_in_one_line_why_it_cannot_serve() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = listener.local_addr().unwrap().port().to_string();
    for (args, says) in [
        (&["serve", "--port", &*taken][..], "cannot listen on port "),
        (&["serve", "--port", "http"], "'http' is not a port"),
        (&["serve", "--port", "65536"], "'65536' is not a port"),
        (&["serve", "--port"], "usage: demo [serve [--port PORT]]"),
        (&["--help"], "usage: demo [serve [--port PORT]]"),
    ] {
        let output = demo(args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.starts_with(&format!("demo: {says}")), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(output.stdout.is_empty());
    }
}
