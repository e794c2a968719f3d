//! What users do with their own accounts.

use reqwest::Method;

use crate::support::{ADA, Client, PASSWORD, Server, status_and_body};

const NEW: &str = "t4rt1fl3tt3";

async fn send(
    client: &Client,
    method: Method,
    path: &str,
    cookie: &str,
    fields: &[(&str, &str)],
) -> crate::support::Answer {
    Client::send(client.request(method, path).header("Cookie", cookie).form(fields)).await
}

/// asvs 6.2.2, 6.2.3, 7.4.3
#[tokio::test]
async fn a_password_is_changed_with_the_old_one() {
    let server = Server::start();
    let client = server.client();
    let own = client.logged_in(ADA).await;
    let other = client.log_in(ADA, PASSWORD).await.cookie();
    let change = async |cookie: &str, fields: &[(&str, &str)]| {
        send(&client, Method::PUT, "/profile/password", cookie, fields).await
    };

    assert_eq!(change("", &[("password", PASSWORD), ("new_password", NEW)]).await.status, 403);
    assert_eq!(
        status_and_body(&change(&own, &[("new_password", NEW)]).await),
        (400, r#"{"message":"password is required"}"#)
    );
    assert_eq!(
        status_and_body(&change(&own, &[("password", PASSWORD)]).await),
        (400, r#"{"message":"new_password is required"}"#)
    );
    assert_eq!(
        status_and_body(&change(&own, &[("password", "wrong"), ("new_password", NEW)]).await),
        (401, r#"{"message":"wrong password"}"#)
    );
    let changed = change(&own, &[("password", PASSWORD), ("new_password", NEW)]).await;

    assert_eq!(status_and_body(&changed), (200, r#"{"message":"password changed"}"#));
    assert_eq!(client.profile(&changed.cookie()).await.status, 200);
    for ended in [&own, &other] {
        assert_eq!(client.profile(ended).await.status, 403);
    }
    assert_eq!(client.log_in(ADA, PASSWORD).await.status, 401);
    assert_eq!(client.log_in(ADA, NEW).await.status, 200);
}

/// asvs 7.5.2, 8.2.2
#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let server = Server::start();
    let client = server.client();
    let own = client.logged_in(ADA).await;
    let login =
        client.request(Method::POST, "/sessions").header("User-Agent", "Mozilla/5.0 (Windows) Firefox/140.0");
    let other = Client::send(login.form(&[("email", ADA), ("password", PASSWORD)])).await.cookie();
    let eve = client.logged_in("eve@example.org").await;

    let listed = client.with_cookie(Method::GET, "/profile/sessions", &own).await.json();
    let sessions = listed["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let [this, that] =
        [true, false].map(|current| sessions.iter().find(|session| session["current"] == current).unwrap());
    assert_eq!(that["device"], "Firefox, Windows");
    for field in ["created_at", "last_seen_at"] {
        let text = this[field].as_str().unwrap();
        assert!(text.len() == 20 && text.ends_with('Z') && text.contains('T'), "{text}");
    }
    let keys: Vec<&String> = this.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["created_at", "current", "device", "id", "last_seen_at"], "and no token");

    let path = format!("/profile/sessions/{}", that["id"].as_str().unwrap());
    assert_eq!(send(&client, Method::DELETE, &path, &eve, &[]).await.status, 404, "not one of Eve's");
    assert_eq!(client.profile(&other).await.status, 200);
    let ended = send(&client, Method::DELETE, &path, &own, &[]).await;
    assert_eq!(status_and_body(&ended), (200, r#"{"message":"session ended"}"#));
    assert_eq!(send(&client, Method::DELETE, &path, &own, &[]).await.status, 404);
    assert_eq!(send(&client, Method::DELETE, "/profile/sessions/nonsense", &own, &[]).await.status, 404);
    assert_eq!(client.profile(&other).await.status, 403);

    let other = client.log_in(ADA, PASSWORD).await.cookie();
    let ended = send(&client, Method::DELETE, "/profile/sessions", &own, &[]).await;
    assert_eq!(status_and_body(&ended), (200, r#"{"message":"other sessions ended"}"#));
    assert_eq!(client.profile(&other).await.status, 403);
    assert_eq!((client.profile(&own).await.status, client.profile(&eve).await.status), (200, 200));
}

/// An account is deleted and its address registered again: old sessions and tokens are invalid.
#[tokio::test]
async fn an_account_is_deleted_with_all_that_hangs_on_it() {
    let server = Server::start();
    let client = server.client();
    let own = client.logged_in(ADA).await;
    let token = client.reset_token(ADA).await;
    let delete =
        async |fields: &[(&str, &str)]| send(&client, Method::DELETE, "/profile", &own, fields).await;

    assert_eq!(delete(&[]).await.status, 400);
    assert_eq!(delete(&[("password", "wrong")]).await.status, 401);
    let deleted = delete(&[("password", PASSWORD)]).await;

    assert_eq!(status_and_body(&deleted), (200, r#"{"message":"account deleted"}"#));
    assert!(deleted.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(client.log_in(ADA, PASSWORD).await.status, 401);
    assert_eq!(client.register(ADA).await.status, 200);
    assert_eq!(client.profile(&own).await.status, 403);
    assert_eq!(client.reset(ADA, &token, NEW).await.status, 403);
}

/// asvs 3.5.1: each of them is rejected for a page of another site.
#[tokio::test]
async fn a_foreign_page_can_not_use_any_of_it() {
    let server = Server::start();
    let client = server.client();
    let own = client.logged_in(ADA).await;
    for (method, path) in [
        (Method::PUT, "/profile/password"),
        (Method::DELETE, "/profile/sessions"),
        (Method::DELETE, "/profile/sessions/x"),
        (Method::DELETE, "/profile"),
    ] {
        let request =
            client.request(method, path).header("Cookie", &own).header("Sec-Fetch-Site", "cross-site");
        let answer = Client::send(request.form(&[("password", PASSWORD), ("new_password", NEW)])).await;
        assert_eq!(status_and_body(&answer), (403, r#"{"message":"cross-site request refused"}"#), "{path}");
    }
    assert_eq!(client.profile(&own).await.status, 200);
}
