//! The errors of the program. Each has an exit code, and is shown as a line for people or a JSON object for programs.

use std::error::Error as _;
use std::io;

use algo_logs::{Error, ErrorKind};
use serde::Serialize;
use serde_json::{Value, json};

/// The exit codes, as `algo-logs help exit-codes` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Network = 1,
    Usage = 2,
    BuildFailed = 3,
    Unauthorized = 4,
    NotFound = 5,
    InvalidResponse = 6,
    Output = 7,
    NotFinished = 8,
    /// The exit code that a shell reports for a program killed by SIGPIPE.
    StdoutClosed = 141,
}

impl Exit {
    /// Returns the rank of the exit code among those of several failures. The worst are those that a rerun cannot fix.
    pub(crate) fn severity(self) -> Option<usize> {
        use Exit::{InvalidResponse, Network, NotFound, Output, Unauthorized};
        let ranks = [NotFound, Network, InvalidResponse, Unauthorized, Output];
        ranks.iter().position(|&exit| exit == self)
    }
}

/// The kind of an error, which determines its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Usage,
    NoKey,
    NoMatch,
    BuildFailed,
    Output,
    #[serde(rename = "output")]
    DiskFull,
    /// The reader of stdout has closed it. The program ends silently.
    StdoutClosed,
    /// Not everything could be saved. The exit code is that of the worst failure.
    NotSaved(#[serde(skip)] Exit),
    #[serde(untagged)]
    Library(ErrorKind),
}

impl Kind {
    fn exit(self) -> Exit {
        use ErrorKind::{
            Ambiguous, Incomplete, InvalidInput, InvalidResponse, NoLog, NotFinished, NotFound,
            TooLarge, Unauthorized,
        };
        match self {
            Self::Usage | Self::Library(InvalidInput | Ambiguous) => Exit::Usage,
            Self::BuildFailed => Exit::BuildFailed,
            Self::NoKey | Self::Library(Unauthorized) => Exit::Unauthorized,
            Self::NoMatch | Self::Library(NotFound | NoLog) => Exit::NotFound,
            Self::Library(Incomplete | InvalidResponse | TooLarge) => Exit::InvalidResponse,
            Self::Output | Self::DiskFull => Exit::Output,
            Self::Library(NotFinished) => Exit::NotFinished,
            Self::StdoutClosed => Exit::StdoutClosed,
            Self::NotSaved(exit) => exit,
            // Connections, timeouts, redirects, other statuses, and kinds that the library may add.
            Self::Library(_) => Exit::Network,
        }
    }
}

/// An error of the program, and the hint that goes with it.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) kind: Kind,
    message: String,
    hint: Option<String>,
    status: Option<u16>,
    /// The service's own error code.
    pub(crate) code: Option<u32>,
}

impl CliError {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            status: None,
            code: None,
        }
    }

    /// Creates an error about an invalid command line.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Creates an error about a name, a file or a variable that cannot be used.
    pub(crate) fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(Kind::Library(ErrorKind::InvalidInput), message)
    }

    /// Creates an error about filters that match nothing.
    pub(crate) fn no_match(message: impl Into<String>) -> Self {
        Self::new(Kind::NoMatch, message)
    }

    /// Creates an error about a response that cannot be used.
    pub(crate) fn invalid_response(message: impl Into<String>) -> Self {
        Self::new(Kind::Library(ErrorKind::InvalidResponse), message)
    }

    /// Creates an error about a file that could not be written.
    pub(crate) fn output(name: &str, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::DiskFull,
            _ => Kind::Output,
        };
        Self::new(kind, format!("cannot write {name}: {error}"))
    }

    /// Creates an error about a failed write to stdout. It is not shown if the reader has closed stdout.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Kind::StdoutClosed, ""),
            _ => Self::output("standard output", error),
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        self.kind.exit()
    }

    /// Returns whether all later requests or files would fail too, because the key was rejected or the disk is full.
    ///
    /// A key that is denied one algorithm or log (403, code 2001) may be allowed to read the next.
    pub(crate) fn is_fatal(&self) -> bool {
        let is_forbidden = self.status == Some(403) || self.code == Some(2001);
        self.kind == Kind::DiskFull || self.exit() == Exit::Unauthorized && !is_forbidden
    }

    /// Returns whether the service has no build with this ID or rejects the ID itself. The ID may be abbreviated.
    pub(crate) fn rejects_build_id(&self, id: &str) -> bool {
        // An error about the list of builds concerns the algorithm.
        if !self.message.contains(&format!("build {id} ")) {
            return false;
        }
        match self.kind {
            Kind::Library(ErrorKind::NotFound) => matches!(self.code, None | Some(1010)),
            Kind::Library(ErrorKind::Service) => matches!(self.status, Some(400 | 422)),
            _ => false,
        }
    }

    /// Adds a hint about what to do next, unless the error already has one.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert_with(|| hint.into());
        self
    }

    pub(crate) fn has_hint(&self) -> bool {
        self.hint.is_some()
    }

    /// Returns the line for stderr, or a JSON object if `json`. Returns `None` if the program ends silently.
    ///
    /// `clean` makes the text safe to write. It runs before the text is escaped for JSON.
    pub(crate) fn report(&self, json: bool, clean: impl FnOnce(&str) -> String) -> Option<String> {
        if self.kind == Kind::StdoutClosed {
            return None;
        }
        if json {
            let message = Value::from(clean(&self.message));
            let [status, code] = [self.status.map(u32::from), self.code].map(Value::from);
            let (kind, exit) = (json!(self.kind), self.exit() as u8);
            return Some(format!(
                "{{\"error\":{{\"kind\":{kind},\"message\":{message},\"status\":{status},\
                 \"code\":{code},\"exit\":{exit}}}}}\n"
            ));
        }
        let hint = self.hint.as_ref().map(|hint| format!("; {hint}"));
        let line = format!("{}{}", self.message, hint.unwrap_or_default());
        Some(format!("algo-logs: {}\n", clean(&line)))
    }

    /// Converts an error about an ID or a hash that came from the service, so that it does not blame the user.
    pub(crate) fn from_service(error: Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidInput => Self::invalid_response(error.to_string()),
            _ => error.into(),
        }
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        Self {
            status: error.status(),
            code: error.service_code(),
            ..Self::new(Kind::Library(error.kind()), message(&error))
        }
    }
}

/// Returns the message of a library error, followed by its causes.
pub(crate) fn message(error: &Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    message
}

/// Returns what the user typed, cut short if it looks like a key in the wrong place.
pub(crate) fn redact(typed: &str) -> String {
    if typed.split(['/', '=', ':', '@']).any(looks_like_key) {
        typed.chars().take(3).chain(['…']).collect()
    } else {
        typed.to_owned()
    }
}

/// Returns whether a word begins like a key or a token. Keys of the service begin with `sim`, but so do English words.
fn looks_like_key(word: &str) -> bool {
    let rest = word.strip_prefix("sim").unwrap_or_default();
    let is_key = rest.contains(|c: char| c.is_ascii_digit() || c.is_ascii_uppercase())
        || ["Simple ", "Bearer ", "eyJ"]
            .iter()
            .any(|prefix| word.starts_with(prefix));
    is_key && word.chars().count() > 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_look_like_keys_are_redacted() {
        for word in [
            "simple-word-of-text",
            "simSmall",
            "Bearer 1",
            "acme/LanguageDetectionService/main",
            "d01d403d-a853-4831-9fff-9783a7b7e956",
            "99999999999999999999",
        ] {
            assert_eq!(redact(word), word);
        }
        for (word, redacted) in [
            ("simWrongK", "sim…"),
            ("simwrong1", "sim…"),
            ("eyJxxxxxxxxx", "eyJ…"),
            ("Simple 12", "Sim…"),
            ("Bearer 12", "Bea…"),
            ("acme/simWrongKey", "acm…"),
            ("https://me:simWrongKey@c", "htt…"),
        ] {
            assert_eq!(redact(word), redacted);
        }
    }
}
