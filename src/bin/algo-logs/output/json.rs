//! Lists as JSON: the service's own objects, in one array.

use serde::Serialize;

use crate::error::CliError;
use crate::output::sanitize::is_unsafe;

/// One array, an object a line, with every member that the service sent and nothing changed but the white space
/// between them.
pub(crate) fn array<T: Serialize>(items: &[T]) -> Result<String, CliError> {
    let mut text = String::from("[");
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            text.push_str(",\n ");
        }
        let object = serde_json::to_string(item)
            .map_err(|error| CliError::invalid_response(error.to_string()))?;
        compact(&object, &mut text);
    }
    text.push_str("]\n");
    Ok(text)
}

/// Drops white space outside of strings, and writes as escapes what a terminal might act on inside of them.
fn compact(json: &str, out: &mut String) {
    let mut in_string = false;
    let mut escaped = false;
    for c in json.chars() {
        if !in_string && c.is_ascii_whitespace() {
            continue;
        }
        if is_unsafe(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = in_string;
        } else if c == '"' {
            in_string = !in_string;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn compacted(json: &str, expected: &str) {
        let mut out = String::new();
        compact(json, &mut out);
        assert_eq!(out, expected);
        let read = |text| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&out), read(json));
    }

    #[test]
    fn white_space_goes_from_outside_of_strings() {
        compacted("{ \"a b\" :\r\n\t1 }", "{\"a b\":1}");
        compacted(r#"{"a": "\" b"}"#, r#"{"a":"\" b"}"#);
        compacted(r#"{"a\\": " b"}"#, r#"{"a\\":" b"}"#);
    }

    #[test]
    fn what_a_terminal_acts_on_is_escaped() {
        compacted(
            "[\"\u{9b}2J\u{202e}\u{7f}é\"]",
            "[\"\\u009b2J\\u202e\\u007fé\"]",
        );
    }

    #[test]
    fn arrays() {
        assert_eq!(array::<u8>(&[]).unwrap(), "[]\n");
        assert_eq!(array(&[1, 2]).unwrap(), "[1,\n 2]\n");
    }
}
