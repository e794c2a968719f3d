//! A client that hangs up while its logout is carried out.

use std::time::Duration;

use auth_db::sessions;

use super::world::World;

#[tokio::test]
async fn a_logout_whose_client_has_gone_is_carried_out() {
    let world = World::new().await;
    let (auth, token) = world.start_with_a_session().await;
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
