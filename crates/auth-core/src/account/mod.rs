//! What users do with their own accounts.

mod change_password;
mod delete;
mod reauthenticate;
mod register;
mod sessions;

pub use self::{
    change_password::{ChangePasswordError, PasswordChange},
    reauthenticate::{Reauthentication, ReauthenticationError},
    register::RegisterError,
    sessions::OwnSession,
};
pub use crate::policy::REAUTHENTICATION_WINDOW;
