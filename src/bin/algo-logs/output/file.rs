//! Output files: a regular file is replaced as a whole, and anything else is written in place.

use std::fs::{self, File, Metadata, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{write_all, write_stdout};
use access::create_like;

/// Where an output is written.
pub(crate) enum Destination {
    Stdout(File),
    /// An existing regular file or a new file.
    Atomic(AtomicFile),
    /// Stderr, a stream or a device, which cannot be replaced.
    InPlace(File),
}

impl Destination {
    /// Opens a path, following symbolic links.
    ///
    /// Opens a regular file for writing, so that a read-only file is an error even though it will be replaced.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        #[cfg(unix)]
        if let Some(descriptor) = access::descriptor(path)? {
            return Ok(descriptor);
        }
        let (target, old) = match OpenOptions::new().write(true).open(path) {
            Ok(file) if file.metadata().is_ok_and(|metadata| metadata.is_file()) => {
                (fs::canonicalize(path)?, Some(file))
            }
            // On Windows, `NUL` and `CON` have no metadata.
            Ok(file) => return Ok(Self::InPlace(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (missing_target(path)?, None),
            Err(error) => return Err(error),
        };
        let directory = parent(&target);
        fs::metadata(directory).map_err(|error| cannot_create_in(directory, &error))?;
        remove_leftovers(directory);
        Ok(Self::atomic(target, old))
    }

    /// Opens an existing regular file or a new file, without following symbolic links.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let old = open_regular(path, OpenOptions::new().write(true))?;
        Ok(Self::atomic(path.to_owned(), old))
    }

    fn atomic(target: PathBuf, old: Option<File>) -> Self {
        Self::Atomic(AtomicFile {
            target,
            old,
            temporary: None,
        })
    }

    /// Returns the file if it is written in place.
    fn stream(&self) -> Option<&File> {
        match self {
            Self::Stdout(file) | Self::InPlace(file) => Some(file),
            Self::Atomic(_) => None,
        }
    }

    /// Returns whether this writes to the same place as stderr, such as a terminal, or FILE in `> FILE 2>&1`.
    pub(crate) fn is_stderr(&self) -> bool {
        self.stream().is_some_and(access::is_stderr)
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.stream().is_some_and(File::is_terminal)
    }

    /// Returns whether the error means that the system does not allow replacing an existing file.
    pub(crate) fn is_irreplaceable(&self, error: &io::Error) -> bool {
        use io::ErrorKind::{CrossesDevices, PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
        matches!(self, Self::Atomic(file) if file.target.exists())
            && matches!(
                error.kind(),
                CrossesDevices | PermissionDenied | ReadOnlyFilesystem | ResourceBusy
            )
    }

    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout(file) => write_stdout(file, bytes),
            Self::Atomic(file) => file.write_all(bytes),
            Self::InPlace(file) => write_all(file, bytes),
        }
    }

    /// Moves a new file into place, if `is_wanted` returns true just before that.
    pub(crate) fn finish(&mut self, is_wanted: impl FnOnce() -> bool) -> io::Result<()> {
        match self {
            Self::Atomic(file) => file.commit(is_wanted),
            Self::Stdout(_) | Self::InPlace(_) => Ok(()),
        }
    }
}

/// Opens a regular file, without following a symbolic link. Returns `None` if there is nothing at the path.
pub(crate) fn open_regular(path: &Path, options: &OpenOptions) -> io::Result<Option<File>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => options.open(path).map(Some),
        Ok(_) => Err(io::Error::other("it exists but is not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Follows symbolic links to a file that does not exist yet.
fn missing_target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    while let Ok(target) = fs::read_link(&path) {
        path = parent(&path).join(target);
    }
    // `Path::file_name` returns `f` for `f/` and `f/.` too.
    let text = path.as_os_str().as_encoded_bytes();
    let name = path.file_name();
    if !name.is_some_and(|name| text.ends_with(name.as_encoded_bytes())) {
        let reason = "not the name of a file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    Ok(path)
}

pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

fn cannot_create_in(directory: &Path, error: &io::Error) -> io::Error {
    let directory = directory.display();
    io::Error::new(
        error.kind(),
        format!("cannot create a file in {directory}: {error}"),
    )
}

/// A file that keeps its old content until the new content is complete.
pub(crate) struct AtomicFile {
    target: PathBuf,
    /// The file to replace, if there is one.
    old: Option<File>,
    /// The new content and its path, created by the first write.
    temporary: Option<(File, PathBuf)>,
}

impl AtomicFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (file, _) = match &mut self.temporary {
            Some(temporary) => temporary,
            None => self.temporary.insert(self.create_temporary()?),
        };
        file.write_all(bytes)
    }

    fn create_temporary(&self) -> io::Result<(File, PathBuf)> {
        // Beside the target, because a file can be renamed only within one file system.
        let directory = parent(&self.target);
        let path = directory.join(temporary_name());
        let old = self.old.as_ref().map(File::metadata).transpose()?;
        let file = create_like(&path, old.as_ref())
            .map_err(|error| cannot_create_in(directory, &error))?;
        Ok((file, path))
    }

    fn commit(&mut self, is_wanted: impl FnOnce() -> bool) -> io::Result<()> {
        // Nothing has created the temporary file yet if the log is empty.
        self.write_all(&[])?;
        let Some((file, path)) = &self.temporary else {
            return Ok(());
        };
        // Without this, a power failure after the rename could leave an empty file.
        file.sync_all()?;
        if !is_wanted() {
            return Ok(());
        }
        // Windows may refuse to replace a file that is open.
        self.old = None;
        fs::rename(path, &self.target)?;
        if cfg!(unix) {
            // Makes the rename durable. Some file systems refuse it, and the content is safe without it.
            let _ = File::open(parent(&self.target)).and_then(|directory| directory.sync_all());
        }
        Ok(())
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if let Some((_, path)) = &self.temporary {
            // This fails if a commit has moved the file into place.
            let _ = fs::remove_file(path);
        }
    }
}

const TEMPORARY_PREFIX: &str = ".algo-logs-";
const TEMPORARY_SUFFIX: &str = ".tmp";

/// Returns a random name. Not the process ID: it repeats in containers, and a leftover would block the next run.
fn temporary_name() -> String {
    let random = RandomState::new().build_hasher().finish();
    format!("{TEMPORARY_PREFIX}{random:016x}{TEMPORARY_SUFFIX}")
}

/// Removes temporary files that interrupted runs left in a directory more than an hour ago.
pub(crate) fn remove_leftovers(directory: &Path) {
    const HOUR: Duration = Duration::from_secs(60 * 60);
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_temporary = name.starts_with(TEMPORARY_PREFIX) && name.ends_with(TEMPORARY_SUFFIX);
        let is_old_file = |found: Metadata| {
            let age = found.modified().ok().and_then(|time| time.elapsed().ok());
            found.is_file() && age.is_some_and(|age| age > HOUR)
        };
        if is_temporary && entry.metadata().is_ok_and(is_old_file) {
            // A file of another user cannot be removed, but does no harm.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Identity, owner and permissions of files.
#[cfg(unix)]
mod access {
    use std::fs::{self, File, Metadata, OpenOptions, Permissions};
    use std::io;
    use std::os::fd::AsFd;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
    use std::path::Path;

    use super::{Destination, parent};

    fn is_same_file(file: &File, other: &Metadata) -> bool {
        let file = file.metadata();
        file.is_ok_and(|file| (file.dev(), file.ino()) == (other.dev(), other.ino()))
    }

    fn stderr() -> io::Result<File> {
        Ok(File::from(io::stderr().as_fd().try_clone_to_owned()?))
    }

    pub(super) fn is_stderr(file: &File) -> bool {
        let stderr = stderr().and_then(|stderr| stderr.metadata());
        stderr.is_ok_and(|stderr| is_same_file(file, &stderr))
    }

    /// Returns stdout or stderr if the path names it: `/dev/stdout`, `/dev/fd/1`, `/proc/self/fd/2`.
    ///
    /// Fails for a regular file behind another descriptor: opening the path would write at the start of the file, not at
    /// the descriptor's position.
    pub(super) fn descriptor(path: &Path) -> io::Result<Option<Destination>> {
        let found = fs::metadata(path);
        if let Ok(found) = &found {
            let is_named = |file: &File| is_same_file(file, found);
            if let Some(stdout) = crate::output::stdout().ok().filter(is_named) {
                return Ok(Some(Destination::Stdout(stdout)));
            }
            if let Some(stderr) = stderr().ok().filter(is_named) {
                return Ok(Some(Destination::InPlace(stderr)));
            }
        }
        let directory = fs::canonicalize(parent(path)).unwrap_or_default();
        let is_descriptor = directory.ends_with("fd")
            && (directory.starts_with("/proc") || directory.starts_with("/dev"));
        let number: u32 = match path
            .file_name()
            .and_then(|name| name.to_str()?.parse().ok())
        {
            Some(number @ 3..) if is_descriptor => number,
            _ => return Ok(None),
        };
        let error = match found {
            Ok(found) if found.is_file() => {
                io::Error::other("it is a regular file that is open already")
            }
            Ok(_) => return Ok(None),
            Err(error) => error,
        };
        let message = format!("{error}; use '>&{number}' instead");
        Err(io::Error::new(error.kind(), message))
    }

    /// Creates a file with the owner, group and permissions of an old one, as far as the system and the file system
    /// allow.
    ///
    /// The setuid, setgid and sticky bits are not kept: a log must not have them.
    pub(super) fn create_like(path: &Path, old: Option<&Metadata>) -> io::Result<File> {
        // Only the owner has access until the file has the group of the old one.
        let mode = old.map_or(0o666, |old| old.mode() & 0o700);
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(mode).open(path)?;
        let Some(old) = old else { return Ok(file) };
        let mut mode = old.mode() & 0o777;
        let kept = fchown(&file, Some(old.uid()), Some(old.gid())).is_ok()
            || fchown(&file, None, Some(old.gid())).is_ok();
        if !kept {
            // The group differs, so its members and all others get only the permissions that group and others shared.
            let shared = (mode >> 3) & mode & 0o7;
            mode = mode & 0o700 | shared << 3 | shared;
        }
        // Some file systems have no permissions, and then there is nothing to protect.
        let _ = file.set_permissions(Permissions::from_mode(mode));
        Ok(file)
    }
}

#[cfg(not(unix))]
mod access {
    use std::fs::{File, Metadata};
    use std::io::{self, IsTerminal};
    use std::path::Path;

    pub(super) fn is_stderr(file: &File) -> bool {
        file.is_terminal() && io::stderr().is_terminal()
    }

    pub(super) fn create_like(path: &Path, old: Option<&Metadata>) -> io::Result<File> {
        let file = File::create_new(path)?;
        if let Some(old) = old {
            let _ = file.set_permissions(old.permissions());
        }
        Ok(file)
    }
}
