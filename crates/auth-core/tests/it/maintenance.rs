use auth_core::{
    DeletedRows,
    model::{ClientInfo, Methods, Session, SessionId, SessionToken},
};
use auth_db::sessions;
use std::time::Duration;

use time::OffsetDateTime;

use crate::support::{ADA, PASSWORD, World, email};

/// asvs 14.2.7
#[tokio::test]
async fn a_purge_deletes_what_is_over_and_nothing_that_counts() {
    let world = World::new().await;
    let idle = world.logged_in(ADA).await;
    world.auth.issue_reset_token(&email(ADA)).await.unwrap();
    world.clock.advance(Duration::from_hours(24 * 7) + Duration::from_mins(2));
    let fresh = world.log_in(ADA, PASSWORD).await.unwrap().token;

    let purged = world.auth.delete_expired().await.unwrap();

    assert_eq!(purged, DeletedRows { sessions: 1, resets: 1, ..DeletedRows::default() });
    assert!(!world.is_active(&idle).await && world.is_active(&fresh).await);
    assert_eq!(world.auth.delete_expired().await.unwrap(), DeletedRows::default());
}

#[tokio::test]
async fn a_purge_by_another_process_spares_a_session_that_was_just_used() {
    let world = World::new().await;
    let token = world.logged_in(ADA).await;
    let other = world.second_process().await;
    world.clock.advance(Duration::from_secs(59));
    assert!(world.is_active(&token).await, "recorded here, not yet stored");

    world.clock.advance(Duration::from_hours(24 * 7) - Duration::from_secs(1));
    assert_eq!(other.delete_expired().await.unwrap(), DeletedRows::default());
    assert!(world.is_active(&token).await);
}

#[tokio::test]
async fn a_purge_spares_a_session_whose_use_is_not_yet_written_down() {
    let world = World::new().await;
    let token = world.logged_in(ADA).await;
    world.clock.advance(Duration::from_hours(24 * 7) - Duration::from_secs(1));
    assert!(world.is_active(&token).await);

    world.clock.advance(Duration::from_mins(2));
    assert_eq!(world.auth.delete_expired().await.unwrap(), DeletedRows::default());
    assert!(world.is_active(&token).await);
}

#[tokio::test]
async fn a_purge_takes_more_than_one_batch() {
    let world = World::new().await;
    let user = world.register(ADA).await;
    for number in 0..1100 {
        let session = Session {
            id: SessionId::mint(number, &[0; 10]),
            user_id: user.id,
            created_at: OffsetDateTime::UNIX_EPOCH,
            authenticated_at: OffsetDateTime::UNIX_EPOCH,
            methods: Methods::PASSWORD,
            last_seen_at: OffsetDateTime::UNIX_EPOCH,
            expires_at: OffsetDateTime::UNIX_EPOCH,
            client: ClientInfo::default(),
        };
        let token = SessionToken::from_bits(u128::from(number).to_le_bytes()).digest();
        sessions::insert(world.db.for_migrations(), &session, &token).await.unwrap();
    }

    assert_eq!(world.auth.delete_expired().await.unwrap().sessions, 1100);
}
