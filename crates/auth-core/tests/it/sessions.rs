use auth_core::{
    Policy, RequestContext,
    model::{ClientInfo, SessionToken},
    passwords::Scheme,
};
use std::time::Duration;

use crate::support::{ADA, PASSWORD, World, email};

const LIFETIME: Duration = Duration::from_hours(24 * 30);
const IDLE: Duration = Duration::from_hours(24 * 7);

#[tokio::test]
async fn a_token_leads_to_its_user_and_session() {
    let world = World::new().await;
    let user = world.register(ADA).await;
    let logged_in = world.log_in(ADA, PASSWORD).await.unwrap();

    let found = world.auth.authenticate(&logged_in.token).await.unwrap().unwrap();

    assert_eq!(found.user_id, user.id);
    assert_eq!(found.session, logged_in.session);
    assert_eq!(found.session.client, ClientInfo::new(Some([192, 0, 2, 1].into()), Some("test")));
    assert!(!world.is_active(&SessionToken::from_bits([1; 16])).await);
}

/// asvs 7.3.2
#[tokio::test]
async fn a_session_in_use_ends_exactly_when_its_lifetime_is_over() {
    let world = World::new().await;
    let token = world.logged_in(ADA).await;
    for _ in 0..5 {
        world.clock.advance(LIFETIME / 6);
        assert!(world.is_active(&token).await);
    }

    world.clock.advance((LIFETIME / 6).saturating_sub(Duration::from_micros(1)));
    assert!(world.is_active(&token).await);
    world.clock.advance(Duration::from_micros(1));
    assert!(!world.is_active(&token).await);
}

/// asvs 7.3.1
#[tokio::test]
async fn an_unused_session_ends_exactly_at_its_idle_timeout() {
    let world = World::new().await;
    let in_time = world.logged_in(ADA).await;
    let too_late = world.log_in(ADA, PASSWORD).await.unwrap().token;

    world.clock.advance(IDLE.saturating_sub(Duration::from_micros(1)));
    assert!(world.is_active(&in_time).await);
    world.clock.advance(Duration::from_micros(1));
    assert!(!world.is_active(&too_late).await);
    assert!(world.is_active(&in_time).await, "it was used since");

    world.auth.flush_last_seen().await.unwrap();
    world.clock.advance(IDLE.saturating_sub(Duration::from_micros(1)));
    assert!(world.is_active(&in_time).await);
    world.clock.advance(IDLE);
    assert!(!world.is_active(&in_time).await);
}

/// What was not written down in a crash is allowed for: two flush intervals.
#[tokio::test]
async fn a_restart_ends_an_idle_session_within_a_minute_of_its_time_and_never_too_early() {
    let world = World::new().await;
    let token = world.logged_in(ADA).await;
    world.clock.advance(Duration::from_secs(59));
    assert!(world.is_active(&token).await);

    let after_a_crash = world.second_process().await;
    world.clock.advance(IDLE.saturating_sub(Duration::from_micros(1)));
    assert!(after_a_crash.authenticate(&token).await.unwrap().is_some(), "used less than its idle time ago");

    let again_after_a_crash = world.second_process().await;
    world.clock.advance(Duration::from_secs(2));
    assert!(again_after_a_crash.authenticate(&token).await.unwrap().is_none());
}

/// asvs 7.4.1
#[tokio::test]
async fn a_session_that_was_logged_out_stays_out() {
    let world = World::new().await;
    let token = world.logged_in(ADA).await;
    let other = world.log_in(ADA, PASSWORD).await.unwrap().token;

    assert!(world.auth.log_out(&token).await.unwrap());

    assert!(!world.is_active(&token).await);
    assert!(!world.auth.log_out(&token).await.unwrap(), "a used token");
    assert!(world.is_active(&other).await);
    let restarted = world.second_process().await;
    assert!(restarted.authenticate(&token).await.unwrap().is_none());
}

#[tokio::test]
async fn an_expired_session_can_not_be_logged_out_and_the_try_does_not_revive_it() {
    let world = World::new().await;
    let token = world.logged_in(ADA).await;

    world.clock.advance(IDLE);

    assert!(!world.auth.log_out(&token).await.unwrap());
    assert!(!world.is_active(&token).await);
}

#[tokio::test]
async fn all_sessions_of_one_user_are_revoked() {
    let world = World::new().await;
    let user = world.register(ADA).await;
    let first = world.log_in(ADA, PASSWORD).await.unwrap().token;
    let second = world.log_in(ADA, PASSWORD).await.unwrap().token;
    let bobs = world.logged_in("bob@example.org").await;

    assert_eq!(world.auth.revoke_sessions(user.id).await.unwrap(), 2);

    assert!(!world.is_active(&first).await && !world.is_active(&second).await);
    assert!(world.is_active(&bobs).await);
}

/// asvs 7.1.2
#[tokio::test]
async fn the_oldest_session_ends_when_there_are_too_many() {
    let policy = Policy { sessions_per_user: 3, ..Policy::default() };
    let world = World::with(policy, Scheme::Bcrypt { cost: 4 }).await;
    let mut tokens = vec![world.logged_in(ADA).await];
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(1));
        tokens.push(world.log_in(ADA, PASSWORD).await.unwrap().token);
    }

    assert!(!world.is_active(&tokens[0]).await);
    for token in &tokens[1..] {
        assert!(world.is_active(token).await);
    }
}

/// Its session looks older than all others.
#[tokio::test]
async fn a_login_by_a_clock_that_is_behind_opens_a_session_within_the_limit() {
    let policy = Policy { sessions_per_user: 3, ..Policy::default() };
    let world = World::with(policy, Scheme::Bcrypt { cost: 4 }).await;
    world.logged_in(ADA).await;
    for _ in 0..2 {
        world.log_in(ADA, PASSWORD).await.unwrap();
    }
    world.clock.set_back(Duration::from_hours(1));

    let late = world.log_in(ADA, PASSWORD).await.unwrap();

    assert!(world.is_active(&late.token).await);
    assert_eq!(world.auth.revoke_sessions(late.session.user_id).await.unwrap(), 3);
}

#[tokio::test]
async fn with_one_session_a_user_each_login_ends_the_one_before() {
    let policy = Policy { sessions_per_user: 1, ..Policy::default() };
    let world = World::with(policy, Scheme::Bcrypt { cost: 4 }).await;
    let first = world.logged_in(ADA).await;

    let second = world.log_in(ADA, PASSWORD).await.unwrap().token;

    assert!(!world.is_active(&first).await && world.is_active(&second).await);
}

#[tokio::test]
async fn a_deleted_user_is_refused_by_the_next_request() {
    let world = World::new().await;
    let token = world.logged_in(ADA).await;
    let current = world.auth.authenticate(&token).await.unwrap().unwrap();

    assert!(world.auth.delete_user(current.user_id).await.unwrap());

    assert!(!world.is_active(&token).await);
    assert!(world.log_in(ADA, PASSWORD).await.is_err());
    assert!(!world.auth.delete_user(current.user_id).await.unwrap());
}

#[tokio::test]
async fn a_program_can_open_a_session_without_a_password() {
    let world = World::new().await;
    world.register(ADA).await;

    let opened = world
        .auth
        .open_session_without_password(&email(ADA), &RequestContext::default())
        .await
        .unwrap()
        .unwrap();
    let unknown = world
        .auth
        .open_session_without_password(&email("bob@example.org"), &RequestContext::default())
        .await
        .unwrap();

    assert!(world.is_active(&opened.token).await);
    assert!(unknown.is_none());
}
