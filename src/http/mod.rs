//! Sends requests to the service. Only this module names ureq.
//!
//! [`Http::send`] sends every request. [`config`] and `tls` configure ureq, [`body`] reads responses,
//! [`error_response`] explains those with a status other than 200, and [`report`] defines what the caller is told.

mod body;
mod config;
mod error_response;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod pem;
mod proxy;
mod report;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod tls;
#[cfg(feature = "rustls")]
mod tls_error;
mod ureq_error;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::error::Category;
use ureq::http::{HeaderMap, HeaderName, Response, Uri, header};

pub(crate) use self::body::{Body, from_io};
pub(crate) use self::config::{Config, MAX_TIMEOUT};
pub(crate) use self::proxy::ProxySetting;
pub use self::report::{RequestSummary, RetryInfo};

use self::error_response::{ApiError, page_title};
use self::report::RequestReport;
use crate::base_url::BaseUrl;
use crate::error::{Error, ErrorKind};
use crate::retry::{Attempts, Retry};

/// The largest page of a list, or single object, that is held in memory.
const MAX_JSON_BODY: u64 = 32 * 1024 * 1024;

/// The minimum time for a wait's last poll.
const MIN_REQUEST: Duration = Duration::from_secs(1);

/// Where a request goes, and how errors name it.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// Path and query, percent-encoded.
    pub(crate) path: String,
    /// What the request is for, such as `builds of acme/Lemmatizer`.
    pub(crate) name: String,
}

#[derive(Clone)]
pub(crate) struct Http {
    base_url: BaseUrl,
    config: Config,
    agent: ureq::Agent,
    /// The cluster and its proxy, as errors name them.
    server: String,
    /// When the enclosing wait ends.
    deadline: Option<Instant>,
    /// Whether there has been a response.
    has_responded: Arc<AtomicBool>,
    /// Whether the client was shut down, which ends all pauses.
    shutdown: Arc<(Mutex<bool>, Condvar)>,
}

impl Http {
    pub(crate) fn new(base_url: BaseUrl, config: Config) -> Result<Self, Error> {
        let (proxy, server) = match proxy::find(&config.proxy, &base_url)? {
            None => (None, base_url.to_string()),
            Some((proxy, name)) => (Some(proxy), format!("{base_url} through {name}")),
        };
        Ok(Self {
            agent: config::agent(&base_url, &config, proxy)?,
            base_url,
            config,
            server,
            deadline: None,
            has_responded: Arc::default(),
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
        &self.base_url
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
            if let Some(error) = self.api_error(body.prefix_if_complete()) {
                return Err(error);
            }
            value.map_err(|error| self.invalid_json(body.prefix_if_complete(), error))
        })
    }

    /// Makes attempts until one succeeds.
    pub(crate) fn with_retries<T>(
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
        let delay = attempts.next_delay(error.retryable());
        let error = match attempts.count() {
            count if count > 1 && delay.is_none() && error.retryable() != Retry::No => {
                error.about(&format!("{}, after {count} attempts", endpoint.name))
            }
            _ => error.about(&endpoint.name),
        };
        if let (Some(delay), Some(on_retry)) = (delay, &self.config.on_retry) {
            on_retry(&RetryInfo {
                error: &error,
                delay,
                attempts_left: attempts.remaining(),
            });
        }
        self.pause(delay.unwrap_or_default())
            .map_err(|error| error.about(&endpoint.name))?;
        delay.map(|_| ()).ok_or(error)
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

    /// Sends a request, and returns the body if the status is 200 and its encoding has been decoded.
    pub(crate) fn send(&self, endpoint: &Endpoint) -> Result<Body, Error> {
        self.pause(Duration::ZERO)?;
        // Stop paging once the wait is over.
        if self
            .deadline
            .is_some_and(|end| end.elapsed() >= MIN_REQUEST)
        {
            return Err(ureq_error::wait_ended());
        }
        let connect = self.config.connect_timeout();
        let connect = self.time_left().map_or(connect, |limit| limit.min(connect));
        let url = format!("{}{}", self.base_url, endpoint.path);
        let start = || RequestReport::start(&url, self.config.observer.clone());
        let mut report = start();
        let mut response = self.call(&url, false);
        // The server may have closed a kept connection. ureq notices only what happened before the request.
        if self.has_responded.load(Ordering::Relaxed)
            && response.as_ref().is_err_and(ureq_error::is_closed)
        {
            report = start();
            response = self.call(&url, true);
        }
        let response =
            response.map_err(|error| ureq_error::of_request(error, &self.server, connect))?;
        self.has_responded.store(true, Ordering::Relaxed);
        report.summary.status = Some(response.status().as_u16());
        self.check(response, report)
    }

    /// Returns the time that is left for a request, if it belongs to a wait.
    fn time_left(&self) -> Option<Duration> {
        let remaining = self.deadline?.saturating_duration_since(Instant::now());
        Some(remaining.max(MIN_REQUEST))
    }

    fn call(
        &self,
        url: &str,
        on_new_connection: bool,
    ) -> Result<Response<ureq::Body>, ureq::Error> {
        // ureq requests the encodings that it can decode. Another crate can add some by enabling ureq's features.
        let mut request = self
            .agent
            .get(url)
            // As in the service's documentation, although a GET has no content.
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.config.token {
            request = request.header(header::AUTHORIZATION, token.header());
        }
        if let Some(remaining) = self.time_left() {
            request = request.config().timeout_global(Some(remaining)).build();
        }
        if on_new_connection {
            request = request.config().max_idle_age(Duration::ZERO).build();
        }
        request.call()
    }

    fn check(&self, response: Response<ureq::Body>, report: RequestReport) -> Result<Body, Error> {
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        // 304 only says that something has not changed.
        if head.status.is_redirection() && status != 304 {
            let message = self.describe_redirect(&head.headers);
            let message = format!("{message} (status {status})");
            return Err(Error::new(ErrorKind::Redirect, message).with_response(status, None, None));
        }
        // Without a length, a cut cannot be told from the end.
        let has_end =
            body.content_length().is_some() || head.headers.contains_key(header::TRANSFER_ENCODING);
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
        let (body, is_complete) = body.read_error();
        let mut error = ApiError::from_body(&body, has_end);
        if !is_complete {
            error.message = None;
        }
        let header = text(HeaderName::from_static("x-error-message"));
        error.message = error.message.or_else(|| header.map(str::to_owned));
        let retry_after = text(header::RETRY_AFTER).and_then(error_response::retry_after);
        Err(error.into_error(status, retry_after, self.config.token.as_ref()))
    }

    /// Describes a redirect without the path and query of its target, which may contain secrets.
    fn describe_redirect(&self, headers: &HeaderMap) -> String {
        let location = headers
            .get(header::LOCATION)
            .and_then(|location| location.to_str().ok()?.parse::<Uri>().ok());
        let Some(uri) = location else {
            return "the cluster sent a redirect without a usable Location".to_owned();
        };
        let target = match (uri.scheme_str(), uri.host()) {
            (Some(scheme), Some(host)) => {
                let default = if scheme == "https" { 443 } else { 80 };
                let port = uri.port_u16().unwrap_or(default);
                self.redact(&format!("{scheme}://{host}:{port}"))
            }
            _ => "another path on the same host".to_owned(),
        };
        format!("the cluster redirects to {target}, which is not followed")
    }

    /// Explains why a body could not be deserialized. `body` is `None` if it was too long to keep.
    fn invalid_json(&self, body: Option<&[u8]>, error: serde_json::Error) -> Error {
        if let Some(error) = self.api_error(body) {
            return error;
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
                self.describe_page(body)
            )),
        }
    }

    /// Describes a response that should have been JSON by its title, if it is an HTML page, such as a login page.
    /// Returns an empty text otherwise.
    pub(crate) fn describe_page(&self, body: Option<&[u8]>) -> String {
        match page_title(&String::from_utf8_lossy(body.unwrap_or_default())) {
            Some(title) => format!(", but a page that says: {}", self.redact(&title)),
            None => String::new(),
        }
    }

    /// Returns the error that was sent with status 200, if the body is one.
    pub(crate) fn api_error(&self, body: Option<&[u8]>) -> Option<Error> {
        let error = ApiError::from_json(body?)?;
        Some(error.into_error(200, None, self.config.token.as_ref()))
    }

    /// Prepares text from the service for an error message: redacts the key, and shortens the text.
    pub(crate) fn redact(&self, text: &str) -> String {
        error_response::redact(text, self.config.token.as_ref())
    }
}

/// Returns the encoding of the body if ureq does not decode it. ureq removes the header of an encoding that it decodes.
fn unsupported_encoding(headers: &HeaderMap) -> Option<String> {
    let plain = [
        (header::CONTENT_ENCODING, "identity"),
        (header::TRANSFER_ENCODING, "chunked"),
    ];
    plain.into_iter().find_map(|(name, plain)| {
        let encodings = headers.get_all(name).into_iter();
        encodings
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .find(|value| !value.is_empty() && !value.eq_ignore_ascii_case(plain))
    })
}
