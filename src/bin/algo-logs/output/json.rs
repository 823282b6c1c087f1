//! Lists as JSON.

use serde::Serialize;

use crate::error::CliError;
use crate::output::sanitize::is_unsafe;

/// Formats one JSON array, with one item per line.
pub(crate) fn array<T: Serialize>(items: &[T]) -> Result<String, CliError> {
    let items: Vec<String> = items.iter().map(item).collect::<Result<_, _>>()?;
    Ok(format!("[{}]\n", items.join(",\n ")))
}

/// Formats one JSON object on a line.
pub(crate) fn object<T: Serialize>(object: &T) -> Result<String, CliError> {
    Ok(item(object)? + "\n")
}

/// Formats a value. Escapes the characters that a terminal acts on or does not show.
fn item<T: Serialize>(item: &T) -> Result<String, CliError> {
    let json = serde_json::to_string(item)
        .map_err(|error| CliError::invalid_response(error.to_string()))?;
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
    Ok(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays() {
        assert_eq!(array::<u8>(&[]).unwrap(), "[]\n");
        assert_eq!(array(&[1, 2]).unwrap(), "[1,\n 2]\n");
    }

    #[test]
    fn unsafe_characters_are_escaped() {
        let text = "\u{9b}2J\u{202e}\u{7f}\n\"é\u{e0041}";
        let json = item(&text).unwrap();
        assert_eq!(json, r#""\u009b2J\u202e\u007f\n\"é\udb40\udc41""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
