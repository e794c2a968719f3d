//! Servers with settings that are not what we need: what can be set is set for the session, and the rest is refused at the
//! start, and by health.

use std::time::{Duration, Instant};

use auth_db::{ConnectError, Database, DatabaseOptions, DbError, users};
use test_servers::{Kind, Options, PgBouncer, Server, kind};

use crate::support::{at, email, hash};

async fn opened(url: &str) -> Database {
    Database::connect(&DatabaseOptions::new(url)).await.unwrap()
}

async fn refusal(url: &str) -> String {
    match Database::connect(&DatabaseOptions::new(url)).await {
        Err(ConnectError::Unreachable { cause, .. }) => cause,
        Err(other) => other.to_string(),
        Ok(_) => panic!("it was not refused"),
    }
}

async fn register(db: &Database, address: &str) -> Result<(), DbError> {
    db.write(async |tx| users::add_user(&tx, email(address), hash("h"), at(0)).await.map(drop)).await
}

/// A new database with one user, and its URL.
async fn with_ada(server: &Server) -> (String, Database) {
    let url = server.url(&server.new_database().await);
    let db = opened(&url).await;
    auth_migrations::up(db.for_migrations()).await.unwrap();
    register(&db, "ada@example.org").await.unwrap();
    (url, db)
}

/// Waits until the server can be used again: much longer than it may take.
async fn becomes_usable(db: &Database) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while db.ping().await.is_err() {
        assert!(Instant::now() < deadline, "it does not become usable");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_server_whose_defaults_are_unusual_is_written_to_all_the_same() {
    let server = match kind() {
        Kind::Sqlite => return,
        kind => Server::start(kind, Options::default()),
    };
    let url = server.url(&server.new_database().await);
    let settings: &[&str] = match kind() {
        Kind::MariaDb => &[
            "SET GLOBAL autocommit = 0",
            "SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'",
            "SET GLOBAL tx_isolation = 'SERIALIZABLE'",
            "SET GLOBAL tx_read_only = 1",
        ],
        _ => &[
            "ALTER ROLE auth SET default_transaction_isolation = 'serializable'",
            "ALTER ROLE auth SET standard_conforming_strings = off",
            "ALTER ROLE auth SET default_transaction_read_only = on",
        ],
    };
    let db = opened(&url).await;
    auth_migrations::up(db.for_migrations()).await.unwrap();
    for setting in settings {
        server.execute(setting).await;
    }

    let db = opened(&url).await;
    db.ping().await.unwrap();
    register(&db, "ada@example.org").await.unwrap();
    register(&db, "bob@example.org").await.unwrap();
    let other = opened(&url).await;
    assert!(users::find_by_email(other.read(), email("bob@example.org").key()).await.unwrap().is_some());
}

/// The default of old versions of `MariaDB`, with which every write of ours would fail.
#[tokio::test]
async fn a_binary_log_of_statements_is_switched_for_the_session_or_refused() {
    if kind() != Kind::MariaDb {
        return;
    }
    let server = Server::start(kind(), Options { statement_binlog: true, ..Options::default() });
    let (url, _db) = with_ada(&server).await;

    let cause = refusal(&server.url_of_a_service(&url).await).await;
    assert!(cause.contains("binlog_format=MIXED"), "{cause}");
    server.execute("SET GLOBAL binlog_format = 'MIXED'").await;
    let service = opened(&url.replace("auth:auth@", "service:service@")).await;
    register(&service, "bob@example.org").await.unwrap();
}

/// `MariaDB`: read-only while it runs, as in a planned failover.
#[tokio::test]
async fn a_server_that_becomes_read_only_is_unhealthy_until_it_takes_writes_again() {
    if kind() != Kind::MariaDb {
        return;
    }
    let server = Server::start(kind(), Options::default());
    let (url, db) = with_ada(&server).await;

    server.execute("SET GLOBAL read_only = 1").await;
    let error = db.ping().await.unwrap_err().to_string();
    assert!(error.contains("read-only"), "{error}");
    let look_up = users::find_by_email(db.read(), email("ada@example.org").key()).await;
    assert!(matches!(look_up, Err(DbError::Unavailable(_))), "what it says may be out of date: {look_up:?}");
    assert!(refusal(&url).await.contains("turn read_only off"));

    server.execute("SET GLOBAL read_only = 0").await;
    becomes_usable(&db).await;
    register(&db, "bob@example.org").await.unwrap();
}

/// A standby may be behind: a session that was revoked would still be valid there.
#[tokio::test]
async fn a_standby_is_not_read_from_and_is_used_once_it_is_promoted() {
    if kind() != Kind::Postgres {
        return;
    }
    let mut server = Server::start(kind(), Options::default());
    let (url, db) = with_ada(&server).await;
    server.stop();
    server.become_standby();
    server.restart();

    for _ in 0..3 {
        let look_up = users::find_by_email(db.read(), email("ada@example.org").key()).await;
        assert!(matches!(look_up, Err(DbError::Unavailable(_))), "{look_up:?}");
    }
    let error = db.ping().await.unwrap_err().to_string();
    assert!(error.contains("standby"), "{error}");
    assert!(refusal(&url).await.contains("name the primary"));

    server.execute("SELECT pg_promote()").await;
    becomes_usable(&db).await;
    register(&db, "bob@example.org").await.unwrap();
}

/// Debian's package, with its defaults.
#[tokio::test]
async fn pgbouncer_works_by_session_and_is_refused_by_transaction() {
    if kind() != Kind::Postgres {
        return;
    }
    let server = Server::start(kind(), Options::default());
    let name = server.new_database().await;
    let Some(by_session) = PgBouncer::start(&server, "session") else { return };
    let by_transaction = PgBouncer::start(&server, "transaction").unwrap();

    let options = DatabaseOptions {
        max_connections: 4,
        ..DatabaseOptions::new(server.url_by(by_session.port(), &name))
    };
    let db = Database::connect(&options).await.unwrap();
    auth_migrations::up(db.for_migrations()).await.unwrap();
    for number in 0..20 {
        register(&db, &format!("user{number}@example.org")).await.unwrap();
    }
    assert_eq!(db.change_feed(), auth_db::ChangeFeed::Notifications);

    let cause = refusal(&server.url_by(by_transaction.port(), &name)).await;
    assert!(cause.contains("pool_mode=session"), "{cause}");
}

#[tokio::test]
async fn a_failed_connection_is_reported_with_its_remedy() {
    let (scheme, parameter) = match kind() {
        Kind::Sqlite => return,
        Kind::Postgres => ("postgres", "sslmode=verify-full&sslrootcert"),
        Kind::MariaDb => ("mysql", "ssl-mode=VERIFY_IDENTITY&ssl-ca"),
    };
    let began = Instant::now();
    let refused = refusal(&format!("{scheme}://auth:secret@127.0.0.1:1/auth")).await;
    assert!(refused.contains("connection refused"), "{refused}");
    assert!(began.elapsed() < Duration::from_secs(2), "it did not wait for anything");

    let server = Server::start(kind(), Options { tls: true, ..Options::default() });
    // The server's own certificate, which signed nothing.
    let own = &server.certificates().unwrap().certificate;
    let url = format!("{scheme}://auth:auth@127.0.0.1:{}/auth?{parameter}={}", server.port(), own.display());
    let untrusted = refusal(&url).await;
    assert!(untrusted.contains("name its certificate") || untrusted.contains("CA:FALSE"), "{untrusted}");
}
