//! How the service starts, and its error when it does not.

use std::{fs, net::TcpListener};

use test_servers::{Kind, kind};

use crate::support::{Output, Server, run};

fn folder() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data").to_str().unwrap().to_owned();
    (folder, path)
}

/// It did not start, and reported why in one line.
fn refused(output: &Output, expected: &str) {
    assert_eq!(output.code, 1, "{output:?}");
    let last = output.stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("auth-server: ") && last.contains(expected), "{expected}: {output:?}");
    assert_eq!(output.stderr.matches("auth-server: ").count(), 1, "{output:?}");
    assert_eq!(output.stdout, "", "nothing was announced");
}

#[tokio::test]
async fn it_announces_address_profile_and_database_in_one_line() {
    if kind() != Kind::Sqlite {
        return;
    }
    let server = Server::start();

    let database = server.database();
    let expected = format!(
        "auth-server listening on http://{} (profile: development, database: sqlite:{})\n",
        server.address,
        database.display()
    );
    assert_eq!(server.ready, expected);
    assert!(server.log().contains("reset tokens are returned in responses"));
}

/// A password in the URL of a database is shown nowhere.
#[tokio::test]
async fn it_announces_a_database_server_without_its_password() {
    if kind() == Kind::Sqlite {
        return;
    }
    let server = Server::start();

    assert!(server.ready.contains("://auth:***@127.0.0.1:"), "{}", server.ready);
}

#[test]
fn a_database_server_that_is_not_there_is_named() {
    let scheme = match kind() {
        Kind::Sqlite => return,
        Kind::Postgres => "postgres",
        Kind::MariaDb => "mysql",
    };
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("{scheme}://auth:hunter2@{free}/auth");

    let output = run(&[], &[("AUTH_DATABASE_URL", &url), ("AUTH_LISTEN", "127.0.0.1:0")]);

    refused(&output, &format!("can't connect to the database server at {free}"));
    assert!(!output.stderr.contains("hunter2"), "{output:?}");
}

#[test]
fn a_bad_setting_is_one_line_and_exit_code_1() {
    if kind() != Kind::Sqlite {
        return;
    }
    let (_folder, data) = folder();

    let bad = run(&[], &[("AUTH_DATA_DIR", &data), ("AUTH_LISTEN", "nowhere")]);
    refused(&bad, "AUTH_LISTEN (--listen) is `nowhere`: accepted: an address and a port");
    let flag = run(&["--workers", "many"], &[("AUTH_DATA_DIR", &data)]);
    refused(&flag, "AUTH_WORKERS (--workers) is `many`: accepted: a number from 1 to 1024");
    let reachable = run(&["serve", "--listen", "0.0.0.0:0"], &[("AUTH_DATA_DIR", &data)]);
    refused(&reachable, "the development profile listens on loopback only");
    assert!(!fs::exists(&data).unwrap(), "no partial start");
}

#[test]
fn wrong_arguments_are_exit_code_2() {
    if kind() != Kind::Sqlite {
        return;
    }
    for arguments in
        [&["--no-such-flag"] as &[&str], &["no-such-command"], &["migrate"], &["migrate", "down"]]
    {
        let output = run(arguments, &[]);
        assert_eq!(output.code, 2, "{arguments:?}: {output:?}");
        assert!(output.stderr.contains("Usage:"), "{output:?}");
    }
}

#[test]
fn a_file_that_is_no_database_is_named_and_left_alone() {
    if kind() != Kind::Sqlite {
        return;
    }
    let (_folder, data) = folder();
    fs::create_dir_all(&data).unwrap();
    let file = format!("{data}/auth.db");
    fs::write(&file, "a letter to my aunt, and no database").unwrap();

    let output = run(&[], &[("AUTH_DATA_DIR", &data), ("AUTH_LISTEN", "127.0.0.1:0")]);

    refused(&output, &format!("{file} is not a database"));
    assert_eq!(fs::read_to_string(file).unwrap(), "a letter to my aunt, and no database");
}

#[test]
fn a_folder_that_can_not_be_made_is_named() {
    if kind() != Kind::Sqlite {
        return;
    }
    let (_folder, data) = folder();
    fs::write(&data, "a file in the folder's place").unwrap();

    let output = run(&[], &[("AUTH_DATA_DIR", &data), ("AUTH_LISTEN", "127.0.0.1:0")]);

    refused(&output, &format!("{data}/auth.db can't be opened"));
}

#[test]
fn a_taken_address_is_named() {
    if kind() != Kind::Sqlite {
        return;
    }
    let (_folder, data) = folder();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();

    let output = run(&[], &[("AUTH_DATA_DIR", &data), ("AUTH_LISTEN", &address)]);

    refused(&output, &format!("AUTH_LISTEN (--listen): can't listen on {address}"));
    assert!(output.stderr.contains("another program listens there"), "{}", output.stderr);
}

/// Settings that stop production: name, value, and what the error contains.
const INVALID: [(&str, &str, &str); 32] = [
    ("AUTH_DATABASE_URL", "", "is not set: production needs it"),
    ("AUTH_DATABASE_URL", "oracle://auth:hunter2@db.example.org/auth", "accepted: sqlite:PATH"),
    ("AUTH_DATABASE_URL", "postgres://auth:hunter2@db.example.org/auth?sslmode=disable", "name are verified"),
    ("AUTH_DATABASE_URL", "mysql://auth:hunter2@db.example.org/auth?ssl-mode=REQUIRED", "name are verified"),
    ("AUTH_DATABASE_URL_FILE", "/nonexistent", "accepted: one of them"),
    ("AUTH_PUBLIC_URL", "", "is not set: production needs it"),
    ("AUTH_PUBLIC_URL", "http://auth.example.org", "production accepts https"),
    ("AUTH_PUBLIC_URL", "auth.example.org", "accepted: "),
    ("AUTH_SMTP_URL", "", "is not set: emails need it"),
    ("AUTH_SMTP_URL", "smtp://mailer:hunter2@mail.example.org", "accepted: smtps://"),
    ("AUTH_SMTP_URL", "smtp://mailer:hunter2@mail.example.org?tls=opportunistic", "accepted: smtps://"),
    ("AUTH_SMTP_URL_FILE", "/nonexistent", "accepted: one of them"),
    ("AUTH_MAIL_FROM", "", "is not set: emails need it"),
    ("AUTH_MAIL_FROM", "accounts", "accepted: an address"),
    ("AUTH_MAIL_TEMPLATES", "/nonexistent", "could not read"),
    ("AUTH_MAIL_NEW_DEVICE", "perhaps", "accepted: on, off"),
    ("AUTH_RESET_DELIVERY", "answer", "any caller would get the token of any account"),
    ("AUTH_RESET_DELIVERY", "pigeon", "accepted: "),
    ("AUTH_RESET_LIFETIME", "25h", "accepted: a duration"),
    ("AUTH_RESET_URL", "http://app.example.org/reset", "production accepts https"),
    ("AUTH_PASSWORD_MIN_LENGTH", "7", "accepted: a number from 8"),
    ("AUTH_PASSWORD_DENYLIST", "/nonexistent", "the file can't be read"),
    ("AUTH_PASSWORD_SCHEME", "md5", "accepted: bcrypt, argon2id"),
    ("AUTH_BCRYPT_COST", "9", "accepted: a number from 10 to 14"),
    ("AUTH_THROTTLE", "perhaps", "accepted: on, off"),
    ("AUTH_COOKIE_NAME", "a b", "accepted: up to 64 letters"),
    ("AUTH_ALLOWED_ORIGINS", "app.example.org", "accepted: origins"),
    ("AUTH_TRUSTED_PROXIES", "10.0.0.0/33", "accepted: networks"),
    ("AUTH_SESSION_LIFETIME", "forever", "accepted: a duration"),
    ("AUTH_SESSION_CACHE_STALENESS", "2m", "accepted: a duration"),
    ("AUTH_SHUTDOWN_DELAY", "5", "accepted: a duration"),
    ("AUTH_PROFILE", "staging", "accepted: development, production"),
];

/// With each setting missing or contradictory, one after the other: an empty value counts as none.
#[test]
fn production_does_not_start_half_protected() {
    if kind() != Kind::Sqlite {
        return;
    }
    let (_folder, data) = folder();
    let url = format!("sqlite:{data}/auth.db");
    let production = [
        ("AUTH_PROFILE", "production"),
        ("AUTH_DATABASE_URL", url.as_str()),
        ("AUTH_PUBLIC_URL", "https://auth.example.org"),
        ("AUTH_SMTP_URL", "smtps://mailer:hunter2@mail.example.org"),
        ("AUTH_MAIL_FROM", "Accounts <accounts@example.org>"),
        ("AUTH_LISTEN", "0.0.0.0:0"),
    ];
    let good = run(&["check-config"], &production);
    assert!(good.code == 0 && good.stdout.ends_with("the settings are valid\n"), "{good:?}");

    for (name, value, expected) in INVALID {
        // Missing and invalid settings are found before anything is opened.
        let settings: Vec<_> = production.iter().copied().chain([(name, value)]).collect();
        let output = run(&[], &settings);
        let name = name.strip_suffix("_FILE").unwrap_or(name);
        refused(&output, &format!("auth-server: {name}"));
        refused(&output, expected);
        assert!(!output.stderr.contains("hunter2"), "{output:?}");
    }
    let settings: Vec<_> =
        production.iter().copied().chain([("AUTH_COOKIE_NAME", "__Host-session_id")]).collect();
    assert_eq!(run(&["check-config"], &settings).code, 0);
    let plain = ("AUTH_PUBLIC_URL", "http://localhost:8080");
    refused(&run(&[], &[&settings[..], &[plain]].concat()), "browsers accept this prefix only where");
}
