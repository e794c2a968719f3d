//! The channel between nodes: what one ends, the others hear of (`LISTEN` and `NOTIFY` of `PostgreSQL`).
//!
//! A word is part of the transaction that says it: it is heard if that commits, and in the order of the
//! commits. What is said while nobody listens is lost, and the driver reconnects without a word; so whoever
//! relies on it sends itself a beat from time to time, and believes that it heard everything only as long
//! as its beats come back.

#[cfg(feature = "postgres")]
mod listener;
#[cfg(not(feature = "postgres"))]
#[path = "no_listener.rs"]
mod listener;

use std::fmt::Write;

use auth_model::SessionTokenDigest;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, sea_query::DeleteStatement};

use self::listener::Listener;
pub(crate) use self::listener::ListenerOptions;
use crate::{Channel, Database, DbError, Fault, Writer};

/// Where ended sessions are told.
const CHANNEL: &str = "auth_sessions_ended";

/// Digests in one word: the database takes 8,000 bytes.
pub(crate) const DIGESTS: usize = 100;

/// What was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// These sessions ended.
    Ended(Vec<SessionTokenDigest>),
    /// Something that this version does not understand: any session may have ended.
    Unknown,
    /// The beat of this number came back: all that was committed before it was sent has been heard.
    Beat(u64),
}

/// Hears what other nodes say, on a connection of its own.
pub struct Revocations {
    listener: Listener,
    beats: String,
    sent: u64,
}

/// A message of `NOTIFY`.
struct Notification {
    channel: String,
    payload: String,
}

impl Revocations {
    /// Begins to listen. The `name` is one that no other listener has: a random number.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`]; [`DbError::Refused`] if the database has no such channel.
    pub async fn listen(db: &Database, name: u64) -> Result<Self, DbError> {
        let Some(server) = db.listening() else {
            return Err(DbError::Refused(Fault::NO_CHANNEL));
        };
        let beats = format!("auth_beat_{name:016x}");
        let listener = Listener::connect(server, [CHANNEL, beats.as_str()]).await?;
        Ok(Self { listener, beats, sent: 0 })
    }

    /// Sends itself a beat; answers its number.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`].
    pub async fn beat(&mut self) -> Result<u64, DbError> {
        self.sent += 1;
        self.listener.notify(&self.beats, self.sent.to_string()).await?;
        Ok(self.sent)
    }

    /// Waits for a word. A wait that is given up loses nothing.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`] if the connection broke: what is said until the next [`Revocations::listen`]
    /// is lost.
    pub async fn hear(&mut self) -> Result<Heard, DbError> {
        let received = self.listener.recv().await?;
        Ok(understand(&received, &self.beats))
    }
}

/// Tells the other nodes which sessions a transaction ends, once it commits; nothing where there is no channel.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn announce(tx: &impl Writer, ended: &[SessionTokenDigest]) -> Result<(), DbError> {
    if tx.channel() != Channel::Revocations {
        return Ok(());
    }
    for digests in ended.chunks(DIGESTS) {
        tx.query_one_raw(notify(CHANNEL, word(digests))).await?;
    }
    Ok(())
}

/// Carries out a deletion of at most [`DIGESTS`] sessions, and announces them in the same statement.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub(crate) async fn announcing(
    on: &impl Writer,
    deletion: DeleteStatement,
    ended: &[SessionTokenDigest],
) -> Result<(), DbError> {
    if on.channel() != Channel::Revocations {
        on.execute(&deletion).await?;
        return Ok(());
    }
    let Statement { sql, values, db_backend } = DbBackend::Postgres.build(&deletion);
    let mut values = values.map(|values| values.0).unwrap_or_default();
    let (channel, payload) = (values.len() + 1, values.len() + 2);
    values.extend([CHANNEL.into(), word(ended).into()]);
    // What a deletion in a WITH clause returns need not be read; it is carried out all the same.
    let sql = format!("WITH ended AS ({sql} RETURNING 1) SELECT pg_notify(${channel}, ${payload})");
    on.query_one_raw(Statement::from_sql_and_values(db_backend, sql, values)).await?;
    Ok(())
}

/// Whether the database can tell anything at all: others speak `PostgreSQL`'s protocol, too.
///
/// # Errors
///
/// If it does not say so: a node that wrongly told nothing would let the others believe what is not so.
pub(crate) async fn are_possible(db: &DatabaseConnection) -> Result<bool, DbError> {
    match db.query_one_raw(notify("auth_probe", String::new())).await.map_err(DbError::from) {
        Ok(_) => Ok(true),
        Err(DbError::Refused(_)) => Ok(false),
        Err(other) => Err(other),
    }
}

fn notify(channel: &str, payload: String) -> Statement {
    let values = [channel.into(), payload.into()];
    Statement::from_sql_and_values(DbBackend::Postgres, "SELECT pg_notify($1, $2)", values)
}

/// Digests, in hexadecimal digits, one after the other.
fn word(digests: &[SessionTokenDigest]) -> String {
    let mut word = String::with_capacity(digests.len() * 64);
    for byte in digests.iter().flat_map(SessionTokenDigest::as_bytes) {
        // Writing to a string can't fail.
        let _ = write!(word, "{byte:02x}");
    }
    word
}

fn understand(received: &Notification, beats: &str) -> Heard {
    if received.channel == beats {
        return received.payload.parse().map_or(Heard::Unknown, Heard::Beat);
    }
    digests(&received.payload).map_or(Heard::Unknown, Heard::Ended)
}

fn digests(word: &str) -> Option<Vec<SessionTokenDigest>> {
    let (digests, []) = word.as_bytes().as_chunks::<64>() else { return None };
    let digest = |text: &[u8; 64]| {
        let mut digest = [0; 32];
        for (byte, digits) in digest.iter_mut().zip(text.as_chunks::<2>().0) {
            *byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(SessionTokenDigest::from_bytes(digest))
    };
    digests.iter().map(digest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_understood_and_what_is_no_word_is_told_apart() {
        for count in [0, 1, DIGESTS] {
            let ended: Vec<_> = (0..count)
                .map(|number| SessionTokenDigest::from_bytes([u8::try_from(number).unwrap(); 32]))
                .collect();
            assert!(word(&ended).len() < 8000);
            assert_eq!(digests(&word(&ended)), Some(ended));
        }
        for nonsense in ["x", "0", &"g".repeat(64), &"0".repeat(63), &"é".repeat(32)] {
            assert_eq!(digests(nonsense), None, "{nonsense}");
        }
    }
}
