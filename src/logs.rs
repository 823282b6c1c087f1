//! A log as a stream that resumes when its connection breaks.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::http::{ApiError, Body, Endpoint, Http, from_io};
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
/// delivered has been verified to be unchanged. [`resume`](Logs::resume) turns this off.
///
/// # Errors
///
/// [`Error::from_io`] returns the [`Error`] inside the [`io::Error`] of a read. It is a
/// [request error](crate#request-errors), such as [`ErrorKind::Incomplete`](crate::ErrorKind::Incomplete) if the response was
/// cut short, or [`ErrorKind::InvalidResponse`](crate::ErrorKind::InvalidResponse) if the log changed while it was
/// read.
///
/// # Examples
///
/// ```no_run
/// use algo_logs::{Client, Token};
///
/// let client = Client::builder().token(Token::simple("sim0123456789")?).build()?;
/// let mut log = client.build_logs(&"acme/Lemmatizer".parse()?, "8a366318")?;
/// std::io::copy(&mut log, &mut std::io::stdout())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Logs {
    http: Arc<Http>,
    endpoint: Endpoint,
    source: Source,
    decoder: JsonString<Body>,
    attempts: Attempts,
    decoded: Digest,
    /// A byte that was decoded before the caller read it.
    ahead: Option<u8>,
    /// How the log ended: once set, nothing more is read.
    end: Option<Result<(), Error>>,
}

/// Where in a response the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// `logs` of a build's logs, which must be present.
    Build,
    /// `compilation.output` of a version, which may be missing.
    Version,
}

impl Source {
    fn path(self) -> &'static [&'static str] {
        match self {
            Self::Build => &["logs"],
            Self::Version => &["compilation", "output"],
        }
    }
}

impl Logs {
    pub(crate) fn open(http: Arc<Http>, endpoint: Endpoint, source: Source) -> Result<Self, Error> {
        let mut attempts = http.attempts();
        let body = http.get(&endpoint, &mut attempts)?;
        Ok(Self {
            decoder: decoder(body, source),
            http,
            endpoint,
            source,
            attempts,
            decoded: Digest::default(),
            ahead: None,
            end: None,
        })
    }

    /// Sets whether the log resumes when its connection breaks, as often as
    /// [`ClientBuilder::retries`](crate::ClientBuilder::retries) allows. Defaults to `true`.
    pub fn resume(mut self, resume: bool) -> Self {
        self.attempts = if resume {
            self.http.attempts()
        } else {
            Attempts::new(0, Duration::ZERO)
        };
        self
    }

    /// Returns how many bytes of the log have been read so far.
    pub fn delivered(&self) -> u64 {
        self.decoded.length - u64::from(self.ahead.is_some())
    }

    /// Returns how often invalid Unicode has been replaced with U+FFFD so far.
    pub fn replacements(&self) -> u64 {
        self.decoder.replacements()
    }

    /// Returns the length of the response in bytes, or `None` if the service does not send it, as with gzip. Nearly all
    /// of the response is the log.
    pub fn content_length(&self) -> Option<u64> {
        self.decoder.get_ref().content_length()
    }

    /// Returns how many bytes of the response have been received. It reaches [`content_length`](Logs::content_length)
    /// at the end, and starts again at 0 when the log resumes.
    pub fn bytes_received(&self) -> u64 {
        self.decoder.get_ref().bytes_received()
    }

    /// Returns whether the log has any text. Reads one byte ahead to find out.
    pub(crate) fn has_content(&mut self) -> Result<bool, Error> {
        let mut byte = [0];
        let n = self.read_next(&mut byte)?;
        self.ahead = (n > 0).then_some(byte[0]);
        Ok(n > 0)
    }

    /// Returns whether the whole response was read and has no log.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self.end, Some(Ok(()))) && !self.decoder.found()
    }

    fn read_next(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        if let Some(end) = &self.end {
            return end.clone().map(|()| 0);
        }
        match self.decode_or_resume(buf) {
            Ok(0) => {
                self.end = Some(Ok(()));
                Ok(0)
            }
            Ok(n) => {
                self.decoded.update(&buf[..n]);
                self.attempts.progressed();
                Ok(n)
            }
            Err(error) => {
                let error = error.about(&self.endpoint.what);
                self.end = Some(Err(error.clone()));
                Err(error)
            }
        }
    }

    fn decode_or_resume(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let mut result = self.decode(buf);
        while let Err(error) = result {
            self.http
                .wait_to_retry(&mut self.attempts, &self.endpoint, error)?;
            let body = self.http.get(&self.endpoint, &mut self.attempts)?;
            self.decoder = decoder(body, self.source);
            result = self.skip_decoded(buf).and_then(|()| self.decode(buf));
        }
        result
    }

    /// Decodes the part of the log that was decoded before, and verifies that it is unchanged.
    fn skip_decoded(&mut self, buf: &mut [u8]) -> Result<(), Error> {
        let mut skipped = Digest::default();
        while skipped.length < self.decoded.length {
            let left = self.decoded.length - skipped.length;
            let max = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
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
        match self.decoder.read(buf) {
            Ok(0) if !self.decoder.found() => self.check_missing().map(|()| 0),
            Ok(n) => Ok(n),
            Err(DecodeError::Read(error)) => Err(from_io(error)),
            Err(DecodeError::Truncated) => Err(Error::incomplete(
                "the response ends in the middle of its JSON",
            )),
            Err(DecodeError::Invalid { offset, reason }) => {
                let page = match self.decoder.get_ref().copy() {
                    Some(body) if offset == 0 => self.http.describe_page(body),
                    _ => String::new(),
                };
                Err(Error::invalid_response(format!(
                    "the response is not the expected JSON: {reason} at byte {offset}{page}"
                )))
            }
        }
    }

    /// Decides what a valid document without a log means: an error that the service sent with status 200, an invalid
    /// response, or a version without output.
    fn check_missing(&self) -> Result<(), Error> {
        if let Some(error) = self.decoder.get_ref().copy().and_then(ApiError::from_json) {
            return Err(self.http.api_error(error));
        }
        match self.source {
            Source::Version => Ok(()),
            Source::Build => Err(Error::invalid_response("the response has no 'logs'")),
        }
    }
}

fn decoder(body: Body, source: Source) -> JsonString<Body> {
    JsonString::new(body, source.path())
}

impl Read for Logs {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(first) = buf.first_mut() else {
            return Ok(0);
        };
        if let Some(byte) = self.ahead.take() {
            *first = byte;
            return Ok(1);
        }
        Ok(self.read_next(buf)?)
    }
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logs")
            .field("what", &self.endpoint.what)
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
    /// The bytes since the last complete block.
    rest: u128,
}

impl Digest {
    const BLOCK: u64 = 16;

    fn update(&mut self, bytes: &[u8]) {
        let missing = (self.length.wrapping_neg() % Self::BLOCK) as usize;
        let (head, mut bytes) = bytes.split_at(missing.min(bytes.len()));
        head.iter().for_each(|&byte| self.push(byte));
        while let Some((block, rest)) = bytes.split_first_chunk() {
            self.mix(u128::from_le_bytes(*block));
            self.length += Self::BLOCK;
            bytes = rest;
        }
        bytes.iter().for_each(|&byte| self.push(byte));
    }

    fn push(&mut self, byte: u8) {
        self.rest = self.rest >> 8 | u128::from(byte) << 120;
        self.length += 1;
        if self.length % Self::BLOCK == 0 {
            self.mix(self.rest);
            self.rest = 0;
        }
    }

    /// Multiplies the halves of a block, folds the product, and adds it to a polynomial over all blocks.
    fn mix(&mut self, block: u128) {
        const SALT: u64 = 0x9E37_79B9_7F4A_7C15; // 2^64 divided by the golden ratio
        let low = block as u64 ^ SALT;
        let high = (block >> 64) as u64 ^ SALT.rotate_left(32);
        let product = u128::from(low) * u128::from(high);
        let folded = product as u64 ^ (product >> 64) as u64;
        self.hash = self.hash.wrapping_mul(SALT).wrapping_add(folded);
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
        for length in [0, 1, 15, 16, 17, 128, 999, 1000] {
            let whole = digest(&bytes[..length], 1000);
            for chunk in [1, 3, 15, 16, 17, 500] {
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
