//! The man page, written with the man(7) macros that both groff and mandoc support.

use super::commands::{COMMANDS, CommandName, CommandSpec};
use super::flags::{Group, flags_of};
use super::help::{ABOUT, ORDER};
use super::topics::{ENVIRONMENT, EXIT_CODES, FILES, PRECEDENCE};

pub(super) fn page() -> String {
    let version = escape(env!("CARGO_PKG_VERSION"));
    let about = escape(ABOUT.trim_end_matches('.')).replacen('R', "r", 1);
    let mut page = format!(
        ".TH ALGO\\-LOGS 1 \"\" \"algo\\-logs {version}\" \"User Commands\"\n\
         .SH NAME\nalgo\\-logs \\- {about}\n.SH SYNOPSIS\n.nf\n.in 3n\n"
    );
    for spec in &COMMANDS {
        page += &synopsis(spec);
    }
    page += &format!(
        ".fi\n.SH DESCRIPTION\n{}\n{}\n.SH COMMANDS\n",
        escape(ABOUT),
        escape(ORDER)
    );
    for spec in &COMMANDS {
        page += &format!(".SS {}\n{}\n", spec.word, escape(spec.about));
        page += &format!("{}\n", escape(spec.details));
        for (name, meaning) in spec.arguments {
            page += &paragraph(&format!("\\fI{}\\fR", escape(name)), meaning);
        }
        page += &flags(Group::Command, Some(spec.name));
    }
    page += ".SH CONNECTION OPTIONS\n";
    page += &flags(Group::Connection, None);
    page += ".SH GENERAL OPTIONS\n";
    page += &flags(Group::General, None);
    page += &format!(".SH ENVIRONMENT\n{}\n", escape(PRECEDENCE));
    page += &paragraphs(ENVIRONMENT);
    page += &format!(".SH FILES\n{}", paragraphs(FILES));
    page += &format!(".SH EXIT STATUS\n{}", paragraphs(EXIT_CODES));
    page += ".SH EXAMPLES\n.nf\n.in 3n\n";
    for (purpose, line) in COMMANDS.iter().flat_map(|spec| spec.examples) {
        page += &format!("# {}\n{}\n.sp\n", escape(purpose), escape(line));
    }
    page += ".fi\n.SH SEE ALSO\n.BR curl (1),\n.BR docker\\-build (1),\n.BR jq (1)\n";
    page
}

fn synopsis(spec: &CommandSpec) -> String {
    let start = format!("algo-logs {}", spec.word);
    let indent = format!("\n{}", " ".repeat(start.len() + 1));
    format!("{} {}\n", bold(&start), escape(&spec.usage.join(&indent)))
}

/// Returns the flags of a group; with a command, only those that it accepts.
fn flags(group: Group, command: Option<CommandName>) -> String {
    let flags = flags_of(command).filter(|(flag, _)| flag.group == group);
    flags
        .map(|(flag, doc)| {
            let names: Vec<_> = flag.names().iter().map(|name| bold(name)).collect();
            let value = format!("\\fI{}\\fR", escape(&flag.kind.value_suffix()));
            paragraph(&(names.join(", ") + &value), doc)
        })
        .collect()
}

fn paragraphs(rows: &[(&str, &str)]) -> String {
    rows.iter()
        .map(|(name, meaning)| paragraph(&bold(name), meaning))
        .collect()
}

fn paragraph(term: &str, meaning: &str) -> String {
    format!(".TP\n{term}\n{}\n", escape(meaning))
}

fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", escape(text))
}

/// Escapes a text so that roff shows it unchanged.
fn escape(text: &str) -> String {
    let mut escaped = text.replace('\\', "\\e");
    for (c, sequence) in [
        ('-', "\\-"),
        ('\'', "\\(aq"),
        ('"', "\\(dq"),
        ('~', "\\(ti"),
        ('^', "\\(ha"),
        ('`', "\\(ga"),
    ] {
        escaped = escaped.replace(c, sequence);
    }
    // A dot at the start of a line would begin a macro.
    escaped.replace("\n.", "\n\\&.")
}

#[cfg(test)]
mod tests {
    #[test]
    fn escaped_text_is_shown_unchanged() {
        let text = "a-'b\n.c\\d. ~^`\"";
        let escaped = "a\\-\\(aqb\n\\&.c\\ed. \\(ti\\(ha\\(ga\\(dq";
        assert_eq!(super::escape(text), escaped);
    }
}
