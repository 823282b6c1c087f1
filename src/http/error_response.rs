//! What a error_response means: a status, the service's own code and words, out of every shape in which they come.

use std::time::{Duration, SystemTime};

use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, Retry};
use crate::time::parse_http_date;
use crate::token::Token;

/// At most this much of an answer's body is looked at for the reason of a error_response.
pub(crate) const MAX_ERROR_BODY: u64 = 64 * 1024;

/// The longest that the service's words are passed on, in characters.
const MAX_MESSAGE: usize = 200;

/// The service's own word for what is wrong.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ApiError {
    code: Option<u32>,
    message: Option<String>,
}

/// The members of an error, each as it is: one of an odd type is no reason to miss the others.
#[derive(serde::Deserialize)]
struct Shape<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

impl Shape<'_> {
    fn reason(&self) -> Option<ApiError> {
        let code = self.code.and_then(|code| code.get().parse().ok());
        let message = self.message.and_then(text);
        (code.is_some() || message.is_some()).then_some(ApiError { code, message })
    }
}

fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

impl ApiError {
    /// Reads the reason out of a body: one of the service's JSON shapes, or plain text from something before it.
    pub(crate) fn from_body(body: &[u8]) -> Self {
        if let Some(reason) = Self::from_json(body) {
            return reason;
        }
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        // A page of HTML says nothing in one line that its status does not.
        let plain = !text.is_empty() && !text.starts_with(['<', '{', '[']);
        Self {
            code: None,
            message: plain.then(|| text.to_owned()),
        }
    }

    /// The reason in a JSON body that has the shape of an error; `None` for any other.
    pub(crate) fn from_json(body: &[u8]) -> Option<Self> {
        let shape: Shape<'_> = serde_json::from_slice(body).ok()?;
        let Some(error) = shape.error else {
            return shape.reason();
        };
        match text(error) {
            Some(message) => Some(Self {
                code: None,
                message: Some(message),
            }),
            None => serde_json::from_str::<Shape<'_>>(error.get())
                .ok()?
                .reason(),
        }
    }

    /// The words of the header `X-Error-Message`, for where the body has none.
    pub(crate) fn or_header(mut self, header: Option<&str>) -> Self {
        self.message = self.message.or_else(|| header.map(str::to_owned));
        self
    }

    /// The error for an answer with this status and this reason.
    pub(crate) fn into_error(
        self,
        status: u16,
        retry_after: Option<Duration>,
        token: Option<&Token>,
    ) -> Error {
        let (kind, why) = judge(status, self.code);
        let message = self.message.map(|message| shorten(&message, token));
        let passes = matches!(status, 408 | 429 | 500 | 502 | 503 | 504);
        let retry = match retry_after {
            Some(pause) if passes => Retry::After(pause),
            None if passes => Retry::Yes,
            _ => Retry::No,
        };
        let mut text = why.to_owned();
        if status != 200 {
            text = format!("{text} (status {status})");
        }
        if let Some(message) = message.as_deref().filter(|message| !message.is_empty()) {
            text = format!("{text}, the service says: {message}");
        }
        let error = Error::new(kind, text)
            .with_code(self.code)
            .with_message(message)
            .retry(retry);
        if status == 200 {
            error
        } else {
            error.with_status(status)
        }
    }
}

/// What the service's code means, where the status leaves a choice or (200) says nothing.
fn judge(status: u16, code: Option<u32>) -> (ErrorKind, &'static str) {
    match (status, code) {
        (200 | 400..=499, Some(1000 | 1001 | 1009)) => {
            (ErrorKind::NotFound, "there is no such algorithm")
        }
        (200 | 400..=499, Some(1010)) => (ErrorKind::NotFound, "there is no such build"),
        (200 | 400..=499, Some(1011)) => (ErrorKind::NoLog, "there is no log of it"),
        (200 | 400..=499, Some(1014)) => (ErrorKind::NotFound, "there is no such version"),
        (200 | 400..=499, Some(2002)) | (401, _) => (
            ErrorKind::Unauthorized,
            "the cluster does not accept the key",
        ),
        (200 | 400..=499, Some(2001)) | (403, _) => {
            (ErrorKind::Unauthorized, "the key may not read this")
        }
        (404, _) => (ErrorKind::NotFound, "the cluster knows no such thing"),
        (429, _) => (ErrorKind::Service, "the cluster has had too many requests"),
        (408 | 500..=599, _) => (ErrorKind::Service, "the cluster failed"),
        (200, _) => (ErrorKind::Service, "the cluster answered with an error"),
        _ => (ErrorKind::Service, "the cluster refused the request"),
    }
}

/// The service's words, without the key and no longer than helps.
pub(crate) fn shorten(text: &str, token: Option<&Token>) -> String {
    // The key first: what is left of one that was cut in two would not be recognized.
    let text = token.map_or_else(|| text.to_owned(), |token| token.redact(text));
    let text = text.trim();
    match text.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// How long `Retry-After` asks to wait: a number of seconds, or a date.
pub(crate) fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit are simply very long.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let until = parse_http_date(value)?;
    Some(
        until
            .duration_since(SystemTime::now())
            .unwrap_or(Duration::ZERO),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reason(body: &str, code: Option<u32>, message: Option<&str>) {
        let expected = ApiError {
            code,
            message: message.map(str::to_owned),
        };
        assert_eq!(ApiError::from_body(body.as_bytes()), expected);
    }

    #[test]
    fn every_shape_of_error() {
        let id = "7b7c32f8";
        reason(
            &format!(r#"{{"error":{{"id":"{id}","code":2001,"message":"not allowed"}}}}"#),
            Some(2001),
            Some("not allowed"),
        );
        reason(
            &format!(r#"{{"id":"{id}","code":5005,"message":"m"}}"#),
            Some(5005),
            Some("m"),
        );
        reason(
            r#"{"error":"No such algorithm"}"#,
            None,
            Some("No such algorithm"),
        );
        reason(r#"{"error":{"message":"m"}}"#, None, Some("m"));
        reason("upstream is down\n", None, Some("upstream is down"));
        reason("<html>502</html>", None, None);
        reason("", None, None);
        reason(r#"{"results":[]}"#, None, None);
        reason(r#"{"error":7}"#, None, None);
        reason(r#"{"error":{"code":-1,"message":null}}"#, None, None);
    }

    #[test]
    fn a_header_speaks_where_the_body_does_not() {
        let error = ApiError::default()
            .or_header(Some("from the header"))
            .into_error(502, None, None);
        assert_eq!(
            error.to_string(),
            "the cluster failed (status 502), the service says: from the header"
        );
    }

    #[track_caller]
    fn judged(status: u16, code: Option<u32>, kind: ErrorKind, retry: Retry) {
        let reason = ApiError {
            code,
            message: None,
        };
        let error = reason.into_error(status, None, None);
        assert_eq!((error.kind(), error.retryable()), (kind, retry));
        assert_eq!(error.code(), code);
        assert_eq!(error.status(), (status != 200).then_some(status));
    }

    #[test]
    fn statuses_and_codes() {
        use ErrorKind::{NoLog, NotFound, Service, Unauthorized};
        judged(401, None, Unauthorized, Retry::No);
        judged(403, None, Unauthorized, Retry::No);
        judged(404, None, NotFound, Retry::No);
        judged(404, Some(1001), NotFound, Retry::No);
        judged(404, Some(1010), NotFound, Retry::No);
        judged(404, Some(1011), NoLog, Retry::No);
        judged(400, Some(2002), Unauthorized, Retry::No);
        judged(400, Some(5003), Service, Retry::No);
        judged(418, None, Service, Retry::No);
        judged(204, None, Service, Retry::No);
        judged(501, None, Service, Retry::No);
        judged(200, Some(1010), NotFound, Retry::No);
        judged(200, Some(5001), Service, Retry::No);
        for status in [408, 429, 500, 502, 503, 504] {
            judged(status, None, Service, Retry::Yes);
        }
        judged(500, Some(1010), Service, Retry::Yes);
    }

    #[test]
    fn words_are_shortened_and_hold_no_key() {
        let token = Token::simple("SECRET").unwrap();
        let long = format!("{}SECRET", "x".repeat(MAX_MESSAGE - 3));
        assert_eq!(
            shorten(&long, Some(&token)),
            format!("{}[ke…", "x".repeat(MAX_MESSAGE - 3))
        );
        assert_eq!(shorten(" a ", None), "a");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(
            retry_after("99999999999999999999"),
            Some(Duration::from_secs(u64::MAX))
        );
        assert_eq!(
            retry_after("Wed, 21 Oct 2015 07:28:00 GMT"),
            Some(Duration::ZERO)
        );
        assert!(retry_after("Wed, 21 Oct 9015 07:28:00 GMT") > Some(Duration::from_secs(60)));
        for junk in [
            "",
            "soon",
            "-1",
            "1.5",
            "Wed, 99 Foo 2015 07:28:00 GMT",
            "a, b",
        ] {
            assert_eq!(retry_after(junk), None, "{junk}");
        }
    }
}
