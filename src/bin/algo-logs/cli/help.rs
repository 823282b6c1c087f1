//! Help, generated from the tables of commands, flags and topics.
//!
//! Examples come before options because most readers look for them. Lines are at most 80 columns wide.

use super::commands::{COMMANDS, CommandName, CommandSpec, command_words};
use super::flags::{Group, flags_of};
use super::suggest::{did_you_mean, nearest};
use super::topics::{ENVIRONMENT, EXIT_CODES, FILES, PRECEDENCE};
use crate::error::{CliError, redact};

pub(super) const ABOUT: &str = "Read the build logs of algorithms from an Algorithmia cluster.";

pub(super) const ORDER: &str =
    "Options may appear anywhere; '--' ends them. If repeated, the last one counts.";

const WIDTH: usize = 80;

/// Returns the words that `help` accepts.
pub(super) fn topic_words() -> Vec<&'static str> {
    [&command_words()[..], &["environment", "exit-codes"]].concat()
}

/// Returns the help on a topic, or the summary without one.
pub(super) fn text(topic: Option<&str>) -> Result<String, CliError> {
    match topic {
        None => Ok(summary()),
        Some("environment") => Ok(environment()),
        Some("exit-codes") => Ok(exit_codes()),
        Some(word) => match CommandName::from_word(word) {
            Some(command) => Ok(command_help(command.spec())),
            None => {
                let topics = topic_words();
                let others = format!("the topics are {}", topics.join(", "));
                let error = CliError::usage(format!("there is no help on '{}'", redact(word)));
                Err(error.hint(did_you_mean(nearest(word, &topics), others)))
            }
        },
    }
}

/// What `--version` prints.
pub(super) const VERSION: &str = concat!("algo-logs ", env!("CARGO_PKG_VERSION"), "\n");

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
    let commands = COMMANDS.each_ref().map(|spec| (spec.word, spec.about));
    push_rows(&mut text, "\nCommands", &commands, 12);
    text
}

pub(super) fn summary() -> String {
    let mut text = usage_and_commands();
    push_flags(&mut text, "Connection", Group::Connection, None);
    push_flags(&mut text, "General", Group::General, None);
    text
}

fn command_help(spec: &CommandSpec) -> String {
    let mut text = about_command(spec);
    push_flags(&mut text, "Connection", Group::Connection, Some(spec.name));
    push_flags(&mut text, "General", Group::General, Some(spec.name));
    text + &format!("\n{ORDER}\n\n{}", exit_codes())
}

/// Returns the help on a command without what all commands share.
pub(super) fn about_command(spec: &CommandSpec) -> String {
    let mut text = format!("{}\n\nUsage:\n", spec.about);
    push_usage(&mut text, spec, 0);
    text += "\nExamples:\n";
    for (purpose, line) in spec.examples {
        text += &format!("  # {purpose}\n  {line}\n");
    }
    push_rows(&mut text, "\nArguments", spec.arguments, 12);
    text += "\nDetails:\n";
    push_wrapped(&mut text, "  ".to_owned(), spec.details, 2);
    push_flags(&mut text, "Options", Group::Command, Some(spec.name));
    text
}

pub(super) fn environment() -> String {
    let mut text = String::new();
    push_wrapped(&mut text, String::new(), PRECEDENCE, 0);
    let environment = "\nEnvironment (an empty variable counts as unset)";
    push_rows(&mut text, environment, ENVIRONMENT, 28);
    push_rows(&mut text, "\nFiles", FILES, 28);
    text
}

pub(super) fn exit_codes() -> String {
    let mut text = String::new();
    push_rows(&mut text, "Exit status", EXIT_CODES, 7);
    text
}

fn push_usage(text: &mut String, spec: &CommandSpec, width: usize) {
    let mut start = format!("  algo-logs {:<width$} ", spec.word);
    for line in spec.usage {
        *text += &format!("{start}{line}\n");
        start = " ".repeat(start.len());
    }
}

/// Adds the flags of a group and their help texts below a title. Adds nothing if there are no flags.
fn push_flags(text: &mut String, title: &str, group: Group, command: Option<CommandName>) {
    let mut flags = flags_of(command)
        .filter(|(flag, _)| flag.group == group)
        .peekable();
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

/// Adds names and their meanings below a title.
fn push_rows(text: &mut String, title: &str, rows: &[(&str, &str)], column: usize) {
    *text += &format!("{title}:\n");
    for (name, meaning) in rows {
        push_row(text, name, meaning, column);
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

/// Adds words to the start of a line, and wraps them at [`WIDTH`]. Later lines begin at `column`.
fn push_wrapped(text: &mut String, mut line: String, words: &str, column: usize) {
    let mut separator = "";
    for word in words.split(' ') {
        if line.len() + separator.len() + word.len() > WIDTH {
            *text += &format!("{line}\n");
            line = " ".repeat(column);
            separator = "";
        }
        line += separator;
        line += word;
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
