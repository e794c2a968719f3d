//! The one table of what can be violated. What is not in it is an error, never "taken".

use sea_orm::sqlx::error::DatabaseError;

use crate::{Conflict, driver};

/// A value that must be unique, in the words of each database.
struct Unique {
    conflict: Conflict,
    table: &'static str,
    /// `SQLite` names the column, and never the index.
    column: &'static str,
    /// `PostgreSQL` and `MariaDB` name the index.
    index: Index,
}

enum Index {
    Named(&'static str),
    /// `MariaDB` calls it `PRIMARY`, whatever the table, which it does not tell.
    PrimaryKey,
}

const UNIQUE: [Unique; 9] = [
    Unique {
        conflict: Conflict::Email,
        table: "users",
        column: "email_key",
        index: Index::Named("users_email_key_unique"),
    },
    Unique {
        conflict: Conflict::SessionId,
        table: "sessions",
        column: "id",
        index: Index::Named("sessions_id_unique"),
    },
    Unique {
        conflict: Conflict::SessionToken,
        table: "sessions",
        column: "token_digest",
        index: Index::PrimaryKey,
    },
    Unique {
        conflict: Conflict::ResetToken,
        table: "reset_tokens",
        column: "token_digest",
        index: Index::Named("reset_tokens_token_digest_unique"),
    },
    Unique { conflict: Conflict::Reset, table: "reset_tokens", column: "user_id", index: Index::PrimaryKey },
    Unique { conflict: Conflict::ServerKey, table: "server_keys", column: "name", index: Index::PrimaryKey },
    Unique {
        conflict: Conflict::DeviceToken,
        table: "devices",
        column: "token_digest",
        index: Index::PrimaryKey,
    },
    Unique {
        conflict: Conflict::Throttle,
        table: "throttles",
        column: "account_digest",
        index: Index::PrimaryKey,
    },
    Unique {
        conflict: Conflict::DeviceKind,
        table: "device_kinds",
        column: "kind_digest",
        index: Index::PrimaryKey,
    },
];

/// Which unique value an error says is taken, if that is what it says, of an insertion into `table` if that
/// is known.
pub fn violated(error: &dyn DatabaseError, table: Option<&str>) -> Option<Conflict> {
    let is_told = |unique: &&Unique| -> bool {
        if let Some(number) = driver::mysql_number(error) {
            number == 1062 && in_mysql(error.message(), unique, table)
        } else if driver::is_postgres(error) {
            error.code().as_deref() == Some("23505")
                && error.constraint().is_some_and(|told| in_postgres(told, unique))
        } else {
            // SQLITE_CONSTRAINT_UNIQUE and SQLITE_CONSTRAINT_PRIMARYKEY.
            matches!(error.code().as_deref(), Some("2067" | "1555")) && in_sqlite(error.message(), unique)
        }
    };
    UNIQUE.iter().find(is_told).map(|unique| unique.conflict)
}

fn in_sqlite(message: &str, unique: &Unique) -> bool {
    message
        .strip_prefix("UNIQUE constraint failed: ")
        .and_then(|told| told.split_once('.'))
        .is_some_and(|told| told == (unique.table, unique.column))
}

fn in_postgres(constraint: &str, unique: &Unique) -> bool {
    match unique.index {
        Index::Named(name) => constraint == name,
        Index::PrimaryKey => constraint.strip_suffix("_pkey") == Some(unique.table),
    }
}

/// The message quotes the value first, which may be anything; so its last key counts. `MySQL` puts the table
/// before the key's name.
fn in_mysql(message: &str, unique: &Unique, table: Option<&str>) -> bool {
    let Some((_, key)) = message.rsplit_once("for key '") else { return false };
    let key = key.trim_end_matches('\'');
    let (told_table, name) = match key.split_once('.') {
        Some((table, name)) => (Some(table), name),
        None => (table, key),
    };
    match unique.index {
        Index::Named(index) => name == index,
        Index::PrimaryKey => name == "PRIMARY" && told_table == Some(unique.table),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_mysql(message: &str, table: Option<&str>) -> Option<Conflict> {
        UNIQUE.iter().find(|unique| in_mysql(message, unique, table)).map(|unique| unique.conflict)
    }

    #[test]
    fn a_value_in_a_message_of_mariadb_is_not_taken_for_the_key() {
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
            assert_eq!(by_mysql(message, table), conflict, "{message}");
        }
    }
}
