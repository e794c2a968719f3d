//! `PostgreSQL`.

use sea_orm::{
    DbBackend, SqlxPostgresConnector,
    sqlx::{
        self, AssertSqlSafe, ConnectOptions, Connection, Executor, Postgres, Row,
        postgres::{PgConnectOptions, PgConnection, PgPoolOptions},
    },
};

use super::{IDLE_IN_TRANSACTION, first_connection, pool_options, time_limits};
use crate::{
    Channel, ConnectError, Database, DatabaseOptions,
    database::{
        pool::Pool,
        reader::Reader,
        unreachable::cause,
        usability::{Obstacle, Usability},
    },
    revocations,
};

pub async fn open(options: &DatabaseOptions, server: PgConnectOptions) -> Result<Database, ConnectError> {
    // Statements carry values, which do not belong in logs. The parameter is one that poolers refuse, and we store no
    // floating-point numbers.
    let server =
        server.application_name("auth-server").disable_statement_logging().extra_float_digits(None::<i8>);
    let place = format!("{}:{}", server.get_host(), server.get_port());
    let mut first = first_connection::<PgConnection>(&place, &server, options).await?;
    let unusable = |cause: String| ConnectError::Unreachable { place: place.clone(), cause };
    if let Some(found) = obstacle(&mut first).await.map_err(|error| unusable(cause(&error)))? {
        return Err(unusable(found.remedy().to_owned()));
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
                    usability.found(obstacle(connection).await?);
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

async fn obstacle(connection: &mut PgConnection) -> Result<Option<Obstacle>, sqlx::Error> {
    let row = connection.fetch_one("SELECT pg_is_in_recovery()").await?;
    Ok(row.try_get::<bool, _>(0)?.then_some(Obstacle::Standby))
}
