//! `kill -9` right after an acknowledgement loses nothing that was acknowledged.

use crate::support::{PASSWORD, Server};

const ROUNDS: usize = 50;

#[tokio::test]
async fn no_acknowledged_registration_is_lost_in_fifty_crashes() {
    let mut server = Server::start();

    for round in 0..ROUNDS {
        let address = format!("user{round}@example.org");
        assert_eq!(server.client().register(&address).await.status, 200);
        server = server.crash_and_restart();
    }

    let client = server.client();
    let mut found = 0;
    for round in 0..ROUNDS {
        let answer = client.log_in(&format!("user{round}@example.org"), PASSWORD).await;
        found += usize::from(answer.status == 200);
    }
    assert_eq!(found, ROUNDS, "acknowledged and then lost");
}
