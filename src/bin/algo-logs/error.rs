//! What ends the program other than well: a line for a person or an object for a program, and an exit code.

use std::error::Error as _;
use std::io;

use algo_logs::{Error, ErrorKind};

use crate::output::sanitize::sanitize_line;

/// The exit codes, as README.md lists them.
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
    /// What a shell shows for a program that a closed pipe ended, which is what others do here.
    StdoutClosed = 141,
}

/// A failure for a program to read.
#[derive(serde::Serialize)]
struct Report<'a> {
    error: ReportedError<'a>,
}

#[derive(serde::Serialize)]
struct ReportedError<'a> {
    kind: &'a str,
    message: &'a str,
    status: Option<u16>,
    code: Option<u32>,
    exit: u8,
}

/// A failure, ready to be shown.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) exit: Exit,
    kind: &'static str,
    message: String,
    hint: Option<String>,
    status: Option<u16>,
    code: Option<u32>,
}

impl CliError {
    pub(crate) fn new(exit: Exit, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            exit,
            kind,
            message: message.into(),
            hint: None,
            status: None,
            code: None,
        }
    }

    /// A command line that cannot be understood.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// Options, names, files and variables that cannot be used.
    pub(crate) fn settings(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, ErrorKind::InvalidInput.as_str(), message)
    }

    /// Nothing fits what was asked for.
    pub(crate) fn no_match(message: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, "no-match", message)
    }

    /// A file that could not be written.
    pub(crate) fn output(name: &str, error: &io::Error) -> Self {
        Self::new(
            Exit::Output,
            "output",
            format!("cannot write {name}: {error}"),
        )
    }

    /// Standard output that could not be written, or that nobody reads any more.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Exit::StdoutClosed, "output", ""),
            _ => Self::output("standard output", error),
        }
    }

    /// Whether this is such a failure of the library's.
    pub(crate) fn is(&self, kind: ErrorKind) -> bool {
        self.kind == kind.as_str()
    }

    /// The service's own error code.
    pub(crate) fn code(&self) -> Option<u32> {
        self.code
    }

    /// Says what to do about it. The first hint stays: it is the most exact one.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// The line for stderr, or with `json` the object; `None` if nothing is to be said.
    pub(crate) fn report(&self, json: bool) -> Option<String> {
        if self.exit == Exit::StdoutClosed {
            return None;
        }
        if json {
            let report = Report {
                error: ReportedError {
                    kind: self.kind,
                    message: &sanitize_line(&self.message),
                    status: self.status,
                    code: self.code,
                    exit: self.exit as u8,
                },
            };
            // Numbers and texts can always be written.
            let json = serde_json::to_string(&report).unwrap_or_default();
            return Some(format!("{json}\n"));
        }
        let hint = self.hint.as_ref().map(|hint| format!("; {hint}"));
        let line = format!("{}{}", self.message, hint.unwrap_or_default());
        Some(format!("algo-logs: {}\n", sanitize_line(&line)))
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        let exit = match error.kind() {
            ErrorKind::InvalidInput => Exit::Usage,
            ErrorKind::Unauthorized => Exit::Unauthorized,
            ErrorKind::NotFound | ErrorKind::NoLog => Exit::NotFound,
            ErrorKind::NotFinished => Exit::NotFinished,
            ErrorKind::Incomplete | ErrorKind::InvalidResponse | ErrorKind::TooLarge => {
                Exit::InvalidResponse
            }
            // Connections, silence, redirects, statuses; and what a later library may add.
            _ => Exit::Network,
        };
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        Self {
            status: error.status(),
            code: error.code(),
            ..Self::new(exit, error.kind().as_str(), message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line() {
        let failure = CliError::settings("a\nb\u{1b}[2J").hint("try c");
        assert_eq!(
            failure.report(false).unwrap(),
            "algo-logs: a\u{fffd}b\u{fffd}[2J; try c\n"
        );
    }

    #[test]
    fn a_failure_is_one_object() {
        let failure = CliError::no_match("nothing \"fits\"");
        assert_eq!(
            failure.report(true).unwrap(),
            "{\"error\":{\"kind\":\"no-match\",\"message\":\"nothing \\\"fits\\\"\",\
             \"status\":null,\"code\":null,\"exit\":5}}\n"
        );
    }

    #[test]
    fn a_closed_pipe_is_silent() {
        let failure = CliError::stdout(&io::ErrorKind::BrokenPipe.into());
        assert_eq!(failure.exit, Exit::StdoutClosed);
        assert_eq!(failure.report(false), None);
        let failure = CliError::stdout(&io::ErrorKind::StorageFull.into());
        assert_eq!(failure.exit, Exit::Output);
    }
}
