//! The pipes that carry a test's stdout and stderr, and what comes out of them.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::net::unix::pipe;

use crate::model::Output;

/// More than this much of one stream of one test is cut in its middle.
const KEPT: usize = 16 << 20;

/// Most tests end sooner than this: then their output is read once, at the end, and nobody is woken for it.
const PATIENCE: Duration = Duration::from_millis(5);

/// A pair of pipes' ends.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
}

/// New pipes: the ends to read from, and the ends to write to.
pub(super) fn pipes() -> io::Result<(Pair, Pair)> {
    let (stdout, to_stdout) = pipe()?;
    let (stderr, to_stderr) = pipe()?;
    Ok((Pair { stdout, stderr }, Pair { stdout: to_stdout, stderr: to_stderr }))
}

/// A pipe whose ends are neither stdin, stdout nor stderr: a test may have closed those, and their numbers are given anew.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok((above_the_standard_streams(reader)?, above_the_standard_streams(writer)?))
}

fn above_the_standard_streams(end: OwnedFd) -> io::Result<OwnedFd> {
    const FIRST: i32 = 3;
    if end.as_raw_fd() >= FIRST { Ok(end) } else { Ok(fcntl_dupfd_cloexec(&end, FIRST)?) }
}

/// Replaces this process's stdout and stderr with new pipes and returns the ends to read from.
pub(super) fn exchange_pipes() -> io::Result<Pair> {
    let (readers, writers) = pipes()?;
    rustix::stdio::dup2_stdout(&writers.stdout)?;
    rustix::stdio::dup2_stderr(&writers.stderr)?;
    Ok(readers)
}

/// The supervisor's side of one pair of pipes.
#[derive(Debug, Clone)]
pub(super) struct Capture {
    stdout: Arc<Stream>,
    stderr: Arc<Stream>,
}

#[derive(Debug)]
struct Stream {
    pipe: pipe::Receiver,
    kept: Mutex<Kept>,
    /// The test is over: what still arrives from processes that it left behind is read, so that they do not block, and
    /// dropped.
    closed: AtomicBool,
}

/// What is left of a pipe after reading.
enum Pipe {
    /// More may come.
    Empty,
    /// Nobody can write to it any more.
    Ended,
}

#[derive(Debug, Default)]
struct Kept {
    head: Vec<u8>,
    tail: Vec<u8>,
    cut: usize,
}

impl Capture {
    /// Starts reading. `before_first_read` is called once, before any byte is taken out of either pipe.
    pub(super) fn start(pair: Pair, before_first_read: impl Fn() + Send + Sync + 'static) -> io::Result<Self> {
        let capture = Self { stdout: Arc::new(Stream::new(pair.stdout)?), stderr: Arc::new(Stream::new(pair.stderr)?) };
        let told = AtomicBool::new(false);
        let tell = Arc::new(move || {
            if !told.swap(true, Ordering::Relaxed) {
                before_first_read();
            }
        });
        for stream in [&capture.stdout, &capture.stderr] {
            tokio::spawn(Arc::clone(stream).pump(Arc::clone(&tell)));
        }
        Ok(capture)
    }

    /// Everything that was written until now; what comes later is dropped.
    pub(super) fn finish(&self) -> Output {
        Output { stdout: self.stdout.finish(), stderr: self.stderr.finish() }
    }
}

impl Stream {
    fn new(pipe: OwnedFd) -> io::Result<Self> {
        Ok(Self { pipe: pipe::Receiver::from_owned_fd(pipe)?, kept: Mutex::default(), closed: AtomicBool::new(false) })
    }

    async fn pump(self: Arc<Self>, before_first_read: Arc<impl Fn()>) {
        while self.pipe.readable().await.is_ok() {
            if !self.closed.load(Ordering::Relaxed) {
                tokio::time::sleep(PATIENCE).await;
            }
            if !self.closed.load(Ordering::Relaxed) {
                before_first_read();
            }
            if !matches!(self.read_available(|chunk| self.pipe.try_read(chunk)), Ok(Pipe::Empty)) {
                return;
            }
        }
    }

    /// Reads whatever there is.
    fn read_available(&self, read: impl Fn(&mut [u8]) -> io::Result<usize>) -> io::Result<Pipe> {
        let mut chunk = [0_u8; 16 * 1024];
        loop {
            match read(&mut chunk) {
                Ok(0) => return Ok(Pipe::Ended),
                Ok(length) => {
                    if !self.closed.load(Ordering::Relaxed) {
                        self.kept.lock().unwrap_or_else(PoisonError::into_inner).add(&chunk[..length]);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Pipe::Empty),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn finish(&self) -> Vec<u8> {
        // Not through tokio, which would first wait to be told that there is something to read.
        let _ = self.read_available(|chunk| Ok(rustix::io::read(&self.pipe, chunk)?));
        self.closed.store(true, Ordering::Relaxed);
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner)).join()
    }
}

impl Kept {
    fn add(&mut self, bytes: &[u8]) {
        let room = (KEPT / 2).saturating_sub(self.head.len()).min(bytes.len());
        let (first, rest) = bytes.split_at(room);
        self.head.extend_from_slice(first);
        self.tail.extend_from_slice(rest);
        // Cut seldom, and then much, so that the cost is spread over many bytes.
        if self.tail.len() > KEPT {
            let surplus = self.tail.len() - KEPT / 2;
            self.tail.drain(..surplus);
            self.cut += surplus;
        }
    }

    fn join(mut self) -> Vec<u8> {
        let surplus = self.tail.len().saturating_sub(KEPT / 2);
        self.cut += surplus;
        if self.cut > 0 {
            self.head.extend_from_slice(format!("\n[itest: {} bytes left out here]\n", self.cut).as_bytes());
        }
        self.head.extend_from_slice(&self.tail[surplus..]);
        self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_kept_byte_for_byte_up_to_its_bound_and_cut_in_the_middle_beyond() {
        let mut kept = Kept::default();
        kept.add(b"\xff\x00binary");
        assert_eq!(kept.join(), b"\xff\x00binary");

        let mut kept = Kept::default();
        for _ in 0..KEPT / 1024 * 4 {
            kept.add(&[b'x'; 1024]);
        }
        kept.add(b"the end");
        let bytes = kept.join();
        assert!(bytes.len() < KEPT + 100);
        assert!(bytes.ends_with(b"the end"));
        let text = String::from_utf8(bytes).unwrap();
        let left_out = KEPT * 4 + "the end".len() - KEPT;
        assert!(text.contains(&format!("[itest: {left_out} bytes left out here]")));
    }
}
