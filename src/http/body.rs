//! A response body as a reader that returns the library's errors.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{MAX_ERROR_BODY, Observer, RequestSummary};
use crate::error::{Error, ErrorKind, Retry};

/// A response body, with chunks and gzip decoded.
///
/// Do not read on after an error: ureq's reader would report the end of the body.
pub(crate) struct Body {
    reader: ureq::BodyReader<'static>,
    content_length: Option<u64>,
    /// The first bytes read. They may turn out to be an error that was sent with status 200.
    start: Vec<u8>,
    report: RequestReport,
}

impl Body {
    pub(super) fn new(body: ureq::Body, report: RequestReport) -> Self {
        Self {
            content_length: body.content_length(),
            reader: body.into_reader(),
            start: Vec::new(),
            report,
        }
    }

    pub(crate) fn content_length(&self) -> Option<u64> {
        self.content_length
    }

    pub(crate) fn bytes_received(&self) -> u64 {
        self.report.summary.bytes
    }

    /// Returns a copy of everything read so far, unless it is too long for an error.
    pub(crate) fn copy(&self) -> Option<&[u8]> {
        let complete = self.start.len() as u64 == self.bytes_received();
        complete.then_some(&self.start)
    }

    /// Reads the whole body, which may have at most `limit` bytes.
    pub(super) fn read_whole(mut self, limit: u64) -> Result<Vec<u8>, Error> {
        let mut whole = Vec::new();
        // One more byte shows whether the body exceeds the limit.
        (&mut self)
            .take(limit.saturating_add(1))
            .read_to_end(&mut whole)
            .map_err(from_io)?;
        if whole.len() as u64 > limit {
            let message = format!("the response is larger than {} MiB", limit >> 20);
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        Ok(whole)
    }

    /// Reads an error response. If it is cut short, its beginning is better than nothing.
    pub(super) fn read_error(mut self) -> Vec<u8> {
        let mut error = Vec::new();
        let _ = (&mut self)
            .take(MAX_ERROR_BODY as u64)
            .read_to_end(&mut error);
        error
    }
}

impl Read for Body {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.report.deadline.is_some_and(|at| at <= Instant::now()) {
            return Err(super::timed_out(ureq::Timeout::RecvBody).into());
        }
        let result = self.reader.read(buf);
        match result {
            Ok(n) if n > 0 => {
                let room = MAX_ERROR_BODY.saturating_sub(self.start.len());
                self.start.extend_from_slice(&buf[..n.min(room)]);
                self.report.summary.bytes += n as u64;
            }
            _ => self.report.send(),
        }
        result.map_err(|error| body_error(error.into(), self.bytes_received()).into())
    }
}

/// Returns the [`Error`] inside an I/O error of [`Body`].
pub(crate) fn from_io(error: io::Error) -> Error {
    error
        .downcast()
        .unwrap_or_else(|error: io::Error| cut_short().with_source(error))
}

/// Translates an error from reading a body. `decoded` is the number of decoded bytes that came before the error.
fn body_error(error: ureq::Error, decoded: u64) -> Error {
    match error {
        ureq::Error::Timeout(timeout) => super::timed_out(timeout),
        // The source would only say "Peer disconnected".
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => cut_short(),
        ureq::Error::Io(error) => cut_short().with_source(error),
        ureq::Error::BodyStalled => cut_short(),
        ureq::Error::Protocol(error) => {
            Error::invalid_response("the response is not valid HTTP").with_source(error)
        }
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

fn cut_short() -> Error {
    Error::incomplete("the response was cut short")
}

/// Reports a request to the observer, once, when it is over.
pub(super) struct RequestReport {
    pub(super) summary: RequestSummary,
    /// When the body must be complete, for a request of a wait.
    pub(super) deadline: Option<Instant>,
    started: Instant,
    observer: Option<Arc<Observer>>,
}

impl RequestReport {
    pub(super) fn start(url: &str, observer: Option<Arc<Observer>>) -> Self {
        Self {
            summary: RequestSummary {
                url: url.to_owned(),
                status: None,
                bytes: 0,
                elapsed: Duration::ZERO,
            },
            deadline: None,
            started: Instant::now(),
            observer,
        }
    }

    fn send(&mut self) {
        if let Some(observer) = self.observer.take() {
            self.summary.elapsed = self.started.elapsed();
            observer(&self.summary);
        }
    }
}

impl Drop for RequestReport {
    fn drop(&mut self) {
        self.send();
    }
}
