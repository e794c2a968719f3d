//! Why a database server can't be connected to, in words that name the remedy.

use std::io::ErrorKind;

use sea_orm::sqlx;

/// What the driver said of a connection that failed, and what to do about it. No statement was sent yet, so nothing in it
/// is a value of ours, and the driver shows no password.
pub fn cause(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            "connection refused: nothing listens there; is the server running, and are host and port right?"
                .to_owned()
        }
        sqlx::Error::Io(error) if error.kind() == ErrorKind::NotFound => {
            format!("{error}: is the path of the socket right?")
        }
        sqlx::Error::Io(error) if error.to_string().contains("certificate") => tls(&error.to_string()),
        sqlx::Error::Io(error) => format!("{error}: are host and port right, and does the name resolve?"),
        sqlx::Error::Tls(error) => tls(&error.to_string()),
        // It may be about a start-up parameter, which a pooler refuses.
        sqlx::Error::Database(told) => told.message().to_owned(),
        other => other.to_string(),
    }
}

/// What `rustls` said of a certificate.
fn tls(told: &str) -> String {
    let remedy = [
        (
            "CaUsedAsEndEntity",
            "the server's certificate is that of an authority (self-signed, CA:TRUE), which is not accepted as a \
             server's: make one with basicConstraints=CA:FALSE, signed by an authority whose certificate you name",
        ),
        (
            "BadSignature",
            "the server's certificate is not signed by the authority that the URL names: name its certificate \
             (PostgreSQL: sslrootcert=FILE, MariaDB: ssl-ca=FILE)",
        ),
        (
            "UnknownIssuer",
            "the server's certificate is signed by an authority that is not known: name its certificate in the URL \
             (PostgreSQL: sslrootcert=FILE, MariaDB: ssl-ca=FILE)",
        ),
        ("NotValidForName", "the server's certificate is not for this host: name the host that it is for"),
        ("Expired", "the server's certificate has expired: renew it, or set the clock"),
        ("NotValidYet", "the server's certificate is not valid yet: set the clock"),
    ];
    match remedy.iter().find(|(sign, _)| told.contains(sign)) {
        Some((sign, remedy)) => format!("{remedy} ({sign})"),
        None => format!("TLS failed: {told}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_names_its_remedy() {
        let io = |kind: ErrorKind| cause(&sqlx::Error::Io(kind.into()));
        assert!(io(ErrorKind::ConnectionRefused).contains("is the server running"));
        assert!(io(ErrorKind::NotFound).contains("path of the socket"));
        assert!(io(ErrorKind::HostUnreachable).contains("does the name resolve"));
        let tls = |told: &str| cause(&sqlx::Error::Tls(told.into()));
        assert!(tls("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))").contains("CA:FALSE"));
        assert!(tls("invalid peer certificate: UnknownIssuer").contains("sslrootcert=FILE"));
        assert_eq!(tls("something new"), "TLS failed: something new");
    }
}
