use auth_db::{
    Conflict, DbError,
    model::{Method, Methods},
    sessions::{self, Which},
    users,
};

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

/// Each selection deletes its own sessions, returns their digests, and leaves those of other users.
#[tokio::test]
async fn a_selection_deletes_its_sessions_and_no_others() {
    for (which, deleted) in [
        (0, &[2_u8] as &[u8]),
        (1, &[3]),
        (2, &[1, 2, 3]),
        (3, &[1, 2]),
        // Of another user.
        (4, &[]),
    ] {
        let world = World::new().await;
        let ada = world.user("ada@example.org").await.id;
        let bob = world.user("bob@example.org").await.id;
        for (user, number) in [(ada, 1), (ada, 2), (ada, 3), (bob, 9)] {
            let digest = session_token(number).digest();
            sessions::insert(world.db.for_migrations(), &session(user, number), &digest).await.unwrap();
        }
        let second = session_token(2).digest();
        let third = session(ada, 3).id;
        let which = [
            Which::Token(second),
            Which::Id(ada, third),
            Which::AllOf(ada),
            Which::AllBut(ada, third),
            Which::Id(bob, third),
        ][which];

        let mut found = sessions::delete(world.db.for_migrations(), which).await.unwrap();

        found.sort_by_key(|digest| *digest.as_bytes());
        let mut expected: Vec<_> = deleted.iter().map(|number| session_token(*number).digest()).collect();
        expected.sort_by_key(|digest| *digest.as_bytes());
        assert_eq!(found, expected, "{which:?}");
        for number in [1, 2, 3, 9] {
            let found = sessions::find(world.db.read(), &session_token(number).digest()).await.unwrap();
            assert_eq!(found.is_none(), deleted.contains(&number), "{which:?}, session {number}");
        }
        assert_eq!(
            sessions::delete(world.db.for_migrations(), Which::Any(10)).await.unwrap().len(),
            4 - deleted.len()
        );
    }
}

#[tokio::test]
async fn a_session_is_deleted_once() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    let digest = session_token(1).digest();
    sessions::insert(world.db.for_migrations(), &session(ada.id, 1), &digest).await.unwrap();

    for count in [1, 0] {
        let deleted = sessions::delete(world.db.for_migrations(), Which::Token(digest)).await.unwrap();
        assert_eq!(deleted.len(), count);
    }
}

/// Versions that had passwords only stored neither instant nor methods of the authentication.
#[tokio::test]
async fn a_session_of_an_earlier_version_was_authenticated_by_password_when_it_was_opened() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    let digest = session_token(1).digest();
    let mut stored = session(ada.id, 1);
    stored.authenticated_at = at(500);
    stored.methods = Methods::PASSWORD.with(Method::OneTimeCode);
    sessions::insert(world.db.for_migrations(), &stored, &digest).await.unwrap();
    assert_eq!(sessions::find(world.db.read(), &digest).await.unwrap().unwrap(), stored);

    world.execute("UPDATE sessions SET authenticated_at = NULL, methods = NULL").await;

    let found = sessions::find(world.db.read(), &digest).await.unwrap().unwrap();
    assert_eq!((found.authenticated_at, found.methods), (stored.created_at, Methods::PASSWORD));
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
    let delete = async |limit| {
        let expired = Which::Expired { now: at(500), idle_since: at(-500), limit };
        sessions::delete(world.db.for_migrations(), expired).await.unwrap().len()
    };

    assert_eq!(delete(3).await, 3);
    assert_eq!(delete(3).await, 1);
    assert_eq!(delete(3).await, 0);
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
    assert!(matches!(orphan, Err(DbError::Rejected(_))), "a session needs a user");
    assert!(!users::delete_user(world.db.for_migrations(), ada.id).await.unwrap(), "only once");
}
