//! Error responses: the status, and the service's code and message in each of the shapes that it uses.

use std::time::{Duration, SystemTime};

use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, shorten};
use crate::retry::Retry;
use crate::time::parse_http_date;
use crate::token::Token;

/// How many bytes of a body are searched for the service's error.
pub(super) const MAX_ERROR_BODY: usize = 64 * 1024;

/// Service messages are cut to this length, in characters.
const MAX_MESSAGE: usize = 200;

/// The service's description of an error.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ApiError {
    code: Option<u32>,
    message: Option<String>,
}

/// The members of an error, unparsed, so that an unexpected type in one of them does not hide the others.
#[derive(serde::Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

impl Members<'_> {
    fn api_error(&self) -> Option<ApiError> {
        let code = self.code.and_then(|code| code.get().parse().ok());
        let message = self.message.and_then(string);
        (code.is_some() || message.is_some()).then_some(ApiError { code, message })
    }
}

fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

impl ApiError {
    /// Reads an error response: JSON from the service, or a page or plain text from a server in front of it.
    ///
    /// `has_end` says whether a cut would have been noticed. Otherwise text is not shown: it may end inside the key,
    /// where it cannot be redacted.
    pub(super) fn from_body(body: &[u8], has_end: bool) -> Self {
        if let Some(error) = Self::from_json(body) {
            return error;
        }
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        let message = match text.chars().next() {
            Some('<') => page_title(text),
            // JSON of another shape adds nothing to the status.
            None | Some('{' | '[') => None,
            Some(_) => has_end.then(|| text.to_owned()),
        };
        Self {
            code: None,
            message,
        }
    }

    /// Reads an error in JSON. Returns `None` if the body has another shape.
    pub(crate) fn from_json(body: &[u8]) -> Option<Self> {
        let members: Members<'_> = serde_json::from_slice(body).ok()?;
        let Some(error) = members.error else {
            return members.api_error();
        };
        match string(error) {
            Some(message) => Some(Self {
                code: None,
                message: Some(message),
            }),
            None => serde_json::from_str::<Members<'_>>(error.get())
                .ok()?
                .api_error(),
        }
    }

    pub(super) fn without_message(self) -> Self {
        Self {
            message: None,
            ..self
        }
    }

    /// Uses the message from the header `X-Error-Message` if the body has none.
    pub(super) fn or_header(mut self, header: Option<&str>) -> Self {
        self.message = self.message.or_else(|| header.map(str::to_owned));
        self
    }

    pub(super) fn into_error(
        self,
        status: u16,
        retry_after: Option<Duration>,
        token: Option<&Token>,
    ) -> Error {
        let (kind, meaning) = classify(status, self.code);
        let retry = match retry_after {
            _ if !is_transient(status) => Retry::No,
            Some(delay) => Retry::After(delay),
            None => Retry::Yes,
        };
        let message = self.message.map(|message| redact(&message, token));
        let mut text = meaning.to_owned();
        if status != 200 {
            text = format!("{text} (status {status})");
        }
        if let Some(message) = message.as_deref().filter(|message| !message.is_empty()) {
            text = format!("{text}, the service says: {message}");
        }
        Error::new(kind, text)
            .with_status(status)
            .with_service_error(self.code, message)
            .retry(retry)
    }
}

/// Returns the title of an HTML page, usually the only line that explains it.
pub(super) fn page_title(page: &str) -> Option<String> {
    // This has the same length as the page, so positions in one are valid in the other.
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    let words: Vec<&str> = page[start..end].split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Returns whether the same request may succeed later.
pub(super) fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// Explains a status. With a 4xx, or an error sent with status 200, the service's code is more specific and takes
/// precedence.
fn classify(status: u16, code: Option<u32>) -> (ErrorKind, &'static str) {
    match (status, code) {
        (200 | 400..=499, Some(1000 | 1001 | 1009)) => {
            (ErrorKind::NotFound, "there is no such algorithm")
        }
        (200 | 400..=499, Some(1010)) => (ErrorKind::NotFound, "there is no such build"),
        (200 | 400..=499, Some(1011)) => (ErrorKind::NoLog, "there is no log"),
        (200 | 400..=499, Some(1014)) => (ErrorKind::NotFound, "there is no such version"),
        (200 | 400..=499, Some(2002)) | (401, _) => {
            (ErrorKind::Unauthorized, "the cluster rejected the key")
        }
        (200 | 400..=499, Some(2001)) | (403, _) => (
            ErrorKind::Unauthorized,
            "the key is not allowed to read this",
        ),
        (404, _) => (ErrorKind::NotFound, "not found"),
        (429, _) => (ErrorKind::Service, "too many requests"),
        (408 | 500..=599, _) => (ErrorKind::Service, "the cluster failed"),
        (200, _) => (ErrorKind::Service, "the cluster responded with an error"),
        (400..=499, _) => (ErrorKind::Service, "the cluster refused the request"),
        _ => (ErrorKind::Service, "unexpected response"),
    }
}

/// Prepares text from the service for an error message.
pub(super) fn redact(text: &str, token: Option<&Token>) -> String {
    // Shorten last: part of a key would not be recognized.
    let text = token.map_or_else(|| text.to_owned(), |token| token.redact(text));
    shorten(text.trim(), MAX_MESSAGE)
}

/// Parses `Retry-After`, which is a number of seconds or a date.
pub(super) fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let until = parse_http_date(value)?;
    Some(until.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_error() {
        for (body, code, message) in [
            (
                r#"{"error":{"id":1,"code":1,"message":"m"}}"#,
                Some(1),
                Some("m"),
            ),
            (r#"{"id":"7b","code":1,"message":"m"}"#, Some(1), Some("m")),
            (r#"{"error":"m"}"#, None, Some("m")),
            (r#"{"error":{"message":"m"}}"#, None, Some("m")),
            ("upstream is down\n", None, Some("upstream is down")),
            ("<html>502</html>", None, None),
            ("", None, None),
            (r#"{"results":[]}"#, None, None),
            (r#"{"error":7}"#, None, None),
            (r#"{"error":{"code":-1,"message":null}}"#, None, None),
        ] {
            let message = message.map(str::to_owned);
            let expected = ApiError { code, message };
            assert_eq!(ApiError::from_body(body.as_bytes(), true), expected);
        }
    }

    #[test]
    fn the_title_of_a_page() {
        for (page, title) in [
            ("<html><head><title>Sign in</title></head>", Some("Sign in")),
            (
                "<!DOCTYPE html>\n<TITLE lang=\"en\">\n 502 \n  é </TITLE >",
                Some("502 é"),
            ),
            ("<title></title>", None),
            ("<title>cut", None),
            ("<title", None),
            ("<html>", None),
        ] {
            assert_eq!(page_title(page).as_deref(), title, "{page}");
        }
    }

    #[test]
    fn statuses_and_codes() {
        use ErrorKind::{NoLog, NotFound, Service, Unauthorized};
        for (status, code, kind, retry) in [
            (403, None, Unauthorized, Retry::No),
            (404, None, NotFound, Retry::No),
            (404, Some(1010), NotFound, Retry::No),
            (404, Some(1011), NoLog, Retry::No),
            (400, Some(2002), Unauthorized, Retry::No),
            (400, Some(5003), Service, Retry::No),
            (501, None, Service, Retry::No),
            (200, Some(1010), NotFound, Retry::No),
            (200, Some(5001), Service, Retry::No),
            (408, None, Service, Retry::Yes),
            (500, Some(1010), Service, Retry::Yes),
        ] {
            let message = None;
            let error = ApiError { code, message }.into_error(status, None, None);
            assert_eq!((error.kind(), error.retryable()), (kind, retry));
            assert_eq!(error.service_code(), code);
            assert_eq!(error.status(), (status != 200).then_some(status));
        }
    }

    #[test]
    fn the_key_is_redacted_before_text_is_shortened() {
        let token = Token::simple("SECRET").unwrap();
        let start = "x".repeat(MAX_MESSAGE - 3);
        let text = redact(&format!(" {start}SECRET"), Some(&token));
        assert_eq!(text, format!("{start}[ke…"));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after(" 7 "), Some(Duration::from_secs(7)));
        let past = retry_after("Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(past, Some(Duration::ZERO));
        let minute = Some(Duration::from_secs(60));
        assert!(retry_after("Wed, 21 Oct 9015 07:28:00 GMT") > minute);
        assert!(retry_after("99999999999999999999") > minute);
        for junk in ["", "-1", "1.5", "Wed, 99 Foo 2015 07:28:00 GMT", "a, b"] {
            assert_eq!(retry_after(junk), None, "{junk}");
        }
    }
}
