//! The library's client, on the fake cluster.

use std::time::Duration;

use algo_logs::{Algorithm, Client, ClientBuilder, Token};

use crate::cluster::{Cluster, KEY};

/// Sets up a client with this cluster's key, which retries almost at once.
pub fn builder(cluster: &Cluster) -> ClientBuilder {
    Client::builder()
        .base_url(cluster.url())
        .token(Token::simple(KEY).unwrap())
        .retry_delay(Duration::from_millis(1))
}

pub fn algorithm(name: &str) -> Algorithm {
    name.parse().unwrap()
}

pub fn paged() -> Algorithm {
    algorithm("acme/Paged")
}
