//! The environment variables and files that the program reads its configuration from.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::ColorChoice;

/// Returns an environment variable. An empty one counts as unset.
pub(super) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// Returns a variable that holds a URL or a key. Invalid UTF-8 becomes U+FFFD, which neither can contain.
pub(super) fn text(name: &str) -> Option<String> {
    Some(variable(name)?.to_string_lossy().into_owned())
}

/// Turns `auto` into `never` if `NO_COLOR` is set (<https://no-color.org>) or terminals do not understand colours.
pub(crate) fn color(choice: ColorChoice) -> ColorChoice {
    let unwanted = variable("NO_COLOR").is_some() || !has_escape_sequences(choice);
    match choice {
        ColorChoice::Auto if unwanted => ColorChoice::Never,
        choice => choice,
    }
}

/// Returns whether the terminal understands escape sequences, judging by the variables that it sets.
///
/// Windows has a reliable test, but calling it needs unsafe code. There, `--color always` counts as a yes.
pub(crate) fn has_escape_sequences(color: ColorChoice) -> bool {
    match variable("TERM") {
        Some(term) => term != "dumb" || cfg!(windows) && color == ColorChoice::Always,
        None if cfg!(windows) => color == ColorChoice::Always || variable("WT_SESSION").is_some(),
        None => true,
    }
}

/// Returns the path of the file in which the official `algo` program keeps its profiles.
pub(super) fn profiles_path() -> Option<PathBuf> {
    let (home, directory) = if cfg!(windows) {
        ("LOCALAPPDATA", "Algorithmia")
    } else {
        ("HOME", ".algorithmia")
    };
    let home = PathBuf::from(variable(home)?);
    Some(home.join(directory).join("config"))
}

/// Opens a regular file. Opening a FIFO could block forever.
pub(super) fn open_regular_file(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    File::open(path)
}

/// Reads to the end, up to a limit, and drops a byte order mark.
pub(crate) fn read_all(reader: impl Read) -> io::Result<Vec<u8>> {
    /// Larger than any key, CA bundle or profile file. The limit stops an endless device such as `/dev/zero`.
    const MAX_BYTES: u64 = 16 * 1024 * 1024;
    const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
    let mut bytes = Vec::new();
    reader.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("it is larger than 16 MiB"));
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(bytes)
}
