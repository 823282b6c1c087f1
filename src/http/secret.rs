//! The token, put into a request on its last step towards TLS.
//!
//! ureq hands the head of every request, byte for byte, to the logger of the program that embeds it (`ureq_proto`, at
//! level trace), sensitive headers included, and nothing in its settings keeps it from that. So all that it gets to see
//! is a stand-in as long as the token, and the transport that it writes to changes one for the other.
//!
//! Where no stand-in is found, no token is sent: the worst that another ureq could make of this is a 401.

use std::fmt;
use std::sync::Arc;

use ureq::http::HeaderValue;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

use crate::error::Error;
use crate::token::Token;

/// The line of a request's head that says who asks, as ureq writes it and as it is sent.
pub(super) struct Secret {
    value: HeaderValue,
    written: Vec<u8>,
    sent: Vec<u8>,
}

impl Secret {
    pub(super) fn new(token: &Token) -> Result<Self, Error> {
        let header = token.header();
        let stand_in = "*".repeat(header.len());
        let mut value = HeaderValue::try_from(&stand_in)
            .map_err(|_| Error::settings("the key cannot be used in a header"))?;
        value.set_sensitive(true);
        // With both line ends, so that nothing but this one line can be taken for it.
        let line = |value: &str| format!("\r\nauthorization: {value}\r\n").into_bytes();
        Ok(Self {
            value,
            written: line(&stand_in),
            sent: line(&header),
        })
    }

    /// What ureq is to take for the value of `Authorization`.
    pub(super) fn stand_in(&self) -> HeaderValue {
        self.value.clone()
    }

    fn find(&self, output: &[u8]) -> Option<usize> {
        let length = self.written.len();
        output
            .windows(length)
            .position(|window| window == self.written)
    }
}

/// The last link of ureq's chain of connectors.
pub(super) struct Revealing(pub(super) Arc<Secret>);

impl<In: Transport> Connector<In> for Revealing {
    type Out = RevealingTransport<In>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        Ok(chained.map(|transport| RevealingTransport {
            transport,
            secret: self.0.clone(),
        }))
    }
}

pub(super) struct RevealingTransport<T> {
    transport: T,
    secret: Arc<Secret>,
}

impl<T: Transport> Transport for RevealingTransport<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.transport.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let output = &self.transport.buffers().output()[..amount];
        let Some(at) = self.secret.find(output) else {
            return self.transport.transmit_output(amount, timeout);
        };
        let place = at..at + self.secret.sent.len();
        self.transport.buffers().output()[place.clone()].copy_from_slice(&self.secret.sent);
        let result = self.transport.transmit_output(amount, timeout);
        // The buffer is ureq's, and stays with the connection.
        self.transport.buffers().output()[place].copy_from_slice(&self.secret.written);
        result
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.transport.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.transport.is_open()
    }

    fn is_tls(&self) -> bool {
        self.transport.is_tls()
    }
}

impl fmt::Debug for Revealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Revealing")
    }
}

impl<T: fmt::Debug> fmt::Debug for RevealingTransport<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.transport.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use ureq::Timeout;
    use ureq::unversioned::transport::LazyBuffers;
    use ureq::unversioned::transport::time::Duration;

    /// Keeps what it is given to send.
    #[derive(Debug)]
    struct Recorder {
        buffers: LazyBuffers,
        sent: Vec<u8>,
    }

    impl Transport for Recorder {
        fn buffers(&mut self) -> &mut dyn Buffers {
            &mut self.buffers
        }

        fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
            self.sent
                .extend_from_slice(&self.buffers.output()[..amount]);
            Ok(())
        }

        fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
            Ok(false)
        }

        fn is_open(&mut self) -> bool {
            true
        }
    }

    #[track_caller]
    fn sends(written: &str, sent: &str) {
        let secret = Secret::new(&Token::simple("KEY").unwrap()).unwrap();
        let mut revealing = RevealingTransport {
            transport: Recorder {
                buffers: LazyBuffers::new(100, 100),
                sent: Vec::new(),
            },
            secret: Arc::new(secret),
        };
        let output = revealing.buffers().output();
        output[..written.len()].copy_from_slice(written.as_bytes());
        let timeout = NextTimeout {
            after: Duration::NotHappening,
            reason: Timeout::Global,
            per_read: None,
            per_write: None,
        };
        revealing.transmit_output(written.len(), timeout).unwrap();
        assert_eq!(revealing.transport.sent, sent.as_bytes());
        // Neither the buffer, which ureq may look at again, nor `Debug` has the token.
        let left = &revealing.buffers().output()[..written.len()];
        assert_eq!(left, written.as_bytes());
        assert!(!format!("{revealing:?}").contains("KEY"));
    }

    #[test]
    fn the_token_is_there_for_the_socket_alone() {
        sends(
            "GET / HTTP/1.1\r\nauthorization: **********\r\n\r\n",
            "GET / HTTP/1.1\r\nauthorization: Simple KEY\r\n\r\n",
        );
    }

    #[test]
    fn nothing_else_is_taken_for_its_place() {
        for other in [
            "CONNECT h:443 HTTP/1.1\r\n\r\n",
            "GET /********** HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nauthorization: ***********\r\n\r\n",
            "GET / HTTP/1.1\r\nx-authorization: **********\r\n\r\n",
            "",
        ] {
            sends(other, other);
        }
    }
}
