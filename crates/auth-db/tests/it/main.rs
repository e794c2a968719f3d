//! The rows, on a real database.

mod database;
mod resets;
mod sessions;
mod support;
mod users;
