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

    /// Replaces the key with `[key]` wherever `text` contains it exactly. Use it for text from the service, which may
    /// repeat the key. The library's errors are already redacted.
    ///
    /// # Examples
    ///
    /// ```
    /// let token = algo_logs::Token::simple("sim0123456789")?;
    /// assert_eq!(token.redact("no such key: sim0123456789"), "no such key: [key]");
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn redact(&self, text: &str) -> String {
        text.replace(&self.secret, "[key]")
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
}
