//! The client: an endpoint is a path and a type.

use std::sync::Arc;
use std::time::Duration;

use crate::algorithm::{Algorithm, segment};
use crate::base_url::BaseUrl;
use crate::error::{Error, ErrorKind};
use crate::http::{Config, Endpoint, Http, RequestSummary};
use crate::logs::{Logs, Source};
use crate::model::{Build, Version};
use crate::pages::Pages;
use crate::token::Token;
use crate::wait::not_finished;

/// A client of one cluster. It is cheap to clone. Clones share its connections, which are kept alive.
///
/// # Examples
///
/// ```no_run
/// use algo_logs::{Algorithm, Client, Token};
///
/// let client = Client::builder()
///     .base_url("https://cluster.example.com")
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
/// The library starts no threads. To read several logs at once, share the client between threads of your own:
///
/// ```no_run
/// # let client = algo_logs::Client::builder().build()?;
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
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) http: Arc<Http>,
}

impl Client {
    /// Returns a builder with default settings.
    pub fn builder() -> ClientBuilder {
        ClientBuilder {
            config: Config::default(),
            base_url_error: None,
        }
    }

    /// Returns the base URL of the cluster.
    pub fn base_url(&self) -> &BaseUrl {
        self.http.base_url()
    }

    /// Shuts down this client and its clones, so that a program can stop without waiting for the cluster.
    ///
    /// Requests in flight on other threads fail at once with [`ErrorKind::Cancelled`], also while they wait for a retry.
    /// Reading a log fails in the same way, unless its response has already been received in full. Later requests fail
    /// before they are sent. Three things are not interrupted, and fail when they are over: a name lookup, making a TCP
    /// connection, and the pause between two polls of a wait.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let client = algo_logs::Client::builder().build()?;
    /// let watchdog = client.clone();
    /// std::thread::spawn(move || {
    ///     std::thread::sleep(std::time::Duration::from_secs(60));
    ///     watchdog.shutdown();
    /// });
    /// let builds = client.builds(&"acme/Lemmatizer".parse()?).collect::<Result<Vec<_>, _>>()?;
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn shutdown(&self) {
        self.http.shutdown();
    }

    /// Lists the builds of an algorithm: `GET /v1/algorithms/OWNER/NAME/builds`.
    ///
    /// Sends nothing before the first item is requested.
    pub fn builds(&self, algorithm: &Algorithm) -> Pages<Build> {
        self.pages(Endpoint {
            path: format!("{}/builds", algorithm.path()),
            what: format!("builds of {algorithm}"),
        })
    }

    /// Lists the versions of an algorithm: `GET /v1/algorithms/OWNER/NAME/versions`.
    ///
    /// A failed build has no version. Sends nothing before the first item is requested.
    pub fn versions(&self, algorithm: &Algorithm) -> Pages<Version> {
        self.pages(Endpoint {
            path: format!("{}/versions", algorithm.path()),
            what: format!("versions of {algorithm}"),
        })
    }

    /// Lists the algorithms of a user or an organization: `GET /v1/users/OWNER/algorithms`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] if the service names an algorithm whose name is not valid, and the errors of any
    /// request.
    pub fn algorithms(&self, owner: &str) -> Result<Vec<Algorithm>, Error> {
        let owner = segment("owner", owner)?;
        let endpoint = Endpoint {
            path: format!("/v1/users/{owner}/algorithms"),
            what: format!("algorithms of {owner}"),
        };
        let listed: Vec<ListedAlgorithm> = self.http.get_json(&endpoint)?;
        let algorithm = |listed: ListedAlgorithm| {
            Algorithm::new(&listed.username, &listed.algoname)
                .map_err(|error| error.into_invalid_response().about(&endpoint.what))
        };
        listed.into_iter().map(algorithm).collect()
    }

    /// Returns one build: `GET /v1/algorithms/OWNER/NAME/builds/BUILD_ID`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such build, and the errors of any request.
    pub fn build(&self, algorithm: &Algorithm, build_id: &str) -> Result<Build, Error> {
        self.http.get_json(&build_endpoint(algorithm, build_id)?)
    }

    /// Returns one version, by the commit that it was built from: `GET /v1/algorithms/OWNER/NAME/versions/HASH`.
    ///
    /// `git_hash` is the full 40-digit SHA: the service has no lookup by semantic version. The response includes the
    /// log. If the log may be larger than 32 MiB, use [`version_logs`](Client::version_logs) instead.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such version, [`ErrorKind::TooLarge`] if the response is larger than
    /// 32 MiB, and the errors of any request.
    pub fn version(&self, algorithm: &Algorithm, git_hash: &str) -> Result<Version, Error> {
        self.http.get_json(&version_endpoint(algorithm, git_hash)?)
    }

    /// Returns the log of a build: `GET /v1/algorithms/OWNER/NAME/builds/BUILD_ID/logs`, member `logs`.
    ///
    /// The service responds with 404 in several cases. The error says which one it is: either the service's own error
    /// code tells, or the build itself is requested.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFinished`] while the build is in progress, [`ErrorKind::NoLog`] if it has finished and its log is
    /// lost, [`ErrorKind::NotFound`] if there is no such build, and the errors of any request.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let client = algo_logs::Client::builder().build()?;
    /// let mut log = client.build_logs(&"acme/Lemmatizer".parse()?, "8a366318")?;
    /// std::io::copy(&mut log, &mut std::io::stdout())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build_logs(&self, algorithm: &Algorithm, build_id: &str) -> Result<Logs, Error> {
        let build = build_endpoint(algorithm, build_id)?;
        let endpoint = Endpoint {
            path: format!("{}/logs", build.path),
            what: format!("log of {}", build.what),
        };
        Logs::open(self.http.clone(), endpoint.clone(), Source::Build).map_err(|error| {
            self.explain_missing_log(&build, error)
                .about(&endpoint.what)
        })
    }

    /// Returns the log of a version: `GET /v1/algorithms/OWNER/NAME/versions/HASH`, member `compilation.output`.
    ///
    /// If the version has no output or an empty one, returns its build's log instead. To find out, the beginning of the
    /// log is read at once. The same holds if the service lists the version but responds with 404 to the request for it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such version, [`ErrorKind::NoLog`] if neither the version nor its build has
    /// a log, and the errors of any request.
    pub fn version_logs(&self, algorithm: &Algorithm, git_hash: &str) -> Result<Logs, Error> {
        let version = version_endpoint(algorithm, git_hash)?;
        let endpoint = Endpoint {
            path: version.path.clone(),
            what: format!("log of {}", version.what),
        };
        let mut logs = match Logs::open(self.http.clone(), endpoint, Source::Version) {
            Ok(logs) => logs,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return match self.build_of_listed_version(algorithm, git_hash) {
                    Some(build_id) => self
                        .build_logs(algorithm, &build_id)
                        .map_err(Error::into_invalid_response),
                    None => Err(error),
                };
            }
            Err(error) => return Err(error),
        };
        if logs.has_content()? {
            return Ok(logs);
        }
        let version: Version = self.http.get_json(&version)?;
        match version.build_id() {
            Some(build_id) => self
                .build_logs(algorithm, build_id)
                .map_err(Error::into_invalid_response),
            None if logs.is_missing() => Err(Error::new(
                ErrorKind::NoLog,
                "the version has no output and names no build",
            )
            .about(&format!("log of version {git_hash} of {algorithm}"))),
            None => Ok(logs),
        }
    }

    fn pages<T>(&self, list: Endpoint) -> Pages<T> {
        Pages::new(self.http.clone(), list)
    }

    /// Finds out what a 404 for a log means, from the service's error code or from the build itself.
    fn explain_missing_log(&self, build: &Endpoint, error: Error) -> Error {
        let explained = matches!(error.code(), Some(1000 | 1001 | 1009 | 1010));
        if explained || !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NoLog) {
            return error;
        }
        match self.http.get_json::<Build>(build) {
            Ok(build) if build.status.is_finished() => {
                let status = self.http.redact(build.status.as_str());
                let why = format!("the build has finished ({status}), but its log is lost");
                Error::new(ErrorKind::NoLog, why)
                    .with_status(404)
                    .with_service_error(error.code(), error.service_message().map(str::to_owned))
            }
            Ok(_) => not_finished(&build.what),
            Err(lookup) if lookup.kind() == ErrorKind::NotFound => lookup,
            // The second request is there to explain the first error, not to replace it.
            Err(_) => error,
        }
    }
}

/// An item of the list of algorithms. Its other members have no use here.
#[derive(serde::Deserialize)]
struct ListedAlgorithm {
    username: String,
    algoname: String,
}

pub(crate) fn build_endpoint(algorithm: &Algorithm, build_id: &str) -> Result<Endpoint, Error> {
    let build_id = segment("build id", build_id)?;
    Ok(Endpoint {
        path: format!("{}/builds/{build_id}", algorithm.path()),
        what: format!("build {build_id} of {algorithm}"),
    })
}

fn version_endpoint(algorithm: &Algorithm, git_hash: &str) -> Result<Endpoint, Error> {
    let git_hash = segment("git hash", git_hash)?;
    Ok(Endpoint {
        path: format!("{}/versions/{git_hash}", algorithm.path()),
        what: format!("version {git_hash} of {algorithm}"),
    })
}

/// Sets up a [`Client`].
///
/// Everything has a default, but nearly every cluster requires a token.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use algo_logs::{Client, Token};
///
/// let client = Client::builder()
///     .base_url("cluster.example.com")
///     .token(Token::simple("sim0123456789")?)
///     .timeout(Duration::from_secs(10))
///     .retries(5)
///     .on_request(|request| eprintln!("{} {:?}", request.url, request.status))
///     .build()?;
/// # Ok::<(), algo_logs::Error>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder {
    config: Config,
    /// Why the base URL is not valid, for `build` to report.
    base_url_error: Option<Error>,
}

impl ClientBuilder {
    /// Sets the cluster's URL, in any form that [`BaseUrl`] accepts. Defaults to `https://api.algorithmia.com`.
    pub fn base_url(mut self, url: impl AsRef<str>) -> Self {
        match url.as_ref().parse() {
            Ok(url) => {
                self.config.base_url = url;
                self.base_url_error = None;
            }
            Err(error) => self.base_url_error = Some(error),
        }
        self
    }

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

    /// Sets the root certificates, in PEM. Defaults to Mozilla's, which are compiled in, or with the feature
    /// `platform-verifier` to those of the operating system.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let pem = std::fs::read("ca.pem")?;
    /// let client = algo_logs::Client::builder().root_certificates(pem).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.config.root_certificates = Some(pem.into());
        self
    }

    /// Sets how long the cluster may send nothing: while connecting, before a response, and in the middle of one.
    /// Defaults to 30 seconds.
    ///
    /// There is no limit on a whole request. Name lookups, and connecting to a proxy, have only the limits of the operating
    /// system.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout = timeout;
        self
    }

    /// Sets how often a transient failure is retried: no connection, a timeout, a response that was cut short, and the
    /// statuses 408, 429, 500, 502, 503 and 504. Defaults to 3.
    ///
    /// A log whose connection breaks resumes, and counts retries only since its last progress.
    pub fn retries(mut self, retries: u32) -> Self {
        self.config.retries = retries;
        self
    }

    /// Sets the delay before the first retry. Defaults to 1 second.
    ///
    /// The later ones wait 2, 4 and then 8 times as long. Random jitter shortens each delay by up to half. `Retry-After`
    /// takes precedence over the delay; if it asks for more than 60 seconds, the request fails instead.
    pub fn retry_delay(mut self, delay: Duration) -> Self {
        self.config.retry_delay = delay;
        self
    }

    /// Sets how many idle connections are kept for later requests. Defaults to 4.
    ///
    /// As many as there are threads that use the client at the same time is a good number.
    pub fn idle_connections(mut self, connections: usize) -> Self {
        self.config.idle_connections = connections;
        self
    }

    /// Sets a function that is called after each request, on the thread that made it. Defaults to none.
    pub fn on_request(
        mut self,
        observer: impl Fn(&RequestSummary) + Send + Sync + 'static,
    ) -> Self {
        self.config.observer = Some(Arc::new(observer));
        self
    }

    /// Builds the client. It reads the environment variables `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in
    /// upper or lower case, and sends nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] if the base URL, the certificates, the timeout or a proxy variable is not valid, or if
    /// the key would be sent unencrypted.
    pub fn build(self) -> Result<Client, Error> {
        if let Some(error) = self.base_url_error {
            return Err(error);
        }
        Ok(Client {
            http: Arc::new(Http::new(self.config)?),
        })
    }
}
