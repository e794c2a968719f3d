//! What administrators do. They never choose the password of a user.

mod import;
mod sessions;
mod users;

pub use self::import::ImportError;
