//! Cached session checks, and changes by other processes.

use auth_core::{Options, sessions::SessionCacheOptions};
use std::time::Duration;
use test_servers::{Kind, kind};

use crate::support::{ADA, PASSWORD, World};

#[tokio::test]
async fn a_session_check_writes_nothing() {
    let world = World::new().await;
    if kind() != Kind::Sqlite {
        return;
    }
    let token = world.logged_in(ADA).await;
    let before = world.changes().await;

    for _ in 0..10 {
        world.clock.advance(Duration::from_secs(1));
        assert!(world.is_active(&token).await);
    }
    assert_eq!(world.changes().await, before);

    assert_eq!(world.auth.flush_last_seen().await.unwrap(), 1, "one session, one write");
    assert_ne!(world.changes().await, before);
    assert_eq!(world.auth.flush_last_seen().await.unwrap(), 0);
}

/// What another process ends is refused here within the bound of the database, by checks that begin after it.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_ends_is_soon_refused_here() {
    let bound = match kind() {
        Kind::Sqlite => Duration::from_millis(100),
        Kind::Postgres => Duration::from_secs(1),
        Kind::MariaDb => Duration::ZERO,
    };
    let world = World::new().await;
    let other = world.second_process().await;
    world.register(ADA).await;
    for _ in 0..20 {
        let token = world.log_in(ADA, PASSWORD).await.unwrap().token;
        world.remembers(&token).await;

        assert!(other.log_out(&token).await.unwrap());

        world.refuses_within(bound, &token).await;
    }
}

/// For the configured staleness, and no longer.
#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_heard_of_other_processes_sessions_are_remembered_as_long_as_was_accepted() {
    if kind() != Kind::MariaDb {
        return;
    }
    let accepted = Duration::from_secs(2);
    let mut world = World::new().await;
    let other = world.auth.clone();
    let session_cache =
        SessionCacheOptions { max_staleness: Some(accepted), ..SessionCacheOptions::default() };
    world.options = Options { session_cache, ..world.options };
    world.auth = world.second_process().await;
    world.register(ADA).await;

    let token = world.log_in(ADA, PASSWORD).await.unwrap().token;
    while !world.is_remembered(&token).await {}
    assert!(other.log_out(&token).await.unwrap());
    world.refuses_within(accepted, &token).await;

    let own = world.log_in(ADA, PASSWORD).await.unwrap().token;
    while !world.is_remembered(&own).await {}
    assert!(world.auth.log_out(&own).await.unwrap());
    assert!(!world.is_active(&own).await, "its own revocations are rejected immediately");
}

/// Revocations of other processes would go unnoticed.
#[tokio::test]
async fn a_program_that_does_not_maintain_checks_nothing_from_memory() {
    let world = World::new().await;
    let unattended = world.unattended_process().await;
    let token = world.logged_in(ADA).await;
    for _ in 0..3 {
        assert!(unattended.authenticate(&token).await.unwrap().is_some());
    }

    assert!(world.auth.log_out(&token).await.unwrap());

    assert!(unattended.authenticate(&token).await.unwrap().is_none());
}

#[tokio::test]
async fn a_session_check_from_memory_asks_no_database() {
    let world = World::new().await;
    if kind() == Kind::MariaDb {
        return;
    }
    let token = world.logged_in(ADA).await;
    world.remembers(&token).await;
    // Deleted without a notification.
    world.execute("DELETE FROM sessions").await;

    assert!(world.is_active(&token).await);
    world.clock.advance(Duration::from_mins(1));
    assert!(!world.is_active(&token).await, "it is looked up again after a minute");
}
