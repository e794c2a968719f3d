use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use auth_core::{
    Auth, Entropy, EntropyError, Options, Policy, SystemClock, SystemEntropy, account::RegisterError,
    login::LoginError, passwords::Scheme, recovery::CompleteResetError,
};

use crate::support::{ADA, PASSWORD, World, completion, context, email, login, new_password, password, send};

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
                auth.create_user(email(spellings[number % 4]), new_password(PASSWORD)).await
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
    let token = world.auth.issue_reset_token(&email(ADA)).await.unwrap();

    let tasks: Vec<_> = (0..100)
        .map(|number| {
            let (auth, token) = (world.auth.clone(), token.clone());
            let new = format!("new password {number}");
            tokio::spawn(async move {
                (auth.complete_reset(completion(ADA, &token, &new), &context()).await, new)
            })
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
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
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
    let token = world.auth.issue_reset_token(&email(ADA)).await.unwrap();
    let (asked, was_asked) = mpsc::channel();
    let (open, gate) = mpsc::channel();
    let entropy = HeldEntropy { asked, gate: Mutex::new(gate), calls: AtomicUsize::new(0) };
    let options = Options { entropy: Arc::new(entropy), ..world.options.clone() };
    let slow = Auth::start(world.db.clone(), options).unwrap();

    let login = tokio::spawn(async move { send(&slow, login(ADA, PASSWORD)).await });
    tokio::task::spawn_blocking(move || was_asked.recv().unwrap()).await.unwrap();
    world.complete_reset(completion(ADA, &token, "a new password")).await.unwrap();
    open.send(()).unwrap();
    let refused = login.await.unwrap();

    assert!(matches!(refused, Err(LoginError::InvalidCredentials)), "{refused:?}");
    assert_eq!(world.auth.revoke_sessions(user.id).await.unwrap(), 0);
}

/// asvs 7.1.2: concurrent logins do not exceed the cap.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_logins_keep_to_the_number_of_sessions() {
    let world = World::new().await;
    let user = world.register(ADA).await;
    let running = by_the_system_clock(&world);

    log_in_concurrently(&running, 40).await;

    assert_eq!(running.revoke_sessions(user.id).await.unwrap(), 10);
}

/// The order of sessions is that of their times, so the clock must not stand still.
fn by_the_system_clock(world: &World) -> Auth {
    let options = Options { clock: Arc::new(SystemClock), ..world.options.clone() };
    Auth::start(world.db.clone(), options).unwrap()
}

async fn log_in_concurrently(auth: &Auth, logins: usize) {
    let login = || {
        let auth = auth.clone();
        tokio::spawn(async move { send(&auth, login(ADA, PASSWORD)).await })
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
        assert_eq!(running.revoke_sessions(user.id).await.unwrap(), 1);
    }
}

/// Calls a function concurrently, and counts the calls that return true.
async fn count_true<F: Future<Output = bool> + Send + 'static>(call: impl Fn() -> F) -> usize {
    let calls: Vec<_> = (0..20).map(|_| tokio::spawn(call())).collect();
    let mut count = 0;
    for call in calls {
        count += usize::from(call.await.unwrap());
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_concurrent_logouts_with_one_token_one_returns_true() {
    let world = World::new().await;
    let token = world.logged_in(ADA).await;

    let count = count_true(|| {
        let (auth, token) = (world.auth.clone(), token.clone());
        async move { auth.log_out(&token).await.unwrap() }
    });
    assert_eq!(count.await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_concurrent_revocations_of_one_session_one_returns_true() {
    let world = World::new().await;
    let token = world.logged_in(ADA).await;
    let id = world.auth.authenticate(&token).await.unwrap().unwrap().session.id;

    let count = count_true(|| {
        let auth = world.auth.clone();
        async move { auth.revoke_session(id).await.unwrap() }
    });
    assert_eq!(count.await, 1);
}

/// Programs on other runtimes, and spawned tasks, need futures that can move between threads.
#[tokio::test]
async fn every_future_can_move_between_threads() {
    fn assert_send<T: Send>(_: T) {}
    let world = World::new().await;
    let auth = &world.auth;
    let context = context();
    let user = world.register(ADA).await;
    let token = world.log_in(ADA, PASSWORD).await.unwrap().token;
    let reset = auth.issue_reset_token(&email(ADA)).await.unwrap();

    assert_send(auth.create_user(email(ADA), new_password(PASSWORD)));
    assert_send(auth.valid_login(&email(ADA), &password(PASSWORD)));
    assert_send(auth.log_in(&email(ADA), &password(PASSWORD), &context));
    assert_send(auth.open_session_without_password(&email(ADA), &context));
    assert_send(auth.authenticate(&token));
    assert_send(auth.log_out(&token));
    assert_send(auth.revoke_sessions(user.id));
    assert_send(auth.issue_reset_token(&email(ADA)));
    assert_send(auth.complete_reset(completion(ADA, &reset, PASSWORD), &context));
    assert_send(auth.delete_expired());
    assert_send(auth.flush_last_seen());
    assert_send(auth.run());
    assert_send(auth.shutdown());
}
