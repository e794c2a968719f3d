//! Outages: a server that does not respond, and connections that break.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use auth_db::{Database, DatabaseOptions, DbError, users};
use test_servers::{Kind, Mode, Options, Proxy, Server, kind};

use crate::support::{at, email, hash};

/// A server behind a proxy, for tests of faults, and a database on it.
struct FaultyServer {
    server: Server,
    proxy: Proxy,
    db: Database,
    /// A direct connection to the same database, without faults.
    direct: Database,
}

impl FaultyServer {
    /// None if tests run on a file.
    async fn new() -> Option<Self> {
        if kind() == Kind::Sqlite {
            return None;
        }
        let server = Server::start(kind(), Options::default());
        let name = server.new_database().await;
        let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into());
        let url = server.url_by(proxy.port(), &name);
        let options = DatabaseOptions { max_connections: 4, ..DatabaseOptions::new(url) };
        let db = Database::connect(&options).await.unwrap();
        auth_migrations::up(db.for_migrations()).await.unwrap();
        let direct = Database::connect(&DatabaseOptions::new(server.url(&name))).await.unwrap();
        Some(Self { server, proxy, db, direct })
    }

    async fn look_up(&self) -> Result<bool, DbError> {
        Ok(users::find_by_email(self.db.read(), email("ada@example.org").key()).await?.is_some())
    }

    async fn register(&self, address: &'static str) -> Result<(), DbError> {
        let add = async |tx| users::add_user(&tx, email(address), hash("h"), at(0)).await.map(drop);
        self.db.write(add).await
    }

    /// Everything fails in time; three times what it may take.
    async fn is_gone(&self) {
        for _ in 0..3 {
            let began = Instant::now();
            assert!(matches!(self.look_up().await, Err(DbError::Unavailable(_))));
            assert!(matches!(self.register("bob@example.org").await, Err(DbError::Unavailable(_))));
            assert!(matches!(self.db.ping().await, Err(DbError::Unavailable(_))));
            assert!(began.elapsed() < Duration::from_secs(3 * 9), "{:?}", began.elapsed());
        }
    }

    /// Three times as long as it may take.
    async fn comes_back(&self) {
        let began = Instant::now();
        while self.look_up().await.is_err() {
            assert!(began.elapsed() < Duration::from_secs(15));
        }
        self.register("carol@example.org").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unresponsive_server_is_unavailable_in_time_and_used_again_when_it_responds() {
    let Some(world) = FaultyServer::new().await else { return };
    world.register("ada@example.org").await.unwrap();

    // Under load, so that connections are caught in the middle of things.
    let answered = Arc::new(AtomicU32::new(0));
    let load: Vec<_> = (0..8)
        .map(|_| {
            let (db, answered) = (world.db.clone(), Arc::clone(&answered));
            tokio::spawn(async move {
                loop {
                    let found = users::find_by_email(db.read(), email("ada@example.org").key()).await;
                    answered.fetch_add(u32::from(found.is_ok()), Ordering::Relaxed);
                }
            })
        })
        .collect();
    while answered.load(Ordering::Relaxed) < 100 {
        tokio::task::yield_now().await;
    }
    world.proxy.set(Mode::BlackHole);
    world.is_gone().await;
    world.proxy.set(Mode::Open);

    world.comes_back().await;
    for task in load {
        task.abort();
    }
}

/// A firewall that was restarted: packets of old connections vanish, for good and without a word.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_a_firewall_dropped_are_replaced() {
    let Some(world) = FaultyServer::new().await else { return };
    world.register("ada@example.org").await.unwrap();
    for found in futures_util::future::join_all((0..4).map(|_| world.look_up())).await {
        assert!(found.unwrap());
    }

    world.proxy.forget();

    world.comes_back().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_is_unavailable_in_time_and_used_again_when_it_is_back() {
    let Some(mut world) = FaultyServer::new().await else { return };
    world.register("ada@example.org").await.unwrap();

    world.server.stop();
    world.is_gone().await;
    world.server.restart();

    world.comes_back().await;
}

/// After a restart of the server, or a firewall that dropped idle connections, no request fails.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_broke_while_idle_fail_no_request() {
    let Some(world) = FaultyServer::new().await else { return };
    world.register("ada@example.org").await.unwrap();
    for round in 0..5 {
        let all = (0..4).map(|_| world.look_up());
        for found in futures_util::future::join_all(all).await {
            assert!(found.unwrap(), "round {round}");
        }

        world.proxy.cut();

        if round % 2 == 0 {
            assert!(world.look_up().await.unwrap());
        } else {
            world.register(["a@x.org", "b@x.org", "c@x.org", "d@x.org", "e@x.org"][round]).await.unwrap();
        }
    }
}

/// A transaction that lost its connection before the commit was not carried out, and is run again; one that
/// lost it after may have been.
#[tokio::test(flavor = "multi_thread")]
async fn work_that_lost_its_connection_is_repeated_and_takes_effect_once() {
    let Some(world) = FaultyServer::new().await else { return };
    let runs = AtomicU32::new(0);

    world
        .db
        .write(async |tx| {
            users::add_user(&tx, email("ada@example.org"), hash("h"), at(0)).await?;
            if runs.fetch_add(1, Ordering::Relaxed) == 0 {
                world.proxy.cut();
                loop {
                    users::find_by_email(&tx, email("ada@example.org").key()).await?;
                }
            }
            Ok(())
        })
        .await
        .unwrap();

    assert_eq!(runs.load(Ordering::Relaxed), 2);
    assert!(world.look_up().await.unwrap());
}

/// If the response to a commit is lost, its result is unknown, and the transaction is not repeated.
#[tokio::test(flavor = "multi_thread")]
async fn work_whose_commit_may_have_arrived_is_not_repeated() {
    let Some(world) = FaultyServer::new().await else { return };
    let runs = AtomicU32::new(0);
    let ada = email("ada@example.org");
    let write = world.db.write(async |tx| {
        runs.fetch_add(1, Ordering::Relaxed);
        users::add_user(&tx, ada.clone(), hash("h"), at(0)).await?;
        world.proxy.set(Mode::HeldAnswers);
        Ok(())
    });
    let cut = async {
        while users::find_by_email(world.direct.read(), ada.key()).await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        world.proxy.cut();
        world.proxy.set(Mode::Open);
    };

    let (written, ()) = tokio::join!(write, cut);

    assert!(matches!(written, Err(DbError::Unavailable(_))), "{written:?}");
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    assert!(world.look_up().await.unwrap(), "it had arrived");
}
