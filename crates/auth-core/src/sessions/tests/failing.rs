//! A revocation whose commit may or may not have succeeded.

use auth_db::DbError;
use sea_orm::ConnectionTrait;

use super::world::World;
use crate::sessions::Revoked;

#[tokio::test]
async fn after_an_ending_that_failed_everything_is_looked_up_anew() {
    let world = World::new().await;
    let (auth, token) = world.start_with_a_session().await;
    // The commit arrived, and its response did not.
    world.db.for_migrations().execute_unprepared("DELETE FROM sessions").await.unwrap();
    assert!(auth.authenticate(&token).await.unwrap().is_some(), "it is cached");

    let failed = async { Err::<((), Revoked), _>(DbError::NoResultFound) };
    assert!(auth.parts().sessions.revoking(None, failed).await.is_err());

    assert!(auth.authenticate(&token).await.unwrap().is_none());
}
