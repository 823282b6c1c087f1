//! What can go wrong, as one opaque type.
//!
//! [`Error`] says what was asked for, why it failed, and of which [`ErrorKind`] the failure is. It names no type of a
//! dependency, so a new version of one of them is no change of this interface.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// A failure of the library, of the network or of the service.
///
/// `Display` says what was asked for and why it failed, in one line. [`source`](StdError::source) is what the
/// operating system or TLS said, where that is known; it is not part of `Display`, so that a report that walks the
/// chain says nothing twice. Neither ever shows a key.
///
/// # Examples
///
/// ```
/// use algo_logs::{Algorithm, ErrorKind};
///
/// let error = "no-slash".parse::<Algorithm>().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Settings);
/// assert_eq!(error.to_string(), "'no-slash' is not OWNER/NAME");
/// ```
#[derive(Clone)]
pub struct Error {
    // Boxed, since a `Result` as large as all this would be copied at every `?`.
    repr: Box<Repr>,
}

#[derive(Clone)]
struct Repr {
    kind: ErrorKind,
    what: Option<String>,
    why: String,
    status: Option<u16>,
    code: Option<u32>,
    message: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    retry: Retry,
}

/// Whether the same request may succeed if it is made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    No,
    Yes,
    /// The service said how long to wait (`Retry-After`).
    After(Duration),
}

/// What sort of failure an [`Error`] is.
///
/// # Examples
///
/// ```
/// use algo_logs::{Client, ErrorKind};
///
/// let error = Client::builder().base_url("http://cluster.example.com").build().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Settings);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A name, an id, a token, a base URL, a certificate or a proxy that cannot be used. Nothing was sent.
    Settings,
    /// No connection, a TLS handshake that failed, or a connection that broke before the answer began.
    Connection,
    /// The cluster stayed silent for longer than the timeout.
    Timeout,
    /// The cluster answered with a redirect, which is never followed.
    Redirect,
    /// A status that says that the service, or something before it, failed; any status not named elsewhere.
    Service,
    /// The key was refused: 401 or 403.
    Unauthorized,
    /// There is no such algorithm, build or version.
    NotFound,
    /// The build has finished, and the service has no log of it.
    NoLog,
    /// The build is still in progress.
    NotFinished,
    /// The answer was cut short.
    Incomplete,
    /// The answer is not what the service's documentation says: no JSON, not the expected shape, an encoding that
    /// cannot be undone, a marker that repeats, a log that changed while it was read.
    InvalidResponse,
    /// The answer is larger than what is held in memory.
    TooLarge,
    /// The caller ended a wait.
    Cancelled,
}

impl ErrorKind {
    /// The kind as a word for machines, such as `not-found`.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(algo_logs::ErrorKind::NotFound.as_str(), "not-found");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Connection => "connection",
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
    pub(crate) fn new(kind: ErrorKind, why: impl Into<String>) -> Self {
        Self {
            repr: Box::new(Repr {
                kind,
                what: None,
                why: why.into(),
                status: None,
                code: None,
                message: None,
                source: None,
                retry: Retry::No,
            }),
        }
    }

    pub(crate) fn settings(why: impl Into<String>) -> Self {
        Self::new(ErrorKind::Settings, why)
    }

    pub(crate) fn invalid_response(why: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidResponse, why)
    }

    /// The same wrong, but with something that the service sent: then it is no setting of the caller's.
    pub(crate) fn into_invalid_response(mut self) -> Self {
        if self.repr.kind == ErrorKind::Settings {
            self.repr.kind = ErrorKind::InvalidResponse;
        }
        self
    }

    /// Names what was asked for. The innermost name stays: it is the most exact one.
    pub(crate) fn about(mut self, what: &str) -> Self {
        self.repr.what.get_or_insert_with(|| what.to_owned());
        self
    }

    pub(crate) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.repr.source = Some(Arc::new(source));
        self
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.repr.status = Some(status);
        self
    }

    pub(crate) fn with_code(mut self, code: Option<u32>) -> Self {
        self.repr.code = code;
        self
    }

    pub(crate) fn with_message(mut self, message: Option<String>) -> Self {
        self.repr.message = message;
        self
    }

    pub(crate) fn retry(mut self, retry: Retry) -> Self {
        self.repr.retry = retry;
        self
    }

    pub(crate) fn retryable(&self) -> Retry {
        self.repr.retry
    }

    /// What sort of failure this is.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = algo_logs::Token::simple("two words").unwrap_err();
    /// assert_eq!(error.kind(), algo_logs::ErrorKind::Settings);
    /// ```
    pub fn kind(&self) -> ErrorKind {
        self.repr.kind
    }

    /// The HTTP status of the answer, where there was one that is not 200.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = algo_logs::Token::simple("").unwrap_err();
    /// assert_eq!(error.status(), None);
    /// ```
    pub fn status(&self) -> Option<u16> {
        self.repr.status
    }

    /// The service's own error code, such as 1010 for a build that does not exist.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = algo_logs::Token::simple("").unwrap_err();
    /// assert_eq!(error.code(), None);
    /// ```
    pub fn code(&self) -> Option<u32> {
        self.repr.code
    }

    /// What the service itself said, with the token masked and at most 200 characters long. It may hold control
    /// characters: it is text from the network.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = algo_logs::Token::simple("").unwrap_err();
    /// assert_eq!(error.service_message(), None);
    /// ```
    pub fn service_message(&self) -> Option<&str> {
        self.repr.message.as_deref()
    }

    /// Gets an `Error` back out of the [`io::Error`] that reading from [`Logs`](crate::Logs) gave.
    ///
    /// # Errors
    ///
    /// The `io::Error` itself, if it did not come from this library.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io;
    ///
    /// let inner = algo_logs::Token::simple("").unwrap_err();
    /// let outer = io::Error::from(inner);
    /// assert!(algo_logs::Error::from_io(outer).is_ok());
    /// assert!(algo_logs::Error::from_io(io::ErrorKind::NotFound.into()).is_err());
    /// ```
    pub fn from_io(error: io::Error) -> Result<Self, io::Error> {
        error.downcast::<Self>()
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(what) = &self.repr.what {
            write!(f, "{what}: ")?;
        }
        f.write_str(&self.repr.why)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.repr.kind)
            .field("what", &self.repr.what)
            .field("why", &self.repr.why)
            .field("status", &self.repr.status)
            .field("code", &self.repr.code)
            .field("message", &self.repr.message)
            .field("source", &self.repr.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.repr
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Timeout => io::ErrorKind::TimedOut,
            ErrorKind::Incomplete => io::ErrorKind::UnexpectedEof,
            ErrorKind::InvalidResponse | ErrorKind::TooLarge => io::ErrorKind::InvalidData,
            ErrorKind::Settings => io::ErrorKind::InvalidInput,
            ErrorKind::NotFound | ErrorKind::NoLog => io::ErrorKind::NotFound,
            ErrorKind::Unauthorized => io::ErrorKind::PermissionDenied,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_the_innermost_object_and_not_the_source() {
        let error = Error::new(ErrorKind::Connection, "cannot connect")
            .with_source(io::Error::from(io::ErrorKind::ConnectionRefused))
            .about("build b of a/b")
            .about("builds");
        assert_eq!(error.to_string(), "build b of a/b: cannot connect");
        assert_eq!(error.source().unwrap().to_string(), "connection refused");
    }

    #[test]
    fn an_io_error_gives_the_error_back() {
        let error = Error::new(ErrorKind::Timeout, "silence");
        let io_error = io::Error::from(error);
        assert_eq!(io_error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(Error::from_io(io_error).unwrap().kind(), ErrorKind::Timeout);
    }
}
