//! The library's client, on the fake cluster.

use std::time::Duration;

use algo_logs::{Algorithm, Client, ClientBuilder, Token};

use crate::cluster::{Cluster, KEY};

/// Sets up a client with the key of this cluster and a short retry delay.
pub fn builder(cluster: &Cluster) -> ClientBuilder {
    builder_at(&cluster.url())
}

/// Sets up a client for a URL, with a key and a short retry delay.
pub fn builder_at(url: &str) -> ClientBuilder {
    Client::builder(url)
        .token(Token::simple(KEY).unwrap())
        .retry_delay(Duration::from_millis(1))
}

pub fn algorithm(name: &str) -> Algorithm {
    name.parse().unwrap()
}

pub fn paged() -> Algorithm {
    algorithm("acme/Paged")
}
