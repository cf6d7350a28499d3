//! The pipes that carry a test's stdout and stderr, and the capture of the output on the supervisor's side.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::net::unix::pipe;

use crate::inject::spawn;
use crate::model::Output;

/// The most bytes that are kept of one stream of one test. The middle of a longer output is left out.
const MAX_STREAM_BYTES: usize = 16 << 20;

/// The delay between the first output of a test and its first read. Most tests end within this delay. Their output is then
/// read once, when the test ends, which saves a wake-up for each write.
const READ_DELAY: Duration = Duration::from_millis(5);

/// One end of the stdout pipe and the same end of the stderr pipe.
#[derive(Debug)]
pub(super) struct PipeEnds {
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
}

/// Creates a stdout pipe and a stderr pipe. Returns the read ends and the write ends.
pub(super) fn pipes() -> io::Result<(PipeEnds, PipeEnds)> {
    let (stdout, to_stdout) = pipe()?;
    let (stderr, to_stderr) = pipe()?;
    Ok((PipeEnds { stdout, stderr }, PipeEnds { stdout: to_stdout, stderr: to_stderr }))
}

/// Creates a pipe whose descriptors are greater than 2. A test may have closed its standard streams, and the system would
/// then give their numbers to the pipe.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok((above_standard_streams(reader)?, above_standard_streams(writer)?))
}

fn above_standard_streams(end: OwnedFd) -> io::Result<OwnedFd> {
    const MIN_DESCRIPTOR: i32 = 3;
    if end.as_raw_fd() >= MIN_DESCRIPTOR { Ok(end) } else { Ok(fcntl_dupfd_cloexec(&end, MIN_DESCRIPTOR)?) }
}

/// Replaces stdout and stderr of this process with new pipes and returns the read ends.
pub(super) fn replace_pipes() -> io::Result<PipeEnds> {
    let (readers, writers) = pipes()?;
    rustix::stdio::dup2_stdout(&writers.stdout)?;
    rustix::stdio::dup2_stderr(&writers.stderr)?;
    Ok(readers)
}

/// Reads the output of one test, on the supervisor's side of the pipes.
#[derive(Debug, Clone)]
pub(super) struct Capture {
    stdout: Arc<Stream>,
    stderr: Arc<Stream>,
}

#[derive(Debug)]
struct Stream {
    pipe: pipe::Receiver,
    output: Mutex<BoundedOutput>,
    /// Whether the test is over. Processes that the test left behind may still write. Their output is read, so that they do
    /// not block, and discarded.
    is_finished: AtomicBool,
}

/// The state of a pipe after all available bytes were read.
enum PipeState {
    /// A process still holds the write end, so that more bytes may arrive.
    Open,
    /// All write ends are closed.
    Closed,
}

/// The output of one stream: the whole output, or its beginning and its end if the output is long.
#[derive(Debug, Default)]
struct BoundedOutput {
    head: Vec<u8>,
    tail: Vec<u8>,
    omitted_bytes: usize,
}

impl Capture {
    /// Starts reading. `before_first_read` is called once, before the first byte is read from either pipe.
    pub(super) fn start(pair: PipeEnds, before_first_read: impl Fn() + Send + Sync + 'static) -> io::Result<Self> {
        let capture = Self { stdout: Arc::new(Stream::new(pair.stdout)?), stderr: Arc::new(Stream::new(pair.stderr)?) };
        let has_notified = AtomicBool::new(false);
        let notify_once = Arc::new(move || {
            if !has_notified.swap(true, Ordering::Relaxed) {
                before_first_read();
            }
        });
        for stream in [&capture.stdout, &capture.stderr] {
            spawn(Arc::clone(stream).read_until_closed(Arc::clone(&notify_once)));
        }
        Ok(capture)
    }

    /// Returns the output until now. Later output is discarded.
    pub(super) fn finish(&self) -> Output {
        Output { stdout: self.stdout.finish(), stderr: self.stderr.finish() }
    }
}

impl Stream {
    fn new(pipe: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            pipe: pipe::Receiver::from_owned_fd(pipe)?,
            output: Mutex::default(),
            is_finished: AtomicBool::new(false),
        })
    }

    async fn read_until_closed(self: Arc<Self>, before_first_read: Arc<impl Fn()>) {
        while self.pipe.readable().await.is_ok() {
            if !self.is_finished.load(Ordering::Relaxed) {
                tokio::time::sleep(READ_DELAY).await;
            }
            if !self.is_finished.load(Ordering::Relaxed) {
                before_first_read();
            }
            if !matches!(self.read_available(|chunk| self.pipe.try_read(chunk)), Ok(PipeState::Open)) {
                return;
            }
        }
    }

    /// Reads all bytes that are in the pipe now, without blocking.
    fn read_available(&self, read: impl Fn(&mut [u8]) -> io::Result<usize>) -> io::Result<PipeState> {
        let mut chunk = [0_u8; 16 * 1024];
        loop {
            match read(&mut chunk) {
                Ok(0) => return Ok(PipeState::Closed),
                Ok(length) => {
                    if !self.is_finished.load(Ordering::Relaxed) {
                        self.output.lock().unwrap_or_else(PoisonError::into_inner).add(&chunk[..length]);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(PipeState::Open),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn finish(&self) -> Vec<u8> {
        // This reads without tokio, because tokio reads only after its event loop has seen that the pipe is readable.
        let _ = self.read_available(|chunk| Ok(rustix::io::read(&self.pipe, chunk)?));
        self.is_finished.store(true, Ordering::Relaxed);
        std::mem::take(&mut *self.output.lock().unwrap_or_else(PoisonError::into_inner)).join()
    }
}

impl BoundedOutput {
    fn add(&mut self, bytes: &[u8]) {
        let free = (MAX_STREAM_BYTES / 2).saturating_sub(self.head.len()).min(bytes.len());
        let (first, rest) = bytes.split_at(free);
        self.head.extend_from_slice(first);
        self.tail.extend_from_slice(rest);
        // The tail may grow to twice its final size before it is shortened, so that the bytes are moved only rarely.
        if self.tail.len() > MAX_STREAM_BYTES {
            let surplus = self.tail.len() - MAX_STREAM_BYTES / 2;
            self.tail.drain(..surplus);
            self.omitted_bytes += surplus;
        }
    }

    fn join(mut self) -> Vec<u8> {
        let surplus = self.tail.len().saturating_sub(MAX_STREAM_BYTES / 2);
        self.omitted_bytes += surplus;
        if self.omitted_bytes > 0 {
            self.head.extend_from_slice(format!("\n[itest: {} bytes left out here]\n", self.omitted_bytes).as_bytes());
        }
        self.head.extend_from_slice(&self.tail[surplus..]);
        self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_beyond_the_limit_loses_its_middle() {
        let mut output = BoundedOutput::default();
        output.add(b"\xff\x00binary");
        assert_eq!(output.join(), b"\xff\x00binary");

        let mut output = BoundedOutput::default();
        for _ in 0..MAX_STREAM_BYTES / 1024 * 4 {
            output.add(&[b'x'; 1024]);
        }
        output.add(b"the end");
        let bytes = output.join();
        assert!(bytes.len() < MAX_STREAM_BYTES + 100);
        assert!(bytes.ends_with(b"the end"));
        let text = String::from_utf8(bytes).unwrap();
        let left_out = MAX_STREAM_BYTES * 4 + "the end".len() - MAX_STREAM_BYTES;
        assert!(text.contains(&format!("[itest: {left_out} bytes left out here]")));
    }
}
