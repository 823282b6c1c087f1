//! The library's client, on the fake cluster.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use algo_logs::{Algorithm, Client, ClientBuilder, Clock, Token};

use crate::cluster::{Cluster, KEY};

/// A clock whose time passes only while somebody sleeps, which takes none.
#[derive(Clone, Debug)]
pub struct TestClock {
    now: Arc<Mutex<Instant>>,
    pauses: Arc<Mutex<Vec<Duration>>>,
}

impl TestClock {
    pub fn new() -> TestClock {
        TestClock {
            now: Arc::new(Mutex::new(Instant::now())),
            pauses: Arc::default(),
        }
    }

    /// The pauses since this was last asked.
    pub fn pauses(&self) -> Vec<Duration> {
        std::mem::take(&mut self.pauses.lock().unwrap())
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        *self.now.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) {
        *self.now.lock().unwrap() += duration;
        self.pauses.lock().unwrap().push(duration);
    }
}

/// Settings of a client with this cluster's key.
pub fn builder(cluster: &Cluster) -> ClientBuilder {
    Client::builder()
        .base_url(cluster.url())
        .token(Token::simple(KEY).unwrap())
}

pub fn algorithm(name: &str) -> Algorithm {
    name.parse().unwrap()
}

pub fn paged() -> Algorithm {
    algorithm("acme/Paged")
}
