//! Passwords, and what is stored instead of them.

mod password;
mod password_hash;

pub use self::{
    password::{InvalidPassword, MAX_PASSWORD_BYTES, NewPassword, Password, PasswordPolicy},
    password_hash::{InvalidPasswordHash, MAX_PASSWORD_HASH_BYTES, PasswordHash},
};
