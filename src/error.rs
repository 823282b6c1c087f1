//! The library's error type.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use serde::Serialize;

use crate::retry::Retry;

/// The error of every operation in this library.
///
/// `Display` says in one line what failed and why. The [`source`](StdError::source) is the cause reported by the
/// operating system or the TLS library, if there is one. It is not part of `Display`, so printing the chain repeats
/// nothing. `Display`, `Debug` and the source never show the key.
///
/// Reading [`Logs`](crate::Logs) returns an [`io::Error`]. [`io::Error::downcast`] returns the `Error` inside it.
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

#[derive(Clone)]
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
}

/// The kinds of [`Error`]. Each serializes as a word, such as `not-found`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// A name, an ID, a token, a base URL, a certificate, a timeout or a proxy is not valid, and nothing was sent.
    InvalidInput,
    /// Several builds or versions match an abbreviated ID.
    Ambiguous,
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
    /// be decoded, repeats a page marker, or is a log that changed while it was read.
    InvalidResponse,
    /// The response is too large to hold in memory: more than 32 MiB of JSON, or more than 64 KiB of headers.
    TooLarge,
    /// The caller ended a wait, or shut the client down.
    Cancelled,
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

    /// Sets the context: what failed. Keeps an existing one: the innermost context is the most specific.
    pub(crate) fn about(mut self, context: &str) -> Self {
        self.0.context.get_or_insert_with(|| context.to_owned());
        self
    }

    pub(crate) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    pub(crate) fn with_response(
        mut self,
        status: u16,
        code: Option<u32>,
        message: Option<String>,
    ) -> Self {
        self.0.status = (status != 200).then_some(status);
        self.0.code = code;
        self.0.service_message = message;
        self
    }

    /// Explains the response better, with the result of another request.
    pub(crate) fn explained(mut self, kind: ErrorKind, message: String) -> Self {
        self.0.kind = kind;
        self.0.message = message;
        self
    }

    pub(crate) fn retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
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
    pub fn service_code(&self) -> Option<u32> {
        self.0.code
    }

    /// Returns the service's message, with the key redacted, shortened to 200 characters. It may contain control
    /// characters: sanitize it before showing it on a terminal.
    pub fn service_message(&self) -> Option<&str> {
        self.0.service_message.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(context) = &self.0.context {
            write!(f, "{context}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

/// `fn main() -> Result<…>` prints this.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.to_string())
            .field("source", &self.source().map(ToString::to_string))
            .finish()
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
            ErrorKind::Incomplete => io::ErrorKind::UnexpectedEof,
            ErrorKind::Timeout => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// Returns the error for a build that is still in progress.
pub(crate) fn not_finished(context: &str) -> Error {
    Error::new(ErrorKind::NotFinished, "the build is still in progress").about(context)
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
    }

    #[test]
    fn an_io_error_returns_the_error() {
        for (kind, io_kind) in [
            (ErrorKind::Timeout, io::ErrorKind::TimedOut),
            (ErrorKind::Incomplete, io::ErrorKind::UnexpectedEof),
            // Not the kind of the source: callers would retry an interrupted read forever.
            (ErrorKind::Connection, io::ErrorKind::Other),
        ] {
            let source = io::Error::from(io::ErrorKind::Interrupted);
            let io_error = io::Error::from(Error::new(kind, "").with_source(source));
            assert_eq!(io_error.kind(), io_kind);
            assert_eq!(io_error.downcast::<Error>().unwrap().kind(), kind);
        }
    }

    #[test]
    fn debug_shows_the_message_and_no_private_names() {
        let error =
            Error::new(ErrorKind::NotFound, "there is no such build").about("build b of a/b");
        assert_eq!(
            format!("{error:?}"),
            "Error { kind: NotFound, message: \"build b of a/b: there is no such build\", source: None }"
        );
    }

    #[test]
    fn text_is_shortened_between_characters() {
        assert_eq!(shorten("äöü", 3), "äöü");
        assert_eq!(shorten("äöü", 2), "äö…");
        assert_eq!(shorten("a b", 2), "a…");
    }
}
