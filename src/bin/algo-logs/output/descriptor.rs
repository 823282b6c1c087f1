//! Paths that name open descriptors: `/dev/stdout`, `/dev/fd/N`, `/proc/self/fd/N`.

use std::fs;
use std::path::Path;
#[cfg(unix)]
use std::{
    fs::{File, OpenOptions},
    io,
    os::fd::AsFd,
};

use super::file::{MAX_LINKS, parent};
use crate::error::CliError;

/// Returns whether a path is a name of stdout.
pub(super) fn is_stdout(path: &Path) -> bool {
    number(path) == Some(1)
}

/// Returns the number of the descriptor that a path names, directly or through symbolic links: 1 for `/dev/stdout`.
pub(super) fn number(path: &Path) -> Option<u32> {
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

/// Opens the stream of a descriptor.
///
/// On Linux, a descriptor of 3 or more must not be a regular file, because opening the path would open the file anew,
/// at its start. [`redirect_stdout`] handles such descriptors first.
#[cfg(unix)]
pub(super) fn open(path: &Path, number: u32) -> io::Result<File> {
    Ok(match number {
        0 => io::stdin().as_fd().try_clone_to_owned()?.into(),
        2 => io::stderr().as_fd().try_clone_to_owned()?.into(),
        _ => OpenOptions::new().write(true).open(path)?,
    })
}

/// Redirects stdout to the descriptor that a path names, if it is 3 or more and cannot be opened without losing its
/// position. In that case, the program starts again, with `-o -` instead of the path, and this returns only on failure.
///
/// Only unsafe code can duplicate such a descriptor, so a shell redirects stdout.
#[cfg(target_os = "linux")]
pub(crate) fn redirect_stdout(path: &Path) -> Result<(), CliError> {
    use std::env;
    use std::ffi::OsString;
    use std::os::unix::fs::FileTypeExt;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    let Some(number) = number(path).filter(|number| *number > 2) else {
        return Ok(());
    };
    // A pipe of another user cannot be opened by its path.
    let can_be_opened = |metadata: fs::Metadata| {
        let file_type = metadata.file_type();
        (file_type.is_fifo() || file_type.is_char_device())
            && OpenOptions::new().write(true).open(path).is_ok()
    };
    // If the descriptor is not open, opening the path later reports that.
    if fs::metadata(path).map_or(true, can_be_opened) {
        return Ok(());
    }
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    let end_of_options = args.iter().position(|arg| arg == "--");
    let (options, rest) = args.split_at(end_of_options.unwrap_or(args.len()));
    // Not every shell can redirect to a descriptor above 9. With -p, bash ignores the user's files and functions.
    let (shell, option) = if number <= 9 {
        ("/bin/sh", "-c")
    } else {
        ("bash", "-pc")
    };
    let run_again = format!("exec \"$0\" \"$@\" >&{number}");
    let error = match env::current_exe() {
        Ok(program) => Command::new(shell)
            .args([option, &run_again])
            .arg(program)
            .args(options)
            // The last `-o` counts.
            .args(["-o", "-"])
            .args(rest)
            .exec(),
        Err(error) => error,
    };
    let error = io::Error::other(format!("cannot start {shell} to redirect stdout: {error}"));
    let hint = format!("redirect stdout yourself, as in '>&{number}'");
    Err(CliError::output(&path.display().to_string(), &error).hint(hint))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn redirect_stdout(_: &Path) -> Result<(), CliError> {
    Ok(())
}
