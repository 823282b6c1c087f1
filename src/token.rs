//! The API key or bearer token: checked once, and never shown.

use std::fmt;

use crate::error::Error;

/// An API key or a bearer token, sent in the `Authorization` header.
///
/// The constructors check that the value is valid in a header: a line ending would start another header. `Debug` does
/// not show the value, and no method returns it.
///
/// One final line ending (`\n` or `\r\n`) is dropped, because key files usually end with one. A value that already
/// begins with `Simple ` or `Bearer ` is sent unchanged.
///
/// # Examples
///
/// ```
/// use algo_logs::Token;
///
/// let token = Token::simple("sim0123456789abcdef\n")?;
/// assert_eq!(format!("{token:?}"), "Token(Simple …)");
/// assert!(Token::simple("two\nlines").is_err());
/// # Ok::<(), algo_logs::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    scheme: &'static str,
    secret: String,
}

/// The limit in bytes. Servers accept less than this for all headers together.
const MAX_LENGTH: usize = 16 * 1024;

const SIMPLE: &str = "Simple";
const BEARER: &str = "Bearer";

impl Token {
    /// Returns a token for an API key, or for a JWT on a cluster that accepts one as a key. It is sent as `Simple KEY`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the key is empty, is longer than 16 KiB, or
    /// contains a space, a line ending, a control character or a non-ASCII character.
    pub fn simple(key: impl AsRef<str>) -> Result<Self, Error> {
        Self::new(SIMPLE, key.as_ref())
    }

    /// Returns a token for a JWT. It is sent as `Bearer JWT`.
    ///
    /// # Errors
    ///
    /// As for [`Token::simple`].
    pub fn bearer(jwt: impl AsRef<str>) -> Result<Self, Error> {
        Self::new(BEARER, jwt.as_ref())
    }

    fn new(scheme: &'static str, value: &str) -> Result<Self, Error> {
        let value = value
            .strip_suffix("\r\n")
            .or_else(|| value.strip_suffix('\n'))
            .unwrap_or(value);
        let (scheme, secret) = [SIMPLE, BEARER]
            .iter()
            .find_map(|&scheme| {
                let secret = value.strip_prefix(scheme)?.strip_prefix(' ')?;
                Some((scheme, secret))
            })
            .unwrap_or((scheme, value));
        let wrong = |why: &str| {
            Err(Error::invalid_input(format!(
                "the key cannot be used: {why}"
            )))
        };
        if secret.is_empty() {
            return wrong("it is empty");
        }
        if secret.len() > MAX_LENGTH {
            return wrong("it is longer than 16 KiB");
        }
        match secret.chars().find(|c| !c.is_ascii_graphic()) {
            None => Ok(Self {
                scheme,
                secret: secret.to_owned(),
            }),
            Some('\r' | '\n') => wrong("it contains a line ending"),
            Some(' ') => wrong("it contains a space"),
            Some(c) if c.is_ascii() => wrong("it contains a control character"),
            Some(_) => wrong("it contains a non-ASCII character"),
        }
    }

    /// Returns the value of the `Authorization` header.
    pub(crate) fn header(&self) -> String {
        format!("{} {}", self.scheme, self.secret)
    }

    /// Replaces the key with `[key]` wherever it occurs in `text`, in any case and even if it is percent-encoded, as in
    /// a URL. Use it for text from the service, which may repeat the key. The library's errors are already redacted.
    ///
    /// # Examples
    ///
    /// ```
    /// let token = algo_logs::Token::simple("sim0123456789")?;
    /// assert_eq!(token.redact("no such key: sim0123456789"), "no such key: [key]");
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn redact(&self, text: &str) -> String {
        let mut redacted = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            rest = match self.strip_key(rest) {
                Some(rest) => {
                    redacted.push_str("[key]");
                    rest
                }
                None => {
                    redacted.push(c);
                    &rest[c.len_utf8()..]
                }
            };
        }
        redacted
    }

    /// Strips the key from the start of a text.
    fn strip_key<'a>(&self, text: &'a str) -> Option<&'a str> {
        match text.split_at_checked(self.secret.len()) {
            Some((start, rest)) if start.eq_ignore_ascii_case(&self.secret) => Some(rest),
            _ => self.secret.bytes().try_fold(text, strip_byte),
        }
    }
}

/// Strips an ASCII character, which may be percent-encoded, from the start of a text.
fn strip_byte(text: &str, byte: u8) -> Option<&str> {
    let is_byte = |found: u8| found.eq_ignore_ascii_case(&byte);
    let encoded = text
        .strip_prefix('%')
        .and_then(|hex| hex.split_at_checked(2));
    match encoded {
        Some((hex, rest)) if u8::from_str_radix(hex, 16).is_ok_and(is_byte) => Some(rest),
        _ => text.strip_prefix(|c: char| u8::try_from(c).is_ok_and(is_byte)),
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({} …)", self.scheme)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn sent_as(token: Result<Token, Error>, header: &str) {
        assert_eq!(token.unwrap().header(), header);
    }

    #[track_caller]
    fn rejected(value: &str, why: &str) {
        let error = Token::simple(value).unwrap_err();
        assert_eq!(error.to_string(), format!("the key cannot be used: {why}"));
        assert!(!format!("{error:?}").contains("SECRET"));
    }

    #[test]
    fn schemes() {
        sent_as(Token::simple("k"), "Simple k");
        sent_as(Token::bearer("j"), "Bearer j");
        sent_as(Token::simple("Bearer j"), "Bearer j");
        sent_as(Token::bearer("Simple k"), "Simple k");
        sent_as(Token::simple("Simple"), "Simple Simple");
    }

    #[test]
    fn one_final_line_ending_is_dropped() {
        sent_as(Token::simple("k\n"), "Simple k");
        sent_as(Token::simple("k\r\n"), "Simple k");
        rejected("SECRET\n\n", "it contains a line ending");
        rejected("SECRET\r", "it contains a line ending");
    }

    #[test]
    fn invalid_keys_are_rejected_and_not_shown() {
        rejected("", "it is empty");
        rejected("\n", "it is empty");
        rejected("Simple ", "it is empty");
        rejected("SECRET SECRET", "it contains a space");
        rejected(" SECRET", "it contains a space");
        rejected("SECRET\r\nX: y", "it contains a line ending");
        rejected("SECRET\t", "it contains a control character");
        rejected("SECRET\0", "it contains a control character");
        rejected("SECRET\u{7f}", "it contains a control character");
        rejected("SECRETé", "it contains a non-ASCII character");
    }

    #[test]
    fn the_key_is_never_shown() {
        let token = Token::bearer("SECRET").unwrap();
        assert_eq!(format!("{token:?}"), "Token(Bearer …)");
        assert_eq!(
            token.redact("no SECRET here: SECRET"),
            "no [key] here: [key]"
        );
    }

    #[test]
    fn every_form_of_the_key_is_redacted() {
        let token = Token::simple("sim+/%25=").unwrap();
        for key in [
            "sim+/%25=",
            "SIM+/%25=",
            "sim%2B%2F%2525%3D",
            "sim%2b%2f%2525=",
            "%73%49m+%2F%25%32%35=",
        ] {
            assert_eq!(token.redact(&format!("é{key}%")), "é[key]%");
        }
        for other in [
            "",
            "sim",
            "sim+/%2",
            "sim+/%",
            "sim+/%25é",
            "sim %2B",
            "ſim+/%25=",
        ] {
            assert_eq!(token.redact(other), other);
        }
    }
}
