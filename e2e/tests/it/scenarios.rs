//! What broke others, replayed.

use std::time::{Duration, Instant};

use reqwest::Method;
use sqlx::{Connection, Row};
use test_servers::{Kind, Mode, Proxy, kind, shared};

use crate::support::{ADA, Client, MailServer, PASSWORD, Security, Server, execute, open, status_and_body};

const NEW: &str = "t4rt1fl3tt3";

/// A user whose hash takes half a second to verify, on a server that makes new ones at next to no cost.
async fn with_a_slow_hash() -> Server {
    let slow = Server::with(&[("AUTH_BCRYPT_COST", "13")]);
    assert_eq!(slow.client().register(ADA).await.status, 200);
    slow.restart_with(&[("AUTH_BCRYPT_COST", "4")])
}

/// A login that was being checked while the password was reset opens no session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_under_way_during_a_reset_opens_nothing() {
    let server = with_a_slow_hash().await;
    let client = server.client();
    let token = client.reset_token(ADA).await;
    let logging_in = tokio::spawn({
        let client = client.clone();
        async move { client.log_in(ADA, PASSWORD).await }
    });
    // The login is looked up within milliseconds, and its hash takes a hundred times as long.
    let reset = client.reset(ADA, &token, NEW).await;

    let answer = logging_in.await.unwrap();

    assert_eq!(reset.status, 200);
    // It may have been over before; then its session has ended with the reset.
    if answer.status == 200 {
        assert_eq!(client.profile(&answer.cookie()).await.status, 403);
    } else {
        assert_eq!(answer.status, 401);
    }
    assert_eq!(client.log_in(ADA, PASSWORD).await.status, 401);
    assert_eq!(client.log_in(ADA, NEW).await.status, 200);
}

/// A rehash that races with a password change does not bring the old password back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hash_that_is_replaced_during_a_reset_brings_no_old_password_back() {
    let cheap = Server::with(&[("AUTH_BCRYPT_COST", "4")]);
    let addresses: Vec<String> = (0..6).map(|number| format!("user{number}@example.org")).collect();
    for address in &addresses {
        assert_eq!(cheap.client().register(address).await.status, 200);
    }
    let server = cheap.restart_with(&[("AUTH_BCRYPT_COST", "10")]);
    let client = server.client();
    for address in &addresses {
        let token = client.reset_token(address).await;

        let (_, reset) = tokio::join!(client.log_in(address, PASSWORD), client.reset(address, &token, NEW));

        assert_eq!(reset.status, 200);
        assert_eq!(client.log_in(address, PASSWORD).await.status, 401);
        assert_eq!(client.log_in(address, NEW).await.status, 200);
    }
}

/// asvs 7.2.4: a `session_id` that was planted before the login never becomes valid.
#[tokio::test]
async fn a_cookie_that_was_planted_before_a_login_stays_worthless() {
    let server = Server::start();
    let client = server.client();
    client.register(ADA).await;
    let planted = "session_id=0e0a4f43-2bd1-4b5c-8f3e-d5b4a0e1c9a7";

    let request = client.request(Method::POST, "/sessions").header("Cookie", planted);
    let own = Client::send(request.form(&[("email", ADA), ("password", PASSWORD)])).await.cookie();

    assert_ne!(own, planted);
    assert_eq!(client.profile(&own).await.status, 200);
    assert_eq!(client.profile(planted).await.status, 403);
    let both = format!("{own}; {planted}");
    assert_eq!(client.profile(&both).await.status, 403, "two that disagree are none");
}

/// The token with its last character changed, cut, extended, in upper case.
#[tokio::test]
async fn a_token_that_is_not_to_the_letter_opens_nothing() {
    let server = Server::start();
    let client = server.client();
    let cookie = client.logged_in(ADA).await;
    let reset = client.reset_token(ADA).await;
    let spoilt = |token: &str| {
        let (head, last) = token.split_at(token.len() - 1);
        let other = if last == "0" { "1" } else { "0" };
        let upper = token.to_uppercase();
        [format!("{head}{other}"), head.to_owned(), format!("{token}0"), format!("{{{token}}}"), upper]
            .into_iter()
            .filter(|spoilt| spoilt != token)
            .collect::<Vec<_>>()
    };

    for token in spoilt(cookie.strip_prefix("session_id=").unwrap()) {
        assert_eq!(client.profile(&format!("session_id={token}")).await.status, 403, "{token}");
    }
    for token in spoilt(&reset) {
        assert_eq!(client.reset(ADA, &token, NEW).await.status, 403, "{token}");
    }
    assert_eq!(client.profile(&cookie).await.status, 200);
    assert_eq!(client.reset(ADA, &reset, NEW).await.status, 200);
}

/// Every value of 16 bytes and more that the database has of sessions and resets, in hexadecimal digits.
async fn values_in_the_database(server: &Server) -> Vec<String> {
    if kind() == Kind::Sqlite {
        let mut database = open(&server.database()).await;
        let rows = sqlx::query(
            "SELECT hex(token_digest) FROM sessions UNION ALL SELECT hex(id) FROM sessions
             UNION ALL SELECT hex(token_digest) FROM reset_tokens",
        );
        let values = rows.fetch_all(&mut database).await.unwrap().iter().map(|row| row.get(0)).collect();
        database.close().await.unwrap();
        return values;
    }
    let dump = shared(kind()).dump_as_text(server.url().rsplit('/').next().unwrap());
    // Identifiers are written with hyphens, digests without.
    let dump = dump.replace('-', "");
    let runs = dump.split(|character: char| !character.is_ascii_hexdigit());
    runs.filter(|run| run.len() >= 32).map(str::to_owned).collect()
}

/// The database dumped: no value in it logs anyone in.
#[tokio::test]
async fn nothing_that_is_stored_opens_anything() {
    let server = Server::start();
    let client = server.client();
    let cookie = client.logged_in(ADA).await;
    client.reset_token(ADA).await;

    let values = values_in_the_database(&server).await;

    assert!(values.len() >= 3, "{values:?}");
    for value in values {
        let digits = value.to_lowercase();
        for half in [&digits[..32], &digits[digits.len() - 32..]] {
            let token = format!(
                "{}-{}-{}-{}-{}",
                &half[..8],
                &half[8..12],
                &half[12..16],
                &half[16..20],
                &half[20..]
            );
            assert_eq!(client.profile(&format!("session_id={token}")).await.status, 403, "{token}");
            assert_eq!(client.reset(ADA, &token, NEW).await.status, 403, "{token}");
        }
        assert_eq!(client.profile(&format!("session_id={digits}")).await.status, 403);
        assert_eq!(client.log_in(ADA, &digits).await.status, 401);
    }
    assert_eq!(client.profile(&cookie).await.status, 200);
}

/// A stored hash with a cost of 31, or with four gigabytes of memory: refused without the work, which would take
/// years.
#[tokio::test]
async fn a_hostile_hash_is_a_failed_login_without_the_work() {
    let server = Server::start();
    let client = server.client();
    client.register(ADA).await;
    for hash in [
        "$2b$31$abcdefghijklmnopqrstuuN6AGyFAwAJMtlqp5kJaALbjEUYB1cyW",
        "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "pbkdf2:sha256:2000000000$abcdefgh$0000000000000000000000000000000000000000000000000000000000000000",
        "scrypt:1073741824:8:1$abcdefgh$00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
    ] {
        execute(&server, &format!("UPDATE users SET hashed_password = '{hash}'")).await;
        let began = Instant::now();

        assert_eq!(client.log_in(ADA, PASSWORD).await.status, 401, "{hash}");

        assert!(began.elapsed() < Duration::from_secs(30), "{hash}");
    }
    assert_eq!(client.get("/healthz").await.status, 200);
}

/// An attacker requests many resets. The owner's link stays valid.
#[tokio::test]
async fn a_link_keeps_working_however_often_others_ask() {
    let Some(mail_server) = MailServer::start(Security::Plain) else { return };
    let settings = mail_server.settings();
    let mut settings: Vec<(&str, &str)> =
        settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    settings.push(("AUTH_PUBLIC_URL", "http://localhost:5000"));
    let server = Server::with(&settings);
    let client = server.client();
    for address in [ADA, "last@example.org"] {
        client.register(address).await;
    }
    let ask = async |address| {
        let answer = client.post("/reset_password", &[("email", address)]).await;
        assert_eq!(answer.status, 200);
    };
    for asked in 1..=3 {
        ask(ADA).await;
        mail_server.until(asked).await;
    }
    for _ in 0..20 {
        ask(ADA).await;
    }
    // Who asked last gets theirs last.
    ask("last@example.org").await;
    let mails = mail_server.until(4).await;

    let to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, [ADA, ADA, ADA, "last@example.org"]);
    assert_eq!(client.reset(ADA, &mails[2].token(), NEW).await.status, 200);
}

/// A channel between nodes that is black-holed: the node bypasses its cache within the bound.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_hears_nothing_more_serves_no_ended_session() {
    if kind() != Kind::Postgres {
        return;
    }
    let server = Server::start();
    let client = server.client();
    let cookie = client.logged_in(ADA).await;
    for mode in [Mode::DeafListeners, Mode::BlackHole] {
        let database = shared(kind());
        let proxy = Proxy::start(([127, 0, 0, 1], database.port()).into());
        let url = database.url_by(proxy.port(), server.url().rsplit('/').next().unwrap());
        let other = server.beside(&[("AUTH_DATABASE_URL", &url)]);
        let other = other.client();
        for _ in 0..10 {
            assert_eq!(other.profile(&cookie).await.status, 200);
        }
        let session = client.log_in(ADA, PASSWORD).await.cookie();
        assert_eq!(other.profile(&session).await.status, 200);

        proxy.set(mode);
        let answer = client.with_cookie(Method::DELETE, "/sessions", &session).await;
        assert_eq!(answer.status, 302, "{}", status_and_body(&answer).1);

        // No check that begins later than this may succeed; the promise is a second.
        let ended = Instant::now();
        loop {
            let began = ended.elapsed();
            let status = other.profile(&session).await.status;
            assert!(status != 200 || began < Duration::from_millis(1500), "it counted {began:?} later");
            if status == 403 || began > Duration::from_secs(5) {
                break;
            }
        }
    }
}
