//! More logins than can be hashed: some succeed, and the others are rejected immediately.

use crate::support::{ADA, PASSWORD, Server, status_and_body};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_logins_is_rejected_beyond_the_budget_and_harms_no_other_client() {
    let server =
        Server::with(&[("AUTH_BCRYPT_COST", "12"), ("AUTH_HASH_THREADS", "1"), ("AUTH_HASH_WAIT", "500ms")]);
    let client = server.client();
    let cookie = client.logged_in(ADA).await;

    let tasks: Vec<_> = (0..60)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.log_in(ADA, "wrong").await })
        })
        .collect();
    assert_eq!(client.profile(&cookie).await.status, 200, "a session check waits behind no hash");
    let (mut checked, mut refused) = (0, 0);
    for task in tasks {
        let answer = task.await.unwrap();
        if answer.status == 401 {
            checked += 1;
            continue;
        }
        assert_eq!(status_and_body(&answer), (503, r#"{"message":"too busy, try again later"}"#));
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        refused += 1;
    }

    assert!(checked > 0 && refused > 0, "{checked} checked, {refused} refused");
    assert_eq!(client.log_in(ADA, PASSWORD).await.status, 200, "it passes");
}
