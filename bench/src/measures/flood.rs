//! A flood of logins: far more than can be hashed.

use std::time::{Duration, Instant};

use super::{log_in, log_in_request, service};
use crate::{
    load::offered,
    report::{REPETITIONS, Report, Row},
    stats::{median, percentile},
};

const RATE: u32 = 5000;
const DURATION: Duration = Duration::from_mins(1);

/// A login counts as one at full speed if it takes no longer than this times one before the flood.
const FULL_SPEED: f64 = 1.2;

pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let (mut others, mut refusals, mut recoveries, mut memory) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        let folder = tempfile::tempdir()?;
        let server = service(folder.path(), &[])?;
        let mut connection = server.connect()?;
        let mut timed = || {
            let began = Instant::now();
            log_in(&mut connection)?;
            anyhow::Ok(began.elapsed().as_secs_f64())
        };
        let before = median(&[timed()?, timed()?, timed()?]);

        let answers = offered::run(server.address, RATE, &log_in_request(), DURATION)?;
        let ended = Instant::now();
        while timed().unwrap_or(f64::INFINITY) > before * FULL_SPEED
            && ended.elapsed() < Duration::from_secs(30)
        {}
        recoveries.push(ended.elapsed().as_secs_f64() - before);

        let unexpected: usize = answers
            .millis
            .iter()
            .filter(|(status, _)| ![200, 401, 503].contains(*status))
            .map(|(_, all)| all.len())
            .sum();
        others.push((unexpected + answers.failures) as f64);
        refusals.push(answers.millis.get(&503).map_or(0.0, |millis| percentile(millis, 99.0)));
        memory.push(server.memory()?.1);
        let counts: Vec<String> =
            answers.millis.iter().map(|(status, all)| format!("{} times {status}", all.len())).collect();
        report.note(format!("5,000 logins a second for a minute: {}", counts.join(", ")));
    }
    report.row(
        Row::new("5,000 logins/s offered: answers that are not 200, 401 or 503", "", &others).at_most(0.0),
    );
    report.row(Row::new("5,000 logins/s offered: refusals, 99th percentile", "ms", &refusals).at_most(50.0));
    report.row(Row::new("full speed again after the flood", "s", &recoveries).at_most(2.0));
    report.row(Row::new("memory at the worst moment of the flood", "MB", &memory).at_most(48.0));
    Ok(())
}
