//! The mailer with servers that fail at each step of the dialogue.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use ::url::Url;
use auth_core::{
    mail::MailBody,
    model::{Email, Language},
};
use proptest::prelude::*;
use time::OffsetDateTime;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use super::{message::address_of, *};

/// The timeout of mailers for a server that stalls.
const SHORT: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_mins(1);

/// Steps of the dialogue, in their order.
const STEPS: [&str; 6] = ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "end"];

/// The fault of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// It sends no response at this step.
    Stall(&'static str),
    /// It replies with this code.
    Code(&'static str, u16),
    /// It closes the connection.
    Close(&'static str),
}

/// A server that accepts emails, except for its fault.
#[derive(Clone)]
struct Smtp {
    address: SocketAddr,
    fault: Arc<Mutex<Fault>>,
    accepted: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl Smtp {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Self {
            address,
            fault: Arc::new(Mutex::new(Fault::None)),
            accepted: Arc::default(),
            connections: Arc::default(),
        };
        let accepting = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *accepting.connections.lock().unwrap() += 1;
                let server = accepting.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        server
    }

    fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    /// Replies at a step; none if the connection ends.
    async fn reply(&self, stream: &mut BufReader<TcpStream>, step: &str, usual: &str) -> Option<()> {
        let fault = *self.fault.lock().unwrap();
        match fault {
            Fault::Stall(at) if at == step => std::future::pending().await,
            Fault::Close(at) if at == step => None,
            Fault::Code(at, code) if at == step => {
                stream.write_all(format!("{code} no\r\n").as_bytes()).await.ok()
            }
            _ => stream.write_all(format!("{usual}\r\n").as_bytes()).await.ok(),
        }
    }

    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        self.reply(&mut stream, "greeting", "220 here").await?;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            match line.split([' ', '\r']).next()? {
                "EHLO" => self.reply(&mut stream, "EHLO", "250-here\r\n250 8BITMIME").await?,
                "MAIL" => self.reply(&mut stream, "MAIL", "250 ok").await?,
                "RCPT" => self.reply(&mut stream, "RCPT", "250 ok").await?,
                "DATA" => {
                    self.reply(&mut stream, "DATA", "354 go on").await?;
                    if matches!(*self.fault.lock().unwrap(), Fault::Code("DATA", _)) {
                        continue;
                    }
                    let mut text = String::new();
                    while !text.ends_with("\r\n.\r\n") {
                        stream.read_line(&mut text).await.ok()?;
                    }
                    self.reply(&mut stream, "end", "250 accepted").await?;
                    if *self.fault.lock().unwrap() == Fault::None {
                        self.accepted.lock().unwrap().push(text);
                    }
                }
                _ => stream.write_all(b"250 ok\r\n").await.ok()?,
            }
        }
    }

    fn mailer(&self) -> SmtpMailer {
        let url = SmtpUrl::parse(&format!("smtp://{}", self.address)).unwrap();
        let link = Url::parse("https://auth.example.org/reset_password").unwrap();
        let templates = Templates::load(None, "auth.example.org", &link).unwrap();
        let mailer = SmtpMailer::new(url, "a@example.org".parse().unwrap(), templates);
        SmtpMailer { timeout: SHORT, connect_timeout: SHORT, ..mailer }
    }
}

fn mail(to: &str) -> Mail {
    Mail {
        to: Email::parse(to).unwrap(),
        language: Language::English,
        at: OffsetDateTime::UNIX_EPOCH,
        body: MailBody::PasswordChanged,
    }
}

#[tokio::test]
async fn a_connection_is_reused_after_an_accepted_email() {
    let server = Smtp::start().await;
    let mailer = server.mailer();
    for number in 0..3 {
        mailer.send(&mail(&format!("user{number}@example.org"))).await.unwrap();
    }

    assert_eq!(*server.connections.lock().unwrap(), 1);
    assert_eq!(server.accepted.lock().unwrap().len(), 3);
}

/// After each fault, the server gets the next email, and only that.
#[tokio::test]
async fn the_next_email_is_delivered_after_every_fault() {
    for step in STEPS {
        for fault in [Fault::Stall(step), Fault::Code(step, 451), Fault::Close(step)] {
            let server = Smtp::start().await;
            let mailer = server.mailer();
            mailer.send(&mail("first@example.org")).await.unwrap();
            server.set(fault);
            // The first finds an idle connection, the second opens one.
            for _ in 0..2 {
                let failed = mailer.send(&mail("second@example.org")).await;
                let is_begun = ["MAIL", "RCPT", "DATA", "end"].contains(&step);
                if is_begun || failed.is_err() {
                    assert!(!matches!(failed, Ok(()) | Err(MailError::Never(_))), "{fault:?}: {failed:?}");
                }
            }
            server.set(Fault::None);
            let before = server.accepted.lock().unwrap().len();

            mailer.send(&mail("third@example.org")).await.unwrap();

            let accepted = server.accepted.lock().unwrap();
            assert_eq!(accepted.len(), before + 1, "{fault:?}");
            assert!(accepted.last().unwrap().contains("To: third@example.org"), "{fault:?}");
        }
    }
}

/// A send may be cancelled at any step.
#[tokio::test]
async fn a_cancelled_send_leaves_no_unfinished_dialogue() {
    for step in STEPS {
        let server = Smtp::start().await;
        let mailer = SmtpMailer { timeout: LONG, connect_timeout: LONG, ..server.mailer() };
        server.set(Fault::Stall(step));
        let first = mail("first@example.org");
        let cancelled = timeout(Duration::from_millis(100), mailer.send(&first)).await;
        assert!(cancelled.is_err(), "{step}");
        server.set(Fault::None);

        mailer.send(&mail("second@example.org")).await.unwrap();

        let accepted = server.accepted.lock().unwrap();
        assert_eq!(accepted.len(), 1);
        assert!(accepted[0].contains("To: second@example.org"), "{step}");
    }
}

#[tokio::test]
async fn an_email_is_given_up_only_after_a_permanent_error_about_it() {
    for step in STEPS {
        for code in [450, 550, 554] {
            let server = Smtp::start().await;
            server.set(Fault::Code(step, code));
            let failed = server.mailer().send(&mail("ada@example.org")).await.unwrap_err();

            let is_about_this_mail = ["RCPT", "DATA", "end"].contains(&step);
            let is_given_up = matches!(failed, MailError::Never(_));
            assert_eq!(is_given_up, is_about_this_mail && code >= 500, "{step} {code}: {failed:?}");
        }
        // Wrong order, or not logged in: errors of the connection at every step.
        for code in [421, 503, 530] {
            let server = Smtp::start().await;
            server.set(Fault::Code(step, code));
            let failed = server.mailer().send(&mail("ada@example.org")).await.unwrap_err();
            assert!(matches!(failed, MailError::Unreachable(_)), "{step} {code}: {failed:?}");
        }
    }
}

/// A server that stalls in the middle of an email may accept others. One that does not greet accepts none.
#[tokio::test]
async fn a_stall_during_an_email_is_about_it_and_one_before_it_about_the_server() {
    for step in STEPS {
        let server = Smtp::start().await;
        server.set(Fault::Stall(step));
        let failed = server.mailer().send(&mail("ada@example.org")).await.unwrap_err();

        let is_begun = !["greeting", "EHLO"].contains(&step);
        assert_eq!(matches!(failed, MailError::Later(_)), is_begun, "{step}: {failed:?}");
    }
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_have_different_causes() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (host, expected) in [
        (format!("localhost:{}", free.port()), "nothing listens at its port"),
        ("mail.invalid:25".to_owned(), "its name is unknown"),
    ] {
        let url = SmtpUrl::parse(&format!("smtp://{host}?tls=required")).unwrap();
        let reset = Url::parse("https://auth.example.org/reset_password").unwrap();
        let templates = Templates::load(None, "auth.example.org", &reset).unwrap();
        let mailer = SmtpMailer::new(url, "a@example.org".parse().unwrap(), templates);
        let Err(MailError::Unreachable(cause)) = mailer.test_connection().await else { panic!("{host}") };
        assert!(cause.contains(expected), "{host}: {cause}");
    }
}

proptest! {
    /// Every address that can register can receive emails.
    #[test]
    fn every_accepted_address_is_valid_for_smtp(
        local in "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~.-]{1,70}",
        domain in "([a-z0-9-]{1,8}|[0-9]{1,3}|\\PC{1,4}|[a-z0-9]{60,64})([.][a-z0-9-]{1,8}|[.][0-9]{1,3}|[.]\\PC{1,3}|[.][a-z]{2,6}){0,4}[.]?",
    ) {
        if let Ok(email) = Email::parse(&format!("{local}@{domain}")) {
            prop_assert!(address_of(&email).is_some(), "{}", email.as_str());
        }
    }
}
