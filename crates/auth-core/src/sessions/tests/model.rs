//! A naive model of sessions.

use std::time::Duration;

use time::OffsetDateTime;

use auth_db::model::{ResetToken, SessionToken};

pub const LIFETIME: Duration = Duration::from_hours(24 * 30);
pub const IDLE: Duration = Duration::from_hours(24 * 7);
pub const RESET: Duration = Duration::from_mins(30);

/// How far a clock may go back without anything being corrected.
const TOLERANCE: Duration = Duration::from_mins(1);

/// What a restart may lose of the knowledge when a session was used: two flushes.
const LENIENCE: Duration = Duration::from_mins(1);

#[derive(Default)]
pub struct Model {
    pub users: Vec<User>,
    pub sessions: Vec<Session>,
}

/// Registered, if there is a password.
#[derive(Default, Clone)]
pub struct User {
    pub password: Option<u8>,
    pub reset: Option<(ResetToken, OffsetDateTime)>,
}

pub struct Session {
    pub token: SessionToken,
    pub user: usize,
    pub opened: OffsetDateTime,
    pub expires: OffsetDateTime,
    /// When it was last used.
    pub used: OffsetDateTime,
    /// Which of these was written down last.
    pub stored: OffsetDateTime,
    /// Whether this process saw the last use.
    pub seen_here: bool,
    pub ended: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Expected {
    Live,
    Over,
    /// A restart may have lost when it was last used.
    Either,
}

impl Session {
    pub fn opened(token: SessionToken, user: usize, now: OffsetDateTime) -> Self {
        Self {
            token,
            user,
            opened: now,
            expires: now + LIFETIME,
            used: now,
            stored: now,
            seen_here: true,
            ended: false,
        }
    }

    pub fn at(&self, now: OffsetDateTime) -> Expected {
        if self.ended || now >= self.expires {
            return Expected::Over;
        }
        if self.seen_here {
            // What is stored is later only if the clock went back: then another process may have seen it used.
            let used = if self.used >= self.stored { self.used } else { self.stored + LENIENCE };
            return if now < used + IDLE { Expected::Live } else { Expected::Over };
        }
        if now < self.stored + IDLE {
            Expected::Live
        } else if now >= self.used.max(self.stored) + IDLE + LENIENCE {
            Expected::Over
        } else {
            Expected::Either
        }
    }

    pub fn used(&mut self, now: OffsetDateTime) {
        if self.seen_here {
            self.used = if self.used > now + TOLERANCE { now } else { self.used.max(now) };
        } else if now >= self.stored {
            self.used = now;
            self.seen_here = true;
        }
    }
}

impl Model {
    pub fn open(
        &mut self,
        user: usize,
        token: SessionToken,
        current: Option<usize>,
        cap: usize,
        now: OffsetDateTime,
    ) {
        if let Some(current) = current
            && self.sessions[current].user == user
        {
            self.sessions[current].ended = true;
        }
        let mut others: Vec<&mut Session> =
            self.sessions.iter_mut().filter(|session| session.user == user && !session.ended).collect();
        others.sort_by_key(|session| std::cmp::Reverse(session.opened));
        for surplus in others.into_iter().skip(cap - 1) {
            surplus.ended = true;
        }
        self.sessions.push(Session::opened(token, user, now));
    }

    pub fn end_all_of(&mut self, user: usize) {
        for session in self.sessions.iter_mut().filter(|session| session.user == user) {
            session.ended = true;
        }
    }

    pub fn flush(&mut self) {
        for session in self.sessions.iter_mut().filter(|session| session.seen_here) {
            session.stored = session.stored.max(session.used);
        }
    }

    /// What was stored while the clock was ahead lives as long as it was meant to, from now on.
    fn pull_back(&mut self, now: OffsetDateTime) {
        for session in self.sessions.iter_mut().filter(|session| session.seen_here) {
            if session.used > now + TOLERANCE {
                session.used = now;
            }
        }
        self.flush();
        for session in &mut self.sessions {
            if session.opened > now + TOLERANCE && session.expires > now + LIFETIME {
                session.expires = now + LIFETIME;
            }
            if session.stored > now + TOLERANCE {
                session.stored = now;
            }
        }
        for (_, until) in self.users.iter_mut().filter_map(|user| user.reset.as_mut()) {
            if *until > now + RESET + TOLERANCE {
                *until = now + RESET;
            }
        }
    }

    pub fn purge(&mut self, now: OffsetDateTime) {
        self.pull_back(now);
        for session in &mut self.sessions {
            session.ended |= now >= session.expires || now >= session.stored + IDLE + LENIENCE;
        }
        for user in &mut self.users {
            user.reset = user.reset.take().filter(|(_, until)| now < *until);
        }
    }

    pub fn restart(&mut self) {
        for session in &mut self.sessions {
            session.seen_here = false;
        }
    }
}
