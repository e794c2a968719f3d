//! The mailer against servers that misbehave at each step of the dialogue.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use auth_core::{Content, model::Language};
use proptest::prelude::*;
use time::OffsetDateTime;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use super::*;

/// How long mailers wait for a server that stalls.
const SHORT: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_mins(1);

/// Steps of the dialogue, in their order.
const STEPS: [&str; 6] = ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "end"];

/// What a server does at one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// It says nothing.
    Stall(&'static str),
    /// It replies with this code.
    Code(&'static str, u16),
    /// It closes the connection.
    Close(&'static str),
}

/// A server that takes mails, but for its fault.
#[derive(Clone)]
struct Smtp {
    address: SocketAddr,
    fault: Arc<Mutex<Fault>>,
    taken: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl Smtp {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Self {
            address,
            fault: Arc::new(Mutex::new(Fault::None)),
            taken: Arc::default(),
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

    fn has(&self, fault: Fault) {
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
                    self.reply(&mut stream, "end", "250 taken").await?;
                    if *self.fault.lock().unwrap() == Fault::None {
                        self.taken.lock().unwrap().push(text);
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

fn letter(to: &str) -> Letter {
    Letter {
        to: Email::parse(to).unwrap(),
        language: Language::English,
        at: OffsetDateTime::UNIX_EPOCH,
        content: Content::PasswordChanged,
    }
}

#[tokio::test]
async fn a_connection_is_used_again_after_a_mail_that_was_taken() {
    let server = Smtp::start().await;
    let mailer = server.mailer();
    for number in 0..3 {
        mailer.send(&letter(&format!("user{number}@example.org"))).await.unwrap();
    }

    assert_eq!(*server.connections.lock().unwrap(), 1);
    assert_eq!(server.taken.lock().unwrap().len(), 3);
}

/// After each fault the next mail is sent, and is the one that the server gets.
#[tokio::test]
async fn whatever_happened_to_one_mail_the_next_one_gets_its_own_answers() {
    for step in STEPS {
        for fault in [Fault::Stall(step), Fault::Code(step, 451), Fault::Close(step)] {
            let server = Smtp::start().await;
            let mailer = server.mailer();
            mailer.send(&letter("first@example.org")).await.unwrap();
            server.has(fault);
            // One that finds a connection, and one that has to make one.
            for _ in 0..2 {
                let failed = mailer.send(&letter("second@example.org")).await;
                let is_begun = ["MAIL", "RCPT", "DATA", "end"].contains(&step);
                if is_begun || failed.is_err() {
                    assert!(!matches!(failed, Ok(()) | Err(MailFailed::Never(_))), "{fault:?}: {failed:?}");
                }
            }
            server.has(Fault::None);
            let before = server.taken.lock().unwrap().len();

            mailer.send(&letter("third@example.org")).await.unwrap();

            let taken = server.taken.lock().unwrap();
            assert_eq!(taken.len(), before + 1, "{fault:?}");
            assert!(taken.last().unwrap().contains("To: third@example.org"), "{fault:?}");
        }
    }
}

/// A send that is given up from outside, at any moment, leaves nothing behind for the next.
#[tokio::test]
async fn a_send_that_is_cancelled_leaves_no_connection_in_the_midst_of_a_dialogue() {
    for step in STEPS {
        let server = Smtp::start().await;
        let mailer = SmtpMailer { timeout: LONG, connect_timeout: LONG, ..server.mailer() };
        server.has(Fault::Stall(step));
        let sending = letter("first@example.org");
        let given_up = timeout(Duration::from_millis(100), mailer.send(&sending)).await;
        assert!(given_up.is_err(), "{step}");
        server.has(Fault::None);

        mailer.send(&letter("second@example.org")).await.unwrap();

        let taken = server.taken.lock().unwrap();
        assert_eq!(taken.len(), 1);
        assert!(taken[0].contains("To: second@example.org"), "{step}");
    }
}

#[tokio::test]
async fn only_a_permanent_answer_about_this_mail_gives_it_up() {
    for step in STEPS {
        for code in [450, 550, 554] {
            let server = Smtp::start().await;
            server.has(Fault::Code(step, code));
            let failed = server.mailer().send(&letter("ada@example.org")).await.unwrap_err();

            let is_about_this_mail = ["RCPT", "DATA", "end"].contains(&step);
            let is_given_up = matches!(failed, MailFailed::Never(_));
            assert_eq!(is_given_up, is_about_this_mail && code >= 500, "{step} {code}: {failed:?}");
        }
        // Out of step, or not logged in: about the connection, whenever it is said.
        for code in [421, 503, 530] {
            let server = Smtp::start().await;
            server.has(Fault::Code(step, code));
            let failed = server.mailer().send(&letter("ada@example.org")).await.unwrap_err();
            assert!(matches!(failed, MailFailed::Unreachable(_)), "{step} {code}: {failed:?}");
        }
    }
}

/// A server that is slow with one mail may be well with others; one that can't be reached is not.
#[tokio::test]
async fn a_stall_in_the_midst_of_a_mail_is_of_this_mail_and_one_before_it_of_the_server() {
    for step in STEPS {
        let server = Smtp::start().await;
        server.has(Fault::Stall(step));
        let failed = server.mailer().send(&letter("ada@example.org")).await.unwrap_err();

        let is_begun = !["greeting", "EHLO"].contains(&step);
        assert_eq!(matches!(failed, MailFailed::Later(_)), is_begun, "{step}: {failed:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_from_a_name_that_is_unknown() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (host, told) in [
        (format!("localhost:{}", free.port()), "nothing listens at its port"),
        ("mail.invalid:25".to_owned(), "its name is not known"),
    ] {
        let url = SmtpUrl::parse(&format!("smtp://{host}?tls=required")).unwrap();
        let reset = Url::parse("https://auth.example.org/reset_password").unwrap();
        let templates = Templates::load(None, "auth.example.org", &reset).unwrap();
        let mailer = SmtpMailer::new(url, "a@example.org".parse().unwrap(), templates);
        let Err(MailFailed::Unreachable(cause)) = mailer.try_out().await else { panic!("{host}") };
        assert!(cause.contains(told), "{host}: {cause}");
    }
}

proptest! {
    /// Every address that can register can receive emails.
    #[test]
    fn every_address_that_is_accepted_is_one_for_the_mail_server(
        local in "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~.-]{1,70}",
        domain in "([a-z0-9-]{1,8}|[0-9]{1,3}|\\PC{1,4}|[a-z0-9]{60,64})([.][a-z0-9-]{1,8}|[.][0-9]{1,3}|[.]\\PC{1,3}|[.][a-z]{2,6}){0,4}[.]?",
    ) {
        if let Ok(email) = Email::parse(&format!("{local}@{domain}")) {
            prop_assert!(address_of(&email).is_some(), "{}", email.as_str());
        }
    }
}
