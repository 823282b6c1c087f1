//! Writes logs and lists to stdout or a file, and notes and errors to stderr.
//!
//! std's handle of stdout reports success when the descriptor is closed, and its buffer can lose errors. So stdout is
//! written here through a duplicate of the descriptor, unbuffered.

mod descriptor;
mod file;
pub(crate) mod format;
pub(crate) mod json;
mod reporter;
pub(crate) mod sanitize;
pub(crate) mod table;
mod tail;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::error::CliError;
pub(crate) use descriptor::redirect_stdout;
use file::Destination;
pub(crate) use file::{open_regular, remove_leftovers};
pub(crate) use reporter::{Progress, Reporter};
use sanitize::{Mode, Sanitizer};
use tail::Tail;

/// Writes a whole text to stdout.
pub(crate) fn to_stdout(text: &str) -> Result<(), CliError> {
    stdout()
        .and_then(|mut stdout| write_all(&mut stdout, text.as_bytes()))
        .map_err(|error| CliError::stdout(&error))
}

/// Writes all bytes. Waits if the stream is nonblocking: another program may have made stdout so.
fn write_all(stream: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // std cannot wait for a descriptor.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
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

/// How a log is changed before it is written.
#[derive(Debug, Default)]
pub(crate) struct OutputOptions {
    /// How the log is sanitized on a terminal. Defaults to not at all.
    pub(crate) on_terminal: Option<Mode>,
    /// How it is sanitized everywhere else. Defaults to not at all.
    pub(crate) elsewhere: Option<Mode>,
    /// How many of the last lines are written. Defaults to the whole log.
    pub(crate) tail: Option<usize>,
}

/// Writes a log: through the tail, then the sanitizer, to stdout or a file.
pub(crate) struct Output {
    tail: Option<Tail>,
    sanitizer: Option<Sanitizer>,
    destination: Destination,
    /// The file's path; `None` for stdout.
    path: Option<PathBuf>,
    /// Set if notes go to the same place. It must know whether the last line of the log has ended.
    reporter: Option<Reporter>,
}

impl Output {
    /// Opens a file, or stdout for `None`. Writes nothing yet, but fails if the user may not write there.
    pub(crate) fn open(
        path: Option<&Path>,
        options: OutputOptions,
        reporter: &Reporter,
    ) -> Result<Self, CliError> {
        let destination = match path {
            Some(path) if !descriptor::is_stdout(path) => Destination::open(path),
            _ => stdout().map(Destination::InPlace),
        };
        let destination = destination.map_err(|error| failure(path, &error))?;
        let reporter = destination.is_stderr().then(|| reporter.clone());
        Ok(Self {
            reporter,
            ..Self::new(destination, path, options)
        })
    }

    /// Opens a regular file or a new one in an archive, without following symbolic links.
    pub(crate) fn create(path: &Path) -> Result<Self, CliError> {
        let destination = Destination::create(path).map_err(|error| failure(Some(path), &error))?;
        Ok(Self::new(destination, Some(path), OutputOptions::default()))
    }

    fn new(destination: Destination, path: Option<&Path>, options: OutputOptions) -> Self {
        let mode = if destination.is_terminal() {
            options.on_terminal
        } else {
            options.elsewhere
        };
        Self {
            tail: options.tail.map(Tail::new),
            sanitizer: mode.map(Sanitizer::new),
            destination,
            path: path.map(Path::to_owned),
            reporter: None,
        }
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
    pub(crate) fn finish(mut self) -> Result<(), CliError> {
        if let Some(tail) = self.tail.take() {
            let (first, second) = tail.as_slices();
            self.sanitize(first)?;
            self.sanitize(second)?;
        }
        self.finish_sanitizer()?;
        let path = self.path.as_deref();
        self.destination.finish().map_err(|e| failure(path, &e))
    }

    /// Ends the output of a log that broke off: resets a terminal's colours, and leaves a file unchanged.
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
        if bytes.is_empty() {
            // A log that breaks off before its first byte leaves no trace.
            return Ok(());
        }
        let written = self.destination.write_all(bytes);
        if let Some(reporter) = &self.reporter {
            reporter.log_written(bytes);
        }
        written.map_err(|error| failure(self.path.as_deref(), &error))
    }
}

fn failure(path: Option<&Path>, error: &io::Error) -> CliError {
    match path {
        // A closed pipe means the same for every name of stdout.
        Some(path) if error.kind() != io::ErrorKind::BrokenPipe || !descriptor::is_stdout(path) => {
            CliError::output(&path.display().to_string(), error)
        }
        _ => CliError::stdout(error),
    }
}
