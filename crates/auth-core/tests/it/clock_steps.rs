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

/// The clock was ahead for a moment, by an hour or by years: what was stored meanwhile lives no longer for it, once the
/// clock is right again.
#[tokio::test]
async fn what_was_made_by_a_clock_that_was_ahead_lives_for_its_lifetime_and_no_longer() {
    for ahead in [Duration::hours(1), Duration::days(3653)] {
        let world = World::new().await;
        world.register(ADA).await;
        world.clock.advance(ahead);
        let unused = world.log_in(ADA, PASSWORD).await.unwrap().token;
        let used = world.log_in(ADA, PASSWORD).await.unwrap().token;
        let current = world.auth.user_behind(&used).await.unwrap().unwrap();
        let link = world.auth.request_reset(&email(ADA)).await.unwrap();
        world.clock.advance(-ahead);
        let other = world.second_process().await;

        // A login in the future is not known to be fresh.
        let confirmed = world.auth.end_other_sessions(&current, &auth_core::Confirmation::default()).await;
        assert!(confirmed.is_err());
        world.auth.purge_expired().await.unwrap();
        assert!(world.is_live(&unused).await && world.is_live(&used).await, "{ahead}");
        world.clock.advance(RESET_LIFETIME - Duration::MINUTE);
        assert!(auth_db::resets::find(world.db.read(), &link.digest()).await.unwrap().is_some());
        world.clock.advance(Duration::minutes(2));
        let late = world.auth.complete_reset(completion(ADA, &link, PASSWORD)).await;
        assert!(late.is_err(), "{ahead}: the link");

        // One of them is used every other day, until its lifetime is over.
        for _ in 0..14 {
            world.clock.advance(Duration::days(2));
            assert!(world.is_live(&used).await, "{ahead}");
            world.auth.purge_expired().await.unwrap();
        }
        for auth in [&world.auth, &other] {
            assert!(auth.user_behind(&unused).await.unwrap().is_none(), "{ahead}: idle for too long");
        }
        world.clock.advance(Duration::days(2));
        for auth in [&world.auth, &other] {
            assert!(auth.user_behind(&used).await.unwrap().is_none(), "{ahead}: lived for too long");
        }
    }
}

/// Mails that were wanted while the clock was ahead are sent, and count no longer than a day.
#[tokio::test]
async fn mails_of_a_clock_that_was_ahead_are_due_when_it_is_right_again() {
    let world = World::with_mail(auth_core::MailOptions { notices: true, new_device_notices: true }).await;
    world.register(ADA).await;
    world.clock.advance(Duration::days(3653));
    let client = auth_core::model::Client::default();
    world.auth.ask_for_reset(auth_core::ResetRequest { email: email(ADA), client }).await.unwrap();
    world.clock.advance(-Duration::days(3653));
    let due = async || auth_db::outbox::due(world.db.read(), world.clock.now(), 10).await.unwrap().len();
    assert_eq!(due().await, 0);

    world.auth.purge_expired().await.unwrap();

    assert_eq!(due().await, 1);
}
