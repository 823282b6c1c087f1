//! The errors of the program. Each has an exit code, and is shown as a line for people or a JSON object for programs.

use std::error::Error as _;
use std::io;

use algo_logs::{Error, ErrorKind};

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
    /// The exit code that a shell reports for a program that SIGPIPE ended.
    StdoutClosed = 141,
}

impl Exit {
    /// Returns how bad the exit code is among several failures. Those that a rerun cannot fix are worse than those that
    /// it may fix.
    pub(crate) fn severity(self) -> u8 {
        match self {
            Self::Output => 6,
            Self::Unauthorized => 5,
            Self::InvalidResponse => 4,
            Self::Network => 3,
            Self::NotFound => 2,
            _ => 1,
        }
    }
}

/// The kind of an error: `kind` in its JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Library(ErrorKind),
    Usage,
    NoKey,
    NoMatch,
    BuildFailed,
    Output,
    DiskFull,
    NotSaved,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Library(kind) => kind.as_str(),
            Self::Usage => "usage",
            Self::NoKey => "no-key",
            Self::NoMatch => "no-match",
            Self::BuildFailed => "build-failed",
            Self::Output | Self::DiskFull => "output",
            Self::NotSaved => "not-saved",
        }
    }
}

/// An error as JSON.
#[derive(serde::Serialize)]
struct JsonReport<'a> {
    error: JsonError<'a>,
}

#[derive(serde::Serialize)]
struct JsonError<'a> {
    kind: &'a str,
    message: &'a str,
    status: Option<u16>,
    code: Option<u32>,
    exit: u8,
}

/// An error of the program, with the hint and the exit code that go with it.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) exit: Exit,
    pub(crate) kind: Kind,
    message: String,
    hint: Option<String>,
    status: Option<u16>,
    /// The service's own error code.
    pub(crate) code: Option<u32>,
}

impl CliError {
    fn new(exit: Exit, kind: Kind, message: impl Into<String>) -> Self {
        Self {
            exit,
            kind,
            message: message.into(),
            hint: None,
            status: None,
            code: None,
        }
    }

    /// The command line is invalid.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, Kind::Usage, message)
    }

    /// A name, a file or a variable cannot be used.
    pub(crate) fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, Kind::Library(ErrorKind::InvalidInput), message)
    }

    /// Several builds match an abbreviated ID.
    pub(crate) fn ambiguous(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, Kind::Library(ErrorKind::Ambiguous), message)
    }

    /// There is no key for the cluster.
    pub(crate) fn no_key(message: impl Into<String>) -> Self {
        Self::new(Exit::Unauthorized, Kind::NoKey, message)
    }

    /// Nothing matches the filters.
    pub(crate) fn no_match(message: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, Kind::NoMatch, message)
    }

    /// The build failed, and `--exit-status` was given.
    pub(crate) fn build_failed(message: impl Into<String>) -> Self {
        Self::new(Exit::BuildFailed, Kind::BuildFailed, message)
    }

    /// The service still reports the build as in progress.
    pub(crate) fn not_finished(message: impl Into<String>) -> Self {
        let kind = Kind::Library(ErrorKind::NotFinished);
        Self::new(Exit::NotFinished, kind, message)
    }

    /// The service sent something that cannot be used.
    pub(crate) fn invalid_response(message: impl Into<String>) -> Self {
        let kind = Kind::Library(ErrorKind::InvalidResponse);
        Self::new(Exit::InvalidResponse, kind, message)
    }

    /// Not everything could be saved; `exit` is that of the worst failure.
    pub(crate) fn not_saved(exit: Exit, message: impl Into<String>) -> Self {
        Self::new(exit, Kind::NotSaved, message)
    }

    /// A file could not be written.
    pub(crate) fn output(name: &str, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::DiskFull,
            _ => Kind::Output,
        };
        let message = format!("cannot write {name}: {error}");
        Self::new(Exit::Output, kind, message)
    }

    /// Standard output could not be written, or its reader has gone away.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Exit::StdoutClosed, Kind::Output, ""),
            _ => Self::output("standard output", error),
        }
    }

    /// Returns whether every later request or file would fail in the same way: a rejected key, or a full disk.
    ///
    /// A key that may not read one algorithm or log (403, code 2001) may read the next.
    pub(crate) fn is_fatal(&self) -> bool {
        let is_forbidden = self.status == Some(403) || self.code == Some(2001);
        self.kind == Kind::DiskFull || self.exit == Exit::Unauthorized && !is_forbidden
    }

    /// Returns whether the service has no build with this ID, or rejects the ID itself. An abbreviated one may be why.
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

    /// Adds a hint: what to do next. Keeps an earlier hint.
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
        if self.exit == Exit::StdoutClosed {
            return None;
        }
        if json {
            let error = JsonError {
                kind: self.kind.as_str(),
                message: &clean(&self.message),
                status: self.status,
                code: self.code,
                exit: self.exit as u8,
            };
            // Numbers and strings can always be serialized.
            let json = serde_json::to_string(&JsonReport { error }).unwrap_or_default();
            return Some(format!("{json}\n"));
        }
        let hint = self.hint.as_ref().map(|hint| format!("; {hint}"));
        let line = format!("{}{}", self.message, hint.unwrap_or_default());
        Some(format!("algo-logs: {}\n", clean(&line)))
    }
}

impl CliError {
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
        let exit = match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::Ambiguous => Exit::Usage,
            ErrorKind::Unauthorized => Exit::Unauthorized,
            ErrorKind::NotFound | ErrorKind::NoLog => Exit::NotFound,
            ErrorKind::NotFinished => Exit::NotFinished,
            ErrorKind::Incomplete | ErrorKind::InvalidResponse | ErrorKind::TooLarge => {
                Exit::InvalidResponse
            }
            // Connections, timeouts, redirects, other statuses, and kinds that later versions add.
            _ => Exit::Network,
        };
        Self {
            status: error.status(),
            code: error.service_code(),
            ..Self::new(exit, Kind::Library(error.kind()), message(&error))
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

/// Shows what the user typed in full, unless it looks like a key in the wrong place.
pub(crate) fn redact(typed: &str) -> String {
    match typed.split(['/', '=', ':', '@']).any(looks_like_key) {
        true => typed.chars().take(3).chain(['…']).collect(),
        false => typed.to_owned(),
    }
}

/// Returns whether a word begins like a key or a token. Keys of the service begin with `sim`, as do English words.
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
    fn what_looks_like_a_key_is_redacted() {
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

    #[test]
    fn a_failure_is_one_line() {
        let failure = CliError::invalid_input("a").hint("try b");
        assert_eq!(
            failure.report(false, str::to_uppercase).unwrap(),
            "algo-logs: A; TRY B\n"
        );
    }

    #[test]
    fn a_failure_is_one_object() {
        let failure = CliError::no_match("nothing \"fits\"");
        assert_eq!(
            failure.report(true, str::to_uppercase).unwrap(),
            "{\"error\":{\"kind\":\"no-match\",\"message\":\"NOTHING \\\"FITS\\\"\",\
             \"status\":null,\"code\":null,\"exit\":5}}\n"
        );
    }

    #[test]
    fn a_closed_pipe_is_silent() {
        let failure = CliError::stdout(&io::ErrorKind::BrokenPipe.into());
        assert_eq!(failure.exit, Exit::StdoutClosed);
        assert_eq!(failure.report(false, str::to_owned), None);
        // ERROR_BROKEN_PIPE and ERROR_NO_DATA: a pipe whose reader has gone away, or is about to.
        #[cfg(windows)]
        for code in [109, 232] {
            let failure = CliError::stdout(&io::Error::from_raw_os_error(code));
            assert_eq!(failure.exit, Exit::StdoutClosed);
        }
        let failure = CliError::stdout(&io::ErrorKind::StorageFull.into());
        assert_eq!(failure.exit, Exit::Output);
    }

    #[test]
    fn a_full_disk_is_fatal() {
        for (kind, fatal) in [
            (io::ErrorKind::StorageFull, true),
            (io::ErrorKind::QuotaExceeded, true),
            (io::ErrorKind::PermissionDenied, false),
        ] {
            assert_eq!(CliError::output("f", &kind.into()).is_fatal(), fatal);
        }
    }
}
