//! Recovery of an account whose password is forgotten.

mod complete;
mod issue;
mod request;

pub use self::{
    complete::{CompleteResetError, ResetCompletion},
    issue::IssueResetError,
};
