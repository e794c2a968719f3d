use auth_db::{
    Conflict, DbError, devices,
    model::{Device, FailedAttempts},
    users,
};

use crate::support::{World, at, device, device_token, email};

#[tokio::test]
async fn a_device_is_found_by_its_owners_address_in_any_spelling_and_no_other() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    world.user("eve@example.org").await;
    let token = device_token(1).digest();
    world.db.write(async |tx| devices::insert(&tx, &device(ada.id), &token).await).await.unwrap();
    let found = async |address: &str, number| {
        devices::find_of_owner(world.db.read(), &device_token(number).digest(), email(address).key())
            .await
            .unwrap()
    };

    assert_eq!(found("ADA@EXAMPLE.ORG.", 1).await, Some(device(ada.id)));
    assert_eq!(found("eve@example.org", 1).await, None);
    assert_eq!(found("ada@example.org", 2).await, None);
}

#[tokio::test]
async fn a_token_that_is_taken_is_a_conflict() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    let insert = async || {
        let token = device_token(1).digest();
        world.db.write(async |tx| devices::insert(&tx, &device(ada.id), &token).await).await
    };
    insert().await.unwrap();

    assert!(matches!(insert().await, Err(DbError::Conflict(Conflict::DeviceToken))));
}

#[tokio::test]
async fn attempts_are_kept_to_the_microsecond() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    let token = device_token(1).digest();
    let attempts = FailedAttempts {
        failures: 7,
        blocked_until: at(9).replace_microsecond(1).unwrap(),
        latest_at: at(5),
    };
    let kept = world
        .db
        .write(async |tx| {
            devices::insert(&tx, &device(ada.id), &token).await?;
            devices::set_failed_attempts(&tx, &token, &attempts).await?;
            devices::find(&tx, &token).await
        })
        .await
        .unwrap();

    assert_eq!(kept.unwrap().failed_attempts, attempts);
}

#[tokio::test]
async fn attempts_are_replaced_only_while_they_are_what_was_read() {
    let world = World::new().await;
    let (db, ada) = (world.db.autocommit(), world.user("ada@example.org").await);
    let token = device_token(1).digest();
    devices::insert(&db, &device(ada.id), &token).await.unwrap();
    let first = FailedAttempts { failures: 1, blocked_until: at(2), latest_at: at(1) };
    let replace =
        async |read, attempts| devices::replace_failed_attempts(&db, &token, &read, &attempts).await.unwrap();

    assert!(replace(FailedAttempts::NONE, first).await);
    for other in [
        FailedAttempts::NONE,
        FailedAttempts { failures: 2, ..first },
        FailedAttempts { blocked_until: at(3), ..first },
        FailedAttempts { latest_at: at(0), ..first },
    ] {
        assert!(!replace(other, FailedAttempts::NONE).await);
    }
    assert_eq!(devices::find(&db, &token).await.unwrap().unwrap().failed_attempts, first);
}

#[tokio::test]
async fn devices_are_listed_newest_first_and_all_go_with_their_user() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    let tx = world.db.for_migrations();
    for number in 1..=5 {
        let device = Device { created_at: at(i64::from(number)), ..device(ada.id) };
        devices::insert(tx, &device, &device_token(number).digest()).await.unwrap();
    }

    let newest_first = devices::all_of(tx, ada.id).await.unwrap();
    let created: Vec<_> = newest_first.iter().map(|(_, device)| device.created_at).collect();
    assert_eq!(created, [at(5), at(4), at(3), at(2), at(1)]);
    let surplus: Vec<_> = newest_first[2..].iter().map(|(digest, _)| *digest).collect();
    assert_eq!(devices::delete(tx, &surplus).await.unwrap(), 3);
    assert!(devices::find(tx, &device_token(3).digest()).await.unwrap().is_none());
    assert!(devices::find(tx, &device_token(4).digest()).await.unwrap().is_some());
    assert_eq!(devices::delete_expired(tx, at(99), 10).await.unwrap(), 0);
    assert_eq!(devices::delete_expired(tx, at(100), 1).await.unwrap(), 1);
    users::delete_user(tx, ada.id).await.unwrap();
    assert!(devices::all_of(tx, ada.id).await.unwrap().is_empty());
}
