//! The library's error type.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use crate::retry::Retry;

/// The error of every operation in this library.
///
/// `Display` says in one line what failed and why. The [`source`](StdError::source) is the cause reported by the
/// operating system or the TLS library, if there is one. It is not part of `Display`, so that a report of the whole
/// chain repeats nothing. `Display`, `Debug` and the source never show the key.
///
/// # Examples
///
/// ```
/// use algo_logs::{Algorithm, ErrorKind};
///
/// let error = "no-slash".parse::<Algorithm>().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidInput);
/// assert_eq!(error.to_string(), "'no-slash' is not OWNER/NAME");
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    /// What failed, such as `log of build b1 of acme/x`.
    context: Option<String>,
    message: String,
    status: Option<u16>,
    code: Option<u32>,
    service_message: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    retry: Retry,
    /// How many attempts were made.
    attempts: u32,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A name, an ID, a token, a base URL, a certificate, a timeout or a proxy is not valid, and nothing was sent. Or
    /// several builds or versions match an abbreviated ID.
    InvalidInput,
    /// No connection could be made, or it broke before the response began.
    Connection,
    /// The server's certificate is not trusted: its CA is unknown, it has expired, or it is for another host.
    Tls,
    /// Connecting took too long, or the cluster sent nothing for longer than the timeout.
    Timeout,
    /// The response is a redirect. Redirects are never followed.
    Redirect,
    /// The service, or a server in front of it, responded with an error that has no kind of its own: a 5xx status, 429
    /// or any other.
    Service,
    /// The key was rejected or lacks a permission: status 401 or 403, or the service's code 2001 or 2002.
    Unauthorized,
    /// There is no such algorithm, build or version.
    NotFound,
    /// The build has finished, but the service has no log of it.
    NoLog,
    /// The build is still in progress.
    NotFinished,
    /// The response was cut short.
    Incomplete,
    /// The response is not as documented: it is not JSON, does not have the expected shape, has an encoding that cannot
    /// be decoded, repeats a marker, or is a log that changed while it was read.
    InvalidResponse,
    /// The response is too large to hold in memory: more than 32 MiB of JSON, or more than 64 KiB of headers.
    TooLarge,
    /// The caller ended a wait, or shut the client down.
    Cancelled,
}

impl ErrorKind {
    /// Returns the kind as a machine-readable word, such as `not-found`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid-input",
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Redirect => "redirect",
            Self::Service => "service",
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not-found",
            Self::NoLog => "no-log",
            Self::NotFinished => "not-finished",
            Self::Incomplete => "incomplete",
            Self::InvalidResponse => "invalid-response",
            Self::TooLarge => "too-large",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            context: None,
            message: message.into(),
            status: None,
            code: None,
            service_message: None,
            source: None,
            retry: Retry::No,
            attempts: 1,
        }))
    }

    pub(crate) fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    pub(crate) fn invalid_response(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidResponse, message)
    }

    /// Returns an error that is retried: a response that was cut short may be complete the next time.
    pub(crate) fn incomplete(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Incomplete, message).retry(Retry::Yes)
    }

    /// Turns invalid input into an invalid response, for input that the service sent.
    pub(crate) fn into_invalid_response(mut self) -> Self {
        if self.0.kind == ErrorKind::InvalidInput {
            self.0.kind = ErrorKind::InvalidResponse;
        }
        self
    }

    /// Sets the context: what failed. Keeps an existing one, because the innermost caller knows best.
    pub(crate) fn about(mut self, context: &str) -> Self {
        self.0.context.get_or_insert_with(|| context.to_owned());
        self
    }

    pub(crate) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.0.status = (status != 200).then_some(status);
        self
    }

    pub(crate) fn with_service_error(mut self, code: Option<u32>, message: Option<String>) -> Self {
        self.0.code = code;
        self.0.service_message = message;
        self
    }

    pub(crate) fn retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    pub(crate) fn after_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    pub(crate) fn retryable(&self) -> Retry {
        self.0.retry
    }

    /// Returns the kind of failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the response's HTTP status, if there was a response with a status other than 200.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Returns the service's error code, such as 1010 for a build that does not exist.
    pub fn code(&self) -> Option<u32> {
        self.0.code
    }

    /// Returns the service's message, with the key redacted, shortened to 200 characters. It may contain control
    /// characters: sanitize it before showing it on a terminal.
    pub fn service_message(&self) -> Option<&str> {
        self.0.service_message.as_deref()
    }

    /// Returns the `Error` inside an [`io::Error`] that reading from [`Logs`](crate::Logs) returned.
    ///
    /// # Errors
    ///
    /// Returns the `io::Error` unchanged if it did not come from this library.
    pub fn from_io(error: io::Error) -> Result<Self, io::Error> {
        error.downcast()
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = &self.0.message;
        match (&self.0.context, self.0.attempts) {
            (None, 0 | 1) => write!(f, "{message}"),
            (None, n) => write!(f, "after {n} attempts: {message}"),
            (Some(context), 0 | 1) => write!(f, "{context}: {message}"),
            (Some(context), n) => write!(f, "{context}, after {n} attempts: {message}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.0.source.as_deref()?;
        Some(source)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::InvalidInput => io::ErrorKind::InvalidInput,
            ErrorKind::Connection => error
                .source()
                .and_then(|source| source.downcast_ref::<Self>())
                .map(Self::kind)
                // Callers would retry an interrupted read forever.
                .filter(|&kind| kind != io::ErrorKind::Interrupted)
                .unwrap_or(io::ErrorKind::NotConnected),
            ErrorKind::Timeout => io::ErrorKind::TimedOut,
            ErrorKind::Unauthorized => io::ErrorKind::PermissionDenied,
            ErrorKind::NotFound | ErrorKind::NoLog => io::ErrorKind::NotFound,
            ErrorKind::Incomplete => io::ErrorKind::UnexpectedEof,
            ErrorKind::Tls | ErrorKind::InvalidResponse | ErrorKind::TooLarge => {
                io::ErrorKind::InvalidData
            }
            ErrorKind::Redirect
            | ErrorKind::Service
            | ErrorKind::NotFinished
            | ErrorKind::Cancelled => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// Shortens text to `max` characters for an error message.
pub(crate) fn shorten(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_has_the_innermost_context_and_not_the_source() {
        let error = Error::new(ErrorKind::Connection, "cannot connect")
            .with_source(io::Error::from(io::ErrorKind::ConnectionRefused))
            .about("build b of a/b")
            .about("builds");
        assert_eq!(error.to_string(), "build b of a/b: cannot connect");
        assert_eq!(error.source().unwrap().to_string(), "connection refused");
        let error = error.after_attempts(4);
        assert_eq!(
            error.to_string(),
            "build b of a/b, after 4 attempts: cannot connect"
        );
    }

    #[test]
    fn an_io_error_has_the_kind_of_the_cause_and_returns_the_error() {
        let connection = || Error::new(ErrorKind::Connection, "");
        let caused_by = |kind: io::ErrorKind| connection().with_source(io::Error::from(kind));
        let timeout = Error::new(ErrorKind::Timeout, "");
        for (error, kind) in [
            (timeout, io::ErrorKind::TimedOut),
            (connection(), io::ErrorKind::NotConnected),
            (
                caused_by(io::ErrorKind::BrokenPipe),
                io::ErrorKind::BrokenPipe,
            ),
            (
                caused_by(io::ErrorKind::Interrupted),
                io::ErrorKind::NotConnected,
            ),
        ] {
            let expected = error.kind();
            let io_error = io::Error::from(error);
            assert_eq!(io_error.kind(), kind);
            assert_eq!(Error::from_io(io_error).unwrap().kind(), expected);
        }
    }

    #[test]
    fn text_is_shortened_between_characters() {
        assert_eq!(shorten("äöü", 3), "äöü");
        assert_eq!(shorten("äöü", 2), "äö…");
        assert_eq!(shorten("a b", 2), "a…");
    }
}
