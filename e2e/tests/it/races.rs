//! Many at once, and one wins.

use crate::support::{ADA, PASSWORD, Server, at_once};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_registrations_of_one_address_make_one_account() {
    let server = Server::start();
    let client = server.client();
    let spellings =
        ["ada@bücher.example", "ADA@BÜCHER.EXAMPLE", "Ada@xn--bcher-kva.example", "ada@bücher.example."];

    let statuses = at_once((0..200).map(|number| {
        let client = client.clone();
        async move { client.register(spellings[number % 4]).await }
    }))
    .await;

    assert_eq!(statuses[0], 200);
    assert_eq!(statuses[1..], [400; 199]);
    assert_eq!(client.log_in("ada@BÜCHER.example", PASSWORD).await.status, 200);
}

/// asvs 6.5.1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_uses_of_one_reset_token_one_succeeds() {
    let server = Server::start();
    let client = server.client();
    client.register(ADA).await;
    let token = client.reset_token(ADA).await;

    let tasks: Vec<_> = (0..100)
        .map(|number| {
            let (client, token) = (client.clone(), token.clone());
            tokio::spawn(async move {
                let new = format!("password {number}");
                (client.reset(ADA, &token, &new).await.status, new)
            })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        let (status, new) = task.await.unwrap();
        match status {
            200 => winners.push(new),
            status => assert_eq!(status, 403),
        }
    }

    assert_eq!(winners.len(), 1);
    assert_eq!(client.log_in(ADA, &winners[0]).await.status, 200);
    assert_eq!(client.log_in(ADA, PASSWORD).await.status, 401);
}
