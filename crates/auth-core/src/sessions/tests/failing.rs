//! An ending of which nobody knows whether it was committed.

use auth_db::{DbError, model::Client};
use sea_orm::ConnectionTrait;

use super::world::{World, clock, email, new_password, policy};
use crate::sessions::Ended;

#[tokio::test]
async fn after_an_ending_that_failed_everything_is_looked_up_anew() {
    let world = World::new().await;
    let auth = world.start(&clock(), policy(3), 100);
    auth.register_user(email(0), new_password(0)).await.unwrap();
    let token = auth.create_session(&email(0), Client::default()).await.unwrap().unwrap().token;
    assert!(auth.user_behind(&token).await.unwrap().is_some());
    // The commit arrived, its answer did not.
    world.db.for_migrations().execute_unprepared("DELETE FROM sessions").await.unwrap();
    assert!(auth.user_behind(&token).await.unwrap().is_some(), "it is remembered");

    let failed = async { Err::<((), Ended), _>(DbError::NoResultFound) };
    assert!(auth.parts().sessions.ending(None, failed).await.is_err());

    assert!(auth.user_behind(&token).await.unwrap().is_none());
}
