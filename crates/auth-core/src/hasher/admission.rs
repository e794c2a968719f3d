//! Work that was admitted and is not finished, by requester.

use std::{collections::HashMap, time::Duration};

use super::Requester;

/// Work that was admitted and is not finished, in computing time.
#[derive(Debug, Default)]
pub struct Admitted {
    by_requester: HashMap<Requester, Duration>,
    total: Duration,
}

impl Admitted {
    /// The work that is done before a new job of a requester begins, if requesters take turns: all that the requester
    /// has already, and of each other one no more than that and this job.
    ///
    /// A requester that has much waiting is therefore refused first, and one that has nothing waits for one job of each
    /// of the others at most. The total stays below the budget times `1 + ln(requesters)`.
    pub fn ahead_of(&self, requester: Requester, cost: Duration) -> Duration {
        let own = self.by_requester.get(&requester).copied().unwrap_or_default();
        let limit = own + cost;
        let others = self.by_requester.iter().filter(|(other, _)| **other != requester);
        own + others.map(|(_, work)| (*work).min(limit)).sum::<Duration>()
    }

    pub fn add(&mut self, requester: Requester, work: Duration) {
        *self.by_requester.entry(requester).or_default() += work;
        self.total += work;
    }

    pub fn remove(&mut self, requester: Requester, work: Duration) {
        self.total = self.total.saturating_sub(work);
        if let Some(own) = self.by_requester.get_mut(&requester) {
            *own = own.saturating_sub(work);
            if own.is_zero() {
                self.by_requester.remove(&requester);
            }
        }
    }

    pub const fn total(&self) -> Duration {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COST: Duration = Duration::from_millis(250);

    fn requester(number: u8) -> Requester {
        Requester::of_address(Some([192, 0, 2, number].into()))
    }

    #[test]
    fn a_requester_alone_waits_for_all_that_it_has() {
        let mut admitted = Admitted::default();
        for jobs in 0..10 {
            assert_eq!(admitted.ahead_of(requester(1), COST), COST * jobs);
            admitted.add(requester(1), COST);
        }
    }

    #[test]
    fn one_that_has_nothing_waits_for_one_job_of_each_other_and_the_greedy_for_everything() {
        let mut admitted = Admitted::default();
        admitted.add(requester(1), COST * 60);
        admitted.add(requester(2), COST);

        assert_eq!(admitted.ahead_of(requester(3), COST), COST * 2);
        assert_eq!(admitted.ahead_of(requester(2), COST), COST * 3);
        assert_eq!(admitted.ahead_of(requester(1), COST), COST * 61);
    }

    #[test]
    fn what_is_finished_is_forgotten() {
        let mut admitted = Admitted::default();
        admitted.add(requester(1), COST);
        admitted.add(requester(2), COST);
        admitted.remove(requester(1), COST);
        admitted.remove(requester(2), COST * 2);

        assert!(admitted.by_requester.is_empty() && admitted.total().is_zero());
    }

    /// What many requesters can have admitted together, each as much as it is given.
    #[test]
    fn the_total_is_bounded_whatever_the_number_of_requesters() {
        let (mut admitted, budget) = (Admitted::default(), COST * 32);
        for number in 0..=255 {
            while admitted.ahead_of(requester(number), COST) <= budget {
                admitted.add(requester(number), COST);
            }
        }
        assert!(admitted.total() < budget * 7, "{:?}", admitted.total());
    }
}
