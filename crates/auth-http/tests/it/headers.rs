use actix_web::{http::Method, test::TestRequest};
use auth_http::{CookieOptions, Hsts, HttpOptions};

use crate::support::{ADA, PASSWORD, TestApp, development, status_and_body};

/// asvs 3.2.1, 3.4.3 to 3.4.6, 13.4.6, 14.3.2: on every response, errors included.
#[actix_web::test]
async fn every_answer_carries_the_headers() {
    let app = TestApp::start().await;
    let cookie = app.logged_in(ADA).await;
    let requests = [
        (Method::GET, "/"),
        (Method::HEAD, "/"),
        (Method::GET, "/profile"),
        (Method::POST, "/users"),
        (Method::POST, "/sessions"),
        (Method::PUT, "/reset_password"),
        (Method::GET, "/healthz"),
        (Method::GET, "/nowhere"),
        (Method::GET, "/users"),
        (Method::GET, "/bug"),
        (Method::DELETE, "/sessions"),
    ];

    for (method, path) in requests {
        let response = app.with_cookie(method.clone(), path, &cookie).await;
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            (
                "content-security-policy",
                "default-src 'none'; base-uri 'none'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'",
            ),
        ] {
            assert_eq!(response.header(name), Some(value), "{method} {path}");
        }
        assert!(response.header("x-request-id").is_some_and(|id| id.len() > 16), "{method} {path}");
        assert_eq!(response.header("server"), None);
        if !response.body.is_empty() {
            assert_eq!(response.header("content-type"), Some("application/json"), "{method} {path}");
        }
    }
}

#[actix_web::test]
async fn request_ids_differ_and_only_a_trusted_proxy_may_choose_one() {
    let trusting = HttpOptions { trusted_proxies: vec!["192.0.2.0/24".parse().unwrap()], ..development() };
    let app = TestApp::with(trusting).await;
    let from = |peer: &str, id: &'static str| {
        TestRequest::with_uri("/").peer_addr(peer.parse().unwrap()).insert_header(("X-Request-Id", id))
    };

    let trusted = app.send(from("192.0.2.7:1", "from-proxy")).await;
    let forged = app.send(from("192.0.2.7:1", "two words")).await;
    let stranger = app.send(from("198.51.100.7:1", "from-stranger")).await;

    assert_eq!(trusted.header("x-request-id"), Some("from-proxy"));
    assert_ne!(forged.header("x-request-id"), Some("two words"));
    assert_ne!(stranger.header("x-request-id"), Some("from-stranger"));
    assert_ne!(stranger.header("x-request-id"), forged.header("x-request-id"));
}

/// asvs 16.5.4
#[actix_web::test]
async fn a_handler_that_panics_answers_500_and_the_next_request_is_served() {
    let app = TestApp::start().await;

    let response = app.send(TestRequest::with_uri("/bug")).await;

    assert_eq!(status_and_body(&response), (500, r#"{"message":"internal error"}"#));
    assert_eq!(status_and_body(&app.send(TestRequest::with_uri("/")).await).0, 200);
}

#[actix_web::test]
async fn the_cookie_is_named_and_secured_as_set() {
    let cookie = CookieOptions { name: "__Host-session_id".into(), secure: true };
    let app = TestApp::with(HttpOptions { cookie, ..development() }).await;
    app.register(ADA).await;

    let set = app.log_in(ADA, PASSWORD).await;

    let attributes = "; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000";
    let value = set.header("set-cookie").unwrap();
    assert!(value.starts_with("__Host-session_id=") && value.ends_with(attributes), "{value}");
    assert_eq!(app.profile(&set.cookie()).await.status, 200);
    let plain = set.cookie().replace("__Host-", "");
    assert_eq!(app.profile(&plain).await.status, 403);
}

#[actix_web::test]
async fn health_is_refused_while_draining_and_everything_else_served() {
    let app = TestApp::start().await;
    assert_eq!(
        status_and_body(&app.send(TestRequest::with_uri("/healthz")).await),
        (200, r#"{"message":"ok"}"#)
    );

    app.routes.drain();

    let draining = app.send(TestRequest::with_uri("/healthz")).await;
    assert_eq!(status_and_body(&draining), (503, r#"{"message":"shutting down"}"#));
    assert_eq!(draining.header("retry-after"), Some("1"));
    app.register(ADA).await;
}

/// asvs 16.5.2: without its database the service reports it and accepts no session.
#[actix_web::test]
async fn without_a_database_everything_that_needs_it_is_unavailable() {
    let app = TestApp::start().await;
    let cookie = app.logged_in(ADA).await;

    app.db.clone().close().await.unwrap();

    let fields = [("email", ADA), ("password", PASSWORD)];
    let responses = [
        app.profile(&cookie).await,
        app.post("/users", &fields).await,
        app.post("/sessions", &fields).await,
        app.post("/reset_password", &fields).await,
        app.send(TestRequest::with_uri("/healthz")).await,
        app.with_cookie(Method::DELETE, "/sessions", &cookie).await,
    ];
    for response in responses {
        assert_eq!(status_and_body(&response), (503, r#"{"message":"database is unavailable"}"#));
        assert_eq!(response.header("retry-after"), Some("1"));
        assert_eq!(response.header("set-cookie"), None);
    }
    assert_eq!(status_and_body(&app.send(TestRequest::with_uri("/")).await).0, 200);
}

/// asvs 3.4.1. Hosts below this one may be sites of others.
#[actix_web::test]
async fn browsers_come_by_tls_to_the_hosts_that_the_operator_chose() {
    for (hsts, expected) in [
        (Hsts::Off, None),
        (Hsts::Host, Some("max-age=31536000")),
        (Hsts::Subdomains, Some("max-age=31536000; includeSubDomains")),
    ] {
        let app = TestApp::with(HttpOptions { hsts, ..development() }).await;
        let response = app.send(TestRequest::get().uri("/")).await;
        assert_eq!(response.header("strict-transport-security"), expected);
    }
}
