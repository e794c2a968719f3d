//! Chromium without a window, driven by its own `chromedriver` (the `WebDriver` of the W3C).

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_servers::left_out;

use super::free_address;

const PROGRAM: &str = "/usr/bin/chromedriver";

/// The key of an element in responses; `WebDriver` of the W3C, section 12.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one window.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    http: reqwest::Client,
    session: String,
    profile: TempDir,
}

impl Browser {
    /// None where it is not installed.
    pub async fn start(language: &str) -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            left_out("tests in a browser", "apt-get install chromium chromium-driver");
            return None;
        }
        let (address, profile) = (free_address(), tempfile::tempdir().unwrap());
        let http = reqwest::Client::new();
        let mut browser = Self { driver: start(address), address, http, session: String::new(), profile };
        let deadline = Instant::now() + Duration::from_mins(1);
        while !browser.is_ready().await {
            assert!(Instant::now() < deadline, "chromedriver does not start");
        }
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            format!("--accept-lang={language}"),
            format!("--user-data-dir={}", browser.profile.path().display()),
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let opened = browser.call(Method::POST, "/session", wanted).await;
        browser.session = format!("/session/{}", opened["sessionId"].as_str().unwrap());
        Some(browser)
    }

    pub async fn open(&self, url: &str) {
        self.ask(Method::POST, "/url", json!({"url": url})).await;
    }

    /// The text of the page, as people see it.
    pub async fn text(&self) -> String {
        let body = self.find("body").await;
        let text = self.ask(Method::GET, &format!("/element/{body}/text"), Value::Null).await;
        text.as_str().unwrap().to_owned()
    }

    /// Waits until people see this.
    pub async fn until(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let seen = self.text().await;
            if seen.contains(text) {
                return;
            }
            assert!(Instant::now() < deadline, "{text} is not in: {seen}");
        }
    }

    pub async fn type_into(&self, selector: &str, text: &str) {
        let element = self.find(selector).await;
        self.ask(Method::POST, &format!("/element/{element}/value"), json!({"text": text})).await;
    }

    pub async fn click(&self, selector: &str) {
        let element = self.find(selector).await;
        self.ask(Method::POST, &format!("/element/{element}/click"), json!({})).await;
    }

    /// The result of a script in the page.
    pub async fn evaluate(&self, script: &str) -> Value {
        self.ask(Method::POST, "/execute/sync", json!({"script": script, "args": []})).await
    }

    /// What the browser complained of: refused scripts and styles, failed requests.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.ask(Method::POST, "/se/log", json!({"type": "browser"})).await;
        entries.as_array().unwrap().iter().map(|entry| entry["message"].to_string()).collect()
    }

    async fn find(&self, selector: &str) -> String {
        let wanted = json!({"using": "css selector", "value": selector});
        let found = self.ask(Method::POST, "/element", wanted).await;
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("no {selector}: {found}")).to_owned()
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Value {
        self.call(method, &format!("{}{path}", self.session), body).await
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let request = self.http.request(method, format!("http://{}{path}", self.address));
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["value"].clone()
    }

    async fn is_ready(&self) -> bool {
        let asked = self.http.get(format!("http://{}/status", self.address)).send().await;
        asked.is_ok_and(|answer| answer.status().is_success())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser ends with its session, and not with its driver. Nothing is left to be done where it has.
        if let Ok(mut stream) = TcpStream::connect(self.address) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
            let _ = write!(stream, "DELETE {} HTTP/1.1\r\nHost: localhost\r\n\r\n", self.session);
            let _ = stream.read(&mut [0; 1024]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "tests start a browser")]
fn start(address: SocketAddr) -> Child {
    let port = format!("--port={}", address.port());
    Command::new(PROGRAM).arg(port).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}
