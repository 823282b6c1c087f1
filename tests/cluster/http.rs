//! One connection: reads its requests and sends the responses.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use super::big::{BigLog, write_repeated};
use super::data::{self, Normal};
use super::reply::{self, End, Reply, Response, Step};
use super::tls::TlsStream;

/// A request as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Usually `GET`.
    pub method: String,
    /// The path and the query, undecoded.
    pub target: String,
    /// The headers in order, with the client's spelling of their names.
    pub headers: Vec<(String, String)>,
}

impl Request {
    /// Returns the target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Returns the undecoded query, or an empty string.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// Returns the first header with this name, ignoring case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self
            .headers
            .iter()
            .find(|header| header.0.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value.as_str())
    }

    fn parse(head: &[u8]) -> Option<Request> {
        let mut lines = std::str::from_utf8(head).ok()?.trim_end().split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        if words.next()? != "HTTP/1.1" {
            return None;
        }
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim().to_owned()))
        });
        Some(Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers.collect::<Option<_>>()?,
        })
    }
}

/// How often a blocked read checks whether the cluster has stopped.
const POLL: Duration = Duration::from_millis(100);

/// How long a client may stop reading, on systems where a blocked write cannot be woken.
const STALLED: Duration = Duration::from_secs(3);

/// Serves a connection until either side closes it.
pub(super) fn serve(stream: Arc<TcpStream>, shared: &Arc<Shared>) {
    // Send small responses without waiting for acknowledgements. An error, here and below, means that the client closed
    // the connection.
    let _ = stream.set_nodelay(true);
    let _ = stream.set_read_timeout(Some(POLL));
    if cfg!(windows) {
        // A write that has timed out cannot continue there, because the system does not report how much was sent.
        let _ = stream.set_write_timeout(Some(STALLED));
    }
    let shared = Arc::clone(shared);
    let socket = Socket { stream, shared };
    let mut link = Link::new(socket.clone());
    let result = serve_requests(&mut link, &socket.shared);
    if result.is_err_and(|error| error.kind() == io::ErrorKind::InvalidData) {
        // The handshake failed. Closing the connection before the client has sent its request would reset it, and the
        // client would not read the alert that names the reason.
        let _ = socket
            .stream
            .set_read_timeout(Some(Duration::from_millis(500)));
        let _ = io::copy(&mut &*socket.stream, &mut io::sink());
    }
}

/// A shared socket. Its reads end when the cluster stops.
#[derive(Debug, Clone)]
pub(super) struct Socket {
    stream: Arc<TcpStream>,
    shared: Arc<Shared>,
}

impl Socket {
    /// Waits for bytes and leaves them unread. It polls, because some systems offer no other way to wake a blocked
    /// thread.
    fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.peek(buffer) {
                Err(error) if is_timeout(&error) && !self.shared.state().stop => {}
                result => return result,
            }
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    use io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock)
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.peek(&mut [0])?;
        (&*self.stream).read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.stream).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn serve_requests(link: &mut Link, shared: &Shared) -> io::Result<()> {
    while let Some(head) = link.read_head()? {
        let request = Request::parse(&head).expect("a request with HTTP/1.1");
        let scripted = shared.record(&request);
        let reset = scripted.as_ref().is_some_and(|reply| reply.end == End::Rst);
        if !reset {
            link.read_rest()?;
        }
        let latency = shared.state().settings.latency;
        shared.pause(latency);
        let end = match scripted {
            Some(reply) => play(&reply, link, shared)?,
            None => {
                respond(&request, link, shared)?;
                End::KeepAlive
            }
        };
        match end {
            End::KeepAlive => {}
            End::Fin => return link.finish(),
            End::Rst => {
                // Let the sent bytes arrive first, because a reset discards them.
                shared.pause(Duration::from_millis(20));
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The maximum size of a request's head.
const HEAD: usize = 64 * 1024;

const HEAD_END: &[u8] = b"\r\n\r\n";

/// The connection to the client, with or without TLS.
struct Link {
    socket: Socket,
    /// TLS over the same socket; `None` without TLS.
    tls: Option<Box<TlsStream>>,
    /// How many bytes of the request's head are unread.
    unread: u64,
}

impl Link {
    fn new(socket: Socket) -> Link {
        let identity = socket.shared.identity.as_ref();
        let tls = identity.map(|identity| Box::new(identity.accept(socket.clone())));
        Link {
            socket,
            tls,
            unread: 0,
        }
    }

    /// Returns the head of the next request, or `None` if the client closed the connection.
    fn read_head(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.tls.is_some() {
            self.read_head_bytewise()
        } else {
            self.peek_head()
        }
    }

    /// Reads the head, but leaves its last byte unread in the kernel for [`read_rest`](Self::read_rest): closing a
    /// socket with unread bytes resets the connection, and std offers no other way to do that.
    fn peek_head(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut head = Vec::new();
        let mut buffer = [0; 4096];
        while head.len() <= HEAD {
            let seen = self.socket.peek(&mut buffer)?;
            if seen == 0 {
                return Ok(None);
            }
            let before = head.len();
            head.extend_from_slice(&buffer[..seen]);
            let end = find(&head, HEAD_END).map(|start| start + HEAD_END.len());
            let take = end.map_or(seen, |end| end - before - 1);
            self.read_exact(&mut buffer[..take])?;
            if let Some(end) = end {
                head.truncate(end);
                self.unread = 1;
                return Ok(Some(head));
            }
        }
        Err(io::ErrorKind::InvalidData.into())
    }

    /// Reads the head byte by byte. This is cheap, because rustls has decrypted the head as a whole.
    fn read_head_bytewise(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut head = Vec::new();
        let mut byte = [0];
        while head.len() <= HEAD {
            if self.read(&mut byte)? == 0 {
                return Ok(None);
            }
            head.push(byte[0]);
            if head.ends_with(HEAD_END) {
                return Ok(Some(head));
            }
        }
        Err(io::ErrorKind::InvalidData.into())
    }

    /// Reads the rest of the head, which `read_head` left unread.
    fn read_rest(&mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.unread);
        io::copy(&mut self.take(rest), &mut io::sink())?;
        Ok(())
    }

    /// Closes the sending side cleanly.
    fn finish(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.conn.send_close_notify();
            tls.flush()?;
        }
        self.socket.stream.shutdown(Shutdown::Write)
    }
}

impl Read for Link {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => tls.read(buffer),
            None => self.socket.read(buffer),
        }
    }
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => tls.write(bytes),
            None => self.socket.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => tls.flush(),
            None => Ok(()),
        }
    }
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    let mut windows = bytes.windows(pattern.len());
    windows.position(|window| window == pattern)
}

/// Sends a scripted reply.
fn play(reply: &Reply, link: &mut Link, shared: &Shared) -> io::Result<End> {
    if let Some(response) = &reply.response {
        send_response(response, link)?;
    }
    for step in &reply.steps {
        match step {
            Step::Send(bytes) => link.write_all(bytes)?,
            Step::Wait(time) => shared.pause(*time),
            Step::Drip(bytes, every) => {
                for byte in bytes {
                    shared.pause(*every);
                    link.write_all(&[*byte])?;
                    link.flush()?;
                }
            }
            Step::Repeat(bytes, times) => write_repeated(link, bytes, *times)?,
            Step::Stall => {
                // Wait until the client closes the connection.
                io::copy(link, &mut io::sink())?;
                return Ok(End::Fin);
            }
        }
        link.flush()?;
    }
    Ok(reply.end)
}

/// Responds as the service does.
fn respond(request: &Request, link: &mut Link, shared: &Shared) -> io::Result<()> {
    match data::respond(request, shared) {
        Normal::Response(response) => send_response(&response, link),
        Normal::Big(log) => {
            let response = Response::json(200, "");
            let length = Some(log.document_size());
            link.write_all(&reply::head(200, &response.headers, length))?;
            log.write_document(link)?;
            link.flush()
        }
    }
}

fn send_response(response: &Response, link: &mut Link) -> io::Result<()> {
    link.write_all(&response.head())?;
    link.write_all(&response.body)?;
    link.flush()
}
