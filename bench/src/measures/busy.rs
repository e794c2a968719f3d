//! Logins beside busy programs of the same machine: they must get their fair share of the processor.

use std::{
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{PATIENT, log_in, log_in_request, logins, service};
use crate::{
    hashes,
    http::Connection,
    process::{Server, command},
    report::{REPETITIONS, Report, Row},
    stats::median,
};

/// Busy programs a core.
const PROGRAMS: [usize; 4] = [0, 1, 2, 4];

const CONNECTIONS: usize = 8;
const EACH: Duration = Duration::from_secs(10);

/// How long the machine is busy before it is seen how soon logins are back.
const LOAD: Duration = Duration::from_secs(12);

/// Logins that arrive at once when the machine is idle again.
const AT_ONCE: usize = 10;

pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = service(folder.path(), &PATIENT)?;
    let mut alone = 0.0;
    for programs in PROGRAMS {
        let busy = BusyPrograms::start(programs)?;
        // So that the scheduler has spread them.
        thread::sleep(Duration::from_secs(1));
        let beside = format!("beside {programs} busy programs a core");

        let one = one_at_a_time(&server)?;
        if programs == 0 {
            alone = median(&one);
        }
        let shares = u32::try_from(programs + 1)?;
        let fair = alone * f64::from(shares) * 2.0 + 1000.0;
        let fair = vec![fair; one.len()];
        report.row(
            Row::new(format!("one login {beside}"), "ms", &one)
                .beside("twice its fair share and a second", &fair)
                .at_most(1.0),
        );

        let (mut rates, mut floors) = (Vec::new(), Vec::new());
        for _ in 0..REPETITIONS {
            floors.push(hashes::crate_rate(EACH / 2)?);
            rates.push(logins::rate_of(CONNECTIONS, server.address, &log_in_request(), 200, EACH)?);
        }
        report.row(
            Row::new(format!("logins, {CONNECTIONS} connections, {beside}"), "/s", &rates)
                .beside("the bcrypt crate on ordinary threads beside the same", &floors)
                .at_least(0.8),
        );
        drop(busy);
    }
    refused_after_the_load(report)
}

/// Logins of ten accounts at once, a moment after busy programs have ended, with the usual wait for a hash.
fn refused_after_the_load(report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = service(folder.path(), &[])?;
    let mut refused = Vec::new();
    for _ in 0..REPETITIONS {
        let busy = BusyPrograms::start(1)?;
        let ended = Instant::now() + LOAD;
        while Instant::now() < ended {
            together(&server)?;
        }
        drop(busy);
        thread::sleep(Duration::from_secs(1));
        refused.push(together(&server)? as f64);
    }
    let measure = format!("of {AT_ONCE} logins at once a second after 12 s beside busy programs, refused");
    report.row(Row::new(measure, "", &refused).at_most(0.0));
    Ok(())
}

/// How many of some logins at once were refused.
fn together(server: &Server) -> anyhow::Result<usize> {
    let request = log_in_request();
    thread::scope(|scope| {
        let logins: Vec<_> = (0..AT_ONCE)
            .map(|_| scope.spawn(|| Connection::open(server.address)?.try_for(server.address, &request, 200)))
            .collect();
        let mut refused = 0;
        for login in logins {
            let done = login.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
            refused += usize::from(!done);
        }
        Ok(refused)
    })
}

fn one_at_a_time(server: &Server) -> anyhow::Result<Vec<f64>> {
    let mut connection = server.connect()?;
    let mut millis = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        log_in(&mut connection)?;
        millis.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    // The longest wait shows whether a login starves.
    millis.sort_by(f64::total_cmp);
    Ok(millis)
}

/// Programs that compute without pause, until this is dropped; each ends by itself after five minutes.
struct BusyPrograms(Vec<Child>);

impl BusyPrograms {
    fn start(per_core: usize) -> anyhow::Result<Self> {
        let cores = thread::available_parallelism()?.get();
        let mut programs = Self(Vec::new());
        for _ in 0..per_core * cores {
            let mut busy = command(std::env::current_exe()?);
            programs.0.push(busy.arg("busy").stdin(Stdio::null()).stdout(Stdio::null()).spawn()?);
        }
        Ok(programs)
    }
}

impl Drop for BusyPrograms {
    fn drop(&mut self) {
        for program in &mut self.0 {
            if program.kill().and_then(|()| program.wait().map(drop)).is_err() {
                println!("a busy program did not end; it will by itself");
            }
        }
    }
}

/// Computes without pause for five minutes: a busy program.
pub fn be_busy() {
    let began = Instant::now();
    while began.elapsed() < Duration::from_mins(5) {
        std::hint::black_box((0..100_000_u64).fold(0, |sum, number| sum ^ number));
    }
}
