//! `MariaDB` and `MySQL`.

use sea_orm::{
    SqlxMySqlConnector,
    sqlx::{
        self, AssertSqlSafe, ConnectOptions, Connection, Executor, MySql, Row,
        mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlPoolOptions},
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
    constraints::{self, Index, Unique},
    database::{Obstacle, Pool, Reader, ServerPool, Usability, explain},
    error::Retry,
};

/// Settings that keep committed data in a crash, with the values that do.
const DURABLE: [(&str, &[&str]); 2] =
    [("innodb_flush_log_at_trx_commit", &["1"]), ("innodb_doublewrite", &["1", "ON", "DETECT_AND_RECOVER"])];

/// See [`Dialect::durability_warnings`].
pub async fn durability_warnings(reader: &Reader) -> Result<Vec<String>, DbError> {
    let query = "SELECT CAST(@@innodb_flush_log_at_trx_commit AS CHAR), CAST(@@innodb_doublewrite AS CHAR)";
    server::durability_warnings(reader, query, &DURABLE).await
}

/// See [`Dialect::check_health`].
pub async fn check_health(reader: &Reader) -> Result<(), DbError> {
    let query = "SELECT CASE WHEN CAST(@@global.read_only AS CHAR) IN ('0', 'OFF') THEN 0 ELSE 1 END";
    server::check_health(reader, query, Obstacle::ReadOnly).await
}

/// Reads an error of the driver, of an insertion into `table` if that is known.
pub fn report(error: &MySqlDatabaseError, table: Option<&str>) -> Report {
    let conflict = || constraints::find(|unique| is_violated(error.message(), unique, table));
    let meaning = match error.number() {
        1062 => conflict().map_or(Rejected, Meaning::Conflict),
        number => meaning(number),
    };
    Report { code: Some(error.number().to_string()), meaning }
}

/// The message quotes the value first, which may contain anything, so the last key in it is the right one. `MySQL` puts
/// the table before the key's name.
fn is_violated(message: &str, unique: &Unique, table: Option<&str>) -> bool {
    let Some((_, key)) = message.rsplit_once("for key '") else { return false };
    let key = key.trim_end_matches('\'');
    let (reported_table, name) = match key.split_once('.') {
        Some((table, name)) => (Some(table), name),
        None => (table, key),
    };
    match unique.index {
        Index::Named(index) => name == index,
        Index::PrimaryKey => name == "PRIMARY" && reported_table == Some(unique.table),
    }
}

/// By number (<https://mariadb.com/kb/en/mariadb-error-code-reference/>).
fn meaning(number: u16) -> Meaning {
    match number {
        1205 => Unavailable("a lock was held for too long", Retry::Immediately),
        1213 => Unavailable("a deadlock", Retry::Immediately),
        // MariaDB with snapshot isolation.
        1020 => Unavailable("a conflicting transaction", Retry::Immediately),
        1053 | 1077 | 1079 | 1152 | 1153 | 1158..=1161 | 1184 | 1927 => {
            Unavailable("the connection broke", Retry::Reconnect)
        }
        1290 | 1792 | 1836 => Unavailable("the database is read-only", Retry::Reconnect),
        1021 | 1114 => Unavailable("the disk is full", Retry::Never),
        1037 | 1038 | 1041 => Unavailable("out of memory", Retry::Never),
        1665 => Unavailable("binlog_format is STATEMENT on the server: set MIXED or ROW", Retry::Never),
        1040 | 1203 | 1226 => Unavailable("too many connections", Retry::Never),
        1044 | 1045 | 1698 => Unavailable("the database denied access", Retry::Never),
        1054 | 1146 => SCHEMA,
        1049 => Unavailable("the database does not exist", Retry::Never),
        1317 | 1969 | 3024 => Unavailable("a statement took too long", Retry::Never),
        1003..=1006 | 1014 | 1015 | 1023 | 1024 | 1026 | 1030 | 1180 | 1181 => {
            Unavailable("the database has an error with its files", Retry::Never)
        }
        _ => Rejected,
    }
}

/// Fails if the server can't be used.
async fn check_server(server: &MySqlConnectOptions, options: &DatabaseOptions) -> Result<(), ConnectError> {
    let place = format!("{}:{}", server.get_host(), server.get_port());
    let unusable = |cause: String| ConnectError::Unreachable { place: place.clone(), cause };
    let mut first = first_connection::<MySqlConnection>(&place, server, options).await?;
    if let Some(found) = obstacle(&mut first).await.map_err(|error| unusable(explain(&error)))? {
        return Err(unusable(found.remedy().to_owned()));
    }
    drop(first.close().await);
    Ok(())
}

/// The statement that prepares each connection, whatever the defaults of the server are. Only MariaDB reads the comment.
/// `InnoDB` has lock timeouts in whole seconds only.
fn session_settings(options: &DatabaseOptions) -> String {
    format!(
        "SET SESSION autocommit = 1, sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', \
         innodb_lock_wait_timeout = {} \
         /*M!100300 , idle_transaction_timeout = {}, max_statement_time = {} */; \
         SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
        options.lock_timeout.as_secs().max(1),
        IDLE_IN_TRANSACTION.as_secs(),
        options.timeout.as_secs_f64(),
    )
}

/// Opens a database on a server that can be used.
pub async fn open(options: &DatabaseOptions, server: MySqlConnectOptions) -> Result<Database, ConnectError> {
    let server = server.disable_statement_logging();
    check_server(&server, options).await?;
    let limits = session_settings(options);
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
                    usability.set(obstacle(connection).await?);
                    Ok(())
                })
            });
            SqlxMySqlConnector::from_sqlx_mysql_pool(pool.connect_lazy_with(server.clone()))
        }
    };
    let pool = Pool::Server(ServerPool::new(connect, timeouts(options)));
    Ok(Database {
        reader: Reader::new(pool.clone(), Dialect::MariaDb),
        writer: pool,
        migrations: SqlxMySqlConnector::from_sqlx_mysql_pool(migrations),
        change_feed: ChangeFeed::None,
        listener: None,
    })
}

async fn obstacle(connection: &mut MySqlConnection) -> Result<Option<Obstacle>, sqlx::Error> {
    let query = "SELECT CAST(@@global.read_only AS CHAR), CAST(@@log_bin AS CHAR), @@session.binlog_format";
    let row = connection.fetch_one(query).await?;
    let is_on = |index: usize| {
        let value: String = row.try_get(index)?;
        Ok::<_, sqlx::Error>(!["0", "OFF"].contains(&value.as_str()))
    };
    if is_on(0)? {
        return Ok(Some(Obstacle::ReadOnly));
    }
    if is_on(1)? && row.try_get::<String, _>(2)?.eq_ignore_ascii_case("STATEMENT") {
        // A role with the privilege can set it for its session.
        let set = connection.execute("SET SESSION binlog_format = 'ROW'").await;
        return Ok(set.is_err().then_some(Obstacle::StatementBinlog));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conflict;

    #[test]
    fn broken_connections_are_replaced_locks_retried_and_errors_of_this_program_are_neither() {
        for (number, retry) in [
            (1213, Some(Retry::Immediately)),
            (1205, Some(Retry::Immediately)),
            (1927, Some(Retry::Reconnect)),
            (1021, Some(Retry::Never)),
            (1146, Some(Retry::Never)),
            (1064, None),
            (1062, None),
        ] {
            let expected = |meaning| match meaning {
                Unavailable(_, retry) => Some(retry),
                _ => None,
            };
            assert_eq!(expected(meaning(number)), retry, "{number}");
        }
    }

    #[test]
    fn a_value_in_a_message_is_not_taken_for_the_key() {
        for (message, table, conflict) in [
            ("Duplicate entry 'a' for key 'users_email_key_unique'", None, Some(Conflict::Email)),
            ("Duplicate entry 'a' for key 'users.users_email_key_unique'", None, Some(Conflict::Email)),
            ("Duplicate entry 'x' for key 'PRIMARY' for key 'other'", Some("sessions"), None),
            ("Duplicate entry 'x' for key 'PRIMARY'", Some("sessions"), Some(Conflict::SessionToken)),
            ("Duplicate entry 'x' for key 'reset_tokens.PRIMARY'", Some("sessions"), Some(Conflict::Reset)),
            ("Duplicate entry '7' for key 'PRIMARY'", Some("users"), None),
            ("Duplicate entry '7' for key 'PRIMARY'", None, None),
            ("Duplicate entry '7'", Some("sessions"), None),
        ] {
            let found = constraints::find(|unique| is_violated(message, unique, table));
            assert_eq!(found, conflict, "{message}");
        }
    }
}
