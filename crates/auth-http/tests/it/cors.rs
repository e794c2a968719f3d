//! Front ends of listed origins.

use actix_web::{http::Method, test::TestRequest};
use auth_http::{HttpOptions, Origin};

use crate::support::{ADA, PASSWORD, TestApp, TestResponse, development, status_and_body};

const FRONT_END: &str = "http://localhost:3000";

async fn app() -> TestApp {
    let origins = vec![Origin::of_url(FRONT_END).unwrap()];
    TestApp::with(HttpOptions { origins, ..development() }).await
}

fn granted(response: &TestResponse) -> Vec<&str> {
    let of_cors = response.headers.iter().filter(|(name, _)| name.starts_with("access-control"));
    of_cors.map(|(name, _)| name.as_str()).collect()
}

/// The calls of a page that registers, logs in and reads the profile.
#[actix_web::test]
async fn a_page_of_a_listed_origin_reads_answers_and_errors() {
    let app = app().await;
    for (method, path, status) in [
        (Method::POST, "/users", 200),
        (Method::POST, "/sessions", 200),
        (Method::GET, "/profile", 403),
        (Method::GET, "/nowhere", 404),
        (Method::PATCH, "/users", 405),
    ] {
        let request = TestRequest::with_uri(path)
            .method(method)
            .insert_header(("Host", "localhost:5000"))
            .insert_header(("Origin", FRONT_END))
            .insert_header(("Sec-Fetch-Site", "same-site"))
            .set_form([("email", ADA), ("password", PASSWORD)]);
        let response = app.send(request).await;
        assert_eq!(status_and_body(&response).0, status, "{path}");
        assert_eq!(response.header("access-control-allow-origin"), Some(FRONT_END), "{path}");
        assert_eq!(response.header("access-control-allow-credentials"), Some("true"));
        let exposed = response.header("access-control-expose-headers");
        assert_eq!(exposed, Some("retry-after, x-auth-user-id, x-request-id"));
        assert_eq!(response.header("vary"), Some("Origin"));
    }
}

#[actix_web::test]
async fn a_preflight_of_a_listed_origin_is_granted_what_the_route_has() {
    let app = app().await;
    for (path, methods) in [
        ("/users", "POST, OPTIONS"),
        ("/profile/password", "PUT, OPTIONS"),
        ("/sessions/", "POST, DELETE, OPTIONS"),
    ] {
        let request = TestRequest::with_uri(path)
            .method(Method::OPTIONS)
            .insert_header(("Origin", FRONT_END))
            .insert_header(("Access-Control-Request-Method", "POST"))
            .insert_header(("Access-Control-Request-Headers", "content-type"));
        let response = app.send(request).await;
        assert_eq!(status_and_body(&response), (204, ""));
        assert_eq!(response.header("access-control-allow-origin"), Some(FRONT_END));
        assert_eq!(response.header("access-control-allow-methods"), Some(methods));
        assert_eq!(response.header("access-control-allow-headers"), Some("content-type"));
        assert_eq!(response.header("access-control-max-age"), Some("600"));
    }
}

#[actix_web::test]
async fn pages_of_other_origins_get_nothing() {
    let app = app().await;
    for origin in
        ["http://localhost:3001", "https://localhost:3000", "null", "http://localhost:3000.evil.example"]
    {
        for method in [Method::GET, Method::OPTIONS] {
            let request = TestRequest::with_uri("/profile")
                .method(method)
                .insert_header(("Origin", origin))
                .insert_header(("Access-Control-Request-Method", "GET"));
            let response = app.send(request).await;
            assert!(granted(&response).is_empty(), "{origin}");
            assert_eq!(response.header("vary"), Some("Origin"));
        }
    }
    let twice = TestRequest::get()
        .uri("/profile")
        .append_header(("Origin", FRONT_END))
        .append_header(("Origin", "http://evil.example"));
    assert!(granted(&app.send(twice).await).is_empty());
}

#[actix_web::test]
async fn without_listed_origins_no_origin_is_granted_access() {
    let app = TestApp::start().await;
    let request = TestRequest::get().uri("/profile").insert_header(("Origin", FRONT_END));
    let response = app.send(request).await;
    assert!(granted(&response).is_empty());
    assert_eq!(response.header("vary"), None);
}

#[actix_web::test]
async fn options_names_the_methods_of_each_route() {
    let app = TestApp::start().await;
    for (path, allow) in [
        ("/", "GET, HEAD, DELETE, OPTIONS"),
        ("/users", "POST, OPTIONS"),
        ("/sessions", "POST, DELETE, OPTIONS"),
        ("/profile", "GET, HEAD, DELETE, OPTIONS"),
        ("/reset_password", "POST, PUT, OPTIONS"),
        ("/healthz", "GET, HEAD, OPTIONS"),
    ] {
        let response = app.send(TestRequest::with_uri(path).method(Method::OPTIONS)).await;
        assert_eq!(status_and_body(&response), (204, ""), "{path}");
        assert_eq!(response.header("allow"), Some(allow));
    }
}
