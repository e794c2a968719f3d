//! Recovery by mail, with a real mail server.

use reqwest::Method;

use super::faults::{amount, report};
use crate::support::{
    ADA, Client, Mail, MailServer, PASSWORD, SECRET, Security, Server, run, status_and_body,
};

const NEW: &str = "t4rt1fl3tt3";

/// A service that sends its emails to a mail server.
fn service(mail_server: &MailServer, further: &[(&str, &str)]) -> Server {
    let settings = mail_server.settings();
    let mut all: Vec<(&str, &str)> =
        settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    all.push(("AUTH_PUBLIC_URL", "http://localhost:5000"));
    all.extend(further);
    Server::with(&all)
}

async fn ask(client: &Client, address: &str) -> crate::support::Answer {
    client.post("/reset_password", &[("email", address)]).await
}

async fn resets(client: &Client, mail: &Mail) -> u16 {
    client.reset(ADA, &mail.token(), NEW).await.status
}

/// asvs 6.4.3, 6.6.2, 12.3.1: by each way of talking to the server.
#[tokio::test]
async fn a_link_arrives_and_sets_a_new_password() {
    for security in [Security::Plain, Security::StartTls, Security::Implicit] {
        let Some(mail_server) = MailServer::start(security) else { return };
        let server = service(&mail_server, &[]);
        let client = server.client();
        let cookie = client.logged_in(ADA).await;

        let answer = ask(&client, "ADA@Example.org").await;
        assert_eq!(
            status_and_body(&answer),
            (200, r#"{"email":"ADA@Example.org","message":"reset link sent"}"#)
        );
        let mail = mail_server.until(1).await.remove(0);

        assert_eq!((mail.to.as_str(), mail.subject.as_str()), (ADA, "Set a new password"));
        let link =
            format!("http://localhost:5000/reset_password#email=ada@example.org&token={}", mail.token());
        assert!(mail.text.contains(&link), "{}", mail.text);
        assert_eq!(resets(&client, &mail).await, 200);
        assert_eq!(resets(&client, &mail).await, 403);
        assert_eq!(client.profile(&cookie).await.status, 403);
        assert_eq!(client.log_in(ADA, NEW).await.status, 200);
        // asvs 6.3.7
        let notice = mail_server.until(2).await.remove(1);
        assert_eq!(notice.subject, "Your password was changed");
        assert!(mail.id.ends_with("@example.org>") && mail.id != notice.id, "{}", mail.id);
    }
}

/// asvs 6.3.8: the same bytes for known and unknown addresses; and no mail, no reset, for another spelling in
/// Unicode (CVE-2019-19844).
#[tokio::test]
async fn nothing_reveals_whether_there_is_an_account() {
    let Some(mail_server) = MailServer::start(Security::Plain) else { return };
    let server = service(&mail_server, &[]);
    let client = server.client();
    client.register("mike@example.org").await;
    for address in ["mike@example.org", "nobody@example.org"] {
        let answer = ask(&client, address).await;
        let body = format!(r#"{{"email":"{address}","message":"reset link sent"}}"#);
        assert_eq!(status_and_body(&answer), (200, body.as_str()));
    }
    for malformed in ["", "nobody", "mıke@example.org"] {
        assert_eq!(ask(&client, malformed).await.status, 400, "{malformed}");
    }
    assert_eq!(client.form(Method::POST, "/reset_password", &[]).await.status, 400);

    client.register("last@example.org").await;
    ask(&client, "last@example.org").await;
    let mut arrived: Vec<String> = mail_server.until(2).await.into_iter().map(|mail| mail.to).collect();
    // Several senders work at once.
    arrived.sort();
    assert_eq!(arrived, ["last@example.org", "mike@example.org"]);
}

#[tokio::test]
async fn a_mail_is_written_in_the_language_that_the_browser_asks_for() {
    let Some(mail_server) = MailServer::start(Security::Plain) else { return };
    let server = service(&mail_server, &[]);
    let client = server.client();
    client.register(ADA).await;

    let request =
        client.request(Method::POST, "/reset_password").header("Accept-Language", "fr-CA, en;q=0.5");
    Client::send(request.form(&[("email", ADA)])).await;

    assert_eq!(client.log_in(ADA, PASSWORD).await.status, 200, "asking changes nothing");
    let mail = mail_server.until(1).await.remove(0);
    assert_eq!(mail.subject, "Choisir un nouveau mot de passe");
    assert!(mail.text.contains("Le lien fonctionne une seule fois, pendant 30 minutes"), "{}", mail.text);
}

#[tokio::test]
async fn an_operators_templates_take_the_place_of_ours() {
    let Some(mail_server) = MailServer::start(Security::Plain) else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("reset.en.txt"), "Subject: Acme\n\nHere: {{ link }}\n").unwrap();
    std::fs::write(folder.path().join("reset.en.html"), "<p>{{ email }} &amp; {{ link }}</p>").unwrap();
    let server = service(
        &mail_server,
        &[
            ("AUTH_MAIL_TEMPLATES", folder.path().to_str().unwrap()),
            ("AUTH_RESET_URL", "http://localhost:3000/new"),
        ],
    );
    let client = server.client();
    client.register(ADA).await;
    ask(&client, ADA).await;

    let mail = mail_server.until(1).await.remove(0);
    assert_eq!(mail.subject, "Acme");
    assert!(
        mail.text.contains("Here: http://localhost:3000/new#email=ada@example.org&token="),
        "{}",
        mail.text
    );
    assert_eq!(client.get("/reset_password").await.status, 405, "the page is theirs");
}

/// Nothing is lost while the mail server is away, and the service is killed over and over: while it is away, and, at
/// full length, while mails are sent. What a killed worker had claimed is sent when its minute is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mail_arrives_though_the_server_was_away_and_the_service_killed() {
    let Some(mut mail_server) = MailServer::start(Security::Plain) else { return };
    let (mails, kills, kills_while_sending) = amount((40, 4, 0), (1000, 10, 10));
    let mut server = service(&mail_server, &[]);
    let client = server.client();
    let address = |number: usize| format!("user{number}@example.org");
    for number in 0..mails {
        client.register(&address(number)).await;
    }
    mail_server.go_away();
    for number in 0..mails {
        assert_eq!(ask(&server.client(), &address(number)).await.status, 200);
        if number % (mails / kills) == 0 {
            server = server.crash_and_restart();
        }
    }
    mail_server.come_back();
    for kill in 1..=kills_while_sending {
        mail_server.until(mails * kill / (kills_while_sending + 1)).await;
        server = server.crash_and_restart();
    }

    let mut to: Vec<String> =
        mail_server.until_distinct(mails).await.into_iter().map(|mail| mail.to).collect();
    let all = to.len();
    to.sort();
    to.dedup();
    report(&format!(
        "{mails} resets, {} times killed: {} arrived twice",
        kills + kills_while_sending,
        all - mails
    ));
    assert_eq!(to.len(), mails);
    assert!((all - mails) * 100 <= mails, "{} of {mails} arrived twice", all - mails);
    assert!(server.is_running());
}

#[tokio::test]
async fn a_rejected_recipient_delays_no_other_and_no_address_is_logged() {
    let Some(mail_server) = MailServer::start(Security::Plain) else { return };
    let server = service(&mail_server, &[]);
    let client = server.client();
    for address in ["refused@example.org", ADA] {
        client.register(address).await;
        ask(&client, address).await;
    }

    mail_server.until(1).await;
    // Several senders work at once: this may be later.
    let log = server.until_logged("an email was given up").await;
    assert!(log.contains("the server replied 550"), "{log}");
    assert!(!log.contains("@example.org"), "{log}");
}

#[tokio::test]
async fn wrong_settings_of_mail_stop_the_start_with_a_line_that_names_them() {
    let Some(mail_server) = MailServer::start(Security::StartTls) else { return };
    let good = mail_server.settings();
    let url = good[1].1.clone();
    let wrong_login = url.replace("s3cret", "wr0ng");
    let plain = url.replace("?tls=required", "");
    for (name, value, expected) in [
        ("AUTH_SMTP_URL", "ftp://127.0.0.1", "AUTH_SMTP_URL (--smtp-url)"),
        ("AUTH_SMTP_URL", "smtp://mail.example.org", "AUTH_SMTP_URL (--smtp-url)"),
        ("AUTH_SMTP_URL", &wrong_login, "the server replied 535"),
        ("AUTH_SMTP_URL", &plain, "AUTH_SMTP_URL (--smtp-url)"),
        ("AUTH_MAIL_FROM", "nobody", "AUTH_MAIL_FROM (--mail-from)"),
        ("AUTH_MAIL_FROM", "", "AUTH_MAIL_FROM (--mail-from) is not set"),
        ("AUTH_MAIL_TEMPLATES", "/nonexistent", "AUTH_MAIL_TEMPLATES (--mail-templates)"),
        ("AUTH_RESET_URL", "javascript:alert(1)", "AUTH_RESET_URL (--reset-url)"),
        ("AUTH_PUBLIC_URL", "", "AUTH_PUBLIC_URL (--public-url) is not set"),
    ] {
        let data = tempfile::tempdir().unwrap();
        let mut settings: Vec<(&str, &str)> =
            good.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        settings.extend([
            ("AUTH_DATA_DIR", data.path().to_str().unwrap()),
            ("AUTH_LISTEN", "127.0.0.1:0"),
            ("AUTH_PUBLIC_URL", "http://localhost:5000"),
            (name, value),
        ]);
        let output = run(&[], &settings);
        assert_eq!(output.code, 1, "{name}={value}");
        assert!(output.stderr.contains(expected), "{name}={value}: {}", output.stderr);
        assert!(!output.stderr.contains(SECRET) && !output.stderr.contains("wr0ng"), "{}", output.stderr);
    }
}
