//! `PostgreSQL`.

use sea_orm::{
    SqlxPostgresConnector,
    sqlx::{
        self, AssertSqlSafe, ConnectOptions, Connection, Executor, Postgres, Row,
        postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgPoolOptions},
    },
};

use super::{
    Dialect,
    Meaning::{self, Rejected, Unavailable},
    Report, SCHEMA,
    server::{self, IDLE_IN_TRANSACTION, first_connection, pool_options, timeouts},
};
use crate::{
    ChangeFeed, ConnectError, Database, DatabaseOptions, DbError,
    constraints::{self, Index},
    database::{Obstacle, Pool, Reader, ServerPool, Usability, explain},
    error::Retry,
    notify,
};

/// Settings that keep committed data in a crash, with the values that do.
const DURABLE: [(&str, &[&str]); 3] = [
    ("synchronous_commit", &["on", "remote_apply", "remote_write", "local"]),
    ("fsync", &["on"]),
    ("full_page_writes", &["on"]),
];

/// See [`Dialect::durability_warnings`].
pub async fn durability_warnings(reader: &Reader) -> Result<Vec<String>, DbError> {
    let query = "SELECT current_setting('synchronous_commit'), current_setting('fsync'), \
                 current_setting('full_page_writes')";
    server::durability_warnings(reader, query, &DURABLE).await
}

/// See [`Dialect::check_health`].
pub async fn check_health(reader: &Reader) -> Result<(), DbError> {
    let query = "SELECT CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END";
    server::check_health(reader, query, Obstacle::Standby).await
}

/// Reads an error of the driver.
pub fn report(error: &PgDatabaseError) -> Report {
    let state = error.code().to_owned();
    let conflict = || {
        constraints::find(|unique| match unique.index {
            Index::Named(name) => error.constraint() == Some(name),
            Index::PrimaryKey => {
                error.constraint().and_then(|name| name.strip_suffix("_pkey")) == Some(unique.table)
            }
        })
    };
    let meaning = match state.as_str() {
        "23505" => conflict().map_or(Rejected, Meaning::Conflict),
        state => meaning(state),
    };
    Report { code: Some(state), meaning }
}

/// By `SQLSTATE` (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn meaning(state: &str) -> Meaning {
    match state {
        "40001" => Unavailable("a conflicting transaction", Retry::Immediately),
        "40P01" => Unavailable("a deadlock", Retry::Immediately),
        "55P03" => Unavailable("a lock was held for too long", Retry::Immediately),
        // From a server that has become a replica: the new primary is reached by the same name.
        "25006" => Unavailable("the database is read-only", Retry::Reconnect),
        "25P03" | "57P05" => Unavailable("the session was idle for too long", Retry::Reconnect),
        "57P01" | "57P02" | "57P03" => Unavailable("the database is stopping or starting", Retry::Reconnect),
        "42P01" | "42703" => SCHEMA,
        "57P04" | "3D000" => Unavailable("the database does not exist", Retry::Never),
        "53100" => Unavailable("the disk is full", Retry::Never),
        "53200" => Unavailable("out of memory", Retry::Never),
        "53300" => Unavailable("too many connections", Retry::Never),
        "57014" => Unavailable("a statement took too long", Retry::Never),
        _ => match state.get(..2) {
            Some("08") => Unavailable("the connection broke", Retry::Reconnect),
            Some("28") => Unavailable("the database denied access", Retry::Never),
            Some("53") => Unavailable("a limit of the database", Retry::Never),
            Some("58") => Unavailable("the database has a system error", Retry::Never),
            _ => Rejected,
        },
    }
}

/// Fails if the server can't be used.
async fn check_server(server: &PgConnectOptions, options: &DatabaseOptions) -> Result<(), ConnectError> {
    let place = format!("{}:{}", server.get_host(), server.get_port());
    let unusable = |cause: String| ConnectError::Unreachable { place: place.clone(), cause };
    let mut first = first_connection::<PgConnection>(&place, server, options).await?;
    if let Some(found) = obstacle(&mut first).await.map_err(|error| unusable(explain(&error)))? {
        return Err(unusable(found.remedy().to_owned()));
    }
    let mut second = first_connection::<PgConnection>(&place, server, options).await?;
    if is_pooled_by_transaction(&mut first, &mut second).await.map_err(|error| unusable(explain(&error)))? {
        return Err(unusable(POOLED.to_owned()));
    }
    drop((first.close().await, second.close().await));
    Ok(())
}

/// The statement that prepares each connection. A role may be read-only by default; a standby stays read-only. Setting the
/// isolation once saves a message in each transaction.
fn session_settings(options: &DatabaseOptions) -> String {
    format!(
        "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}; \
         SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
        options.timeout.as_millis(),
        options.lock_timeout.as_millis(),
        IDLE_IN_TRANSACTION.as_millis(),
    )
}

/// Opens a database on a server that can be used.
pub async fn open(options: &DatabaseOptions, server: PgConnectOptions) -> Result<Database, ConnectError> {
    // Statements carry values, which do not belong in logs. Poolers reject the last parameter, and no floating-point
    // numbers are stored.
    let server =
        server.application_name("auth-server").disable_statement_logging().extra_float_digits(None::<i8>);
    check_server(&server, options).await?;
    let limits = session_settings(options);
    // One connection without timeouts: building an index may take long.
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
                    usability.set(obstacle(connection).await?);
                    Ok(())
                })
            });
            SqlxPostgresConnector::from_sqlx_postgres_pool(pool.connect_lazy_with(server.clone()))
        }
    };
    let pool = Pool::Server(ServerPool::new(connect, timeouts(options)));
    let can_notify = notify::is_supported(&pool.connections()).await?;
    Ok(Database {
        reader: Reader::new(pool.clone(), Dialect::Postgres),
        writer: pool,
        migrations: SqlxPostgresConnector::from_sqlx_postgres_pool(migrations),
        change_feed: if can_notify { ChangeFeed::Notifications } else { ChangeFeed::None },
        listener: Some(Box::new(server)),
    })
}

/// The message for a pooler that assigns connections by transaction.
const POOLED: &str = "a pooler gives each transaction another connection (PgBouncer with pool_mode=transaction), which \
                      loses settings, prepared statements and LISTEN: use pool_mode=session, or connect to the server";

/// Whether two connections share the settings of one session, as they do behind a pooler that assigns connections by
/// transaction.
async fn is_pooled_by_transaction(
    first: &mut PgConnection,
    second: &mut PgConnection,
) -> Result<bool, sqlx::Error> {
    // Outside of transactions, such a pooler uses any free connection for both.
    first.execute("SET auth_server.probe = 'first'").await?;
    for _ in 0..3 {
        let row = second.fetch_one("SELECT COALESCE(current_setting('auth_server.probe', true), '')").await?;
        if row.try_get::<String, _>(0)? == "first" {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn obstacle(connection: &mut PgConnection) -> Result<Option<Obstacle>, sqlx::Error> {
    let row = connection.fetch_one("SELECT pg_is_in_recovery()").await?;
    Ok(row.try_get::<bool, _>(0)?.then_some(Obstacle::Standby))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_connections_are_replaced_locks_retried_and_errors_of_this_program_are_neither() {
        for (state, retry) in [
            ("40001", Some(Retry::Immediately)),
            ("40P01", Some(Retry::Immediately)),
            ("57P01", Some(Retry::Reconnect)),
            ("08006", Some(Retry::Reconnect)),
            ("53100", Some(Retry::Never)),
            ("42P01", Some(Retry::Never)),
            ("42601", None),
            ("23505", None),
            ("", None),
        ] {
            let expected = |meaning| match meaning {
                Unavailable(_, retry) => Some(retry),
                _ => None,
            };
            assert_eq!(expected(meaning(state)), retry, "{state}");
        }
    }
}
