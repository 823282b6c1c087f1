//! Why a build failed: the failed step, its last lines of output and its error, found in the build's log.
//!
//! The rules come from real logs. They only test how a line begins, how it ends and what it contains. [`lines`]
//! prepares the lines, [`classic`] and [`buildkit`] have the rules for each builder, and [`output`] keeps the last
//! lines of a step.

mod buildkit;
mod classic;
mod lines;
mod output;

use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};
use buildkit::BuildKit;
use classic::Classic;
use lines::{Lines, is_blank};
use output::Output;

/// The most lines of output that are kept.
const MAX_LINES: usize = 1_000;

/// How many bytes of a log are read at a time.
const CHUNK: usize = 64 * 1024;

/// Reads a build's log and finds out why the build failed.
///
/// It understands the logs of `docker build`, from the classic builder and from BuildKit (`--progress=plain`). It keeps
/// the last `lines` lines of the failed step's output, at most 1,000. From any other log, it keeps the last lines,
/// except blank ones and messages about removed images.
///
/// It reads the log to its end. Memory is bounded by a small multiple of `lines` times 2,000 bytes, whatever the log
/// contains. A longer line is shortened to its first 1,500 and its last 500 bytes. Escape sequences are dropped, and
/// bytes that are not UTF-8 become U+FFFD. Other control characters stay: sanitize the text before you show it on a
/// terminal.
///
/// # Errors
///
/// Returns the error of [`Logs`](crate::Logs) if the log comes from there. Any other [`io::Error`] becomes the source
/// of an error of the kind [`Incomplete`](ErrorKind::Incomplete).
///
/// # Examples
///
/// ```
/// let log = "\
/// Step 1/2 : FROM python:3.9
///  ---> 0123456789ab
/// Step 2/2 : RUN pytest -q
///  ---> Running in a1b2c3d4e5f6
/// 1 failed, 911 passed in 12.41s
/// The command '/bin/sh -c pytest -q' returned a non-zero code: 1
/// Untagged: python:3.9
/// ";
/// let failure = algo_logs::explain(log.as_bytes(), 40)?;
/// assert_eq!(failure.step, Some(2));
/// assert_eq!(failure.instruction.as_deref(), Some("RUN pytest -q"));
/// assert_eq!(failure.exit_code, Some(1));
/// assert_eq!(failure.output, ["1 failed, 911 passed in 12.41s"]);
/// # Ok::<(), algo_logs::Error>(())
/// ```
pub fn explain(mut log: impl Read, lines: usize) -> Result<Failure, Error> {
    let mut splitter = Lines::default();
    let mut rules = Rules::new(lines.min(MAX_LINES));
    let mut chunk = vec![0; CHUNK];
    loop {
        match log.read(&mut chunk) {
            Ok(0) => break,
            // A faulty reader that claims to have read more must not cause a panic.
            Ok(n) => splitter.push(&chunk[..n.min(CHUNK)], |line| rules.line(line)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(read_error(error)),
        }
    }
    splitter.finish(|line| rules.line(line));
    Ok(rules.finish())
}

fn read_error(error: io::Error) -> Error {
    Error::from_io(error).unwrap_or_else(|error| {
        Error::new(ErrorKind::Incomplete, "cannot read the log").with_source(error)
    })
}

/// Why a build failed, as far as its log shows. Returned by [`explain`].
///
/// A log does not reliably show whether the build failed at all. Check the status of the [`Build`](crate::Build) for
/// that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failure {
    /// The builder that wrote the log, or `None` if it is not a log of `docker build`.
    pub builder: Option<Builder>,
    /// The stage of the Dockerfile. Only BuildKit names it.
    pub stage: Option<String>,
    /// The number of the step, or of the step within its stage.
    pub step: Option<u32>,
    /// The number of steps, or of steps in the stage.
    pub steps: Option<u32>,
    /// The instruction in the Dockerfile, or the title of an operation of BuildKit's own, such as loading metadata.
    pub instruction: Option<String>,
    /// The exit code of the step's command.
    pub exit_code: Option<i64>,
    /// The line that reports the failure.
    pub error: Option<String>,
    /// The last lines of the step's output.
    pub output: Vec<String>,
    /// The number of lines in the step's output, including those not kept in `output`.
    pub output_lines: u64,
    /// Whether the log says that the build succeeded.
    pub succeeded: bool,
}

/// A builder of Docker images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Builder {
    /// Docker's classic builder.
    Classic,
    /// BuildKit.
    BuildKit,
}

/// The rules that apply to a log. The first line that only one of the builders prints selects them for good.
enum Rules {
    Plain(usize, Output),
    Classic(Classic),
    BuildKit(Box<BuildKit>),
}

impl Rules {
    fn new(max_lines: usize) -> Self {
        Self::Plain(max_lines, Output::new(max_lines))
    }

    fn line(&mut self, line: &[u8]) {
        if let Self::Plain(max_lines, _) = *self {
            if classic::is_first(line) {
                *self = Self::Classic(Classic::new(max_lines));
            } else if buildkit::is_first(line) {
                *self = Self::BuildKit(Box::new(BuildKit::new(max_lines)));
            }
        }
        match self {
            // The log has no steps and no error. Its output leaves out blank lines and clean-up.
            Self::Plain(..) if is_blank(line) || is_cleanup(line) => {}
            Self::Plain(_, output) => output.push(line),
            Self::Classic(classic) => classic.line(line),
            Self::BuildKit(buildkit) => buildkit.line(line),
        }
    }

    fn finish(self) -> Failure {
        match self {
            Self::Plain(max_lines, output) => {
                let mut failure = Failure::default();
                output.finish(max_lines, &mut failure);
                failure
            }
            Self::Classic(classic) => classic.finish(),
            Self::BuildKit(buildkit) => buildkit.finish(),
        }
    }
}

/// Whether a line reports that an image was removed, as a cluster does after a build.
fn is_cleanup(line: &[u8]) -> bool {
    line.starts_with(b"Untagged: ")
        || line
            .strip_prefix(b"Deleted: sha256:")
            .is_some_and(|digest| digest.len() == 64 && digest.iter().all(u8::is_ascii_hexdigit))
}

/// Splits off the digits that a text begins with.
fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    text.split_at(digits.count())
}

/// Splits off the digits that a text ends with.
fn split_last_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let digits = text.iter().rev().take_while(|byte| byte.is_ascii_digit());
    text.split_at(text.len() - digits.count())
}

/// Splits off the number that a text begins with.
fn leading_number<T: FromStr>(text: &[u8]) -> Option<(T, &[u8])> {
    let (digits, rest) = split_digits(text);
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((number, rest))
}

fn find(line: &[u8], words: &[u8]) -> Option<usize> {
    line.windows(words.len()).position(|bytes| bytes == words)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
