//! The wire, called as actix calls it, with a clock that the test moves.
#![expect(clippy::unwrap_used, reason = "a failing test should show where")]

mod cors;
mod cross_site;
mod documentation;
mod embedding;
mod headers;
mod profile;
mod reading;
mod reset_password;
mod sessions;
mod support;
mod users;
