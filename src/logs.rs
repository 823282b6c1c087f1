//! A log as a stream that resumes when its connection breaks.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use crate::error::Error;
use crate::http::{Body, Endpoint, Http, from_io};
use crate::json_string::{DecodeError, JsonString};
use crate::retry::Attempts;

/// The log of a build or a version, as a stream.
///
/// Read it with [`Read`], in constant memory. The end is reported only after the HTTP response has ended cleanly and
/// the whole JSON document was valid. Everything else is an error, and the first error is final.
///
/// The log is UTF-8. Invalid Unicode from the service (unpaired surrogates, invalid UTF-8) becomes U+FFFD;
/// [`replacements`](Logs::replacements) counts it. The commands of the build printed the text, so it may contain any
/// escape sequence: sanitize it before showing it on a terminal.
///
/// If the connection breaks, the log is fetched again. It continues where it stopped, after the part that was already
/// delivered has been verified to be unchanged.
///
/// # Errors
///
/// [`io::Error::downcast`] returns the [`Error`] inside the [`io::Error`] of a read. It is a
/// [request error](crate#request-errors), such as [`ErrorKind::Incomplete`](crate::ErrorKind::Incomplete) if the
/// response was cut short, or [`ErrorKind::InvalidResponse`](crate::ErrorKind::InvalidResponse) if the log changed
/// while it was read.
///
/// # Examples
///
/// ```no_run
/// use algo_logs::{Client, Token};
///
/// let client = Client::builder("cluster.example.com").token(Token::simple("sim0123456789")?).build()?;
/// let mut log = client.build_logs(&"acme/Lemmatizer".parse()?, "8a366318")?;
/// std::io::copy(&mut log, &mut std::io::stdout())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Logs {
    http: Arc<Http>,
    endpoint: Endpoint,
    path: Path,
    decoder: JsonString<Body>,
    attempts: Attempts,
    decoded: Digest,
    /// Over all connections. A new one counts from 0 while it repeats the part that was already delivered.
    replacements: u64,
    /// How the log ended. Once this is set, nothing more is read.
    end: Option<Result<(), Error>>,
}

/// The log of a build, which must be present.
pub(crate) const LOGS: Path = &["logs"];

/// The log of a version, which may be missing.
pub(crate) const OUTPUT: Path = &["compilation", "output"];

type Path = &'static [&'static str];

impl Logs {
    /// Requests a log, and reads up to its first byte. Returns an error that was sent with status 200.
    pub(crate) fn open(http: Arc<Http>, endpoint: Endpoint, path: Path) -> Result<Self, Error> {
        let mut attempts = http.attempts();
        Ok(Self {
            decoder: connect(&http, &endpoint, path, &mut attempts)?,
            http,
            endpoint,
            path,
            attempts,
            decoded: Digest::default(),
            replacements: 0,
            end: None,
        })
    }

    /// Returns how many bytes of the log have been read so far.
    pub fn delivered(&self) -> u64 {
        self.decoded.length
    }

    /// Returns how often invalid Unicode has been replaced with U+FFFD so far.
    pub fn replacements(&self) -> u64 {
        self.replacements
    }

    /// Returns whether a log that has just been opened has any text.
    pub(crate) fn has_content(&mut self) -> bool {
        matches!(self.decoder.has_content(), Ok(true))
    }

    /// Returns whether the response has no log.
    pub(crate) fn is_missing(&self) -> bool {
        !self.decoder.found()
    }

    fn read_next(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        if let Some(end) = &self.end {
            return end.clone().map(|()| 0);
        }
        let result = self.decode_or_resume(buf);
        match &result {
            Ok(0) => self.end = Some(Ok(())),
            Ok(n) => {
                self.decoded.update(&buf[..*n]);
                self.replacements = self.replacements.max(self.decoder.replacements());
                self.attempts.progressed();
            }
            Err(error) => self.end = Some(Err(error.clone())),
        }
        result
    }

    fn decode_or_resume(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let mut result = self.decode(buf);
        while let Err(error) = result {
            self.http
                .wait_to_retry(&mut self.attempts, &self.endpoint, error)?;
            self.decoder = connect(&self.http, &self.endpoint, self.path, &mut self.attempts)?;
            result = self.skip_decoded(buf).and_then(|()| self.decode(buf));
        }
        result
    }

    /// Decodes the part of the log that was decoded before, and verifies that it is unchanged.
    fn skip_decoded(&mut self, buf: &mut [u8]) -> Result<(), Error> {
        let mut skipped = Digest::default();
        while skipped.length < self.decoded.length {
            let remaining = usize::try_from(self.decoded.length - skipped.length);
            let max = buf.len().min(remaining.unwrap_or(usize::MAX));
            match self.decode(&mut buf[..max])? {
                0 => break,
                n => skipped.update(&buf[..n]),
            }
        }
        if skipped == self.decoded {
            Ok(())
        } else {
            Err(Error::invalid_response("the log changed while it was read"))
        }
    }

    fn decode(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let result = self.decoder.read(buf);
        result.map_err(|error| translate(&self.http, self.decoder.get_ref(), error))
    }
}

/// Requests a log, with retries, and reads up to its first byte.
fn connect(
    http: &Http,
    endpoint: &Endpoint,
    path: Path,
    attempts: &mut Attempts,
) -> Result<JsonString<Body>, Error> {
    http.with_retries(endpoint, attempts, || {
        let mut decoder = JsonString::new(http.send(endpoint)?, path);
        let result = decoder.has_content();
        let body = decoder.get_ref();
        result.map_err(|error| translate(http, body, error))?;
        if !decoder.found() {
            // This is an error that was sent with status 200, a version without output, or an invalid response.
            if let Some(error) = http.api_error(body.prefix_if_complete()) {
                return Err(error);
            }
            if path == LOGS {
                return Err(Error::invalid_response("the response has no 'logs'"));
            }
        }
        Ok(decoder)
    })
}

fn translate(http: &Http, body: &Body, error: DecodeError) -> Error {
    match error {
        DecodeError::Read(error) => from_io(error),
        DecodeError::Truncated => Error::incomplete("the response ends in the middle of its JSON"),
        DecodeError::Invalid { offset, reason } => {
            let start = body.prefix_if_complete().filter(|_| offset == 0);
            let page = http.describe_page(start);
            Error::invalid_response(format!(
                "the response is not the expected JSON: {reason} at byte {offset}{page}"
            ))
        }
    }
}

impl Read for Logs {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        Ok(self.read_next(buf)?)
    }
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logs")
            .field("log", &self.endpoint.name)
            .field("delivered", &self.delivered())
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// A digest of the bytes so far, regardless of how they were chunked. Logs with equal digests count as equal.
///
/// It need not resist forgery: the service could have sent another log in the first place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Digest {
    length: u64,
    hash: u64,
    /// The bytes since the last complete block of eight.
    rest: u64,
}

impl Digest {
    fn update(&mut self, mut bytes: &[u8]) {
        while let Some((&first, after_first)) = bytes.split_first() {
            match bytes.split_first_chunk() {
                Some((block, after_block)) if self.length % 8 == 0 => {
                    self.length += 8;
                    self.mix(u64::from_le_bytes(*block));
                    bytes = after_block;
                }
                _ => {
                    self.length += 1;
                    self.rest = self.rest >> 8 | u64::from(first) << 56;
                    if self.length % 8 == 0 {
                        let block = std::mem::take(&mut self.rest);
                        self.mix(block);
                    }
                    bytes = after_first;
                }
            }
        }
    }

    fn mix(&mut self, block: u64) {
        // 2^64 divided by the golden ratio.
        self.hash = self
            .hash
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .wrapping_add(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(bytes: &[u8], chunk: usize) -> Digest {
        let mut digest = Digest::default();
        bytes.chunks(chunk).for_each(|chunk| digest.update(chunk));
        digest
    }

    #[test]
    fn a_digest_does_not_depend_on_the_chunks() {
        let bytes: Vec<u8> = (0..1000u32).map(|n| (n * 7 % 251) as u8).collect();
        for length in [0, 1, 7, 8, 9, 128, 999, 1000] {
            let whole = digest(&bytes[..length], 1000);
            for chunk in [1, 3, 7, 8, 9, 500] {
                assert_eq!(
                    digest(&bytes[..length], chunk),
                    whole,
                    "{length} by {chunk}"
                );
            }
        }
    }

    #[test]
    fn a_digest_depends_on_the_length_and_on_each_byte() {
        let mut bytes = [0; 200];
        let whole = digest(&bytes, 200);
        assert_ne!(digest(&bytes[..199], 200), whole);
        for at in 0..bytes.len() {
            bytes[at] = 1;
            assert_ne!(digest(&bytes, 200), whole, "{at}");
            bytes[at] = 0;
        }
    }
}
