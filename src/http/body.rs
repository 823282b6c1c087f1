//! A response body as a reader that returns the library's errors.

use std::io::{self, Read};

use super::error_response::MAX_ERROR_BODY;
use super::report::RequestReport;
use super::ureq_error;
use crate::error::{Error, ErrorKind};

/// A response body, with chunks and gzip decoded.
///
/// Do not read on after an error: ureq's reader would report the end of the body.
pub(crate) struct Body {
    reader: ureq::BodyReader<'static>,
    /// The first bytes read. They may turn out to be an error that was sent with status 200.
    start: Vec<u8>,
    report: RequestReport,
}

impl Body {
    pub(super) fn new(body: ureq::Body, report: RequestReport) -> Self {
        Self {
            reader: body.into_reader(),
            start: Vec::new(),
            report,
        }
    }

    /// Returns everything read so far, unless it is too long for an error.
    pub(crate) fn prefix_if_complete(&self) -> Option<&[u8]> {
        let complete = self.start.len() as u64 == self.report.summary.bytes;
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

    /// Reads an error response. Returns what could be read, and whether that is the whole body.
    pub(super) fn read_error(mut self) -> (Vec<u8>, bool) {
        let result = io::copy(
            &mut (&mut self).take(MAX_ERROR_BODY as u64 + 1),
            &mut io::sink(),
        );
        let complete = result.is_ok() && self.prefix_if_complete().is_some();
        (std::mem::take(&mut self.start), complete)
    }
}

impl Read for Body {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let result = self.reader.read(buf);
        match result {
            Ok(n) if n > 0 => {
                let room = MAX_ERROR_BODY.saturating_sub(self.start.len());
                self.start.extend_from_slice(&buf[..n.min(room)]);
                self.report.summary.bytes += n as u64;
            }
            _ => self.report.send(),
        }
        let received = self.report.summary.bytes;
        result.map_err(|error| ureq_error::of_body(error.into(), received).into())
    }
}

/// Returns the [`Error`] inside an I/O error of [`Body`].
pub(crate) fn from_io(error: io::Error) -> Error {
    error
        .downcast()
        .unwrap_or_else(|error: io::Error| ureq_error::cut_short().with_source(error))
}
