use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use auth_core::{
    Auth, CompleteResetError, Entropy, EntropyFailed, LoginError, Options, Policy, RegisterError, Scheme,
    SystemClock, SystemEntropy,
};

use crate::support::{ADA, PASSWORD, World, attempt, completion, email, new_password};

/// Two hundred at once, each in one of many spellings: one account.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_registrations_of_one_address_make_one_account() {
    let world = World::new().await;
    let spellings =
        ["ada@bücher.example", "ADA@BÜCHER.example", "Ada@xn--bcher-kva.example", "ada@bücher.example."];

    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let auth = world.auth.clone();
            tokio::spawn(async move {
                auth.register_user(email(spellings[number % 4]), new_password(PASSWORD)).await
            })
        })
        .collect();

    let mut registered = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => registered += 1,
            Err(RegisterError::AlreadyExists { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(registered, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_uses_of_one_reset_token_one_succeeds_and_its_password_works() {
    let world = World::new().await;
    world.register(ADA).await;
    let token = world.auth.request_reset(&email(ADA)).await.unwrap();

    let tasks: Vec<_> = (0..100)
        .map(|number| {
            let (auth, token) = (world.auth.clone(), token.clone());
            let new = format!("new password {number}");
            tokio::spawn(async move { (auth.complete_reset(completion(ADA, &token, &new)).await, new) })
        })
        .collect();

    let mut winners = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            (Ok(_), new) => winners.push(new),
            (Err(CompleteResetError::InvalidToken), _) => {}
            (Err(error), _) => panic!("{error:?}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert!(world.log_in(ADA, &winners[0]).await.is_ok());
}

/// Random bytes that wait, once, until the test lets them go: a login asks for those of its session's token
/// after the password was verified and before the session is opened.
struct HeldEntropy {
    asked: mpsc::Sender<()>,
    gate: Mutex<mpsc::Receiver<()>>,
    calls: AtomicUsize,
}

impl Entropy for HeldEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFailed> {
        if self.calls.fetch_add(1, Ordering::SeqCst) == 0 {
            self.asked.send(()).unwrap();
            self.gate.lock().unwrap().recv().unwrap();
        }
        SystemEntropy.fill(bytes)
    }
}

/// A login that is being checked while the password is reset opens no session.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_login_that_verified_the_old_password_opens_nothing_after_a_reset() {
    let world = World::new().await;
    let user = world.register(ADA).await;
    let token = world.auth.request_reset(&email(ADA)).await.unwrap();
    let (asked, was_asked) = mpsc::channel();
    let (open, gate) = mpsc::channel();
    let entropy = HeldEntropy { asked, gate: Mutex::new(gate), calls: AtomicUsize::new(0) };
    let options = Options { entropy: Arc::new(entropy), ..world.options.clone() };
    let slow = Auth::start(world.db.clone(), options).unwrap();

    let login = tokio::spawn(async move { slow.log_in(attempt(ADA, PASSWORD)).await });
    tokio::task::spawn_blocking(move || was_asked.recv().unwrap()).await.unwrap();
    world.auth.complete_reset(completion(ADA, &token, "a new password")).await.unwrap();
    open.send(()).unwrap();
    let refused = login.await.unwrap();

    assert!(matches!(refused, Err(LoginError::InvalidCredentials)), "{refused:?}");
    assert_eq!(world.auth.destroy_sessions(user.id).await.unwrap(), 0);
}

/// asvs 7.1.2: concurrent logins do not exceed the cap.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_logins_keep_to_the_number_of_sessions() {
    let world = World::new().await;
    let user = world.register(ADA).await;
    let running = by_the_system_clock(&world);

    log_in_concurrently(&running, 40).await;

    assert_eq!(running.destroy_sessions(user.id).await.unwrap(), 10);
}

/// The order of sessions is that of their times, so the clock must not stand still.
fn by_the_system_clock(world: &World) -> Auth {
    let options = Options { clock: Arc::new(SystemClock), ..world.options.clone() };
    Auth::start(world.db.clone(), options).unwrap()
}

async fn log_in_concurrently(auth: &Auth, logins: usize) {
    let login = || {
        let auth = auth.clone();
        tokio::spawn(async move { auth.log_in(attempt(ADA, PASSWORD)).await })
    };
    let tasks: Vec<_> = std::iter::repeat_with(login).take(logins).collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

/// Each of them finds sessions that are newer than its own; none of them may leave the user without any.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_concurrent_logins_of_a_user_with_one_session_one_stays() {
    let policy = Policy { sessions_per_user: 1, ..Policy::default() };
    let world = World::with(policy, Scheme::Bcrypt { cost: 4 }).await;
    let user = world.register(ADA).await;
    let running = by_the_system_clock(&world);

    for _ in 0..10 {
        log_in_concurrently(&running, 8).await;
        assert_eq!(running.destroy_sessions(user.id).await.unwrap(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_logouts_with_one_token_one_counts() {
    let world = World::new().await;
    let token = world.logged_in(ADA).await;

    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (auth, token) = (world.auth.clone(), token.clone());
            tokio::spawn(async move { auth.log_out(&token).await.unwrap() })
        })
        .collect();
    let mut counted = 0;
    for task in tasks {
        counted += usize::from(task.await.unwrap());
    }

    assert_eq!(counted, 1);
}

/// Programs on other runtimes, and spawned tasks, need futures that can move between threads.
#[tokio::test]
async fn every_future_can_move_between_threads() {
    fn assert_send<T: Send>(_: T) {}
    let world = World::new().await;
    let auth = &world.auth;
    let user = world.register(ADA).await;
    let token = world.log_in(ADA, PASSWORD).await.unwrap().token;
    let reset = auth.request_reset(&email(ADA)).await.unwrap();

    assert_send(auth.register_user(email(ADA), new_password(PASSWORD)));
    assert_send(auth.valid_login(&email(ADA), &crate::support::password(PASSWORD)));
    assert_send(auth.log_in(attempt(ADA, PASSWORD)));
    assert_send(auth.create_session(&email(ADA), auth_core::model::Client::default()));
    assert_send(auth.user_behind(&token));
    assert_send(auth.log_out(&token));
    assert_send(auth.destroy_sessions(user.id));
    assert_send(auth.request_reset(&email(ADA)));
    assert_send(auth.complete_reset(completion(ADA, &reset, PASSWORD)));
    assert_send(auth.purge_expired());
    assert_send(auth.flush_last_seen());
    assert_send(auth.maintain());
}
