//! The use cases, each against a real database and a clock that the test moves.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

mod concurrency;
mod import;
mod login;
mod maintenance;
mod register;
mod reset;
mod secrets;
mod sessions;
mod support;
