//! A server for each test, a client that follows no redirects, and a line to speak raw HTTP on.

pub mod accounts;
mod balancer;
mod binary;
mod browser;
mod client;
mod database;
mod mail_server;
mod raw;
mod server;

pub use balancer::{Balancer, HaProxy, free_address};
pub use binary::{Output, command, path as binary_path, run};
pub use browser::Browser;
pub use client::{Answer, Client, States, at_once, status_and_body};
pub use database::{execute, open};
pub use mail_server::{Mail, MailServer, SECRET, Security};
pub use raw::{raw, raw_bytes};
pub use server::{Server, address_in};

pub const ADA: &str = "ada@example.org";
pub const PASSWORD: &str = "b4l0u";
