//! The clock is set: by an hour, a day, ten years, past 2038, and back.

use auth_core::{
    Clock,
    model::{ResetToken, SessionToken},
};
use time::{Duration, OffsetDateTime};

use crate::support::{ADA, PASSWORD, World, completion, email};

const LIFETIME: Duration = Duration::days(30);
const RESET_LIFETIME: Duration = Duration::minutes(30);

/// Steps that a clock takes, with what lies between them.
fn steps() -> [Duration; 12] {
    let (hour, day, decade) = (Duration::hours(1), Duration::days(1), Duration::days(3653));
    [hour, -hour, day, -day, hour * 2, day, decade, -decade, day, decade * 2, -decade, hour]
}

struct Session {
    token: SessionToken,
    opened_at: OffsetDateTime,
    ended: bool,
}

struct Reset {
    token: ResetToken,
    asked_at: OffsetDateTime,
}

/// What lives longer than its life, or again after its end.
async fn violations(world: &World, sessions: &[Session], lifetime: Duration) -> Vec<String> {
    let now = world.clock.now();
    let mut wrong = Vec::new();
    for (number, session) in sessions.iter().enumerate() {
        let over = session.ended || now >= session.opened_at + lifetime;
        if over && world.is_live(&session.token).await {
            wrong.push(format!("session {number} at {now}"));
        }
    }
    wrong
}

#[tokio::test]
async fn nothing_lives_longer_than_its_life_and_nothing_ended_revives() {
    let world = World::new().await;
    world.register(ADA).await;
    let (mut sessions, mut resets, mut wrong) = (Vec::new(), Vec::<Reset>::new(), Vec::new());
    let mut past_2038 = false;
    for (number, step) in steps().into_iter().cycle().take(24).enumerate() {
        let opened_at = world.clock.now();
        let token = world.log_in(ADA, PASSWORD).await.unwrap().token;
        assert!(world.is_live(&token).await, "at {opened_at}");
        let ended = number % 3 == 0 && world.auth.log_out(&token).await.unwrap();
        sessions.push(Session { token, opened_at, ended });
        let token = world.auth.request_reset(&email(ADA)).await.unwrap();
        resets.push(Reset { token, asked_at: opened_at });

        world.clock.advance(step);

        wrong.extend(violations(&world, &sessions, LIFETIME).await);
        let now = world.clock.now();
        let Some(Reset { token, asked_at }) = resets.last() else { continue };
        let done = world.auth.complete_reset(completion(ADA, token, PASSWORD)).await.is_ok();
        if done && now >= *asked_at + RESET_LIFETIME {
            wrong.push(format!("reset {number} at {now}"));
        }
        if done {
            // It ended all sessions.
            for session in &mut sessions {
                session.ended = true;
            }
            let again = world.auth.complete_reset(completion(ADA, token, PASSWORD)).await;
            assert!(again.is_err(), "reset {number} was spent");
        }
        world.auth.purge_expired().await.unwrap();
        wrong.extend(violations(&world, &sessions, LIFETIME).await);
        past_2038 |= now.year() > 2038;
    }

    assert!(past_2038);
    assert_eq!(wrong, [""; 0]);
}

/// The twin: a session that is said to live for a shorter time than it does is found.
#[tokio::test]
async fn a_session_that_lived_too_long_would_be_found() {
    let world = World::new().await;
    let token = world.logged_in(ADA).await;
    let sessions = [Session { token, opened_at: world.clock.now(), ended: false }];
    world.clock.advance(Duration::days(1));

    assert_eq!(violations(&world, &sessions, LIFETIME).await, [""; 0]);
    assert_eq!(violations(&world, &sessions, Duration::hours(1)).await.len(), 1);
}
