//! Unique strings in every input, and every secret that is given out: none of them is ever seen again.

use reqwest::{Method, RequestBuilder};
use test_servers::{Kind, kind, shared};

use crate::support::{Answer, Client, MailServer, SECRET, Security, Server, raw};

const EMAIL: &str = "canary-address@example.org";
const PASSWORDS: [&str; 5] = [
    "canary-password-that-is-first",
    "canary-password-that-is-second",
    "canary-password-that-is-third",
    "canary-password-that-is-wrong",
    "canaryshort",
];
const HEADER: &str = "canary-header";

/// The bodies of all rejections, and all secrets in responses.
#[derive(Default)]
struct Seen {
    refusals: Vec<String>,
    secrets: Vec<String>,
}

impl Seen {
    async fn send(&mut self, request: RequestBuilder) -> Answer {
        let answer = Client::send(request).await;
        if answer.status >= 400 {
            self.refusals.push(answer.body.clone());
        }
        for cookie in answer.headers.get_all("set-cookie") {
            let value = cookie.to_str().unwrap().split([';', '=']).nth(1).unwrap();
            if !value.is_empty() {
                self.secrets.push(value.to_owned());
            }
        }
        answer
    }

    async fn form(
        &mut self,
        client: &Client,
        method: Method,
        path: &str,
        cookie: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let request = client.request(method, path).header("Cookie", cookie).header("User-Agent", HEADER);
        self.send(request.header("X-Request-Id", HEADER).form(fields)).await
    }
}

/// What a thief of the database would have: all of it, as text.
fn stolen(server: Server) -> String {
    if kind() == Kind::Sqlite {
        let file = server.database();
        let folder = std::sync::Arc::clone(&server.folder);
        let mut server = server;
        server.signal(rustix::process::Signal::TERM);
        assert!(server.ended().success());
        let bytes: Vec<u8> = std::fs::read_dir(file.parent().unwrap())
            .unwrap()
            .flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
            .collect();
        drop(folder);
        return String::from_utf8_lossy(&bytes).into_owned();
    }
    let url = server.url();
    shared(kind()).dump_as_text(url.rsplit('/').next().unwrap())
}

const SETTINGS: [(&str, &str); 5] = [
    ("AUTH_LOG", "trace"),
    ("AUTH_THROTTLE", "on"),
    ("AUTH_PASSWORD_DENYLIST", "builtin"),
    ("AUTH_PASSWORD_MIN_LENGTH", "15"),
    ("AUTH_PUBLIC_URL", "http://localhost:5000"),
];

/// asvs 13.4.2, 16.2.5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_input_and_no_secret_is_in_a_log_an_error_or_the_database() {
    let Some(mail_server) = MailServer::start(Security::Implicit) else { return };
    let mail = mail_server.settings();
    let mut settings = SETTINGS.to_vec();
    settings.extend(mail.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let server = Server::with(&settings);
    let (client, mut seen) = (server.client(), Seen::default());
    let [first, second, third, wrong, short] = PASSWORDS;

    let registration = |password| [("email", EMAIL), ("password", password)];
    for password in [short, first, first] {
        seen.form(&client, Method::POST, "/users", "", &registration(password)).await;
    }
    seen.form(&client, Method::POST, "/sessions", "", &registration(wrong)).await;
    let cookie = seen.form(&client, Method::POST, "/sessions", "", &registration(first)).await.cookie();
    seen.form(&client, Method::GET, "/profile/sessions", &cookie, &[]).await;
    for (old, new) in [(wrong, second), (first, short), (first, second)] {
        let fields = [("password", old), ("new_password", new)];
        seen.form(&client, Method::PUT, "/profile/password", &cookie, &fields).await;
    }
    // Another kind of device than before, of which the owner is notified.
    let elsewhere =
        client.request(Method::POST, "/sessions").header("User-Agent", "Mozilla/5.0 Firefox/140.0");
    let cookie = seen.send(elsewhere.form(&registration(second))).await.cookie();
    seen.form(&client, Method::DELETE, "/profile/sessions", &cookie, &[("password", wrong)]).await;
    seen.form(&client, Method::DELETE, "/profile/sessions/canary-id", &cookie, &[("password", second)]).await;
    seen.form(&client, Method::POST, "/reset_password", "", &[("email", EMAIL)]).await;
    seen.form(&client, Method::POST, "/reset_password", "", &[("email", "canary malformed")]).await;
    let mails = mail_server.until(3).await;
    let token = mails.iter().find(|mail| mail.text.contains("&token=")).unwrap().token();
    for new in [short, third, third] {
        let fields = [("email", EMAIL), ("reset_token", &token), ("new_password", new)];
        seen.form(&client, Method::PUT, "/reset_password", &cookie, &fields).await;
    }
    let cookie = seen.form(&client, Method::POST, "/sessions", "", &registration(third)).await.cookie();
    seen.form(&client, Method::DELETE, "/profile", &cookie, &[("password", wrong)]).await;
    // Enough to be throttled.
    for _ in 0..7 {
        seen.form(&client, Method::POST, "/sessions", "", &registration(wrong)).await;
    }
    send_malformed_requests(&mut seen, &client, &server, &token).await;
    assert!(seen.refusals.len() > 15 && seen.secrets.len() >= 5, "the requests were rejected");
    seen.secrets.push(token);
    check(seen, server);
}

async fn send_malformed_requests(seen: &mut Seen, client: &Client, server: &Server, token: &str) {
    let first = PASSWORDS[0];
    let path = format!("/nowhere/{token}?email={EMAIL}&password={first}");
    seen.send(client.request(Method::GET, &path).header("Authorization", first)).await;
    let broken = format!("{{\"email\":\"{EMAIL}\",\"password\":\"{first}\",");
    seen.send(client.request(Method::POST, "/users").header("Content-Type", "application/json").body(broken))
        .await;
    raw(server.address, &format!("POST /{first} HTTP/1.1\r\nHost: {HEADER}\r\nbroken {first}\r\n\r\n")).await;
}

/// No secret and no input is in the log, in an error or, except the address, in the database.
fn check(seen: Seen, server: Server) {
    let log = server.log();
    assert!(log.contains("TRACE") && log.contains("a password was changed"), "the log is there");
    let mut secrets = seen.secrets;
    secrets.extend(PASSWORDS.map(str::to_owned));
    secrets.extend([SECRET.to_owned(), "$2b$04$".to_owned(), "://auth:auth@".to_owned()]);
    let words: Vec<&str> = secrets.iter().map(String::as_str).collect();
    for secret in words.iter().copied().chain([EMAIL, "canary"]) {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} was logged");
        let found = seen.refusals.iter().find(|body| body.contains(secret));
        assert_eq!(found, None, "{secret} is in a response");
    }
    let stolen = stolen(server);
    assert!(stolen.contains(EMAIL), "the search finds what is there");
    // The hashes of passwords are there, of course.
    for secret in words.into_iter().filter(|secret| *secret != "$2b$04$") {
        assert!(!stolen.contains(secret), "{secret} is stored");
        assert!(
            secret.len() != 36 || !stolen.contains(&secret.replace('-', "")),
            "the digits of {secret} are stored"
        );
    }
}
