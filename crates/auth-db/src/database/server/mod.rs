//! `PostgreSQL` and `MariaDB`: one pool for everything, which outlives what happens to the server.

#[cfg(feature = "mariadb")]
pub mod mysql;
#[cfg(feature = "postgres")]
pub mod postgres;

use std::time::Duration;

use futures_util::future::BoxFuture;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, Statement,
    sqlx::{self, Connection, pool::PoolOptions},
};

use super::{
    ConnectError, DatabaseOptions, pool::TimeLimits, reader::Reader, unreachable::cause, usability::Obstacle,
};
use crate::DbError;

/// Connections that were idle for so long are asked for a sign of life before they are used: whatever stands
/// between us and the server may have forgotten them.
const TESTED_AFTER: Duration = Duration::from_secs(10);

/// How long a transaction may be idle before the server ends it, and frees the rows that it locked: a node
/// that lost its power does not say good-bye.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);

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
