//! Several logs at once, on plain threads.

use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::algorithm::Algorithm;
use crate::client::Client;
use crate::error::Error;
use crate::logs::Logs;
use crate::model::Build;

impl Client {
    /// Opens the logs of many builds, up to `jobs` at the same time, and hands each to `each`, which is called on as many
    /// threads. Returns when all have been seen.
    ///
    /// Builds are taken in order, each as soon as a thread is free; a log is opened only then, so memory depends on `jobs`
    /// and not on the number of builds. To stop early, let the iterator end. Each thread keeps its connection alive as far
    /// as [`idle_connections`](crate::ClientBuilder::idle_connections) allows. With `jobs` of 0 it is one.
    ///
    /// # Errors
    ///
    /// None of its own: what [`build_logs`](Client::build_logs) fails with is handed to `each`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::fs::File;
    ///
    /// # let client = algo_logs::Client::builder().build()?;
    /// let algorithm = "acme/Lemmatizer".parse()?;
    /// let builds = client.builds(&algorithm).collect::<Result<Vec<_>, _>>()?;
    /// client.each_build_logs(&algorithm, builds, 4, |build, logs| {
    ///     let name = format!("{}.log", build.build_id());
    ///     let saved = logs.map_err(std::io::Error::from).and_then(|mut logs| {
    ///         std::io::copy(&mut logs, &mut File::create(&name)?)
    ///     });
    ///     eprintln!("{name}: {saved:?}");
    /// });
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn each_build_logs<I>(
        &self,
        algorithm: &Algorithm,
        builds: I,
        jobs: usize,
        each: impl Fn(&Build, Result<Logs, Error>) + Sync,
    ) where
        I: IntoIterator<Item = Build>,
        I::IntoIter: Send,
    {
        let builds = Mutex::new(builds.into_iter().fuse());
        let next = || {
            // A thread that panicked over a log of its own leaves the rest as it was.
            let mut builds = builds.lock().unwrap_or_else(PoisonError::into_inner);
            builds.next()
        };
        let work = || {
            while let Some(build) = next() {
                let logs = self.build_logs(algorithm, build.build_id());
                each(&build, logs.map_err(Error::into_invalid_response));
            }
        };
        thread::scope(|scope| {
            // This thread is one of them.
            for _ in 1..jobs {
                // Where the system has no more threads, those that there are do the work.
                if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
    }
}
