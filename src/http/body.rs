//! The body of an answer: a reader whose first failure stays, and which counts what came.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Instant;

use crate::error::{Error, ErrorKind, Retry};

use super::{Observer, RequestSummary};

/// A body on its way in. What it reads is undone of `gzip` and of chunks, and of nothing else.
///
/// ureq's reader says "end" when it is asked again after an error, so the first error is kept here, and given again.
pub(crate) struct Body {
    reader: ureq::BodyReader<'static>,
    length: Option<u64>,
    failed: Option<Error>,
    ended: bool,
    log: RequestLog,
}

impl Body {
    pub(super) fn new(body: ureq::Body, log: RequestLog) -> Self {
        Self {
            length: body.content_length(),
            reader: body.into_reader(),
            failed: None,
            ended: false,
            log,
        }
    }

    /// How many bytes the body has, where the answer's head says so.
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    /// How many bytes of it have been read.
    pub(crate) fn received(&self) -> u64 {
        self.log.exchange.bytes
    }

    /// The whole body, if it is no longer than `limit` bytes.
    pub(crate) fn read_whole(mut self, limit: u64) -> Result<Vec<u8>, Error> {
        let mut whole = Vec::new();
        // One byte more than is allowed tells a body that fills the limit from one that passes it. Reading on after
        // that would serve nobody.
        (&mut self)
            .take(limit.saturating_add(1))
            .read_to_end(&mut whole)
            .map_err(from_io)?;
        if whole.len() as u64 > limit {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("the answer is larger than {} MiB", limit >> 20),
            ));
        }
        Ok(whole)
    }

    /// As much of the body as there is, up to `limit` bytes, whatever happens to the rest.
    pub(super) fn read_beginning(mut self, limit: u64) -> Vec<u8> {
        let mut beginning = Vec::new();
        // A error_response whose explanation is cut short is still that error_response.
        let _ = (&mut self).take(limit).read_to_end(&mut beginning);
        beginning
    }
}

impl Read for Body {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = &self.failed {
            return Err(error.clone().into());
        }
        if self.ended || buf.is_empty() {
            return Ok(0);
        }
        match self.reader.read(buf) {
            Ok(0) => {
                self.ended = true;
                self.log.finish();
                Ok(0)
            }
            Ok(n) => {
                self.log.exchange.bytes += n as u64;
                Ok(n)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let error = broken(ureq::Error::from(error));
                self.failed = Some(error.clone());
                self.log.finish();
                Err(error.into())
            }
        }
    }
}

/// Gets the [`Error`] back that [`Body`] gave as an `io::Error`.
pub(crate) fn from_io(error: io::Error) -> Error {
    Error::from_io(error).unwrap_or_else(|error| {
        Error::new(ErrorKind::Incomplete, "the answer was cut short")
            .with_source(error)
            .retry(Retry::Yes)
    })
}

/// What a failure in the middle of a body means.
fn broken(error: ureq::Error) -> Error {
    let cut = || Error::new(ErrorKind::Incomplete, "the answer was cut short").retry(Retry::Yes);
    match error {
        ureq::Error::Timeout(_) => super::silence(),
        // ureq's words for this are "Peer disconnected": no more than has been said.
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => cut(),
        ureq::Error::Io(error) => cut().with_source(error),
        ureq::Error::BodyStalled => cut(),
        #[cfg(feature = "gzip")]
        ureq::Error::Decompress(_, error) if error.kind() == io::ErrorKind::UnexpectedEof => cut(),
        #[cfg(feature = "gzip")]
        ureq::Error::Decompress(encoding, error) => {
            Error::invalid_response(format!("the answer's {encoding} cannot be undone"))
                .with_source(error)
        }
        error => Error::invalid_response("the answer is not valid HTTP").with_source(error),
    }
}

/// Tells the observer of an exchange once, when it is over, however it ends.
pub(super) struct RequestLog {
    exchange: RequestSummary,
    started: Instant,
    observer: Option<Arc<Observer>>,
}

impl RequestLog {
    pub(super) fn start(url: &str, observer: Option<Arc<Observer>>) -> Self {
        Self {
            exchange: RequestSummary {
                url: url.to_owned(),
                status: None,
                bytes: 0,
                elapsed: std::time::Duration::ZERO,
            },
            started: Instant::now(),
            observer,
        }
    }

    pub(super) fn answered(&mut self, status: u16) {
        self.exchange.status = Some(status);
    }

    fn finish(&mut self) {
        if let Some(observer) = self.observer.take() {
            self.exchange.elapsed = self.started.elapsed();
            observer(&self.exchange);
        }
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails once, and then says that there is no more.
    struct FailsOnce(Option<io::Error>);

    impl Read for FailsOnce {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            self.0.take().map_or(Ok(0), Err)
        }
    }

    fn body(error: io::ErrorKind) -> Body {
        let reader = FailsOnce(Some(error.into()));
        let body = ureq::Body::builder().reader(reader);
        Body::new(body, RequestLog::start("", None))
    }

    #[test]
    fn an_end_after_a_failure_is_not_believed() {
        let mut body = body(io::ErrorKind::ConnectionReset);
        for _ in 0..3 {
            let error = from_io(body.read(&mut [0; 9]).unwrap_err());
            assert_eq!(error.kind(), ErrorKind::Incomplete);
            assert_eq!(error.retryable(), Retry::Yes);
        }
    }

    #[test]
    fn an_interruption_is_no_failure() {
        let mut body = body(io::ErrorKind::Interrupted);
        assert!(body.read(&mut [0; 9]).is_err());
        assert_eq!(body.read(&mut [0; 9]).unwrap(), 0);
    }
}
