//! The activity of a connection, set by the service that handles its requests and read by its transport.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::Waker,
};

/// The activity of a connection. Shared by its transport and its requests, on one thread.
#[derive(Debug, Default)]
pub struct Activity {
    phase: Cell<Phase>,
    /// Requests that have begun.
    requests: Cell<u64>,
    /// The connection's task, while it waits for the end of a request.
    waiting: RefCell<Option<Waker>>,
}

/// The phase of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// No request is being handled: the next bytes belong to the head of a request.
    #[default]
    BetweenRequests,
    /// A request is being handled, and this number of bytes of its body is not read yet.
    ReadingBody(u64),
    /// A request is being handled, and its chunked body is being read.
    ReadingChunks,
    /// A request is being handled whose body was read.
    Handling,
}

/// The body of a request according to its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnouncedBody {
    None,
    Length(u64),
    Chunked,
}

impl Activity {
    pub fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// The number of requests that have begun.
    pub fn requests(&self) -> u64 {
        self.requests.get()
    }

    /// Begins a request, which ends when the returned value is dropped.
    pub fn begin_request(self: &Rc<Self>, body: AnnouncedBody) -> RequestInProgress {
        self.requests.set(self.requests.get() + 1);
        self.phase.set(match body {
            AnnouncedBody::None | AnnouncedBody::Length(0) => Phase::Handling,
            AnnouncedBody::Length(length) => Phase::ReadingBody(length),
            AnnouncedBody::Chunked => Phase::ReadingChunks,
        });
        RequestInProgress(Rc::clone(self))
    }

    /// Records that bytes were read from the connection.
    pub fn bytes_read(&self, count: usize) {
        if let Phase::ReadingBody(left) = self.phase.get() {
            let left = left.saturating_sub(count as u64);
            self.phase.set(if left == 0 { Phase::Handling } else { Phase::ReadingBody(left) });
        }
    }

    /// Records that the body of the current request was read to its end.
    pub fn body_ended(&self) {
        if self.phase.get() != Phase::BetweenRequests {
            self.phase.set(Phase::Handling);
        }
    }

    /// Wakes a task when the current request has been handled.
    pub fn wake_after_request(&self, waker: &Waker) {
        self.waiting.replace(Some(waker.clone()));
    }
}

/// A request that is being handled.
#[must_use]
pub struct RequestInProgress(Rc<Activity>);

impl Drop for RequestInProgress {
    fn drop(&mut self) {
        self.0.phase.set(Phase::BetweenRequests);
        if let Some(waker) = self.0.waiting.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_to_its_announced_end() {
        let activity = Rc::new(Activity::default());
        assert_eq!(activity.phase(), Phase::BetweenRequests);

        let request = activity.begin_request(AnnouncedBody::Length(10));
        activity.bytes_read(7);
        assert_eq!(activity.phase(), Phase::ReadingBody(3));
        activity.bytes_read(9);
        assert_eq!(activity.phase(), Phase::Handling);
        drop(request);
        assert_eq!(activity.phase(), Phase::BetweenRequests);

        let chunked = activity.begin_request(AnnouncedBody::Chunked);
        activity.bytes_read(1_000_000);
        assert_eq!(activity.phase(), Phase::ReadingChunks);
        activity.body_ended();
        assert_eq!(activity.phase(), Phase::Handling);
        drop(chunked);
        activity.body_ended();
        assert_eq!(activity.phase(), Phase::BetweenRequests, "a late end of an earlier body changes nothing");

        let bare = activity.begin_request(AnnouncedBody::None);
        assert_eq!(activity.phase(), Phase::Handling);
        drop(bare);
    }
}
