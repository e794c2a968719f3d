//! `kill -9` in the middle of everything: of the service, and of its database.

use std::time::{Duration, Instant};

use test_servers::{Kind, Options, kind};

use super::{amount, report};
use crate::support::{
    Server,
    accounts::{Load, acknowledged, false_claims, violations},
};

/// The number of accounts after which it is killed: at another moment in each round, with many requests in flight.
fn moment(round: usize) -> usize {
    10 + round * 37 % amount(20, 60)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_killed_loses_nothing_that_was_acknowledged_and_leaves_nothing_half_done() {
    let rounds = amount(5, 70);
    let mut server = Server::start();
    let (mut writes, mut wrong) = (0, Vec::new());
    for round in 0..rounds {
        let mut load = Load::start(&server.client());
        load.more(moment(round)).await;
        server = server.crash_and_restart();
        let accounts = load.end().await.accounts;
        writes += acknowledged(&accounts);
        wrong.extend(violations(&server.client(), &accounts).await);
    }

    report(&format!("{rounds} times the service was killed; {writes} writes were acknowledged"));
    assert_eq!(wrong, [""; 0]);
    assert!(writes > amount(100, 7000), "{writes}");
    let claims = false_claims(&server.client()).await;
    assert_eq!(violations(&server.client(), &claims).await.len(), claims.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_killed_loses_nothing_that_was_acknowledged_and_leaves_nothing_half_done() {
    if kind() == Kind::Sqlite {
        return;
    }
    let rounds = amount(2, 20);
    let mut database = test_servers::Server::start(kind(), Options { durable: true, ..Options::default() });
    let url = database.url(&database.new_database().await);
    let mut server = Server::with(&[("AUTH_DATABASE_URL", &url)]);
    let client = server.client();
    let (mut writes, mut wrong) = (0, Vec::new());
    for round in 0..rounds {
        let mut load = Load::start(&client);
        load.more(moment(round)).await;
        database.kill();
        let accounts = load.end().await.accounts;
        database.restart();
        let back = Instant::now();
        while client.get("/healthz").await.status != 200 {
            assert!(back.elapsed() < Duration::from_secs(15), "it does not find its database again");
        }
        writes += acknowledged(&accounts);
        wrong.extend(violations(&client, &accounts).await);
    }

    report(&format!("{rounds} times the database was killed; {writes} writes were acknowledged"));
    assert_eq!(wrong, [""; 0]);
    assert!(server.is_running() && writes > 20, "{writes}");
}
