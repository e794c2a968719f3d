use actix_web::{http::Method, test::TestRequest};
use std::time::Duration;

use crate::support::{ADA, PASSWORD, TestApp, status_and_body};

/// asvs 14.2.6: the address, the id in a header, and nothing else.
#[actix_web::test]
async fn the_profile_is_the_address_as_stored_and_the_stable_id() {
    let app = TestApp::start().await;
    app.register("Ada@Example.org").await;
    let cookie = app.log_in("ADA@example.org", PASSWORD).await.cookie();

    let profile = app.profile(&cookie).await;

    assert_eq!(status_and_body(&profile), (200, r#"{"email":"Ada@Example.org"}"#));
    assert_eq!(profile.header("x-auth-user-id"), Some("1"));
}

/// asvs 7.2.1
#[actix_web::test]
async fn a_token_that_is_not_to_the_letter_is_refused() {
    let app = TestApp::start().await;
    let cookie = app.logged_in(ADA).await;
    let other = app.log_in(ADA, PASSWORD).await.cookie();
    let cut = &cookie[..cookie.len() - 1];
    let last = if cookie.ends_with('0') { "1" } else { "0" };

    for bad in [
        format!("{cut}{last}"),
        cut.to_owned(),
        format!("{cookie}0"),
        cookie.to_uppercase().replace("SESSION_ID", "session_id"),
        format!("{cookie}; {other}"),
    ] {
        assert_eq!(
            status_and_body(&app.profile(&bad).await),
            (403, r#"{"message":"not logged in"}"#),
            "{bad}"
        );
    }
    assert_eq!(status_and_body(&app.profile(&format!("{cookie}; {cookie}")).await).0, 200);
}

#[actix_web::test]
async fn a_session_ends_exactly_when_its_time_is_over() {
    let app = TestApp::start().await;
    let cookie = app.logged_in(ADA).await;

    app.clock.advance(Duration::from_hours(24 * 7) - Duration::from_micros(1));
    assert_eq!(status_and_body(&app.profile(&cookie).await).0, 200);
    app.clock.advance(Duration::from_hours(24 * 7));
    assert_eq!(status_and_body(&app.profile(&cookie).await).0, 403);
}

/// asvs 14.2.5, 13.4.7
#[actix_web::test]
async fn only_the_path_itself_is_the_profile() {
    let app = TestApp::start().await;
    let cookie = app.logged_in(ADA).await;

    for path in ["/profile/x.css", "/profile;.js", "/profile.json", "/Profile", "/x//profile", "/profile//"] {
        assert_eq!(status_and_body(&app.with_cookie(Method::GET, path, &cookie).await).0, 404, "{path}");
    }
    for path in ["/profile", "/profile/", "/profile?callback=x"] {
        let response = app.send(TestRequest::with_uri(path).insert_header(("Cookie", cookie.as_str()))).await;
        assert_eq!(status_and_body(&response), (200, r#"{"email":"ada@example.org"}"#), "{path}");
    }
}
