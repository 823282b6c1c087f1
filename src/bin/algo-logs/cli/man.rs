//! The man page: the help texts as they are, so that neither says less than the other.

use super::commands::COMMANDS;
use super::help::{ABOUT, ORDER, about_command, environment, exit_codes, summary};

pub(super) fn page() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let about = ABOUT.trim_end_matches('.').replacen('R', "r", 1);
    let mut page = format!(
        ".TH ALGO-LOGS 1 \"\" \"algo-logs {version}\" \"User Commands\"\n\
         .SH NAME\nalgo-logs \\- {about}\n"
    );
    let mut section = |title: &str, text: &str| {
        page += &format!(".SH {title}\n.nf\n.in 0\n{}", escape(text));
    };
    section("SYNOPSIS", &format!("{}\n{ORDER}\n", summary()));
    for spec in &COMMANDS {
        section(&spec.word.to_uppercase(), &about_command(spec));
    }
    section("ENVIRONMENT", &environment());
    section("EXIT STATUS", &exit_codes());
    page
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
