//! A real mail server, and the mails that arrived.

use std::{
    collections::HashSet,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use test_servers::{Certificates, left_out};

use super::free_address;

/// The one that Debian's `python3-aiosmtpd` is for.
const PYTHON: &str = "/usr/bin/python3";

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/smtp_server.py");

pub const USER: &str = "mailer";
pub const SECRET: &str = "s3cret-of-the-mailer";

/// How clients talk to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Security {
    Plain,
    StartTls,
    Implicit,
}

/// A mail server on a port of its own. It ends with the test.
pub struct MailServer {
    child: Option<Child>,
    port: u16,
    security: Security,
    /// `user:password`
    login: String,
    folder: Arc<TempDir>,
    certificates: Certificates,
}

/// A mail that arrived.
#[derive(Debug, Clone)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    /// The header `Message-ID`.
    pub id: String,
    /// All parts, decoded as far as links need it.
    pub text: String,
}

impl MailServer {
    /// None if `aiosmtpd` is not installed, and not required.
    pub fn start(security: Security) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::make(folder.path());
        Self::in_folder(folder, security, certificates, &format!("{USER}:{SECRET}"))
    }

    /// The same with a certificate and a login, as `user:password`, of the caller's.
    pub fn with(security: Security, certificates: Certificates, login: &str) -> Option<Self> {
        Self::in_folder(tempfile::tempdir().unwrap(), security, certificates, login)
    }

    fn in_folder(
        folder: TempDir,
        security: Security,
        certificates: Certificates,
        login: &str,
    ) -> Option<Self> {
        if !has_aiosmtpd() {
            left_out("tests with a mail server", "apt-get install python3-aiosmtpd");
            return None;
        }
        fs::create_dir(folder.path().join("mail")).unwrap();
        let (port, folder) = (free_address().port(), Arc::new(folder));
        let mut mail_server =
            Self { child: None, port, security, login: login.to_owned(), folder, certificates };
        mail_server.come_back();
        Some(mail_server)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The settings of the service for it.
    pub fn settings(&self) -> Vec<(String, String)> {
        let url = match self.security {
            Security::Plain => format!("smtp://127.0.0.1:{}", self.port),
            Security::StartTls => format!("smtp://{}@127.0.0.1:{}?tls=required", self.login, self.port),
            Security::Implicit => format!("smtps://{}@127.0.0.1:{}", self.login, self.port),
        };
        let authority = self.certificates.authority.display().to_string();
        [
            ("AUTH_RESET_DELIVERY", "mail".to_owned()),
            ("AUTH_SMTP_URL", url),
            ("AUTH_MAIL_FROM", "Accounts <accounts@example.org>".to_owned()),
            ("SSL_CERT_FILE", authority),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    pub fn go_away(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it, where it was.
    #[expect(clippy::disallowed_methods, reason = "tests start servers")]
    pub fn come_back(&mut self) {
        let mode = match self.security {
            Security::Plain => "plain",
            Security::StartTls => "starttls",
            Security::Implicit => "implicit",
        };
        let mut command = Command::new(PYTHON);
        command.arg(SERVER).arg(self.port.to_string()).arg(self.mails()).arg(mode);
        if self.security != Security::Plain {
            command.arg(&self.certificates.certificate).arg(&self.certificates.key);
            command.args(self.login.split(':'));
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n");
        self.child = Some(child);
    }

    /// The mails that arrived so far, in the order of their names.
    pub fn arrived(&self) -> Vec<Mail> {
        let mut files: Vec<_> = fs::read_dir(self.mails())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| !path.file_name().unwrap().to_str().unwrap().starts_with('.'))
            .collect();
        files.sort();
        files.iter().map(|file| Mail::read(&fs::read(file).unwrap())).collect()
    }

    /// Waits until a number of emails have arrived.
    pub async fn until(&self, count: usize) -> Vec<Mail> {
        self.until_counted(count, <[Mail]>::len).await
    }

    /// Waits until a number of recipients got one.
    pub async fn until_distinct(&self, count: usize) -> Vec<Mail> {
        let recipients = |mails: &[Mail]| mails.iter().map(|mail| &mail.to).collect::<HashSet<_>>().len();
        self.until_counted(count, recipients).await
    }

    /// What a killed worker had claimed takes a minute, and may be claimed again; far more than that.
    async fn until_counted(&self, count: usize, counted: impl Fn(&[Mail]) -> usize) -> Vec<Mail> {
        let deadline = Instant::now() + Duration::from_mins(6);
        loop {
            let arrived = self.arrived();
            if counted(&arrived) >= count {
                return arrived;
            }
            assert!(Instant::now() < deadline, "{} of {count} arrived", arrived.len());
            tokio::task::yield_now().await;
        }
    }

    fn mails(&self) -> std::path::PathBuf {
        self.folder.path().join("mail")
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.go_away();
    }
}

impl Mail {
    fn read(bytes: &[u8]) -> Self {
        let raw = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
        let header = |name: &str| {
            let line = raw.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.trim().to_owned()
        };
        Self {
            to: header("X-To:"),
            subject: header("Subject:"),
            id: header("Message-ID:"),
            text: decoded(&raw),
        }
    }

    /// The token in the link.
    pub fn token(&self) -> String {
        let (_, rest) = self.text.split_once("&token=").unwrap();
        rest[..36].to_owned()
    }
}

/// Quoted-printable, as far as it matters: soft line breaks and what is written in hexadecimal digits.
fn decoded(raw: &str) -> String {
    let joined = raw.replace("=\n", "");
    let mut bytes = Vec::with_capacity(joined.len());
    let mut rest = joined.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = (byte == b'=').then(|| after.get(..2)).flatten();
        if let Some(value) = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()) {
            bytes.push(value);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[expect(clippy::disallowed_methods, reason = "tests look for what is installed")]
fn has_aiosmtpd() -> bool {
    Path::new(PYTHON).exists()
        && Command::new(PYTHON)
            .args(["-c", "import aiosmtpd"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
}
