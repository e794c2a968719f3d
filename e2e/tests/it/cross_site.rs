//! The cross-site table of the contract, on the wire.

use reqwest::Method;

use crate::support::{ADA, Client, PASSWORD, Server, status_and_body};

async fn log_in_with(client: &Client, headers: &[(&str, &str)]) -> u16 {
    let mut request =
        client.request(Method::POST, "/sessions").form(&[("email", ADA), ("password", PASSWORD)]);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Client::send(request).await.status
}

#[tokio::test]
async fn requests_pass_by_where_they_come_from() {
    let server = Server::start();
    let client = server.client();
    client.register(ADA).await;
    let own = format!("http://{}", server.address);

    for (headers, status) in [
        (vec![], 200),
        (vec![("Sec-Fetch-Site", "same-origin")], 200),
        (vec![("Sec-Fetch-Site", "none")], 200),
        (vec![("Origin", own.as_str())], 200),
        (vec![("Sec-Fetch-Site", "same-site"), ("Origin", own.as_str())], 200),
        (vec![("Sec-Fetch-Site", "cross-site")], 403),
        (vec![("Sec-Fetch-Site", "same-site")], 403),
        (vec![("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")], 403),
        (vec![("Origin", "https://evil.example")], 403),
        (vec![("Origin", "null")], 403),
        (vec![("Origin", "http://localhost:1")], 403),
    ] {
        assert_eq!(log_in_with(&client, &headers).await, status, "{headers:?}");
    }
}

#[tokio::test]
async fn a_foreign_page_is_refused_on_each_route_that_changes_something() {
    let server = Server::start();
    let client = server.client();
    let cookie = client.logged_in(ADA).await;

    for (method, path) in [
        (Method::POST, "/users"),
        (Method::POST, "/sessions"),
        (Method::DELETE, "/sessions"),
        (Method::POST, "/reset_password"),
        (Method::PUT, "/reset_password"),
        (Method::DELETE, "/"),
    ] {
        let request = client
            .request(method, path)
            .header("Cookie", &cookie)
            .header("Sec-Fetch-Site", "cross-site")
            .header("Origin", "https://evil.example")
            .form(&[("email", ADA), ("password", PASSWORD)]);
        let answer = Client::send(request).await;
        assert_eq!(status_and_body(&answer), (403, r#"{"message":"cross-site request refused"}"#));
        assert_eq!(answer.header("set-cookie"), None);
    }
    assert_eq!(client.profile(&cookie).await.status, 200);
}

#[tokio::test]
async fn listed_origins_pass_and_where_some_are_listed_the_host_does_not_count() {
    let server = Server::with(&[
        ("AUTH_PUBLIC_URL", "https://auth.example.org"),
        ("AUTH_RESET_DELIVERY", "off"),
        ("AUTH_ALLOWED_ORIGINS", "https://app.example.org, https://other.example.org"),
    ]);
    let client = server.client();
    client.register(ADA).await;
    let own = format!("http://{}", server.address);

    for (origin, status) in [
        ("https://auth.example.org", 200),
        ("https://app.example.org", 200),
        ("https://other.example.org", 200),
        (own.as_str(), 403),
        ("http://app.example.org", 403),
        ("https://sub.app.example.org", 403),
    ] {
        assert_eq!(log_in_with(&client, &[("Origin", origin)]).await, status, "{origin}");
    }
}

#[tokio::test]
async fn a_rebound_host_name_collects_no_reset_token() {
    let server = Server::start();
    let client = server.client();
    client.register(ADA).await;

    let request = client
        .request(Method::POST, "/reset_password")
        .header("Host", "evil.example")
        .form(&[("email", ADA)]);
    let answer = Client::send(request).await;

    assert_eq!(answer.status, 403);
    assert!(!answer.body.contains("reset_token"));
}
