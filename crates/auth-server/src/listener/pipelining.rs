//! Clients that send further requests before they have the responses: their connections take turns.
//!
//! Hundreds of them would otherwise keep a worker busy for seconds, with responses that they may never read.

use std::{cell::Cell, rc::Rc, time::Duration};

use tokio::time::Instant;

/// Bytes that are read in a turn: about seven short requests.
pub const READ_IN_A_TURN: usize = 256;

/// Time from one turn to the next on a worker thread. Seven short requests take about a tenth of it.
const INTERVAL: Duration = Duration::from_millis(1);

/// The turns of a worker thread. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Turns(Rc<Cell<Instant>>);

impl Turns {
    pub fn new() -> Self {
        Self(Rc::new(Cell::new(Instant::now())))
    }

    /// When the next free turn begins.
    pub fn take(&self) -> Instant {
        let turn = self.0.get().max(Instant::now());
        self.0.set(turn + INTERVAL);
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_are_in_the_order_of_asking_and_none_is_saved_up() {
        let turns = Turns::new();
        let began = Instant::now();
        let taken: Vec<Duration> = (0..3).map(|_| turns.clone().take() - began).collect();
        assert_eq!(taken, [Duration::ZERO, INTERVAL, INTERVAL * 2]);

        tokio::time::advance(INTERVAL * 10).await;
        assert_eq!(turns.take() - began, INTERVAL * 10);
        assert_eq!(turns.take() - began, INTERVAL * 11);
    }
}
