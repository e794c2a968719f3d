//! An app with the routes mounted in it.

use actix_web::{
    App,
    http::Method,
    test::{self, TestRequest},
    web,
};
use auth_http::{CurrentUser, HttpOptions, ResetDelivery};

use crate::support::{ADA, TestApp, development, status_and_body};

#[actix_web::test]
async fn a_page_that_takes_the_current_user_is_for_logged_in_users_only() {
    let app = TestApp::start().await;
    let cookie = app.logged_in(ADA).await;

    assert_eq!(
        status_and_body(&app.with_cookie(Method::GET, "/page", &cookie).await),
        (200, "page of user 1")
    );
    assert_eq!(
        status_and_body(&app.with_cookie(Method::GET, "/page", "").await),
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

    assert_eq!(status_and_body(&app.with_cookie(Method::GET, "/profile/sessions", &cookie).await).0, 404);
    assert_eq!(status_and_body(&app.with_cookie(Method::PUT, "/profile/password", &cookie).await).0, 404);
    let refused = app.with_cookie(Method::DELETE, "/profile", &cookie).await;
    assert_eq!((status_and_body(&refused).0, refused.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
}

/// The default options return no reset tokens.
#[actix_web::test]
async fn reset_tokens_are_in_answers_only_where_that_was_asked_for() {
    assert_eq!(HttpOptions::default().reset, ResetDelivery::Off);
    let app = TestApp::with(HttpOptions { reset: ResetDelivery::Off, ..development() }).await;
    app.register(ADA).await;

    for method in [Method::POST, Method::PUT] {
        let response = app.form(method, "/reset_password", &[("email", ADA)]).await;
        assert_eq!(status_and_body(&response), (404, r#"{"message":"not found"}"#));
    }
}

/// The app has pages of its own, and the routes are in a scope.
#[actix_web::test]
async fn in_a_scope_the_app_keeps_its_root_and_its_pages_know_who_is_there() {
    let options = HttpOptions { mounted_at: "/auth".to_owned(), welcome: false, ..development() };
    let TestApp { routes, .. } = TestApp::with(options).await;
    let app = App::new()
        .configure(|app| routes.share(app))
        .service(web::scope("/auth").configure(|scope| routes.configure(scope)))
        .route("/", web::get().to(|| async { "the app's own" }))
        .route("/page", web::to(|user: CurrentUser| async move { format!("page of user {}", user.user_id) }));
    let app = test::init_service(app).await;
    let send = async |request: TestRequest| {
        let response = test::call_service(&app, request.to_request()).await;
        let location = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        let cookie = response.response().cookies().next().map(|cookie| cookie.to_string());
        let status = response.status().as_u16();
        let body = String::from_utf8(test::read_body(response).await.to_vec()).unwrap();
        (status, body, location, cookie)
    };
    let fields = [("email", ADA), ("password", "b4l0u b4l0u")];

    assert_eq!(send(TestRequest::post().uri("/auth/users").set_form(fields)).await.0, 200);
    let (.., cookie) = send(TestRequest::post().uri("/auth/sessions").set_form(fields)).await;
    let cookie = cookie.unwrap().split(';').next().unwrap().to_owned();
    let with = |request: TestRequest| request.insert_header(("Cookie", cookie.as_str()));
    assert_eq!(send(with(TestRequest::get().uri("/page"))).await.1, "page of user 1");
    assert_eq!(send(TestRequest::get().uri("/page")).await.0, 403);
    assert_eq!(send(TestRequest::get().uri("/")).await.1, "the app's own");
    assert_eq!(send(TestRequest::get().uri("/users")).await.0, 404);
    // Another site can't cause a change on a page of the app.
    let foreign = with(TestRequest::post().uri("/page")).insert_header(("Sec-Fetch-Site", "cross-site"));
    assert_eq!(send(foreign).await.0, 403);
    assert_eq!(send(with(TestRequest::post().uri("/page"))).await.0, 200);
    let (status, _, location, _) = send(with(TestRequest::delete().uri("/auth/sessions"))).await;
    assert_eq!((status, location.as_deref()), (302, Some("/")));
}
