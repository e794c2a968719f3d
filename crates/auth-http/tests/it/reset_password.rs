use actix_web::{http::Method, test::TestRequest};
use std::time::Duration;

use crate::support::{ADA, PASSWORD, TestApp, TestResponse, status_and_body};

const NEW: &str = "a new password";

async fn put(app: &TestApp, fields: &[(&str, &str)]) -> TestResponse {
    app.form(Method::PUT, "/reset_password", fields).await
}

#[actix_web::test]
async fn a_reset_sets_the_password_and_logs_everybody_out() {
    let app = TestApp::start().await;
    let cookie = app.logged_in(ADA).await;
    let asked = app.post("/reset_password", &[("email", "ADA@example.org")]).await;
    let token = app.reset_token(ADA).await;

    let done =
        put(&app, &[("email", "Ada@example.org"), ("reset_token", &token), ("new_password", NEW)]).await;

    assert!(asked.body.starts_with(r#"{"email":"ADA@example.org","reset_token":""#), "{}", asked.body);
    assert_eq!(token.len(), 36);
    assert_eq!(status_and_body(&done), (200, r#"{"email":"Ada@example.org","message":"Password updated"}"#));
    assert_eq!(done.header("set-cookie"), None, "asvs 6.3.6: a reset opens no session");
    assert_eq!(status_and_body(&app.profile(&cookie).await).0, 403);
    assert_eq!(status_and_body(&app.log_in(ADA, PASSWORD).await).0, 401);
    assert_eq!(status_and_body(&app.log_in(ADA, NEW).await).0, 200);
}

#[actix_web::test]
async fn a_reset_without_an_account_is_forbidden() {
    let app = TestApp::start().await;
    app.register(ADA).await;

    for fields in [
        &[("email", "bob@example.org")] as &[(&str, &str)],
        &[("email", "not an address")],
        &[("email", "")],
        &[("email", "mıke@example.org")],
        &[],
    ] {
        let response = app.post("/reset_password", fields).await;
        assert_eq!(
            status_and_body(&response),
            (403, r#"{"message":"email is not registered"}"#),
            "{fields:?}"
        );
    }
}

/// CVE-2019-16109: a reset without a token took over an account on 16 of 55 servers.
#[actix_web::test]
async fn anything_wrong_with_address_or_token_is_forbidden_and_changes_nothing() {
    let app = TestApp::start().await;
    let cookie = app.logged_in(ADA).await;
    app.register("bob@example.org").await;
    let replaced = app.reset_token(ADA).await;
    let good = app.reset_token(ADA).await;
    let bobs = app.reset_token("bob@example.org").await;

    for (email, token) in [
        (Some(ADA), None),
        (Some(ADA), Some("")),
        (Some(ADA), Some("None")),
        (Some(ADA), Some(replaced.as_str())),
        (Some(ADA), Some(bobs.as_str())),
        (Some(ADA), Some("00112233-4455-6677-8899-aabbccddeeff")),
        (Some(ADA), Some(&good.to_uppercase())),
        (Some("bob@example.org"), Some(good.as_str())),
        (Some("nobody@example.org"), Some(good.as_str())),
        (Some("not an address"), Some(good.as_str())),
        (None, Some(good.as_str())),
    ] {
        let fields = [("email", email), ("reset_token", token), ("new_password", Some(NEW))];
        let fields: Vec<_> = fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let response = put(&app, &fields).await;
        assert_eq!(
            status_and_body(&response),
            (403, r#"{"message":"reset token is not valid"}"#),
            "{email:?} {token:?}"
        );
    }
    assert_eq!(status_and_body(&app.profile(&cookie).await).0, 200);
    assert_eq!(status_and_body(&app.log_in(ADA, PASSWORD).await).0, 200);
}

#[actix_web::test]
async fn a_good_token_survives_a_password_that_policy_refuses_and_then_works_once() {
    let app = TestApp::start().await;
    app.register(ADA).await;
    let token = app.reset_token(ADA).await;
    let with = |new| [("email", ADA), ("reset_token", token.as_str()), ("new_password", new)];

    let short = put(&app, &with("1234567")).await;
    let empty = put(&app, &with("")).await;
    let none = put(&app, &with("")[..2]).await;
    let done = put(&app, &with(NEW)).await;
    let again = put(&app, &with(NEW)).await;

    assert_eq!(
        status_and_body(&short),
        (400, r#"{"message":"new_password must have at least 8 characters"}"#)
    );
    assert_eq!(status_and_body(&empty), (400, r#"{"message":"new_password is required"}"#));
    assert_eq!(status_and_body(&none), (400, r#"{"message":"new_password is required"}"#));
    assert_eq!(status_and_body(&done).0, 200);
    assert_eq!(status_and_body(&again).0, 403);
}

#[actix_web::test]
async fn a_token_expires() {
    let app = TestApp::start().await;
    app.register(ADA).await;
    let token = app.reset_token(ADA).await;

    app.clock.advance(Duration::from_mins(30));

    let late = put(&app, &[("email", ADA), ("reset_token", &token), ("new_password", NEW)]).await;
    assert_eq!(status_and_body(&late).0, 403);
}

/// A proxy on this machine may serve everybody.
#[actix_web::test]
async fn a_token_is_in_no_answer_to_a_request_that_a_proxy_passed_on() {
    let app = TestApp::start().await;
    app.register(ADA).await;

    for header in
        ["Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"]
    {
        let request = TestRequest::post()
            .uri("/reset_password")
            .insert_header((header, "192.0.2.1"))
            .set_form([("email", ADA)]);
        let response = app.send(request).await;
        assert_eq!(status_and_body(&response).0, 403, "{header}");
        assert!(!response.body.contains("reset_token"), "{header}: {}", response.body);
    }
    assert_eq!(app.post("/reset_password", &[("email", ADA)]).await.status, 200);
}
