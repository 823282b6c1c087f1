//! The settings from the command line.

use std::path::PathBuf;
use std::time::Duration;

/// The connection settings from the command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) api: Option<String>,
    pub(crate) api_key_file: Option<PathOrStdin>,
    pub(crate) cacert: Option<PathBuf>,
    pub(crate) profile: Option<String>,
    pub(crate) allow_http: bool,
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            api: None,
            api_key_file: None,
            cacert: None,
            profile: None,
            allow_http: false,
            timeout: Duration::from_secs(30),
            retries: 3,
        }
    }
}

/// A file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathOrStdin {
    Path(PathBuf),
    /// `-`.
    Stdin,
}

impl From<PathBuf> for PathOrStdin {
    fn from(path: PathBuf) -> Self {
        if path.as_os_str() == "-" {
            Self::Stdin
        } else {
            Self::Path(path)
        }
    }
}

/// Whether the output has colours: `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless the environment forbids it.
    #[default]
    Auto,
    Always,
    Never,
}

impl ColorChoice {
    /// Returns whether an output has colours.
    pub(crate) fn is_enabled(self, is_terminal: bool) -> bool {
        match self {
            Self::Auto => is_terminal,
            Self::Always => true,
            Self::Never => false,
        }
    }
}
