//! A client that follows no redirects and keeps no cookies: tests define what is sent.

use std::net::SocketAddr;

use reqwest::{Method, RequestBuilder, header::HeaderMap, redirect::Policy};

use super::PASSWORD;

/// Speaks to one server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

/// The cookies and the reset token of a user.
pub struct States {
    pub live: String,
    pub ended: String,
    pub reset: String,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        let http = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
        Self { http, base: format!("http://{address}") }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Sends a request. Returns the error if there is no response.
    pub async fn try_send(request: RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, body: response.text().await? })
    }

    pub async fn send(request: RequestBuilder) -> Answer {
        Self::try_send(request).await.unwrap()
    }

    pub async fn form(&self, method: Method, path: &str, fields: &[(&str, &str)]) -> Answer {
        Self::send(self.request(method, path).form(fields)).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.form(Method::POST, path, fields).await
    }

    pub async fn with_cookie(&self, method: Method, path: &str, cookie: &str) -> Answer {
        Self::send(self.request(method, path).header("Cookie", cookie)).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        Self::send(self.request(Method::GET, path)).await
    }

    pub async fn register(&self, address: &str) -> Answer {
        self.post("/users", &[("email", address), ("password", PASSWORD)]).await
    }

    pub async fn log_in(&self, address: &str, password: &str) -> Answer {
        self.post("/sessions", &[("email", address), ("password", password)]).await
    }

    /// Registers a user and logs in. Returns the cookie as a browser sends it.
    pub async fn logged_in(&self, address: &str) -> String {
        assert_eq!(self.register(address).await.status, 200);
        self.log_in(address, PASSWORD).await.cookie()
    }

    /// A user with a session that lives, one that was ended, and a reset token: what must outlast everything.
    pub async fn user_of_all_states(&self, address: &str) -> States {
        let live = self.logged_in(address).await;
        let ended = self.log_in(address, PASSWORD).await.cookie();
        self.with_cookie(Method::DELETE, "/sessions", &ended).await;
        States { live, ended, reset: self.reset_token(address).await }
    }

    pub async fn profile(&self, cookie: &str) -> Answer {
        self.with_cookie(Method::GET, "/profile", cookie).await
    }

    pub async fn reset_token(&self, address: &str) -> String {
        let answer = self.post("/reset_password", &[("email", address)]).await;
        answer.json()["reset_token"].as_str().unwrap().to_owned()
    }

    pub async fn reset(&self, address: &str, token: &str, new: &str) -> Answer {
        let fields = [("email", address), ("reset_token", token), ("new_password", new)];
        self.form(Method::PUT, "/reset_password", &fields).await
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub fn cookie(&self) -> String {
        self.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Status and body.
pub fn status_and_body(answer: &Answer) -> (u16, &str) {
    (answer.status, &answer.body)
}

/// The statuses that all get who ask at the same time, in order.
pub async fn at_once<F: Future<Output = Answer> + Send + 'static>(
    asking: impl IntoIterator<Item = F>,
) -> Vec<u16> {
    let tasks: Vec<_> = asking.into_iter().map(tokio::spawn).collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap().status);
    }
    statuses.sort_unstable();
    statuses
}
