//! Help, made of the rows of the commands and flags.
//!
//! Examples come before options because most readers look for them. Lines are at most 80 columns wide.

use super::commands::{COMMANDS, CommandName, CommandSpec};
use super::flags::{FLAGS, Flag, Group};

pub(super) const ABOUT: &str = "Read the build logs of algorithms from an Algorithmia cluster.";

pub(super) const ORDER: &str =
    "Options may appear anywhere; '--' ends them. If repeated, the last one counts.";

const WIDTH: usize = 80;

pub(super) const ENVIRONMENT: &[(&str, &str)] = &[
    ("ALGORITHMIA_API", "the URL of the cluster"),
    ("ALGORITHMIA_API_KEY", "the API key"),
    (
        "ALGORITHMIA_BEARER_TOKEN",
        "a bearer token, used if there is no API key",
    ),
    ("SSL_CERT_FILE", "a PEM file with the CAs to trust"),
    ("NO_COLOR", "if set, no colours on a terminal"),
    (
        "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY",
        "proxies, and the exceptions",
    ),
];

pub(super) const EXIT_STATUS: &[(&str, &str)] = &[
    ("0", "success: every byte was written"),
    ("1", "the network or the service failed"),
    ("2", "invalid usage or settings"),
    ("3", "the build failed (with '--exit-status')"),
    ("4", "no key, or the service rejected it (401, 403)"),
    (
        "5",
        "no such algorithm, build or version; no log; nothing matches",
    ),
    ("6", "the response was truncated or invalid"),
    ("7", "the output could not be written"),
    ("8", "the build has not finished"),
    ("141", "the reader of stdout went away"),
];

/// Returns what `--version` prints.
pub(super) fn version() -> String {
    concat!("algo-logs ", env!("CARGO_PKG_VERSION"), "\n").to_owned()
}

/// Returns the help of a command, or the summary of all commands.
pub(super) fn text(topic: Option<CommandName>) -> String {
    match topic {
        Some(command) => command_help(command.spec()),
        None => summary(),
    }
}

fn summary() -> String {
    let mut text = format!("{ABOUT}\n\nUsage:\n");
    for spec in &COMMANDS {
        push_usage(&mut text, spec, 8);
    }
    text += "\nExamples:\n";
    for (purpose, line) in COMMANDS.iter().map(|spec| spec.examples[0]) {
        push_row(&mut text, line, &format!("# {purpose}"), 46);
    }
    text += "\nCommands:\n";
    for spec in &COMMANDS {
        push_row(&mut text, spec.word, spec.about, 12);
    }
    push_flags(&mut text, "Connection", |flag| {
        flag.group == Group::Connection
    });
    push_flags(&mut text, "General", |flag| flag.group == Group::General);
    text += "\nEnvironment (options override it, and it overrides the profile):\n";
    for (name, meaning) in ENVIRONMENT {
        push_row(&mut text, name, meaning, 28);
    }
    push_exit_status(&mut text);
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
    for (title, group) in [
        ("Options", Group::Command),
        ("Connection", Group::Connection),
        ("General", Group::General),
    ] {
        push_flags(&mut text, title, |flag| {
            flag.group == group && flag.is_accepted_by(spec.name)
        });
    }
    text += &format!("\n{ORDER}\n");
    push_exit_status(&mut text);
    text
}

fn push_usage(text: &mut String, spec: &CommandSpec, width: usize) {
    let mut start = format!("  algo-logs {:<width$} ", spec.word);
    for line in spec.usage {
        *text += &format!("{start}{line}\n");
        start = " ".repeat(start.len());
    }
}

/// Adds the flags that pass `filter`, below a title; nothing if none does.
fn push_flags(text: &mut String, title: &str, filter: impl Fn(&Flag) -> bool) {
    let mut flags = FLAGS.iter().filter(|flag| filter(flag)).peekable();
    if flags.peek().is_some() {
        *text += &format!("\n{title}:\n");
    }
    for flag in flags {
        let short = match flag.short {
            Some(short) => format!("-{short}, "),
            None => "    ".to_owned(),
        };
        let names = format!("{short}--{}{}", flag.long, flag.kind.value_suffix());
        push_row(text, &names, flag.doc, 27);
    }
}

fn push_exit_status(text: &mut String) {
    *text += "\nExit status:\n";
    for (status, meaning) in EXIT_STATUS {
        push_row(text, status, meaning, 7);
    }
}

/// Adds a name and, from `column` on, what it means, wrapped at [`WIDTH`].
fn push_row(text: &mut String, name: &str, meaning: &str, column: usize) {
    let mut line = format!("  {name}  ");
    line += &" ".repeat(column.saturating_sub(line.len()));
    let mut separator = "";
    for word in meaning.split_whitespace() {
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
        let topics = COMMANDS.iter().map(|spec| Some(spec.name));
        for text in topics.chain([None]).map(text) {
            for line in text.lines() {
                assert!(line.len() <= WIDTH, "too wide: {line}");
                assert_eq!(line, line.trim_end(), "spaces at the end");
                assert!(line.chars().all(|c| matches!(c, ' '..='~')), "{line}");
            }
            let mut exit_status = String::new();
            push_exit_status(&mut exit_status);
            assert!(text.ends_with(&exit_status));
        }
        let lines = summary().lines().count();
        assert!(lines <= 64, "{lines} lines in the summary");
    }
}
