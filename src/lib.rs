//! Reads the build-time logs of an algorithm out of an Algorithmia cluster.
//!
//! It is synchronous, has no async runtime, prints nothing, keeps no global state, and reads nothing of the environment but
//! the variables that name a proxy.
//!
//! # In order of use
//!
//! 1. A [`Client`] of one cluster, set up by [`Client::builder`]: its [`BaseUrl`], a [`Token`], and what else has a default.
//! 2. An [`Algorithm`], parsed from `owner/name`.
//! 3. Its [builds](Client::builds) and [versions](Client::versions), iterators that page as they go; or
//!    [one build](Client::build), [one version](Client::version), or [the newest build that fits](Pages::newest).
//! 4. The log of [a build](Client::build_logs) or [a version](Client::version_logs): [`Logs`], which is
//!    [`std::io::Read`], in constant memory.
//! 5. While a build is in progress it has no log: [wait for it](Client::wait_for_build), or
//!    [for one that is not even listed](Client::wait_for_newest_build).
//! 6. [`explain`] finds out from a log [why the build failed](Failure).
//!
//! ```no_run
//! use algo_logs::{Algorithm, Client, Token};
//!
//! let client = Client::builder()
//!     .base_url("https://cluster.example.com")
//!     .token(Token::simple(std::env::var("ALGORITHMIA_API_KEY")?)?)
//!     .build()?;
//! let algorithm: Algorithm = "acme/Lemmatizer".parse()?;
//!
//! for build in client.builds(&algorithm).take(3) {
//!     let build = build?;
//!     println!("{} {} {}", build.build_id, build.status, build.started_at);
//! }
//!
//! let mut log = client.build_logs(&algorithm, "d01d403d-a853-4831-9fff-9783a7b7e956")?;
//! std::io::copy(&mut log, &mut std::io::stdout())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Errors
//!
//! Every failure is an [`Error`]: its [kind](Error::kind) says what to do about it, its `Display` what was asked for and why
//! it failed, its `source` what the operating system said. What may pass is tried again first, see
//! [`ClientBuilder::retries`]. A reader of a log that says "end" has seen the whole answer, complete and valid.
//!
//! # Embedding it without the program
//!
//! The default feature `cli` brings the dependency that only the program needs, so that a library user leaves it out:
//!
//! ```toml
//! [dependencies]
//! algo-logs = { version = "0.1", default-features = false, features = ["rustls", "gzip"] }
//! ```
//!
//! | feature | default | what it brings |
//! |---|---|---|
//! | `cli` | yes | the program, and lexopt |
//! | `gzip` | yes | asks for gzip, and decodes it as a stream |
//! | `rustls` | yes | TLS by rustls, with Mozilla's roots compiled in |
//! | `native-tls` | | TLS by the operating system's library, where `rustls` is off |
//! | `platform-verifier` | | trusts what the operating system trusts, instead of the compiled-in roots |
//!
//! A [`Client`] is cheap to clone and may be used by several threads. [`ClientBuilder::on_request`] reports each request.
//! [`Client::shutdown`] interrupts all of them.
//!
//! # Logging
//!
//! The requests are sent by ureq, which logs through the [`log`](https://docs.rs/log) crate. At level trace, it logs the
//! bytes that it sends and receives, including the key. To turn that off, limit the target `ureq_proto` to level debug; with
//! env_logger, for example, by `RUST_LOG=trace,ureq_proto=debug`. The key is never in records of a less verbose level,
//! unless a server repeats it in a header of its response.

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
pub use explain::{Builder, Failure, explain};
pub use http::RequestSummary;
pub use logs::Logs;
pub use model::{Build, BuildStatus, Version};
pub use pages::Pages;
pub use token::Token;
pub use wait::{Poll, Wait};
