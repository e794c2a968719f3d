//! `GET /profile`, from memory and from the database, beside the floor.

use std::time::Duration;

use super::{ask_profiles, service};
use crate::{
    load::closed,
    process::Server,
    report::{REPETITIONS, Report, Row},
    stats::{median, range},
};

/// Users who are logged in, and ask in turn.
const USERS: usize = 500;

/// To have them logged in soon; checks don't hash.
const CHEAP: [(&str, &str); 1] = [("AUTH_BCRYPT_COST", "4")];

const EACH: Duration = Duration::from_secs(4);

pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let cached = service(folders[0].path(), &CHEAP)?;
    let uncached = service(folders[1].path(), &[CHEAP[0], ("AUTH_SESSION_CACHE_ENTRIES", "0")])?;
    let floor = Server::floor()?;
    let (ask_cached, ask_uncached) = (ask_profiles(&cached, USERS)?, ask_profiles(&uncached, USERS)?);

    let (mut groups, mut efforts, mut ceilings) = (Vec::new(), Vec::new(), Vec::new());
    for connections in [1, 16, 64, 256] {
        let mut rates = [const { Vec::new() }; 3];
        for _ in 0..REPETITIONS {
            // The floor gets the same request, with the cookie.
            for (index, (server, request)) in
                [(&floor, &ask_cached), (&cached, &ask_cached), (&uncached, &ask_uncached)]
                    .into_iter()
                    .enumerate()
            {
                let load = closed::run(server.address, connections, request, 200, EACH)?;
                rates[index].push(load.rate);
                efforts.push(load.effort);
                if index == 0 && connections >= 16 {
                    ceilings.push(load.rate / load.effort);
                }
            }
        }
        let [bare, from_memory, from_database] = rates;
        add_rows(report, connections, &bare, &from_memory, &from_database);
        let series = [("bare actix-web", bare), ("from memory", from_memory), ("from SQLite", from_database)];
        let series = series.map(|(name, rates)| (name.to_owned(), median(&rates)));
        groups.push((format!("{connections} connections"), series.to_vec()));
    }
    let (_, most) = range(&efforts);
    let (least, _) = range(&ceilings);
    report.note(format!(
        "the load generator used at most {most:.2} of one core; by what an answer of the floor costs it, it could \
         ask for at least {least:.0} a second"
    ));
    report.plot("profile", "GET /profile, answers a second (two cores, shared with the load)", &groups);
    Ok(())
}

fn add_rows(
    report: &mut Report,
    connections: usize,
    bare: &[f64],
    from_memory: &[f64],
    from_database: &[f64],
) {
    let has_target = [16, 64].contains(&connections);
    let row = Row::new(format!("GET /profile, {connections} connections, cached"), "/s", from_memory)
        .beside("bare actix-web", bare);
    report.row(if has_target { row.at_least(0.75) } else { row });
    report.row(
        Row::new(format!("GET /profile, {connections} connections, uncached"), "/s", from_database)
            .beside("bare actix-web", bare)
            .at_least(0.25),
    );
}
