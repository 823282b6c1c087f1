//! The values of options and arguments, read strictly. Errors never show a value that could be a key.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::error::{CliError, redact};

/// More concurrent requests would load the cluster without finishing sooner.
const MAX_JOBS: usize = 64;
/// A year. Adding a much longer time to the current one would overflow.
const MAX_SECONDS: u64 = 365 * 24 * 60 * 60;

/// The value of a flag. It is never empty.
pub(super) struct Value {
    /// The flag as errors show it: `-n N`.
    label: String,
    value: OsString,
}

impl Value {
    pub(super) fn new(label: String, value: OsString) -> Result<Value, CliError> {
        let value = Value { label, value };
        if value.value.is_empty() {
            return Err(value.invalid("it is empty"));
        }
        Ok(value)
    }

    fn invalid(&self, why: &str) -> CliError {
        let value = redact(&self.value.to_string_lossy());
        CliError::usage(format!(
            "invalid value '{value}' for '{}': {why}",
            self.label
        ))
    }

    pub(super) fn path(self) -> PathBuf {
        self.value.into()
    }

    pub(super) fn text(&self) -> Result<String, CliError> {
        let text = self.value.to_str().map(str::to_owned);
        text.ok_or_else(|| self.invalid("not valid UTF-8"))
    }

    pub(super) fn number<N: FromStr>(&self) -> Result<N, CliError> {
        parse_number(&self.text()?).map_err(|why| self.invalid(why))
    }

    pub(super) fn limit(&self) -> Result<usize, CliError> {
        match self.number()? {
            0 => Err(self
                .invalid("must be at least 1")
                .hint("'--all' reads the whole list")),
            rows => Ok(rows),
        }
    }

    pub(super) fn jobs(&self) -> Result<usize, CliError> {
        match self.number()? {
            jobs @ 1..=MAX_JOBS => Ok(jobs),
            _ => Err(self.invalid(&format!("must be from 1 to {MAX_JOBS}"))),
        }
    }

    /// Reads `90`, `90s`, `30m` or `2h`.
    pub(super) fn duration(&self) -> Result<Duration, CliError> {
        let text = self.text()?;
        let units = [("s", 1), ("m", 60), ("h", 60 * 60)];
        let mut units = units
            .iter()
            .filter_map(|(unit, length)| Some((text.strip_suffix(unit)?, length)));
        let (number, unit) = units.next().unwrap_or((&text, &1));
        match parse_number::<u64>(number) {
            Ok(number) if number <= MAX_SECONDS / unit => Ok(Duration::from_secs(number * unit)),
            Ok(_) => Err(self.invalid("longer than a year")),
            Err(_) => Err(self.invalid("not a time, such as 90, 90s, 30m or 2h")),
        }
    }

    pub(super) fn timeout(&self) -> Result<Duration, CliError> {
        match self.duration()? {
            Duration::ZERO => Err(self.invalid("must be at least 1")),
            timeout => Ok(timeout),
        }
    }

    pub(super) fn commit(&self) -> Result<String, CliError> {
        let digits = self.text()?;
        if digits.len() <= 40 && is_hex(&digits) {
            return Ok(digits.to_ascii_lowercase());
        }
        let error = self.invalid("not 1 to 40 hex digits");
        // Probably a branch or a tag, unless it could be a key.
        if is_hex(&digits) || redact(&digits) != digits {
            return Err(error);
        }
        Err(error.hint(format!("write -c \"$(git rev-parse {digits})\"")))
    }

    /// Returns the choice that the value names.
    pub(super) fn choose<T: Copy>(&self, choices: &[(&'static str, T)]) -> Result<T, CliError> {
        let word = self.text()?;
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == word) {
            return Ok(*choice);
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        Err(self.invalid(&format!("not one of {}", names.join(", "))))
    }
}

/// Reads decimal digits and nothing else; `from_str` would accept a `+`.
pub(super) fn parse_number<N: FromStr>(text: &str) -> Result<N, &'static str> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("not a number");
    }
    text.parse().map_err(|_| "too large")
}

pub(crate) fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
