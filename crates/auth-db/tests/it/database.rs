use auth_db::{DbError, users};

use crate::support::{World, at, email, hash};

#[tokio::test]
async fn a_transaction_commits_all_or_nothing() {
    let world = World::new().await;

    let refused = world
        .db
        .write(async |tx| {
            users::add_user(&tx, email("ada@example.org"), hash("h"), at(0)).await?;
            Err::<(), _>(DbError::NoResultFound)
        })
        .await;

    assert!(matches!(refused, Err(DbError::NoResultFound)));
    assert!(users::find_by_email(world.db.read(), &email("ada@example.org")).await.unwrap().is_none());
}

/// Programs on other runtimes spawn these futures on any thread.
#[tokio::test]
async fn futures_can_move_between_threads() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let world = World::new().await;
    let db = world.db.clone();

    let added = tokio::spawn(assert_send(async move {
        db.write(async |tx| users::add_user(&tx, email("ada@example.org"), hash("h"), at(0)).await).await
    }));

    added.await.unwrap().unwrap();
}
