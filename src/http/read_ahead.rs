//! Receiving on a thread of its own, so that what has arrived is decoded while more arrives.
//!
//! To receive a large log takes about as long as to decode it. One after the other, on an idle machine, took half as
//! long again as both at once; where no processor is free it takes up to a tenth longer this way.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How many bytes are received before a thread is worth its start.
const THRESHOLD: u64 = 1024 * 1024;

/// How many bytes are handed over at once, at most: what has arrived is not held back to make more of it.
const PIECE: usize = 64 * 1024;

/// How many pieces there are. All are in use when what has arrived is not looked at: then no more is received.
const PIECES: usize = 8;

/// How many pieces have to be free before a thread that found none goes on. To be woken for each costs more than to
/// receive it.
const ENOUGH: usize = PIECES / 2;

/// A reader that goes on reading while what it has read is looked at, once there has been a lot of it.
///
/// What it gives is what `R` gives, in pieces of other sizes, except that interruptions do not show. When it is dropped,
/// its thread ends with the read that is under way.
pub(super) struct ReadAhead<R> {
    /// Where this is, nothing is read before it is asked for.
    reader: Option<R>,
    ahead: Option<Arrivals>,
    received: u64,
}

impl<R: Read + Send + 'static> ReadAhead<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader: Some(reader),
            ahead: None,
            received: 0,
        }
    }
}

impl<R: Read + Send + 'static> Read for ReadAhead<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.received >= THRESHOLD {
            // If the system has no thread to spare now, it may have one later.
            self.received = 0;
            self.ahead = Arrivals::start(&mut self.reader);
        }
        if let Some(arrivals) = &mut self.ahead {
            return arrivals.read(buf);
        }
        let Some(reader) = &mut self.reader else {
            return Ok(0);
        };
        let n = reader.read(buf)?;
        self.received += n as u64;
        Ok(n)
    }
}

/// What a thread receives, on the side where it is looked at.
struct Arrivals {
    handover: Arc<Handover>,
    /// What is looked at, from `start` on.
    piece: Piece,
    start: usize,
}

impl Arrivals {
    /// Takes the reader to a thread of its own, or leaves it where it is.
    fn start<R: Read + Send + 'static>(reader: &mut Option<R>) -> Option<Self> {
        let handover = Arc::new(Handover::default());
        handover.lock().free = vec![vec![0; PIECE]; PIECES];
        // A thread that cannot be started drops what it was to be given.
        let luggage = Arc::new(Mutex::new(reader.take()));
        let (there, hand) = (handover.clone(), luggage.clone());
        let started = thread::Builder::new()
            .name("algo-logs".to_owned())
            .spawn(move || {
                let end = LastWord(&there);
                if let Some(reader) = take(&hand) {
                    end.say(there.receive(reader));
                }
            });
        if started.is_err() {
            *reader = take(&luggage);
            return None;
        }
        Some(Self {
            handover,
            piece: Piece::default(),
            start: 0,
        })
    }
}

fn take<R>(luggage: &Mutex<Option<R>>) -> Option<R> {
    luggage
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
}

impl Read for Arrivals {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.start == self.piece.length {
            self.start = 0;
            let used = mem::take(&mut self.piece);
            self.piece = self.handover.next(used.bytes)?;
        }
        let n = buf.len().min(self.piece.length - self.start);
        buf[..n].copy_from_slice(&self.piece.bytes[self.start..self.start + n]);
        self.start += n;
        Ok(n)
    }
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        self.handover.lock().abandoned = true;
        self.handover.freed.notify_one();
    }
}

/// What was read at once: `bytes[..length]`.
#[derive(Default)]
struct Piece {
    bytes: Vec<u8>,
    length: usize,
}

/// Where pieces change hands. Two channels of `std::sync::mpsc` would be shorter and as fast, but make the program 20 kB
/// larger, which with musl has no more room than that.
#[derive(Default)]
struct Handover {
    state: Mutex<State>,
    /// There is a piece, or there will be no more.
    arrived: Condvar,
    /// Enough pieces are free, or nobody wants any.
    freed: Condvar,
}

#[derive(Default)]
struct State {
    arrived: VecDeque<Piece>,
    free: Vec<Vec<u8>>,
    /// The thread waits for free pieces.
    waiting: bool,
    /// How the reader ended.
    end: Option<io::Result<()>>,
    /// Nobody is there to look at what arrives.
    abandoned: bool,
}

impl Handover {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread's work: reads to the end, or as long as somebody looks at it.
    fn receive(&self, mut reader: impl Read) -> io::Result<()> {
        while let Some(mut bytes) = self.free() {
            let length = loop {
                match reader.read(&mut bytes) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    result => break result?,
                }
            };
            if length == 0 {
                break;
            }
            let mut state = self.lock();
            let awaited = state.arrived.is_empty();
            state.arrived.push_back(Piece { bytes, length });
            drop(state);
            if awaited {
                self.arrived.notify_one();
            }
        }
        Ok(())
    }

    /// Room for a piece; `None` once nobody wants any.
    fn free(&self) -> Option<Vec<u8>> {
        let mut state = self.lock();
        while !state.abandoned {
            if let Some(bytes) = state.free.pop() {
                return Some(bytes);
            }
            state.waiting = true;
            state = self
                .freed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    /// Takes back a piece's room, and gives the next piece; an empty one at the end.
    fn next(&self, used: Vec<u8>) -> io::Result<Piece> {
        let mut state = self.lock();
        if !used.is_empty() {
            state.free.push(used);
        }
        if state.waiting && state.free.len() >= ENOUGH {
            state.waiting = false;
            self.freed.notify_one();
        }
        loop {
            if let Some(piece) = state.arrived.pop_front() {
                return Ok(piece);
            }
            if let Some(end) = state.end.take() {
                state.end = Some(Ok(()));
                return end.map(|()| Piece::default());
            }
            state = self
                .arrived
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Says how the reader ended, also if it panicked: nobody may wait for what will not come.
struct LastWord<'a>(&'a Handover);

impl LastWord<'_> {
    fn say(&self, end: io::Result<()>) {
        self.0.lock().end = Some(end);
    }
}

impl Drop for LastWord<'_> {
    fn drop(&mut self) {
        self.0
            .lock()
            .end
            .get_or_insert_with(|| Err(io::Error::other("the receiving thread panicked")));
        self.0.arrived.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::mpsc::{self, Receiver, Sender};
    use std::time::Duration;

    const LONG: usize = 3 * THRESHOLD as usize + 17;
    const PATIENCE: Duration = Duration::from_secs(10);

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|n| (n * 7 % 251) as u8).collect()
    }

    /// Gives what it has by pieces of awkward sizes, interrupted before each, and then fails or ends.
    struct Chopped {
        rest: Vec<u8>,
        reads: usize,
        fails: bool,
    }

    impl Chopped {
        fn new(length: usize) -> Self {
            Self {
                rest: bytes(length),
                reads: 0,
                fails: false,
            }
        }
    }

    impl Read for Chopped {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.reads += 1;
            if self.reads % 2 == 1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if self.rest.is_empty() && self.fails {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            let n = buf
                .len()
                .min(self.rest.len())
                .min(1 + self.reads * 31 % 40_000);
            let left = self.rest.split_off(n);
            buf[..n].copy_from_slice(&self.rest);
            self.rest = left;
            Ok(n)
        }
    }

    /// Everything up to the end or an error, read into buffers of this size.
    fn read_all(reader: &mut impl Read, size: usize) -> (Vec<u8>, io::Result<()>) {
        let mut all = Vec::new();
        let mut buf = vec![0; size];
        loop {
            match reader.read(&mut buf) {
                Ok(0) => return (all, Ok(())),
                Ok(n) => all.extend_from_slice(&buf[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (all, Err(error)),
            }
        }
    }

    #[test]
    fn all_arrives_in_its_order() {
        for size in [1000, 32 * 1024, 1 << 20] {
            for length in [0, 1, THRESHOLD as usize, THRESHOLD as usize + 1, LONG] {
                let mut reader = ReadAhead::new(Chopped::new(length));
                let (all, end) = read_all(&mut reader, size);
                assert!(all == bytes(length), "{length} by {size}");
                assert!(end.is_ok());
                let (more, end) = read_all(&mut reader, size);
                assert!(more.is_empty() && end.is_ok());
            }
        }
    }

    #[test]
    fn a_failure_comes_after_what_was_read_before_it() {
        let mut chopped = Chopped::new(LONG);
        chopped.fails = true;
        let (all, end) = read_all(&mut ReadAhead::new(chopped), 32 * 1024);
        assert!(all == bytes(LONG));
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }

    /// Gives pieces once it is told to, of the size that it is told; tells which thread asked.
    struct Told {
        sizes: Receiver<usize>,
        reads: Sender<thread::ThreadId>,
    }

    impl Read for Told {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.reads.send(thread::current().id()).unwrap();
            let size = self.sizes.recv().unwrap_or(0);
            assert!(size < PIECE, "told to panic");
            Ok(size.min(buf.len()))
        }
    }

    /// A reader that is past the threshold, what tells it to go on, and its reads.
    fn told() -> (ReadAhead<Told>, Sender<usize>, Receiver<thread::ThreadId>) {
        let (sizes, to_be_read) = mpsc::channel();
        let (reads, to_be_seen) = mpsc::channel();
        let mut reader = ReadAhead::new(Told {
            sizes: to_be_read,
            reads,
        });
        let mut buf = [0; 1024];
        for _ in 0..THRESHOLD / 1024 {
            sizes.send(1024).unwrap();
            assert_eq!(reader.read(&mut buf).unwrap(), 1024);
            assert_eq!(to_be_seen.recv().unwrap(), thread::current().id());
        }
        (reader, sizes, to_be_seen)
    }

    #[test]
    fn what_has_arrived_is_not_held_back() {
        let (mut reader, sizes, _reads) = told();
        for size in [1, 2, 3] {
            sizes.send(size).unwrap();
            assert_eq!(reader.read(&mut [0; 9]).unwrap(), size);
        }
    }

    /// The same, once one piece is being looked at and all others wait for that.
    fn full() -> (ReadAhead<Told>, Sender<usize>, Receiver<thread::ThreadId>) {
        let (mut reader, sizes, reads) = told();
        for _ in 0..100 {
            sizes.send(1).unwrap();
        }
        assert_eq!(reader.read(&mut [0; 9]).unwrap(), 1);
        for _ in 0..PIECES {
            let who = reads.recv_timeout(PATIENCE).unwrap();
            assert_ne!(who, thread::current().id());
        }
        (reader, sizes, reads)
    }

    #[test]
    fn no_more_is_received_than_there_is_room_for() {
        let (mut reader, _sizes, reads) = full();
        assert!(reads.recv_timeout(Duration::from_millis(50)).is_err());
        // It goes on once there is some room.
        for _ in 0..PIECES {
            assert_eq!(reader.read(&mut [0; 9]).unwrap(), 1);
        }
        assert!(reads.recv_timeout(PATIENCE).is_ok());
    }

    #[test]
    fn a_thread_that_waits_for_room_ends_with_its_reader() {
        let (reader, _sizes, reads) = full();
        drop(reader);
        assert_eq!(
            reads.recv_timeout(PATIENCE),
            Err(mpsc::RecvTimeoutError::Disconnected)
        );
    }

    #[test]
    fn a_thread_that_reads_ends_with_that() {
        let (mut reader, sizes, reads) = told();
        sizes.send(1).unwrap();
        assert_eq!(reader.read(&mut [0; 9]).unwrap(), 1);
        drop(reader);
        sizes.send(1).unwrap();
        while reads.recv_timeout(PATIENCE) != Err(mpsc::RecvTimeoutError::Disconnected) {}
    }

    #[test]
    fn a_panic_is_no_end() {
        let (mut reader, sizes, _reads) = told();
        sizes.send(1).unwrap();
        sizes.send(PIECE).unwrap();
        assert_eq!(reader.read(&mut [0; 9]).unwrap(), 1);
        assert!(reader.read(&mut [0; 9]).is_err());
    }
}
