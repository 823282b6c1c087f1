//! Replies that a test scripts: ordinary responses, and sequences of raw steps that can simulate every HTTP fault.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

/// How to respond to one request.
///
/// [`status`](Self::status) and [`json`](Self::json) begin with a well-formed response, [`raw`](Self::raw) with
/// nothing. The steps that follow are then carried out in order. Afterwards, the connection stays open for the next
/// request, unless [`fin`](Self::fin), [`rst`](Self::rst) or [`stall`](Self::stall) was called.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(super) response: Option<Response>,
    pub(super) steps: Vec<Step>,
    pub(super) end: End,
}

#[derive(Debug, Clone)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Send(Vec<u8>),
    Wait(Duration),
    Drip(Vec<u8>, Duration),
    Repeat(Vec<u8>, u64),
    Stall,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    KeepAlive,
    Fin,
    Rst,
}

impl Reply {
    /// Creates a response with this status and an empty body.
    pub fn status(status: u16) -> Reply {
        Reply {
            response: Some(Response::new(status)),
            ..Reply::raw()
        }
    }

    /// Creates a response with a JSON body.
    pub fn json(status: u16, json: &str) -> Reply {
        Reply {
            response: Some(Response::json(status, json)),
            ..Reply::raw()
        }
    }

    /// Creates an empty reply, without even a status line.
    pub fn raw() -> Reply {
        Reply {
            response: None,
            steps: Vec::new(),
            end: End::KeepAlive,
        }
    }

    /// Adds a header to the response. The correct `Content-Length` is added automatically unless a `Content-Length` or
    /// `Transfer-Encoding` is given here, correct or not.
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Reply {
        let response = self.response.as_mut().expect("a raw reply has no headers");
        response.add(name, value);
        self
    }

    /// Sets the body of the response.
    #[track_caller]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Reply {
        let response = self.response.as_mut().expect("a raw reply has no body");
        response.body = body.as_ref().to_vec();
        self
    }

    /// Sends these bytes unchanged.
    pub fn send(self, bytes: impl AsRef<[u8]>) -> Reply {
        self.step(Step::Send(bytes.as_ref().to_vec()))
    }

    /// Sends nothing for this long.
    pub fn wait(self, time: Duration) -> Reply {
        self.step(Step::Wait(time))
    }

    /// Sends these bytes one by one, with a pause before each.
    pub fn drip(self, bytes: impl AsRef<[u8]>, every: Duration) -> Reply {
        self.step(Step::Drip(bytes.as_ref().to_vec(), every))
    }

    /// Sends these bytes `times` times.
    pub fn repeat(self, bytes: impl AsRef<[u8]>, times: u64) -> Reply {
        self.step(Step::Repeat(bytes.as_ref().to_vec(), times))
    }

    /// Sends nothing more until the client closes the connection or the cluster is dropped.
    pub fn stall(self) -> Reply {
        self.step(Step::Stall)
    }

    /// Closes the connection cleanly; over TLS, with `close_notify`.
    pub fn fin(mut self) -> Reply {
        self.end = End::Fin;
        self
    }

    /// Resets the connection. Bytes already sent arrive if the client reads them quickly enough. Over TLS, the
    /// connection is closed without `close_notify` instead.
    pub fn rst(mut self) -> Reply {
        self.end = End::Rst;
        self
    }

    fn step(mut self, step: Step) -> Reply {
        self.steps.push(step);
        self
    }
}

impl Response {
    pub(super) fn new(status: u16) -> Response {
        Response {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(super) fn json(status: u16, json: impl Into<Vec<u8>>) -> Response {
        let mut response = Response::new(status);
        response.add("Content-Type", "application/json");
        response.body = json.into();
        response
    }

    pub(super) fn add(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Returns the status line and the headers, including those that every server sends.
    pub(super) fn head(&self) -> Vec<u8> {
        let framed = self.headers.iter().any(|(name, _)| {
            name.eq_ignore_ascii_case("content-length")
                || name.eq_ignore_ascii_case("transfer-encoding")
        });
        let bodiless = matches!(self.status, 100..=199 | 204 | 304);
        let length = (!framed && !bodiless).then_some(self.body.len() as u64);
        head(self.status, &self.headers, length)
    }
}

/// Returns a status line and headers, with the empty line at their end.
pub(super) fn head(status: u16, headers: &[(String, String)], length: Option<u64>) -> Vec<u8> {
    // The date is fixed, so that equal requests get equal responses.
    let mut head = format!(
        "HTTP/1.1 {status} {}\r\nServer: nginx\r\nDate: Wed, 04 Aug 2021 08:00:00 GMT\r\n",
        reason(status)
    );
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if let Some(length) = length {
        let _ = write!(head, "Content-Length: {length}\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unnamed",
    }
}

/// Returns a complete 200 response with a JSON body, as the bytes on the wire, for tests that cut or modify it.
pub fn content_length(json: impl AsRef<[u8]>) -> Vec<u8> {
    let json = json.as_ref();
    let mut bytes = Response::json(200, json).head();
    bytes.extend_from_slice(json);
    bytes
}

/// Encodes a body in chunks, including the last, empty chunk.
///
/// A `chunk_size` of 0 counts as 1.
pub fn chunked(body: impl AsRef<[u8]>, chunk_size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in body.as_ref().chunks(chunk_size.max(1)) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// Compresses a body with gzip.
pub fn gzip(body: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder
        .write_all(body.as_ref())
        .and_then(|()| encoder.finish())
        .expect("writing into a Vec cannot fail")
}
