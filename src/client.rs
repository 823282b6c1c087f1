//! The client: one short method per endpoint, over the private [`Http`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::algorithm::{Algorithm, received_segment, segment};
use crate::base_url::BaseUrl;
use crate::error::{Error, ErrorKind, not_finished};
use crate::http::{Config, Endpoint, Http, ProxySetting, RequestSummary, RetryInfo};
use crate::logs::{LOGS, Logs, OUTPUT};
use crate::model::{Build, Items, Version};
use crate::pages::Pages;
use crate::token::Token;

/// A client for one cluster. It is cheap to clone, and clones share its pool of connections.
///
/// # Examples
///
/// ```no_run
/// use algo_logs::{Algorithm, Client, Token};
///
/// let client = Client::builder("https://cluster.example.com")
///     .token(Token::simple("sim0123456789")?)
///     .build()?;
/// let algorithm: Algorithm = "acme/Lemmatizer".parse()?;
/// for build in client.builds(&algorithm) {
///     let build = build?;
///     println!("{} {}", build.build_id, build.status);
/// }
/// # Ok::<(), algo_logs::Error>(())
/// ```
///
/// To read several logs at once, share the client between threads of your own:
///
/// ```no_run
/// # let client = algo_logs::Client::builder("cluster.example.com").build()?;
/// # let algorithm: algo_logs::Algorithm = "acme/Lemmatizer".parse()?;
/// let builds = std::sync::Mutex::new(client.builds(&algorithm).fuse());
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
///             loop {
///                 let next = builds.lock().unwrap().next();
///                 let Some(build) = next.transpose()? else { return Ok(()) };
///                 let mut log = client.build_logs(&algorithm, &build.build_id)?;
///                 let mut file = std::fs::File::create(format!("{}.log", build.build_id))?;
///                 std::io::copy(&mut log, &mut file)?;
///             }
///         });
///     }
/// });
/// # Ok::<(), algo_logs::Error>(())
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) http: Arc<Http>,
}

impl Client {
    /// Returns a builder for a client of the cluster at `url`, in any form that [`BaseUrl`] accepts.
    ///
    /// There is no default cluster. [`build`](ClientBuilder::build) reports a URL that cannot be used.
    pub fn builder(url: impl Into<String>) -> ClientBuilder {
        ClientBuilder {
            url: url.into(),
            config: Config::default(),
        }
    }

    /// Returns the base URL of the cluster.
    pub fn base_url(&self) -> &BaseUrl {
        self.http.base_url()
    }

    /// Shuts down this client and its clones, so that a program can stop without waiting for the cluster.
    ///
    /// Requests in flight on other threads fail at once with [`ErrorKind::Cancelled`], even while they wait for a
    /// retry. Reading a log fails in the same way, unless its response has already been received in full. Later
    /// requests fail before they are sent. Name lookups and TCP connects cannot be interrupted: a request in that phase
    /// fails when the phase ends.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let client = algo_logs::Client::builder("cluster.example.com").build()?;
    /// // End a wait from another thread.
    /// use algo_logs::{ErrorKind, Wait};
    ///
    /// let watchdog = client.clone();
    /// std::thread::spawn(move || {
    ///     std::thread::sleep(std::time::Duration::from_secs(60));
    ///     watchdog.shutdown();
    /// });
    /// match client.wait_for_build(&"acme/Lemmatizer".parse()?, "8a366318", Wait::default()) {
    ///     Err(error) if error.kind() == ErrorKind::Cancelled => eprintln!("still in progress"),
    ///     build => println!("{}", build?.status),
    /// }
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn shutdown(&self) {
        self.http.shutdown();
    }

    /// Lists the builds of an algorithm: `GET /v1/algorithms/OWNER/NAME/builds`.
    ///
    /// Sends nothing until the first item is taken from the iterator.
    pub fn builds(&self, algorithm: &Algorithm) -> Pages<Build> {
        self.pages(Endpoint {
            path: format!("{}/builds", algorithm.path()),
            name: format!("builds of {algorithm}"),
        })
    }

    /// Lists the versions of an algorithm: `GET /v1/algorithms/OWNER/NAME/versions`.
    ///
    /// A failed build has no version. Sends nothing until the first item is taken from the iterator.
    pub fn versions(&self, algorithm: &Algorithm) -> Pages<Version> {
        self.pages(Endpoint {
            path: format!("{}/versions", algorithm.path()),
            name: format!("versions of {algorithm}"),
        })
    }

    /// Lists the algorithms of a user or an organization: `GET /v1/users/OWNER/algorithms`.
    ///
    /// If a name is not valid in a URL, its item is an [`ErrorKind::InvalidResponse`].
    ///
    /// # Errors
    ///
    /// Any [request error](crate#request-errors).
    pub fn algorithms(&self, owner: &str) -> Result<Vec<Result<Algorithm, Error>>, Error> {
        let owner = segment("owner", owner)?;
        let endpoint = Endpoint {
            path: format!("/v1/users/{owner}/algorithms"),
            name: format!("algorithms of {owner}"),
        };
        let Items::<ListedAlgorithm>(listed) = self.http.get_json(&endpoint)?;
        let algorithm = |listed: ListedAlgorithm| {
            Algorithm::received(&listed.username, &listed.algoname)
                .map_err(|error| error.about(&endpoint.name))
        };
        Ok(listed.into_iter().map(algorithm).collect())
    }

    /// Returns one build: `GET /v1/algorithms/OWNER/NAME/builds/BUILD_ID`. Its `build_id` is always the ID that you
    /// passed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such build, and any [request error](crate#request-errors).
    pub fn build(&self, algorithm: &Algorithm, build_id: &str) -> Result<Build, Error> {
        let endpoint = build_endpoint(algorithm, build_id)?;
        let mut build: Build = self.http.get_json(&endpoint)?;
        build_id.clone_into(&mut build.build_id);
        Ok(build)
    }

    /// Returns the version that was built from a commit: `GET /v1/algorithms/OWNER/NAME/versions/HASH`.
    ///
    /// `git_hash` is the full 40-digit SHA: the service has no lookup by semantic version. The response includes the
    /// log, which is skipped in constant memory, whatever its size. If the service responds with 404, this also searches
    /// the list of versions.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such version, and any [request error](crate#request-errors).
    pub fn version(&self, algorithm: &Algorithm, git_hash: &str) -> Result<Version, Error> {
        match self.http.read_json(&version_endpoint(algorithm, git_hash)?) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.listed_version(algorithm, git_hash).ok_or(error)
            }
            version => version,
        }
    }

    /// Returns the log of a build: `logs` in `GET /v1/algorithms/OWNER/NAME/builds/BUILD_ID/logs`.
    ///
    /// The service responds with 404 in several cases. If the code does not say which, this also requests the build.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFinished`] while the build is in progress, [`ErrorKind::NoLog`] if it has finished but its log
    /// is lost, [`ErrorKind::NotFound`] if there is no such build, and any [request error](crate#request-errors).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let client = algo_logs::Client::builder("cluster.example.com").build()?;
    /// let mut log = client.build_logs(&"acme/Lemmatizer".parse()?, "8a366318")?;
    /// std::io::copy(&mut log, &mut std::io::stdout())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build_logs(&self, algorithm: &Algorithm, build_id: &str) -> Result<Logs, Error> {
        let build = build_endpoint(algorithm, build_id)?;
        let endpoint = Endpoint {
            path: format!("{}/logs", build.path),
            name: format!("log of {}", build.name),
        };
        Logs::open(self.http.clone(), endpoint, LOGS)
            .map_err(|error| self.explain_missing_log(&build, error))
    }

    /// Returns the log of a version: `compilation.output` in `GET /v1/algorithms/OWNER/NAME/versions/HASH`.
    ///
    /// If the output is missing or empty, this returns the log of the version's build instead. To find out, it reads
    /// the beginning of the output before it returns. It also returns the build's log if the service responds with 404
    /// but lists the version.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such version, [`ErrorKind::NoLog`] if neither the version nor its build
    /// has a log, and any [request error](crate#request-errors).
    pub fn version_logs(&self, algorithm: &Algorithm, git_hash: &str) -> Result<Logs, Error> {
        let version = version_endpoint(algorithm, git_hash)?;
        let endpoint = Endpoint {
            path: version.path.clone(),
            name: format!("log of {}", version.name),
        };
        let mut logs = match Logs::open(self.http.clone(), endpoint, OUTPUT) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let listed = self.listed_version(algorithm, git_hash);
                let build_id = listed.as_ref().and_then(Version::build_id).ok_or(error)?;
                return self.received_build_logs(algorithm, build_id);
            }
            logs => logs?,
        };
        if logs.has_content() {
            return Ok(logs);
        }
        let found: Version = self.http.read_json(&version)?;
        match found.build_id() {
            Some(build_id) => self.received_build_logs(algorithm, build_id),
            None if logs.is_missing() => {
                let message = "the version has no output and names no build";
                let context = format!("log of {}", version.name);
                Err(Error::new(ErrorKind::NoLog, message).about(&context))
            }
            None => Ok(logs),
        }
    }

    /// Returns the log of a build that the service named.
    fn received_build_logs(&self, algorithm: &Algorithm, build_id: &str) -> Result<Logs, Error> {
        self.build_logs(algorithm, received_segment("build ID", build_id)?)
    }

    /// Finds a version in the list. If the list cannot be read, the caller reports the error that it already has.
    fn listed_version(&self, algorithm: &Algorithm, git_hash: &str) -> Option<Version> {
        self.versions(algorithm)
            .map_while(Result::ok)
            .find(|version| version.git_hash() == Some(git_hash))
    }

    fn pages<T>(&self, list: Endpoint) -> Pages<T> {
        Pages::new(self.http.clone(), list)
    }

    /// Finds out what a 404 for a log means, from the service's error code or the build itself.
    fn explain_missing_log(&self, build: &Endpoint, error: Error) -> Error {
        let explained = matches!(error.service_code(), Some(1000 | 1001 | 1009 | 1010));
        if explained || !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NoLog) {
            return error;
        }
        match self.http.get_json::<Build>(build) {
            Ok(build) if build.status.is_finished() => {
                let status = self.http.redact(build.status.as_str());
                let why = format!("the build has finished ({status}), but its log is lost");
                error.explained(ErrorKind::NoLog, why)
            }
            Ok(_) => not_finished(&build.name),
            Err(lookup) if lookup.kind() == ErrorKind::NotFound => lookup,
            // The second request only explains the first error. Its own failure does not replace that error.
            Err(_) => error,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", self.base_url())
            .finish_non_exhaustive()
    }
}

/// An item of the list of algorithms, without the members that are not needed.
#[derive(serde::Deserialize)]
struct ListedAlgorithm {
    username: String,
    algoname: String,
}

fn build_endpoint(algorithm: &Algorithm, build_id: &str) -> Result<Endpoint, Error> {
    let build_id = segment("build ID", build_id)?;
    Ok(Endpoint {
        path: format!("{}/builds/{build_id}", algorithm.path()),
        name: format!("build {build_id} of {algorithm}"),
    })
}

fn version_endpoint(algorithm: &Algorithm, git_hash: &str) -> Result<Endpoint, Error> {
    let git_hash = segment("git hash", git_hash)?;
    Ok(Endpoint {
        path: format!("{}/versions/{git_hash}", algorithm.path()),
        name: format!("version {git_hash} of {algorithm}"),
    })
}

/// Configures a [`Client`].
///
/// Everything but the URL has a default. Nearly every cluster requires a token.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use algo_logs::{Client, Token};
///
/// let client = Client::builder("cluster.example.com")
///     .token(Token::simple("sim0123456789")?)
///     .timeout(Duration::from_secs(10))
///     .retries(5)
///     .on_request(|request| eprintln!("{} {:?}", request.url, request.status))
///     .build()?;
/// # Ok::<(), algo_logs::Error>(())
/// ```
#[must_use]
pub struct ClientBuilder {
    url: String,
    config: Config,
}

/// Leaves out the URL, which may contain a password until [`ClientBuilder::build`] checks it.
impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("token", &self.config.token)
            .finish_non_exhaustive()
    }
}

impl ClientBuilder {
    /// Sets whether the key may be sent unencrypted, over `http://`, to a host other than a loopback address. Defaults
    /// to `false`.
    pub fn allow_http(mut self, allow: bool) -> Self {
        self.config.allow_http = allow;
        self
    }

    /// Sets the credentials. Defaults to none: no `Authorization` header is sent.
    pub fn token(mut self, token: Token) -> Self {
        self.config.token = Some(token);
        self
    }

    /// Trusts only these root certificates, in PEM. Defaults to Mozilla's, which are compiled in, or, with the feature
    /// `platform-verifier`, to those of the operating system. [`build`](ClientBuilder::build) fails if there is no
    /// certificate or an invalid one.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let pem = std::fs::read("ca.pem")?;
    /// let client = algo_logs::Client::builder("cluster.example.com").root_certificates(pem).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.config.root_certificates = Some(pem.into());
        self
    }

    /// Sets the proxy to use, regardless of the environment: `http://[USER:PASSWORD@]HOST[:PORT]`, or the same with
    /// `https`.
    ///
    /// Defaults to the proxy that the environment names: `HTTPS_PROXY` or `HTTP_PROXY`, depending on the scheme of the
    /// base URL, or else `ALL_PROXY`, unless `NO_PROXY` exempts the host. The names may be in upper or lower case.
    /// Loopback hosts are never proxied.
    ///
    /// # Examples
    ///
    /// ```
    /// let client = algo_logs::Client::builder("https://cluster.example.com")
    ///     .proxy_url("http://proxy.example.com:3128")
    ///     .build()?;
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn proxy_url(mut self, url: impl Into<String>) -> Self {
        self.config.proxy = ProxySetting::Url(url.into());
        self
    }

    /// Uses no proxy, regardless of the environment. Defaults to the proxy that the environment names.
    pub fn no_proxy(mut self) -> Self {
        self.config.proxy = ProxySetting::None;
        self
    }

    /// Sets the idle timeout: the longest wait for the next byte, before or during a response. Defaults to 30 seconds.
    ///
    /// Connecting is limited to this or 10 seconds, whichever is less. A proxy that sends its response to CONNECT byte by
    /// byte is not limited. A whole request has no time limit. A name lookup has only the time limit of the operating
    /// system.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout = timeout;
        self
    }

    /// Sets how many times a request is retried after a transient failure: no connection, a timeout, a response that
    /// was cut short, or status 408, 429, 500, 502, 503 or 504. Defaults to 3.
    ///
    /// A log resumes if its connection breaks, unless this is 0. Progress resets the count.
    pub fn retries(mut self, retries: u32) -> Self {
        self.config.retries = retries;
        self
    }

    /// Sets the delay before the first retry. Defaults to 1 second.
    ///
    /// The delay doubles with each further retry, up to 8 times its length. Random jitter shortens it by up to half.
    /// `Retry-After` takes precedence over the delay. If it asks for more than 60 seconds, the request fails instead.
    pub fn retry_delay(mut self, delay: Duration) -> Self {
        self.config.retry_delay = delay;
        self
    }

    /// Sets how many idle connections are kept for later requests. Defaults to 4.
    ///
    /// A good value is the number of threads that use the client at the same time.
    pub fn idle_connections(mut self, connections: usize) -> Self {
        self.config.idle_connections = connections;
        self
    }

    /// Sets a function to call after each request, including retries, on the thread that finishes it: for a log, the
    /// one that reads it to the end or drops it. Defaults to none.
    pub fn on_request(
        mut self,
        observer: impl Fn(&RequestSummary) + Send + Sync + 'static,
    ) -> Self {
        self.config.observer = Some(Arc::new(observer));
        self
    }

    /// Sets a function to call before the delay of each retry, on the thread that made the request. Defaults to none.
    ///
    /// # Examples
    ///
    /// ```
    /// let client = algo_logs::Client::builder("cluster.example.com")
    ///     .on_retry(|retry| eprintln!("{}; retrying in {:?}", retry.error, retry.delay))
    ///     .build()?;
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn on_retry(mut self, on_retry: impl Fn(&RetryInfo<'_>) + Send + Sync + 'static) -> Self {
        self.config.on_retry = Some(Arc::new(on_retry));
        self
    }

    /// Builds the client. Sends nothing. Reads the proxy variables, unless [`proxy_url`](Self::proxy_url) or
    /// [`no_proxy`](Self::no_proxy) was called.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] if:
    ///
    /// - the base URL, the certificates, the timeout or the proxy is not valid;
    /// - the base URL is `http://` and not a loopback address, and [`allow_http`](Self::allow_http) is not set;
    /// - TLS is needed, but the crate was built with neither `rustls` nor `native-tls`.
    pub fn build(self) -> Result<Client, Error> {
        Ok(Client {
            http: Arc::new(Http::new(self.url.parse()?, self.config)?),
        })
    }
}
