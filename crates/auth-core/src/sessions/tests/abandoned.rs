//! A client that hangs up while its logout is carried out.

use std::time::Duration;

use auth_db::sessions;

use super::world::World;

#[tokio::test]
async fn a_logout_whose_client_has_gone_is_carried_out() {
    let world = World::new().await;
    let (auth, token) = world.start_with_a_session().await;
    let points = &auth.parts().sessions.0.sync_points;
    points.enable();
    let log_out = tokio::spawn({
        let (auth, token) = (auth.clone(), token.clone());
        async move { auth.log_out(&token).await }
    });
    let mut stopped = points.arrival().await;
    while stopped.before != "write" {
        stopped.resume.send(()).unwrap();
        stopped = points.arrival().await;
    }

    log_out.abort();
    points.disable();
    stopped.resume.send(()).unwrap();

    let gone = async {
        while sessions::find(world.db.read(), &token.digest()).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
    assert!(auth.authenticate(&token).await.unwrap().is_none());
}
