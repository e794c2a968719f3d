//! Database URLs: which database they name, and how it is reached. A server on another machine is verified by default.

use std::{net::IpAddr, path::Path};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
#[cfg(feature = "mariadb")]
use sea_orm::sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
#[cfg(feature = "postgres")]
use sea_orm::sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use super::ConnectError;

/// The characters of a path that need no encoding in a URL.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// The `sqlite:` URL of a file; none if its path is not UTF-8.
#[must_use]
pub fn sqlite_url(file: &Path) -> Option<String> {
    file.to_str().map(|path| format!("sqlite:{}", utf8_percent_encode(path, PATH)))
}

/// How a database is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// On this machine: a file, a socket, the loopback interface.
    Local,
    /// Over a network, encrypted; the server's certificate and name are verified.
    Verified,
    /// Over a network, in plain text or without full verification, as the URL requests.
    Unverified,
}

/// How the database of a URL is reached.
///
/// # Errors
///
/// [`ConnectError::Url`].
pub fn transport(url: &str) -> Result<Transport, ConnectError> {
    match Target::parse(url)? {
        #[cfg(feature = "sqlite")]
        Target::Sqlite => Ok(Transport::Local),
        #[cfg(feature = "postgres")]
        Target::Postgres { transport, .. } => Ok(transport),
        #[cfg(feature = "mariadb")]
        Target::MariaDb { transport, .. } => Ok(transport),
    }
}

/// The database of a URL, if this build has a driver for it.
pub enum Target {
    #[cfg(feature = "sqlite")]
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres { options: Box<PgConnectOptions>, transport: Transport },
    #[cfg(feature = "mariadb")]
    MariaDb { options: Box<MySqlConnectOptions>, transport: Transport },
}

impl Target {
    pub fn parse(url: &str) -> Result<Self, ConnectError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            #[cfg(feature = "sqlite")]
            Some("sqlite") => Ok(Self::Sqlite),
            #[cfg(feature = "postgres")]
            Some("postgres" | "postgresql") => postgres(url),
            #[cfg(feature = "mariadb")]
            Some("mysql" | "mariadb") => mysql(url),
            #[cfg(not(feature = "sqlite"))]
            Some("sqlite") => Err(ConnectError::NoDriver("sqlite")),
            #[cfg(not(feature = "postgres"))]
            Some("postgres" | "postgresql") => Err(ConnectError::NoDriver("postgres")),
            #[cfg(not(feature = "mariadb"))]
            Some("mysql" | "mariadb") => Err(ConnectError::NoDriver("mariadb")),
            _ => Err(ConnectError::Url),
        }
    }
}

/// The parameters that the drivers know. They log the values of all others.
pub const POSTGRES_PARAMETERS: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];
pub const MYSQL_PARAMETERS: &[&str] = &[
    "ssl-mode",
    "sslmode",
    "ssl-ca",
    "sslca",
    "ssl-cert",
    "sslcert",
    "ssl-key",
    "sslkey",
    "charset",
    "collation",
    "statement-cache-capacity",
    "socket",
    "timezone",
    "time-zone",
];

/// Rejects an unknown parameter by its name: it is most likely misspelt.
fn reject_unknown(url: &Url, known: &[&str]) -> Result<(), ConnectError> {
    let is_known = |name: &str| known.contains(&name) || name.starts_with("options[");
    match url.query_pairs().find(|(name, _)| !is_known(name)) {
        Some((name, _)) => Err(ConnectError::Parameter(name.chars().take(64).collect())),
        None => Ok(()),
    }
}

#[cfg(feature = "postgres")]
fn postgres(url: &str) -> Result<Target, ConnectError> {
    let parsed = parsed(url)?;
    reject_unknown(&parsed, POSTGRES_PARAMETERS)?;
    let options: PgConnectOptions = url.parse().map_err(|_| ConnectError::Url)?;
    let local = options.get_socket().is_some()
        || options.get_host().starts_with('/')
        || is_loopback(options.get_host());
    // Only the URL decides, not an environment variable of the driver.
    let (options, verified) = match (has_parameter(&parsed, &["sslmode", "ssl-mode"]), local) {
        (true, _) => {
            let verified = matches!(options.get_ssl_mode(), PgSslMode::VerifyFull);
            (options, verified)
        }
        (false, true) => (options.ssl_mode(PgSslMode::Disable), false),
        (false, false) => (options.ssl_mode(PgSslMode::VerifyFull), true),
    };
    Ok(Target::Postgres { options: Box::new(options), transport: transport_of(local, verified) })
}

#[cfg(feature = "mariadb")]
fn mysql(url: &str) -> Result<Target, ConnectError> {
    let parsed = parsed(url)?;
    reject_unknown(&parsed, MYSQL_PARAMETERS)?;
    let options: MySqlConnectOptions = url.parse().map_err(|_| ConnectError::Url)?;
    let local = options.get_socket().is_some() || is_loopback(options.get_host());
    let (options, verified) = match (has_parameter(&parsed, &["sslmode", "ssl-mode"]), local) {
        (true, _) => {
            let verified = matches!(options.get_ssl_mode(), MySqlSslMode::VerifyIdentity);
            (options, verified)
        }
        (false, true) => (options.ssl_mode(MySqlSslMode::Disabled), false),
        (false, false) => (options.ssl_mode(MySqlSslMode::VerifyIdentity), true),
    };
    Ok(Target::MariaDb { options: Box::new(options), transport: transport_of(local, verified) })
}

fn parsed(url: &str) -> Result<Url, ConnectError> {
    let (_, rest) = url.split_once("://").ok_or(ConnectError::Url)?;
    let end_of_authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // Neither a database name nor a parameter value needs these characters.
    if rest[end_of_authority..].contains(['@', '#']) {
        return Err(ConnectError::Encoding);
    }
    Url::parse(url).map_err(|_| ConnectError::Url)
}

fn has_parameter(url: &Url, keys: &[&str]) -> bool {
    url.query_pairs().any(|(key, _)| keys.contains(&key.as_ref()))
}

const fn transport_of(local: bool, verified: bool) -> Transport {
    match (local, verified) {
        (true, _) => Transport::Local,
        (false, true) => Transport::Verified,
        (false, false) => Transport::Unverified,
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(all(test, not(feature = "postgres")))]
mod tests_without_postgres {
    use super::*;

    #[test]
    fn a_database_without_a_driver_is_an_error_that_names_the_feature() {
        let error = transport("postgres://db.example.org/auth").unwrap_err();
        assert!(
            matches!(error, ConnectError::NoDriver("postgres")) && error.to_string().contains("`postgres`")
        );
    }
}

#[cfg(all(test, feature = "postgres", feature = "mariadb"))]
mod tests {
    use super::{
        Transport::{Local, Unverified, Verified},
        *,
    };

    #[test]
    fn a_password_that_is_not_encoded_is_not_taken_for_a_host() {
        for url in [
            "postgres://auth:p@ss/w0rd#x@db/auth",
            "postgres://auth:12/w@db/auth",
            "postgres://auth:12#w@db/auth",
            "mysql://auth:12?w@db/auth",
            "postgres://auth:pw@db/auth#",
        ] {
            assert!(matches!(transport(url), Err(ConnectError::Encoding)), "{url}");
        }
        assert!(transport("postgres://auth:p@ss@db/auth").is_ok(), "the last one ends the password");
        assert!(transport("postgres://auth:p%40ss%2Fw0rd%23x@db/auth").is_ok());
    }

    #[test]
    fn other_hosts_are_verified_unless_the_url_says_otherwise() {
        for (url, expected) in [
            ("sqlite:/var/lib/auth.db", Local),
            ("postgres://auth:pw@localhost/auth", Local),
            ("postgresql://auth@127.0.0.1:5433/auth", Local),
            ("postgres://auth@[::1]/auth", Local),
            ("postgres:///auth?host=/run/postgresql", Local),
            ("postgres://auth@%2Frun%2Fpostgresql/auth", Local),
            ("postgres://db.example.org/auth", Verified),
            ("postgres://db.example.org/auth?sslmode=verify-full", Verified),
            ("postgres://db.example.org/auth?sslmode=verify-ca", Unverified),
            ("postgres://db.example.org/auth?sslmode=require", Unverified),
            ("postgres://db.example.org/auth?sslmode=disable", Unverified),
            ("postgres://localhost/auth?host=db.example.org", Verified),
            ("postgres://localhost.example.org/auth", Verified),
            ("postgres://127.0.0.1.example.org/auth", Verified),
            ("mysql://auth:pw@127.0.0.1/auth", Local),
            ("mysql://auth@db.example.org/auth?socket=/run/mysqld/mysqld.sock", Local),
            ("mariadb://db.example.org/auth", Verified),
            ("mysql://10.0.0.7/auth", Verified),
            ("mysql://db.example.org/auth?ssl-mode=VERIFY_IDENTITY", Verified),
            ("mysql://db.example.org/auth?ssl-mode=VERIFY_CA", Unverified),
            ("mysql://db.example.org/auth?ssl-mode=PREFERRED", Unverified),
        ] {
            assert_eq!(transport(url).unwrap(), expected, "{url}");
        }
        for url in ["", "auth.db", "oracle://x", "postgres", "postgres://h/x?sslmode=perhaps", "mysql://[/x"]
        {
            assert!(matches!(transport(url), Err(ConnectError::Url)), "{url}");
        }
    }

    /// The drivers log unknown parameters with their values.
    #[test]
    fn an_unknown_parameter_is_rejected_by_its_name() {
        for url in ["postgres://auth@localhost/auth?passwrd=SECRET", "mysql://localhost/auth?pasword=SECRET"]
        {
            let Err(error @ ConnectError::Parameter(_)) = transport(url) else { panic!("{url}") };
            let message = error.to_string();
            assert!(message.contains("unknown parameter `pas") && !message.contains("SECRET"), "{message}");
        }
        assert!(transport("postgres://h/x?options[search_path]=auth&application_name=a").is_ok());
    }

    #[test]
    fn connections_to_other_hosts_are_verified() {
        let Ok(Target::Postgres { options, .. }) = Target::parse("postgres://db.example.org/auth") else {
            panic!("it is a URL of PostgreSQL")
        };
        assert!(matches!(options.get_ssl_mode(), PgSslMode::VerifyFull));
        let Ok(Target::MariaDb { options, .. }) = Target::parse("mariadb://db.example.org/auth") else {
            panic!("it is a URL of MariaDB")
        };
        assert!(matches!(options.get_ssl_mode(), MySqlSslMode::VerifyIdentity));
    }
}
