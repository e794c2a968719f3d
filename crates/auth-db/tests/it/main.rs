//! The rows, on a real database.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

mod database;
mod resets;
mod server_keys;
mod sessions;
mod support;
mod users;
