//! Notifications between nodes (`LISTEN` and `NOTIFY` of `PostgreSQL`): which sessions were revoked.
//!
//! A notification is part of a transaction. It is delivered if the transaction commits, and in the order of the commits. A
//! notification that is sent while a node is disconnected is lost, and the driver reconnects silently. A node therefore
//! sends itself heartbeats, and relies on having received everything only as long as they come back.

#[cfg(feature = "postgres")]
#[path = "pg_listener.rs"]
mod listener;
#[cfg(not(feature = "postgres"))]
#[path = "no_listener.rs"]
mod listener;

use std::fmt::Write;

use auth_model::SessionTokenDigest;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, sea_query::DeleteStatement};

use self::listener::Listener;
pub(crate) use self::listener::ListenerOptions;
use crate::{ChangeFeed, Database, DbError, Fault, Writer};

/// The channel for revoked sessions.
const CHANNEL: &str = "auth_sessions_ended";

/// The maximum number of digests in a notification: the database accepts 8,000 bytes.
pub(crate) const MAX_DIGESTS: usize = 100;

/// A notification that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notification {
    /// These sessions were revoked.
    Revoked(Vec<SessionTokenDigest>),
    /// A payload that this version does not understand: any session may have been revoked.
    Unknown,
    /// The heartbeat of this number came back: everything that was committed before it was sent has been received.
    Heartbeat(u64),
}

/// Receives the notifications of other nodes, on a connection of its own.
pub struct Notifications {
    listener: Listener,
    heartbeats: String,
    sent: u64,
}

/// A message of `NOTIFY`.
struct Message {
    channel: String,
    payload: String,
}

impl Notifications {
    /// Begins to listen. The `name` identifies the listener: a random number.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`]; [`DbError::Rejected`] if the database has no notifications.
    pub async fn listen(db: &Database, name: u64) -> Result<Self, DbError> {
        let Some(server) = db.listener() else {
            return Err(DbError::Rejected(Fault::NO_NOTIFICATIONS));
        };
        let heartbeats = format!("auth_beat_{name:016x}");
        let listener = Listener::connect(server, [CHANNEL, heartbeats.as_str()]).await?;
        Ok(Self { listener, heartbeats, sent: 0 })
    }

    /// Sends a heartbeat to this listener, and returns its number.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`].
    pub async fn send_heartbeat(&mut self) -> Result<u64, DbError> {
        self.sent += 1;
        self.listener.notify(&self.heartbeats, self.sent.to_string()).await?;
        Ok(self.sent)
    }

    /// Waits for a notification. Cancelling the wait loses none.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`] if the connection broke. What is sent until the next [`Notifications::listen`] is lost.
    pub async fn recv(&mut self) -> Result<Notification, DbError> {
        let message = self.listener.recv().await?;
        Ok(parse(&message, &self.heartbeats))
    }
}

/// Notifies the other nodes of the sessions that a transaction revokes, when it commits. Does nothing on a database without
/// notifications.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn announce(tx: &impl Writer, revoked: &[SessionTokenDigest]) -> Result<(), DbError> {
    if tx.change_feed() != ChangeFeed::Notifications {
        return Ok(());
    }
    for digests in revoked.chunks(MAX_DIGESTS) {
        tx.query_one_raw(notify(CHANNEL, payload_of(digests))).await?;
    }
    Ok(())
}

/// Deletes at most [`MAX_DIGESTS`] sessions, and announces that in the same statement.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub(crate) async fn delete_and_announce(
    on: &impl Writer,
    deletion: DeleteStatement,
    revoked: &[SessionTokenDigest],
) -> Result<(), DbError> {
    if on.change_feed() != ChangeFeed::Notifications {
        on.execute(&deletion).await?;
        return Ok(());
    }
    let Statement { sql, values, db_backend } = DbBackend::Postgres.build(&deletion);
    let mut values = values.map(|values| values.0).unwrap_or_default();
    let (channel, payload) = (values.len() + 1, values.len() + 2);
    values.extend([CHANNEL.into(), payload_of(revoked).into()]);
    // A deletion in a WITH clause is carried out although its result is not read.
    let sql = format!("WITH revoked AS ({sql} RETURNING 1) SELECT pg_notify(${channel}, ${payload})");
    on.query_one_raw(Statement::from_sql_and_values(db_backend, sql, values)).await?;
    Ok(())
}

/// Whether the database has notifications. Other databases that use the protocol of `PostgreSQL` may not.
///
/// # Errors
///
/// [`DbError::Unavailable`] if that is unknown: a node that wrongly sent no notifications would leave revoked sessions in
/// the caches of the others.
pub(crate) async fn is_supported(db: &DatabaseConnection) -> Result<bool, DbError> {
    match db.query_one_raw(notify("auth_probe", String::new())).await.map_err(DbError::from) {
        Ok(_) => Ok(true),
        Err(DbError::Rejected(_)) => Ok(false),
        Err(other) => Err(other),
    }
}

fn notify(channel: &str, payload: String) -> Statement {
    let values = [channel.into(), payload.into()];
    Statement::from_sql_and_values(DbBackend::Postgres, "SELECT pg_notify($1, $2)", values)
}

/// The digests in hexadecimal digits, concatenated.
fn payload_of(digests: &[SessionTokenDigest]) -> String {
    let mut payload = String::with_capacity(digests.len() * 64);
    for byte in digests.iter().flat_map(SessionTokenDigest::as_bytes) {
        // Writing to a string can't fail.
        let _ = write!(payload, "{byte:02x}");
    }
    payload
}

fn parse(message: &Message, heartbeats: &str) -> Notification {
    if message.channel == heartbeats {
        return message.payload.parse().map_or(Notification::Unknown, Notification::Heartbeat);
    }
    digests_in(&message.payload).map_or(Notification::Unknown, Notification::Revoked)
}

fn digests_in(payload: &str) -> Option<Vec<SessionTokenDigest>> {
    let (digests, []) = payload.as_bytes().as_chunks::<64>() else { return None };
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
    fn payloads_are_read_and_others_are_unknown() {
        for count in [0, 1, MAX_DIGESTS] {
            let revoked: Vec<_> = (0..count)
                .map(|number| SessionTokenDigest::from_bytes([u8::try_from(number).unwrap(); 32]))
                .collect();
            assert!(payload_of(&revoked).len() < 8000);
            assert_eq!(digests_in(&payload_of(&revoked)), Some(revoked));
        }
        for nonsense in ["x", "0", &"g".repeat(64), &"0".repeat(63), &"é".repeat(32)] {
            assert_eq!(digests_in(nonsense), None, "{nonsense}");
        }
    }
}
