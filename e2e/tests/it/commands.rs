//! Migrations by hand, and settings checked without a start.

use std::{fs, sync::Arc};

use sqlx::Connection;

use test_servers::{Kind, Place, kind, shared};

use crate::support::{ADA, Server, open, run};

/// Production, but for the mail, on a database of its own.
fn production(url: &str) -> Vec<(&'static str, String)> {
    [
        ("AUTH_PROFILE", "production"),
        ("AUTH_DATABASE_URL", url),
        ("AUTH_PUBLIC_URL", "https://auth.example.org"),
        ("AUTH_RESET_DELIVERY", "answer"),
        ("AUTH_LISTEN", "127.0.0.1:0"),
        ("AUTH_SHUTDOWN_DELAY", "0s"),
        ("AUTH_BCRYPT_COST", "10"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

fn borrowed<'a>(settings: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[tokio::test]
async fn production_starts_once_the_schema_was_built_by_hand() {
    let place = Place::new().await;
    let settings = production(place.url());
    let settings = borrowed(&settings);

    let without = run(&[], &settings);
    assert_eq!(without.code, 1);
    let reason = match kind() {
        Kind::Sqlite => "does not exist; `auth-server migrate up` makes it",
        _ => "the database schema is 10 migrations behind; run `auth-server migrate up` first",
    };
    assert!(without.stderr.contains(reason), "{without:?}");

    assert_eq!(run(&["migrate", "up"], &settings).stdout, "applied 10 migrations\n");
    assert_eq!(run(&["migrate", "down", "--steps", "1"], &settings).stdout, "took back 1 migrations\n");
    let status = run(&["migrate", "status"], &settings).stdout;
    assert_eq!(status.matches("applied  m").count(), 9, "{status}");
    assert_eq!(status.matches("pending  m").count(), 1, "{status}");

    let outdated = run(&[], &settings);
    assert_eq!(outdated.code, 1);
    let line =
        "auth-server: the database schema is 1 migrations behind; run `auth-server migrate up` first\n";
    assert!(outdated.stderr.ends_with(line), "{outdated:?}");

    assert_eq!(run(&["migrate", "up"], &settings).stdout, "applied 1 migrations\n");
    let server = Server::with(&settings);
    let losses = server.log().matches("a crash of the database can lose what was acknowledged").count();
    assert_eq!(losses, usize::from(kind() != Kind::Sqlite), "the servers of tests are not durable");
    let client = server.client();
    let short = client.register(ADA).await;
    assert_eq!(short.body, r#"{"message":"password must have at least 15 characters"}"#);
    let common = [("email", ADA), ("password", "passwordpassword")];
    let common = client.post("/users", &common).await;
    assert_eq!(common.body, r#"{"message":"password is too common, choose another one"}"#);
    let long = [("email", ADA), ("password", "seven herons by the weir")];
    assert_eq!(client.post("/users", &long).await.status, 200);
    let cookie = client.post("/sessions", &long).await;
    for cookie in cookie.headers.get_all("set-cookie") {
        assert!(cookie.to_str().unwrap().contains("; Secure"), "{cookie:?}");
    }
    // asvs 3.4.1
    let hsts = cookie.header("strict-transport-security");
    assert_eq!(hsts, Some("max-age=31536000; includeSubDomains"));
}

/// asvs 13.2.2: whoever takes over the service can't change the schema.
#[tokio::test]
async fn production_works_as_a_user_that_may_only_read_and_write_rows() {
    if kind() == Kind::Sqlite {
        return;
    }
    let place = Place::new().await;
    let settings = production(place.url());
    assert_eq!(run(&["migrate", "up"], &borrowed(&settings)).code, 0);
    let url = shared(kind()).url_of_a_service(place.url()).await;
    let settings = production(&url);
    let settings = borrowed(&settings);

    let server = Server::with(&settings);
    let client = server.client();
    let credentials = [("email", ADA), ("password", "seven herons by the weir")];
    assert_eq!(client.post("/users", &credentials).await.status, 200);
    let cookie = client.post("/sessions", &credentials).await.cookie();
    assert_eq!(client.profile(&cookie).await.status, 200);
    let token = client.reset_token(ADA).await;
    assert_eq!(client.reset(ADA, &token, "another horse battery staple").await.status, 200);
    assert_eq!(client.profile(&cookie).await.status, 403);
    let down = run(&["migrate", "down", "--steps", "1"], &settings);
    assert_eq!(down.code, 1, "{down:?}");
}

#[tokio::test]
async fn a_database_from_a_newer_version_is_left_alone() {
    if kind() != Kind::Sqlite {
        return;
    }
    let server = Server::start();
    server.client().register(ADA).await;
    let database = server.database();
    let data = database.parent().unwrap().to_str().unwrap().to_owned();
    let folder = Arc::clone(&server.folder);
    drop(server);
    let mut connection = open(&database).await;
    let insert = "INSERT INTO seaql_migrations VALUES ('m29990101_000001_future', 0)";
    sqlx::query(insert).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    let settings = [("AUTH_DATA_DIR", data.as_str()), ("AUTH_LISTEN", "127.0.0.1:0")];
    assert!(folder.path().exists());
    let started = run(&[], &settings);
    let migrated = run(&["migrate", "up"], &settings);

    for output in [started, migrated] {
        assert_eq!(output.code, 1);
        assert!(output.stderr.contains("the database is from a newer version"), "{output:?}");
        assert!(output.stderr.contains("m29990101_000001_future"), "{output:?}");
    }
}

#[test]
fn settings_can_be_checked_without_a_start() {
    if kind() != Kind::Sqlite {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let settings = [("AUTH_DATA_DIR", data.to_str().unwrap())];

    let good = run(&["check-config", "--session-idle", "12h"], &settings);
    let bad = run(&["check-config", "--session-idle", "soon"], &settings);

    assert_eq!(good.code, 0, "{good:?}");
    assert!(good.stdout.contains("session idle          12h\n"), "{}", good.stdout);
    assert!(good.stdout.ends_with("the settings are good\n"));
    assert_eq!(bad.code, 1);
    assert!(bad.stderr.starts_with("auth-server: AUTH_SESSION_IDLE (--session-idle) is `soon`"), "{bad:?}");
    assert!(!fs::exists(data).unwrap(), "nothing was made");
}
