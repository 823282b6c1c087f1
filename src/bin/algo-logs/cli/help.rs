//! Help, generated from the tables of commands, flags and topics.
//!
//! Examples come before options because most readers look for them. Lines are at most 80 columns wide.

use super::commands::{COMMANDS, CommandName, CommandSpec};
use super::flags::{FLAGS, Flag, Group};
use super::suggest::nearest;
use super::topics::{ENVIRONMENT, EXIT_CODES, FILES, PRECEDENCE};
use crate::error::{CliError, redact};

pub(super) const ABOUT: &str = "Read the build logs of algorithms from an Algorithmia cluster.";

pub(super) const ORDER: &str =
    "Options may appear anywhere; '--' ends them. If repeated, the last one counts.";

const WIDTH: usize = 80;

/// Returns the words that `help` accepts.
pub(super) fn topic_words() -> Vec<&'static str> {
    let commands = COMMANDS.iter().map(|spec| spec.word);
    commands.chain(["environment", "exit-codes"]).collect()
}

/// Returns the help on a topic, or the summary without one.
pub(super) fn text(topic: Option<&str>) -> Result<String, CliError> {
    match topic {
        None => Ok(summary()),
        Some("environment") => Ok(environment()),
        Some("exit-codes") => Ok(exit_codes()),
        Some(word) => match CommandName::from_word(word) {
            Some(command) => Ok(command_help(command.spec())),
            None => Err(unknown_topic(word)),
        },
    }
}

fn unknown_topic(word: &str) -> CliError {
    let hint = match nearest(word, &topic_words()) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("the topics are {}", topic_words().join(", ")),
    };
    CliError::usage(format!("there is no help on '{}'", redact(word))).hint(hint)
}

/// Returns what `--version` prints.
pub(super) fn version() -> String {
    concat!("algo-logs ", env!("CARGO_PKG_VERSION"), "\n").to_owned()
}

/// Returns what the program prints if it is started without arguments.
pub(super) fn usage() -> String {
    let more = "'algo-logs help COMMAND' shows examples, options and exit codes.";
    format!("{}\n{more}\n", usage_and_commands())
}

fn usage_and_commands() -> String {
    let mut text = format!("{ABOUT}\n\nUsage:\n");
    for spec in &COMMANDS {
        push_usage(&mut text, spec, 8);
    }
    text += "\nCommands:\n";
    for spec in &COMMANDS {
        push_row(&mut text, spec.word, spec.about, 12);
    }
    text
}

pub(super) fn summary() -> String {
    let mut text = usage_and_commands();
    for (title, group) in [
        ("Connection", Group::Connection),
        ("General", Group::General),
    ] {
        let flags = FLAGS.iter().filter(|flag| flag.group == group);
        push_flags(
            &mut text,
            title,
            flags.map(|flag| (flag, flag.general_doc())),
        );
    }
    text
}

fn command_help(spec: &CommandSpec) -> String {
    let mut text = format!("{}\n\nUsage:\n", spec.about);
    push_usage(&mut text, spec, 0);
    text += "\nExamples:\n";
    for (purpose, line) in spec.examples {
        text += &format!("  # {purpose}\n  {line}\n");
    }
    text += "\nArguments:\n";
    for (name, meaning) in spec.arguments {
        push_row(&mut text, name, meaning, 12);
    }
    text += "\nDetails:\n";
    push_wrapped(&mut text, "  ".to_owned(), spec.details, 2);
    for (title, group) in [
        ("Options", Group::Command),
        ("Connection", Group::Connection),
        ("General", Group::General),
    ] {
        let flags = FLAGS.iter().filter(|flag| flag.group == group);
        let flags = flags.filter_map(|flag| Some((flag, flag.doc(spec.name)?)));
        push_flags(&mut text, title, flags);
    }
    text + &format!("\n{ORDER}\n\n{}", exit_codes())
}

fn environment() -> String {
    let mut text = String::new();
    push_wrapped(&mut text, String::new(), PRECEDENCE, 0);
    text += "\nEnvironment (an empty variable counts as unset):\n";
    for (name, meaning) in ENVIRONMENT {
        push_row(&mut text, name, meaning, 28);
    }
    text += "\nFiles:\n";
    for (name, meaning) in FILES {
        push_row(&mut text, name, meaning, 28);
    }
    text
}

fn exit_codes() -> String {
    let mut text = String::from("Exit status:\n");
    for (code, meaning) in EXIT_CODES {
        push_row(&mut text, code, meaning, 7);
    }
    text
}

fn push_usage(text: &mut String, spec: &CommandSpec, width: usize) {
    let mut start = format!("  algo-logs {:<width$} ", spec.word);
    for line in spec.usage {
        *text += &format!("{start}{line}\n");
        start = " ".repeat(start.len());
    }
}

/// Adds flags and their help texts below a title; nothing if there are none.
fn push_flags(
    text: &mut String,
    title: &str,
    flags: impl Iterator<Item = (&'static Flag, &'static str)>,
) {
    let mut flags = flags.peekable();
    if flags.peek().is_some() {
        *text += &format!("\n{title}:\n");
    }
    for (flag, doc) in flags {
        let short = match flag.short {
            Some(short) => format!("-{short}, "),
            None => "    ".to_owned(),
        };
        let names = format!("{short}--{}{}", flag.long, flag.kind.value_suffix());
        push_row(text, &names, doc, 27);
    }
}

/// Adds a name and, from `column` on, its meaning. A name that is too long gets its own line.
fn push_row(text: &mut String, name: &str, meaning: &str, column: usize) {
    let mut line = format!("  {name}  ");
    if line.len() > column && line.len() + meaning.len() > WIDTH {
        *text += &format!("  {name}\n");
        line = String::new();
    }
    line += &" ".repeat(column.saturating_sub(line.len()));
    push_wrapped(text, line, meaning, column);
}

/// Adds words to a line that has begun, and wraps them at [`WIDTH`]. Later lines begin at `column`.
fn push_wrapped(text: &mut String, mut line: String, words: &str, column: usize) {
    // `[default: N]` is never split.
    const TIED: char = '\u{1}';
    let words = words.replace("[default: ", &format!("[default:{TIED}"));
    let mut separator = "";
    for word in words.split(' ') {
        if line.len() + separator.len() + word.len() > WIDTH {
            *text += &format!("{line}\n");
            line = " ".repeat(column);
            separator = "";
        }
        line += separator;
        line += &word.replace(TIED, " ");
        separator = " ";
    }
    *text += &format!("{line}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_a_terminal() {
        let topics = topic_words().into_iter().map(Some);
        for text in topics.chain([None]).map(|topic| text(topic).unwrap()) {
            for line in text.lines() {
                assert!(line.len() <= WIDTH, "too wide: {line}");
                assert_eq!(line, line.trim_end(), "spaces at the end");
                assert!(line.chars().all(|c| matches!(c, ' '..='~')), "{line}");
            }
        }
        let lines = summary().lines().count();
        assert!(lines <= 40, "{lines} lines in the summary");
    }
}
