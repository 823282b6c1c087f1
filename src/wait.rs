//! Waiting for a build to finish.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::algorithm::{Algorithm, received_segment};
use crate::client::Client;
use crate::error::{Error, ErrorKind, not_finished};
use crate::http::{Http, MAX_TIMEOUT};
use crate::model::Build;
use crate::retry::Retry;

/// How long to wait for a build, how often to poll, and whether to continue.
///
/// [`on_poll`](Wait::on_poll) ends a wait after a poll. [`Client::shutdown`] ends it at once, from another thread.
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
///         if interrupted.load(Ordering::Relaxed) {
///             return ControlFlow::Break(());
///         }
///         ControlFlow::Continue(())
///     });
/// ```
#[must_use]
pub struct Wait<'a> {
    timeout: Duration,
    interval: Duration,
    until_listed: bool,
    on_poll: Option<Box<OnPoll<'a>>>,
}

type OnPoll<'a> = dyn FnMut(&PollInfo<'_>) -> ControlFlow<()> + 'a;

/// The longest `Retry-After` that a wait obeys: the build may finish in the meantime.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// A poll that did not find a finished build, as passed to [`Wait::on_poll`].
#[derive(Debug)]
#[non_exhaustive]
pub struct PollInfo<'a> {
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
            until_listed: false,
            on_poll: None,
        }
    }
}

impl<'a> Wait<'a> {
    /// Sets how long to wait in all, including the time that requests take. Defaults to 1800 seconds.
    ///
    /// One final poll of up to 1 second follows when the time is up. A proxy that sends its response to CONNECT byte by
    /// byte is not limited.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the pause between two polls. Defaults to 5 seconds. A longer `Retry-After` takes precedence, up to 60
    /// seconds. With an interval of zero, polls follow each other without a pause.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets whether [`wait_for_build`](crate::Client::wait_for_build) also waits for a build that does not exist yet,
    /// instead of failing with [`ErrorKind::NotFound`]. An unknown algorithm still fails at once. Defaults to `false`.
    pub fn until_listed(mut self, until_listed: bool) -> Self {
        self.until_listed = until_listed;
        self
    }

    /// Sets a function to call after each poll that does not find a finished build, including transient failures. It
    /// decides whether to continue. If it breaks, the wait ends with [`ErrorKind::Cancelled`]. Defaults to none.
    pub fn on_poll(mut self, on_poll: impl FnMut(&PollInfo<'_>) -> ControlFlow<()> + 'a) -> Self {
        self.on_poll = Some(Box::new(on_poll));
        self
    }

    /// Returns the deadline of a wait that begins now.
    pub(crate) fn deadline(&self) -> Instant {
        // Adding more than this could overflow on some systems.
        Instant::now() + self.timeout.min(MAX_TIMEOUT)
    }

    /// Polls until the build has finished. If the time runs out first, returns the build as it was last seen or, if it
    /// was never seen, the result of the last poll.
    pub(crate) fn until_finished(
        mut self,
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
            if let Some(on_poll) = &mut self.on_poll {
                let build = result.as_ref().map(Option::as_ref);
                if on_poll(&PollInfo { waited, build }).is_break() {
                    let message = "the wait was cancelled";
                    return Err(Error::new(ErrorKind::Cancelled, message));
                }
            }
            let remaining = self.timeout.saturating_sub(waited);
            let retry = result.as_ref().err().map(Error::retryable);
            let pause = pause(retry, self.interval);
            if remaining.is_zero() && seen.is_none() {
                return result;
            }
            seen = result.unwrap_or_default().or(seen);
            if remaining.is_zero() {
                return Ok(seen);
            }
            http.pause(pause.min(remaining))?;
        }
    }
}

impl Client {
    /// Polls a build until it has finished, and returns it: `GET /v1/algorithms/OWNER/NAME/builds/BUILD_ID`.
    ///
    /// A build that does not exist is an error at once, unless [`Wait::until_listed`] is set. Transient failures, as
    /// listed in [`ClientBuilder::retries`](crate::ClientBuilder::retries), do not end the wait.
    ///
    /// # Errors
    ///
    /// When the time is up: [`ErrorKind::NotFinished`] if the build is still in progress, or the error of the last poll
    /// if no poll found the build. At once: [`ErrorKind::Cancelled`] if [`Wait::on_poll`] ended the wait, and any
    /// [request error](crate#request-errors) that is not transient.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use algo_logs::Wait;
    /// # let client = algo_logs::Client::builder("cluster.example.com").build()?;
    /// let build = client.wait_for_build(&"acme/Lemmatizer".parse()?, "8a366318", Wait::default())?;
    /// assert!(build.status.is_finished());
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn wait_for_build(
        &self,
        algorithm: &Algorithm,
        build_id: &str,
        wait: Wait<'_>,
    ) -> Result<Build, Error> {
        let client = self.until(wait.deadline());
        let until_listed = wait.until_listed;
        let mut missing = None;
        let build = wait.until_finished(&client.http, || {
            match client.build(algorithm, build_id) {
                Err(error) if until_listed && is_missing_build(&error) => {
                    // Without a code, the algorithm may be what is missing.
                    if missing.is_none() && error.service_code().is_none() {
                        client.check_exists(algorithm)?;
                    }
                    missing = Some(error);
                    Ok(None)
                }
                result => result.map(Some),
            }
        });
        let name = format!("build {build_id} of {algorithm}");
        match (build.map_err(|error| error.about(&name))?, missing) {
            (Some(build), _) if build.status.is_finished() => Ok(build),
            (None, Some(error)) => Err(error),
            _ => Err(not_finished(&name)),
        }
    }

    /// Polls until the newest build for which `matches` returns true has finished, and returns it.
    ///
    /// The build need not be listed yet: its commit may have just been pushed. This polls `GET
    /// /v1/algorithms/OWNER/NAME/builds` until it finds such a build, and then `…/builds/BUILD_ID`, even if a newer
    /// build is listed later. Transient failures do not end the wait. Returns `Ok(None)` if there is still no such
    /// build when the time is up.
    ///
    /// # Errors
    ///
    /// As for [`wait_for_build`](Client::wait_for_build).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use algo_logs::{Build, Wait};
    /// # let client = algo_logs::Client::builder("cluster.example.com").build()?;
    /// let pushed = "8e36fbf53f57fa1f1b681b1f1ab178b6f989976f";
    /// let of_commit = |build: &Build| build.commit_sha == pushed;
    /// let build = client.wait_for_newest_build(&"acme/Lemmatizer".parse()?, of_commit, Wait::default())?;
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn wait_for_newest_build(
        &self,
        algorithm: &Algorithm,
        matches: impl Fn(&Build) -> bool,
        wait: Wait<'_>,
    ) -> Result<Option<Build>, Error> {
        let client = self.until(wait.deadline());
        let mut id: Option<String> = None;
        let build = wait.until_finished(&client.http, || {
            if let Some(id) = &id {
                return client.build(algorithm, id).map(Some);
            }
            let build = client.builds(algorithm).newest_of(&matches)?;
            if let Some(build) = &build {
                received_segment("build ID", &build.build_id)?;
                id = Some(build.build_id.clone());
            }
            Ok(build)
        });
        match build.map_err(|error| error.about(&format!("builds of {algorithm}")))? {
            Some(build) if !build.status.is_finished() => Err(not_finished(&format!(
                "build {} of {algorithm}",
                build.build_id
            ))),
            build => Ok(build),
        }
    }

    /// Fails if the list of builds says that there is no such algorithm.
    fn check_exists(&self, algorithm: &Algorithm) -> Result<(), Error> {
        match self.builds(algorithm).page_size(1).next() {
            Some(Err(error)) if error.kind() == ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns a client whose requests all end by `deadline`.
    fn until(&self, deadline: Instant) -> Self {
        Self {
            http: Arc::new(self.http.until(deadline)),
        }
    }
}

/// Returns whether the error means that the build does not exist, rather than the algorithm.
fn is_missing_build(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound && matches!(error.service_code(), None | Some(1010))
}

/// Returns the pause before the next poll.
fn pause(retry: Option<Retry>, interval: Duration) -> Duration {
    match retry {
        Some(Retry::After(delay)) => delay.min(MAX_RETRY_AFTER).max(interval),
        _ => interval,
    }
}

impl fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("timeout", &self.timeout)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_at_least_the_interval_and_obeys_retry_after_up_to_a_minute() {
        let seconds = Duration::from_secs;
        let after = |secs| Some(Retry::After(seconds(secs)));
        for (retry, expected) in [
            (None, 5),
            (Some(Retry::Yes), 5),
            (after(0), 5),
            (after(9), 9),
            (after(60), 60),
            (after(3600), 60),
        ] {
            assert_eq!(pause(retry, seconds(5)), seconds(expected), "{retry:?}");
        }
        assert_eq!(pause(after(3600), seconds(90)), seconds(90));
    }
}
