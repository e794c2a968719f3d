//! The transport of one connection: time limits for requests and responses, and no reading ahead.

use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::rt::net::TcpStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use super::{
    activity::{Activity, Phase},
    connections::ConnectionPermit,
    pipelining::{MAX_READ_PER_TURN, Turns},
};

/// The maximum number of bytes that are read while the length of the request is unknown. The requests in them are handled in
/// sequence.
const MAX_READ: usize = 1024;

/// The response to a client that does not send the head of its request in time.
const REQUEST_TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// The time limits of a connection.
#[derive(Debug, Clone, Copy)]
pub struct TimeLimits {
    /// From the first byte of a request to the end of its head, and from the connection to its first request.
    pub head: Duration,
    /// For the client to read a response, from the first write that blocks.
    pub response: Duration,
    /// From the end of a request to the end of the head of the next one.
    pub keep_alive: Duration,
    /// The same while connections are scarce.
    pub scarce_keep_alive: Duration,
}

/// A TCP connection with time limits.
///
/// It reads no further requests while one is handled or a response is not read. They stay in the system's buffer, which is
/// bounded.
pub struct Transport {
    stream: TcpStream,
    activity: Rc<Activity>,
    limits: TimeLimits,
    permit: ConnectionPermit,
    timer: Pin<Box<Sleep>>,
    /// The deadline for the head of the next request. Set between requests.
    head_due: Option<Instant>,
    /// Whether the client has begun to send it, or has just connected.
    reading_head: bool,
    /// The number of requests that had begun when `head_due` was set.
    requests: u64,
    /// The deadline for reading the response. Set while writes block.
    response_due: Option<Instant>,
    /// The number of bytes that were read since the reader last waited.
    read: usize,
    turns: Turns,
    /// The number of requests that had begun before the last read.
    requests_before: u64,
    /// The maximum number of bytes until the reader waits.
    max_read: usize,
    /// The wait for a turn. Set while it waits.
    turn: Option<Pin<Box<Sleep>>>,
}

impl Transport {
    pub fn new(stream: TcpStream, limits: TimeLimits, permit: ConnectionPermit, turns: Turns) -> Self {
        let due = now() + limits.head;
        Self {
            stream,
            activity: Rc::default(),
            limits,
            permit,
            timer: Box::pin(sleep_until(due)),
            head_due: Some(due),
            reading_head: true,
            requests: 0,
            response_due: None,
            read: 0,
            turns,
            requests_before: 0,
            max_read: MAX_READ,
            turn: None,
        }
    }

    /// The activity, for the service that handles the requests.
    pub fn activity(&self) -> Rc<Activity> {
        Rc::clone(&self.activity)
    }

    /// Fails if a deadline has passed. Otherwise the task is woken at the deadline.
    fn check_deadline(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let requests = self.activity.requests();
        if requests != self.requests {
            (self.requests, self.head_due, self.reading_head) = (requests, None, false);
        }
        if self.activity.phase() == Phase::BetweenRequests && self.head_due.is_none() {
            let scarce = self.permit.are_connections_scarce();
            let wait = if scarce { self.limits.scarce_keep_alive } else { self.limits.keep_alive };
            self.head_due = Some(now() + wait);
        }
        let due = [self.head_due, self.response_due].into_iter().flatten().min();
        let Some(due) = due else { return Ok(()) };
        if due < self.timer.deadline() || self.timer.is_elapsed() {
            self.timer.as_mut().reset(due);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if now() >= due {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the client took too long"));
            }
            self.timer.as_mut().reset(due);
        }
        Ok(())
    }

    /// Records the first byte of a request, and sets the deadline for its head.
    fn head_began(&mut self) {
        if self.reading_head {
            return;
        }
        self.reading_head = true;
        let due = now() + self.limits.head;
        self.head_due = Some(self.head_due.map_or(due, |earlier| earlier.min(due)));
    }

    /// Waits for the end of the connection, without reading what the client sends.
    fn poll_end(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut byte = [0];
        if ready!(self.stream.poll_peek(cx, &mut ReadBuf::new(&mut byte)))? == 0 {
            return Poll::Ready(Ok(()));
        }
        self.activity.wake_after_request(cx.waker());
        Poll::Pending
    }

    fn poll_some(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        max: usize,
    ) -> Poll<io::Result<()>> {
        if self.read >= max {
            // The reader handles the bytes that it has, and is woken at once.
            self.read = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let room = buffer.remaining().min(max - self.read);
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(room));
        let polled = Pin::new(&mut self.stream).poll_read(cx, &mut part);
        let count = part.filled().len();
        match polled {
            Poll::Ready(Ok(())) => {
                buffer.advance(count);
                self.read += count;
                Poll::Ready(Ok(()))
            }
            other => {
                self.read = 0;
                other
            }
        }
    }

    /// Waits for a turn if the last read contained several requests. Returns the maximum number of bytes to read.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        if self.read == 0 {
            let requests = self.activity.requests();
            let is_pipelining = requests - self.requests_before > 1;
            if is_pipelining {
                let turn = self.turn.get_or_insert_with(|| Box::pin(sleep_until(self.turns.take())));
                ready!(turn.as_mut().poll(cx));
                self.turn = None;
            }
            // A new connection may be pipelining, and hundreds may be opened at once.
            self.max_read = if is_pipelining || requests == 0 { MAX_READ_PER_TURN } else { MAX_READ };
            self.requests_before = requests;
        }
        Poll::Ready(self.max_read)
    }
}

#[expect(clippy::disallowed_methods, reason = "clients have real time limits")]
fn now() -> Instant {
    Instant::now()
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Err(late) = this.check_deadline(cx) {
            if this.response_due.is_none() && this.reading_head {
                // No response is being sent. A full buffer may be ignored.
                let _ = this.stream.try_write(REQUEST_TIMEOUT);
            }
            return Poll::Ready(Err(late));
        }
        if this.response_due.is_some() {
            return Poll::Pending;
        }
        let max = match this.activity.phase() {
            Phase::Handling => return this.poll_end(cx),
            Phase::ReadingBody(left) => {
                this.read + usize::try_from(left).unwrap_or(usize::MAX).min(64 * 1024)
            }
            Phase::BetweenRequests => ready!(this.poll_turn(cx)),
            Phase::ReadingChunks => MAX_READ,
        };
        let before = buffer.filled().len();
        ready!(this.poll_some(cx, buffer, max))?;
        let count = buffer.filled().len() - before;
        if this.activity.phase() == Phase::BetweenRequests && count > 0 {
            this.head_began();
        }
        this.activity.bytes_read(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check_deadline(cx)?;
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        if written.is_pending() && this.response_due.is_none() {
            this.response_due = Some(now() + this.limits.response);
            this.check_deadline(cx)?;
        }
        written
    }

    /// The dispatcher flushes after all responses are written.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
        if this.response_due.take().is_some() {
            // Reading was suspended.
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
