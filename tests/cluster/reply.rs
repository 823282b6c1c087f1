//! Replies that a test scripts: ordinary ones, and such as are built of raw steps, so that every fault of HTTP can be
//! acted out.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

const JSON: &str = "application/json";

/// What to answer one request with.
///
/// [`status`](Self::status) and [`json`](Self::json) begin with a well-formed answer, [`raw`](Self::raw) with nothing;
/// the steps that follow are carried out in order after that. Then the connection is kept open for the next request,
/// unless [`fin`](Self::fin), [`rst`](Self::rst) or [`stall`](Self::stall) says otherwise.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(super) answer: Option<Answer>,
    pub(super) steps: Vec<Step>,
    pub(super) end: End,
}

#[derive(Debug, Clone)]
pub(super) struct Answer {
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
    /// An answer with this status and an empty body.
    pub fn status(status: u16) -> Reply {
        Reply {
            answer: Some(Answer::new(status)),
            ..Reply::raw()
        }
    }

    /// An answer with a JSON body.
    pub fn json(status: u16, json: &str) -> Reply {
        Reply {
            answer: Some(Answer::json(status, json)),
            ..Reply::raw()
        }
    }

    /// Nothing yet, not even a status line.
    pub fn raw() -> Reply {
        Reply {
            answer: None,
            steps: Vec::new(),
            end: End::KeepAlive,
        }
    }

    /// Adds a header to the answer. A `Content-Length` or `Transfer-Encoding` given here, true or not, keeps the true
    /// `Content-Length` from being added.
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Reply {
        let answer = self.answer.as_mut().expect("a raw reply has no headers");
        answer.add(name, value);
        self
    }

    /// Gives the answer its body.
    #[track_caller]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Reply {
        let answer = self.answer.as_mut().expect("a raw reply has no body");
        answer.body = body.as_ref().to_vec();
        self
    }

    /// Sends these bytes as they are.
    pub fn send(self, bytes: impl AsRef<[u8]>) -> Reply {
        self.step(Step::Send(bytes.as_ref().to_vec()))
    }

    /// Sends nothing for so long.
    pub fn wait(self, time: Duration) -> Reply {
        self.step(Step::Wait(time))
    }

    /// Sends these bytes one by one, with a pause before each.
    pub fn drip(self, bytes: impl AsRef<[u8]>, every: Duration) -> Reply {
        self.step(Step::Drip(bytes.as_ref().to_vec(), every))
    }

    /// Sends these bytes `times` times over.
    pub fn repeat(self, bytes: impl AsRef<[u8]>, times: u64) -> Reply {
        self.step(Step::Repeat(bytes.as_ref().to_vec(), times))
    }

    /// Is silent until the client goes away or the cluster is dropped.
    pub fn stall(self) -> Reply {
        self.step(Step::Stall)
    }

    /// Closes the connection, as a server in order does; over TLS with `close_notify`.
    pub fn fin(mut self) -> Reply {
        self.end = End::Fin;
        self
    }

    /// Resets the connection. What was sent before arrives, if the client is not slow to read it. Over TLS the
    /// connection is cut instead: closed without `close_notify`.
    pub fn rst(mut self) -> Reply {
        self.end = End::Rst;
        self
    }

    fn step(mut self, step: Step) -> Reply {
        self.steps.push(step);
        self
    }
}

impl Answer {
    pub(super) fn new(status: u16) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(super) fn json(status: u16, json: impl Into<Vec<u8>>) -> Answer {
        let mut answer = Answer::new(status);
        answer.add("Content-Type", JSON);
        answer.body = json.into();
        answer
    }

    pub(super) fn add(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub(super) fn is_json(&self) -> bool {
        self.headers.iter().any(|(_, value)| value == JSON)
    }

    /// The status line and the headers, with those added that any server sends.
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

/// A status line and headers, with the empty line that ends them.
pub(super) fn head(status: u16, headers: &[(String, String)], length: Option<u64>) -> Vec<u8> {
    // The date stands still, so that the same request has the same answer, byte for byte.
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

/// A whole answer, 200 with a JSON body, as the bytes on the wire: something to cut short or to take apart.
pub fn content_length(json: impl AsRef<[u8]>) -> Vec<u8> {
    let json = json.as_ref();
    let mut bytes = Answer::json(200, json).head();
    bytes.extend_from_slice(json);
    bytes
}

/// A body in chunked transfer encoding, its last chunk included.
///
/// A `chunk_size` of 0 is taken for 1.
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

/// A body in gzip.
pub fn gzip(body: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder
        .write_all(body.as_ref())
        .and_then(|()| encoder.finish())
        .expect("writing into a Vec cannot fail")
}

/// Every shape of error that is documented or was seen, by name, as a reply.
pub fn documented_errors() -> Vec<(&'static str, Reply)> {
    macro_rules! fixture {
        ($file:literal) => {
            include_str!(concat!("../../fixtures/errors/", $file))
        };
    }
    let html = |status, page: &str| {
        Reply::status(status)
            .header("Content-Type", "text/html")
            .body(page)
    };
    let text = |status, text: &str| {
        Reply::status(status)
            .header("Content-Type", "text/plain")
            .body(text)
    };
    vec![
        ("nested", Reply::json(403, fixture!("nested.json"))),
        ("flat", Reply::json(500, fixture!("flat.json"))),
        ("text", Reply::json(404, fixture!("text.json"))),
        (
            "message only",
            Reply::json(404, fixture!("message-only.json")),
        ),
        ("header", Reply::raw().send(fixture!("header.http"))),
        ("proxy's HTML", html(502, fixture!("proxy.html"))),
        ("proxy's text", text(503, fixture!("proxy.txt"))),
        ("empty", Reply::status(500).body(fixture!("empty"))),
        (
            "within a 200",
            Reply::json(200, fixture!("within-200.json")),
        ),
    ]
}
