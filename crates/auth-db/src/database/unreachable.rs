//! Why connecting to a database server failed, in words that name the remedy.

use std::io::ErrorKind;

use sea_orm::sqlx;

/// Explains why a connection failed, and names the remedy. No statement was sent yet, so the driver's message contains no
/// values, and the driver shows no password.
pub fn explain(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            "connection refused: no server listens there; is it running, and are host and port right?"
                .to_owned()
        }
        sqlx::Error::Io(error) if error.kind() == ErrorKind::NotFound => {
            format!("{error}: is the path of the socket right?")
        }
        sqlx::Error::Io(error) if error.to_string().contains("certificate") => tls(&error.to_string()),
        sqlx::Error::Io(error) => format!("{error}: are host and port right, and does the name resolve?"),
        sqlx::Error::Tls(error) => tls(&error.to_string()),
        // For example about a start-up parameter that a pooler rejects.
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}

/// Explains an error of `rustls` about a certificate.
fn tls(message: &str) -> String {
    let remedy = [
        (
            "CaUsedAsEndEntity",
            "the server's certificate is that of an authority (self-signed, CA:TRUE), which is not accepted for a \
             server: make one with basicConstraints=CA:FALSE, signed by an authority whose certificate you name",
        ),
        (
            "BadSignature",
            "the server's certificate is not signed by the authority that the URL names: name its certificate \
             (PostgreSQL: sslrootcert=FILE, MariaDB: ssl-ca=FILE)",
        ),
        (
            "UnknownIssuer",
            "the server's certificate is signed by an unknown authority: name its certificate in the URL \
             (PostgreSQL: sslrootcert=FILE, MariaDB: ssl-ca=FILE)",
        ),
        ("NotValidForName", "the server's certificate is not for this host: name the host that it is for"),
        ("Expired", "the server's certificate has expired: renew it, or set the clock"),
        ("NotValidYet", "the server's certificate is not valid yet: set the clock"),
    ];
    match remedy.iter().find(|(sign, _)| message.contains(sign)) {
        Some((sign, remedy)) => format!("{remedy} ({sign})"),
        None => format!("TLS failed: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_names_its_remedy() {
        let io = |kind: ErrorKind| explain(&sqlx::Error::Io(kind.into()));
        assert!(io(ErrorKind::ConnectionRefused).contains("is it running"));
        assert!(io(ErrorKind::NotFound).contains("path of the socket"));
        assert!(io(ErrorKind::HostUnreachable).contains("does the name resolve"));
        let tls = |message: &str| explain(&sqlx::Error::Tls(message.into()));
        assert!(tls("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))").contains("CA:FALSE"));
        assert!(tls("invalid peer certificate: UnknownIssuer").contains("sslrootcert=FILE"));
        assert_eq!(tls("something new"), "TLS failed: something new");
    }
}
