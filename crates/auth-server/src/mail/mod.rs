//! Mail: what letters look like, and how they leave the house.

mod smtp;
mod templates;

pub use self::{
    smtp::{SmtpMailer, SmtpUrl},
    templates::{Templates, TemplatesError},
};
