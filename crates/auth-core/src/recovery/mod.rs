//! Recovery of an account whose password is forgotten.

mod complete;
mod issue;
mod request;

pub(crate) use self::issue::{IssuedReset, ResetIssuer};
pub use self::{
    complete::{CompleteResetError, ResetCompletion},
    issue::IssueResetError,
};
