//! Parses words into [`RawArgs`]: the flags with their values, the command and its arguments.

use std::ffi::OsString;

use lexopt::Arg;

use super::commands::{CommandName, command_words};
use super::flags::{FLAGS, Flag, Kind, RawArgs, flags_of};
use super::suggest::{self, did_you_mean};
use super::value::{Value, parse_number};
use crate::error::{CliError, redact};

impl RawArgs {
    /// Reads the words up to the first error.
    pub(super) fn read(&mut self, args: Vec<OsString>) -> Result<(), CliError> {
        let mut parser = lexopt::Parser::from_args(args);
        loop {
            let (flag, spelling) = match parser.next() {
                Ok(None) => return Ok(()),
                Ok(Some(Arg::Value(word))) => {
                    self.positional(word)?;
                    continue;
                }
                Ok(Some(Arg::Short(short))) => (self.short_flag(short)?, format!("-{short}")),
                Ok(Some(Arg::Long(long))) => (self.long_flag(long)?, format!("--{long}")),
                Err(lexopt::Error::UnexpectedValue { option, .. }) => {
                    return Err(CliError::usage(format!(
                        "option '{option}' does not take a value"
                    )));
                }
                // `next` returns no other error today.
                Err(_) => return Err(CliError::usage("cannot read the command line")),
            };
            match flag.kind {
                Kind::Switch(set) => set(self),
                Kind::Choice(_, choices) => {
                    let set = required_value(&mut parser, flag, &spelling)?.choose(choices)?;
                    set(self);
                }
                Kind::Required(_, set) => {
                    set(self, required_value(&mut parser, flag, &spelling)?)?;
                }
                Kind::Optional(_, set) => match parser.optional_value() {
                    Some(value) => set(self, Some(Value::new(flag.label(&spelling), value)?))?,
                    None => {
                        reject_separate_time(&mut parser, &spelling)?;
                        set(self, None)?;
                    }
                },
            }
            self.given.push((flag, spelling));
        }
    }

    /// Takes a word that is not a flag: the command, or one of its arguments.
    fn positional(&mut self, word: OsString) -> Result<(), CliError> {
        let word = word.into_string().map_err(|word| {
            let lossy = redact(&word.to_string_lossy());
            CliError::usage(format!("argument '{lossy}' is not valid UTF-8"))
        })?;
        if self.command.is_some() {
            self.arguments.push(word);
        } else {
            self.command = Some(command_by_word(&word)?);
        }
        Ok(())
    }

    fn short_flag(&self, short: char) -> Result<&'static Flag, CliError> {
        if let Some(flag) = FLAGS.iter().find(|flag| flag.short == Some(short)) {
            return Ok(flag);
        }
        let mut shorts = FLAGS.iter().filter_map(|flag| flag.short);
        let near = shorts.find(|c| c.eq_ignore_ascii_case(&short));
        Err(self.unknown_option(&format!("-{short}"), near.map(|c| format!("-{c}"))))
    }

    fn long_flag(&self, long: &str) -> Result<&'static Flag, CliError> {
        if let Some(flag) = FLAGS.iter().find(|flag| flag.long == long) {
            return Ok(flag);
        }
        let accepted: Vec<_> = flags_of(self.command).map(|(flag, _)| flag.long).collect();
        let meant = suggest::option(long, &accepted).map(|meant| format!("--{meant}"));
        Err(self.unknown_option(&format!("--{}", redact(long)), meant))
    }

    fn unknown_option(&self, spelling: &str, meant: Option<String>) -> CliError {
        let hint = match suggest::instead_of(spelling) {
            Some(hint) => hint.to_owned(),
            None => did_you_mean(meant.as_deref(), self.see_help()),
        };
        CliError::usage(format!("unknown option '{spelling}'")).hint(hint)
    }

    fn see_help(&self) -> String {
        match self.command {
            Some(command) => format!("see 'algo-logs {} --help'", command.word()),
            None => "see 'algo-logs --help'".to_owned(),
        }
    }
}

/// Finds the command that a word names.
fn command_by_word(word: &str) -> Result<CommandName, CliError> {
    CommandName::from_word(word).ok_or_else(|| {
        let commands = command_words();
        let others = format!("the commands are {}", commands.join(", "));
        let hint = did_you_mean(suggest::command(word, &commands), others);
        CliError::usage(format!("unknown command '{}'", redact(word))).hint(hint)
    })
}

/// Fails if a time follows a flag whose optional value must follow `=`. Otherwise `--wait 60` would look up a build
/// called 60.
fn reject_separate_time(parser: &mut lexopt::Parser, spelling: &str) -> Result<(), CliError> {
    let next = parser
        .try_raw_args()
        .and_then(|args| args.peek()?.to_str().map(str::to_owned));
    let is_time = |word: &String| {
        word.len() <= 7 && parse_number::<u64>(word.trim_end_matches(['s', 'm', 'h'])).is_ok()
    };
    match next.filter(is_time) {
        Some(time) => {
            let message = format!("option '{spelling}' takes a value only after '='");
            Err(CliError::usage(message).hint(format!("write '{spelling}={time}'")))
        }
        None => Ok(()),
    }
}

fn required_value(
    parser: &mut lexopt::Parser,
    flag: &Flag,
    spelling: &str,
) -> Result<Value, CliError> {
    let label = flag.label(spelling);
    let missing = || CliError::usage(format!("option '{label}' needs a value"));
    if let Some(value) = parser.optional_value() {
        return Value::new(label, value);
    }
    let value = parser.value().map_err(|_| missing())?;
    // `-o --raw` lacks a FILE. `-n -5` has a value, which is then rejected as a number.
    match value.as_encoded_bytes() {
        [b'-', second, ..] if !second.is_ascii_digit() => Err(missing().hint(format!(
            "write a value that begins with '-' as '--{}=-…'",
            flag.long
        ))),
        _ => Value::new(label, value),
    }
}
