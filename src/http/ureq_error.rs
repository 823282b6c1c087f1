//! Translates ureq's errors.

use std::io;
use std::time::Duration;

use super::proxy;
#[cfg(feature = "rustls")]
use super::tls_error;
use crate::error::{Error, ErrorKind};
use crate::retry::Retry;

/// Returns whether the server closed a connection that had been made.
pub(super) fn is_closed(error: &ureq::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error, ureq::Error::Io(error)
        if matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof))
}

/// Translates the error of a request that got no response from `server`. Connecting was limited to `connect`.
pub(super) fn of_request(error: ureq::Error, server: &str, connect: Duration) -> Error {
    let connection = |message: String| Error::new(ErrorKind::Connection, message);
    match error {
        ureq::Error::Timeout(ureq::Timeout::Connect) => {
            let seconds = connect.as_secs().max(1);
            let message = format!("cannot connect to {server} within {seconds} s");
            Error::new(ErrorKind::Timeout, message).retry(Retry::Yes)
        }
        ureq::Error::Timeout(timeout) => timed_out(timeout),
        ureq::Error::ConnectProxyFailed(reason) => {
            let (why, retry) = proxy::explain_refusal(&reason);
            connection(format!("cannot connect to {server}: {why}")).retry(retry)
        }
        // This is how rustls reports a failed handshake.
        #[cfg(feature = "rustls")]
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            tls_error::explain(&error.to_string(), server)
        }
        error if is_closed(&error) => connection(format!(
            "{server} closed the connection before it responded"
        ))
        .retry(Retry::Yes),
        ureq::Error::Io(error) => connection(format!("cannot connect to {server}"))
            .with_source(error)
            .retry(Retry::Yes),
        #[cfg(feature = "rustls")]
        ureq::Error::Rustls(error) => tls_error::explain(&error.to_string(), server),
        #[cfg(feature = "native-tls")]
        ureq::Error::NativeTls(error) => {
            let message = format!("no secure connection to {server}");
            Error::new(ErrorKind::Tls, message).with_source(error)
        }
        ureq::Error::LargeResponseHeader(..) => Error::new(
            ErrorKind::TooLarge,
            "the response header is larger than 64 KiB",
        ),
        ureq::Error::Protocol(error) => invalid_http(error),
        error => connection(format!("no response from {server}")).with_source(error),
    }
}

/// Translates an error from reading a body. `decoded` is the number of decoded bytes that came before the error.
pub(super) fn of_body(error: ureq::Error, decoded: u64) -> Error {
    match error {
        ureq::Error::Timeout(timeout) => timed_out(timeout),
        // The source would only say "Peer disconnected".
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => cut_short(),
        ureq::Error::Io(error) => cut_short().with_source(error),
        ureq::Error::BodyStalled => cut_short(),
        ureq::Error::Protocol(error) => invalid_http(error),
        #[cfg(feature = "gzip")]
        ureq::Error::Decompress(_, error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            cut_short()
        }
        // The other errors come from decoders. Their variant may not exist without the feature gzip, and some versions
        // of the decoder report a truncated body as a corrupt one. So what was decoded before decides.
        error if decoded > 0 => {
            Error::incomplete("the response was cut short or damaged").with_source(error)
        }
        // The body may also have been cut short before any of it was decoded, so this error is retried, too.
        error => Error::invalid_response("the response does not match its encoding")
            .retry(Retry::Yes)
            .with_source(error),
    }
}

pub(super) fn cut_short() -> Error {
    Error::incomplete("the response was cut short")
}

/// Returns the error for a request that outlasted the enclosing wait.
pub(super) fn wait_ended() -> Error {
    let message = "the wait ended before the response was complete";
    Error::new(ErrorKind::Timeout, message).retry(Retry::Yes)
}

/// Returns the error for a timeout after the connection was made.
fn timed_out(timeout: ureq::Timeout) -> Error {
    use ureq::Timeout::{PerRead, PerWrite};
    if !matches!(timeout, PerRead | PerWrite) {
        // Any other limit comes from the enclosing wait.
        return wait_ended();
    }
    let message = "the cluster sent nothing for longer than the timeout";
    Error::new(ErrorKind::Timeout, message).retry(Retry::Yes)
}

fn invalid_http(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::invalid_response("the response is not valid HTTP").with_source(error)
}
