//! When to try again: how long between two attempts, how many, and by whose clock.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use crate::error::{Error, Retry};

/// What tells the time and passes it, for the pauses between two attempts and while waiting for a build.
///
/// A program that must be able to stop such a pause, and a test that must not wait, bring their own.
///
/// # Examples
///
/// ```
/// use std::sync::Mutex;
/// use std::time::{Duration, Instant};
/// use algo_logs::{Client, Clock};
///
/// /// Time passes only when somebody sleeps.
/// #[derive(Debug)]
/// struct Impatient(Mutex<Instant>);
///
/// impl Clock for Impatient {
///     fn now(&self) -> Instant {
///         *self.0.lock().unwrap()
///     }
///     fn sleep(&self, duration: Duration) {
///         *self.0.lock().unwrap() += duration;
///     }
/// }
///
/// let client = Client::builder().clock(Impatient(Mutex::new(Instant::now()))).build()?;
/// # Ok::<(), algo_logs::Error>(())
/// ```
pub trait Clock: fmt::Debug + Send + Sync {
    /// What time it is. It never goes back.
    ///
    /// # Examples
    ///
    /// ```
    /// # use algo_logs::Clock;
    /// # use std::time::{Duration, Instant};
    /// # #[derive(Debug)]
    /// # struct Mine;
    /// # impl Clock for Mine {
    /// fn now(&self) -> Instant {
    ///     Instant::now()
    /// }
    /// # fn sleep(&self, _: Duration) {}
    /// # }
    /// ```
    fn now(&self) -> Instant;

    /// Returns after `duration`, or earlier where the pause is to be cut short.
    ///
    /// # Examples
    ///
    /// ```
    /// # use algo_logs::Clock;
    /// # use std::time::{Duration, Instant};
    /// # #[derive(Debug)]
    /// # struct Mine;
    /// # impl Clock for Mine {
    /// # fn now(&self) -> Instant { Instant::now() }
    /// fn sleep(&self, duration: Duration) {
    ///     std::thread::park_timeout(duration);
    /// }
    /// # }
    /// ```
    fn sleep(&self, duration: Duration);
}

/// The clock of the operating system.
#[derive(Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// The longest that a `Retry-After` is waited for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// The attempts at one thing.
#[derive(Debug)]
pub(crate) struct Attempts {
    retries: u32,
    failed: u32,
}

impl Attempts {
    pub(crate) fn new(retries: u32) -> Self {
        Self { retries, failed: 0 }
    }

    /// An attempt brought something new, so that the next failure is the first again.
    pub(crate) fn progressed(&mut self) {
        self.failed = 0;
    }

    /// How long to wait before the next attempt; `None` to give up.
    pub(crate) fn next_delay(&mut self, error: &Error) -> Option<Duration> {
        if self.failed == self.retries {
            return None;
        }
        let pause = match error.retryable() {
            Retry::No => return None,
            Retry::After(pause) if pause > MAX_RETRY_AFTER => return None,
            Retry::After(pause) => pause,
            Retry::Yes => backoff(self.failed, jitter()),
        };
        self.failed += 1;
        Some(pause)
    }
}

/// 1 s, 2 s, 4 s, 8 s and 8 s from then on, of which up to half is left out: clients that failed together should not
/// come back together.
fn backoff(failed: u32, jitter: f64) -> Duration {
    Duration::from_secs(1 << failed.min(3)).mul_f64(1.0 - jitter / 2.0)
}

/// A number from 0 to 1. `RandomState` is the one source of randomness that std has, and good enough for this.
fn jitter() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    f64::from(random as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn error(retry: Retry) -> Error {
        Error::new(ErrorKind::Service, "").retry(retry)
    }

    #[test]
    fn pauses_double_up_to_eight_seconds() {
        let seconds: Vec<u64> = (0..6).map(|n| backoff(n, 0.0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 8, 8]);
        assert_eq!(backoff(0, 1.0), Duration::from_millis(500));
        assert!((0..100).all(|_| (0.0..=1.0).contains(&jitter())));
        assert!((0..100).any(|_| jitter() != jitter()));
    }

    #[test]
    fn gives_up_after_the_retries() {
        let mut attempts = Attempts::new(2);
        assert!(attempts.next_delay(&error(Retry::Yes)).is_some());
        assert!(attempts.next_delay(&error(Retry::Yes)).is_some());
        assert!(attempts.next_delay(&error(Retry::Yes)).is_none());
        attempts.progressed();
        let pause = attempts.next_delay(&error(Retry::Yes)).unwrap();
        assert!(pause <= Duration::from_secs(1));
    }

    #[test]
    fn what_cannot_pass_is_not_tried_again() {
        assert_eq!(Attempts::new(9).next_delay(&error(Retry::No)), None);
        assert_eq!(Attempts::new(0).next_delay(&error(Retry::Yes)), None);
    }

    #[test]
    fn retry_after_is_obeyed_up_to_a_minute() {
        for (seconds, obeyed) in [(0, true), (60, true), (61, false)] {
            let asked = Duration::from_secs(seconds);
            let pause = Attempts::new(1).next_delay(&error(Retry::After(asked)));
            assert_eq!(pause, obeyed.then_some(asked));
        }
    }
}
