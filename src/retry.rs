//! When to retry a request, and after how long.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Whether the same request may succeed if it is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    No,
    Yes,
    /// The service said how long to wait (`Retry-After`).
    After(Duration),
}

/// The longest `Retry-After` that is obeyed. If it is longer, the request fails.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// Counts the attempts at one request.
#[derive(Debug)]
pub(crate) struct Attempts {
    retries: u32,
    delay: Duration,
    /// Failures since the last progress.
    failures: u32,
}

impl Attempts {
    pub(crate) fn new(retries: u32, delay: Duration) -> Self {
        Self {
            retries,
            delay,
            failures: 0,
        }
    }

    /// Resets the failure count, because this attempt made progress.
    pub(crate) fn progressed(&mut self) {
        self.failures = 0;
    }

    /// Returns how many attempts were made since the last progress, including the one that failed for good.
    pub(crate) fn count(&self) -> u32 {
        self.failures.saturating_add(1)
    }

    /// Returns how many attempts are left, including the one that [`next_delay`](Self::next_delay) just allowed.
    pub(crate) fn remaining(&self) -> u32 {
        (self.retries - self.failures).saturating_add(1)
    }

    /// Returns how long to wait before the next attempt, or `None` to give up.
    pub(crate) fn next_delay(&mut self, retry: Retry) -> Option<Duration> {
        if self.failures == self.retries {
            return None;
        }
        let delay = match retry {
            Retry::No => return None,
            Retry::After(delay) if delay > MAX_RETRY_AFTER => return None,
            Retry::After(delay) => delay,
            Retry::Yes => backoff(self.delay, self.failures, jitter()),
        };
        self.failures += 1;
        Some(delay)
    }
}

/// Returns 1, 2, 4 and from then on 8 times `delay`, minus `jitter` 512ths of it.
fn backoff(delay: Duration, failures: u32, jitter: u8) -> Duration {
    let full = delay.saturating_mul(1 << failures.min(3));
    full - full / 512 * u32::from(jitter)
}

/// Returns a random number, so that clients that failed together do not retry together. `RandomState` is the only
/// source of randomness in std.
fn jitter() -> u8 {
    RandomState::new().build_hasher().finish() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn delays_double_three_times_and_jitter_shortens_them_by_less_than_half() {
        let seconds: Vec<u64> = (0..6).map(|n| backoff(SECOND, n, 0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 8, 8]);
        assert_eq!(backoff(SECOND, 3, u8::MAX).as_millis(), 4015);
        assert!((0..100).any(|_| jitter() != jitter()));
        assert!(backoff(Duration::MAX, 9, u8::MAX) > Duration::MAX / 2);
    }

    #[test]
    fn gives_up_after_the_retries() {
        let mut attempts = Attempts::new(2, SECOND);
        for (max, remaining) in [(1, 2), (2, 1)] {
            let delay = attempts.next_delay(Retry::Yes).unwrap();
            assert!(delay > SECOND * max / 2 && delay <= SECOND * max);
            assert_eq!(attempts.remaining(), remaining);
        }
        assert_eq!(attempts.next_delay(Retry::Yes), None);
        assert_eq!(attempts.count(), 3);
        attempts.progressed();
        let delay = attempts.next_delay(Retry::Yes).unwrap();
        assert!(delay <= SECOND);
    }

    #[test]
    fn the_error_says_whether_and_when_to_retry() {
        for (retry, delay) in [
            (Retry::No, None),
            (Retry::After(Duration::ZERO), Some(Duration::ZERO)),
            (Retry::After(MAX_RETRY_AFTER), Some(MAX_RETRY_AFTER)),
            (Retry::After(MAX_RETRY_AFTER + SECOND), None),
        ] {
            assert_eq!(Attempts::new(1, SECOND).next_delay(retry), delay);
        }
    }
}
