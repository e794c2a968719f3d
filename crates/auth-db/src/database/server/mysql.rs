//! `MariaDB` and `MySQL`.

use sea_orm::{
    DbBackend, SqlxMySqlConnector,
    sqlx::{
        self, AssertSqlSafe, ConnectOptions, Connection, Executor, MySql, Row,
        mysql::{MySqlConnectOptions, MySqlConnection, MySqlPoolOptions},
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
};

pub async fn open(options: &DatabaseOptions, server: MySqlConnectOptions) -> Result<Database, ConnectError> {
    let server = server.disable_statement_logging();
    let place = format!("{}:{}", server.get_host(), server.get_port());
    let mut first = first_connection::<MySqlConnection>(&place, &server, options).await?;
    let unusable = |cause: String| ConnectError::Unreachable { place: place.clone(), cause };
    if let Some(found) = obstacle(&mut first).await.map_err(|error| unusable(cause(&error)))? {
        return Err(unusable(found.remedy().to_owned()));
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
                    usability.found(obstacle(connection).await?);
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

async fn obstacle(connection: &mut MySqlConnection) -> Result<Option<Obstacle>, sqlx::Error> {
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
