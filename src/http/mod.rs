//! Sends requests to the service. Only this module names ureq.
//!
//! [`Http::send`] sends every request. [`config`] and `tls` configure ureq, [`body`] reads responses, and
//! [`error_response`] explains those with a status other than 200.

mod body;
mod config;
mod error_response;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod pem;
mod proxy;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod tls;
#[cfg(feature = "rustls")]
mod tls_error;

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::error::Category;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Response, Uri, header};

pub(crate) use self::body::{Body, from_io};
pub(crate) use self::config::{Config, MAX_TIMEOUT};
pub(crate) use self::error_response::ApiError;
pub(crate) use self::proxy::ProxySetting;

use self::body::RequestReport;
use self::error_response::{MAX_ERROR_BODY, page_title};
use self::proxy::Proxy;
use crate::base_url::BaseUrl;
use crate::error::{Error, ErrorKind, Retry};
use crate::retry::{Attempts, RetryInfo};
use crate::token::Token;

/// The largest page of a list, or single object, that is held in memory.
const MAX_JSON_BODY: u64 = 32 * 1024 * 1024;

/// How long a request of a wait may take even if the time of the wait is up, so that the last poll can succeed.
const MIN_REQUEST: Duration = Duration::from_secs(1);

/// A finished request, as reported to [`ClientBuilder::on_request`](crate::ClientBuilder::on_request).
///
/// It contains no header and no part of a body. The method is always `GET`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestSummary {
    /// The whole URL, including the query.
    pub url: String,
    /// The response's status, or `None` if there was no response.
    pub status: Option<u16>,
    /// The number of bytes read from the body, with chunks and gzip decoded.
    pub bytes: u64,
    /// The time from the start of the request, including connecting, until the last byte was read.
    pub elapsed: Duration,
}

pub(crate) type Observer = dyn Fn(&RequestSummary) + Send + Sync;
pub(crate) type OnRetry = dyn Fn(&RetryInfo<'_>) + Send + Sync;

/// Where a request goes, and how errors name it.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// Path and query, percent-encoded.
    pub(crate) path: String,
    /// What the request is for, such as `builds of acme/Lemmatizer`.
    pub(crate) what: String,
}

#[derive(Clone)]
pub(crate) struct Http {
    config: Config,
    agent: ureq::Agent,
    authorization: Option<HeaderValue>,
    proxy: Option<Arc<Proxy>>,
    /// When the time of a wait is up, for its requests.
    deadline: Option<Instant>,
    /// Whether the client was shut down, which ends all pauses.
    shutdown: Arc<(Mutex<bool>, Condvar)>,
}

impl Http {
    pub(crate) fn new(config: Config) -> Result<Self, Error> {
        let proxy = Proxy::find(&config.proxy, &config.base_url)?.map(Arc::new);
        Ok(Self {
            authorization: config.token.as_ref().map(authorization).transpose()?,
            agent: config::agent(&config, proxy.is_some())?,
            config,
            proxy,
            deadline: None,
            shutdown: Arc::default(),
        })
    }

    /// Returns a client for a caller that polls until `deadline`. It sends each request once.
    pub(crate) fn until(&self, deadline: Instant) -> Self {
        let mut http = self.clone();
        http.config.retries = 0;
        http.deadline = Some(deadline);
        http
    }

    pub(crate) fn base_url(&self) -> &BaseUrl {
        &self.config.base_url
    }

    pub(crate) fn attempts(&self) -> Attempts {
        Attempts::new(self.config.retries, self.config.retry_delay)
    }

    /// Interrupts all requests and pauses, and makes later ones fail.
    pub(crate) fn shutdown(&self) {
        let (shut_down, changed) = &*self.shutdown;
        *shut_down.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
        self.agent.clone().shutdown();
    }

    /// Sends a request, with retries, and returns the body of the response.
    pub(crate) fn get(&self, endpoint: &Endpoint, attempts: &mut Attempts) -> Result<Body, Error> {
        self.with_retries(endpoint, attempts, || self.send(endpoint))
    }

    /// Sends a request, with retries, and deserializes the response, JSON of at most 32 MiB.
    pub(crate) fn get_json<T: DeserializeOwned>(&self, endpoint: &Endpoint) -> Result<T, Error> {
        self.with_retries(endpoint, &mut self.attempts(), || {
            let body = self.send(endpoint)?.read_whole(MAX_JSON_BODY)?;
            // Bytes that are not UTF-8 may be in a member that is ignored.
            let text = String::from_utf8(body)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
            serde_json::from_str(&text)
                .map_err(|error| self.invalid_json(Some(text.as_bytes()), error))
        })
    }

    /// Sends a request, with retries, and deserializes the response while it arrives, so that it can have any size. `T`
    /// should ignore large members.
    pub(crate) fn read_json<T: DeserializeOwned>(&self, endpoint: &Endpoint) -> Result<T, Error> {
        self.with_retries(endpoint, &mut self.attempts(), || {
            let mut body = self.send(endpoint)?;
            let value = serde_json::from_reader(io::BufReader::new(&mut body));
            // If all members of `T` are optional, an error that was sent with status 200 looks like an empty `T`.
            if let Some(error) = body.copy().and_then(ApiError::from_json) {
                return Err(self.api_error(error));
            }
            value.map_err(|error| self.invalid_json(body.copy(), error))
        })
    }

    fn with_retries<T>(
        &self,
        endpoint: &Endpoint,
        attempts: &mut Attempts,
        mut attempt: impl FnMut() -> Result<T, Error>,
    ) -> Result<T, Error> {
        loop {
            match attempt() {
                Ok(value) => return Ok(value),
                Err(error) => self.wait_to_retry(attempts, endpoint, error)?,
            }
        }
    }

    /// Waits until the next attempt is due. Fails with the error of the last attempt if there is no next one, or if the
    /// client was shut down.
    pub(crate) fn wait_to_retry(
        &self,
        attempts: &mut Attempts,
        endpoint: &Endpoint,
        error: Error,
    ) -> Result<(), Error> {
        let error = error.about(&endpoint.what);
        let delay = attempts.next_delay(&error);
        if let (Some(delay), Some(on_retry)) = (delay, &self.config.on_retry) {
            on_retry(&RetryInfo {
                error: &error,
                delay,
                attempts_left: attempts.left(),
            });
        }
        self.pause(delay.unwrap_or_default())
            .map_err(|error| error.about(&endpoint.what))?;
        match delay {
            Some(_) => Ok(()),
            None if error.retryable() == Retry::No => Err(error),
            None => Err(error.after_attempts(attempts.made())),
        }
    }

    /// Waits for `delay`. Fails as soon as the client is shut down.
    pub(crate) fn pause(&self, delay: Duration) -> Result<(), Error> {
        let (shut_down, changed) = &*self.shutdown;
        let shut_down = shut_down.lock().unwrap_or_else(PoisonError::into_inner);
        let (shut_down, _) = changed
            .wait_timeout_while(shut_down, delay, |shut_down| !*shut_down)
            .unwrap_or_else(PoisonError::into_inner);
        if *shut_down {
            let message = "the client was shut down";
            return Err(Error::new(ErrorKind::Cancelled, message));
        }
        Ok(())
    }

    /// Sends a request once, and returns the body if the status is 200 and its encoding has been decoded.
    fn send(&self, endpoint: &Endpoint) -> Result<Body, Error> {
        let url = format!("{}{}", self.config.base_url, endpoint.path);
        let mut report = RequestReport::start(&url, self.config.observer.clone());
        // ureq requests the encodings that it can decode. Another crate can add some by enabling ureq's features.
        let mut request = self
            .agent
            .get(&url)
            // As in the service's documentation, although a GET has no content.
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let left = match self.deadline {
            // A list can have any number of pages.
            Some(deadline) if deadline.elapsed() >= MIN_REQUEST => return Err(wait_ended()),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                Some(left.max(MIN_REQUEST))
            }
            None => None,
        };
        let connect = self.config.connect_timeout();
        let connect = left.map_or(connect, |left| connect.min(left));
        if let Some(proxy) = &self.proxy {
            let proxy = proxy
                .reach(connect)
                .map_err(|error| self.transport_error(error))?;
            request = request.config().proxy(Some(proxy.clone())).build();
        }
        if let Some(left) = left {
            // A timeout for the whole call would include the name lookup, for which ureq would start a thread.
            request = request
                .config()
                .timeout_connect(self.proxy.is_none().then_some(connect))
                .timeout_send_request(Some(left))
                .timeout_recv_response(Some(left))
                .timeout_recv_body(Some(left))
                .build();
        }
        report.deadline = left.map(|left| Instant::now() + left);
        let response = request
            .call()
            .map_err(|error| self.transport_error(error))?;
        report.summary.status = Some(response.status().as_u16());
        self.check(response, report)
    }

    fn check(&self, response: Response<ureq::Body>, report: RequestReport) -> Result<Body, Error> {
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        if head.status.is_redirection() {
            let message = format!(
                "the cluster redirects to {}, which is not followed (status {status})",
                self.redirect_target(&head.headers)
            );
            return Err(Error::new(ErrorKind::Redirect, message).with_status(status));
        }
        let body = Body::new(body, report);
        if status == 200 {
            return match unsupported_encoding(&head.headers) {
                None => Ok(body),
                Some(encoding) => Err(Error::invalid_response(format!(
                    "the response is encoded as '{}', which was not requested",
                    self.redact(&encoding)
                ))),
            };
        }
        let text = |name: HeaderName| head.headers.get(name)?.to_str().ok();
        if status == 401 && is_basic(&head.headers) {
            let message = "a server in front of the cluster requires a user and a password: \
                 this is not about the key (status 401)";
            return Err(Error::new(ErrorKind::Service, message).with_status(status));
        }
        let error = ApiError::from_body(&body.read_error())
            .without(&head.status.to_string())
            .or_header(text(HeaderName::from_static("x-error-message")));
        let retry_after = text(header::RETRY_AFTER).and_then(error_response::retry_after);
        Err(error.into_error(status, retry_after, self.config.token.as_ref()))
    }

    /// Returns where a redirect leads, without its path and query, which may contain secrets.
    fn redirect_target(&self, headers: &HeaderMap) -> String {
        let Some(location) = headers.get(header::LOCATION) else {
            return "nowhere".to_owned();
        };
        let location = location.to_str().ok().and_then(|l| l.parse::<Uri>().ok());
        let Some(uri) = location else {
            return "an invalid URL".to_owned();
        };
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return "another path on the same host".to_owned();
        };
        let port = uri
            .port_u16()
            .unwrap_or(if scheme == "https" { 443 } else { 80 });
        self.redact(&format!("{scheme}://{host}:{port}"))
    }

    /// Explains why a body could not be deserialized. `body` is `None` if it was too long to keep.
    fn invalid_json(&self, body: Option<&[u8]>, error: serde_json::Error) -> Error {
        if let Some(error) = body.and_then(ApiError::from_json) {
            return self.api_error(error);
        }
        // serde_json's own message may repeat any value of the response, so it is not shown.
        let place = format!("line {}, column {}", error.line(), error.column());
        match error.classify() {
            Category::Io => from_io(error.into()),
            Category::Eof => Error::incomplete("the response ends in the middle of its JSON"),
            Category::Data => Error::invalid_response(format!(
                "the response does not have the documented shape ({place})"
            )),
            _ => Error::invalid_response(format!(
                "the response is not JSON ({place}){}",
                body.map(|body| self.describe_page(body))
                    .unwrap_or_default()
            )),
        }
    }

    /// Describes a response that should have been JSON by its title, if it is an HTML page, such as a login page.
    /// Returns an empty text otherwise.
    pub(crate) fn describe_page(&self, body: &[u8]) -> String {
        match page_title(&String::from_utf8_lossy(body)) {
            Some(title) => format!(", but a page that says: {}", self.redact(&title)),
            None => String::new(),
        }
    }

    /// Returns the error for a response with status 200 whose body is an error.
    pub(crate) fn api_error(&self, error: ApiError) -> Error {
        error.into_error(200, None, self.config.token.as_ref())
    }

    /// Prepares text from the service for an error message: redacts the key, and shortens the text.
    pub(crate) fn redact(&self, text: &str) -> String {
        error_response::redact(text, self.config.token.as_ref())
    }

    /// Returns the error for a request that got no response.
    fn transport_error(&self, error: ureq::Error) -> Error {
        let base = match &self.proxy {
            None => self.config.base_url.to_string(),
            Some(proxy) => format!("{} through {proxy}", self.config.base_url),
        };
        let connection = |message: String| Error::new(ErrorKind::Connection, message);
        let slow = || {
            let limit = self.config.connect_timeout();
            let seconds = limit.as_secs().max(1);
            let message = format!("cannot connect to {base} within {seconds} s");
            Error::new(ErrorKind::Timeout, message).retry(Retry::Yes)
        };
        match error {
            ureq::Error::Timeout(ureq::Timeout::Connect) => slow(),
            ureq::Error::Timeout(timeout) => timed_out(timeout),
            ureq::Error::ConnectProxyFailed(reason) => {
                let (why, retry) = proxy::explain_refusal(&reason);
                connection(format!("cannot connect to {base}: {why}")).retry(retry)
            }
            // This is how rustls reports a failed handshake.
            #[cfg(feature = "rustls")]
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                tls_error::explain(&error.to_string(), &base)
            }
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                connection(format!("{base} closed the connection before it responded"))
                    .retry(Retry::Yes)
            }
            ureq::Error::Io(error) => connection(format!("cannot connect to {base}"))
                .with_source(error)
                .retry(Retry::Yes),
            #[cfg(feature = "rustls")]
            ureq::Error::Rustls(error) => tls_error::explain(&error.to_string(), &base),
            #[cfg(feature = "native-tls")]
            ureq::Error::NativeTls(error) => {
                let message = format!("no secure connection to {base}");
                Error::new(ErrorKind::Tls, message).with_source(error)
            }
            ureq::Error::LargeResponseHeader(..) => Error::new(
                ErrorKind::TooLarge,
                "the response header is larger than 64 KiB",
            ),
            ureq::Error::Protocol(error) => {
                Error::invalid_response("the response is not valid HTTP").with_source(error)
            }
            error => connection(format!("no response from {base}")).with_source(error),
        }
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("config", &self.config)
            .field("proxy", &self.proxy.as_ref().map(ToString::to_string))
            .finish_non_exhaustive()
    }
}

/// Returns the value of the `Authorization` header, marked as sensitive so that no `Debug` shows it.
fn authorization(token: &Token) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::try_from(token.header())
        .map_err(|_| Error::invalid_input("the key cannot be used in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Returns the error for a timeout after the connection was made.
fn timed_out(timeout: ureq::Timeout) -> Error {
    let message = match timeout {
        ureq::Timeout::PerRead | ureq::Timeout::PerWrite => {
            "the cluster sent nothing for longer than the timeout"
        }
        // Only the requests of a wait have other limits.
        _ => return wait_ended(),
    };
    Error::new(ErrorKind::Timeout, message).retry(Retry::Yes)
}

fn wait_ended() -> Error {
    let message = "the wait ended before the response was complete";
    Error::new(ErrorKind::Timeout, message).retry(Retry::Yes)
}

/// Returns whether a 401 requires Basic authentication, which the service itself never does.
fn is_basic(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::WWW_AUTHENTICATE)
        .iter()
        .any(|value| {
            let mut challenges = value.as_bytes().split(|&byte| byte == b',');
            challenges.any(|challenge| {
                let scheme = challenge.trim_ascii_start().get(..5).unwrap_or_default();
                scheme.eq_ignore_ascii_case(b"basic")
            })
        })
}

/// Returns the encoding of the body if ureq does not decode it. ureq removes the header of an encoding that it decodes.
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
