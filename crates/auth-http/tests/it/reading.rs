//! What can't be read is refused before anything else is looked at; what can is served afterwards.

use actix_web::{http::Method, test::TestRequest};

use crate::support::{ADA, TestApp, status_and_body};

const TYPE: &str = "Content-Type";
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const MULTIPART: &str = "multipart/form-data; boundary=x";

const EMAIL: &[u8] = b"--x\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nada@example.org\r\n";
const FILE: &[u8] =
    b"--x\r\nContent-Disposition: form-data; name=\"email\"; filename=\"a\"\r\n\r\nx\r\n--x--\r\n";

fn sending(method: &Method, path: &str, media_type: Option<&str>, body: &[u8]) -> TestRequest {
    let request = TestRequest::with_uri(path).method(method.clone()).set_payload(body.to_vec());
    match media_type {
        Some(media_type) => request.insert_header((TYPE, media_type)),
        None => request,
    }
}

#[actix_web::test]
async fn on_every_route_a_body_that_can_not_be_read_is_refused() {
    let app = TestApp::start().await;
    app.register(ADA).await;
    let too_large = [b"a=".as_slice(), &[b'x'; 16 * 1024]].concat();

    for (method, path) in [
        (Method::GET, "/"),
        (Method::POST, "/users"),
        (Method::POST, "/sessions"),
        (Method::DELETE, "/sessions"),
        (Method::GET, "/profile"),
        (Method::DELETE, "/profile"),
        (Method::PUT, "/profile/password"),
        (Method::GET, "/profile/sessions"),
        (Method::DELETE, "/profile/sessions"),
        (Method::DELETE, "/profile/sessions/1"),
        (Method::POST, "/reset_password"),
        (Method::PUT, "/reset_password"),
        (Method::GET, "/healthz"),
    ] {
        for (media_type, body, status, message) in [
            (Some(FORM), too_large.as_slice(), 413, "body is too large"),
            (Some(JSON), b"{\"email\":", 400, "body is not a JSON object"),
            (Some(JSON), b"[]", 400, "body is not a JSON object"),
            (Some(JSON), b"{\"email\":\"\xff\"}", 400, "body is not a JSON object"),
            (Some(FORM), b"email=%ff", 400, "body is not UTF-8"),
            (Some(FORM), b"email=a&email=a", 400, "a field is given twice"),
            (Some(JSON), b"{\"x\":1,\"x\":2}", 400, "a field is given twice"),
            (Some(MULTIPART), b"email=a", 400, "body is not multipart/form-data"),
            (Some(MULTIPART), &[EMAIL, EMAIL, b"--x--\r\n"].concat(), 400, "a field is given twice"),
            (Some(MULTIPART), FILE, 400, "a field must be a text, not a file"),
        ] {
            let response = app.send(sending(&method, path, media_type, body)).await;
            let expected = format!(r#"{{"message":"{message}"}}"#);
            assert_eq!(status_and_body(&response), (status, expected.as_str()), "{method} {path}");
        }
        for media_type in [None, Some("text/plain"), Some("multipart/form-data")] {
            let response = app.send(sending(&method, path, media_type, b"email=a")).await;
            assert_eq!(status_and_body(&response).0, 415, "{method} {path} {media_type:?}");
        }
    }
}

/// `curl -F`, `FormData`, and what some programs call form-data.
#[actix_web::test]
async fn a_form_in_parts_is_a_form() {
    let app = TestApp::start().await;
    let password =
        b"--x\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nb4l0u b4l0u\r\n--x--\r\n";
    let body = [EMAIL, password].concat();

    for path in ["/users", "/sessions"] {
        assert_eq!(
            status_and_body(&app.send(sending(&Method::POST, path, Some(MULTIPART), &body)).await).0,
            200
        );
    }
}

/// What clients make of a base URL that ends with a slash.
#[actix_web::test]
async fn several_slashes_in_front_are_one() {
    let app = TestApp::start().await;
    app.register(ADA).await;

    for path in ["//users", "///users/"] {
        let taken = app.post(path, &[("email", ADA), ("password", "b4l0u b4l0u")]).await;
        assert_eq!(status_and_body(&taken), (400, r#"{"message":"email already registered"}"#), "{path}");
    }
    assert_eq!(status_and_body(&app.post("/x//users", &[]).await).0, 404);
}

/// Telephones add a space when they complete a word.
#[actix_web::test]
async fn white_space_around_an_address_is_none_of_it() {
    let app = TestApp::start().await;
    let spaced = [("email", " \tAda@example.org\r\n "), ("password", "b4l0u b4l0u")];
    let expected = r#"{"email":"Ada@example.org","message":"user created"}"#;

    assert_eq!(status_and_body(&app.post("/users", &spaced).await), (200, expected));
    assert_eq!(status_and_body(&app.post("/sessions", &spaced).await).0, 200);
    assert_eq!(status_and_body(&app.post("/reset_password", &spaced).await).0, 200);
    assert_eq!(
        status_and_body(&app.post("/users", &[("email", "ada @example.org"), spaced[1]]).await).0,
        400
    );
}

#[actix_web::test]
async fn a_body_of_exactly_the_limit_is_read() {
    let app = TestApp::start().await;
    let mut body = b"email=a&x=".to_vec();
    body.resize(16 * 1024, b'x');

    let response = app.send(sending(&Method::POST, "/users", Some(FORM), &body)).await;

    assert_eq!(status_and_body(&response), (400, r#"{"message":"email is not a valid e-mail address"}"#));
}

#[actix_web::test]
async fn no_body_is_an_empty_form() {
    let app = TestApp::start().await;

    assert_eq!(status_and_body(&app.send(TestRequest::post().uri("/sessions")).await).0, 401);
    assert_eq!(status_and_body(&app.send(TestRequest::post().uri("/users")).await).0, 400);
    let with_a_type = TestRequest::delete().uri("/sessions").insert_header((TYPE, JSON));
    assert_eq!(status_and_body(&app.send(with_a_type).await).0, 403, "as many clients log out");
}

#[actix_web::test]
async fn a_wrong_method_gets_the_list_of_allowed_ones() {
    let app = TestApp::start().await;

    for (path, allow) in [
        ("/", "GET, HEAD, DELETE, OPTIONS"),
        ("/users", "POST, OPTIONS"),
        ("/users/", "POST, OPTIONS"),
        ("/sessions", "POST, DELETE, OPTIONS"),
        ("/profile", "GET, HEAD, DELETE, OPTIONS"),
        ("/profile/password", "PUT, OPTIONS"),
        ("/profile/sessions", "GET, HEAD, DELETE, OPTIONS"),
        ("/profile/sessions/1", "DELETE, OPTIONS"),
        ("/reset_password", "POST, PUT, OPTIONS"),
        ("/healthz", "GET, HEAD, OPTIONS"),
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"]
        {
            if allow.split(", ").any(|allowed| allowed == method) {
                continue;
            }
            let request = TestRequest::with_uri(path).method(method.parse().unwrap());
            let response = app.send(request).await;
            let message = r#"{"message":"method not allowed"}"#;
            assert_eq!(status_and_body(&response), (405, message), "{method} {path}");
            assert_eq!(response.header("allow"), Some(allow));
        }
    }
}

#[actix_web::test]
async fn a_slash_at_the_end_is_accepted() {
    let app = TestApp::start().await;
    let fields = [("email", ADA), ("password", "b4l0u b4l0u")];

    assert_eq!(status_and_body(&app.post("/users/", &fields).await).0, 200);
    let cookie = app.post("/sessions/", &fields).await.cookie();
    assert_eq!(status_and_body(&app.with_cookie(Method::GET, "/profile/", &cookie).await).0, 200);
    assert_eq!(status_and_body(&app.post("/reset_password/", &[("email", ADA)]).await).0, 200);
    assert_eq!(status_and_body(&app.with_cookie(Method::DELETE, "/sessions/", &cookie).await).0, 302);
}

#[actix_web::test]
async fn the_welcome_is_for_browsers_that_come_from_a_logout_too() {
    let app = TestApp::start().await;

    for method in [Method::GET, Method::DELETE] {
        let response = app.send(TestRequest::with_uri("/").method(method)).await;
        assert_eq!(status_and_body(&response), (200, r#"{"message":"Bienvenue"}"#));
    }
}
