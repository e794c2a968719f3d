//! Standard error as the log's destination: a reader that is slow or absent delays no request.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

/// Limit of the queue, in bytes; lines beyond it are dropped.
const MOST_WAITING: usize = 256 * 1024;

/// How much is written at once, in bytes: a pipe that can take anything takes as much (`PIPE_BUF` of Linux).
const AT_ONCE: usize = 4096;

/// Writes lines to standard error as long as it takes them, and keeps them for a while otherwise. It never waits, and
/// never fails: a full pipe stops no request, and a closed one no start.
pub struct LogWriter(Mutex<Waiting>);

/// Lines that could not be written yet, the first of them perhaps in part.
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    dropped: u64,
}

/// The log of the process.
pub static LOG: LogWriter = LogWriter(Mutex::new(Waiting { lines: VecDeque::new(), bytes: 0, dropped: 0 }));

impl LogWriter {
    /// Writes what waits, as far as standard error takes it. Returns how many lines were dropped since that was asked last;
    /// none as long as nobody reads, because a line about it would be dropped as well.
    pub fn flush(&self) -> u64 {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.write(&mut io::stderr(), can_be_written);
        if waiting.lines.is_empty() { std::mem::take(&mut waiting.dropped) } else { 0 }
    }
}

/// One line.
impl Write for &LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.add(line);
        waiting.write(&mut io::stderr(), can_be_written);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Waiting {
    fn add(&mut self, line: &[u8]) {
        if self.bytes + line.len() > MOST_WAITING {
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
            let some = line.len().min(AT_ONCE);
            // Where it is closed, nobody will ever read it.
            let written = to.write(&line[..some]).unwrap_or(line.len()).max(1);
            self.bytes -= written;
            line.drain(..written);
            if line.is_empty() {
                self.lines.pop_front();
            }
        }
    }
}

/// Whether standard error takes at least [`AT_ONCE`] bytes now, or is closed.
#[cfg(unix)]
fn can_be_written() -> bool {
    use rustix::{
        event::{PollFd, PollFlags, Timespec, poll},
        stdio::stderr,
    };
    let mut asked = [PollFd::from_borrowed_fd(stderr(), PollFlags::OUT)];
    poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
}

#[cfg(not(unix))]
const fn can_be_written() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting() -> Waiting {
        Waiting { lines: VecDeque::new(), bytes: 0, dropped: 0 }
    }

    #[test]
    fn lines_wait_in_their_order_until_somebody_reads_and_what_is_too_much_is_counted() {
        let (mut waiting, mut written) = (waiting(), Vec::new());
        let line = [&[b'x'; 9999][..], b"\n"].concat();
        for _ in 0..60 {
            waiting.add(&line);
            waiting.write(&mut written, || false);
        }
        assert!(written.is_empty() && waiting.bytes <= MOST_WAITING);
        assert_eq!(waiting.dropped, 60 - (MOST_WAITING / line.len()) as u64);

        waiting.add(b"last\n");
        waiting.write(&mut written, || true);
        assert!(written.ends_with(b"\nlast\n") && waiting.bytes == 0);
        assert_eq!(written.len(), MOST_WAITING / line.len() * line.len() + 5);
    }

    #[test]
    fn a_reader_that_is_gone_is_no_error() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut waiting = waiting();
        waiting.add(b"line\n");
        waiting.write(&mut Closed, || true);
        assert_eq!((waiting.bytes, waiting.lines.len()), (0, 0));
    }
}
