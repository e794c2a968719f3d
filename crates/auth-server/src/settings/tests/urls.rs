//! URLs of databases and mail servers, and the secrets in them.

use super::*;

#[test]
fn mail_is_sent_in_plain_text_only_on_this_machine_or_explicitly_in_a_private_network() {
    let accepts = |url: &str| Settings::resolve(&RawSettings { smtp_url: some(url), ..production() }).is_ok();
    for url in [
        "smtp://localhost",
        "smtp://10.1.2.3?tls=off",
        "smtp://[fd00::25]:2525?tls=off",
        "smtp://192.168.0.9?tls=off",
    ] {
        assert!(accepts(url), "{url}");
    }
    for url in [
        "smtp://10.1.2.3",
        "smtp://mail.example.org?tls=off",
        "smtp://203.0.113.9?tls=off",
        "smtp://[2001:db8::1]?tls=off",
        "smtps://u:p@ss/w#x@mail",
    ] {
        assert!(!accepts(url), "{url}");
    }
}

/// Otherwise the operator would assume that emails are sent.
#[test]
fn settings_of_mail_are_rejected_if_no_mail_is_sent() {
    let error = line(&RawSettings { mail_from: some("accounts@example.org"), ..development() });
    assert_eq!(
        error,
        "AUTH_MAIL_FROM (--mail-from) is `accounts@example.org`: it is a setting of emails; accepted: only with \
         AUTH_SMTP_URL"
    );
    let without_public_url = RawSettings { public_url: None, profile: None, listen: None, ..production() };
    assert!(
        line(&without_public_url).starts_with("AUTH_PUBLIC_URL (--public-url) is not set: links in emails")
    );
}

/// asvs 13.3.1
#[test]
fn a_secret_in_a_setting_is_never_shown() {
    assert!(!format!("{:?}", Settings::resolve(&production()).unwrap()).contains("hunter2"));
    for url in [
        "postgres://auth:hunter2/w0rd#x@db/auth",
        "postgres://auth:12/hunter2@db/auth",
        "postgres://auth:hun/ter2@db/auth",
    ] {
        let error = line(&RawSettings { database_url: some(url), ..development() });
        assert!(error.contains("percent-encoded") && !error.contains("hun"), "{error}");
    }
    let url_with_password =
        RawSettings { public_url: some("https://ada:hunter2@example.org"), ..development() };
    assert!(!line(&url_with_password).contains("hunter2"));
    let error = line(&RawSettings { database_url: some("oracle://user:hunter2@db/auth"), ..development() });
    assert!(error.starts_with("AUTH_DATABASE_URL (--database-url)") && !error.contains("hunter2"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, "sqlite:/tmp/from-a-file.db\n").unwrap();
    let path = file.to_str().unwrap();
    let from_file = RawSettings { database_url_file: some(path), ..development() };
    let both = RawSettings { database_url: some("sqlite:x"), database_url_file: some(path), ..development() };
    let missing = RawSettings { database_url_file: some("/nonexistent/url"), ..development() };

    assert_eq!(Settings::resolve(&from_file).unwrap().database.shown(), "sqlite:/tmp/from-a-file.db");
    assert!(line(&both).contains("accepted: one of them"));
    assert!(line(&missing).contains("the file can't be read"));
}

/// asvs 12.3.1: the connection to the database is authenticated and encrypted.
#[test]
fn production_verifies_the_database_server_and_shows_no_password_of_its_url() {
    for weak in ["?sslmode=require", "?sslmode=disable", "?user=x&sslmode=verify-ca&password=hunter2"] {
        let url = format!("postgres://auth:hunter2@db.example.org/auth{weak}");
        let error = line(&RawSettings { database_url: Some(url.clone()), ..production() });
        assert!(error.contains("only if its certificate and name are verified"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        assert!(Settings::resolve(&RawSettings { database_url: Some(url), ..development() }).is_ok());
    }
    for (url, shown) in [
        ("postgres://auth:hunter2@db.example.org/auth", "postgres://auth:***@db.example.org/auth"),
        ("postgres://auth@db.example.org/auth?password=hunter2", "postgres://auth@db.example.org/auth"),
        ("mariadb://auth:hunter2@127.0.0.1/auth", "mariadb://auth:***@127.0.0.1/auth"),
    ] {
        let settings = Settings::resolve(&RawSettings { database_url: some(url), ..production() }).unwrap();
        assert_eq!(settings.database.shown(), shown);
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
