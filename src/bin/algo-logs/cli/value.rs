//! The values of options and arguments: each is read strictly, and shown in an error only as far as it holds no key.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::suggest::suggest;
use super::{UsageError, usage};

/// More connections at once than this are an attack on a cluster, and no faster.
const MOST_JOBS: usize = 64;
/// A year. Adding a much longer time to a clock's reading overflows.
const LONGEST_SECONDS: u64 = 365 * 24 * 60 * 60;

/// The statuses that the service knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Succeeded,
    Failed,
    InProgress,
}

/// The words for them, as `-s` takes them.
pub(crate) const STATUSES: &[(&str, Status)] = &[
    ("succeeded", Status::Succeeded),
    ("failed", Status::Failed),
    ("in-progress", Status::InProgress),
];

/// What `--generate` can print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Man,
    Bash,
    Zsh,
    Fish,
}

/// The words for them, as `--generate` takes them.
pub(crate) const KINDS: &[(&str, Kind)] = &[
    ("man", Kind::Man),
    ("complete-bash", Kind::Bash),
    ("complete-zsh", Kind::Zsh),
    ("complete-fish", Kind::Fish),
];

/// The VERSION of `OWNER/NAME/VERSION`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum VersionSpec {
    /// 7 to 40 hex digits, in lower case.
    Hash(String),
    Semantic(String),
}

/// An option's value, and how the option is called in an error.
pub(super) struct Value {
    pub(super) of: String,
    pub(super) value: OsString,
}

impl Value {
    pub(super) fn invalid(&self, why: &str) -> UsageError {
        let value = shown(&self.value.to_string_lossy());
        usage(format!("invalid value '{value}' for '{}': {why}", self.of))
    }

    pub(super) fn path(self) -> PathBuf {
        self.value.into()
    }

    pub(super) fn text(&self) -> Result<String, UsageError> {
        let text = self.value.to_str().map(str::to_owned);
        text.ok_or_else(|| self.invalid("not valid UTF-8"))
    }

    pub(super) fn number<N: TryFrom<u64>>(&self) -> Result<N, UsageError> {
        let number = number(&self.text()?).map_err(|why| self.invalid(why))?;
        N::try_from(number).map_err(|_| self.invalid("too large"))
    }

    pub(super) fn limit(&self) -> Result<usize, UsageError> {
        match self.number()? {
            0 => Err(self
                .invalid("at least 1 row")
                .hint("'--all' shows all rows")),
            rows => Ok(rows),
        }
    }

    pub(super) fn jobs(&self) -> Result<usize, UsageError> {
        match self.number()? {
            jobs @ 1..=MOST_JOBS => Ok(jobs),
            _ => Err(self.invalid(&format!("not from 1 to {MOST_JOBS}"))),
        }
    }

    pub(super) fn seconds(&self) -> Result<Duration, UsageError> {
        match self.number()? {
            seconds if seconds > LONGEST_SECONDS => Err(self.invalid("longer than a year")),
            seconds => Ok(Duration::from_secs(seconds)),
        }
    }

    pub(super) fn timeout(&self) -> Result<Duration, UsageError> {
        match self.seconds()? {
            Duration::ZERO => Err(self.invalid("the cluster would have no time to answer")),
            timeout => Ok(timeout),
        }
    }

    /// The meaning of one of a few words.
    pub(super) fn one_of<T: Copy>(&self, known: &[(&str, T)]) -> Result<T, UsageError> {
        let word = self.text()?;
        if let Some((_, meaning)) = known.iter().find(|(name, _)| *name == word) {
            return Ok(*meaning);
        }
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let error = self.invalid(&format!("not one of {}", names.join(", ")));
        Err(match suggest(&word, names.into_iter()) {
            Some(near) => error.hint(format!("did you mean '{near}'?")),
            None => error,
        })
    }

    pub(super) fn commit(&self) -> Result<String, UsageError> {
        let digits = self.text()?;
        if digits.len() > 40 || !is_hex(&digits) {
            return Err(self.invalid("not 1 to 40 hex digits"));
        }
        Ok(digits.to_ascii_lowercase())
    }
}

/// Decimal digits and nothing else; `u64::from_str` would take a `+` as well.
pub(super) fn number(text: &str) -> Result<u64, &'static str> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("not a number");
    }
    text.parse().map_err(|_| "too large")
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Takes the VERSION off `OWNER/NAME/VERSION`; OWNER and NAME are the library's to judge.
pub(super) fn split_version(
    mut algorithm: String,
) -> Result<(String, Option<VersionSpec>), UsageError> {
    const SCHEME: &str = "algo://";
    let start = if algorithm.starts_with(SCHEME) {
        SCHEME.len()
    } else {
        0
    };
    let slashes = algorithm[start..].match_indices('/');
    let Some((at, _)) = slashes.map(|(at, slash)| (start + at, slash)).nth(1) else {
        return Ok((algorithm, None));
    };
    let version = algorithm.split_off(at + 1);
    algorithm.truncate(at);
    if (7..=40).contains(&version.len()) && is_hex(&version) {
        let hash = version.to_ascii_lowercase();
        return Ok((algorithm, Some(VersionSpec::Hash(hash))));
    }
    if is_semantic(&version) {
        return Ok((algorithm, Some(VersionSpec::Semantic(version))));
    }
    Err(usage(format!(
        "'{}' is no version: neither a semantic version nor 7 to 40 digits of a git hash",
        shown(&version)
    ))
    .hint("ALGO is OWNER/NAME or OWNER/NAME/VERSION"))
}

/// `MAJOR.MINOR.PATCH`, perhaps with a `-pre.release`. Build metadata, after a `+`, is not allowed
/// in a VERSION.
fn is_semantic(version: &str) -> bool {
    let (numbers, pre_release) = match version.split_once('-') {
        Some((numbers, pre_release)) => (numbers, Some(pre_release)),
        None => (version, None),
    };
    let fits = |part: &str| {
        let mut bytes = part.bytes();
        !part.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    numbers.split('.').count() == 3
        && numbers.split('.').all(|part| number(part).is_ok())
        && pre_release.is_none_or(|text| text.split('.').all(fits))
}

/// What may be shown of a value: all, unless it looks like a key that was put in the wrong place.
pub(super) fn shown(text: &str) -> String {
    const KEYS_BEGIN: [&str; 4] = ["sim", "eyJ", "Simple ", "Bearer "];
    let like_a_key = KEYS_BEGIN.iter().any(|start| text.starts_with(start));
    if like_a_key || text.chars().count() > 16 {
        return masked(text);
    }
    text.chars().map(clean).collect()
}

/// What may be shown of a word that nobody expected, and that may well be a key.
pub(super) fn masked(text: &str) -> String {
    let cleaned = text.chars().map(clean);
    if text.chars().count() <= 8 {
        return cleaned.collect();
    }
    let mut start: String = cleaned.take(3).collect();
    start.push('…');
    start
}

/// An error is one line, and must not move the cursor or turn the text around.
pub(super) fn clean(c: char) -> char {
    let turns = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    if c.is_control() || turns {
        '\u{fffd}'
    } else {
        c
    }
}
