//! A client that hangs up while its logout is carried out.

use std::time::Duration;

use auth_db::{model::Client, sessions};

use super::world::{World, clock, email, new_password, policy};

#[tokio::test]
async fn a_logout_whose_client_has_gone_is_carried_out() {
    let world = World::new().await;
    let auth = world.start(&clock(), policy(3), 100);
    auth.register_user(email(0), new_password(0)).await.unwrap();
    let token = auth.create_session(&email(0), Client::default()).await.unwrap().unwrap().token;
    assert!(auth.user_behind(&token).await.unwrap().is_some());
    let gates = &auth.parts().sessions.0.gates;
    gates.close();
    let log_out = tokio::spawn({
        let (auth, token) = (auth.clone(), token.clone());
        async move { auth.log_out(&token).await }
    });
    let mut held = gates.arrival().await;
    while held.before != "write" {
        held.released.send(()).unwrap();
        held = gates.arrival().await;
    }

    log_out.abort();
    gates.open();
    held.released.send(()).unwrap();

    let gone = async {
        while sessions::find(world.db.read(), &token.digest()).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
    assert!(auth.user_behind(&token).await.unwrap().is_none());
}
