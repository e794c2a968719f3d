//! Limits on attempts, as clients see them.

use reqwest::Method;

use crate::support::{ADA, Answer, Client, PASSWORD, Server, status_and_body};

fn throttled() -> Server {
    Server::with(&[
        ("AUTH_THROTTLE", "on"),
        ("AUTH_TRUSTED_PROXIES", "127.0.0.1"),
        ("AUTH_RESET_DELIVERY", "off"),
    ])
}

/// A login that a proxy passes on.
async fn log_in(client: &Client, from: &str, cookie: Option<&str>, password: &str) -> Answer {
    let request = client.request(Method::POST, "/sessions").header("X-Forwarded-For", from);
    let request = cookie.into_iter().fold(request, |request, cookie| request.header("Cookie", cookie));
    Client::send(request.form(&[("email", ADA), ("password", password)])).await
}

/// Fails until four seconds are asked for: enough for what is to happen within them.
async fn block(client: &Client) {
    for from in 0..5 {
        assert_eq!(log_in(client, &format!("198.51.100.{from}"), None, "wrong").await.status, 401);
    }
    for from in 5..7 {
        while log_in(client, &format!("198.51.100.{from}"), None, "wrong").await.status == 429 {}
    }
}

/// The seconds to wait after a login with the right password.
async fn seconds_to_wait(client: &Client) -> u64 {
    let refused = log_in(client, "203.0.113.1", None, PASSWORD).await;
    assert_eq!(status_and_body(&refused), (429, r#"{"message":"too many tries, try again later"}"#));
    refused.header("retry-after").unwrap().parse().unwrap()
}

fn device_of(answer: &Answer) -> Option<String> {
    let cookies = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let device = cookies.into_iter().find(|cookie| cookie.starts_with("device_id="))?;
    assert!(device.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=15552000"), "{device}");
    Some(device.split(';').next().unwrap().to_owned())
}

/// asvs 2.3.2, 6.1.1, 6.3.1
#[tokio::test]
async fn a_guesser_is_throttled_and_the_owner_logs_in() {
    let server = throttled();
    let client = server.client();
    client.register(ADA).await;
    let known = device_of(&log_in(&client, "192.0.2.1", None, PASSWORD).await).unwrap();
    block(&client).await;

    assert!((1..=4).contains(&seconds_to_wait(&client).await));
    let owner = log_in(&client, "192.0.2.1", Some(&known), PASSWORD).await;
    assert_eq!((owner.status, device_of(&owner)), (200, None));
}

#[tokio::test]
async fn failures_count_after_a_crash() {
    let server = throttled();
    server.client().register(ADA).await;
    block(&server.client()).await;

    let server = server.crash_and_restart();
    let client = server.client();
    // The next one that is taken is the eighth: after it eight seconds are asked for.
    while log_in(&client, "198.51.100.9", None, "wrong").await.status == 429 {}
    assert!((5..=8).contains(&seconds_to_wait(&client).await));
}

/// A proxy that sends no forwarding headers: all visitors of the site are one client.
#[tokio::test]
async fn a_private_address_that_used_up_its_limit_is_reported_as_a_possible_proxy() {
    let server = Server::with(&[("AUTH_THROTTLE", "on")]);
    let client = server.client();
    let fail = async |number: usize| {
        let address = format!("user{number}@example.org");
        client.post("/sessions", &[("email", address.as_str()), ("password", "wrong")]).await.status
    };
    let mut failed = 0;
    while fail(failed).await == 401 {
        failed += 1;
    }
    assert!(failed >= 40, "{failed}");
    assert_eq!(fail(failed).await, 429);

    let log = server.until_logged("AUTH_TRUSTED_PROXIES").await;
    assert_eq!(log.matches("AUTH_TRUSTED_PROXIES").count(), 1, "{log}");
    assert!(log.contains("client=127.0.0.1"), "{log}");
}

/// `X-Forwarded-For` from a peer that is not trusted is ignored, in limits and in the log.
#[tokio::test]
async fn a_client_can_not_choose_the_address_that_is_counted() {
    let server = Server::with(&[("AUTH_THROTTLE", "on")]);
    let client = server.client();
    let register = async |number: usize| {
        let address = format!("user{number}@example.org");
        let request =
            client.request(Method::POST, "/users").header("X-Forwarded-For", format!("192.0.2.{number}"));
        Client::send(request.form(&[("email", address.as_str()), ("password", PASSWORD)])).await.status
    };
    for number in 0..5 {
        assert_eq!(register(number).await, 200);
    }

    assert_eq!(register(5).await, 429);
    let log = server.log();
    assert!(log.contains("127.0.0.1") && !log.contains("192.0.2."), "nor the one that is logged: {log}");
}

#[tokio::test]
async fn in_development_no_attempt_is_counted_and_no_device_marked() {
    let server = Server::start();
    let client = server.client();
    client.register(ADA).await;
    for _ in 0..50 {
        assert_eq!(client.log_in(ADA, "wrong").await.status, 401);
    }
    let answer = client.log_in(ADA, PASSWORD).await;
    assert_eq!((answer.status, device_of(&answer)), (200, None));
}
