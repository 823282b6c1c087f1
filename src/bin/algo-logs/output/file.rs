//! Output files: replaced as a whole, or written in place if they cannot be replaced.

use std::env;
use std::fs::{self, File, Metadata, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, IsTerminal, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

#[cfg(unix)]
use super::descriptor;
use super::write_all;
use access::{is_same_file, keep_access, mode};

/// The number of symbolic links that Linux follows.
pub(super) const MAX_LINKS: usize = 40;

/// Where an output is written.
pub(crate) enum Destination {
    /// A regular file, or a new one.
    Atomic(AtomicFile),
    /// A stream or a device, which cannot be replaced.
    InPlace(File),
}

impl Destination {
    /// Opens a path, following symbolic links.
    ///
    /// A regular file is opened for writing, although it will be replaced, to fail if the user may not write it.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        #[cfg(unix)]
        if let Some(number) = descriptor::number(path) {
            return descriptor::open(path, number).map(Self::InPlace);
        }
        match OpenOptions::new().write(true).open(path) {
            Ok(file) => {
                let metadata = match file.metadata() {
                    // `NUL` and `CON` have none.
                    Err(_) if cfg!(windows) => return Ok(Self::InPlace(file)),
                    metadata => metadata?,
                };
                if metadata.is_file() {
                    let target = fs::canonicalize(path)?;
                    // A link can have changed in between.
                    if !is_same_file(&metadata, &fs::metadata(&target)?) {
                        return Err(io::Error::other("it was replaced in the meantime"));
                    }
                    remove_leftovers(parent(&target));
                    Ok(Self::atomic(target, Some(file)))
                } else {
                    Ok(Self::InPlace(file))
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let target = missing_target(path)?;
                let folder = parent(&target);
                fs::metadata(folder).map_err(|error| cannot_create_in(folder, &error))?;
                remove_leftovers(folder);
                Ok(Self::atomic(target, None))
            }
            Err(error) => Err(error),
        }
    }

    /// Opens a regular file or a new one, without following symbolic links.
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

    /// Returns whether this writes to the same place as stderr: a terminal, or the file of `> FILE 2>&1`.
    pub(crate) fn is_stderr(&self) -> bool {
        match self {
            Self::InPlace(file) => access::is_stderr(file),
            _ => false,
        }
    }

    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Self::InPlace(file) if file.is_terminal())
    }

    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Atomic(file) => file.write_all(bytes),
            Self::InPlace(file) => write_all(file, bytes),
        }
    }

    /// Moves a new file into place.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Self::Atomic(file) => file.commit(),
            Self::InPlace(_) => Ok(()),
        }
    }
}

/// Opens a regular file, without following a symbolic link. Returns `None` if there is nothing at the path.
pub(crate) fn open_regular(path: &Path, options: &OpenOptions) -> io::Result<Option<File>> {
    let not_regular = || io::Error::other("it exists but is not a regular file");
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            let file = options.open(path)?;
            // A link can have taken its place in between.
            if !is_same_file(&metadata, &file.metadata()?) {
                return Err(not_regular());
            }
            Ok(Some(file))
        }
        Ok(_) => Err(not_regular()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Follows symbolic links to the file that does not exist yet.
fn missing_target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    while let Ok(target) = fs::read_link(&path) {
        path = parent(&path).join(target);
    }
    if path.file_name().is_none() {
        let reason = "not the name of a file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    Ok(path)
}

pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn cannot_create_in(folder: &Path, error: &io::Error) -> io::Error {
    let folder = folder.display();
    io::Error::new(
        error.kind(),
        format!("cannot create a file in {folder}: {error}"),
    )
}

/// A file that keeps its old content until the new content is complete.
pub(crate) struct AtomicFile {
    target: PathBuf,
    /// The old file, open for writing.
    old: Option<File>,
    /// Created by the first write.
    temporary: Option<Temporary>,
}

impl AtomicFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let temporary = match &mut self.temporary {
            Some(temporary) => temporary,
            None => self.temporary.insert(self.create_temporary()?),
        };
        temporary.file.write_all(bytes)
    }

    fn create_temporary(&self) -> io::Result<Temporary> {
        // Beside the target, because a file can be renamed only within one file system.
        let folder = parent(&self.target);
        let in_folder = |error| cannot_create_in(folder, &error);
        let Some(old) = &self.old else {
            return Temporary::create(folder, 0o666).map_err(in_folder);
        };
        let metadata = old.metadata()?;
        // Only the owner has access until the file has the group of the old one.
        match Temporary::create(folder, mode(&metadata) & 0o700) {
            Ok(temporary) => {
                keep_access(&temporary.file, &metadata);
                Ok(temporary)
            }
            // The log will be copied into the old file.
            Err(error) if is_refusal(&error) => {
                let folder = env::temp_dir();
                let temporary = Temporary::create(&folder, 0o600)
                    .map_err(|error| cannot_create_in(&folder, &error))?;
                // Without a name, an interruption leaves nothing behind.
                let _ = fs::remove_file(&temporary.path);
                Ok(temporary)
            }
            Err(error) => Err(in_folder(error)),
        }
    }

    fn commit(mut self) -> io::Result<()> {
        // An empty log has not created the temporary file yet.
        self.write_all(&[])?;
        let Some(mut temporary) = self.temporary else {
            return Ok(());
        };
        // Without this, a power failure after the rename could leave an empty file.
        temporary.file.sync_all()?;
        let folder = parent(&self.target);
        let renamed = match temporary.path.parent() {
            Some(parent) if parent == folder => fs::rename(&temporary.path, &self.target),
            _ => Err(io::ErrorKind::CrossesDevices.into()),
        };
        match (renamed, self.old) {
            (Ok(()), _) => {}
            // The target is a mount point, or the folder does not let this user replace it.
            (Err(error), Some(mut old)) if is_refusal(&error) => {
                return copy(&mut temporary.file, &mut old, &self.target);
            }
            (Err(error), _) => return Err(error),
        }
        if cfg!(unix) {
            // Makes the rename durable. Some file systems refuse it, and the content is safe without it.
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
        Ok(())
    }
}

/// Returns whether the folder refuses the new file, while the old file may still be writable.
fn is_refusal(error: &io::Error) -> bool {
    use io::ErrorKind::{CrossesDevices, PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
    matches!(
        error.kind(),
        CrossesDevices | PermissionDenied | ReadOnlyFilesystem | ResourceBusy
    )
}

/// Replaces the content of the old file in place.
fn copy(temporary: &mut File, old: &mut File, target: &Path) -> io::Result<()> {
    let metadata = old.metadata()?;
    if !is_same_file(&metadata, &fs::metadata(target)?) {
        return Err(io::Error::other("it was replaced during the download"));
    }
    keep_access(old, &metadata);
    temporary.rewind()?;
    let copied = old
        .set_len(0)
        .and_then(|()| io::copy(temporary, old))
        .and_then(|_| old.sync_all());
    copied.map_err(|error| {
        let reason =
            format!("it is incomplete, because it cannot be replaced and the copy failed: {error}");
        io::Error::new(error.kind(), reason)
    })
}

/// A file that is removed when this is dropped, unless it has been renamed.
struct Temporary {
    file: File,
    path: PathBuf,
}

impl Temporary {
    fn create(folder: &Path, mode: u32) -> io::Result<Self> {
        let mut options = access::options(mode);
        options.read(true).write(true).create_new(true);
        loop {
            let path = folder.join(temporary_name());
            match options.open(&path) {
                Ok(file) => return Ok(Self { file, path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

const TEMPORARY_PREFIX: &str = ".algo-logs-";
const TEMPORARY_SUFFIX: &str = ".tmp";

/// Returns a random name. Process IDs repeat in containers, so leftovers could take every name made from them.
fn temporary_name() -> String {
    let random = RandomState::new().build_hasher().finish();
    format!("{TEMPORARY_PREFIX}{random:016x}{TEMPORARY_SUFFIX}")
}

/// Removes temporary files that interrupted runs left in a folder more than a day ago.
pub(crate) fn remove_leftovers(folder: &Path) {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_old_file = |found: Metadata| {
            let age = found.modified().ok().and_then(|time| time.elapsed().ok());
            found.is_file() && age.is_some_and(|age| age > DAY)
        };
        if name.starts_with(TEMPORARY_PREFIX)
            && name.ends_with(TEMPORARY_SUFFIX)
            && entry.metadata().is_ok_and(is_old_file)
        {
            // A file of another user cannot be removed, but does no harm.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Identity, owner and permissions of files.
#[cfg(unix)]
mod access {
    use std::fs::{File, Metadata, OpenOptions, Permissions};
    use std::io;
    use std::os::fd::AsFd;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};

    /// Returns options that give a new file these permission bits.
    pub(super) fn options(mode: u32) -> OpenOptions {
        let mut options = OpenOptions::new();
        options.mode(mode);
        options
    }

    pub(super) fn mode(metadata: &Metadata) -> u32 {
        metadata.mode()
    }

    pub(super) fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
        (one.dev(), one.ino()) == (other.dev(), other.ino())
    }

    pub(super) fn is_stderr(file: &File) -> bool {
        let stderr = io::stderr().as_fd().try_clone_to_owned();
        let metadata = stderr.and_then(|stderr| File::from(stderr).metadata());
        metadata.is_ok_and(|stderr| {
            file.metadata()
                .is_ok_and(|file| is_same_file(&file, &stderr))
        })
    }

    /// Gives a file the owner, group and permissions of an old one, as far as the system and the file system allow.
    ///
    /// The setuid, setgid and sticky bits are not kept: a log must not have them.
    pub(super) fn keep_access(file: &File, old: &Metadata) {
        let mut mode = old.mode() & 0o777;
        let kept = fchown(file, Some(old.uid()), Some(old.gid())).is_ok()
            || fchown(file, None, Some(old.gid())).is_ok();
        if !kept {
            // The group has changed. Both its members and everyone else get only what group and others both had.
            let shared = (mode >> 3) & mode & 0o7;
            mode = mode & 0o700 | shared << 3 | shared;
        }
        // Some file systems have no permissions, and then there is nothing to protect.
        let _ = file.set_permissions(Permissions::from_mode(mode));
    }
}

#[cfg(not(unix))]
mod access {
    use std::fs::{File, Metadata, OpenOptions};
    use std::io::{self, IsTerminal};

    pub(super) fn options(_: u32) -> OpenOptions {
        OpenOptions::new()
    }

    pub(super) fn mode(_: &Metadata) -> u32 {
        0
    }

    pub(super) fn is_same_file(_: &Metadata, _: &Metadata) -> bool {
        true
    }

    pub(super) fn is_stderr(file: &File) -> bool {
        file.is_terminal() && io::stderr().is_terminal()
    }

    pub(super) fn keep_access(file: &File, old: &Metadata) {
        let _ = file.set_permissions(old.permissions());
    }
}
