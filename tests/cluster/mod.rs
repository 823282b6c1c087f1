//! A fake Algorithmia cluster, shared by the tests, the demo and the benchmark.
//!
//! It is a plain `std::net` server on loopback with one thread per connection. It responds as the service is documented
//! to and records every request. A test can script any other response to a path ([`Cluster::script`]), down to a cut in
//! the middle of a header. Dropping the cluster stops all of its threads.
//!
//! `data.rs` defines its data. These are the algorithms:
//!
//! | algorithm | purpose |
//! |---|---|
//! | `ALGO_OWNER/ALGO_NAME` | the documented responses, byte for byte |
//! | `acme/Lemmatizer` | every kind of build, and versions with every member |
//! | `acme/Paged` | 57 builds and 23 versions, for paging |
//! | `acme/Waiting` | a build, `b-wait`, that finishes after a few requests for it |
//! | `acme/Big` | logs of any size; the build ID contains the size: `docker-1073741824` |
//! | `acme/Empty`, `acme/Secret` | no builds yet; access denied |
#![allow(
    dead_code,
    unused_imports,
    reason = "the tests, the demo and the benchmark each use a part of it"
)]

pub mod big;
pub mod data;
mod http;
pub mod reply;
pub mod tls;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use data::{JWT, KEY};
pub use http::Request;
pub use reply::Reply;
pub use tls::Identity;

/// A running cluster; it stops when dropped.
#[derive(Debug)]
pub struct Cluster {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

impl Cluster {
    /// Starts a cluster on a free port of the loopback interface.
    pub fn start() -> Cluster {
        Cluster::start_on(0).expect("there is a free port")
    }

    /// Starts a cluster on the given port of the loopback interface; 0 picks a free one.
    pub fn start_on(port: u16) -> io::Result<Cluster> {
        Cluster::listen(port, None)
    }

    /// Starts a cluster on a free port, over TLS.
    pub fn start_tls(identity: Identity) -> Cluster {
        Cluster::listen(0, Some(identity)).expect("there is a free port")
    }

    fn listen(port: u16, identity: Option<Identity>) -> io::Result<Cluster> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            identity,
            state: Mutex::default(),
            stopped: Condvar::new(),
        });
        let accepting = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Ok(Cluster {
            shared,
            address,
            accepting: Some(accepting),
        })
    }

    /// Returns the base URL, without a trailing `/`.
    pub fn url(&self) -> String {
        let port = self.port();
        match self.shared.identity {
            Some(_) => format!("https://localhost:{port}"),
            None => format!("http://127.0.0.1:{port}"),
        }
    }

    /// Returns the port that the cluster listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the requests so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    /// Returns the number of connections so far.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// Sends `reply` to the next request for `path`. Several replies to one path are used in turn.
    ///
    /// `path` is compared with the undecoded path of the request, without its query.
    pub fn script(&self, path: &str, reply: Reply) {
        let mut state = self.shared.state();
        let queue = state.scripted.entry(path.to_owned()).or_default();
        queue.push_back(reply);
    }

    /// Sends `reply` to every request for `path` that [`script`](Self::script) has no reply for.
    pub fn script_always(&self, path: &str, reply: Reply) {
        let mut state = self.shared.state();
        state.scripted_always.insert(path.to_owned(), reply);
    }

    /// Sets the delay before each response. Defaults to none.
    pub fn latency(&self, latency: Duration) {
        self.shared.state().settings.latency = latency;
    }

    /// Sets the number of items on a page if the request has no `limit`. Defaults to 50.
    pub fn page_size(&self, items: usize) {
        self.shared.state().settings.page_size = items;
    }

    /// Keeps the build `b-wait` of `acme/Waiting` in progress for the next `times` requests for it. Defaults to 2.
    pub fn finish_after(&self, times: usize) {
        self.shared.state().settings.waits_left = times;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.shared.stop();
        // Only a connection wakes the thread that accepts connections.
        let woken = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            if woken.is_ok() {
                join(accepting);
            }
        }
        let (open, serving) = {
            let mut state = self.shared.state();
            (
                std::mem::take(&mut state.open),
                std::mem::take(&mut state.serving),
            )
        };
        // On most systems, this ends reads and writes at once. On others, a read notices the stop on its next poll.
        for socket in open.iter().filter_map(Weak::upgrade) {
            // An error means that the client has already closed the connection.
            let _ = socket.shutdown(Shutdown::Both);
        }
        serving.into_iter().for_each(join);
    }
}

/// Fails the test if a thread of the cluster has panicked, unless the test is already panicking.
fn join(thread: JoinHandle<()>) {
    let result = thread.join();
    if !std::thread::panicking() {
        result.expect("a thread of the fake cluster panicked");
    }
}

/// The state shared by the threads.
#[derive(Debug)]
struct Shared {
    /// `None` without TLS.
    identity: Option<Identity>,
    state: Mutex<State>,
    stopped: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stop: bool,
    settings: Settings,
    requests: Vec<Request>,
    connections: usize,
    scripted: HashMap<String, VecDeque<Reply>>,
    scripted_always: HashMap<String, Reply>,
    // Weak, because dropping the last owner closes the connection, and the last owner must be the connection's own
    // thread.
    open: Vec<Weak<TcpStream>>,
    serving: Vec<JoinHandle<()>>,
}

#[derive(Debug, Clone, Copy)]
struct Settings {
    latency: Duration,
    page_size: usize,
    waits_left: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            latency: Duration::ZERO,
            page_size: 50,
            waits_left: 2,
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // If a test thread panicked while it held the lock, the state is still consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) {
        self.state().stop = true;
        self.stopped.notify_all();
    }

    /// Records the request, and returns the scripted reply to it, if any.
    fn record(&self, request: &Request) -> Option<Reply> {
        let mut state = self.state();
        state.requests.push(request.clone());
        let queued = state
            .scripted
            .get_mut(request.path())
            .and_then(VecDeque::pop_front);
        queued.or_else(|| state.scripted_always.get(request.path()).cloned())
    }

    /// Sleeps for `time`, or until the cluster stops.
    fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut state = self.state();
        while !state.stop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.stopped.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Serves a connection on its own thread.
    fn spawn(self: &Arc<Self>, stream: TcpStream) {
        let socket = Arc::new(stream);
        let mut state = self.state();
        state.connections += 1;
        state.open.retain(|open| open.strong_count() > 0);
        state.open.push(Arc::downgrade(&socket));
        state.serving.retain(|thread| !thread.is_finished());
        let shared = Arc::clone(self);
        let thread = std::thread::spawn(move || http::serve(socket, &shared));
        state.serving.push(thread);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.state().stop {
            return;
        }
        // An error concerns a single connection, which the client closed before it was accepted.
        if let Ok(stream) = stream {
            shared.spawn(stream);
        }
    }
}
