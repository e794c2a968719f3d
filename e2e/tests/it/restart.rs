//! What was acknowledged is there after a restart; what ended stays ended.

use crate::support::{ADA, PASSWORD, Server, States, status_and_body};

#[tokio::test]
async fn users_sessions_and_an_outstanding_reset_survive_and_ended_sessions_stay_ended() {
    let server = Server::start();
    let client = server.client();
    let States { live, ended, reset } = client.user_of_all_states(ADA).await;

    let server = server.restart();
    let client = server.client();
    assert_eq!(status_and_body(&client.profile(&live).await), (200, r#"{"email":"ada@example.org"}"#));
    assert_eq!(client.profile(&ended).await.status, 403);
    assert_eq!(client.log_in(ADA, PASSWORD).await.status, 200);
    assert_eq!(client.register(ADA).await.status, 400);

    let server = server.crash_and_restart();
    let client = server.client();
    assert_eq!(client.profile(&live).await.status, 200);
    assert_eq!(client.profile(&ended).await.status, 403);
    assert_eq!(client.reset(ADA, &reset, "a new one").await.status, 200);
    assert_eq!(client.profile(&live).await.status, 403);
}
