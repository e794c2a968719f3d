use crate::support::{ADA, PASSWORD, TestApp, status_and_body};

#[actix_web::test]
async fn registering_answers_with_the_address_as_spelt() {
    let app = TestApp::start().await;

    let response = app.post("/users", &[("email", "Ada@Example.ORG"), ("password", PASSWORD)]).await;

    assert_eq!(status_and_body(&response), (200, r#"{"email":"Ada@Example.ORG","message":"user created"}"#));
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("set-cookie"), None, "asvs 7.6.2: registering opens no session");
}

#[actix_web::test]
async fn a_taken_address_is_refused_in_every_spelling() {
    let app = TestApp::start().await;
    app.register(ADA).await;

    for spelling in [ADA, "ADA@example.org", "ada@example.org."] {
        let response = app.post("/users", &[("email", spelling), ("password", PASSWORD)]).await;
        assert_eq!(status_and_body(&response), (400, r#"{"message":"email already registered"}"#));
    }
}

#[actix_web::test]
async fn a_missing_empty_or_malformed_field_is_named() {
    let app = TestApp::start().await;
    let long = "x".repeat(1025);

    for (fields, message) in [
        (&[] as &[(&str, &str)], "email is required"),
        (&[("email", ""), ("password", PASSWORD)], "email is required"),
        (&[("email", "ada"), ("password", PASSWORD)], "email is not a valid e-mail address"),
        (&[("email", ADA)], "password is required"),
        (&[("email", ADA), ("password", "")], "password is required"),
        (&[("email", ADA), ("password", "1234567")], "password must have at least 8 characters"),
        (&[("email", ADA), ("password", &long)], "password must have at most 1024 bytes"),
    ] {
        let response = app.post("/users", fields).await;
        assert_eq!(status_and_body(&response), (400, format!(r#"{{"message":"{message}"}}"#).as_str()));
    }
    app.register(ADA).await;
}

/// asvs 15.3.3
#[actix_web::test]
async fn fields_that_are_none_of_the_callers_business_have_no_effect() {
    let app = TestApp::start().await;

    let fields =
        [("email", ADA), ("password", PASSWORD), ("id", "77"), ("is_admin", "1"), ("hashed_password", "x")];
    let response = app.post("/users", &fields).await;

    assert_eq!(status_and_body(&response), (200, r#"{"email":"ada@example.org","message":"user created"}"#));
    let cookie = app.log_in(ADA, PASSWORD).await.cookie();
    assert_eq!(app.profile(&cookie).await.header("x-auth-user-id"), Some("1"));
}
