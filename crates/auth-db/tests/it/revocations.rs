//! The channel between nodes.

use std::time::Duration;

use auth_db::{
    ChangeFeed, DbError,
    model::SessionTokenDigest,
    notify::{self, Notification, Notifications},
    sessions,
};
use test_servers::{Kind, kind};
use tokio::time::timeout;

use crate::support::{World, email, session, session_token};

fn digests(count: u8) -> Vec<SessionTokenDigest> {
    (0..count).map(|number| session_token(number).digest()).collect()
}

async fn hear(revocations: &mut Notifications) -> Notification {
    timeout(Duration::from_secs(10), revocations.recv()).await.unwrap().unwrap()
}

#[tokio::test]
async fn each_kind_of_database_has_its_channel() {
    let expected = match kind() {
        Kind::Sqlite => ChangeFeed::DataVersion,
        Kind::Postgres => ChangeFeed::Notifications,
        Kind::MariaDb => ChangeFeed::None,
    };
    assert_eq!(World::new().await.db.change_feed(), expected);
}

#[tokio::test]
async fn what_a_transaction_ended_is_heard_by_all_once_it_commits_and_in_order() {
    let world = World::new().await;
    if kind() != Kind::Postgres {
        let nothing = Notifications::listen(&world.db, 1).await;
        assert!(matches!(nothing, Err(DbError::Rejected(_))));
        return;
    }
    let mut one = Notifications::listen(&world.db, 1).await.unwrap();
    let mut other = Notifications::listen(&world.other().await, 2).await.unwrap();
    let ended = digests(250);

    let rolled_back = world.db.write(async |tx| {
        notify::announce(&tx, &ended).await?;
        Err::<(), _>(DbError::NoResultFound)
    });
    assert!(rolled_back.await.is_err());
    world.db.write(async |tx| notify::announce(&tx, &ended).await).await.unwrap();

    let number = one.send_heartbeat().await.unwrap();
    for chunk in ended.chunks(100) {
        assert_eq!(hear(&mut one).await, Notification::Revoked(chunk.to_vec()));
        assert_eq!(hear(&mut other).await, Notification::Revoked(chunk.to_vec()));
    }
    assert_eq!(
        hear(&mut one).await,
        Notification::Heartbeat(number),
        "its own beat, after what was committed before"
    );
    let silence = timeout(Duration::from_millis(100), other.recv()).await;
    assert!(silence.is_err(), "no heartbeat of another node: {silence:?}");
}

/// More than one word takes, on whatever database.
#[tokio::test]
async fn sessions_are_ended_and_announced_by_single_statements() {
    let world = World::new().await;
    let (ada, db) = (world.user("ada@example.org").await, world.db.autocommit());
    for number in 0..120 {
        let token = session_token(number).digest();
        sessions::insert(&db, &session(ada.id, number), &token).await.unwrap();
    }
    let mut listener = match kind() {
        Kind::Postgres => Some(Notifications::listen(&world.db, 1).await.unwrap()),
        Kind::Sqlite | Kind::MariaDb => None,
    };
    let newest_first = sessions::digests_newest_first(&db, ada.id).await.unwrap();
    assert_eq!(newest_first, digests(120).into_iter().rev().collect::<Vec<_>>());
    assert_eq!(sessions::digests_of_owner(&db, ada.email.key()).await.unwrap().len(), 120);
    assert_eq!(sessions::digests_of_owner(&db, email("eve@example.org").key()).await.unwrap(), []);

    sessions::delete_and_announce(&db, &[]).await.unwrap();
    sessions::delete_and_announce(&db, &newest_first[10..]).await.unwrap();

    assert_eq!(sessions::digests_newest_first(&db, ada.id).await.unwrap(), newest_first[..10]);
    if let Some(listener) = &mut listener {
        for chunk in newest_first[10..].chunks(100) {
            assert_eq!(hear(listener).await, Notification::Revoked(chunk.to_vec()));
        }
    }
}

#[tokio::test]
async fn an_unknown_notification_is_reported_as_such() {
    if kind() != Kind::Postgres {
        return;
    }
    let world = World::new().await;
    let mut revocations = Notifications::listen(&world.db, 1).await.unwrap();

    world.execute("SELECT pg_notify('auth_sessions_ended', 'v2:something new')").await;

    assert_eq!(hear(&mut revocations).await, Notification::Unknown);
}

#[tokio::test]
async fn a_listener_that_was_cut_off_says_so() {
    if kind() != Kind::Postgres {
        return;
    }
    let world = World::new().await;
    let mut revocations = Notifications::listen(&world.db, 1).await.unwrap();

    world
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE query LIKE 'LISTEN%' AND datname = current_database()",
        )
        .await;

    let heard = timeout(Duration::from_secs(10), revocations.recv()).await.unwrap();
    assert!(matches!(heard, Err(DbError::Unavailable(_))), "{heard:?}");
}
