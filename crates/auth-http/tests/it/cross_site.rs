//! Requests that another site may have caused are rejected before they are read.

use actix_web::{http::Method, test::TestRequest};
use auth_http::{HttpOptions, Origin};

use crate::support::{ADA, PASSWORD, TestApp, development, status_and_body};

const CHANGING: [(Method, &str); 6] = [
    (Method::POST, "/users"),
    (Method::POST, "/sessions"),
    (Method::DELETE, "/sessions"),
    (Method::POST, "/reset_password"),
    (Method::PUT, "/reset_password"),
    (Method::DELETE, "/"),
];

/// asvs 3.5.1: every state-changing route, and no cookie is set.
#[actix_web::test]
async fn a_cross_site_request_is_refused_on_every_route_that_changes_something() {
    let app = TestApp::start().await;
    let cookie = app.logged_in(ADA).await;

    for (method, path) in CHANGING {
        for (name, value) in [
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
            ("Origin", "https://evil.example"),
            ("Origin", "null"),
        ] {
            let request = TestRequest::with_uri(path)
                .method(method.clone())
                .insert_header(("Host", "app.example"))
                .insert_header(("Cookie", cookie.as_str()))
                .insert_header((name, value))
                .set_form([("email", ADA), ("password", PASSWORD)]);
            let response = app.send(request).await;
            assert_eq!(
                status_and_body(&response),
                (403, r#"{"message":"cross-site request refused"}"#),
                "{method} {path}"
            );
            assert_eq!(response.header("set-cookie"), None);
        }
    }
    assert_eq!(status_and_body(&app.profile(&cookie).await).0, 200, "still logged in");
}

#[actix_web::test]
async fn a_page_of_the_same_origin_and_a_program_that_is_no_browser_may() {
    let app = TestApp::start().await;
    app.register(ADA).await;

    for headers in [
        &[] as &[(&str, &str)],
        &[("Sec-Fetch-Site", "same-origin")],
        &[("Sec-Fetch-Site", "none")],
        &[("Origin", "http://app.example")],
        &[("Sec-Fetch-Site", "same-origin"), ("Origin", "http://app.example")],
    ] {
        let mut request = TestRequest::post()
            .uri("/sessions")
            .insert_header(("Host", "app.example"))
            .set_form([("email", ADA), ("password", PASSWORD)]);
        for header in headers {
            request = request.insert_header(*header);
        }
        assert_eq!(status_and_body(&app.send(request).await).0, 200, "{headers:?}");
    }
}

#[actix_web::test]
async fn where_origins_are_set_they_count_and_the_host_does_not() {
    let origins = vec![Origin::of_url("https://app.example/login").unwrap()];
    let app = TestApp::with(HttpOptions { origins, ..development() }).await;
    app.register(ADA).await;
    let from = |origin: &'static str| {
        TestRequest::post()
            .uri("/sessions")
            .insert_header(("Host", "internal.example"))
            .insert_header(("Origin", origin))
            .set_form([("email", ADA), ("password", PASSWORD)])
    };

    assert_eq!(status_and_body(&app.send(from("https://app.example")).await).0, 200);
    assert_eq!(status_and_body(&app.send(from("http://internal.example")).await).0, 403);
}

/// A development server reached under a rebound host name must not hand out reset tokens.
#[actix_web::test]
async fn a_foreign_host_name_is_refused_on_every_route_where_only_local_ones_are_served() {
    let app = TestApp::with(HttpOptions { local_hosts_only: true, ..development() }).await;

    for (method, path) in CHANGING.into_iter().chain([(Method::GET, "/"), (Method::GET, "/nowhere")]) {
        for host in ["evil.example", "localhost.evil.example", "192.0.2.1:5000"] {
            let request = TestRequest::with_uri(path).method(method.clone()).insert_header(("Host", host));
            let response = app.send(request).await;
            let message = r#"{"message":"host must be localhost or a loopback address"}"#;
            assert_eq!(status_and_body(&response), (403, message), "{method} {path}");
        }
        let without = app.send(TestRequest::with_uri(path).method(method)).await;
        assert_eq!(status_and_body(&without).0, 403, "no host at all");
    }
    for host in ["localhost:5000", "127.0.0.1", "[::1]:5000", "0.0.0.0:5000"] {
        let response = app.send(TestRequest::with_uri("/").insert_header(("Host", host))).await;
        assert_eq!(status_and_body(&response).0, 200, "{host}");
    }
    let absolute = TestRequest::with_uri("http://evil.example/").insert_header(("Host", "localhost"));
    assert_eq!(status_and_body(&app.send(absolute).await).0, 403, "the URL names another host");
}
