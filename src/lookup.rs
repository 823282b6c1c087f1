//! Lookups that the service does not offer. They search a list instead.

use crate::algorithm::{Algorithm, received_segment, segment};
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::model::{Build, Version};
use crate::pages::Pages;

/// The minimum length of an abbreviated ID or hash.
const MIN_PREFIX: usize = 7;

impl Client {
    /// Finds a build by its ID, or by at least the first 7 characters of its ID.
    ///
    /// The service has no such lookup, so this searches `GET /v1/algorithms/OWNER/NAME/builds`. If you have the full
    /// ID, use [`build`](Client::build), which sends a single request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such build, [`ErrorKind::Ambiguous`] if several build IDs begin with
    /// `build_id`, and any [request error](crate#request-errors).
    pub fn find_build(&self, algorithm: &Algorithm, build_id: &str) -> Result<Build, Error> {
        let context = format!("build {} of {algorithm}", segment("build ID", build_id)?);
        let id = |build: &Build| Some(build.build_id.clone());
        let is_exact = |build: &Build| build.build_id == build_id;
        let missing = "there is no such build";
        self.find(self.builds(algorithm), id, is_exact, build_id, missing)
            .and_then(|build| {
                received_segment("build ID", &build.build_id)?;
                Ok(build)
            })
            .map_err(|error| error.about(&context))
    }

    /// Finds a version by its semantic version, or by at least the first 7 digits of its git hash.
    ///
    /// The service has no such lookup, so this searches `GET /v1/algorithms/OWNER/NAME/versions`.
    /// [`version_logs`](Client::version_logs) reads the log.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such version, [`ErrorKind::Ambiguous`] if several git hashes begin with
    /// `version`, and any [request error](crate#request-errors).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let client = algo_logs::Client::builder("cluster.example.com").build()?;
    /// let algorithm = "acme/Lemmatizer".parse()?;
    /// let version = client.find_version(&algorithm, "1.2.0")?;
    /// if let Some(hash) = version.git_hash() {
    ///     let log = client.version_logs(&algorithm, hash)?;
    /// }
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn find_version(&self, algorithm: &Algorithm, version: &str) -> Result<Version, Error> {
        let context = format!("version {} of {algorithm}", segment("version", version)?);
        let hash = |version: &Version| version.git_hash().map(str::to_ascii_lowercase);
        let is_exact = |candidate: &Version| candidate.semantic_version() == Some(version);
        let digits = version.to_ascii_lowercase();
        let missing = "there is no such version";
        self.find(self.versions(algorithm), hash, is_exact, &digits, missing)
            .map_err(|error| error.about(&context))
    }

    /// Returns the first exact match in a list, or the only item whose ID begins with `prefix`. Skips items without an
    /// ID, which cannot be requested.
    fn find<T: serde::de::DeserializeOwned>(
        &self,
        list: Pages<T>,
        id: impl Fn(&T) -> Option<String>,
        is_exact: impl Fn(&T) -> bool,
        prefix: &str,
        missing: &str,
    ) -> Result<T, Error> {
        let mut found: Option<(String, T)> = None;
        for item in list {
            let item = item?;
            let Some(id) = id(&item) else {
                continue;
            };
            if is_exact(&item) {
                return Ok(item);
            }
            if prefix.len() < MIN_PREFIX || !id.starts_with(prefix) {
                continue;
            }
            match &found {
                Some((other, _)) if *other != id => {
                    let ids = self.http.redact(&format!("{other} and {id}"));
                    let message = format!("ambiguous: matches {ids}");
                    return Err(Error::new(ErrorKind::Ambiguous, message));
                }
                Some(_) => {}
                None => found = Some((id, item)),
            }
        }
        let found = found.map(|(_, item)| item);
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, missing))
    }
}
