//! The command line: flags and commands as rows, parsing, help, man page and completions.
//!
//! Nothing here prints, exits or reads the environment.

mod algorithm;
mod args;
mod check;
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

pub(crate) use args::{
    AlgorithmArg, Args, BuildFilter, BuildsArgs, Command, Escapes, LogArgs, LogSource, SaveArgs,
    Target, VersionsArgs, WhyArgs, WhySource,
};
pub(crate) use check::MAX_WHY_LINES;
pub(crate) use commands::CommandName;
pub(crate) use value::is_hex;

use crate::error::CliError;
use flags::{Generate, RawArgs};

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
    if args[0] == completions::COMPLETE {
        return Ok(Parsed::Print(completions::complete(&args[1..])));
    }
    let wants_help = has_flag(&args, "--help") || has_flag(&args, "-h");
    let mut raw = RawArgs::default();
    let outcome = raw.read(args);
    // `--help` works even if the rest of the line is wrong.
    if wants_help || raw.help {
        return Ok(Parsed::Print(
            help::text(topic(&raw)).unwrap_or_else(|_| help::summary()),
        ));
    }
    if raw.version {
        return Ok(Parsed::Print(help::VERSION.to_owned()));
    }
    outcome?;
    if let Some(generate) = raw.generate {
        return Ok(Parsed::Print(match generate {
            Generate::Man => man::page(),
            Generate::Bash => completions::BASH.to_owned(),
            Generate::Zsh => completions::ZSH.to_owned(),
            Generate::Fish => completions::FISH.to_owned(),
        }));
    }
    let Some(name) = raw.command else {
        return Err(CliError::usage("no command given").hint("see 'algo-logs --help'"));
    };
    raw.check(name)?;
    let command = match name {
        CommandName::Builds => raw.builds()?,
        CommandName::Versions => raw.versions()?,
        CommandName::Log => raw.log()?,
        CommandName::Why => raw.why()?,
        CommandName::Save => raw.save()?,
        CommandName::Help => return Ok(Parsed::Print(help::text(topic(&raw))?)),
    };
    Ok(Parsed::Run(raw.with_command(command)))
}

/// Returns the topic that help is requested on.
fn topic(raw: &RawArgs) -> Option<&str> {
    match raw.command {
        Some(CommandName::Help) => raw.arguments.first().map(String::as_str),
        command => command.map(CommandName::word),
    }
}

/// Returns whether `--json` is given, so that errors are JSON too, even those of the command line.
pub(crate) fn wants_json(args: &[OsString]) -> bool {
    has_flag(args, "--json")
}

/// Returns whether a flag is given. Comparing words is enough: no flag accepts such a word as its value.
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
            let (line, _) = line.split_once(" | ").unwrap_or((line, ""));
            let (line, _) = line.split_once(" < ").unwrap_or((line, ""));
            let line = line.strip_prefix("algo-logs ").expect("the program's name");
            assert!(
                parse_line(&line.replace("\"$SHA\"", "3fa9c1d")).is_ok(),
                "{line}"
            );
        }
    }

    #[test]
    fn equivalent_lines() {
        for (line, same) in [
            ("builds acme/x", "-- builds acme/x"),
            (
                "builds -sfailed -c=3fa9 -L5 --json -- acme/x",
                "--json --status=failed --commit 3FA9 --limit=5 builds acme/x",
            ),
            ("builds acme", "builds acme --all"),
            ("log -n007 acme/x", "log acme/x -n 1 --tail 7"),
            ("log acme/x", "log acme/x -o f -o -"),
            ("log acme/x --wait=90", "log acme/x --wait --wait=90s"),
            ("log acme/x --wait=120", "log acme/x --wait=2m"),
            ("log acme/x --timeout=2h", "log --timeout 7200 acme/x"),
            ("why --file -", "why --file f --file=-"),
            ("save acme/x -d f", "-d g save --dir=f acme/x --all"),
            (
                "builds --api h --retries 0",
                "builds --api g --api h --retries=0",
            ),
        ] {
            let (one, other) = (parse_line(line), parse_line(same));
            assert_eq!(format!("{one:?}"), format!("{other:?}"), "{line}");
        }
    }

    #[test]
    fn help_states_the_defaults() {
        for flag in flags::FLAGS {
            for (command, doc) in flag
                .commands()
                .filter_map(|command| Some((command, flag.doc(command)?)))
            {
                let Some((_, default)) = doc.split_once("[default: ") else {
                    continue;
                };
                let line = match command {
                    CommandName::Save => "save acme/x -d f".to_owned(),
                    command => format!("{} acme/x", command.word()),
                };
                let option = match default.trim_end_matches(']') {
                    "all" => "--all".to_owned(),
                    default => format!("--{}={default}", flag.long),
                };
                // `--wait` has a default only if it is given.
                let bare = if flag.long == "wait" { "--wait" } else { "" };
                let explicit = parse_line(&format!("{line} {option}")).expect(&option);
                let implicit = parse_line(&format!("{line} {bare}")).expect(&line);
                assert_eq!(explicit, implicit, "{line} {option}");
            }
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
