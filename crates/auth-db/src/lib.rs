//! The tables of password authentication, through `SeaORM`: users, sessions, resets, failed attempts, devices, emails.
//!
//! A module for each table has free functions over `&impl ConnectionTrait`, so that one function serves a plain query
//! ([`Database::read`]) and a transaction ([`Database::write`]). They take instants, ids, digests and hashes as values:
//! this crate has no clock, makes no tokens and decides no rules.
//!
//! Locks are taken in one order: `users`, `reset_tokens`, `sessions`, `devices`, `throttles`. A transaction that writes to
//! the later tables on behalf of a user begins with [`users::lock`]. Single statements ([`Database::autocommit`]) check
//! their preconditions themselves.
//!
//! Each database has a Cargo feature: `sqlite`, `postgres`, `mariadb`. All are on by default.

// Some code is used by some of the databases only. The build with all of them finds dead code.
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
mod dialect;
mod error;
mod failed_attempts;
mod instant;
pub mod notify;
pub mod outbox;
pub mod resets;
pub mod server_keys;
pub mod sessions;
mod table;
pub mod text;
pub mod throttles;
pub mod users;

pub use auth_model as model;
pub use database::{
    Autocommit, ChangeFeed, ConnectError, Database, DatabaseOptions, Reader, Transaction, Transport, Writer,
    sqlite_url, transport,
};
pub use dialect::data_version::DataVersion;
pub use error::{Conflict, DbError, Fault};
