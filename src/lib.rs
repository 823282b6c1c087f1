//! Reads the build-time logs of an algorithm out of an Algorithmia cluster.
//!
//! A [`Client`] lists the [builds](Client::builds) and [versions](Client::versions) of an [`Algorithm`], and hands out
//! the log of any of them as a [stream](Logs). It is synchronous, has no async runtime, prints nothing and keeps no
//! global state.
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
//!     println!("{} {} {}", build.build_id(), build.status(), build.started_at());
//! }
//!
//! let mut log = client.build_logs(&algorithm, "d01d403d-a853-4831-9fff-9783a7b7e956")?;
//! std::io::copy(&mut log, &mut std::io::stdout())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod algorithm;
mod base_url;
mod client;
mod error;
mod http;
mod json_string;
mod logs;
mod model;
mod pages;
mod retry;
mod token;

pub use algorithm::Algorithm;
pub use base_url::BaseUrl;
pub use client::{Client, ClientBuilder, Wait};
pub use error::{Error, ErrorKind};
pub use http::Exchange;
pub use logs::Logs;
pub use model::{Build, BuildStatus, RegistryStatus, Version};
pub use pages::Pages;
pub use retry::Clock;
pub use token::Token;
