//! Emails: their templates, and sending them by SMTP.

mod smtp;
mod templates;

pub use self::{
    smtp::{SmtpMailer, SmtpUrl},
    templates::{Templates, TemplatesError},
};
