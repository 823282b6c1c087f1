//! The command line: flags and commands as rows, parsing, help, man page and completions.
//!
//! Nothing here prints, exits or reads the environment.

mod algorithm;
mod args;
mod commands;
mod completions;
mod flags;
mod help;
mod man;
mod parse;
mod suggest;
mod topics;
mod value;

use std::ffi::OsString;

pub(crate) use algorithm::{AlgorithmArg, SaveTarget, VersionSpec};
pub(crate) use args::{
    Args, BuildFilter, ColorChoice, Command, Connect, Escapes, Limit, LogArgs, LogSource,
    MAX_WHY_LINES, PathOrStdin, SaveArgs, WhyArgs, WhySource,
};
pub(crate) use commands::CommandName;
pub(crate) use value::redact;

use crate::error::CliError;
use args::RawArgs;

/// A parsed command line.
#[allow(clippy::large_enum_variant)] // a process has only one
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    Run(Args),
    /// Help, the version, a man page or completions, to be printed on stdout.
    Print(String),
    /// The usage, if the command line is empty. That is an error, so it is printed on stderr.
    Usage(String),
}

/// Parses a command line without the name of the program.
pub(crate) fn parse(args: Vec<OsString>) -> Result<Parsed, CliError> {
    if args.is_empty() {
        return Ok(Parsed::Usage(help::usage()));
    }
    let wants_help = has_flag(&args, "--help") || has_flag(&args, "-h");
    let mut raw = RawArgs::default();
    let outcome = raw.read(args);
    // `--help` works even if the rest of the line is wrong.
    if wants_help || raw.help {
        return Ok(Parsed::Print(help::text(raw.help_topic())));
    }
    if raw.version {
        return Ok(Parsed::Print(help::version()));
    }
    outcome?;
    raw.finish()
}

/// Returns whether `--json` is given, so that errors are JSON too, even those of the command line.
pub(crate) fn wants_json(args: &[OsString]) -> bool {
    has_flag(args, "--json")
}

/// Comparing words is enough, since no flag accepts such a word as its value.
fn has_flag(args: &[OsString], name: &str) -> bool {
    args.iter()
        .take_while(|arg| *arg != "--")
        .any(|arg| arg == name)
}

/// Parses a line that is split at spaces.
#[cfg(test)]
fn parse_line(line: &str) -> Result<Parsed, CliError> {
    parse(line.split_whitespace().map(OsString::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use commands::COMMANDS;

    #[test]
    fn every_example_is_valid() {
        for (_, line) in COMMANDS.iter().flat_map(|spec| spec.examples) {
            let (line, _) = line.split_once(" | jq ").unwrap_or((line, ""));
            let (line, _) = line.split_once(" < ").unwrap_or((line, ""));
            let line = line.strip_prefix("algo-logs ").expect("the program's name");
            assert!(
                parse_line(&line.replace("\"$SHA\"", "3fa9c1d")).is_ok(),
                "{line}"
            );
        }
    }

    #[test]
    fn junk_does_not_panic() {
        let pieces = [
            "builds",
            "log",
            "help",
            "a/x",
            "b-1",
            "-",
            "--",
            "-n",
            "-n=",
            "-=",
            "--=",
            "--=x",
            "-v=",
            "---",
            "--wait",
            "--wait=",
            "-L",
            "5",
            "",
            "é",
            "-é",
            "--é=ü",
            "algo://",
            "algo:///",
            "//",
            "a/x/é",
            "https://c/algorithms/a/x",
        ];
        for one in pieces {
            for two in pieces {
                for three in pieces {
                    let _ = parse([one, two, three].map(OsString::from).into());
                }
            }
        }
    }
}
