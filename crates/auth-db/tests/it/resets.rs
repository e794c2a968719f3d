use auth_db::{Conflict, DbError, resets};

use crate::support::{World, at, reset, reset_token};

#[tokio::test]
async fn a_user_has_one_outstanding_reset_the_newest() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    for number in [1, 2] {
        let token = reset_token(number).digest();
        world.db.write(async |tx| resets::put(&tx, &reset(ada.id), &token).await).await.unwrap();
    }

    assert!(resets::find(world.db.read(), &reset_token(1).digest()).await.unwrap().is_none());
    let newest = resets::find(world.db.read(), &reset_token(2).digest()).await.unwrap();
    assert_eq!(newest, Some(reset(ada.id)));
}

#[tokio::test]
async fn a_token_is_spent_once_and_only_for_its_user() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    let bob = world.user("bob@example.org").await;
    let token = reset_token(1).digest();
    world.db.write(async |tx| resets::put(&tx, &reset(ada.id), &token).await).await.unwrap();
    let spend = async |user| resets::spend(world.db.for_migrations(), user, &token).await.unwrap();

    assert!(!spend(bob.id).await);
    assert!(spend(ada.id).await);
    assert!(!spend(ada.id).await);
}

#[tokio::test]
async fn a_token_of_another_user_is_a_conflict() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    let bob = world.user("bob@example.org").await;
    let token = reset_token(1).digest();
    world.db.write(async |tx| resets::put(&tx, &reset(ada.id), &token).await).await.unwrap();

    let refused = world.db.write(async |tx| resets::put(&tx, &reset(bob.id), &token).await).await;

    assert!(matches!(refused, Err(DbError::Conflict(Conflict::ResetToken))));
}

#[tokio::test]
async fn a_purge_takes_expired_resets_only() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    let token = reset_token(1).digest();
    world.db.write(async |tx| resets::put(&tx, &reset(ada.id), &token).await).await.unwrap();
    let purge = async |second| {
        world.db.write(async |tx| resets::delete_expired(&tx, at(second), 10).await).await.unwrap()
    };

    assert_eq!(purge(99).await, 0);
    assert_eq!(purge(100).await, 1);
    assert!(resets::find(world.db.read(), &token).await.unwrap().is_none());
}
