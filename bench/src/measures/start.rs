//! Start to first response on an existing database, and memory at rest.

use std::{thread, time::Duration};

use super::{PATIENT, log_in, service};
use crate::{
    process::Server,
    report::{Report, Row},
    stats::median,
};

/// Starts of each repetition.
const STARTS: usize = 7;

pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = service(folder.path(), &PATIENT)?;
    log_in(&mut server.connect()?)?;
    server.stop()?;

    let (mut ours, mut bare, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..crate::report::REPETITIONS {
        let (mut ours_now, mut bare_now) = (Vec::new(), Vec::new());
        for _ in 0..STARTS {
            bare_now.push(millis(Server::floor()?.first_answer));
            let server = Server::service(folder.path(), &PATIENT)?;
            ours_now.push(millis(server.first_answer));
            server.stop()?;
        }
        ours.push(median(&ours_now));
        bare.push(median(&bare_now));

        let server = Server::service(folder.path(), &PATIENT)?;
        thread::sleep(Duration::from_secs(2));
        memory.push(server.memory()?.0);
    }
    report.row(Row::new("start to first answer, existing database", "ms", &ours).at_most(20.0));
    report.note(format!("bare actix-web starts in {:.1} ms", median(&bare)));
    report.row(Row::new("memory at rest", "MB", &memory).at_most(16.0));
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
