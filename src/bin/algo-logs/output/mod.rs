//! Writes logs and lists to stdout or a file, and notes and errors to stderr.
//!
//! std's handle of stdout reports success when the descriptor is closed, and its buffer can lose errors. So stdout is
//! written here through a duplicate of the descriptor, unbuffered.

mod file;
pub(crate) mod format;
pub(crate) mod json;
mod reporter;
pub(crate) mod sanitize;
pub(crate) mod table;
mod tail;

use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::error::CliError;
use file::Destination;
use file::{descriptor_of_file, standard_stream};
pub(crate) use file::{open_regular, remove_leftovers};
pub(crate) use reporter::{Progress, Reporter};
use sanitize::{Mode, Sanitizer};
use tail::Tail;

/// Writes a whole text to stdout.
pub(crate) fn to_stdout(text: &str) -> Result<(), CliError> {
    stdout()
        .and_then(|mut stdout| write_stdout(&mut stdout, text.as_bytes()))
        .map_err(|error| CliError::stdout(&error))
}

/// Writes all bytes. Waits if the stream is nonblocking: another program may have made stdout so.
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
    path: PathBuf,
    /// Suggests `> FILE` if a file cannot be replaced.
    suggests_redirection: bool,
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
        let Some(path) = path else {
            let stdout = stdout().map_err(|error| CliError::stdout(&error))?;
            return Ok(
                Self::new(Destination::Stdout(stdout), Path::new(""), options).noting(reporter),
            );
        };
        let failure = |error: io::Error| CliError::output(&path.display().to_string(), &error);
        let destination = match (standard_stream(path), descriptor_of_file(path)) {
            (Some(stream), _) => stream,
            (None, Some(number)) => {
                let is_file = || io::Error::other("it is a regular file that is open already");
                let error = fs::metadata(path).err().unwrap_or_else(is_file);
                return Err(failure(error).hint(format!("use '>&{number}' instead")));
            }
            (None, None) => Destination::open(path).map_err(failure)?,
        };
        let mut output = Self::new(destination, path, options).noting(reporter);
        output.suggests_redirection = true;
        Ok(output)
    }

    /// Opens a regular file or a new one in an archive, without following symbolic links.
    pub(crate) fn create(path: &Path) -> Result<Self, CliError> {
        let destination = Destination::create(path)
            .map_err(|error| CliError::output(&path.display().to_string(), &error))?;
        Ok(Self::new(destination, path, OutputOptions::default()))
    }

    fn new(destination: Destination, path: &Path, options: OutputOptions) -> Self {
        let mode = if destination.is_terminal() {
            options.on_terminal
        } else {
            options.elsewhere
        };
        Self {
            tail: options.tail.map(Tail::new),
            sanitizer: mode.map(Sanitizer::new),
            destination,
            path: path.to_owned(),
            suggests_redirection: false,
            reporter: None,
        }
    }

    fn noting(mut self, reporter: &Reporter) -> Self {
        self.reporter = self.destination.is_stderr().then(|| reporter.clone());
        self
    }

    /// Returns whether a regular file is written, so that a progress line on the terminal does no harm.
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
            // Do not create a file for a log that failed before its first byte.
            return Ok(());
        }
        let written = self.destination.write_all(bytes);
        if let Some(reporter) = &self.reporter {
            reporter.log_written(bytes);
        }
        written.map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &io::Error) -> CliError {
        let path = self.path.display();
        match self.destination {
            Destination::Stdout(_) => CliError::stdout(error),
            _ if self.suggests_redirection && self.destination.is_irreplaceable(error) => {
                CliError::output(&path.to_string(), error).hint(format!("use '> {path}' instead"))
            }
            _ => CliError::output(&path.to_string(), error),
        }
    }
}
