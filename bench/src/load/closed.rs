//! Closed load: each connection sends its next request as soon as it has the response.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::bail;
use mio::{Events, Poll};
use rustix::time::{ClockId, clock_gettime};

use super::wire::Wire;

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub struct Throughput {
    /// Answers a second.
    pub rate: f64,
    /// How much of one core this generator used: if that comes near 1, it is the limit.
    pub effort: f64,
}

/// Sends requests on a number of connections, after a warm-up of half a second, one after the other on
/// each, from one thread. Every response must have this status.
pub fn run(
    address: SocketAddr,
    connections: usize,
    requests: &[Vec<u8>],
    status: u16,
    duration: Duration,
) -> anyhow::Result<Throughput> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(connections);
    let mut wires =
        (0..connections).map(|token| Wire::open(&poll, address, token)).collect::<Result<Vec<_>, _>>()?;
    let mut next = requests.iter().cycle();
    let mut request = || next.next().map_or(&[][..], Vec::as_slice);
    for wire in &mut wires {
        wire.send(request())?;
    }

    let mut counted_from = Instant::now() + Duration::from_millis(500);
    let ends = counted_from + duration;
    let (mut answers, mut cpu, mut counting) = (0_u64, Duration::ZERO, false);
    loop {
        let now = Instant::now();
        if now >= ends {
            let took = counted_from.elapsed().as_secs_f64();
            let effort = thread_time().saturating_sub(cpu).as_secs_f64() / took;
            return Ok(Throughput { rate: answers as f64 / took, effort });
        }
        if !counting && now >= counted_from {
            (counting, counted_from, answers, cpu) = (true, now, 0, thread_time());
        }
        poll.poll(&mut events, Some(ends - now))?;
        for event in &events {
            let wire = &mut wires[event.token().0];
            match wire.receive()? {
                None => {}
                Some(found) if found == status => {
                    answers += 1;
                    wire.send(request())?;
                }
                Some(other) => bail!("the server answered {other}, not {status}"),
            }
        }
    }
}

/// The processor time that this thread has used.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
