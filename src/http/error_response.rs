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
pub(super) struct ApiError {
    code: Option<u32>,
    pub(super) message: Option<String>,
}

/// The members of an error, unparsed, so that an unexpected value in one of them does not hide the others.
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

    /// Reads an error in JSON. Returns `None` if the body has another shape, or is too long for an error.
    pub(super) fn from_json(body: &[u8]) -> Option<Self> {
        let body = Some(body).filter(|body| body.len() <= MAX_ERROR_BODY)?;
        let document: Members<'_> = serde_json::from_slice(body).ok()?;
        let Some(error) = document.error else {
            return document.api_error();
        };
        match string(error) {
            message @ Some(_) => Some(Self {
                code: None,
                message,
            }),
            None => serde_json::from_str::<Members<'_>>(error.get())
                .ok()?
                .api_error(),
        }
    }

    pub(super) fn into_error(
        self,
        status: u16,
        retry_after: Option<Duration>,
        token: Option<&Token>,
    ) -> Error {
        let (kind, meaning) = classify(status, self.code);
        let retry = match (retry(status), retry_after) {
            (Retry::Yes, Some(delay)) => Retry::After(delay),
            (retry, _) => retry,
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
            .with_response(status, self.code, message)
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
pub(super) fn retry(status: u16) -> Retry {
    match status {
        408 | 429 | 500 | 502 | 503 | 504 => Retry::Yes,
        _ => Retry::No,
    }
}

/// Explains a status. With a 4xx, or an error sent with status 200, the service's code is more specific and takes
/// precedence.
fn classify(status: u16, code: Option<u32>) -> (ErrorKind, &'static str) {
    use ErrorKind::{NoLog, NotFound, Service, Unauthorized};
    match (code.filter(|_| matches!(status, 200 | 400..=499)), status) {
        (Some(1000 | 1001 | 1009), _) => (NotFound, "there is no such algorithm"),
        (Some(1010), _) => (NotFound, "there is no such build"),
        (Some(1011), _) => (NoLog, "there is no log"),
        (Some(1014), _) => (NotFound, "there is no such version"),
        (Some(2002), _) | (_, 401) => (Unauthorized, "the cluster rejected the key"),
        (Some(2001), _) | (_, 403) => (Unauthorized, "the key is not allowed to read this"),
        (_, 404) => (NotFound, "not found"),
        (_, 429) => (Service, "too many requests"),
        (_, 408 | 500..=599) => (Service, "the cluster failed"),
        (_, 200) => (Service, "the cluster responded with an error"),
        (_, 400..=499) => (Service, "the cluster refused the request"),
        _ => (Service, "unexpected response"),
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
}
