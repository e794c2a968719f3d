//! Admission: work that was admitted and is not finished, by requester.

use std::{collections::HashMap, time::Duration};

use super::Requester;

/// Work that was admitted and is not finished, in CPU time.
#[derive(Debug, Default)]
pub struct Admitted {
    by_requester: HashMap<Requester, Duration>,
    total: Duration,
}

impl Admitted {
    /// The work that is done before a new job of a requester begins, if requesters take turns: all work of this requester,
    /// and of each other requester at most as much as that and the new job.
    ///
    /// A requester with much queued work is therefore rejected first, and a requester without any waits for at most one job
    /// of each of the others. The total stays below the budget times `1 + ln(requesters)`.
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
    fn a_single_requester_waits_for_all_its_work() {
        let mut admitted = Admitted::default();
        for jobs in 0..10 {
            assert_eq!(admitted.ahead_of(requester(1), COST), COST * jobs);
            admitted.add(requester(1), COST);
        }
    }

    #[test]
    fn a_new_requester_waits_for_one_job_of_each_other_and_a_greedy_one_for_all_work() {
        let mut admitted = Admitted::default();
        admitted.add(requester(1), COST * 60);
        admitted.add(requester(2), COST);

        assert_eq!(admitted.ahead_of(requester(3), COST), COST * 2);
        assert_eq!(admitted.ahead_of(requester(2), COST), COST * 3);
        assert_eq!(admitted.ahead_of(requester(1), COST), COST * 61);
    }

    #[test]
    fn finished_work_is_removed() {
        let mut admitted = Admitted::default();
        admitted.add(requester(1), COST);
        admitted.add(requester(2), COST);
        admitted.remove(requester(1), COST);
        admitted.remove(requester(2), COST * 2);

        assert!(admitted.by_requester.is_empty() && admitted.total().is_zero());
    }

    /// Many requesters, each with as much work as is admitted.
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
