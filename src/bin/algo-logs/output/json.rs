//! Lists as JSON.

use serde::Serialize;

use crate::error::CliError;
use crate::output::sanitize::is_unsafe;

/// Joins formatted items into one JSON array, with one item per line.
pub(crate) fn array(items: &[String]) -> String {
    format!("[{}]\n", items.join(",\n "))
}

/// Formats one JSON object on a line.
pub(crate) fn object<T: Serialize>(object: &T) -> Result<String, CliError> {
    Ok(item(object)? + "\n")
}

/// Formats a value. Escapes the characters that a terminal acts on or does not show.
pub(crate) fn item<T: Serialize>(item: &T) -> Result<String, CliError> {
    match serde_json::to_string(item) {
        Ok(json) => Ok(escape(&json)),
        Err(error) => Err(CliError::invalid_response(error.to_string())),
    }
}

fn escape(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if is_unsafe(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays() {
        assert_eq!(array(&[]), "[]\n");
        assert_eq!(array(&["1".to_owned(), "2".to_owned()]), "[1,\n 2]\n");
    }

    #[test]
    fn unsafe_characters_are_escaped() {
        let text = "\u{9b}2J\u{202e}\u{7f}\n\"é\u{e0041}";
        let json = item(&text).unwrap();
        assert_eq!(json, r#""\u009b2J\u202e\u007f\n\"é\udb40\udc41""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
