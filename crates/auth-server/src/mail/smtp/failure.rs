//! The meaning of errors of SMTP.

use std::io;

use auth_core::mail::MailError;
use lettre::transport::smtp;

/// The time-out of a step.
pub const TIMED_OUT: &str = "no response in time";

/// Classifies an error. An email is given up only after a permanent error of a step that is about this email.
pub fn classify(error: &smtp::Error, is_about_this_mail: bool) -> MailError {
    let reason = reason(error);
    let Some(code) = error.status().map(u16::from) else { return MailError::Unreachable(reason) };
    match code {
        // RFC 4954: the authentication failed. RFC 5321 section 4.2.3: the server closes the connection or accepts no emails.
        // 503: wrong order of commands.
        421 | 454 | 503 | 521 | 530 | 534 | 535 | 538 => MailError::Unreachable(reason),
        500..600 if is_about_this_mail => MailError::Never(reason),
        _ => MailError::Later(reason),
    }
}

/// The code and the kind of an error. The text of the server is omitted, because it may contain the address.
pub fn reason(error: &smtp::Error) -> String {
    let kind = if error.is_tls() {
        "TLS failed"
    } else if error.is_timeout() {
        TIMED_OUT
    } else if error.is_response() {
        "the response was not SMTP"
    } else if error.is_client() {
        "the server lacks a required extension"
    } else if error.is_transport_shutdown() {
        "shut down"
    } else {
        no_connection(error)
    };
    match error.status() {
        Some(code) => format!("the server replied {code}"),
        None => kind.to_owned(),
    }
}

/// The cause of a failed connection, as far as it is known.
fn no_connection(error: &smtp::Error) -> &'static str {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(system) = inner.downcast_ref::<io::Error>() {
            return match system.kind() {
                io::ErrorKind::ConnectionRefused => "nothing listens at its port: is the port right?",
                io::ErrorKind::TimedOut => "no response: does a firewall block the port?",
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                    "it is unreachable from this network"
                }
                _ if system.to_string().contains("lookup") => "its name is unknown: is the host right?",
                _ => "no connection",
            };
        }
        cause = inner.source();
    }
    "no connection"
}
