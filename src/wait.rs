//! Waiting for a build: how long, how often, and what is seen meanwhile.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Retry};
use crate::model::Build;

/// How long to wait for a build, and how often to ask.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let wait = algo_logs::Wait::default()
///     .timeout(Duration::from_secs(600))
///     .interval(Duration::from_secs(2));
/// ```
pub struct Wait {
    timeout: Duration,
    interval: Duration,
    observer: Option<Box<Observer>>,
}

type Observer = dyn Fn(&Poll<'_>) + Send + Sync;

/// One question of many, as told to [`Wait::on_poll`], where the answer was not yet what is waited for.
///
/// # Examples
///
/// ```
/// let wait = algo_logs::Wait::default().on_poll(|poll| match poll.build {
///     Ok(Some(build)) => eprintln!("{} after {:?}", build.status(), poll.waited),
///     Ok(None) => eprintln!("not listed after {:?}", poll.waited),
///     Err(error) => eprintln!("{error}, asking again"),
/// });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Poll<'a> {
    /// How long it has been since the first question.
    pub waited: Duration,
    /// The build as it is now, `None` while it is not listed, or an error that may pass.
    pub build: Result<Option<&'a Build>, &'a Error>,
}

impl Default for Wait {
    /// Half an hour, asking every 5 seconds.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(1800),
            interval: Duration::from_secs(5),
            observer: None,
        }
    }
}

impl Wait {
    /// How long to wait in all. With zero it is asked once. Defaults to 1800 seconds.
    ///
    /// # Examples
    ///
    /// ```
    /// let wait = algo_logs::Wait::default().timeout(std::time::Duration::from_secs(60));
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long to pause between two questions. Defaults to 5 seconds.
    ///
    /// # Examples
    ///
    /// ```
    /// let wait = algo_logs::Wait::default().interval(std::time::Duration::from_secs(1));
    /// ```
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Is told of each answer that is not yet the one that is waited for. Defaults to nobody.
    ///
    /// # Examples
    ///
    /// ```
    /// let wait = algo_logs::Wait::default()
    ///     .on_poll(|poll| eprintln!("waited {} s", poll.waited.as_secs()));
    /// ```
    pub fn on_poll(mut self, observer: impl Fn(&Poll<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Asks until the build has finished. What it was last is the answer when the time is up; an error that may pass is
    /// ridden out until then.
    pub(crate) fn until_finished(
        &self,
        mut ask: impl FnMut() -> Result<Option<Build>, Error>,
    ) -> Result<Option<Build>, Error> {
        let started = Instant::now();
        loop {
            let answer = ask();
            match &answer {
                Ok(Some(build)) if build.status().is_finished() => return answer,
                Err(error) if error.retryable() == Retry::No => return answer,
                _ => {}
            }
            let waited = started.elapsed();
            if let Some(observer) = &self.observer {
                let build = answer.as_ref().map(Option::as_ref);
                observer(&Poll { waited, build });
            }
            let left = self.timeout.saturating_sub(waited);
            if left.is_zero() {
                return answer;
            }
            let pause = match answer.map_err(|error| error.retryable()) {
                Err(Retry::After(asked)) => asked.max(self.interval),
                _ => self.interval,
            };
            thread::sleep(pause.min(left));
        }
    }
}

/// The error for a build that is asked for too early.
pub(crate) fn not_finished(what: &str) -> Error {
    Error::new(ErrorKind::NotFinished, "the build is still in progress").about(what)
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("timeout", &self.timeout)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}
