use auth_db::{Conflict, DbError, model::Tries, throttles};

use crate::support::{World, at};

fn tries(failures: u32, second: i64) -> Tries {
    Tries { failures, blocked_until: at(second + 1), latest_at: at(second) }
}

#[tokio::test]
async fn the_first_tries_of_an_account_are_inserted_once_and_then_replaced() {
    let world = World::new().await;
    let db = world.db.for_migrations();
    assert_eq!(throttles::lock(db, &[1; 32]).await.unwrap(), None);
    throttles::insert(db, &[1; 32], &tries(1, 0)).await.unwrap();

    let again = throttles::insert(db, &[1; 32], &tries(9, 9)).await;
    assert!(matches!(again, Err(DbError::Conflict(Conflict::Throttle))), "{again:?}");
    throttles::update(db, &[1; 32], &tries(2, 5)).await.unwrap();
    assert_eq!(throttles::lock(db, &[1; 32]).await.unwrap(), Some(tries(2, 5)));
    throttles::delete(db, &[1; 32]).await.unwrap();
    assert_eq!(throttles::lock(db, &[1; 32]).await.unwrap(), None);
}

#[tokio::test]
async fn over_capacity_those_with_the_fewest_failures_go_the_oldest_first() {
    let world = World::new().await;
    let db = world.db.for_migrations();
    for (account, failures, second) in [(1, 9, 0), (2, 1, 5), (3, 1, 4), (4, 2, 1), (5, 1, 6)] {
        throttles::insert(db, &[account; 32], &tries(failures, second)).await.unwrap();
    }

    assert_eq!(throttles::trim(db, 5, 10).await.unwrap(), 0);
    assert_eq!(throttles::trim(db, 2, 2).await.unwrap(), 2, "no more than the limit");
    assert_eq!(throttles::trim(db, 2, 2).await.unwrap(), 1);
    let mut left = Vec::new();
    for account in 1..=5 {
        if throttles::lock(db, &[account; 32]).await.unwrap().is_some() {
            left.push(account);
        }
    }
    assert_eq!(left, [1, 4]);
    assert_eq!(throttles::purge(db, at(0), 10).await.unwrap(), 1);
}
