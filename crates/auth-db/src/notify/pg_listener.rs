//! The connection that listens.

use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{
        self,
        postgres::{PgListener, PgPoolOptions},
    },
};
use tokio::runtime::Handle;

use super::Message;
use crate::{DbError, Fault};

/// How to connect.
pub type ListenerOptions = sqlx::postgres::PgConnectOptions;

/// The driver's listener. Dropping it sends a message to the server, which needs a runtime.
pub struct Listener(Option<PgListener>);

impl Listener {
    /// Connects, and listens on these channels.
    pub async fn connect(server: &ListenerOptions, channels: [&str; 2]) -> Result<Self, DbError> {
        let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let pool = pool.connect_lazy_with(server.clone());
        let mut listener = PgListener::connect_with(&pool).await.map_err(of_driver)?;
        // Notifications are lost while it is disconnected, so the caller reconnects and clears its cache.
        listener.eager_reconnect(false);
        listener.listen_all(channels).await.map_err(of_driver)?;
        Ok(Self(Some(listener)))
    }

    /// Sends a notification on the same connection.
    pub async fn notify(&mut self, channel: &str, payload: String) -> Result<(), DbError> {
        let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(channel).bind(payload);
        notify.execute(self.get()?).await.map_err(of_driver)?;
        Ok(())
    }

    /// Waits for a message. Cancelling the wait loses none.
    pub async fn recv(&mut self) -> Result<Message, DbError> {
        let received = self.get()?.try_recv().await.map_err(of_driver)?;
        let received = received.ok_or(DbError::Unavailable(Fault::BROKEN))?;
        Ok(Message { channel: received.channel().to_owned(), payload: received.payload().to_owned() })
    }

    fn get(&mut self) -> Result<&mut PgListener, DbError> {
        self.0.as_mut().ok_or(DbError::Unavailable(Fault::BROKEN))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Without a runtime the program is ending, and the operating system closes the connection.
        if Handle::try_current().is_err() {
            std::mem::forget(self.0.take());
        }
    }
}

fn of_driver(error: sqlx::Error) -> DbError {
    DbErr::Conn(RuntimeErr::SqlxError(error.into())).into()
}
