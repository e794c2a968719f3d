//! Properties of database servers, which a file does not have.

mod outages;
mod retries;

use std::time::{Duration, Instant};

use auth_db::{ConnectError, Database, DatabaseOptions, DbError, model::UserFilter, users};
use sea_orm::ConnectionTrait;
use test_servers::{Kind, Options, Proxy, Server, kind};

use crate::support::{World, hash, with_long_timeouts};

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

/// asvs 12.3.1, 12.3.4: a server whose certificate no authority signed is not used.
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
async fn a_rejected_login_is_reported_without_the_password() {
    if kind() == Kind::Sqlite {
        return;
    }
    let world = World::new().await;
    let url = world.database.url().replace("auth:auth@", "auth:hunter2@");

    let opened = Database::connect(&with_long_timeouts(&url)).await.unwrap_err();

    let error = opened.to_string();
    assert!(error.contains("127.0.0.1:") && error.contains("auth"), "{error}");
    assert!(!error.contains("hunter2") && !format!("{opened:?}").contains("hunter2"), "{opened:?}");
}

#[tokio::test]
async fn settings_that_risk_acknowledged_writes_are_reported() {
    let world = World::new().await;
    let warnings = world.db.durability_warnings().await.unwrap();

    // The throw-away servers of tests are not durable.
    match kind() {
        Kind::Sqlite => assert_eq!(warnings, [""; 0]),
        Kind::Postgres => assert_eq!(warnings, ["fsync is off, not on"]),
        Kind::MariaDb => assert_eq!(warnings, ["innodb_flush_log_at_trx_commit is 0, not 1"]),
    }
}

/// The server also cancels a statement that takes too long.
#[tokio::test]
async fn a_statement_that_takes_too_long_is_cancelled() {
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
async fn concurrent_migrations_are_applied_once() {
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
