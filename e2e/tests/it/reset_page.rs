//! The page that a reset link opens, in a real browser.

use test_servers::{Kind, kind};

use crate::support::{ADA, Browser, MailServer, PASSWORD, Security, Server, free_address};

const NEW: &str = "t4rt1fl3tt3";

/// A service whose links lead to itself, with one user who asked for a link.
async fn asked(mail_server: &MailServer) -> (Server, String) {
    let listen = free_address();
    let (address, url) = (listen.to_string(), format!("http://localhost:{}", listen.port()));
    let settings = mail_server.settings();
    let mut settings: Vec<(&str, &str)> =
        settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    settings.extend([
        ("AUTH_LISTEN", address.as_str()),
        ("AUTH_PUBLIC_URL", url.as_str()),
        ("AUTH_PASSWORD_MIN_LENGTH", "8"),
    ]);
    let server = Server::with(&settings);
    let client = server.client();
    assert_eq!(client.post("/users", &[("email", ADA), ("password", "b4l0ub4l0u")]).await.status, 200);
    client.post("/reset_password", &[("email", ADA)]).await;
    let mail = mail_server.until(1).await.remove(0);
    let link = mail.text.split_whitespace().find(|word| word.starts_with(&url)).unwrap().to_owned();
    (server, link)
}

const ALL_LABELLED: &str =
    "return [...document.querySelectorAll('input')].every(input => input.labels.length == 1)";

/// The texts of the page: language, title, rejected password, success, used link.
const TEXTS: [[&str; 5]; 2] = [
    [
        "en",
        "Set a new password",
        "This password can’t be used",
        "Your password was set.",
        "This link no longer works.",
    ],
    [
        "fr",
        "Choisir un nouveau mot de passe",
        "Ce mot de passe ne peut pas être utilisé",
        "Votre mot de passe est enregistré.",
        "Ce lien ne fonctionne plus.",
    ],
];

/// asvs 3.4.3, 3.5.3, 6.2.6, 6.2.7
#[tokio::test]
async fn a_link_opens_a_page_that_sets_the_password() {
    // A page knows nothing of databases.
    if kind() != Kind::Sqlite {
        return;
    }
    for [language, title, refused, done, over] in TEXTS {
        let Some(mail_server) = MailServer::start(Security::Plain) else { return };
        let Some(browser) = Browser::start(language).await else { return };
        let (server, link) = asked(&mail_server).await;

        browser.open(&link).await;
        browser.until(title).await;
        assert_eq!(browser.evaluate("return document.documentElement.lang").await, language);
        assert_eq!(browser.evaluate("return location.hash + history.length").await, "2", "no token is left");
        assert_eq!(browser.evaluate("return document.querySelector('#email').value").await, ADA);
        assert_eq!(browser.evaluate("return document.querySelector('#password').type").await, "password");
        assert_eq!(browser.evaluate(ALL_LABELLED).await, true);

        browser.type_into("#password", "short").await;
        browser.click("#set button").await;
        browser.until(refused).await;
        browser.type_into("#password", NEW).await;
        browser.click("#reveal").await;
        assert_eq!(browser.evaluate("return document.querySelector('#password').type").await, "text");
        browser.click("#set button").await;
        browser.until(done).await;

        let new = format!("short{NEW}");
        assert_eq!(server.client().log_in(ADA, &new).await.status, 200);
        assert_eq!(server.client().log_in(ADA, PASSWORD).await.status, 401);
        browser.open("about:blank").await;
        browser.open(&link).await;
        browser.type_into("#password", NEW).await;
        browser.click("#set button").await;
        browser.until(over).await;
        let complaints = browser.complaints().await;
        let of_policy: Vec<&String> =
            complaints.iter().filter(|complaint| complaint.contains("Content Security Policy")).collect();
        assert_eq!(of_policy, [""; 0]);
    }
}

/// asvs 6.2.7: without a link the page sends one, and password managers find it.
#[tokio::test]
async fn who_has_no_link_asks_for_one_on_the_page() {
    if kind() != Kind::Sqlite {
        return;
    }
    let Some(mail_server) = MailServer::start(Security::Plain) else { return };
    let Some(browser) = Browser::start("en").await else { return };
    let (server, link) = asked(&mail_server).await;
    let well_known = server.client().get("/.well-known/change-password").await;
    assert_eq!(
        (well_known.status, &well_known.headers["location"]),
        (302, &"/reset_password".parse().unwrap())
    );

    browser
        .open(link.replace("/reset_password", "/.well-known/change-password").split('#').next().unwrap())
        .await;
    browser.until("Send me a link").await;
    browser.type_into("#whose", ADA).await;
    browser.click("#ask button").await;
    browser.until("a mail with a link is on its way").await;

    assert_eq!(mail_server.until(2).await[1].to, ADA);
    // The first link is invalid: the page shows it and offers another one.
    browser.open("about:blank").await;
    browser.open(&link).await;
    browser.type_into("#password", NEW).await;
    browser.click("#set button").await;
    browser.until("This link no longer works.").await;
    assert_eq!(browser.evaluate("return document.querySelector('#whose').value").await, ADA);
    browser.click("#ask button").await;
    browser.until("a mail with a link is on its way").await;
    assert_eq!(mail_server.until(3).await[2].to, ADA);
}

/// An incomplete link is reported; markup in it stays text (asvs 3.2.2).
#[tokio::test]
async fn what_stands_in_a_link_is_shown_and_never_run() {
    if kind() != Kind::Sqlite {
        return;
    }
    let Some(mail_server) = MailServer::start(Security::Plain) else { return };
    let Some(browser) = Browser::start("en").await else { return };
    let (_server, link) = asked(&mail_server).await;
    let page = link.split('#').next().unwrap();

    browser.open(page).await;
    browser.until("Send me a link").await;
    browser.open("about:blank").await;
    browser.open(&format!("{page}#token=0")).await;
    browser.until("This link is not complete.").await;
    browser.open("about:blank").await;
    browser.open(&format!("{page}#email=<img src=x onerror=document.title='run'>&token=<script>document.title='run'</script>")).await;
    browser.type_into("#password", NEW).await;
    browser.click("#set button").await;
    browser.until("This link no longer works.").await;
    assert_eq!(browser.evaluate("return document.title").await, "Set a new password");
    assert_eq!(browser.evaluate("return document.images.length").await, 0);
}
