//! The one table of what can be violated. What is not in it is an error, never "taken".

use sea_orm::sqlx::error::DatabaseError;

use crate::Conflict;

/// What each database says of a violated unique constraint: `SQLite` names table and column, and never the
/// index.
const UNIQUE: [(&str, Conflict); 6] = [
    ("users.email_key", Conflict::Email),
    ("sessions.id", Conflict::SessionId),
    ("sessions.token_digest", Conflict::SessionToken),
    ("reset_tokens.token_digest", Conflict::ResetToken),
    ("reset_tokens.user_id", Conflict::Reset),
    ("server_keys.name", Conflict::ServerKey),
];

/// `SQLITE_CONSTRAINT_UNIQUE` and `SQLITE_CONSTRAINT_PRIMARYKEY`.
const SQLITE_UNIQUE: [&str; 2] = ["2067", "1555"];

/// Which unique value an error says is taken, if that is what it says.
pub fn violated(error: &dyn DatabaseError) -> Option<Conflict> {
    let code = error.code()?;
    if !SQLITE_UNIQUE.contains(&code.as_ref()) {
        return None;
    }
    let columns = error.message().strip_prefix("UNIQUE constraint failed: ")?;
    UNIQUE.iter().find(|(told, _)| *told == columns).map(|(_, conflict)| *conflict)
}
