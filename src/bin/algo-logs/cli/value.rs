//! The values of options and arguments, read strictly. Errors never show a value that could be a key.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::args::Limit;
use super::flags::Flag;
use super::suggest::suggest;
use crate::error::CliError;

/// More concurrent requests would burden a cluster and finish no sooner.
const MAX_JOBS: usize = 64;
/// A year. Adding a much longer time to the current one would overflow.
const MAX_SECONDS: u64 = 365 * 24 * 60 * 60;

/// The value of a flag: never empty.
pub(super) struct Value {
    /// The flag as errors show it: `-n N`.
    flag: String,
    value: OsString,
}

impl Value {
    pub(super) fn new(flag: &Flag, spelling: &str, value: OsString) -> Result<Value, CliError> {
        let value = Value {
            flag: format!("{spelling}{}", flag.kind.value_suffix()),
            value,
        };
        if value.value.is_empty() {
            return Err(value.invalid("it is empty"));
        }
        Ok(value)
    }

    fn invalid(&self, why: &str) -> CliError {
        let value = redact(&self.value.to_string_lossy());
        CliError::usage(format!(
            "invalid value '{value}' for '{}': {why}",
            self.flag
        ))
    }

    pub(super) fn path(self) -> PathBuf {
        self.value.into()
    }

    pub(super) fn text(&self) -> Result<String, CliError> {
        let text = self.value.to_str().map(str::to_owned);
        text.ok_or_else(|| self.invalid("not valid UTF-8"))
    }

    pub(super) fn number<N: TryFrom<u64>>(&self) -> Result<N, CliError> {
        let number = parse_number(&self.text()?).map_err(|why| self.invalid(why))?;
        N::try_from(number).map_err(|_| self.invalid("too large"))
    }

    pub(super) fn limit(&self) -> Result<Limit, CliError> {
        match self.number()? {
            0 => Err(self
                .invalid("must be at least 1")
                .hint("'--all' reads the whole list")),
            rows => Ok(Limit::Rows(rows)),
        }
    }

    pub(super) fn jobs(&self) -> Result<usize, CliError> {
        match self.number()? {
            jobs @ 1..=MAX_JOBS => Ok(jobs),
            _ => Err(self.invalid(&format!("must be from 1 to {MAX_JOBS}"))),
        }
    }

    pub(super) fn seconds(&self) -> Result<Duration, CliError> {
        match self.number()? {
            seconds if seconds > MAX_SECONDS => Err(self.invalid("longer than a year")),
            seconds => Ok(Duration::from_secs(seconds)),
        }
    }

    pub(super) fn timeout(&self) -> Result<Duration, CliError> {
        match self.seconds()? {
            Duration::ZERO => Err(self.invalid("must be at least 1")),
            timeout => Ok(timeout),
        }
    }

    pub(super) fn commit(&self) -> Result<String, CliError> {
        let digits = self.text()?;
        if digits.len() > 40 || !is_hex(&digits) {
            return Err(self.invalid("not 1 to 40 hex digits"));
        }
        Ok(digits.to_ascii_lowercase())
    }

    /// Returns the choice that the value names.
    pub(super) fn choose<T: Copy>(&self, choices: &[(&'static str, T)]) -> Result<T, CliError> {
        let word = self.text()?;
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == word) {
            return Ok(*choice);
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let error = self.invalid(&format!("not one of {}", names.join(", ")));
        Err(match suggest(&word, names) {
            Some(near) => error.hint(format!("did you mean '{near}'?")),
            None => error,
        })
    }
}

/// Reads decimal digits and nothing else; `u64::from_str` would accept a `+`.
pub(super) fn parse_number(text: &str) -> Result<u64, &'static str> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("not a number");
    }
    text.parse().map_err(|_| "too large")
}

pub(super) fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Shortens a word for an error message if it could be a key in the wrong place.
pub(crate) fn redact(word: &str) -> String {
    /// No command, option or name is longer.
    const MAX_CHARS: usize = 64;
    if word.chars().count() <= MAX_CHARS && !word.split('/').any(could_be_key) {
        return word.to_owned();
    }
    let start: String = word.chars().take(3).collect();
    format!("{start}…")
}

/// Keys are long, and contain digits or upper-case letters. Most have a known prefix.
fn could_be_key(word: &str) -> bool {
    const KEY_PREFIXES: [&str; 4] = ["sim", "eyJ", "Simple ", "Bearer "];
    if KEY_PREFIXES.iter().any(|prefix| word.starts_with(prefix)) {
        return word.len() > 8;
    }
    word.chars().count() > 16 && word.chars().any(|c| c.is_numeric() || c.is_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn possible_keys_are_redacted() {
        for word in [
            "complete-zhs",
            "completion",
            "acme/language-detector",
            "something-like-documentation",
            "acme/x/0123456789",
            "Dockerfile",
            "simple",
            "Bearer 1",
        ] {
            assert_eq!(redact(word), word);
        }
        for (word, redacted) in [
            ("simWrongKey", "sim…"),
            ("eyJxxxxxxxxx", "eyJ…"),
            ("Simple 12", "Sim…"),
            ("acme/simWrongKey", "acm…"),
            ("99999999999999999999", "999…"),
            ("d01d403d-a853-4831-9fff-9783a7b7e956", "d01…"),
            ("AbcdefghijklmnopQ", "Abc…"),
            (&"x".repeat(65), "xxx…"),
        ] {
            assert_eq!(redact(word), redacted);
        }
    }
}
