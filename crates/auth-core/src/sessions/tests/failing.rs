//! An ending of which nobody knows whether it was committed.

use auth_db::DbError;
use sea_orm::ConnectionTrait;

use super::world::World;
use crate::sessions::Ended;

#[tokio::test]
async fn after_an_ending_that_failed_everything_is_looked_up_anew() {
    let world = World::new().await;
    let (auth, token) = world.start_with_a_session().await;
    // The commit arrived, its answer did not.
    world.db.for_migrations().execute_unprepared("DELETE FROM sessions").await.unwrap();
    assert!(auth.user_behind(&token).await.unwrap().is_some(), "it is remembered");

    let failed = async { Err::<((), Ended), _>(DbError::NoResultFound) };
    assert!(auth.parts().sessions.ending(None, failed).await.is_err());

    assert!(auth.user_behind(&token).await.unwrap().is_none());
}
