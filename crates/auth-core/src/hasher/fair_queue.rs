//! The order of waiting jobs: first come, first served for each requester, and turn by turn among requesters.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{Requester, class::Class, job::Job};

/// Requesters whose latest turn is kept, beyond those with waiting jobs.
const KEPT: usize = 1024;

/// Waiting jobs, by start-time fair queueing: each job starts, in virtual time, when the one before it of the same
/// requester has ended, and the earliest start is next. A requester with a hundred waiting jobs delays the first job of
/// another requester by one job.
#[derive(Default)]
pub struct FairQueue {
    /// In the order of their starts.
    jobs: VecDeque<Waiting>,
    /// At least the start of the job that was taken last. It also advances with the work that is done, so that a stream
    /// of new requesters does not overtake the others for ever.
    virtual_time: u64,
    /// When the latest job of each requester ends, in virtual time.
    ends: HashMap<Requester, u64>,
}

struct Waiting {
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
        let place = self.jobs.partition_point(|waiting| waiting.start <= start);
        self.jobs.insert(place, Waiting { start, cost, job });
        if self.ends.len() > KEPT + self.jobs.len() {
            self.ends.retain(|_, end| *end > self.virtual_time);
        }
    }

    /// The job that is next.
    pub fn first(&self) -> Option<&Arc<Job>> {
        self.jobs.front().map(|waiting| &waiting.job)
    }

    /// Takes the next jobs of a class, at most `most` of them.
    pub fn take(&mut self, class: Class, most: usize) -> Vec<Arc<Job>> {
        let mut taken = Vec::with_capacity(most);
        let mut index = 0;
        while taken.len() < most && index < self.jobs.len() {
            if self.jobs[index].job.class != class {
                index += 1;
                continue;
            }
            let share = self.jobs.len() as u64;
            if let Some(Waiting { start, cost, job }) = self.jobs.remove(index) {
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

    /// Drops the jobs whose caller has gone; returns how many there were.
    pub fn drop_abandoned(&mut self) -> u64 {
        let before = self.jobs.len();
        self.jobs.retain(|waiting| !waiting.job.is_abandoned());
        (before - self.jobs.len()) as u64
    }

    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// The job that waits longest.
    pub fn oldest(&self) -> Option<&Arc<Job>> {
        self.jobs.iter().map(|waiting| &waiting.job).min_by_key(|job| job.queued_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COST: Duration = Duration::from_millis(250);
    const CLASS: Class = Class::Bcrypt { cost: 12 };
    const OTHER_CLASS: Class = Class::Bcrypt { cost: 10 };

    fn requester(number: u8) -> Requester {
        Requester::of_address(Some([192, 0, 2, number].into()))
    }

    fn push(queue: &mut FairQueue, number: u8, class: Class) -> tokio::sync::oneshot::Receiver<Vec<u8>> {
        let (job, digest) = Job::for_tests(requester(number), class);
        queue.push(job, COST);
        digest
    }

    fn taken(queue: &mut FairQueue, class: Class, most: usize) -> Vec<Requester> {
        queue.take(class, most).iter().map(|job| job.requester).collect()
    }

    #[test]
    fn a_requester_with_many_waiting_jobs_delays_another_by_one_job() {
        let mut queue = FairQueue::default();
        let _greedy: Vec<_> = (0..100).map(|_| push(&mut queue, 1, CLASS)).collect();
        assert_eq!(taken(&mut queue, CLASS, 10), [requester(1); 10]);

        let _others: Vec<_> = (2..5).map(|number| push(&mut queue, number, CLASS)).collect();

        let next = taken(&mut queue, CLASS, 4);
        assert!((2..5).all(|number| next.contains(&requester(number))), "{next:?}");
    }

    #[test]
    fn jobs_of_one_requester_keep_their_order_and_classes_are_not_mixed() {
        let mut queue = FairQueue::default();
        let _digests = [(1, CLASS), (1, OTHER_CLASS), (1, CLASS), (2, CLASS)]
            .map(|(number, class)| push(&mut queue, number, class));

        assert_eq!(taken(&mut queue, CLASS, 6), [requester(1), requester(2), requester(1)]);
        assert_eq!(taken(&mut queue, OTHER_CLASS, 6), [requester(1)]);
        assert!(queue.is_empty() && queue.ends.is_empty());
    }

    #[test]
    fn a_requester_that_was_served_has_no_debt_once_the_queue_was_empty() {
        let mut queue = FairQueue::default();
        let _first = [1, 1, 1].map(|number| push(&mut queue, number, CLASS));
        taken(&mut queue, CLASS, 3);

        let _second = [1, 2].map(|number| push(&mut queue, number, CLASS));
        assert_eq!(taken(&mut queue, CLASS, 1), [requester(1)]);
    }

    /// New requesters are served first, but not for ever.
    #[test]
    fn a_stream_of_new_requesters_does_not_starve_a_second_job() {
        let mut queue = FairQueue::default();
        let _digests = [push(&mut queue, 1, CLASS), push(&mut queue, 1, CLASS)];
        let mut served = 0;
        for number in 2..100 {
            let _digest = push(&mut queue, number, CLASS);
            served += usize::from(taken(&mut queue, CLASS, 1) == [requester(1)]);
        }
        assert_eq!(served, 2);
    }

    #[test]
    fn what_is_kept_of_requesters_is_bounded() {
        let mut queue = FairQueue::default();
        let _waiting = push(&mut queue, 0, OTHER_CLASS);
        for number in 0..10_000_u32 {
            let address = std::net::Ipv4Addr::from(0x0a00_0000 + number);
            let (job, _digest) = Job::for_tests(Requester::of_address(Some(address.into())), CLASS);
            queue.push(job, COST);
            queue.take(CLASS, 1);
        }
        assert!(queue.ends.len() <= KEPT + 2, "{}", queue.ends.len());
    }
}
