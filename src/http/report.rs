//! What the caller's callbacks are told about requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, shorten};

/// The longest URL in a summary, in characters. A marker can make a URL very long.
const MAX_URL: usize = 1000;

/// A finished request, as reported to [`ClientBuilder::on_request`](crate::ClientBuilder::on_request).
///
/// It contains no header and no part of a body. The method is always `GET`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestSummary {
    /// The URL, including the query, shortened to 1,000 characters.
    pub url: String,
    /// The response's status, or `None` if there was no response.
    pub status: Option<u16>,
    /// The number of bytes read from the body, with chunks and gzip decoded.
    pub bytes: u64,
    /// The time from the start of the request, including connecting, until the last byte was read.
    pub elapsed: Duration,
}

/// A failed attempt that will be retried, as reported to [`ClientBuilder::on_retry`](crate::ClientBuilder::on_retry).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RetryInfo<'a> {
    /// Why the attempt failed. Its [`source`](std::error::Error::source) has more details.
    pub error: &'a Error,
    /// The time until the next attempt.
    pub delay: Duration,
    /// How many attempts are left, including the next one.
    pub attempts_left: u32,
}

pub(crate) type Observer = dyn Fn(&RequestSummary) + Send + Sync;
pub(crate) type OnRetry = dyn Fn(&RetryInfo<'_>) + Send + Sync;

/// Reports a request to the observer, once, when it is over.
pub(super) struct RequestReport {
    pub(super) summary: RequestSummary,
    started: Instant,
    observer: Option<Arc<Observer>>,
}

impl RequestReport {
    pub(super) fn start(url: &str, observer: Option<Arc<Observer>>) -> Self {
        Self {
            summary: RequestSummary {
                url: shorten(url, MAX_URL),
                status: None,
                bytes: 0,
                elapsed: Duration::ZERO,
            },
            started: Instant::now(),
            observer,
        }
    }

    pub(super) fn send(&mut self) {
        if let Some(observer) = self.observer.take() {
            self.summary.elapsed = self.started.elapsed();
            observer(&self.summary);
        }
    }
}

impl Drop for RequestReport {
    fn drop(&mut self) {
        self.send();
    }
}
