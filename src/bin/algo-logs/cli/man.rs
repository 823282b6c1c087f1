//! The man page, in those macros of man(7) that groff and mandoc have in common.

use super::commands::{COMMANDS, CommandSpec};
use super::flags::{FLAGS, Flag, Group, Kind};
use super::help::{ABOUT, ENVIRONMENT, EXIT_STATUS, ORDER};

pub(super) fn page() -> String {
    let version = escape(env!("CARGO_PKG_VERSION"));
    let about = escape(ABOUT.trim_end_matches('.')).replacen('R', "r", 1);
    let mut page = format!(
        ".TH ALGO\\-LOGS 1 \"\" \"algo\\-logs {version}\" \"User Commands\"\n\
         .SH NAME\nalgo\\-logs \\- {about}\n.SH SYNOPSIS\n.nf\n"
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
        for (name, meaning) in spec.arguments {
            page += &paragraph(&format!("\\fI{}\\fR", escape(name)), meaning);
        }
        page += &flags(|flag| flag.group == Group::Command && flag.is_accepted_by(spec.name));
    }
    page += ".SH CONNECTION OPTIONS\n";
    page += &flags(|flag| flag.group == Group::Connection);
    page += ".SH GENERAL OPTIONS\n";
    page += &flags(|flag| flag.group == Group::General);
    page += ".SH ENVIRONMENT\n";
    for (name, meaning) in ENVIRONMENT {
        page += &paragraph(&bold(name), meaning);
    }
    page += ".SH FILES\n";
    page += &paragraph(&bold("~/.algorithmia/config"), "The profiles.");
    page += ".SH EXIT STATUS\n";
    for (status, meaning) in EXIT_STATUS {
        page += &paragraph(&bold(status), meaning);
    }
    page += ".SH EXAMPLES\n";
    for (purpose, line) in COMMANDS.iter().flat_map(|spec| spec.examples) {
        page += &format!(".TP\n{}:\n.nf\n{}\n.fi\n", escape(purpose), escape(line));
    }
    page
}

fn synopsis(spec: &CommandSpec) -> String {
    let start = format!("algo-logs {}", spec.word);
    let indent = format!("\n{}", " ".repeat(start.len() + 1));
    format!("{} {}\n", bold(&start), escape(&spec.usage.join(&indent)))
}

fn flags(filter: impl Fn(&Flag) -> bool) -> String {
    let flags = FLAGS.iter().filter(|flag| filter(flag));
    flags
        .map(|flag| {
            let names: Vec<_> = flag.names().iter().map(|name| bold(name)).collect();
            let value = match flag.kind {
                Kind::Switch(_) => String::new(),
                Kind::Choice(name, _) | Kind::Required(name, ..) => format!(" \\fI{name}\\fR"),
                Kind::Optional(name, _) => format!("[=\\fI{name}\\fR]"),
            };
            paragraph(&(names.join(", ") + &value), flag.doc)
        })
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
    let mut escaped = String::new();
    for (i, c) in text.char_indices() {
        match c {
            '\\' => escaped.push_str("\\e"),
            '-' => escaped.push_str("\\-"),
            '\'' => escaped.push_str("\\(aq"),
            '"' => escaped.push_str("\\(dq"),
            '~' => escaped.push_str("\\(ti"),
            '^' => escaped.push_str("\\(ha"),
            '`' => escaped.push_str("\\(ga"),
            // At the start of a line it would begin a macro.
            '.' if i == 0 || text[..i].ends_with('\n') => escaped.push_str("\\&."),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn escaped_text_is_shown_unchanged() {
        let text = ".a-'b\n.c\\d. ~^`\"";
        let escaped = "\\&.a\\-\\(aqb\n\\&.c\\ed. \\(ti\\(ha\\(ga\\(dq";
        assert_eq!(super::escape(text), escaped);
    }
}
