//! The table of unique constraints. A violation that is not in it is an error, never "taken".

use crate::Conflict;

/// A value that must be unique, as each database names it.
pub struct Unique {
    pub conflict: Conflict,
    pub table: &'static str,
    /// `SQLite` reports the column and never the index.
    pub column: &'static str,
    /// `PostgreSQL` and `MariaDB` report the index.
    pub index: Index,
}

pub enum Index {
    Named(&'static str),
    /// `MariaDB` reports `PRIMARY` for every table, without the table.
    PrimaryKey,
}

const fn named(conflict: Conflict, table: &'static str, column: &'static str, index: &'static str) -> Unique {
    Unique { conflict, table, column, index: Index::Named(index) }
}

const fn primary_key(conflict: Conflict, table: &'static str, column: &'static str) -> Unique {
    Unique { conflict, table, column, index: Index::PrimaryKey }
}

const UNIQUE: [Unique; 9] = [
    named(Conflict::Email, "users", "email_key", "users_email_key_unique"),
    named(Conflict::SessionId, "sessions", "id", "sessions_id_unique"),
    primary_key(Conflict::SessionToken, "sessions", "token_digest"),
    named(Conflict::ResetToken, "reset_tokens", "token_digest", "reset_tokens_token_digest_unique"),
    primary_key(Conflict::Reset, "reset_tokens", "user_id"),
    primary_key(Conflict::ServerKey, "server_keys", "name"),
    primary_key(Conflict::DeviceToken, "devices", "token_digest"),
    primary_key(Conflict::Throttle, "throttles", "account_digest"),
    primary_key(Conflict::DeviceKind, "device_kinds", "kind_digest"),
];

/// The conflict of the first constraint that a dialect recognizes in an error.
pub fn find(is_violated: impl Fn(&Unique) -> bool) -> Option<Conflict> {
    UNIQUE.iter().find(|unique| is_violated(unique)).map(|unique| unique.conflict)
}
