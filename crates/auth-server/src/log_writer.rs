//! The writer of the log to standard error. A slow or absent reader delays no request.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

/// The capacity of the queue, in bytes. Further lines are dropped.
const CAPACITY: usize = 256 * 1024;

/// The maximum size of a write, in bytes. A pipe that is writable takes as much without blocking (`PIPE_BUF` of Linux).
const MAX_WRITE: usize = 4096;

/// Writes lines to standard error while it is writable, and queues them otherwise. It never blocks and never fails, so a full
/// pipe stops no request, and a closed one does not prevent the start.
pub struct LogWriter(Mutex<Queue>);

/// Lines that are not written yet. A part of the first may be written.
struct Queue {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    dropped: u64,
}

/// The log of the process.
pub static LOG: LogWriter = LogWriter(Mutex::new(Queue { lines: VecDeque::new(), bytes: 0, dropped: 0 }));

impl LogWriter {
    /// Writes the queued lines as far as standard error is writable. Returns the number of lines that were dropped since the
    /// last call; 0 until the queue is empty, because a line about them would also be dropped.
    pub fn flush(&self) -> u64 {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queue.write(&mut io::stderr(), can_be_written);
        if queue.lines.is_empty() { std::mem::take(&mut queue.dropped) } else { 0 }
    }
}

/// Each write is one line.
impl Write for &LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queue.add(line);
        queue.write(&mut io::stderr(), can_be_written);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Queue {
    fn add(&mut self, line: &[u8]) {
        if self.bytes + line.len() > CAPACITY {
            self.dropped += 1;
            return;
        }
        self.bytes += line.len();
        self.lines.push_back(line.to_vec());
    }

    fn write(&mut self, to: &mut impl Write, can_be_written: impl Fn() -> bool) {
        while let Some(line) = self.lines.front_mut() {
            if !can_be_written() {
                return;
            }
            let some = line.len().min(MAX_WRITE);
            // If it is closed, the line is lost.
            let written = to.write(&line[..some]).unwrap_or(line.len()).max(1);
            self.bytes -= written;
            line.drain(..written);
            if line.is_empty() {
                self.lines.pop_front();
            }
        }
    }
}

/// Whether standard error takes at least [`MAX_WRITE`] bytes now, or is closed.
#[cfg(unix)]
fn can_be_written() -> bool {
    use rustix::{
        event::{PollFd, PollFlags, Timespec, poll},
        stdio::stderr,
    };
    let mut polled = [PollFd::from_borrowed_fd(stderr(), PollFlags::OUT)];
    poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
}

#[cfg(not(unix))]
const fn can_be_written() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Queue {
        Queue { lines: VecDeque::new(), bytes: 0, dropped: 0 }
    }

    #[test]
    fn lines_are_queued_in_order_and_dropped_ones_are_counted() {
        let (mut queue, mut written) = (queue(), Vec::new());
        let line = [&[b'x'; 9999][..], b"\n"].concat();
        for _ in 0..60 {
            queue.add(&line);
            queue.write(&mut written, || false);
        }
        assert!(written.is_empty() && queue.bytes <= CAPACITY);
        assert_eq!(queue.dropped, 60 - (CAPACITY / line.len()) as u64);

        queue.add(b"last\n");
        queue.write(&mut written, || true);
        assert!(written.ends_with(b"\nlast\n") && queue.bytes == 0);
        assert_eq!(written.len(), CAPACITY / line.len() * line.len() + 5);
    }

    #[test]
    fn a_closed_standard_error_is_ignored() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut queue = queue();
        queue.add(b"line\n");
        queue.write(&mut Closed, || true);
        assert_eq!((queue.bytes, queue.lines.len()), (0, 0));
    }
}
