//! The rows of password authentication: users, sessions and outstanding resets, through `SeaORM`.
//!
//! A module per table holds free functions over `&impl ConnectionTrait`, so that one function serves a
//! plain look-up ([`Database::read`]) and a transaction ([`Database::write`]). Nothing here asks for the
//! time, makes a token or decides a rule: instants, ids, digests and hashes come in as plain values.
//!
//! Locks are taken in one order: `users`, `reset_tokens`, `sessions`, `devices`, `throttles`. A transaction that writes to
//! the later ones on behalf of a user begins with [`users::lock`]; single statements ([`Database::autocommit`]) check what
//! they rely on themselves.
//!
//! Each database has a Cargo feature, all of which are on by default: `sqlite`, `postgres`, `mariadb`.

// What the databases share is not used by each of them. The build with all of them finds code that is dead.
#![cfg_attr(not(all(feature = "sqlite", feature = "postgres", feature = "mariadb")), allow(dead_code))]

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mariadb")))]
compile_error!("auth-db needs a database: enable the feature `sqlite`, `postgres` or `mariadb`");

pub mod clock_steps;
mod constraints;
mod current;
mod database;
mod deletion;
pub mod device_kinds;
pub mod devices;
mod driver;
mod error;
mod failed_attempts;
mod instant;
pub mod outbox;
pub mod resets;
pub mod revocations;
pub mod server_keys;
pub mod sessions;
mod table;
pub mod throttles;
mod trouble;
pub mod users;

pub use auth_model as model;
pub use database::{
    Autocommit, Channel, ConnectError, DataVersion, Database, DatabaseOptions, Reader, Transaction,
    Transport, Writer, sqlite_url, transport,
};
pub use error::{Conflict, DbError, Fault};
