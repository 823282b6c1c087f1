//! The typed arguments of the commands.

use std::path::PathBuf;
use std::time::Duration;

use algo_logs::{Algorithm, BaseUrl, Build, BuildStatus};

use crate::config::{ColorChoice, Options, PathOrStdin};

/// A command line that can be run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Args {
    pub(crate) command: Command,
    /// The argument, if there is exactly one. An error shows it: a BUILD_ID may have been meant as an ALGO.
    pub(crate) only_argument: Option<String>,
    pub(crate) connection: Options,
    pub(crate) verbose: bool,
    pub(crate) quiet: bool,
    pub(crate) color: ColorChoice,
}

/// The commands that do more than print help. An ALGO of `None` means the one that `algorithmia.conf` names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Builds(Option<AlgorithmArg>, BuildsArgs),
    /// `builds OWNER`.
    BuildsOfOwner(String, BuildsArgs),
    Versions(Option<AlgorithmArg>, VersionsArgs),
    Log(Option<AlgorithmArg>, LogArgs),
    Why(Option<AlgorithmArg>, WhyArgs),
    Save(SaveArgs),
}

/// An ALGO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AlgorithmArg {
    pub(crate) algorithm: Algorithm,
    /// The cluster of the page, if ALGO is a URL.
    pub(crate) cluster: Option<BaseUrl>,
}

/// An ALGO or an OWNER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Algorithm(AlgorithmArg),
    /// Every algorithm of this owner.
    Owner(String),
}

/// The arguments of `builds`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BuildsArgs {
    pub(crate) filter: BuildFilter,
    /// The number of rows, or `usize::MAX` for `--all`.
    pub(crate) limit: usize,
    pub(crate) json: bool,
}

/// The arguments of `versions`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct VersionsArgs {
    /// `Some(true)` for `--published`, `Some(false)` for `--unpublished`.
    pub(crate) published: Option<bool>,
    /// `Some(true)` for `--public`, `Some(false)` for `--private`.
    pub(crate) callable: Option<bool>,
    /// The number of rows, or `usize::MAX` for `--all`.
    pub(crate) limit: usize,
    pub(crate) json: bool,
}

/// The arguments of `log`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LogArgs {
    pub(crate) source: LogSource,
    pub(crate) tail: Option<usize>,
    /// `None` is stdout.
    pub(crate) output: Option<PathBuf>,
    pub(crate) wait: Option<Duration>,
    pub(crate) exit_status: bool,
    pub(crate) escapes: Escapes,
}

/// Which log `log` writes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LogSource {
    /// The log of the newest build that matches.
    Newest(BuildFilter),
    /// The log of the build with this ID.
    Build(String),
    /// The log of the version with this number, or whose hash begins with these 7 to 40 digits, in lower case.
    Version(String),
}

/// The arguments of `why`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WhyArgs {
    pub(crate) source: WhySource,
    /// How many lines of output to show: from 1 to 1,000.
    pub(crate) lines: usize,
    pub(crate) json: bool,
}

/// Which build or log `why` explains.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WhySource {
    /// The newest failed build, optionally of the commit with these first 1 to 40 digits, in lower case.
    NewestFailed { commit: Option<String> },
    /// The build with this ID.
    Build(String),
    /// A saved log, which needs no cluster.
    File(PathOrStdin),
}

/// The arguments of `save`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SaveArgs {
    pub(crate) targets: Vec<Target>,
    /// Whether `-` is given: stdin has further targets, one per line.
    pub(crate) stdin: bool,
    pub(crate) filter: BuildFilter,
    /// The number of rows, or `usize::MAX` for `--all`.
    pub(crate) limit: usize,
    pub(crate) directory: PathBuf,
    /// How many logs to fetch at a time: at least 1.
    pub(crate) jobs: usize,
}

/// `-s` and `-c`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BuildFilter {
    pub(crate) status: Option<BuildStatus>,
    /// The first 1 to 40 digits of a commit SHA, in lower case.
    pub(crate) commit: Option<String>,
}

impl BuildFilter {
    pub(crate) fn matches(&self, build: &Build) -> bool {
        let status = self.status.as_ref();
        let commit = build.commit_sha.to_ascii_lowercase();
        let digits = self.commit.as_ref();
        status.is_none_or(|status| *status == build.status)
            && digits.is_none_or(|digits| commit.starts_with(digits))
    }
}

/// What happens to the escape sequences of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// Sanitized on a terminal, unchanged elsewhere.
    #[default]
    Auto,
    Raw,
    Plain,
}
