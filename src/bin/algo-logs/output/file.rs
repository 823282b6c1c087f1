//! Files that are replaced as a whole or left unchanged.

#[cfg(unix)]
use std::fs::Permissions;
use std::fs::{self, File, Metadata, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, IsTerminal, Write};
#[cfg(unix)]
use std::os::fd::AsFd;
#[cfg(unix)]
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::{Child, Command, Stdio};

/// As many symbolic links as Linux follows.
const MAX_LINKS: usize = 40;

/// A path that is being written.
pub(crate) enum Destination {
    /// A regular file, or a new one.
    Atomic(Box<AtomicFile>),
    /// A stream or a device, which cannot be replaced.
    InPlace(File),
    /// A helper process that writes to a descriptor.
    #[cfg(unix)]
    Helper(Child),
}

impl Destination {
    /// Opens a path, following symbolic links.
    ///
    /// A regular file is opened for writing as well, though not written, so that the system decides who may do that.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        #[cfg(unix)]
        if let Some(number) = descriptor(path) {
            return Self::open_descriptor(path, number);
        }
        match OpenOptions::new().write(true).open(path) {
            Ok(file) => {
                let metadata = file.metadata()?;
                if metadata.is_file() {
                    let target = fs::canonicalize(path)?;
                    Ok(Self::atomic(target, Some(metadata)))
                } else {
                    Ok(Self::InPlace(file))
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let target = missing_target(path)?;
                let folder = parent(&target);
                fs::metadata(folder).map_err(|error| cannot_create_in(folder, &error))?;
                Ok(Self::atomic(target, None))
            }
            Err(error) => Err(error),
        }
    }

    /// Opens the stream of a descriptor. Opening its path instead would, on Linux, open the file behind it anew, at its
    /// start.
    #[cfg(unix)]
    fn open_descriptor(path: &Path, number: u32) -> io::Result<Self> {
        let stream = match number {
            0 => io::stdin().as_fd().try_clone_to_owned()?.into(),
            2 => io::stderr().as_fd().try_clone_to_owned()?.into(),
            // Safe Rust cannot duplicate another descriptor, but a child process inherits it.
            _ if cfg!(target_os = "linux") && fs::metadata(path)?.is_file() => {
                let helper = Command::new("sh")
                    .args(["-c", &format!("exec cat >&{number}")])
                    .stdin(Stdio::piped())
                    .stdout(Stdio::null())
                    .stderr(Stdio::piped())
                    .spawn()?;
                return Ok(Self::Helper(helper));
            }
            _ => OpenOptions::new().write(true).open(path)?,
        };
        Ok(Self::InPlace(stream))
    }

    fn atomic(target: PathBuf, metadata: Option<Metadata>) -> Self {
        Self::Atomic(Box::new(AtomicFile {
            target,
            metadata,
            temporary: None,
        }))
    }

    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Self::InPlace(file) if file.is_terminal())
    }

    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Atomic(file) => file.write_all(bytes),
            Self::InPlace(file) => file.write_all(bytes),
            #[cfg(unix)]
            Self::Helper(child) => match &mut child.stdin {
                Some(stdin) => stdin.write_all(bytes),
                None => Err(io::ErrorKind::BrokenPipe.into()),
            },
        }
    }

    /// Moves a new file into place.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Self::Atomic(file) => file.commit(),
            Self::InPlace(_) => Ok(()),
            #[cfg(unix)]
            Self::Helper(child) => {
                let output = child.wait_with_output()?;
                if output.status.success() {
                    return Ok(());
                }
                Err(io::Error::other(
                    String::from_utf8_lossy(&output.stderr).trim(),
                ))
            }
        }
    }
}

/// Returns whether a path is a name of stdout.
pub(crate) fn is_stdout(path: &Path) -> bool {
    descriptor(path) == Some(1)
}

/// Returns the number of the descriptor that a path names, directly or through symbolic links: 1 for `/dev/stdout`.
fn descriptor(path: &Path) -> Option<u32> {
    const FOLDERS: [&str; 3] = ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"];
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let folder = fs::canonicalize(parent(&path)).ok()?;
        if FOLDERS
            .iter()
            .any(|fds| fs::canonicalize(fds).is_ok_and(|fds| fds == folder))
        {
            return path.file_name()?.to_str()?.parse().ok();
        }
        path = parent(&path).join(fs::read_link(&path).ok()?);
    }
    None
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
    /// The old file's, if there is one.
    metadata: Option<Metadata>,
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
        Temporary::create(folder, self.metadata.as_ref())
            .map_err(|error| cannot_create_in(folder, &error))
    }

    fn commit(mut self) -> io::Result<()> {
        // An empty log has not created it.
        self.write_all(&[])?;
        let Some(temporary) = &self.temporary else {
            return Ok(());
        };
        // Without this, a power failure after the rename could leave an empty file.
        temporary.file.sync_all()?;
        fs::rename(&temporary.path, &self.target)?;
        if cfg!(unix) {
            // Makes the rename durable. Some file systems refuse it, and the content is safe without it.
            let _ = File::open(parent(&self.target)).and_then(|folder| folder.sync_all());
        }
        Ok(())
    }
}

/// A file that is removed when this is dropped, unless it has been renamed.
struct Temporary {
    file: File,
    path: PathBuf,
}

impl Temporary {
    /// Creates a file that only those can read who can read the old one.
    fn create(folder: &Path, old: Option<&Metadata>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if let Some(old) = old {
            // No more than this until the file has its group.
            options.mode(old.mode() & 0o700);
        }
        loop {
            let path = folder.join(temporary_name());
            match options.open(&path) {
                Ok(file) => {
                    if let Some(old) = old {
                        keep_access(&file, old);
                    }
                    return Ok(Self { file, path });
                }
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

/// Returns a random name: one made from the process ID repeats in containers, where leftovers would take them all.
fn temporary_name() -> String {
    let random = RandomState::new().build_hasher().finish();
    format!(".algo-logs-{random:016x}.tmp")
}

/// Gives a file the owner, group and permissions of an old one, as far as the system and the file system allow.
///
/// The setuid, setgid and sticky bits are not kept: they were not meant for a log.
#[cfg(unix)]
fn keep_access(file: &File, old: &Metadata) {
    let mut mode = old.mode() & 0o777;
    let kept = fchown(file, Some(old.uid()), Some(old.gid())).is_ok()
        || fchown(file, None, Some(old.gid())).is_ok();
    if !kept {
        // The group is another one, whose members were others before, and the old one's are others now.
        let shared = (mode >> 3) & mode & 0o7;
        mode = mode & 0o700 | shared << 3 | shared;
    }
    // Some file systems have no permissions, and then there is nothing to protect.
    let _ = file.set_permissions(Permissions::from_mode(mode));
}

#[cfg(not(unix))]
fn keep_access(file: &File, old: &Metadata) {
    let _ = file.set_permissions(old.permissions());
}
