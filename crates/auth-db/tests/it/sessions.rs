use auth_db::{Conflict, DbError, sessions, users};

use crate::support::{World, at, session, session_token};

#[tokio::test]
async fn a_session_is_found_by_its_token_with_its_user() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    let stored = session(ada.id, 1);
    sessions::insert(world.db.for_migrations(), &stored, &session_token(1).digest()).await.unwrap();

    let (found, user) =
        sessions::find_with_user(world.db.read(), &session_token(1).digest()).await.unwrap().unwrap();

    assert_eq!((found, user.id), (stored.clone(), ada.id));
    assert_eq!(sessions::find(world.db.read(), &session_token(1).digest()).await.unwrap(), Some(stored));
    assert!(sessions::find_with_user(world.db.read(), &session_token(2).digest()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_taken_token_or_id_is_a_conflict() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    let insert = async |number, token| {
        let token = session_token(token).digest();
        sessions::insert(world.db.for_migrations(), &session(ada.id, number), &token).await
    };
    insert(1, 1).await.unwrap();

    assert!(matches!(insert(2, 1).await, Err(DbError::Conflict(Conflict::SessionToken))));
    assert!(matches!(insert(1, 2).await, Err(DbError::Conflict(Conflict::SessionId))));
}

#[tokio::test]
async fn the_newest_sessions_stay_when_room_is_made() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    let bob = world.user("bob@example.org").await;
    for number in 1..=5 {
        let token = session_token(number).digest();
        sessions::insert(world.db.for_migrations(), &session(ada.id, number), &token).await.unwrap();
    }
    let others = session_token(9).digest();
    sessions::insert(world.db.for_migrations(), &session(bob.id, 9), &others).await.unwrap();

    let ended = world.db.write(async |tx| sessions::end_all_but_newest(&tx, ada.id, 2).await).await.unwrap();

    assert_eq!(ended, [3, 2, 1].map(|number| session_token(number).digest()));
    for (number, there) in [(1, false), (2, false), (3, false), (4, true), (5, true), (9, true)] {
        let found = sessions::find(world.db.read(), &session_token(number).digest()).await.unwrap();
        assert_eq!(found.is_some(), there, "session {number}");
    }
}

#[tokio::test]
async fn a_session_ends_once() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    let token = session_token(1).digest();
    sessions::insert(world.db.for_migrations(), &session(ada.id, 1), &token).await.unwrap();

    assert!(sessions::end(world.db.for_migrations(), &token).await.unwrap());
    assert!(!sessions::end(world.db.for_migrations(), &token).await.unwrap());
}

#[tokio::test]
async fn a_later_sighting_is_never_overwritten_by_an_earlier_one() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    let token = session_token(1).digest();
    sessions::insert(world.db.for_migrations(), &session(ada.id, 1), &token).await.unwrap();

    for second in [50, 20] {
        sessions::touch(world.db.for_migrations(), &token, at(second)).await.unwrap();
    }

    assert_eq!(sessions::find(world.db.read(), &token).await.unwrap().unwrap().last_seen_at, at(50));
}

#[tokio::test]
async fn a_purge_takes_what_is_over_and_no_more_than_it_may() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    for number in 1..=6 {
        let mut stored = session(ada.id, number);
        if number <= 3 {
            stored.expires_at = at(500);
        }
        if number == 4 {
            stored.last_seen_at = at(-500);
        }
        sessions::insert(world.db.for_migrations(), &stored, &session_token(number).digest()).await.unwrap();
    }
    let purge = async |limit| {
        world.db.write(async |tx| sessions::purge(&tx, at(500), at(-500), limit).await).await.unwrap().len()
    };

    assert_eq!(purge(3).await, 3);
    assert_eq!(purge(3).await, 1);
    assert_eq!(purge(3).await, 0);
    for number in [5, 6] {
        assert!(sessions::find(world.db.read(), &session_token(number).digest()).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn several_sessions_are_found_at_once() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    for number in 1..=3 {
        let token = session_token(number).digest();
        sessions::insert(world.db.for_migrations(), &session(ada.id, number), &token).await.unwrap();
    }
    let find = async |numbers: &[u8]| {
        let tokens: Vec<_> = numbers.iter().map(|number| session_token(*number).digest()).collect();
        let found = sessions::find_many_with_users(world.db.read(), &tokens).await.unwrap();
        let mut numbers: Vec<u8> = Vec::new();
        for (token, stored, user) in found {
            let number = (1..=9).find(|number| session_token(*number).digest() == token).unwrap();
            assert_eq!((stored, user.id), (session(ada.id, number), ada.id));
            numbers.push(number);
        }
        numbers.sort_unstable();
        numbers
    };

    assert_eq!(find(&[3, 1, 9]).await, [1, 3]);
    assert_eq!(find(&[2, 2]).await, [2]);
    assert!(find(&[]).await.is_empty());
}

#[tokio::test]
async fn a_deleted_user_takes_sessions_and_resets_along() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    let token = session_token(1).digest();
    sessions::insert(world.db.for_migrations(), &session(ada.id, 1), &token).await.unwrap();

    assert!(users::delete_user(world.db.for_migrations(), ada.id).await.unwrap());

    assert!(sessions::find(world.db.read(), &token).await.unwrap().is_none());
    let orphan = sessions::insert(world.db.for_migrations(), &session(ada.id, 1), &token).await;
    assert!(matches!(orphan, Err(DbError::Refused(_))), "a session needs a user");
    assert!(!users::delete_user(world.db.for_migrations(), ada.id).await.unwrap(), "only once");
}
