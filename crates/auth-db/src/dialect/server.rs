//! What `PostgreSQL` and `MariaDB` have in common.

use std::time::Duration;

use futures_util::future::BoxFuture;
use sea_orm::{
    ConnectionTrait, Statement,
    sqlx::{self, Connection, pool::PoolOptions},
};

use crate::{
    ConnectError, DatabaseOptions, DbError,
    database::{Obstacle, Reader, Timeouts, explain},
};

/// The idle time after which a connection is pinged before it is used: a firewall between this machine and the server may
/// have dropped it.
const TESTED_AFTER: Duration = Duration::from_secs(10);

/// The time after which the server ends an idle transaction and releases its locks: a node that lost power does not
/// disconnect.
pub const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);

/// Connects once, so that the operator sees an error at start.
pub async fn first_connection<C: Connection>(
    place: &str,
    server: &C::Options,
    options: &DatabaseOptions,
) -> Result<C, ConnectError> {
    let cause = match tokio::time::timeout(options.connect_timeout, C::connect_with(server)).await {
        Ok(Ok(connection)) => return Ok(connection),
        Ok(Err(error)) => explain(&error),
        Err(_) => format!(
            "no response within {} s (AUTH_DATABASE_CONNECT_TIMEOUT): is the host right, and does a firewall block the connection?",
            options.connect_timeout.as_secs_f64()
        ),
    };
    Err(ConnectError::Unreachable { place: place.to_owned(), cause })
}

/// The timeouts of a pool.
pub const fn timeouts(options: &DatabaseOptions) -> Timeouts {
    Timeouts { total: options.timeout, connect: options.connect_timeout }
}

/// Checks whether the server is writable, by a query that returns 0 if it is.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn check_health(reader: &Reader, query: &str, otherwise: Obstacle) -> Result<(), DbError> {
    let row = reader.query_one_raw(Statement::from_string(reader.get_database_backend(), query)).await?;
    let state: i32 = row.ok_or(DbError::NoResultFound)?.try_get_by_index(0)?;
    let usability = reader.pool().usability();
    if state != 0 {
        usability.set(Some(otherwise));
    }
    usability.check()
}

/// The settings whose values, as a query returns them, do not keep committed data in a crash.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn durability_warnings(
    reader: &Reader,
    query: &str,
    durable: &[(&str, &[&str])],
) -> Result<Vec<String>, DbError> {
    let row = reader.query_one_raw(Statement::from_string(reader.get_database_backend(), query)).await?;
    let row = row.ok_or(DbError::NoResultFound)?;
    let mut warnings = Vec::new();
    for (index, (name, values)) in durable.iter().enumerate() {
        let value: String = row.try_get_by_index(index)?;
        if !values.contains(&value.as_str()) {
            warnings.push(format!("{name} is {value}, not {}", values[0]));
        }
    }
    Ok(warnings)
}

/// The options of a pool.
pub fn pool_options<DB: sqlx::Database>(options: &DatabaseOptions) -> PoolOptions<DB> {
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
        // A connection with an open transaction must not be used for another.
        Ok(!connection.is_in_transaction())
    })
}
