//! `PostgreSQL` and `MariaDB`: one pool for everything, which outlives what happens to the server.

use std::time::Duration;

use futures_util::future::BoxFuture;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, SqlxMySqlConnector, SqlxPostgresConnector, Statement,
    sqlx::{
        self, AssertSqlSafe, ConnectOptions, Connection, Executor, MySql, Postgres, Row,
        mysql::{MySqlConnectOptions, MySqlConnection, MySqlPoolOptions},
        pool::PoolOptions,
        postgres::{PgConnectOptions, PgConnection, PgPoolOptions},
    },
};

use super::{
    Channel, ConnectError, Database, DatabaseOptions,
    pool::{Pool, TimeLimits},
    reader::Reader,
    unreachable::cause,
    usability::{Obstacle, Usability},
};
use crate::{DbError, revocations};

/// Connections that were idle for so long are asked for a sign of life before they are used: whatever stands
/// between us and the server may have forgotten them.
const TESTED_AFTER: Duration = Duration::from_secs(10);

/// How long a transaction may be idle before the server ends it, and frees the rows that it locked: a node
/// that lost its power does not say good-bye.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);

pub async fn open_postgres(
    options: &DatabaseOptions,
    server: PgConnectOptions,
) -> Result<Database, ConnectError> {
    // Statements carry values, which do not belong in logs. The parameter is one that poolers refuse, and we store no
    // floating-point numbers.
    let server =
        server.application_name("auth-server").disable_statement_logging().extra_float_digits(None::<i8>);
    let place = format!("{}:{}", server.get_host(), server.get_port());
    let mut first = first_connection::<PgConnection>(&place, &server, options).await?;
    let unusable = |cause: String| ConnectError::Unreachable { place: place.clone(), cause };
    if let Some(obstacle) = obstacle_of_postgres(&mut first).await.map_err(|error| unusable(cause(&error)))? {
        return Err(unusable(obstacle.remedy().to_owned()));
    }
    let mut second = first_connection::<PgConnection>(&place, &server, options).await?;
    if is_pooled_by_transaction(&mut first, &mut second).await.map_err(|error| unusable(cause(&error)))? {
        return Err(unusable(POOLED.to_owned()));
    }
    drop((first.close().await, second.close().await));

    // A role may be read-only by default; a standby stays so. Isolation is set once, because it costs each transaction a
    // message otherwise.
    let limits = format!(
        "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}; \
         SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
        options.timeout.as_millis(),
        options.lock_timeout.as_millis(),
        IDLE_IN_TRANSACTION.as_millis(),
    );
    // One at a time and without limits, because an index may take its time.
    let migrations = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(options.connect_timeout)
        .connect_lazy_with(server.clone());
    let connect = {
        let (options, server) = (options.clone(), server.clone());
        move |usability: Usability| {
            let limits = limits.clone();
            let pool = pool_options::<Postgres>(&options).after_connect(move |connection, _| {
                let (limits, usability) = (AssertSqlSafe(limits.clone()), usability.clone());
                Box::pin(async move {
                    connection.execute(limits).await?;
                    usability.found(obstacle_of_postgres(connection).await?);
                    Ok(())
                })
            });
            SqlxPostgresConnector::from_sqlx_postgres_pool(pool.connect_lazy_with(server.clone()))
        }
    };
    let pool = Pool::of_server(connect, time_limits(options));
    let heard = revocations::are_possible(&pool.connections()).await?;
    Ok(Database {
        reader: Reader::new(pool, DbBackend::Postgres),
        writer: None,
        migrations: SqlxPostgresConnector::from_sqlx_postgres_pool(migrations),
        channel: if heard { Channel::Revocations } else { Channel::None },
        listening: Some(Box::new(server)),
    })
}

pub async fn open_mysql(
    options: &DatabaseOptions,
    server: MySqlConnectOptions,
) -> Result<Database, ConnectError> {
    let server = server.disable_statement_logging();
    let place = format!("{}:{}", server.get_host(), server.get_port());
    let mut first = first_connection::<MySqlConnection>(&place, &server, options).await?;
    let unusable = |cause: String| ConnectError::Unreachable { place: place.clone(), cause };
    if let Some(obstacle) = obstacle_of_mysql(&mut first).await.map_err(|error| unusable(cause(&error)))? {
        return Err(unusable(obstacle.remedy().to_owned()));
    }
    drop(first.close().await);

    // What we need of a session, whatever the server's defaults are. The comment is for MariaDB only. InnoDB waits for
    // whole seconds.
    let limits = format!(
        "SET SESSION autocommit = 1, sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', \
         innodb_lock_wait_timeout = {} \
         /*M!100300 , idle_transaction_timeout = {}, max_statement_time = {} */; \
         SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
        options.lock_timeout.as_secs().max(1),
        IDLE_IN_TRANSACTION.as_secs(),
        options.timeout.as_secs_f64(),
    );
    let migrations = MySqlPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(options.connect_timeout)
        .after_connect(|connection, _| {
            Box::pin(async move { connection.execute("SET SESSION autocommit = 1").await.map(drop) })
        })
        .connect_lazy_with(server.clone());
    let connect = {
        let options = options.clone();
        move |usability: Usability| {
            let limits = limits.clone();
            let pool = pool_options::<MySql>(&options).after_connect(move |connection, _| {
                let (limits, usability) = (AssertSqlSafe(limits.clone()), usability.clone());
                Box::pin(async move {
                    connection.execute(limits).await?;
                    usability.found(obstacle_of_mysql(connection).await?);
                    Ok(())
                })
            });
            SqlxMySqlConnector::from_sqlx_mysql_pool(pool.connect_lazy_with(server.clone()))
        }
    };
    let pool = Pool::of_server(connect, time_limits(options));
    Ok(Database {
        reader: Reader::new(pool, DbBackend::MySql),
        writer: None,
        migrations: SqlxMySqlConnector::from_sqlx_mysql_pool(migrations),
        channel: Channel::None,
        listening: None,
    })
}

/// What a pooler does that hands out another connection for each transaction.
const POOLED: &str = "a pooler gives each transaction another connection (PgBouncer with pool_mode=transaction), which \
                      loses settings, prepared statements and LISTEN: use pool_mode=session, or the server itself";

/// Whether two connections share the settings of one session: a pooler gives each transaction another connection.
async fn is_pooled_by_transaction(
    first: &mut PgConnection,
    second: &mut PgConnection,
) -> Result<bool, sqlx::Error> {
    // Without transactions around them, both are on whichever connection is free.
    first.execute("SET auth_server.probe = 'first'").await?;
    for _ in 0..3 {
        let row = second.fetch_one("SELECT COALESCE(current_setting('auth_server.probe', true), '')").await?;
        if row.try_get::<String, _>(0)? == "first" {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn obstacle_of_postgres(connection: &mut PgConnection) -> Result<Option<Obstacle>, sqlx::Error> {
    let row = connection.fetch_one("SELECT pg_is_in_recovery()").await?;
    Ok(row.try_get::<bool, _>(0)?.then_some(Obstacle::Standby))
}

async fn obstacle_of_mysql(connection: &mut MySqlConnection) -> Result<Option<Obstacle>, sqlx::Error> {
    let question =
        "SELECT CAST(@@global.read_only AS CHAR), CAST(@@log_bin AS CHAR), @@session.binlog_format";
    let row = connection.fetch_one(question).await?;
    let is_on = |index: usize| {
        let value: String = row.try_get(index)?;
        Ok::<_, sqlx::Error>(!["0", "OFF"].contains(&value.as_str()))
    };
    if is_on(0)? {
        return Ok(Some(Obstacle::ReadOnly));
    }
    if is_on(1)? && row.try_get::<String, _>(2)?.eq_ignore_ascii_case("STATEMENT") {
        // Who may, sets it for the session.
        let set = connection.execute("SET SESSION binlog_format = 'ROW'").await;
        return Ok(set.is_err().then_some(Obstacle::StatementBinlog));
    }
    Ok(None)
}

/// Connects once, so that the operator sees at the start what is wrong.
async fn first_connection<C: Connection>(
    place: &str,
    server: &C::Options,
    options: &DatabaseOptions,
) -> Result<C, ConnectError> {
    let cause = match tokio::time::timeout(options.connect_timeout, C::connect_with(server)).await {
        Ok(Ok(connection)) => return Ok(connection),
        Ok(Err(error)) => cause(&error),
        Err(_) => format!(
            "no answer within {} s (AUTH_DATABASE_CONNECT_TIMEOUT): is the host right, and does a firewall let us through?",
            options.connect_timeout.as_secs_f64()
        ),
    };
    Err(ConnectError::Unreachable { place: place.to_owned(), cause })
}

const fn time_limits(options: &DatabaseOptions) -> TimeLimits {
    TimeLimits { answer: options.timeout, connect: options.connect_timeout }
}

/// Whether the server can be used for writing at this moment: a sign of life that is one of health.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn check(reader: &Reader) -> Result<(), DbError> {
    let backend = reader.get_database_backend();
    let question = match backend {
        DbBackend::Postgres => "SELECT CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END",
        DbBackend::MySql => {
            "SELECT CASE WHEN CAST(@@global.read_only AS CHAR) IN ('0', 'OFF') THEN 0 ELSE 2 END"
        }
        _ => {
            return reader
                .pool()
                .run(async |on: DatabaseConnection| on.ping().await)
                .await
                .map_err(DbError::from);
        }
    };
    let row = reader.query_one_raw(Statement::from_string(backend, question)).await?;
    let answer: i32 = row.ok_or(DbError::NoResultFound)?.try_get_by_index(0)?;
    let usability = reader.pool().usability();
    match answer {
        0 => {}
        1 => usability.found(Some(Obstacle::Standby)),
        _ => usability.found(Some(Obstacle::ReadOnly)),
    }
    usability.check()
}

fn pool_options<DB: sqlx::Database>(options: &DatabaseOptions) -> PoolOptions<DB> {
    PoolOptions::<DB>::new()
        .max_connections(options.max_connections.max(1))
        .acquire_timeout(options.connect_timeout)
        .test_before_acquire(false)
        .before_acquire(|connection, met| is_usable::<DB>(connection, met.idle_for))
}

fn is_usable<DB: sqlx::Database>(
    connection: &mut DB::Connection,
    idle_for: Duration,
) -> BoxFuture<'_, Result<bool, sqlx::Error>> {
    Box::pin(async move {
        if idle_for >= TESTED_AFTER {
            connection.ping().await?;
        }
        // One whose transaction did not end is not to be used for the next.
        Ok(!connection.is_in_transaction())
    })
}
