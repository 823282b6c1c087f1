//! The one way to the service: every request is made here, every answer's head judged here.
//!
//! This folder is the only place that names ureq. [`config`] and `tls` put the settings into its words, [`body`] reads what
//! comes, [`error_response`] says what an answer other than a plain 200 means.

mod body;
mod config;
mod error_response;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod tls;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Response, Uri, header};

pub(crate) use self::body::{Body, from_io};
pub(crate) use self::error_response::{ApiError, MAX_ERROR_BODY};

use self::body::RequestLog;
use crate::base_url::BaseUrl;
use crate::error::{Error, ErrorKind, Retry};
use crate::retry::{Attempts, Clock, SystemClock};
use crate::token::Token;

/// The most that is held of a list or of one object.
const MAX_JSON_BODY: u64 = 32 * 1024 * 1024;

/// One request and its answer, as told to
/// [`ClientBuilder::on_request`](crate::ClientBuilder::on_request) once it is over.
///
/// It holds no header and nothing of a body. The method is always `GET`.
///
/// # Examples
///
/// ```
/// let client = algo_logs::Client::builder()
///     .on_request(|exchange| assert!(exchange.bytes < 1 << 40))
///     .build()?;
/// # Ok::<(), algo_logs::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestSummary {
    /// The whole URL.
    pub url: String,
    /// The answer's status; `None` where none came.
    pub status: Option<u16>,
    /// How many bytes of the body were read, with chunks and `gzip` undone.
    pub bytes: u64,
    /// From before the connection was made until the last byte was read.
    pub elapsed: Duration,
}

pub(crate) type Observer = dyn Fn(&RequestSummary) + Send + Sync;

/// What is asked of the service: an address, and the name that errors give it.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// Path and query, encoded.
    pub(crate) path: String,
    /// Such as `builds of acme/Lemmatizer`.
    pub(crate) what: String,
}

/// What the client's builder collects.
pub(crate) struct Settings {
    pub(crate) base: BaseUrl,
    pub(crate) allow_http: bool,
    pub(crate) token: Option<Token>,
    pub(crate) roots: Option<Vec<u8>>,
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) connections: usize,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Option<Arc<Observer>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base: BaseUrl::default(),
            allow_http: false,
            token: None,
            roots: None,
            timeout: Duration::from_secs(30),
            retries: 3,
            connections: 4,
            clock: Arc::new(SystemClock),
            observer: None,
        }
    }
}

#[derive(Clone)]
pub(crate) struct Http {
    agent: ureq::Agent,
    /// The variable that names the proxy, if there is one.
    proxy: Option<&'static str>,
    base: BaseUrl,
    token: Option<Token>,
    authorization: Option<HeaderValue>,
    timeout: Duration,
    retries: u32,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<Observer>>,
}

impl Http {
    pub(crate) fn new(settings: Settings) -> Result<Self, Error> {
        let base = settings.base;
        if !base.is_https() && !base.is_loopback() && !settings.allow_http {
            return Err(Error::settings(format!(
                "{base} would send the key in clear: http is only for a loopback address"
            )));
        }
        if settings.timeout.is_zero() {
            return Err(Error::settings("a timeout of 0 leaves no time to connect"));
        }
        let authorization = settings.token.as_ref().map(authorization).transpose()?;
        let (agent, proxy) = config::build(config::Settings {
            base: &base,
            timeout: settings.timeout,
            roots: settings.roots,
            connections: settings.connections,
        })?;
        Ok(Self {
            agent,
            proxy,
            base,
            token: settings.token,
            authorization,
            timeout: settings.timeout,
            retries: settings.retries,
            clock: settings.clock,
            observer: settings.observer,
        })
    }

    /// The same, for whoever asks again anyway: each question is put once.
    pub(crate) fn with_no_retries(&self) -> Self {
        Self {
            retries: 0,
            ..self.clone()
        }
    }

    pub(crate) fn base(&self) -> &BaseUrl {
        &self.base
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn attempts(&self) -> Attempts {
        Attempts::new(self.retries)
    }

    /// The body of the endpoint's answer, once that is a 200. Tries again as `attempts` allows.
    pub(crate) fn get(&self, endpoint: &Endpoint, attempts: &mut Attempts) -> Result<Body, Error> {
        self.retrying(endpoint, attempts, || self.get_once(endpoint))
    }

    /// The endpoint's answer, read from JSON, of at most 32 MiB.
    pub(crate) fn get_json<T: DeserializeOwned>(&self, endpoint: &Endpoint) -> Result<T, Error> {
        // A small answer that was cut short is asked for again as a whole.
        self.retrying(endpoint, &mut self.attempts(), || {
            let body = self.get_once(endpoint)?.read_whole(MAX_JSON_BODY)?;
            serde_json::from_slice(&body).map_err(|error| self.not_as_expected(&body, error))
        })
    }

    fn retrying<T>(
        &self,
        endpoint: &Endpoint,
        attempts: &mut Attempts,
        mut attempt: impl FnMut() -> Result<T, Error>,
    ) -> Result<T, Error> {
        loop {
            let error = match attempt() {
                Ok(value) => return Ok(value),
                Err(error) => error.about(&endpoint.what),
            };
            match attempts.next_delay(&error) {
                Some(pause) => self.clock.sleep(pause),
                None => return Err(error),
            }
        }
    }

    fn get_once(&self, endpoint: &Endpoint) -> Result<Body, Error> {
        let url = format!("{}{}", self.base, endpoint.path);
        let mut log = RequestLog::start(&url, self.observer.clone());
        let mut request = self
            .agent
            .get(&url)
            // The documentation sends it with every request, although a GET has no content.
            .header(header::CONTENT_TYPE, "application/json");
        if !cfg!(feature = "gzip") {
            request = request.header(header::ACCEPT_ENCODING, "identity");
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let response = request
            .call()
            .map_err(|error| self.transport_error(error))?;
        log.answered(response.status().as_u16());
        self.judge(response, log)
    }

    /// Takes a plain 200 whose encodings have been undone, and nothing else.
    fn judge(&self, response: Response<ureq::Body>, log: RequestLog) -> Result<Body, Error> {
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        if head.status.is_redirection() {
            let target = self.redirect_target(&head.headers);
            let why = format!(
                "the cluster redirects to {target}, which is not followed (status {status})"
            );
            return Err(Error::new(ErrorKind::Redirect, why).with_status(status));
        }
        let body = Body::new(body, log);
        if status == 200 {
            return match unsupported_encoding(&head.headers) {
                None => Ok(body),
                Some(encoding) => Err(Error::invalid_response(format!(
                    "the answer is encoded as '{}', which was not asked for",
                    self.shorten(&encoding)
                ))),
            };
        }
        let text = |name: HeaderName| head.headers.get(name)?.to_str().ok();
        let reason = ApiError::from_body(&body.read_beginning(MAX_ERROR_BODY))
            .or_header(text(HeaderName::from_static("x-error-message")));
        let retry_after = text(header::RETRY_AFTER).and_then(error_response::retry_after);
        Err(reason.into_error(status, retry_after, self.token.as_ref()))
    }

    /// Where a redirect leads, as far as it may be told: its path and query may hold anything.
    fn redirect_target(&self, headers: &HeaderMap) -> String {
        let Some(location) = headers.get(header::LOCATION) else {
            return "nowhere".to_owned();
        };
        let location = location.to_str().ok().and_then(|l| l.parse::<Uri>().ok());
        let Some(uri) = location else {
            return "something that is no URL".to_owned();
        };
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return "another path of the same host".to_owned();
        };
        let port = uri
            .port_u16()
            .unwrap_or(if scheme == "https" { 443 } else { 80 });
        self.shorten(&format!("{scheme}://{host}:{port}"))
    }

    /// Why an answer that ended cleanly is of no use.
    fn not_as_expected(&self, body: &[u8], error: serde_json::Error) -> Error {
        if let Some(reason) = ApiError::from_json(body) {
            return self.refused(reason);
        }
        // Only where, not what: serde_json's own words repeat a value out of the answer, which may be anything.
        let place = format!("line {}, column {}", error.line(), error.column());
        match error.classify() {
            serde_json::error::Category::Eof => Error::new(
                ErrorKind::Incomplete,
                "the answer ends in the middle of its JSON",
            )
            .retry(Retry::Yes),
            serde_json::error::Category::Data => Error::invalid_response(format!(
                "the answer does not have the documented shape ({place})"
            )),
            _ => Error::invalid_response(format!("the answer is not JSON ({place})")),
        }
    }

    /// The error for a 200 whose body is an error.
    pub(crate) fn refused(&self, reason: ApiError) -> Error {
        reason.into_error(200, None, self.token.as_ref())
    }

    /// The service's words, fit for an error.
    pub(crate) fn shorten(&self, text: &str) -> String {
        error_response::shorten(text, self.token.as_ref())
    }

    /// Why no answer came.
    fn transport_error(&self, error: ureq::Error) -> Error {
        let base = &match self.proxy {
            Some(variable) => format!("{} through the proxy of {variable}", self.base),
            None => self.base.to_string(),
        };
        let connection = |why: String| Error::new(ErrorKind::Connection, why);
        match error {
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                let why = format!("no connection to {base} within {:?}", self.timeout);
                Error::new(ErrorKind::Timeout, why).retry(Retry::Yes)
            }
            ureq::Error::Timeout(_) => silence(),
            ureq::Error::HostNotFound => {
                connection(format!("there is no address for {base}")).retry(Retry::Yes)
            }
            ureq::Error::ConnectProxyFailed(_) => {
                connection(format!("no connection to {base}: it refused")).retry(Retry::Yes)
            }
            // rustls gives what it found wrong with a certificate as invalid data: that does not pass.
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                connection(format!("no secure connection to {base}")).with_source(error)
            }
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                connection(format!("{base} closed the connection without an answer"))
                    .retry(Retry::Yes)
            }
            ureq::Error::Io(error) => connection(format!("cannot connect to {base}"))
                .with_source(error)
                .retry(Retry::Yes),
            #[cfg(feature = "rustls")]
            ureq::Error::Rustls(error) => {
                connection(format!("no secure connection to {base}")).with_source(error)
            }
            #[cfg(feature = "native-tls")]
            ureq::Error::NativeTls(error) => {
                connection(format!("no secure connection to {base}")).with_source(error)
            }
            ureq::Error::Tls(why) => connection(format!("no secure connection to {base}: {why}")),
            ureq::Error::LargeResponseHeader(..) => Error::new(
                ErrorKind::TooLarge,
                "the answer's head is larger than 64 KiB",
            ),
            ureq::Error::Protocol(error) => {
                Error::invalid_response("the answer is not valid HTTP").with_source(error)
            }
            error => connection(format!("no answer from {base}")).with_source(error),
        }
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("base", &self.base)
            .field("token", &self.token)
            .field("timeout", &self.timeout)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

/// The value of the `Authorization` header. Marked as sensitive, it is never part of `Debug`.
fn authorization(token: &Token) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::try_from(token.header())
        .map_err(|_| Error::settings("the key cannot be used in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn silence() -> Error {
    Error::new(
        ErrorKind::Timeout,
        "the cluster stayed silent for longer than the timeout",
    )
    .retry(Retry::Yes)
}

/// An encoding of the body that nobody has undone. ureq removes the header of the one that it undoes.
fn unsupported_encoding(headers: &HeaderMap) -> Option<String> {
    let left = |name: HeaderName, plain: &str| {
        headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .find(|value| !value.is_empty() && !value.eq_ignore_ascii_case(plain))
    };
    left(header::CONTENT_ENCODING, "identity")
        .or_else(|| left(header::TRANSFER_ENCODING, "chunked"))
}
