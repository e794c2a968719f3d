//! The rows as `SeaORM` sees them. They never leave this crate.
//!
//! A look-up by a unique key ends in `.all(db).await?.pop()`, not in `.one(db)`: the latter binds its
//! `LIMIT ?` as a parameter, and `SQLite` compiles a statement again each time its limit is bound, which
//! doubled the price of a session check.

pub mod device;
pub mod device_kind;
pub mod outbox;
pub mod reset_token;
pub mod server_key;
pub mod session;
pub mod throttle;
pub mod user;
