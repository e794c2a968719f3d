use auth_db::{
    Conflict, DbError,
    model::FailedAttempts,
    throttles::{self, Stored},
};

use crate::support::{World, at};

fn attempts(failures: u32, second: i64) -> FailedAttempts {
    FailedAttempts { failures, blocked_until: at(second + 1), latest_at: at(second) }
}

#[tokio::test]
async fn the_first_attempts_of_an_account_are_inserted_once_and_then_replaced() {
    let world = World::new().await;
    let db = world.db.for_migrations();
    assert_eq!(throttles::lock(db, &[1; 32]).await.unwrap(), Stored::Nothing);
    throttles::insert(db, &[1; 32], &attempts(1, 0)).await.unwrap();

    let again = throttles::insert(db, &[1; 32], &attempts(9, 9)).await;
    assert!(matches!(again, Err(DbError::Conflict(Conflict::Throttle))), "{again:?}");
    throttles::update(db, &[1; 32], &attempts(2, 5)).await.unwrap();
    assert_eq!(throttles::lock(db, &[1; 32]).await.unwrap(), Stored::Own(attempts(2, 5)));
    throttles::delete(db, &[1; 32]).await.unwrap();
    assert_eq!(throttles::lock(db, &[1; 32]).await.unwrap(), Stored::Nothing);
}

#[tokio::test]
async fn attempts_are_replaced_or_forgotten_only_while_they_are_what_was_read() {
    let world = World::new().await;
    let (db, account) = (world.db.autocommit(), [1; 32]);
    throttles::insert(&db, &account, &attempts(2, 5)).await.unwrap();
    for other in [
        attempts(1, 5),
        FailedAttempts { blocked_until: at(7), ..attempts(2, 5) },
        FailedAttempts { latest_at: at(4), ..attempts(2, 5) },
    ] {
        assert!(!throttles::replace(&db, &account, &other, &attempts(9, 9)).await.unwrap());
        assert!(!throttles::delete_if(&db, &account, &other).await.unwrap());
    }
    assert_eq!(throttles::find(&db, &account).await.unwrap(), Stored::Own(attempts(2, 5)));

    assert!(throttles::replace(&db, &account, &attempts(2, 5), &attempts(3, 6)).await.unwrap());
    assert!(!throttles::replace(&db, &[2; 32], &attempts(3, 6), &attempts(4, 7)).await.unwrap());
    assert_eq!(throttles::find(&db, &account).await.unwrap(), Stored::Own(attempts(3, 6)));
    assert!(throttles::delete_if(&db, &account, &attempts(3, 6)).await.unwrap());
    assert_eq!(throttles::find(&db, &account).await.unwrap(), Stored::Nothing);
}

#[tokio::test]
async fn over_capacity_those_with_the_fewest_failures_go_the_oldest_first() {
    let world = World::new().await;
    let db = world.db.for_migrations();
    for (account, failures, second) in [(1, 9, 0), (2, 1, 5), (3, 1, 4), (4, 2, 1), (5, 1, 6)] {
        throttles::insert(db, &[account; 32], &attempts(failures, second)).await.unwrap();
    }

    assert_eq!(throttles::evict_surplus(db, 5, 10).await.unwrap(), 0);
    assert_eq!(throttles::evict_surplus(db, 2, 2).await.unwrap(), 2, "no more than the limit");
    assert_eq!(throttles::evict_surplus(db, 2, 2).await.unwrap(), 1);
    for (account, stored) in [
        (1, Stored::Own(attempts(9, 0))),
        (2, Stored::Shared(attempts(1, 5))),
        (3, Stored::Shared(attempts(1, 4))),
        (4, Stored::Own(attempts(2, 1))),
        (5, Stored::Shared(attempts(1, 6))),
        (6, Stored::Nothing),
    ] {
        assert_eq!(throttles::lock(db, &[account; 32]).await.unwrap(), stored, "{account}");
    }
    assert_eq!(
        throttles::evict_surplus(db, 2, 2).await.unwrap(),
        0,
        "rows that stand for many are not counted"
    );
    assert_eq!(throttles::delete_expired(db, at(0), 10).await.unwrap(), 1);
}

/// Several accounts whose rows made room have one that stands for all of them.
#[tokio::test]
async fn an_account_that_made_room_is_found_with_at_least_its_failures() {
    let world = World::new().await;
    let db = world.db.for_migrations();
    // They differ in what the key is not made of.
    let account = |number| {
        let mut digest = [7; 32];
        digest[31] = number;
        digest
    };
    for (number, failures) in [(1, 3), (2, 8), (3, 1)] {
        throttles::insert(db, &account(number), &attempts(failures, i64::from(number))).await.unwrap();
        throttles::evict_surplus(db, 0, 10).await.unwrap();
    }

    let merged = FailedAttempts { failures: 8, blocked_until: at(4), latest_at: at(3) };
    assert_eq!(throttles::lock(db, &account(1)).await.unwrap(), Stored::Shared(merged));
    throttles::insert(db, &account(1), &attempts(9, 9)).await.unwrap();
    assert_eq!(throttles::lock(db, &account(1)).await.unwrap(), Stored::Own(attempts(9, 9)));
}
