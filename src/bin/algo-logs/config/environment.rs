//! The environment variables and files that the program reads its configuration from.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The environment variables. An empty one counts as unset.
pub(crate) struct Environment(());

impl Environment {
    pub(crate) fn of_process() -> Self {
        Self(())
    }

    pub(super) fn get(&self, name: &str) -> Option<OsString> {
        env::var_os(name).filter(|value| !value.is_empty())
    }

    /// Returns a URL or a key. Invalid UTF-8 becomes U+FFFD, which neither can contain.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        Some(self.get(name)?.to_string_lossy().into_owned())
    }

    /// Returns whether colours are unwanted (<https://no-color.org>) or the terminal cannot show them.
    pub(crate) fn no_color(&self) -> bool {
        self.get("NO_COLOR").is_some() || self.get("TERM").is_some_and(|term| term == "dumb")
    }

    /// Returns the path of the file in which the official `algo` program keeps its profiles.
    pub(super) fn profiles_path(&self) -> Option<PathBuf> {
        let (home, folder) = match cfg!(windows) {
            true => ("LOCALAPPDATA", "Algorithmia"),
            false => ("HOME", ".algorithmia"),
        };
        Some(PathBuf::from(self.get(home)?).join(folder).join("config"))
    }
}

/// Reads a file to its end.
pub(super) fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    read_all(File::open(path)?)
}

/// Reads a reader to its end, up to a limit.
pub(crate) fn read_all(reader: impl Read) -> io::Result<Vec<u8>> {
    /// More than any key, CA bundle or profile file has. A device such as `/dev/zero` has more.
    const MAX_BYTES: u64 = 16 * 1024 * 1024;
    let mut bytes = Vec::new();
    match reader.take(MAX_BYTES + 1).read_to_end(&mut bytes)? as u64 {
        ..=MAX_BYTES => Ok(bytes),
        _ => Err(io::Error::other("it is larger than 16 MiB")),
    }
}

/// Returns whether users other than the owner can read a file.
#[cfg(unix)]
pub(super) fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o044 != 0)
}

/// Other systems have no permission bits to check.
#[cfg(not(unix))]
pub(super) fn others_can_read(_: &Path) -> bool {
    false
}
