//! A fake Algorithmia cluster, shared by the tests, the demo and the benchmark.
//!
//! It is a plain `std::net` server with a thread for each connection. It listens on loopback, answers as the
//! service is documented to, remembers what it was asked, and can be told to answer any path in any other way
//! ([`Cluster::script`]), down to a cut in the middle of a header. Dropping it stops every thread of it.
//!
//! What it holds is in `data.rs`; the algorithms are
//!
//! | algorithm | what it is for |
//! |---|---|
//! | `ALGO_OWNER/ALGO_NAME` | the answers of the documentation, byte for byte |
//! | `acme/Lemmatizer` | builds of every kind and versions with every member |
//! | `acme/Paged` | 57 builds and 23 versions, to be paged through |
//! | `acme/Waiting` | a build, `b-wait`, that finishes after it has been asked for a few times |
//! | `acme/Big` | logs of any size, named by it: `docker-1073741824` |
//! | `acme/Empty`, `acme/Secret` | nothing built yet; not allowed |
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

#[cfg(test)]
mod tests;

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

    /// The same on a given port; 0 is a free one.
    pub fn start_on(port: u16) -> io::Result<Cluster> {
        Cluster::listen(port, None)
    }

    /// The same on a free port, over TLS.
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

    /// The base URL, without a `/` at the end.
    pub fn url(&self) -> String {
        let port = self.port();
        match self.shared.identity {
            Some(_) => format!("https://localhost:{port}"),
            None => format!("http://127.0.0.1:{port}"),
        }
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What it was asked so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    /// How many connections were made to it so far.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// Answers the next request for `path` with `reply`. Several replies for one path are used in turn.
    ///
    /// `path` is compared with the request's, as sent and without its query.
    pub fn script(&self, path: &str, reply: Reply) {
        let mut state = self.shared.state();
        let queue = state.scripted.entry(path.to_owned()).or_default();
        queue.push_back(reply);
    }

    /// Answers every request for `path` with `reply`, once what [`script`](Self::script) gave is used up.
    pub fn script_always(&self, path: &str, reply: Reply) {
        let mut state = self.shared.state();
        state.scripted_always.insert(path.to_owned(), reply);
    }

    /// Waits so long before each answer. Defaults to no time.
    pub fn latency(&self, latency: Duration) {
        self.shared.state().settings.latency = latency;
    }

    /// Sends bodies no faster than this, as over a slow link. Defaults to 0, which is as fast as it can.
    pub fn rate(&self, bytes_per_second: u64) {
        self.shared.state().settings.bytes_per_second = bytes_per_second;
    }

    /// Sends JSON in gzip to who accepts that. Defaults to false.
    pub fn gzip(&self, gzip: bool) {
        self.shared.state().settings.gzip = gzip;
    }

    /// How many items a page has where the request gives no `limit`. Defaults to 50.
    pub fn page_size(&self, items: usize) {
        self.shared.state().settings.page_size = items;
    }

    /// The largest `limit` that is not refused. Defaults to 100.
    pub fn max_page_size(&self, items: usize) {
        self.shared.state().settings.max_page_size = items;
    }

    /// Lets the build `b-wait` of `acme/Waiting` be in progress the next `times` times that it is asked for.
    /// Defaults to 2.
    pub fn finish_after(&self, times: usize) {
        self.shared.state().settings.waits_left = times;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.shared.stop();
        // Nothing but a connection wakes a thread that accepts them.
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
        // This ends reads and writes at once where the system lets it. Elsewhere a read looks by itself soon.
        for socket in open.iter().filter_map(Weak::upgrade) {
            // An error says that the client closed it first.
            let _ = socket.shutdown(Shutdown::Both);
        }
        serving.into_iter().for_each(join);
    }
}

/// A panic of the cluster's own must fail the test, unless that is failing already.
fn join(thread: JoinHandle<()>) {
    let result = thread.join();
    if !std::thread::panicking() {
        result.expect("a thread of the fake cluster panicked");
    }
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    /// None where the cluster serves no TLS.
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
    // Weak, since a connection is closed by dropping its last owner, and that has to be its own thread.
    open: Vec<Weak<TcpStream>>,
    serving: Vec<JoinHandle<()>>,
}

#[derive(Debug, Clone, Copy)]
struct Settings {
    latency: Duration,
    bytes_per_second: u64,
    gzip: bool,
    page_size: usize,
    max_page_size: usize,
    waits_left: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            latency: Duration::ZERO,
            bytes_per_second: 0,
            gzip: false,
            page_size: 50,
            max_page_size: 100,
            waits_left: 2,
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A test thread that panicked while it held the lock left nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) {
        self.state().stop = true;
        self.stopped.notify_all();
    }

    /// Remembers the request, and says what it is to be answered with in place of the usual.
    fn note(&self, request: &Request) -> Option<Reply> {
        let mut state = self.state();
        state.requests.push(request.clone());
        let queued = state
            .scripted
            .get_mut(request.path())
            .and_then(VecDeque::pop_front);
        queued.or_else(|| state.scripted_always.get(request.path()).cloned())
    }

    /// Sleeps, but not longer than the cluster lives.
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

    /// Serves a connection on a thread of its own.
    fn spawn(self: &Arc<Self>, stream: TcpStream) {
        let socket = Arc::new(stream);
        let mut state = self.state();
        state.connections += 1;
        let connection = state.connections;
        state.open.retain(|open| open.strong_count() > 0);
        state.open.push(Arc::downgrade(&socket));
        state.serving.retain(|thread| !thread.is_finished());
        let shared = Arc::clone(self);
        let thread = std::thread::spawn(move || http::serve(socket, &shared, connection));
        state.serving.push(thread);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.state().stop {
            return;
        }
        // An error concerns one connection, which was gone before it was accepted.
        if let Ok(stream) = stream {
            shared.spawn(stream);
        }
    }
}
