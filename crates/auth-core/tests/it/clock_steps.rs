//! The clock is set: by an hour, a day, ten years, past 2038, and back.

use auth_core::{
    Clock,
    model::{ResetToken, SessionToken},
};
use std::time::Duration;

use time::OffsetDateTime;

use crate::support::{ADA, PASSWORD, World, completion, context, email};

const LIFETIME: Duration = Duration::from_hours(24 * 30);
const RESET_LIFETIME: Duration = Duration::from_mins(30);

/// A step of the clock: forward, or back.
#[derive(Clone, Copy)]
enum Step {
    Forward(Duration),
    Back(Duration),
}

fn steps() -> [Step; 12] {
    use Step::{Back, Forward};
    let (hour, day, decade) =
        (Duration::from_hours(1), Duration::from_hours(24), Duration::from_hours(24 * 3653));
    [
        Forward(hour),
        Back(hour),
        Forward(day),
        Back(day),
        Forward(hour * 2),
        Forward(day),
        Forward(decade),
        Back(decade),
        Forward(day),
        Forward(decade * 2),
        Back(decade),
        Forward(hour),
    ]
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
        if over && world.is_active(&session.token).await {
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
        assert!(world.is_active(&token).await, "at {opened_at}");
        let ended = number % 3 == 0 && world.auth.log_out(&token).await.unwrap();
        sessions.push(Session { token, opened_at, ended });
        let token = world.auth.issue_reset_token(&email(ADA)).await.unwrap();
        resets.push(Reset { token, asked_at: opened_at });

        match step {
            Step::Forward(by) => world.clock.advance(by),
            Step::Back(by) => world.clock.set_back(by),
        }

        wrong.extend(violations(&world, &sessions, LIFETIME).await);
        let now = world.clock.now();
        let Some(Reset { token, asked_at }) = resets.last() else { continue };
        let done = world.complete_reset(completion(ADA, token, PASSWORD)).await.is_ok();
        if done && now >= *asked_at + RESET_LIFETIME {
            wrong.push(format!("reset {number} at {now}"));
        }
        if done {
            // It ended all sessions.
            for session in &mut sessions {
                session.ended = true;
            }
            let again = world.complete_reset(completion(ADA, token, PASSWORD)).await;
            assert!(again.is_err(), "reset {number} was spent");
        }
        world.auth.delete_expired().await.unwrap();
        wrong.extend(violations(&world, &sessions, LIFETIME).await);
        past_2038 |= now.year() > 2038;
    }

    assert!(past_2038);
    assert_eq!(wrong, [""; 0]);
}

/// The counterpart: a session with a wrong lifetime in the model is found.
#[tokio::test]
async fn a_session_that_lived_too_long_would_be_found() {
    let world = World::new().await;
    let token = world.logged_in(ADA).await;
    let sessions = [Session { token, opened_at: world.clock.now(), ended: false }];
    world.clock.advance(Duration::from_hours(24));

    assert_eq!(violations(&world, &sessions, LIFETIME).await, [""; 0]);
    assert_eq!(violations(&world, &sessions, Duration::from_hours(1)).await.len(), 1);
}

/// The clock was ahead for a moment, by an hour or by years: what was stored meanwhile lives no longer for it, once the
/// clock is right again.
#[tokio::test]
async fn what_was_made_by_a_clock_that_was_ahead_lives_for_its_lifetime_and_no_longer() {
    for ahead in [Duration::from_hours(1), Duration::from_hours(24 * 3653)] {
        let world = World::new().await;
        world.register(ADA).await;
        world.clock.advance(ahead);
        let unused = world.log_in(ADA, PASSWORD).await.unwrap().token;
        let used = world.log_in(ADA, PASSWORD).await.unwrap().token;
        let current = world.auth.authenticate(&used).await.unwrap().unwrap();
        let link = world.auth.issue_reset_token(&email(ADA)).await.unwrap();
        world.clock.set_back(ahead);
        let other = world.second_process().await;

        // A login in the future is not known to be fresh.
        let confirmed = world
            .auth
            .revoke_other_sessions(&current, &auth_core::account::Reauthentication::default(), &context())
            .await;
        assert!(confirmed.is_err());
        world.auth.delete_expired().await.unwrap();
        assert!(world.is_active(&unused).await && world.is_active(&used).await, "{ahead:?}");
        world.clock.advance(RESET_LIFETIME.saturating_sub(Duration::from_mins(1)));
        assert!(auth_db::resets::find(world.db.read(), &link.digest()).await.unwrap().is_some());
        world.clock.advance(Duration::from_mins(2));
        let late = world.complete_reset(completion(ADA, &link, PASSWORD)).await;
        assert!(late.is_err(), "{ahead:?}: the link");

        // One of them is used every other day, until its lifetime is over.
        for _ in 0..14 {
            world.clock.advance(Duration::from_hours(24 * 2));
            assert!(world.is_active(&used).await, "{ahead:?}");
            world.auth.delete_expired().await.unwrap();
        }
        for auth in [&world.auth, &other] {
            assert!(auth.authenticate(&unused).await.unwrap().is_none(), "{ahead:?}: idle for too long");
        }
        world.clock.advance(Duration::from_hours(24 * 2));
        for auth in [&world.auth, &other] {
            assert!(auth.authenticate(&used).await.unwrap().is_none(), "{ahead:?}: lived for too long");
        }
    }
}

/// Mails that were wanted while the clock was ahead are sent, and count no longer than a day.
#[tokio::test]
async fn mails_of_a_clock_that_was_ahead_are_due_when_it_is_right_again() {
    let world = World::with_mail(auth_core::mail::MailOptions {
        notices: true,
        new_device_notices: true,
        ..Default::default()
    })
    .await;
    world.register(ADA).await;
    world.clock.advance(Duration::from_hours(24 * 3653));
    world.auth.request_reset(&email(ADA), &context()).await.unwrap();
    world.clock.set_back(Duration::from_hours(24 * 3653));
    let due = async || auth_db::outbox::due(world.db.read(), world.clock.now(), 10).await.unwrap().len();
    assert_eq!(due().await, 0);

    world.auth.delete_expired().await.unwrap();

    assert_eq!(due().await, 1);
}
