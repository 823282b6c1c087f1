//! Waiting for a build to finish.

use std::fmt;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Retry};
use crate::http::{Http, MAX_TIMEOUT};
use crate::model::Build;

/// How long to wait for a build, how often to poll, and whether to continue.
///
/// # Examples
///
/// ```
/// use std::ops::ControlFlow;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use std::time::Duration;
/// use algo_logs::Wait;
///
/// let interrupted = AtomicBool::new(false);
/// let wait = Wait::default()
///     .timeout(Duration::from_secs(600))
///     .interval(Duration::from_secs(2))
///     .on_poll(|poll| {
///         eprintln!("waited {:?}", poll.waited);
///         match interrupted.load(Ordering::Relaxed) {
///             false => ControlFlow::Continue(()),
///             true => ControlFlow::Break(()),
///         }
///     });
/// ```
#[must_use]
pub struct Wait<'a> {
    timeout: Duration,
    interval: Duration,
    on_poll: Option<Box<OnPoll<'a>>>,
}

type OnPoll<'a> = dyn Fn(&Poll<'_>) -> ControlFlow<()> + Send + Sync + 'a;

/// One poll after which the wait goes on, as passed to [`Wait::on_poll`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Poll<'a> {
    /// The time since the wait began.
    pub waited: Duration,
    /// The unfinished build, `None` if it is not listed yet, or a transient error.
    pub build: Result<Option<&'a Build>, &'a Error>,
}

impl Default for Wait<'_> {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(1800),
            interval: Duration::from_secs(5),
            on_poll: None,
        }
    }
}

impl<'a> Wait<'a> {
    /// Sets how long to wait in all, including the time that requests take. Defaults to 1800 seconds.
    ///
    /// The service is polled once more when the time is up. That request is given 1 second.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the pause between two polls. Defaults to 5 seconds.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets a function to call after each poll that does not end the wait. It decides whether to continue; if it breaks,
    /// the wait ends with [`ErrorKind::Cancelled`]. Defaults to none.
    pub fn on_poll(
        mut self,
        on_poll: impl Fn(&Poll<'_>) -> ControlFlow<()> + Send + Sync + 'a,
    ) -> Self {
        self.on_poll = Some(Box::new(on_poll));
        self
    }

    /// Returns when the wait that begins now is over.
    pub(crate) fn deadline(&self) -> Instant {
        // An `Instant` overflows after a time that depends on the system.
        Instant::now() + self.timeout.min(MAX_TIMEOUT)
    }

    /// Polls until the build has finished. When the time is up, returns the build as it was last seen, or else the result
    /// of the last poll.
    pub(crate) fn until_finished(
        &self,
        http: &Http,
        mut poll: impl FnMut() -> Result<Option<Build>, Error>,
    ) -> Result<Option<Build>, Error> {
        let started = Instant::now();
        let mut seen = None;
        loop {
            let result = poll();
            match &result {
                Ok(Some(build)) if build.status.is_finished() => return result,
                Err(error) if error.retryable() == Retry::No => return result,
                _ => {}
            }
            let waited = started.elapsed();
            if let Some(on_poll) = &self.on_poll {
                let build = result.as_ref().map(Option::as_ref);
                if on_poll(&Poll { waited, build }).is_break() {
                    let message = "the wait was cancelled";
                    return Err(Error::new(ErrorKind::Cancelled, message));
                }
            }
            let left = self.timeout.saturating_sub(waited);
            if let Ok(Some(build)) = &result {
                seen = Some(build.clone());
            }
            if left.is_zero() {
                return seen.map_or(result, |build| Ok(Some(build)));
            }
            let pause = match result.map_err(|error| error.retryable()) {
                Err(Retry::After(delay)) => delay.max(self.interval),
                _ => self.interval,
            };
            http.pause(pause.min(left))?;
        }
    }
}

/// Returns the error for a build whose log is requested too early.
pub(crate) fn not_finished(context: &str) -> Error {
    Error::new(ErrorKind::NotFinished, "the build is still in progress").about(context)
}

impl fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("timeout", &self.timeout)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}
