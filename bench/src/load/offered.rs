//! More than can be answered: requests come at their rate, on as many connections as it takes.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use mio::{Events, Poll};

use super::wire::Wire;

/// Connections that are opened at the most.
const CONNECTIONS: usize = 2000;

/// What was answered, by status: how long each answer took from when its request was due, in milliseconds.
#[derive(Debug, Default)]
pub struct Answers {
    pub millis: BTreeMap<u16, Vec<f64>>,
    /// Requests that found no connection free, or lost theirs.
    pub failures: usize,
}

/// Offers `rate` requests a second in turn for so long, then waits for the answers that are still due, for at most ten
/// seconds.
pub fn run(
    address: SocketAddr,
    rate: u32,
    requests: &[Vec<u8>],
    duration: Duration,
) -> anyhow::Result<Answers> {
    let mut next = requests.iter().cycle();
    let mut request = || next.next().map_or(&[][..], Vec::as_slice);
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut wires: Vec<Wire> = Vec::new();
    let mut due_of: Vec<Option<Instant>> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let mut answers = Answers::default();
    let interval = Duration::from_secs(1) / rate;
    let began = Instant::now();
    let mut due = began;
    loop {
        let now = Instant::now();
        let offering = due < began + duration;
        let waiting = due_of.iter().flatten().count();
        if !offering && (waiting == 0 || now > began + duration + Duration::from_secs(10)) {
            answers.failures += waiting;
            return Ok(answers);
        }
        while offering && due <= now {
            if free.is_empty() && wires.len() < CONNECTIONS {
                wires.push(Wire::open(&poll, address, wires.len())?);
                due_of.push(None);
                free.push(wires.len() - 1);
            }
            match free.pop() {
                Some(index) if wires[index].send(request()).is_ok() => due_of[index] = Some(due),
                _ => answers.failures += 1,
            }
            due += interval;
        }
        poll.poll(&mut events, Some(Duration::from_millis(1)))?;
        for event in &events {
            let index = event.token().0;
            let Some(due) = due_of[index] else { continue };
            match wires[index].receive() {
                Ok(None) => continue,
                Ok(Some(status)) => {
                    answers.millis.entry(status).or_default().push(due.elapsed().as_secs_f64() * 1000.0);
                    free.push(index);
                }
                Err(_) => answers.failures += 1,
            }
            due_of[index] = None;
        }
    }
}
