//! Somebody else's app, with the routes mounted in it.

use actix_web::http::Method;
use auth_http::{HttpOptions, ResetDelivery};

use crate::support::{ADA, TestApp, development, told};

#[actix_web::test]
async fn a_page_that_takes_the_current_user_is_for_logged_in_users_only() {
    let app = TestApp::start().await;
    let cookie = app.logged_in(ADA).await;

    assert_eq!(told(&app.with_cookie(Method::GET, "/page", &cookie).await), (200, "page of user 1"));
    assert_eq!(
        told(&app.with_cookie(Method::GET, "/page", "").await),
        (403, r#"{"message":"not logged in"}"#)
    );
}

#[actix_web::test]
async fn pages_of_the_app_keep_their_own_headers() {
    let app = TestApp::start().await;
    let cookie = app.logged_in(ADA).await;

    let page = app.with_cookie(Method::GET, "/page", &cookie).await;

    assert_eq!(page.header("content-security-policy"), None);
    assert_eq!(page.header("content-type"), Some("text/plain; charset=utf-8"));
}

#[actix_web::test]
async fn the_routes_of_the_account_are_there_only_where_they_are_wanted() {
    assert!(!HttpOptions::default().account_routes);
    let app = TestApp::with(HttpOptions { account_routes: false, ..development() }).await;
    let cookie = app.logged_in(ADA).await;

    assert_eq!(told(&app.with_cookie(Method::GET, "/profile/sessions", &cookie).await).0, 404);
    assert_eq!(told(&app.with_cookie(Method::PUT, "/profile/password", &cookie).await).0, 404);
    let refused = app.with_cookie(Method::DELETE, "/profile", &cookie).await;
    assert_eq!((told(&refused).0, refused.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
}

/// Whoever mounts the routes and sets nothing hands out no reset tokens.
#[actix_web::test]
async fn reset_tokens_are_in_answers_only_where_that_was_asked_for() {
    assert_eq!(HttpOptions::default().reset, ResetDelivery::Off);
    let app = TestApp::with(HttpOptions { reset: ResetDelivery::Off, ..development() }).await;
    app.register(ADA).await;

    for method in [Method::POST, Method::PUT] {
        let answer = app.form(method, "/reset_password", &[("email", ADA)]).await;
        assert_eq!(told(&answer), (404, r#"{"message":"not found"}"#));
    }
}
