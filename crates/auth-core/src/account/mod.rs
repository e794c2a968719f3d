//! What users do with their own accounts, besides logging in and out.

mod change_password;
mod confirm;
mod delete_account;
mod own_sessions;

pub use self::{
    change_password::{ChangePasswordError, PasswordChange},
    confirm::{ConfirmError, Confirmation, FRESH_LOGIN},
    own_sessions::OwnSession,
};
