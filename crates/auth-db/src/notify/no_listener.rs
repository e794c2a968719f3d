//! Without the driver of `PostgreSQL` no connection can listen.

use std::convert::Infallible;

use super::Message;
use crate::DbError;

pub type ListenerOptions = Infallible;

pub struct Listener(Infallible);

impl Listener {
    #[expect(clippy::unused_async, reason = "the signature of `pg_listener`")]
    pub async fn connect(server: &ListenerOptions, _: [&str; 2]) -> Result<Self, DbError> {
        match *server {}
    }

    #[expect(clippy::unused_async, reason = "the signature of `pg_listener`")]
    pub async fn notify(&mut self, _: &str, _: String) -> Result<(), DbError> {
        match self.0 {}
    }

    #[expect(clippy::unused_async, reason = "the signature of `pg_listener`")]
    pub async fn recv(&mut self) -> Result<Message, DbError> {
        match self.0 {}
    }
}
