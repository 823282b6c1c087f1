//! A proxy between the program and the fake cluster.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::cluster::{Cluster, KEY};

/// A proxy that supports CONNECT and forwards every request to one cluster. It stops when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
pub struct Seen {
    stop: bool,
    heads: Vec<String>,
    /// The bytes that clients sent through the proxy.
    bytes: Vec<u8>,
}

impl Proxy {
    pub fn to(cluster: &Cluster) -> Proxy {
        Proxy::start(Ok(cluster.port()))
    }

    /// Starts a proxy that responds to every connection with this status.
    pub fn refusing(status: u16) -> Proxy {
        Proxy::start(Err(status))
    }

    /// Starts a proxy to a port, or one that responds with a status.
    fn start(port: Result<u16, u16>) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if shared.lock().unwrap().stop {
                    return;
                }
                let shared = Arc::clone(&shared);
                // An error means that one side closed the connection.
                std::thread::spawn(move || client.and_then(|client| serve(client, port, &shared)));
            }
        });
        Proxy { address, seen }
    }

    /// Returns the URL of the proxy, with `user` in front of the host.
    pub fn url(&self, user: &str) -> String {
        format!("http://{user}{}", self.address)
    }

    pub fn heads(&self) -> Vec<String> {
        self.seen.lock().unwrap().heads.clone()
    }

    pub fn seen(&self) -> Vec<u8> {
        self.seen.lock().unwrap().bytes.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.seen.lock().unwrap().stop = true;
        let _ = TcpStream::connect(self.address);
    }
}

pub fn serve(mut client: TcpStream, port: Result<u16, u16>, seen: &Mutex<Seen>) -> io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    seen.lock().unwrap().heads.push(head);
    let port = match port {
        Ok(port) => port,
        Err(status) => {
            // No error may repeat these headers.
            let response = format!(
                "HTTP/1.1 {status} No\r\nContent-Length: 0\r\nX-Error-Message: {KEY}\r\n\r\n"
            );
            return client.write_all(response.as_bytes());
        }
    };
    let mut target = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from_target, mut to_client) = (target.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || io::copy(&mut from_target, &mut to_client));
    let mut buffer = [0; 4096];
    loop {
        let n = client.read(&mut buffer)?;
        if n == 0 {
            return target.shutdown(std::net::Shutdown::Write);
        }
        seen.lock().unwrap().bytes.extend_from_slice(&buffer[..n]);
        target.write_all(&buffer[..n])?;
    }
}
