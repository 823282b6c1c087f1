//! A log as a stream, which goes on where it was cut.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Retry};
use crate::http::{ApiError, Body, Endpoint, Http, MAX_ERROR_BODY, from_io};
use crate::json_string::{DecodeError, JsonString};
use crate::retry::Attempts;

/// The build-time log of a build or a version, as it arrives.
///
/// It is read through [`Read`], or through [`read_some`](Logs::read_some), which gives the library's own error. Memory
/// does not grow with the log. Past its first MiB an answer is received on a thread of its own, up to 512 KiB ahead of
/// what is read here; dropped before the end, it leaves that thread to finish the read that is under way, which takes no
/// longer than the client's timeout. "End" is said only once the HTTP answer has ended cleanly and the whole JSON document
/// was valid; everything else is an error, and the first error stays.
///
/// A log is UTF-8. What the service sends that is not (half a surrogate pair, invalid bytes) comes as U+FFFD, and
/// [`replacements`](Logs::replacements) counts it. It is text that the build's commands printed: mind escape sequences
/// before showing it on a terminal.
///
/// Where the connection is cut in the middle, the log is asked for again, and goes on where it stopped once what had
/// been delivered has been found to be the same. [`resume`](Logs::resume) turns that off.
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
    decoder: JsonString<Beginning<Body>>,
    attempts: Attempts,
    resume: bool,
    decoded: Prefix,
    /// What has been decoded before anybody asked for it.
    ahead: VecDeque<u8>,
    failed: Option<Error>,
    ended: bool,
}

/// Where in the answer a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// `logs` of the address that ends in `/logs`: it has to be there.
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
            resume: true,
            decoded: Prefix::default(),
            ahead: VecDeque::new(),
            failed: None,
            ended: false,
        })
    }

    /// Whether to ask again and go on where a log was cut, as often as the client's `retries` allow.
    ///
    /// Defaults to `true`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let client = algo_logs::Client::builder().build()?;
    /// let log = client.build_logs(&"acme/Lemmatizer".parse()?, "8a366318")?.resume(false);
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// How many bytes of the log have been delivered.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let client = algo_logs::Client::builder().build()?;
    /// let log = client.build_logs(&"acme/Lemmatizer".parse()?, "8a366318")?;
    /// assert_eq!(log.delivered(), 0);
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn delivered(&self) -> u64 {
        self.decoded.length - self.ahead.len() as u64
    }

    /// How many times U+FFFD stands for something that was not valid Unicode, so far.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let client = algo_logs::Client::builder().build()?;
    /// let mut log = client.build_logs(&"acme/Lemmatizer".parse()?, "8a366318")?;
    /// std::io::copy(&mut log, &mut std::io::sink())?;
    /// println!("{} characters were replaced", log.replacements());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn replacements(&self) -> u64 {
        self.decoder.replacements()
    }

    /// How many bytes the answer has, of which the log is nearly all; `None` where the service does not say, as with
    /// `gzip`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let client = algo_logs::Client::builder().build()?;
    /// let log = client.build_logs(&"acme/Lemmatizer".parse()?, "8a366318")?;
    /// println!("{:?} bytes to come", log.content_length());
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn content_length(&self) -> Option<u64> {
        self.decoder.get_ref().reader.length()
    }

    /// How many bytes of the answer have been received: as many as [`content_length`](Logs::content_length) once all has
    /// come. It begins again at 0 where the log was cut and is asked for again.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let client = algo_logs::Client::builder().build()?;
    /// let log = client.build_logs(&"acme/Lemmatizer".parse()?, "8a366318")?;
    /// if let Some(length) = log.content_length() {
    ///     println!("{} of {length} bytes", log.bytes_received());
    /// }
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn bytes_received(&self) -> u64 {
        self.decoder.get_ref().reader.received()
    }

    /// Reads some bytes of the log into `buf`, and says how many: 0 at the end, or for an empty `buf`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Incomplete`] if the answer was cut short and asking again did not help,
    /// [`ErrorKind::InvalidResponse`] if it is not the documented JSON or changed in between, and what every request may
    /// fail with. The first error stays.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let client = algo_logs::Client::builder().build()?;
    /// let mut log = client.build_logs(&"acme/Lemmatizer".parse()?, "8a366318")?;
    /// let mut buf = [0; 8192];
    /// let n = log.read_some(&mut buf)?;
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn read_some(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        if !self.ahead.is_empty() {
            // Reading from a `VecDeque` cannot fail.
            return Ok(self.ahead.read(buf).unwrap_or(0));
        }
        self.decode_next(buf)
    }

    /// Whether there is anything in the log. Its beginning is decoded to know it, and kept.
    pub(crate) fn has_content(&mut self) -> Result<bool, Error> {
        let mut beginning = [0; 4096];
        let n = self.decode_next(&mut beginning)?;
        self.ahead.extend(&beginning[..n]);
        Ok(n > 0)
    }

    fn decode_next(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.ended || buf.is_empty() {
            return Ok(0);
        }
        match self.read_or_resume(buf) {
            Ok(0) => {
                self.ended = true;
                Ok(0)
            }
            Ok(n) => {
                self.decoded.extend(&buf[..n]);
                self.attempts.progressed();
                Ok(n)
            }
            Err(error) => {
                let error = error.about(&self.endpoint.what);
                self.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Whether the answer turned out to have no log in it, at its end.
    pub(crate) fn is_missing(&self) -> bool {
        self.ended && !self.decoder.found()
    }

    fn read_or_resume(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let mut result = self.decode(buf);
        loop {
            let error = match result {
                Ok(n) => return Ok(n),
                Err(error) => error,
            };
            let pause = match self.resume {
                true => self.attempts.next_delay(&error),
                false => None,
            };
            let Some(pause) = pause else {
                return Err(error);
            };
            self.http.clock().sleep(pause);
            result = match self.http.get(&self.endpoint, &mut self.attempts) {
                Ok(body) => {
                    self.decoder = decoder(body, self.source);
                    self.skip_decoded(buf).and_then(|()| self.decode(buf))
                }
                // It has been tried as often as it may be.
                Err(error) => return Err(error),
            };
        }
    }

    /// Decodes what has been decoded before once more, and makes sure that it is the same.
    fn skip_decoded(&mut self, buf: &mut [u8]) -> Result<(), Error> {
        let changed = || Err(Error::invalid_response("the log changed while it was read"));
        let mut again = Prefix::default();
        while again.length < self.decoded.length {
            let left = self.decoded.length - again.length;
            let most = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            match self.decode(&mut buf[..most])? {
                0 => return changed(),
                n => again.extend(&buf[..n]),
            }
        }
        if again == self.decoded {
            Ok(())
        } else {
            changed()
        }
    }

    fn decode(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        match self.decoder.read(buf) {
            Ok(0) if !self.decoder.found() => self.nothing_found().map(|()| 0),
            Ok(n) => Ok(n),
            Err(DecodeError::Read(error)) => Err(from_io(error)),
            Err(DecodeError::Truncated) => Err(Error::new(
                ErrorKind::Incomplete,
                "the answer ends in the middle of its JSON",
            )
            .retry(Retry::Yes)),
            Err(DecodeError::Invalid { offset, reason }) => Err(Error::invalid_response(format!(
                "the answer is not the expected JSON: {reason} at byte {offset}"
            ))),
        }
    }

    /// A valid document without a log: an error of the service that came as a 200, or something else altogether.
    fn nothing_found(&self) -> Result<(), Error> {
        if let Some(reason) = self.decoder.get_ref().whole().and_then(ApiError::from_json) {
            return Err(self.http.refused(reason));
        }
        match self.source {
            Source::Version => Ok(()),
            Source::Build => Err(Error::invalid_response("the answer has no 'logs' in it")),
        }
    }
}

fn decoder(body: Body, source: Source) -> JsonString<Beginning<Body>> {
    JsonString::new(Beginning::new(body), source.path())
}

impl Read for Logs {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_some(buf).map_err(io::Error::from)
    }
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logs")
            .field("what", &self.endpoint.what)
            .field("delivered", &self.delivered())
            .field("failed", &self.failed)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// A reader that keeps a copy of its beginning, for an answer that turns out to be an error.
struct Beginning<R> {
    reader: R,
    /// `None` once it is too long for that.
    kept: Option<Vec<u8>>,
}

impl<R> Beginning<R> {
    fn new(reader: R) -> Self {
        Self {
            reader,
            kept: Some(Vec::new()),
        }
    }

    /// All that was read, if it was short enough to be an error.
    fn whole(&self) -> Option<&[u8]> {
        self.kept.as_deref()
    }
}

impl<R: Read> Read for Beginning<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buf)?;
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(&buf[..n]);
            if kept.len() as u64 > MAX_ERROR_BODY {
                self.kept = None;
            }
        }
        Ok(n)
    }
}

/// The length of what has been decoded, and a hash of it that does not depend on how it was chopped: two logs that
/// have the same are taken for the same.
///
/// It guards against a log that changes, not against somebody who makes one on purpose (who could just as well send
/// another log at once), so it may be as simple and as fast as this: sixteen bytes at a time, multiplied and folded.
#[derive(Clone, PartialEq, Eq)]
struct Prefix {
    length: u64,
    lanes: [u64; LANES],
    /// What did not fill a block yet, and zeros.
    rest: Block,
}

/// Independent of each other, so that the processor multiplies them at the same time.
const LANES: usize = 4;
const STEP: usize = 16;
const BLOCK: usize = LANES * STEP;
type Block = [u8; BLOCK];

/// An odd constant without a pattern: 2^64 divided by the golden ratio. Its bytes are not UTF-8, so that no log makes a
/// product nothing by having them in it.
const SALT: u64 = 0x9E37_79B9_7F4A_7C15;

impl Default for Prefix {
    fn default() -> Self {
        Self {
            length: 0,
            // Not zero, or a step whose second half is zero would leave no trace of its first.
            lanes: [SALT.rotate_left(32); LANES],
            rest: [0; BLOCK],
        }
    }
}

impl Prefix {
    fn extend(&mut self, mut bytes: &[u8]) {
        let filled = (self.length % BLOCK as u64) as usize;
        self.length += bytes.len() as u64;
        if filled > 0 {
            let (head, tail) = bytes.split_at(bytes.len().min(BLOCK - filled));
            self.rest[filled..filled + head.len()].copy_from_slice(head);
            if filled + head.len() < BLOCK {
                return;
            }
            mix(
                &mut self.lanes,
                &std::mem::replace(&mut self.rest, [0; BLOCK]),
            );
            bytes = tail;
        }
        let mut lanes = self.lanes;
        let mut blocks = bytes.chunks_exact(BLOCK);
        for block in &mut blocks {
            if let Ok(block) = block.try_into() {
                mix(&mut lanes, block);
            }
        }
        self.lanes = lanes;
        let rest = blocks.remainder();
        self.rest[..rest.len()].copy_from_slice(rest);
    }
}

/// Written out, since no loop is unrolled at the `opt-level` of a release: with a loop it takes three times as long.
#[inline(always)]
fn mix(lanes: &mut [u64; LANES], block: &Block) {
    let [a, b, c, d] = lanes;
    mix_lane(a, block, 0);
    mix_lane(b, block, 1);
    mix_lane(c, block, 2);
    mix_lane(d, block, 3);
}

#[inline(always)]
fn mix_lane(lane: &mut u64, block: &Block, which: usize) {
    let mut step = [0; STEP];
    step.copy_from_slice(&block[which * STEP..(which + 1) * STEP]);
    let step = u128::from_le_bytes(step);
    let product = u128::from(step as u64 ^ SALT) * u128::from((step >> 64) as u64 ^ *lane);
    *lane = product as u64 ^ (product >> 64) as u64;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(bytes: &[u8], chop: usize) -> Prefix {
        let mut prefix = Prefix::default();
        for piece in bytes.chunks(chop) {
            prefix.extend(piece);
        }
        prefix
    }

    #[test]
    fn a_prefix_does_not_depend_on_how_it_was_chopped() {
        let bytes: Vec<u8> = (0..1000u32).map(|n| (n * 7 % 251) as u8).collect();
        for length in [0, 1, 31, 63, 64, 65, 128, 999, 1000] {
            let whole = prefix(&bytes[..length], 1000);
            for chop in [1, 3, 63, 64, 65, 500] {
                assert!(
                    prefix(&bytes[..length], chop) == whole,
                    "{length} by {chop}"
                );
            }
        }
    }

    #[test]
    fn a_prefix_depends_on_each_byte_and_on_the_length() {
        let bytes = [0u8; 200];
        let whole = prefix(&bytes, 200);
        assert!(prefix(&bytes[..199], 200) != whole);
        for at in 0..bytes.len() {
            let mut other = bytes;
            other[at] = 1;
            assert!(prefix(&other, 200) != whole, "{at}");
        }
    }

    #[test]
    fn a_beginning_is_kept_while_it_is_short() {
        let read = |length: u64| {
            let mut reader = Beginning::new(io::repeat(7).take(length));
            io::copy(&mut reader, &mut io::sink()).unwrap();
            reader.whole().map(|whole| whole.len() as u64)
        };
        assert_eq!(read(MAX_ERROR_BODY), Some(MAX_ERROR_BODY));
        assert_eq!(read(MAX_ERROR_BODY + 1), None);
    }
}
