//! Lists as JSON.

use std::borrow::Borrow;

use serde_json::Value;

use super::reporter::Reporter;
use super::sanitize::is_bidi_control;

/// Joins formatted items into one JSON array, with one item per line.
pub(crate) fn array<S: Borrow<str>>(items: &[S]) -> String {
    format!("[{}]\n", items.join(",\n "))
}

/// Formats a JSON object on a line.
pub(crate) fn object(object: &Value, reporter: &Reporter) -> String {
    raw(&object.to_string(), reporter) + "\n"
}

/// Makes valid JSON safe to print on one line. Numbers and the order of members stay as they are.
///
/// Redacts the key in strings, and escapes what a terminal or a build server would obey.
pub(crate) fn raw(json: &str, reporter: &Reporter) -> String {
    let mut redacted = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((between, string)) = rest.split_once('"') {
        let mut escaped = false;
        let end = string.find(|c| {
            let is_end = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            is_end
        });
        let (string, after) = string.split_at(end.unwrap_or(string.len()));
        redacted.extend([between, "\"", &reporter.redacted(string), "\""]);
        rest = after.strip_prefix('"').unwrap_or_default();
    }
    escape(&(redacted + rest))
}

fn escape(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    let mut last = ' ';
    for c in json.chars() {
        match c {
            // These occur only between strings: JSON requires escapes for them inside.
            '\t' | '\n' | '\r' => escaped.push(' '),
            // None of these characters needs a surrogate pair. Build servers obey `##[…]`, `##vso[…]`.
            _ if c.is_control() || is_bidi_control(c) || (c, last) == ('#', '#') => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => escaped.push(c),
        }
        last = c;
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use algo_logs::Token;

    #[test]
    fn only_unsafe_text_changes() {
        let reporter = Reporter::default();
        reporter.redact(Token::simple("12345678").unwrap());
        for (json, expected) in [
            (
                "{\"b\" :\t1.50e+400,\r\n\"a\":[ ]}",
                "{\"b\" : 1.50e+400,  \"a\":[ ]}",
            ),
            (
                "[\"\u{9b}2J\u{202e}\u{7f}é\u{ad}\u{e0041}\"]",
                "[\"\\u009b2J\\u202e\\u007fé\u{ad}\u{e0041}\"]",
            ),
            (
                r####"{"##[a":"# ###vso[","c":"::x"}"####,
                r####"{"#\u0023[a":"# #\u0023\u0023vso[","c":"::x"}"####,
            ),
            // The key is redacted only in strings.
            (
                r#"[12345678,"\"12345678\\","",12345678]"#,
                r#"[12345678,"\"[key]\\","",12345678]"#,
            ),
            (r#""\ud800\"""#, r#""\ud800\"""#),
        ] {
            assert_eq!(raw(json, &reporter), expected);
        }
    }
}
