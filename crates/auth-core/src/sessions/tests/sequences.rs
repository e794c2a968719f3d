//! Random sequences of everything that touches a session, compared with the model.

use std::sync::Arc;

use fastrand::Rng;
use std::time::Duration;

use time::OffsetDateTime;

use super::{
    for_each_seed,
    model::{Expected, IDLE, LIFETIME, Model, RESET, User},
    world::{World, clock, email, new_password, password, policy},
};
use crate::{
    Auth, Clock, ManualClock, RequestContext,
    account::RegisterError,
    login::{LogIn, LoginError},
    recovery::{CompleteResetError, IssueResetError, ResetCompletion},
};

const USERS: usize = 2;
const STEPS: usize = 50;
const FLUSH: Duration = Duration::from_secs(30);

/// One case: the service, and what it should do.
struct Case<'w> {
    world: &'w World,
    clock: Arc<ManualClock>,
    auth: Auth,
    model: Model,
    cap: usize,
    cache: u64,
    flushed_at: OffsetDateTime,
    rng: Rng,
}

#[test]
fn every_sequence_does_what_the_model_says() {
    for_each_seed("AUTH_MODEL_SEQUENCES", async |world: &World, mut rng: Rng| {
        let clock = clock();
        let (cap, cache) = (rng.usize(1..4), rng.choice([0, 1, 100]).unwrap());
        let auth = world.start(&clock, policy(cap as u64), cache);
        let model = Model { users: vec![User::default(); USERS], ..Model::default() };
        let flushed_at = clock.now();
        let mut case = Case { world, clock, auth, model, cap, cache, flushed_at, rng };
        for _ in 0..STEPS {
            case.step().await;
        }
        for session in 0..case.model.sessions.len() {
            case.check(session).await;
        }
    });
}

impl Case<'_> {
    async fn step(&mut self) {
        let moment = Duration::from_micros(self.rng.u64(1..1000));
        self.advance(moment).await;
        let user = self.rng.usize(..USERS);
        match self.rng.u8(..100) {
            0..10 => self.register(user).await,
            10..28 => self.log_in(user).await,
            28..64 => self.with_a_session(Action::Check).await,
            64..72 => self.with_a_session(Action::LogOut).await,
            72..74 => self.end_all(user).await,
            74..80 => self.request_reset(user).await,
            80..86 => self.complete_reset(user).await,
            86..87 => self.delete(user).await,
            87..95 => self.turn_the_clock().await,
            95..97 => self.purge().await,
            _ => self.restart().await,
        }
    }

    fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    async fn register(&mut self, user: usize) {
        let number = self.rng.u8(..2);
        let registered = self.auth.create_user(email(user), new_password(number)).await;
        if self.model.users[user].password.is_none() {
            registered.unwrap();
            self.model.users[user] = User { password: Some(number), reset: None };
        } else {
            assert!(matches!(registered, Err(RegisterError::AlreadyExists { .. })));
        }
    }

    async fn log_in(&mut self, user: usize) {
        let known = self.model.users[user].password;
        let number = known.filter(|_| self.rng.u8(..5) > 0).unwrap_or_else(|| self.rng.u8(..2));
        let current = self.a_session().filter(|_| self.rng.bool());
        let token = current.map(|index| self.model.sessions[index].token.clone());
        while self.model.sessions.iter().any(|session| session.opened == self.now()) {
            self.clock.advance(Duration::from_micros(1));
        }

        let context = RequestContext { session: token, ..RequestContext::default() };
        let logged_in = self.auth.log_in(&email(user), &password(number), &context).await;

        if known == Some(number) {
            let LogIn::LoggedIn(logged_in) = logged_in.unwrap() else {
                panic!("there are no second factors")
            };
            let (token, now) = (logged_in.token, self.now());
            self.model.open(user, token, current, self.cap, now);
        } else {
            assert!(matches!(logged_in, Err(LoginError::InvalidCredentials)));
        }
    }

    fn a_session(&mut self) -> Option<usize> {
        let count = self.model.sessions.len();
        // The newer ones more often: the others have ended mostly.
        (count > 0).then(|| count - 1 - self.rng.usize(..count).min(self.rng.usize(..count)))
    }

    async fn with_a_session(&mut self, action: Action) {
        let Some(session) = self.a_session() else { return };
        match action {
            Action::Check => self.check(session).await,
            Action::LogOut => self.log_out(session).await,
        }
    }

    async fn check(&mut self, index: usize) {
        let now = self.now();
        let session = &mut self.model.sessions[index];
        let passed = self.auth.authenticate(&session.token).await.unwrap().is_some();
        match session.at(now) {
            Expected::Either => {}
            expected => assert_eq!(passed, expected == Expected::Live, "check"),
        }
        if passed {
            session.used(now);
        }
    }

    async fn log_out(&mut self, index: usize) {
        let now = self.now();
        let session = &mut self.model.sessions[index];
        let ended = self.auth.log_out(&session.token).await.unwrap();
        match session.at(now) {
            Expected::Either => {}
            expected => assert_eq!(ended, expected == Expected::Live, "logout"),
        }
        session.ended |= ended;
    }

    async fn end_all(&mut self, user: usize) {
        if let Some(id) = self.id_of(user).await {
            self.auth.revoke_sessions(id).await.unwrap();
            self.model.end_all_of(user);
        }
    }

    async fn delete(&mut self, user: usize) {
        if let Some(id) = self.id_of(user).await {
            assert!(self.auth.delete_user(id).await.unwrap());
            self.model.end_all_of(user);
            self.model.users[user] = User::default();
        }
    }

    async fn id_of(&self, user: usize) -> Option<auth_db::model::UserId> {
        let found = auth_db::users::find_by_email(self.world.db.read(), email(user).key()).await.unwrap();
        assert_eq!(found.is_some(), self.model.users[user].password.is_some());
        found.map(|user| user.id)
    }

    async fn request_reset(&mut self, user: usize) {
        let asked = self.auth.issue_reset_token(&email(user)).await;
        if self.model.users[user].password.is_some() {
            self.model.users[user].reset = Some((asked.unwrap(), self.now() + RESET));
        } else {
            assert!(matches!(asked, Err(IssueResetError::UnknownEmail)));
        }
    }

    /// With the token of any user.
    async fn complete_reset(&mut self, user: usize) {
        let whose = self.rng.usize(..USERS);
        let Some((token, until)) = self.model.users[whose].reset.clone() else { return };
        let number = self.rng.u8(..2);
        let completion =
            ResetCompletion { email: email(user), token, new_password: format!("password {number}").into() };

        let completed = self.auth.complete_reset(completion, &RequestContext::default()).await;

        if whose == user && self.now() < until {
            completed.unwrap();
            self.model.users[user] = User { password: Some(number), reset: None };
            self.model.end_all_of(user);
        } else {
            assert!(matches!(completed, Err(CompleteResetError::InvalidToken)));
        }
    }

    async fn turn_the_clock(&mut self) {
        let close = Duration::from_secs(self.rng.u64(0..3));
        let step = match self.rng.u8(..9) {
            0 => Duration::from_secs(20),
            1 => Duration::from_secs(61),
            2 => RESET / 2,
            3 => IDLE.saturating_sub(Duration::from_mins(1)),
            4 => IDLE + close,
            5 => IDLE.saturating_sub(close),
            6 => LIFETIME / 4,
            7 => Duration::from_hours(24 * 400 * 30),
            _ => {
                let by = Duration::from_hours(self.rng.u64(1..200));
                self.flush().await;
                self.flushed_at = self.now() - by;
                return self.clock.set_back(by);
            }
        };
        self.advance(step).await;
    }

    /// A process stores the last uses every half minute.
    async fn advance(&mut self, step: Duration) {
        let next = self.now() + step;
        if (next - self.flushed_at).unsigned_abs() >= FLUSH {
            self.flush().await;
            self.flushed_at = next;
        }
        self.clock.advance(step);
    }

    async fn flush(&mut self) {
        self.auth.flush_last_seen().await.unwrap();
        self.model.flush();
    }

    async fn purge(&mut self) {
        self.auth.delete_expired().await.unwrap();
        let now = self.now();
        self.model.purge(now);
    }

    /// Orderly, or by a crash.
    async fn restart(&mut self) {
        if self.rng.bool() {
            self.flush().await;
        }
        self.auth = self.world.start(&self.clock, policy(self.cap as u64), self.cache);
        self.model.restart();
    }
}

#[derive(Clone, Copy)]
enum Action {
    Check,
    LogOut,
}
