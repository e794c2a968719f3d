//! Without the driver of `PostgreSQL` there is no connection that could listen.

use std::convert::Infallible;

use super::Notification;
use crate::DbError;

pub type ListenerOptions = Infallible;

pub struct Listener(Infallible);

impl Listener {
    #[expect(clippy::unused_async, reason = "it has the signature of the one that connects")]
    pub async fn connect(server: &ListenerOptions, _: [&str; 2]) -> Result<Self, DbError> {
        match *server {}
    }

    #[expect(clippy::unused_async, reason = "it has the signature of the one that sends")]
    pub async fn notify(&mut self, _: &str, _: String) -> Result<(), DbError> {
        match self.0 {}
    }

    #[expect(clippy::unused_async, reason = "it has the signature of the one that waits")]
    pub async fn recv(&mut self) -> Result<Notification, DbError> {
        match self.0 {}
    }
}
