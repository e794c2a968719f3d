//! The order of queued jobs: first in, first out for each requester, and in turns among requesters.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{Requester, algorithm::Algorithm, job::Job};

/// The number of requesters without queued jobs whose latest turn is kept.
const MAX_KEPT: usize = 1024;

/// A start-time fair queue: in virtual time, each job starts when the previous job of its requester ends, and the job with
/// the earliest start is next. A requester with a hundred queued jobs delays the first job of another requester by one
/// job.
#[derive(Default)]
pub struct FairQueue {
    /// Ordered by their starts.
    jobs: VecDeque<Queued>,
    /// At least the start of the job that was taken last. It also advances with the work that is done, so that a stream of
    /// new requesters does not overtake the others forever.
    virtual_time: u64,
    /// When the latest job of each requester ends, in virtual time.
    ends: HashMap<Requester, u64>,
}

struct Queued {
    start: u64,
    cost: u64,
    job: Arc<Job>,
}

impl FairQueue {
    /// Adds a job that needs `cost` of computing time.
    pub fn push(&mut self, job: Arc<Job>, cost: Duration) {
        let end = self.ends.entry(job.requester).or_default();
        let start = self.virtual_time.max(*end);
        let cost = u64::try_from(cost.as_nanos()).unwrap_or(u64::MAX);
        *end = start.saturating_add(cost);
        let place = self.jobs.partition_point(|queued| queued.start <= start);
        self.jobs.insert(place, Queued { start, cost, job });
        if self.ends.len() > MAX_KEPT + self.jobs.len() {
            self.ends.retain(|_, end| *end > self.virtual_time);
        }
    }

    /// The next job.
    pub fn first(&self) -> Option<&Arc<Job>> {
        self.jobs.front().map(|queued| &queued.job)
    }

    /// Takes the next jobs of an algorithm, at most `max`.
    pub fn take(&mut self, algorithm: Algorithm, max: usize) -> Vec<Arc<Job>> {
        let mut taken = Vec::with_capacity(max);
        let mut index = 0;
        while taken.len() < max && index < self.jobs.len() {
            if self.jobs[index].job.algorithm() != algorithm {
                index += 1;
                continue;
            }
            let share = self.jobs.len() as u64;
            if let Some(Queued { start, cost, job }) = self.jobs.remove(index) {
                self.virtual_time = self.virtual_time.saturating_add(cost / share).max(start);
                taken.push(job);
            }
        }
        if self.jobs.is_empty() {
            self.ends.clear();
            self.virtual_time = 0;
        }
        taken
    }

    /// Drops the jobs whose callers have gone. Returns their number.
    pub fn drop_abandoned(&mut self) -> u64 {
        let before = self.jobs.len();
        self.jobs.retain(|queued| !queued.job.is_abandoned());
        (before - self.jobs.len()) as u64
    }

    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// The oldest job.
    pub fn oldest(&self) -> Option<&Arc<Job>> {
        self.jobs.iter().map(|queued| &queued.job).min_by_key(|job| job.queued_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COST: Duration = Duration::from_millis(250);
    const COST_12: Algorithm = Algorithm::Bcrypt { cost: 12 };
    const COST_10: Algorithm = Algorithm::Bcrypt { cost: 10 };

    fn requester(number: u8) -> Requester {
        Requester::of_address(Some([192, 0, 2, number].into()))
    }

    fn push(
        queue: &mut FairQueue,
        number: u8,
        algorithm: Algorithm,
    ) -> tokio::sync::oneshot::Receiver<Vec<u8>> {
        let (job, digest) = Job::for_tests(requester(number), algorithm);
        queue.push(job, COST);
        digest
    }

    fn taken(queue: &mut FairQueue, algorithm: Algorithm, max: usize) -> Vec<Requester> {
        queue.take(algorithm, max).iter().map(|job| job.requester).collect()
    }

    #[test]
    fn a_requester_with_many_queued_jobs_delays_another_by_one_job() {
        let mut queue = FairQueue::default();
        let _greedy: Vec<_> = (0..100).map(|_| push(&mut queue, 1, COST_12)).collect();
        assert_eq!(taken(&mut queue, COST_12, 10), [requester(1); 10]);

        let _others: Vec<_> = (2..5).map(|number| push(&mut queue, number, COST_12)).collect();

        let next = taken(&mut queue, COST_12, 4);
        assert!((2..5).all(|number| next.contains(&requester(number))), "{next:?}");
    }

    #[test]
    fn jobs_of_one_requester_keep_their_order_and_algorithms_are_not_mixed() {
        let mut queue = FairQueue::default();
        let _digests = [(1, COST_12), (1, COST_10), (1, COST_12), (2, COST_12)]
            .map(|(number, algorithm)| push(&mut queue, number, algorithm));

        assert_eq!(taken(&mut queue, COST_12, 6), [requester(1), requester(2), requester(1)]);
        assert_eq!(taken(&mut queue, COST_10, 6), [requester(1)]);
        assert!(queue.is_empty() && queue.ends.is_empty());
    }

    #[test]
    fn a_requester_that_was_served_has_no_debt_once_the_queue_was_empty() {
        let mut queue = FairQueue::default();
        let _first = [1, 1, 1].map(|number| push(&mut queue, number, COST_12));
        taken(&mut queue, COST_12, 3);

        let _second = [1, 2].map(|number| push(&mut queue, number, COST_12));
        assert_eq!(taken(&mut queue, COST_12, 1), [requester(1)]);
    }

    /// New requesters are served first, but not forever.
    #[test]
    fn a_stream_of_new_requesters_does_not_starve_a_second_job() {
        let mut queue = FairQueue::default();
        let _digests = [push(&mut queue, 1, COST_12), push(&mut queue, 1, COST_12)];
        let mut served = 0;
        for number in 2..100 {
            let _digest = push(&mut queue, number, COST_12);
            served += usize::from(taken(&mut queue, COST_12, 1) == [requester(1)]);
        }
        assert_eq!(served, 2);
    }

    #[test]
    fn what_is_kept_of_requesters_is_bounded() {
        let mut queue = FairQueue::default();
        let _queued = push(&mut queue, 0, COST_10);
        for number in 0..10_000_u32 {
            let address = std::net::Ipv4Addr::from(0x0a00_0000 + number);
            let (job, _digest) = Job::for_tests(Requester::of_address(Some(address.into())), COST_12);
            queue.push(job, COST);
            queue.take(COST_12, 1);
        }
        assert!(queue.ends.len() <= MAX_KEPT + 2, "{}", queue.ends.len());
    }
}
