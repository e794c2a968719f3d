//! `PostgreSQL` and `MariaDB`: one pool for everything, which outlives what happens to the server.

use std::time::Duration;

use futures_util::future::BoxFuture;
use sea_orm::{
    ConnectionTrait, DbBackend, SqlxMySqlConnector, SqlxPostgresConnector, Statement,
    sqlx::{
        self, AssertSqlSafe, ConnectOptions, Connection, Executor,
        mysql::{MySqlConnectOptions, MySqlPoolOptions},
        pool::PoolOptions,
        postgres::{PgConnectOptions, PgPoolOptions},
    },
};

use super::{Channel, ConnectError, Database, DatabaseOptions, pool::Pool, reader::Reader};
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
    // Statements carry values, which do not belong in logs.
    let server = server.application_name("auth-server").disable_statement_logging();
    let place = format!("{}:{}", server.get_host(), server.get_port());
    refuse_unreachable(place, PgPoolOptions::new().connect_with(server.clone()), options).await?;

    let limits = format!(
        "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}",
        options.patience.as_millis(),
        options.lock_timeout.as_millis(),
        IDLE_IN_TRANSACTION.as_millis(),
    );
    // One at a time and without limits, because an index may take its time.
    let migrations = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(options.acquire_timeout)
        .connect_lazy_with(server.clone());
    let connect = {
        let (options, server) = (options.clone(), server.clone());
        move || {
            let pool: PgPoolOptions = pool_options(&options, limits.clone());
            SqlxPostgresConnector::from_sqlx_postgres_pool(pool.connect_lazy_with(server.clone()))
        }
    };
    let pool = Pool::of_server(connect, options.patience);
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
    refuse_unreachable(place, MySqlPoolOptions::new().connect_with(server.clone()), options).await?;

    // The comment is for MariaDB only. InnoDB waits for whole seconds.
    let limits = format!(
        "SET SESSION innodb_lock_wait_timeout = {} \
         /*M!100300 , idle_transaction_timeout = {}, max_statement_time = {} */",
        options.lock_timeout.as_secs().max(1),
        IDLE_IN_TRANSACTION.as_secs(),
        options.patience.as_secs_f64(),
    );
    let migrations = MySqlPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(options.acquire_timeout)
        .connect_lazy_with(server.clone());
    let connect = {
        let options = options.clone();
        move || {
            let pool: MySqlPoolOptions = pool_options(&options, limits.clone());
            SqlxMySqlConnector::from_sqlx_mysql_pool(pool.connect_lazy_with(server.clone()))
        }
    };
    let pool = Pool::of_server(connect, options.patience);
    Ok(Database {
        reader: Reader::new(pool, DbBackend::MySql),
        writer: None,
        migrations: SqlxMySqlConnector::from_sqlx_mysql_pool(migrations),
        channel: Channel::None,
        listening: None,
    })
}

/// Connects once, so that whoever starts the program hears what is wrong. No statement was sent yet, so the
/// driver's message holds no value of ours.
async fn refuse_unreachable<DB: sqlx::Database>(
    place: String,
    connecting: impl Future<Output = Result<sqlx::Pool<DB>, sqlx::Error>>,
    options: &DatabaseOptions,
) -> Result<(), ConnectError> {
    let cause = match tokio::time::timeout(options.acquire_timeout, connecting).await {
        Ok(Ok(pool)) => {
            pool.close().await;
            return Ok(());
        }
        Ok(Err(sqlx::Error::PoolTimedOut)) | Err(_) => {
            format!("no answer within {} s", options.acquire_timeout.as_secs_f64())
        }
        Ok(Err(sqlx::Error::Database(told))) => told.message().to_owned(),
        Ok(Err(cause)) => cause.to_string(),
    };
    Err(ConnectError::Unreachable { place, cause })
}

/// A pool whose connections each begin with the statement that sets their limits.
fn pool_options<DB>(options: &DatabaseOptions, limits: String) -> PoolOptions<DB>
where
    DB: sqlx::Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    PoolOptions::<DB>::new()
        .max_connections(options.max_connections.max(1))
        .acquire_timeout(options.acquire_timeout)
        .test_before_acquire(false)
        .before_acquire(|connection, met| is_usable::<DB>(connection, met.idle_for))
        .after_connect(move |connection, _| {
            let limits = AssertSqlSafe(limits.clone());
            Box::pin(async move { connection.execute(limits).await.map(drop) })
        })
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

/// What a database server may lose although it was acknowledged, by its own settings; in words for a log.
pub async fn lost_at_a_crash(reader: &Reader) -> Result<Vec<String>, DbError> {
    let backend = reader.get_database_backend();
    let (question, settings): (_, &[(&str, &[&str])]) = match backend {
        DbBackend::Postgres => (
            "SELECT current_setting('synchronous_commit'), current_setting('fsync'), \
             current_setting('full_page_writes')",
            &[
                ("synchronous_commit", &["on", "remote_apply", "remote_write", "local"]),
                ("fsync", &["on"]),
                ("full_page_writes", &["on"]),
            ],
        ),
        DbBackend::MySql => (
            "SELECT CAST(@@innodb_flush_log_at_trx_commit AS CHAR), CAST(@@innodb_doublewrite AS CHAR)",
            &[
                ("innodb_flush_log_at_trx_commit", &["1"]),
                ("innodb_doublewrite", &["1", "ON", "DETECT_AND_RECOVER"]),
            ],
        ),
        _ => return Ok(Vec::new()),
    };
    let row = reader.query_one_raw(Statement::from_string(backend, question)).await?;
    let row = row.ok_or(DbError::NoResultFound)?;
    let mut lost = Vec::new();
    for (index, (name, durable)) in settings.iter().enumerate() {
        let value: String = row.try_get_by_index(index)?;
        if !durable.contains(&value.as_str()) {
            lost.push(format!("{name} is {value}, not {}", durable[0]));
        }
    }
    Ok(lost)
}
