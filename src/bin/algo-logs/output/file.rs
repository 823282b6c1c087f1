//! Files that are replaced as a whole or left unchanged.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// A path that is being written.
pub(crate) enum Destination {
    /// A regular file, or a new one.
    Atomic(AtomicFile),
    /// A FIFO or a device, which cannot be replaced.
    InPlace(File),
}

impl Destination {
    /// Opens a path, following symbolic links.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => {
                let file = AtomicFile::create(fs::canonicalize(path)?)?;
                file.temporary.set_permissions(metadata.permissions())?;
                Ok(Self::Atomic(file))
            }
            Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(_) => Ok(Self::InPlace(OpenOptions::new().write(true).open(path)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Self::Atomic(AtomicFile::create(missing_target(path)?)?))
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Self::InPlace(file) if file.is_terminal())
    }

    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Atomic(file) => file.temporary.write_all(bytes),
            Self::InPlace(file) => file.write_all(bytes),
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

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A temporary file that replaces its target when it is complete. Dropped before that, it is removed.
pub(crate) struct AtomicFile {
    temporary: File,
    temporary_path: PathBuf,
    target: PathBuf,
    committed: bool,
}

impl AtomicFile {
    fn create(target: PathBuf) -> io::Result<Self> {
        loop {
            // Beside the target, because a file can be renamed only within one file system.
            let temporary_path = target.with_file_name(temporary_name());
            match File::create_new(&temporary_path) {
                Ok(temporary) => {
                    return Ok(Self {
                        temporary,
                        temporary_path,
                        target,
                        committed: false,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn commit(mut self) -> io::Result<()> {
        // Without this, a power failure after the rename could leave an empty file.
        self.temporary.sync_all()?;
        fs::rename(&self.temporary_path, &self.target)?;
        self.committed = true;
        if cfg!(unix) {
            // Makes the rename durable. Some file systems refuse it, and the content is safe without it.
            let _ = File::open(parent(&self.target)).and_then(|folder| folder.sync_all());
        }
        Ok(())
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_file(&self.temporary_path);
        }
    }
}

/// Returns a random name: one made from the process ID repeats in containers, where leftovers would take them all.
fn temporary_name() -> String {
    let random = RandomState::new().build_hasher().finish();
    format!(".algo-logs-{random:016x}.tmp")
}
