//! Reads the build logs of an algorithm from an Algorithmia cluster, and explains why a build failed.
//!
//! The library is synchronous. It has no async runtime, prints nothing and keeps no global state. It starts no threads of
//! its own; ureq starts one for each name lookup during a wait or through a proxy. It reads no environment variables
//! except those that name a proxy.
//!
//! # Overview
//!
//! 1. [`Client::builder`] configures a [`Client`] for one cluster, given by its URL. Set a [`Token`]; everything else has
//!    a default.
//! 2. An [`Algorithm`] is parsed from `owner/name`, or comes from [`Client::algorithms`].
//! 3. [`Client::builds`] and [`Client::versions`] list the builds and versions of an algorithm. [`Client::build`],
//!    [`Client::find_build`], [`Client::version`], [`Client::find_version`] and [`Pages::newest`] return a single one.
//! 4. [`Client::build_logs`] and [`Client::version_logs`] return a log as [`Logs`], which implements [`std::io::Read`]
//!    and needs constant memory.
//! 5. [`Client::wait_for_build`] and [`Client::wait_for_newest_build`] wait until a build has finished. It has no log
//!    before that.
//! 6. [`explain`] reads a log and returns [why the build failed](Explanation).
//!
//! ```no_run
//! use algo_logs::{Algorithm, BuildStatus, Client, Token};
//!
//! let client = Client::builder("https://cluster.example.com")
//!     .token(Token::simple(std::env::var("ALGORITHMIA_API_KEY")?)?)
//!     .build()?;
//! let algorithm: Algorithm = "acme/Lemmatizer".parse()?;
//!
//! if let Some(build) = client.builds(&algorithm).status(BuildStatus::Failed).newest()? {
//!     let log = client.build_logs(&algorithm, &build.build_id)?;
//!     let failure = algo_logs::explain(log, 20)?;
//!     println!("{}", failure.output.join("\n"));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Errors
//!
//! Every failure is an [`Error`]. Its [kind](Error::kind) can be matched on, and its `Display` says
//! what failed and why. Its `source` is the error of the operating system or the TLS library, if there is one. Reading
//! [`Logs`] returns an [`std::io::Error`]; [`io::Error::downcast`](std::io::Error::downcast) returns the
//! [`Error`] inside it.
//!
//! Transient failures are retried first; see [`ClientBuilder::retries`]. When [`Logs`] reports the end of a log, the
//! response was complete and valid.
//!
//! ## Request errors
//!
//! Every method that sends a request can fail with these kinds, besides those that it documents itself:
//!
//! - [`ErrorKind::InvalidInput`] for an owner, an ID or a hash that is not valid in a URL. Nothing is sent.
//! - [`ErrorKind::Connection`], [`ErrorKind::Tls`] and [`ErrorKind::Timeout`] if there is no response.
//! - [`ErrorKind::Unauthorized`], [`ErrorKind::NotFound`], [`ErrorKind::Redirect`] and [`ErrorKind::Service`] if the
//!   response is an error.
//! - [`ErrorKind::Incomplete`], [`ErrorKind::InvalidResponse`] and [`ErrorKind::TooLarge`] if the response cannot be
//!   used.
//! - [`ErrorKind::Cancelled`] after [`Client::shutdown`].
//!
//! # Features
//!
//! The default feature `cli` is for the program. A program that embeds the library leaves it out:
//!
//! ```toml
//! [dependencies]
//! algo-logs = { version = "0.1", default-features = false, features = ["rustls", "gzip"] }
//! ```
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `cli` | yes | the program and lexopt |
//! | `gzip` | yes | requests gzip and decodes it as a stream |
//! | `rustls` | yes | TLS with rustls, with Mozilla's root certificates compiled in |
//! | `native-tls` | | TLS with the operating system's library, unless `rustls` is enabled too |
//! | `platform-verifier` | | trusts the operating system's root certificates; needs one of the two above |
//!
//! Features of ureq that another crate enables do not change what this library promises. With `ureq/gzip` or
//! `ureq/brotli`, it also requests and decodes that encoding. With `ureq/cookies`, it sends the service's cookies back
//! to the service.
//!
//! # Logging
//!
//! Requests are sent by ureq, which logs through the [`log`](https://docs.rs/log) crate. At level trace, it logs the
//! bytes that it sends and receives, including the key. To turn that off, limit the target `ureq_proto` to level debug:
//! with env_logger, for example, set `RUST_LOG=trace,ureq_proto=debug`. Less verbose levels never log the key, unless a
//! server repeats it in a response header.
//!
//! # Testing a program that uses the library
//!
//! A test needs no cluster. [`Build`] and [`Version`] can be read from JSON, [`explain`] takes any reader, and a client
//! accepts `http://` for a loopback address, so a server of a few lines can stand in for the cluster. Crates such as
//! httptest and mockito have one that also checks requests. To keep tests fast, set a short
//! [`retry_delay`](ClientBuilder::retry_delay) and a short [`interval`](Wait::interval).
//!
//! ```
//! use std::io::{BufRead, BufReader, Write};
//! use std::net::TcpListener;
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let url = format!("http://{}", listener.local_addr()?);
//! // Responds to any number of requests, each on a new connection.
//! std::thread::spawn(move || -> std::io::Result<()> {
//!     loop {
//!         let (mut stream, _) = listener.accept()?;
//!         let lines = BufReader::new(&stream).lines().map_while(Result::ok);
//!         let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
//!         let body = match head.first().and_then(|request| request.split(' ').nth(1)) {
//!             Some("/v1/algorithms/acme/Lemmatizer/builds/b1/logs") => r#"{"logs":"Step 1/1 : FROM scratch\n"}"#,
//!             _ => r#"{"build_id":"b1","status":"failed","commit_sha":"9d41e7a","started_at":"2021-08-02T21:12:56Z"}"#,
//!         };
//!         let length = body.len();
//!         write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")?;
//!     }
//! });
//!
//! let client = algo_logs::Client::builder(url).no_proxy().retries(0).build()?;
//! let algorithm = "acme/Lemmatizer".parse()?;
//! let build = client.build(&algorithm, "b1")?;
//! assert_eq!(build.status, algo_logs::BuildStatus::Failed);
//! let log = client.build_logs(&algorithm, "b1")?;
//! assert_eq!(std::io::read_to_string(log)?, "Step 1/1 : FROM scratch\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod algorithm;
mod base_url;
mod client;
mod error;
mod explain;
mod http;
mod json_string;
mod logs;
mod lookup;
mod model;
mod pages;
mod retry;
mod time;
mod token;
mod wait;

pub use algorithm::Algorithm;
pub use base_url::BaseUrl;
pub use client::{Client, ClientBuilder};
pub use error::{Error, ErrorKind};
pub use explain::{DockerBuilder, EarlierLine, Explanation, explain};
pub use http::{RequestSummary, RetryInfo};
pub use logs::Logs;
pub use model::{Build, BuildStatus, Compilation, Settings, Version, VersionBuild, VersionInfo};
pub use pages::Pages;
pub use token::Token;
pub use wait::{PollInfo, Wait};

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
