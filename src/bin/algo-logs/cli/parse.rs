//! Parses words into [`RawArgs`]: the flags with their values, the command and its arguments.

use std::ffi::OsString;

use lexopt::Arg;

use super::commands::{CommandName, command_words};
use super::flags::{FLAGS, Flag, Kind, RawArgs};
use super::suggest;
use super::value::{Value, parse_number};
use crate::error::{CliError, redact};

impl RawArgs {
    /// Reads all words, and stops at the first error.
    pub(super) fn read(&mut self, args: Vec<OsString>) -> Result<(), CliError> {
        let mut parser = lexopt::Parser::from_args(args);
        // The last flag, if its optional value was left out.
        let mut bare = None;
        loop {
            let (flag, spelling) = match parser.next() {
                Ok(None) => return Ok(()),
                Ok(Some(Arg::Value(word))) => {
                    self.word(word, bare.take())?;
                    continue;
                }
                Ok(Some(Arg::Short(short))) => (self.short_flag(short)?, format!("-{short}")),
                Ok(Some(Arg::Long(long))) => (self.long_flag(long)?, format!("--{long}")),
                Err(lexopt::Error::UnexpectedValue { option, .. }) => {
                    return Err(CliError::usage(format!("option '{option}' takes no value")));
                }
                // `next` returns no other error today.
                Err(_) => return Err(CliError::usage("cannot read the command line")),
            };
            bare = None;
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
                        bare = Some(spelling.clone());
                        set(self, None)?;
                    }
                },
            }
            self.given.push((flag, spelling));
        }
    }

    /// Takes a word that is not a flag: the command, or one of its arguments.
    fn word(&mut self, word: OsString, bare: Option<String>) -> Result<(), CliError> {
        let word = word.into_string().map_err(|word| {
            let lossy = redact(&word.to_string_lossy());
            CliError::usage(format!("argument '{lossy}' is not valid UTF-8"))
        })?;
        // Otherwise `--wait 60` would look up a build called 60.
        let is_time = parse_number(word.trim_end_matches(['s', 'm', 'h'])).is_ok();
        if let Some(flag) = bare.filter(|_| word.len() <= 7 && is_time) {
            return Err(
                CliError::usage(format!("option '{flag}' takes a value only after '='"))
                    .hint(format!("write '{flag}={word}'")),
            );
        }
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
        if short == 'f' {
            return Err(no_option("-f", FOLLOW));
        }
        let mut shorts = FLAGS.iter().filter_map(|flag| flag.short);
        let hint = match shorts.find(|c| c.eq_ignore_ascii_case(&short)) {
            Some(near) => format!("did you mean '-{near}'?"),
            None => self.see_help(),
        };
        Err(CliError::usage(format!("unknown option '-{short}'")).hint(hint))
    }

    fn long_flag(&self, long: &str) -> Result<&'static Flag, CliError> {
        if let Some(flag) = FLAGS.iter().find(|flag| flag.long == long) {
            return Ok(flag);
        }
        if let Some(explanation) = explain_missing(long) {
            return Err(no_option(&format!("--{long}"), explanation));
        }
        let accepted = FLAGS.iter().filter(|flag| {
            self.command
                .is_none_or(|command| flag.is_accepted_by(command))
        });
        let accepted: Vec<_> = accepted.map(|flag| flag.long).collect();
        let hint = match suggest::option(long, &accepted) {
            Some(meant) => format!("did you mean '--{meant}'?"),
            None => self.see_help(),
        };
        Err(CliError::usage(format!("unknown option '--{}'", redact(long))).hint(hint))
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
        let hint = match suggest::command(word, &command_words()) {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("the commands are {}", command_words().join(", ")),
        };
        CliError::usage(format!("unknown command '{}'", redact(word))).hint(hint)
    })
}

const FOLLOW: (&str, &str) = (
    "the service has no log until the build has finished",
    "'--wait' waits for the build, then writes its log",
);

/// Explains why there is no such option, although similar programs have it, and what to do instead.
fn explain_missing(long: &str) -> Option<(&'static str, &'static str)> {
    match long {
        "api-key" | "api_key" | "auth" | "bearer" | "bearer-token" | "key" | "password"
        | "token" => Some((
            "others can see a key on the command line",
            "put the key in a file for '--api-key-file', or in ALGORITHMIA_API_KEY",
        )),
        "follow" => Some(FOLLOW),
        "since" | "until" => Some((
            "builds are selected by status and commit",
            r#"select by time with: --json | jq '.[] | select(.started_at > "2021-08")'"#,
        )),
        "log-failed" => Some((
            "'why' is a command",
            "'algo-logs why' shows the step that failed, 'algo-logs log -s failed' the whole log",
        )),
        _ => None,
    }
}

fn no_option(spelling: &str, (why, hint): (&str, &str)) -> CliError {
    CliError::usage(format!("there is no option '{spelling}': {why}")).hint(hint)
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
