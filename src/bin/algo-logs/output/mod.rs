//! Where things are written, so that every byte is known to have arrived.
//!
//! std's own handle of stdout takes a closed descriptor for a success, and buffers in a way that loses errors. What
//! is written here goes to the descriptor itself, whole or not at all as far as the kind of target allows it.

pub(crate) mod json;
pub(crate) mod progress;
pub(crate) mod sanitize;
pub(crate) mod table;
pub(crate) mod time;

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::error::CliError;
use crate::output::sanitize::{Mode, Sanitizer, sanitize_line};

/// Lines for a person, on stderr. What cannot be written there is lost: it must not keep the data from arriving.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reporter {
    pub(crate) quiet: bool,
}

impl Reporter {
    /// One line, unless notes are turned off.
    pub(crate) fn say(self, text: &str) {
        if !self.quiet {
            to_stderr(&format!("algo-logs: {}\n", sanitize_line(text)));
        }
    }
}

/// Writes a text that ends with a line end, in one piece, so that lines of several programs do not mix.
pub(crate) fn to_stderr(text: &str) {
    progress::clear();
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Writes a whole text to stdout.
pub(crate) fn to_stdout(text: &str) -> Result<(), CliError> {
    stdout()
        .and_then(|mut stdout| stdout.write_all(text.as_bytes()))
        .map_err(|error| CliError::stdout(&error))
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

/// What becomes of the bytes of a log between the service and the target.
#[derive(Debug)]
pub(crate) struct OutputOptions {
    /// What is done to them on a terminal; `None` leaves them alone.
    pub(crate) on_terminal: Option<Mode>,
    /// What is done to them elsewhere.
    pub(crate) elsewhere: Option<Mode>,
    /// Only the last lines, as many as this.
    pub(crate) tail: Option<usize>,
}

impl OutputOptions {
    /// Every byte as it is.
    pub(crate) fn exact() -> Self {
        Self {
            on_terminal: None,
            elsewhere: None,
            tail: None,
        }
    }
}

/// A log on its way to its target.
pub(crate) struct Output {
    target: Target,
    tail: Option<Tail>,
    filter: Option<Sanitizer>,
    filtered: Vec<u8>,
}

impl Output {
    /// Opens the target: a file, or stdout for `None`.
    pub(crate) fn open(path: Option<&Path>, treatment: OutputOptions) -> Result<Self, CliError> {
        let target = match path {
            None => Target::Stdout(stdout().map_err(|error| CliError::stdout(&error))?),
            Some(path) => {
                let name = path.display().to_string();
                let file = Destination::open(path).map_err(|e| CliError::output(&name, &e))?;
                Target::File(file, name)
            }
        };
        let mode = match target.file().is_terminal() {
            true => treatment.on_terminal,
            false => treatment.elsewhere,
        };
        Ok(Self {
            target,
            tail: treatment.tail.map(Tail::new),
            filter: mode.map(Sanitizer::new),
            filtered: Vec::new(),
        })
    }

    /// Takes the next bytes of the log.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        match &mut self.tail {
            Some(tail) => {
                tail.push(bytes);
                Ok(())
            }
            None => self.pass(bytes),
        }
    }

    /// Ends the log. Only after this is all of it where it belongs.
    pub(crate) fn finish(mut self) -> Result<(), CliError> {
        if let Some(tail) = self.tail.take() {
            let (one, other) = tail.lines.as_slices();
            self.pass(one)?;
            self.pass(other)?;
        }
        self.end_filter()?;
        self.target.finish()
    }

    /// Ends the log where it broke off: a terminal gets its colours back, a file stays as it was.
    pub(crate) fn abandon(mut self) {
        // There is a failure to report already, and it came first.
        let _ = self.end_filter();
    }

    fn pass(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        match &mut self.filter {
            None => self.target.write_all(bytes),
            Some(filter) => {
                self.filtered.clear();
                filter.push(bytes, &mut self.filtered);
                self.target.write_all(&self.filtered)
            }
        }
    }

    fn end_filter(&mut self) -> Result<(), CliError> {
        match self.filter.take() {
            None => Ok(()),
            Some(mut filter) => {
                self.filtered.clear();
                filter.finish(&mut self.filtered);
                self.target.write_all(&self.filtered)
            }
        }
    }
}

enum Target {
    Stdout(File),
    File(Destination, String),
}

impl Target {
    fn file(&self) -> &File {
        match self {
            Self::Stdout(file) | Self::File(Destination::InPlace(file), _) => file,
            Self::File(Destination::Replacing(replacement), _) => &replacement.file,
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.file()
            .write_all(bytes)
            .map_err(|error| self.failure(&error))
    }

    fn finish(self) -> Result<(), CliError> {
        match self {
            Self::File(Destination::Replacing(replacement), name) => replacement
                .put_in_place()
                .map_err(|error| CliError::output(&name, &error)),
            // Nothing is held back on the way to these.
            Self::Stdout(_) | Self::File(Destination::InPlace(_), _) => Ok(()),
        }
    }

    fn failure(&self, error: &io::Error) -> CliError {
        match self {
            Self::Stdout(_) => CliError::stdout(error),
            Self::File(_, name) => CliError::output(name, error),
        }
    }
}

/// How a path is written to.
enum Destination {
    /// A regular file, or none yet: written beside it, and renamed.
    Replacing(AtomicFile),
    /// A device, a FIFO: there is nothing to replace.
    InPlace(File),
}

impl Destination {
    fn open(path: &Path) -> io::Result<Self> {
        let path = follow_links(path)?;
        match fs::metadata(&path) {
            Ok(known) if known.is_file() => {
                let replacement = AtomicFile::create(path)?;
                replacement.file.set_permissions(known.permissions())?;
                Ok(Self::Replacing(replacement))
            }
            Ok(known) if known.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(_) => Ok(Self::InPlace(OpenOptions::new().write(true).open(&path)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Self::Replacing(AtomicFile::create(path)?))
            }
            Err(error) => Err(error),
        }
    }
}

/// The path that a symbolic link stands for, which need not exist: the link stays, its target is replaced.
fn follow_links(path: &Path) -> io::Result<PathBuf> {
    /// As many as Linux follows.
    const MOST_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(target) => {
                let folder = path.parent().unwrap_or(Path::new(""));
                let target = folder.join(target);
                // Links such as /dev/stdout lead to what has no path of its own, but can be opened by theirs.
                if fs::metadata(&path).is_ok() && fs::metadata(&target).is_err() {
                    return Ok(path);
                }
                path = target;
            }
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// A temporary file beside the one that it will replace. Dropped before that, it is gone.
struct AtomicFile {
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    in_place: bool,
}

impl AtomicFile {
    fn create(target: PathBuf) -> io::Result<Self> {
        if target.file_name().is_none() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it names no file",
            ));
        }
        let mut number = 0;
        loop {
            // Beside the target, since a file can be renamed only within one file system.
            let name = format!(".algo-logs-{}-{number}.tmp", std::process::id());
            let temporary = target.with_file_name(name);
            match OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&temporary)
            {
                Ok(file) => {
                    return Ok(Self {
                        file,
                        temporary,
                        target,
                        in_place: false,
                    });
                }
                // Left by a program that was killed, and had this number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 1000 => {
                    number += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn put_in_place(mut self) -> io::Result<()> {
        // Before the rename, or a power cut could leave the new name on an empty file.
        self.file.sync_all()?;
        fs::rename(&self.temporary, &self.target)?;
        self.in_place = true;
        sync_folder_of(&self.target);
        Ok(())
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.in_place {
            // Nothing can be done about a temporary file that does not go away.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Makes the rename durable, on systems that let a folder be synced; the file's content is safe already.
fn sync_folder_of(path: &Path) {
    if cfg!(unix) {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}

/// The last lines of what went by. It holds these lines, and nothing else.
struct Tail {
    most: usize,
    lines: VecDeque<u8>,
    /// Line ends in `lines`.
    ends: usize,
}

impl Tail {
    fn new(most: usize) -> Self {
        Self {
            most,
            lines: VecDeque::new(),
            ends: 0,
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.most == 0 {
            return;
        }
        // Piece by piece, so that a large buffer of short lines is not held as a whole.
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            // A line that begins after as many whole ones pushes the first of them out.
            if self.ends == self.most {
                self.drop_first();
            }
            self.lines.extend(line);
            if line.ends_with(b"\n") {
                self.ends += 1;
            }
        }
    }

    fn drop_first(&mut self) {
        if let Some(end) = self.lines.iter().position(|&byte| byte == b'\n') {
            self.lines.drain(..=end);
            self.ends -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn tail(most: usize, text: &str, expected: &str) {
        for chop in 1..=text.len().max(1) {
            let mut tail = Tail::new(most);
            for piece in text.as_bytes().chunks(chop) {
                tail.push(piece);
            }
            let lines: Vec<u8> = tail.lines.into_iter().collect();
            assert_eq!(String::from_utf8(lines).unwrap(), expected, "by {chop}");
        }
    }

    #[test]
    fn last_lines() {
        tail(0, "a\nb\n", "");
        tail(1, "a\nb\n", "b\n");
        tail(1, "a\nb", "b");
        tail(2, "a\nb\nc", "b\nc");
        tail(2, "a\nb\nc\n", "b\nc\n");
        tail(2, "\n\n\n", "\n\n");
        tail(9, "a\nb", "a\nb");
        tail(3, "", "");
    }
}
