//! What is so of database servers only.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use auth_db::{ConnectError, Database, DatabaseOptions, DbError, model::UserFilter, users};
use sea_orm::ConnectionTrait;
use test_servers::{Kind, Mode, Options, Proxy, Server, kind};

use crate::support::{World, at, email, hash, with_long_timeouts};

/// A server that this test may maltreat, behind a proxy, and a database on it.
struct Maltreated {
    server: Server,
    proxy: Proxy,
    db: Database,
    /// Another way to the same database, on which nothing fails.
    direct: Database,
}

impl Maltreated {
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
async fn a_server_that_does_not_answer_is_unavailable_in_time_and_used_again_when_it_does() {
    let Some(world) = Maltreated::new().await else { return };
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
async fn connections_that_were_forgotten_on_the_way_are_replaced() {
    let Some(world) = Maltreated::new().await else { return };
    world.register("ada@example.org").await.unwrap();
    for found in futures_util::future::join_all((0..4).map(|_| world.look_up())).await {
        assert!(found.unwrap());
    }

    world.proxy.forget();

    world.comes_back().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_stopped_is_unavailable_in_time_and_used_again_when_it_is_back() {
    let Some(mut world) = Maltreated::new().await else { return };
    world.register("ada@example.org").await.unwrap();

    world.server.stop();
    world.is_gone().await;
    world.server.restart();

    world.comes_back().await;
}

/// The server was restarted, or a firewall forgot them: nobody notices.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_broke_while_they_were_idle_fail_nothing() {
    let Some(world) = Maltreated::new().await else { return };
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
async fn work_that_lost_its_connection_runs_again_and_is_done_once() {
    let Some(world) = Maltreated::new().await else { return };
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

/// Committed, and the answer lost: nobody knows, so it is not run again.
#[tokio::test(flavor = "multi_thread")]
async fn work_whose_commit_may_have_arrived_is_not_run_again() {
    let Some(world) = Maltreated::new().await else { return };
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

/// Two transactions that wait for each other: the database ends one of them, and it is run again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deadlock_is_nobodys_failure() {
    if kind() == Kind::Sqlite {
        return;
    }
    let world = World::new().await;
    let ada = world.user("ada@example.org").await.id;
    let bob = world.user("bob@example.org").await.id;
    let runs = AtomicU32::new(0);
    let barrier = tokio::sync::Barrier::new(2);
    let lock_both = async |first, second| {
        world
            .db
            .write(async |tx| {
                users::lock(&tx, first).await?;
                // Only the first two have both locked one.
                if runs.fetch_add(1, Ordering::SeqCst) < 2 {
                    barrier.wait().await;
                }
                users::lock(&tx, second).await.map(drop)
            })
            .await
    };

    let (one, other) = tokio::join!(lock_both(ada, bob), lock_both(bob, ada));

    one.unwrap();
    other.unwrap();
    assert!(runs.load(Ordering::SeqCst) > 2, "there was a deadlock");
}

/// What the database gives up because others were in the way is run again, and never reported.
#[tokio::test]
async fn what_the_database_gave_up_is_run_again() {
    let given_up: &[&str] = match kind() {
        Kind::Sqlite => return,
        Kind::Postgres => &[
            "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$",
            "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$",
            "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '55P03'; END $$",
        ],
        Kind::MariaDb => &[
            "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213",
            "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1205",
        ],
    };
    let world = World::new().await;
    for (number, trouble) in given_up.iter().enumerate() {
        let runs = AtomicU32::new(0);
        let address = email(&format!("user{number}@example.org"));

        world
            .db
            .write(async |tx| {
                users::add_user(&tx, address.clone(), hash("h"), at(0)).await?;
                if runs.fetch_add(1, Ordering::Relaxed) < 2 {
                    tx.execute_unprepared(trouble).await?;
                }
                Ok(())
            })
            .await
            .unwrap();

        assert_eq!(runs.load(Ordering::Relaxed), 3, "{trouble}");
        assert!(users::find_by_email(world.db.read(), address.key()).await.unwrap().is_some());
    }

    // Not without end.
    let runs = AtomicU32::new(0);
    let never = world.db.write(async |tx| {
        runs.fetch_add(1, Ordering::Relaxed);
        tx.execute_unprepared(given_up[0]).await?;
        Ok(())
    });
    assert!(matches!(never.await, Err(DbError::Unavailable(_))));
    assert_eq!(runs.load(Ordering::Relaxed), 7);
}

/// Addresses are compared byte for byte, whatever the language rules of the server: here they fold case and
/// accents, and ignore spaces at the end.
#[tokio::test]
async fn text_is_compared_byte_for_byte() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    for (column, value) in [("email_key", "ADA@example.org"), ("email_key", "àda@example.org")] {
        world.execute(&format!("UPDATE users SET {column} = '{value}'")).await;
        let found = users::find_by_email(world.db.read(), ada.email.key()).await;
        assert!(matches!(found, Ok(None)), "{value}: {found:?}");
    }
    world.execute("UPDATE users SET email_key = 'ada@example.org', hashed_password = 'H0'").await;
    let filter = UserFilter { hashed_password: Some(hash("h0")), ..UserFilter::default() };
    let found = users::find_user_by(world.db.read(), &filter).await;
    assert!(matches!(found, Err(DbError::NoResultFound)), "{found:?}");
}

/// asvs 12.3.1, 12.3.4: a server whose certificate nobody vouches for is not talked to.
#[tokio::test(flavor = "multi_thread")]
async fn certificate_and_name_are_verified() {
    if kind() == Kind::Sqlite {
        return;
    }
    let server = Server::start(kind(), Options { tls: true, ..Options::default() });
    let name = server.new_database().await;
    let url = server.url(&name);
    let connect = async |url: String| Database::connect(&with_long_timeouts(&url)).await;

    let db = connect(url.clone()).await.unwrap();
    auth_migrations::up(db.for_migrations()).await.unwrap();
    db.ping().await.unwrap();
    let certificates = server.certificates().unwrap();
    let by_a_stranger =
        url.replace(certificates.authority.to_str().unwrap(), certificates.stranger.to_str().unwrap());
    let proxy = Proxy::start_on([127, 0, 0, 2].into(), ([127, 0, 0, 1], server.port()).into());
    let by_another_name = server.url_by(proxy.port(), &name).replace("@127.0.0.1:", "@127.0.0.2:");
    let in_plain_text = url.split('?').next().unwrap().to_owned();
    for refused in [by_a_stranger, by_another_name, in_plain_text] {
        let opened = connect(refused.clone()).await;
        assert!(matches!(opened, Err(ConnectError::Unreachable { .. })), "{refused}: {opened:?}");
    }
}

#[tokio::test]
async fn who_is_not_let_in_is_told_why_and_not_the_password() {
    if kind() == Kind::Sqlite {
        return;
    }
    let world = World::new().await;
    let url = world.database.url().replace("auth:auth@", "auth:hunter2@");

    let opened = Database::connect(&with_long_timeouts(&url)).await.unwrap_err();

    let told = opened.to_string();
    assert!(told.contains("127.0.0.1:") && told.contains("auth"), "{told}");
    assert!(!told.contains("hunter2") && !format!("{opened:?}").contains("hunter2"), "{opened:?}");
}

#[tokio::test]
async fn settings_that_lose_what_was_acknowledged_are_told() {
    let world = World::new().await;
    let told = world.db.durability_warnings().await.unwrap();

    // The throw-away servers of tests are not durable.
    match kind() {
        Kind::Sqlite => assert_eq!(told, [""; 0]),
        Kind::Postgres => assert_eq!(told, ["fsync is off, not on"]),
        Kind::MariaDb => assert_eq!(told, ["innodb_flush_log_at_trx_commit is 0, not 1"]),
    }
}

/// A statement that takes too long is ended by the server, too.
#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up() {
    // Work without end.
    let endless = match kind() {
        Kind::Sqlite => return,
        Kind::Postgres => {
            "WITH RECURSIVE more AS (SELECT 1 AS one UNION ALL SELECT one FROM more) SELECT count(*) FROM more"
        }
        Kind::MariaDb => {
            "WITH some AS (SELECT ID FROM information_schema.COLLATIONS) \
             SELECT count(*) FROM some a, some b, some c, some d, some e"
        }
    };
    // With the limits of a service; those of other tests are longer.
    let world = World::new().await;
    let db = Database::connect(&world.options()).await.unwrap();
    let began = Instant::now();

    let ended = db.read().execute_unprepared(endless).await;

    assert!(ended.is_err());
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    db.ping().await.unwrap();
}

/// Two nodes that start at once: one builds the schema, the other waits and finds it built.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn migrations_that_are_started_at_once_are_applied_once() {
    let database = test_servers::TestDatabase::new().await;
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let options = DatabaseOptions {
                lock_timeout: Duration::from_secs(30),
                ..DatabaseOptions::new(database.url())
            };
            tokio::spawn(async move {
                let db = Database::connect(&options).await.unwrap();
                auth_migrations::up(db.for_migrations()).await.unwrap()
            })
        })
        .collect();

    let mut applied = Vec::new();
    for task in tasks {
        applied.push(task.await.unwrap());
    }

    applied.sort_unstable();
    assert_eq!(applied[..4], [0; 4]);
    assert!(applied[4] >= 4);
}

#[tokio::test]
async fn up_down_up_leads_to_a_schema_that_works() {
    let world = World::new().await;
    let applied = auth_migrations::status(world.db.for_migrations()).await.unwrap().applied.len();

    assert_eq!(auth_migrations::down(world.db.for_migrations(), 100).await.unwrap(), applied);
    assert_eq!(auth_migrations::up(world.db.for_migrations()).await.unwrap(), applied);

    world.user("ada@example.org").await;
}
