//! URLs of databases and mail servers, and the secrets in them.

use super::*;

#[test]
fn mail_goes_in_plain_text_only_within_this_machine_or_a_private_network_by_permission() {
    let accepts = |url: &str| Settings::resolve(&Raw { smtp_url: some(url), ..production() }).is_ok();
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

/// What says how mail is sent says nothing where none is sent: somebody thinks that it is.
#[test]
fn settings_of_mail_are_refused_where_no_mail_is_sent() {
    let told = line(&Raw { mail_from: some("accounts@example.org"), ..development() });
    assert_eq!(
        told,
        "AUTH_MAIL_FROM (--mail-from) is `accounts@example.org`: it says how mail is sent; accepted: only with \
         AUTH_SMTP_URL"
    );
    let without_public_url = Raw { public_url: None, profile: None, listen: None, ..production() };
    assert!(
        line(&without_public_url).starts_with("AUTH_PUBLIC_URL (--public-url) is not set: links in mails")
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
        let told = line(&Raw { database_url: some(url), ..development() });
        assert!(told.contains("percent-encoded") && !told.contains("hun"), "{told}");
    }
    let url_with_password = Raw { public_url: some("https://ada:hunter2@example.org"), ..development() };
    assert!(!line(&url_with_password).contains("hunter2"));
    let told = line(&Raw { database_url: some("oracle://user:hunter2@db/auth"), ..development() });
    assert!(told.starts_with("AUTH_DATABASE_URL (--database-url)") && !told.contains("hunter2"), "{told}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, "sqlite:/tmp/from-a-file.db\n").unwrap();
    let path = file.to_str().unwrap();
    let from_file = Raw { database_url_file: some(path), ..development() };
    let both = Raw { database_url: some("sqlite:x"), database_url_file: some(path), ..development() };
    let missing = Raw { database_url_file: some("/nonexistent/url"), ..development() };

    assert_eq!(Settings::resolve(&from_file).unwrap().database.shown(), "sqlite:/tmp/from-a-file.db");
    assert!(line(&both).contains("accepted: one of them"));
    assert!(line(&missing).contains("the file can't be read"));
}

/// asvs 12.3.1: nobody listens in on what production says to its database.
#[test]
fn production_verifies_the_database_server_and_shows_no_password_of_its_url() {
    for weak in ["?sslmode=require", "?sslmode=disable", "?user=x&sslmode=verify-ca&password=hunter2"] {
        let url = format!("postgres://auth:hunter2@db.example.org/auth{weak}");
        let told = line(&Raw { database_url: Some(url.clone()), ..production() });
        assert!(told.contains("only if its certificate and name are verified"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
        assert!(Settings::resolve(&Raw { database_url: Some(url), ..development() }).is_ok());
    }
    for (url, shown) in [
        ("postgres://auth:hunter2@db.example.org/auth", "postgres://auth:***@db.example.org/auth"),
        ("postgres://auth@db.example.org/auth?password=hunter2", "postgres://auth@db.example.org/auth"),
        ("mariadb://auth:hunter2@127.0.0.1/auth", "mariadb://auth:***@127.0.0.1/auth"),
    ] {
        let settings = Settings::resolve(&Raw { database_url: some(url), ..production() }).unwrap();
        assert_eq!(settings.database.shown(), shown);
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
