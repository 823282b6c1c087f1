//! Writes logs and lists to stdout or a file, and notes and errors to stderr.
//!
//! std's handle of stdout reports success when the descriptor is closed, and its buffer can lose errors. Stdout is
//! therefore written unbuffered, through a duplicate of the descriptor.

mod file;
pub(crate) mod format;
pub(crate) mod json;
mod reporter;
pub(crate) mod sanitize;
pub(crate) mod table;
mod tail;

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::error::CliError;
use file::Destination;
pub(crate) use file::{open_regular, remove_leftovers};
pub(crate) use reporter::{Progress, Reporter};
use sanitize::{Mode, Sanitizer};
use tail::Tail;

/// Writes text to stdout.
pub(crate) fn to_stdout(text: &str) -> Result<(), CliError> {
    stdout()
        .and_then(|mut stdout| write_stdout(&mut stdout, text.as_bytes()))
        .map_err(|error| CliError::stdout(&error))
}

/// Writes all bytes. Waits if the stream is nonblocking: a program that shares stdout may have made it so.
fn write_all(stream: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // std has no poll().
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes all bytes to stdout. Only std's own handle converts UTF-8 for a Windows console.
fn write_stdout(stdout: &mut File, bytes: &[u8]) -> io::Result<()> {
    if cfg!(windows) && stdout.is_terminal() {
        let mut console = io::stdout();
        return console.write_all(bytes).and_then(|()| console.flush());
    }
    write_all(stdout, bytes)
}

#[cfg(unix)]
fn stdout() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

#[cfg(windows)]
fn stdout() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    Ok(File::from(io::stdout().as_handle().try_clone_to_owned()?))
}

/// Writes a log: through the tail, then the sanitizer, to stdout or a file.
pub(crate) struct Output {
    tail: Option<Tail>,
    sanitizer: Option<Sanitizer>,
    destination: Destination,
    /// The path, for errors.
    name: String,
    /// Whether an error suggests `> FILE` if the file cannot be replaced.
    suggests_redirection: bool,
    /// Set if notes go to the same place: a note must not continue an unfinished line of the log.
    reporter: Option<Reporter>,
}

impl Output {
    /// Opens a file, or stdout if `path` is `None`. Writes nothing yet, but fails if the user may not write there.
    ///
    /// Writes only the last `tail` lines, if it is set. `mode` says how to sanitize a log, on a terminal or elsewhere.
    pub(crate) fn open(
        path: Option<&Path>,
        tail: Option<usize>,
        mode: impl FnOnce(bool) -> Option<Mode>,
        reporter: &Reporter,
    ) -> Result<Self, CliError> {
        let name = path.map_or(String::new(), |path| path.display().to_string());
        let destination = match path {
            Some(path) => {
                Destination::open(path).map_err(|error| CliError::output(&name, &error))?
            }
            None => Destination::Stdout(stdout().map_err(|error| CliError::stdout(&error))?),
        };
        Ok(Self {
            tail: tail.map(Tail::new),
            sanitizer: mode(destination.is_terminal()).map(Sanitizer::new),
            reporter: destination.is_stderr().then(|| reporter.clone()),
            destination,
            name,
            suggests_redirection: true,
        })
    }

    /// Opens an existing regular file or a new file in an archive, without following symbolic links.
    pub(crate) fn create(path: &Path) -> Result<Self, CliError> {
        let name = path.display().to_string();
        let destination =
            Destination::create(path).map_err(|error| CliError::output(&name, &error))?;
        Ok(Self {
            tail: None,
            sanitizer: None,
            reporter: None,
            destination,
            name,
            suggests_redirection: false,
        })
    }

    /// Returns whether the output is a regular file, which a progress line on the terminal cannot disturb.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self.destination, Destination::Atomic(_))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        match &mut self.tail {
            Some(tail) => {
                tail.push(bytes);
                Ok(())
            }
            None => self.sanitize(bytes),
        }
    }

    /// Completes the output. A file has its new content only after this.
    pub(crate) fn finish(self) -> Result<(), CliError> {
        self.finish_if(|| true)
    }

    /// Completes the output, but leaves a file unchanged if `is_wanted` is false just before it would be replaced.
    pub(crate) fn finish_if(mut self, is_wanted: impl FnOnce() -> bool) -> Result<(), CliError> {
        if let Some(tail) = self.tail.take() {
            let (first, second) = tail.as_slices();
            self.sanitize(first)?;
            self.sanitize(second)?;
        }
        self.finish_sanitizer()?;
        let finished = self.destination.finish(is_wanted);
        finished.map_err(|error| self.failure(&error))
    }

    /// Ends the output of a log that was cut off: resets a terminal's colours, and leaves a file unchanged.
    pub(crate) fn abandon(mut self) {
        // The caller has an earlier error to report.
        let _ = self.finish_sanitizer();
    }

    fn sanitize(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        let Some(sanitizer) = &mut self.sanitizer else {
            return self.deliver(bytes);
        };
        let mut sanitized = Vec::with_capacity(bytes.len());
        sanitizer.push(bytes, &mut sanitized);
        self.deliver(&sanitized)
    }

    fn finish_sanitizer(&mut self) -> Result<(), CliError> {
        let mut rest = Vec::new();
        if let Some(sanitizer) = self.sanitizer.take() {
            sanitizer.finish(&mut rest);
        }
        self.deliver(&rest)
    }

    fn deliver(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        let written = self.destination.write_all(bytes);
        if let Some(reporter) = &self.reporter {
            reporter.log_written(bytes);
        }
        written.map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &io::Error) -> CliError {
        if matches!(self.destination, Destination::Stdout(_)) {
            return CliError::stdout(error);
        }
        let failure = CliError::output(&self.name, error);
        if self.suggests_redirection && self.destination.is_irreplaceable(error) {
            failure.hint(format!("use '> {}' instead", self.name))
        } else {
            failure
        }
    }
}
