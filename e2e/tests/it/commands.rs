//! Migrations by hand, and settings checked without a start.

use std::{fs, sync::Arc};

use sqlx::Connection;

use test_servers::{Kind, TestDatabase, kind, shared};

use crate::support::{ADA, Server, open, run};

/// Production, but for the mail, on a database of its own.
fn production(url: &str) -> Vec<(&'static str, String)> {
    [
        ("AUTH_PROFILE", "production"),
        ("AUTH_DATABASE_URL", url),
        ("AUTH_PUBLIC_URL", "https://localhost"),
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
    let database = TestDatabase::new().await;
    let settings = production(database.url());
    let settings = borrowed(&settings);

    let without = run(&[], &settings);
    assert_eq!(without.code, 1);
    let reason = match kind() {
        Kind::Sqlite => "`auth-server migrate up` creates a new database there",
        _ => "the database schema lacks 11 migrations; run `auth-server migrate up` first",
    };
    assert!(without.stderr.contains(reason), "{without:?}");

    assert_eq!(run(&["migrate", "up"], &settings).stdout, "applied 11 migrations\n");
    let unconfirmed = run(&["migrate", "down", "--steps", "99"], &settings);
    assert!(unconfirmed.code == 1 && unconfirmed.stderr.contains("all users"), "{unconfirmed:?}");
    let down = run(&["migrate", "down", "--steps", "1", "--yes"], &settings);
    assert_eq!(down.stdout, "reverted 1 migrations\n");
    let status = run(&["migrate", "status"], &settings).stdout;
    assert_eq!(status.matches("applied  m").count(), 10, "{status}");
    assert_eq!(status.matches("pending  m").count(), 1, "{status}");

    let outdated = run(&[], &settings);
    assert_eq!(outdated.code, 1);
    let line = "auth-server: the database schema lacks 1 migrations; run `auth-server migrate up` first\n";
    assert!(outdated.stderr.ends_with(line), "{outdated:?}");

    assert_eq!(run(&["migrate", "up"], &settings).stdout, "applied 1 migrations\n");
    let server = Server::with(&settings);
    let losses = server.log().matches("a crash of the database can lose committed data").count();
    assert_eq!(losses, usize::from(kind() != Kind::Sqlite), "the servers of tests are not durable");
    is_protected(&server).await;
}

/// Production rejects weak passwords, and its cookies and responses demand TLS.
async fn is_protected(server: &Server) {
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
    assert_eq!(hsts, Some("max-age=31536000"));
}

/// asvs 13.2.2: an attacker who takes over the service can't change the schema.
#[tokio::test]
async fn production_works_as_a_user_that_may_only_read_and_write_rows() {
    if kind() == Kind::Sqlite {
        return;
    }
    let database = TestDatabase::new().await;
    let settings = production(database.url());
    assert_eq!(run(&["migrate", "up"], &borrowed(&settings)).code, 0);
    let url = shared(kind()).url_of_a_service(database.url()).await;
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
    let down = run(&["migrate", "down", "--steps", "1", "--yes"], &settings);
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

/// The file that systemd and containers read.
#[tokio::test]
async fn commands_find_the_database_of_the_service_by_its_file_of_settings() {
    if kind() != Kind::Sqlite {
        return;
    }
    let server = Server::start();
    server.client().register(ADA).await;
    let folder = tempfile::tempdir().unwrap();
    let (file, home) = (folder.path().join("settings.env"), folder.path().join("home"));
    let data = server.database().parent().unwrap().display().to_string();
    fs::write(&file, format!("# the service\nAUTH_DATA_DIR=\"{data}\"\nAUTH_SESSION_IDLE=3h\n")).unwrap();
    let (file, home_text) = (file.to_str().unwrap(), home.to_str().unwrap());
    let find = ["user", "find", "email=ada@example.org"];

    let by_variable = run(&find, &[("AUTH_ENV_FILE", file), ("HOME", home_text)]);
    assert!(by_variable.code == 0 && by_variable.stdout.contains(ADA), "{by_variable:?}");
    let by_flag = run(&[&["--env-file", file], &find[..]].concat(), &[("HOME", home_text)]);
    assert_eq!(by_flag.stdout, by_variable.stdout);
    let variable_wins = run(&["check-config"], &[("AUTH_ENV_FILE", file), ("AUTH_SESSION_IDLE", "2h")]);
    assert!(variable_wins.stdout.contains("session idle          2h\n"), "{variable_wins:?}");
    let help = run(&["--help"], &[("AUTH_ENV_FILE", file)]);
    assert!(help.code == 0 && !help.stdout.contains(&data), "{help:?}");

    // Without it, there is no other database to be found, and none to be made.
    for arguments in [&find[..], &["migrate", "up"], &["migrate", "status"]] {
        let lost = run(arguments, &[("HOME", home_text)]);
        assert!(lost.code == 1 && lost.stderr.contains("no setting names a database"), "{lost:?}");
    }
    assert!(!home.exists(), "nothing was made");
    let missing = run(&find, &[("AUTH_ENV_FILE", "/nonexistent")]);
    assert!(
        missing.code == 1
            && missing.stderr.contains("AUTH_ENV_FILE (--env-file): could not read /nonexistent"),
        "{missing:?}"
    );
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
    assert!(good.stdout.ends_with("the settings are valid\n"));
    assert_eq!(bad.code, 1);
    assert!(bad.stderr.starts_with("auth-server: AUTH_SESSION_IDLE (--session-idle) is `soon`"), "{bad:?}");
    assert!(!fs::exists(data).unwrap(), "nothing was made");
}
