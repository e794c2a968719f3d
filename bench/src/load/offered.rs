//! Open load: requests are sent at a rate beyond the capacity, on as many connections as necessary.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use mio::{Events, Poll};

use super::wire::Wire;

/// The maximum number of connections.
const CONNECTIONS: usize = 2000;

/// The responses by status: the time from when each request was due, in milliseconds.
#[derive(Debug, Default)]
pub struct Answers {
    pub millis: BTreeMap<u16, Vec<f64>>,
    /// Requests that found no connection free, or lost theirs.
    pub failures: usize,
}

/// Offers `rate` requests a second in turn for `duration`, then waits at most ten seconds for the remaining responses.
pub fn run(
    address: SocketAddr,
    rate: u32,
    requests: &[Vec<u8>],
    duration: Duration,
) -> anyhow::Result<Answers> {
    let mut next = requests.iter().cycle();
    let mut request = || next.next().map_or(&[][..], Vec::as_slice);
    let mut offer = Offer::new(address)?;
    let mut events = Events::with_capacity(1024);
    let interval = Duration::from_secs(1) / rate;
    let end = Instant::now() + duration;
    let mut due = Instant::now();
    loop {
        let now = Instant::now();
        let waiting = offer.due_of.iter().flatten().count();
        if due >= end && (waiting == 0 || now > end + Duration::from_secs(10)) {
            offer.answers.failures += waiting;
            return Ok(offer.answers);
        }
        while due < end && due <= now {
            offer.send(request(), due)?;
            due += interval;
        }
        offer.poll.poll(&mut events, Some(Duration::from_millis(1)))?;
        for event in &events {
            offer.receive(event.token().0);
        }
    }
}

/// The connections of an offer.
struct Offer {
    address: SocketAddr,
    poll: Poll,
    wires: Vec<Wire>,
    /// When the request of each connection was due; none for a connection without one.
    due_of: Vec<Option<Instant>>,
    free: Vec<usize>,
    answers: Answers,
}

impl Offer {
    fn new(address: SocketAddr) -> anyhow::Result<Self> {
        let poll = Poll::new()?;
        Ok(Self {
            address,
            poll,
            wires: Vec::new(),
            due_of: Vec::new(),
            free: Vec::new(),
            answers: Answers::default(),
        })
    }

    fn send(&mut self, request: &[u8], due: Instant) -> anyhow::Result<()> {
        if self.free.is_empty() && self.wires.len() < CONNECTIONS {
            self.wires.push(Wire::open(&self.poll, self.address, self.wires.len())?);
            self.due_of.push(None);
            self.free.push(self.wires.len() - 1);
        }
        match self.free.pop() {
            Some(index) if self.wires[index].send(request).is_ok() => self.due_of[index] = Some(due),
            _ => self.answers.failures += 1,
        }
        Ok(())
    }

    fn receive(&mut self, index: usize) {
        let Some(due) = self.due_of[index] else { return };
        match self.wires[index].receive() {
            Ok(None) => return,
            Ok(Some(status)) => {
                let millis = due.elapsed().as_secs_f64() * 1000.0;
                self.answers.millis.entry(status).or_default().push(millis);
                self.free.push(index);
            }
            Err(_) => self.answers.failures += 1,
        }
        self.due_of[index] = None;
    }
}
