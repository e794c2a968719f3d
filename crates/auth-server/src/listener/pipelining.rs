//! Pipelining: connections whose clients send further requests before they have read the responses take turns.
//!
//! Hundreds of them would otherwise occupy a worker thread for seconds, with responses that they may never read.

use std::{cell::Cell, rc::Rc, time::Duration};

use tokio::time::Instant;

/// The maximum number of bytes that are read in a turn: about seven short requests.
pub const MAX_READ_PER_TURN: usize = 256;

/// The time from one turn to the next on a worker thread. Seven short requests take about a tenth of it.
const INTERVAL: Duration = Duration::from_millis(1);

/// The turns of a worker thread. Cheap to clone; all clones share their state.
#[derive(Clone)]
pub struct Turns(Rc<Cell<Instant>>);

impl Turns {
    pub fn new() -> Self {
        Self(Rc::new(Cell::new(now())))
    }

    /// Takes the next free turn, and returns its beginning.
    pub fn take(&self) -> Instant {
        let turn = self.0.get().max(now());
        self.0.set(turn + INTERVAL);
        turn
    }
}

#[expect(clippy::disallowed_methods, reason = "turns are a matter of real time")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_are_taken_in_order_and_unused_ones_expire() {
        let turns = Turns::new();
        let began = now();
        let taken: Vec<Duration> = (0..3).map(|_| turns.clone().take() - began).collect();
        assert_eq!(taken, [Duration::ZERO, INTERVAL, INTERVAL * 2]);

        tokio::time::advance(INTERVAL * 10).await;
        assert_eq!(turns.take() - began, INTERVAL * 10);
        assert_eq!(turns.take() - began, INTERVAL * 11);
    }
}
