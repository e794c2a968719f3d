//! What ails a database, by what its driver tells: the one table of it. What is not in it is a fault of ours.

use sea_orm::sqlx::error::DatabaseError;

use crate::{
    driver,
    error::Passing::{self, AtOnce, No, Reconnected},
};

type Trouble = (&'static str, Passing);

/// What somebody did to the database while the service runs.
const SCHEMA: Trouble = (
    "a table or column is missing: the schema is not that of this version, see `auth-server migrate status`",
    No,
);

/// The code that the database's own manual explains.
pub fn code(error: &dyn DatabaseError) -> Option<String> {
    match driver::mysql_number(error) {
        Some(number) => Some(number.to_string()),
        None => error.code().map(std::borrow::Cow::into_owned),
    }
}

/// What ails the database, and whether it passes; none if it does not ail.
pub fn of(error: &dyn DatabaseError) -> Option<Trouble> {
    if let Some(number) = driver::mysql_number(error) {
        return of_mysql(number);
    }
    let code = error.code()?;
    // SQLite has no code of its own for it.
    if code == "1" && ["no such table", "no such column"].iter().any(|told| error.message().starts_with(told))
    {
        return Some(SCHEMA);
    }
    if driver::is_postgres(error) {
        return of_postgres(&code);
    }
    of_sqlite(code.parse().ok()?)
}

/// By primary result code (<https://www.sqlite.org/rescode.html>).
fn of_sqlite(extended_code: i32) -> Option<Trouble> {
    Some(match extended_code & 0xff {
        5 | 6 => ("the database is locked", AtOnce),
        7 => ("out of memory", No),
        8 => ("the database is read-only", No),
        10 => ("disk I/O error", No),
        11 => ("the database file is malformed", No),
        13 => ("the disk is full", No),
        14 => ("the database file can't be opened", No),
        15 => ("locking protocol", AtOnce),
        26 => ("the file is not a database", No),
        _ => return None,
    })
}

/// By `SQLSTATE` (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn of_postgres(state: &str) -> Option<Trouble> {
    Some(match state {
        "40001" => ("another transaction was in the way", AtOnce),
        "40P01" => ("a deadlock", AtOnce),
        "55P03" => ("a lock was held for too long", AtOnce),
        // Said by a server that is now a replica: the new primary is behind the same name.
        "25006" => ("the database is read-only", Reconnected),
        "25P03" | "57P05" => ("the session was idle for too long", Reconnected),
        "57P01" | "57P02" | "57P03" => ("the database is stopping or starting", Reconnected),
        "42P01" | "42703" => SCHEMA,
        "57P04" | "3D000" => ("there is no such database", No),
        "53100" => ("the disk is full", No),
        "53200" => ("out of memory", No),
        "53300" => ("too many connections", No),
        "57014" => ("a statement took too long", No),
        _ => match state.get(..2)? {
            "08" => ("the connection broke", Reconnected),
            "28" => ("the database does not let us in", No),
            "53" => ("a limit of the database", No),
            "58" => ("the database has trouble with its system", No),
            _ => return None,
        },
    })
}

/// By number (<https://mariadb.com/kb/en/mariadb-error-code-reference/>).
fn of_mysql(number: u16) -> Option<Trouble> {
    Some(match number {
        1205 => ("a lock was held for too long", AtOnce),
        1213 => ("a deadlock", AtOnce),
        // MariaDB with snapshot isolation.
        1020 => ("another transaction was in the way", AtOnce),
        1053 | 1077 | 1079 | 1152 | 1153 | 1158..=1161 | 1184 | 1927 => ("the connection broke", Reconnected),
        1290 | 1792 | 1836 => ("the database is read-only", Reconnected),
        1021 | 1114 => ("the disk is full", No),
        1037 | 1038 | 1041 => ("out of memory", No),
        1665 => ("binlog_format is STATEMENT on the server: set MIXED or ROW", No),
        1040 | 1203 | 1226 => ("too many connections", No),
        1044 | 1045 | 1698 => ("the database does not let us in", No),
        1054 | 1146 => SCHEMA,
        1049 => ("there is no such database", No),
        1317 | 1969 | 3024 => ("a statement took too long", No),
        1003..=1006 | 1014 | 1015 | 1023 | 1024 | 1026 | 1030 | 1180 | 1181 => {
            ("the database has trouble with its files", No)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_at_once_is_tried_again_and_what_is_ours_is_no_trouble() {
        for (told, passing) in [
            (of_sqlite(5), Some(AtOnce)),
            (of_sqlite(517), Some(AtOnce)),
            (of_sqlite(13), Some(No)),
            (of_sqlite(1), None),
            (of_postgres("40001"), Some(AtOnce)),
            (of_postgres("40P01"), Some(AtOnce)),
            (of_postgres("57P01"), Some(Reconnected)),
            (of_postgres("08006"), Some(Reconnected)),
            (of_postgres("53100"), Some(No)),
            (of_postgres("42601"), None),
            (of_postgres("23505"), None),
            (of_postgres(""), None),
            (of_mysql(1213), Some(AtOnce)),
            (of_mysql(1205), Some(AtOnce)),
            (of_mysql(1927), Some(Reconnected)),
            (of_mysql(1021), Some(No)),
            (of_postgres("42P01"), Some(No)),
            (of_mysql(1146), Some(No)),
            (of_mysql(1064), None),
            (of_mysql(1062), None),
        ] {
            assert_eq!(told.map(|(_, passing)| passing), passing, "{told:?}");
        }
    }
}
