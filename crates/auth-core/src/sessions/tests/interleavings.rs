//! One user, some sessions, and requests that run into each other at every point that matters.

use auth_db::{model::SessionToken, sessions};
use fastrand::Rng;
use tokio::task::JoinHandle;

use super::{
    for_each_seed,
    sync_points::Stopped,
    world::{World, clock, email, new_password, policy},
};
use crate::{Auth, RequestContext};

/// Sessions that a user can have: so that one more login ends one.
const CAP: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Check,
    LogOut,
    EndAll,
    LogIn,
}

/// A request in flight.
struct Request {
    kind: Kind,
    /// Which session it is about.
    session: usize,
    began: u64,
    /// The time and the result of its response; none if its client disconnected.
    answered: Option<(u64, bool)>,
    progress: Progress,
}

enum Progress {
    Waiting,
    Stopped(Stopped, Option<JoinHandle<bool>>),
    Done,
}

/// No check that began after an ending was acknowledged succeeds; none before any ending began fails; and what
/// is cached at the end is what is stored.
#[test]
fn no_interleaving_lets_an_ended_session_live() {
    for_each_seed("AUTH_MODEL_INTERLEAVINGS", async |world: &World, mut rng: Rng| {
        let auth = world.start(&clock(), policy(CAP as u64), 1000);
        auth.create_user(email(0), new_password(0)).await.unwrap();
        let mut tokens = Vec::new();
        for _ in 0..CAP {
            let opened = auth
                .open_session_without_password(&email(0), &RequestContext::default())
                .await
                .unwrap()
                .unwrap();
            if rng.bool() {
                auth.authenticate(&opened.token).await.unwrap();
            }
            tokens.push(opened.token);
        }

        let requests = run(&auth, &tokens, &mut rng).await;
        judge(&requests);
        for token in &tokens {
            let cached = auth.authenticate(token).await.unwrap().is_some();
            let stored = sessions::find(world.db.read(), &token.digest()).await.unwrap().is_some();
            assert_eq!(cached, stored, "in the end");
        }
    });
}

fn make_up(rng: &mut Rng) -> Vec<Request> {
    let kinds =
        [Kind::Check, Kind::Check, Kind::Check, Kind::LogOut, Kind::LogOut, Kind::EndAll, Kind::LogIn];
    let one = |rng: &mut Rng| Request {
        kind: rng.choice(kinds).unwrap(),
        session: rng.usize(..CAP),
        began: 0,
        answered: None,
        progress: Progress::Waiting,
    };
    (0..rng.usize(3..9)).map(|_| one(rng)).collect()
}

/// Runs requests one step at a time, each step of a random request. Some clients disconnect in between.
async fn run(auth: &Auth, tokens: &[SessionToken], rng: &mut Rng) -> Vec<Request> {
    let points = &auth.parts().sessions.0.sync_points;
    let mut requests = make_up(rng);
    let mut step = 0;
    points.enable();
    loop {
        let is_open = |request: &Request| !matches!(request.progress, Progress::Done);
        let open: Vec<usize> = (0..requests.len()).filter(|index| is_open(&requests[*index])).collect();
        let Some(index) = rng.choice(open) else { break };
        step += 1;
        let request = &mut requests[index];
        let Some(mut task) = resume(auth, tokens, request, step, rng).await else { continue };
        tokio::select! {
            stopped = points.arrival() => {
                request.progress = Progress::Stopped(stopped, Some(task));
            }
            answer = &mut task => {
                step += 1;
                request.answered = Some((step, answer.unwrap()));
            }
        }
    }
    points.disable();
    requests
}

/// Starts or continues a request. Returns its task, if its client still waits.
async fn resume(
    auth: &Auth,
    tokens: &[SessionToken],
    request: &mut Request,
    step: u64,
    rng: &mut Rng,
) -> Option<JoinHandle<bool>> {
    match std::mem::replace(&mut request.progress, Progress::Done) {
        Progress::Waiting => {
            request.began = step;
            Some(tokio::spawn(send(auth.clone(), request.kind, tokens[request.session].clone())))
        }
        Progress::Stopped(stopped, Some(task)) if rng.u8(..10) == 0 => {
            // The client disconnects. Its revocation continues.
            task.abort();
            let _ = task.await;
            if !stopped.resume.is_closed() {
                request.progress = Progress::Stopped(stopped, None);
            }
            None
        }
        Progress::Stopped(stopped, Some(task)) => {
            let _ = stopped.resume.send(());
            Some(task)
        }
        Progress::Stopped(stopped, None) => {
            let _ = stopped.resume.send(());
            if stopped.before == "return" {
                // The task ends without a further step.
                tokio::task::yield_now().await;
            } else {
                let arrival = auth.parts().sessions.0.sync_points.arrival().await;
                request.progress = Progress::Stopped(arrival, None);
            }
            None
        }
        Progress::Done => None,
    }
}

/// Whether a check was passed, or an ending is acknowledged.
async fn send(auth: Auth, kind: Kind, token: SessionToken) -> bool {
    match kind {
        Kind::Check => auth.authenticate(&token).await.unwrap().is_some(),
        Kind::LogOut => auth.log_out(&token).await.unwrap(),
        Kind::EndAll => {
            let user = auth_db::users::find_by_email(auth.parts().env.db.read(), email(0).key())
                .await
                .unwrap()
                .unwrap();
            auth.revoke_sessions(user.id).await.unwrap();
            true
        }
        Kind::LogIn => {
            auth.open_session_without_password(&email(0), &RequestContext::default()).await.unwrap().is_some()
        }
    }
}

fn judge(requests: &[Request]) {
    for check in requests.iter().filter(|request| request.kind == Kind::Check) {
        let Some((answered, passed)) = check.answered else { continue };
        let ends = |request: &&Request| match request.kind {
            Kind::LogOut => request.session == check.session,
            Kind::EndAll => true,
            // It ends the oldest that is left, which may be this one.
            Kind::LogIn | Kind::Check => false,
        };
        let acknowledged = |request: &Request| request.answered.is_some_and(|(at, _)| at < check.began);
        let may_have_begun = |request: &&Request| {
            request.kind != Kind::Check
                && (ends(request) || request.kind == Kind::LogIn)
                && request.began > 0
                && request.began < answered
        };
        let refused_before = requests.iter().any(|other| {
            other.kind == Kind::Check
                && other.session == check.session
                && other.answered.is_some_and(|(at, passed)| !passed && at < check.began)
        });
        assert!(!(passed && refused_before), "passed after it was refused");
        if passed {
            assert!(!requests.iter().filter(ends).any(acknowledged), "passed after its end was acknowledged");
        } else {
            assert!(
                requests.iter().any(|request| may_have_begun(&request)),
                "refused, and nothing had ended it"
            );
        }
    }
}
