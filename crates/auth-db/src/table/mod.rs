//! The rows as `SeaORM` sees them. They never leave this crate.

pub mod reset_token;
pub mod session;
pub mod user;
