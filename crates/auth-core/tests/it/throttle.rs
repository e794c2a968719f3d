//! Throttles: what an attacker gets to try, and that the owner gets in meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};

use auth_core::{
    AttemptError, ServiceError, ThrottleOptions, Throttled,
    account::RegisterError,
    login::LoginError,
    model::{ClientInfo, DeviceToken},
    passwords::Denylist,
};
use futures_util::future::join_all;
use std::time::Duration;
use test_servers::{Kind, kind};

use crate::support::{
    ADA, Login, PASSWORD, World, completion, context, email, login, new_password, password, send,
};

/// A world in which attempts are counted, with one user.
async fn throttled() -> World {
    let world = World::throttled(ThrottleOptions::default()).await;
    world.register(ADA).await;
    world
}

/// A wrong password from a client of its own, so that only the account's throttle counts.
fn wrong(from: usize) -> Login {
    from_client(from, login(ADA, "a wrong password"))
}

fn from_client(number: usize, login: Login) -> Login {
    let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + u32::try_from(number).unwrap());
    login.with_client(ClientInfo::new(Some(address.into()), Some("test")))
}

fn with_device(device: &DeviceToken, login: Login) -> Login {
    login.with_device(device)
}

fn throttled_for(error: &LoginError) -> Option<u64> {
    match error {
        LoginError::Throttled(Throttled { retry_after }) => Some(retry_after.as_secs()),
        _ => None,
    }
}

impl World {
    async fn wrong(&self, from: usize) -> LoginError {
        self.send(wrong(from)).await.unwrap_err()
    }

    /// Fails until a wait is asked for.
    async fn block(&self) {
        for from in 0..5 {
            assert!(matches!(self.wrong(from).await, LoginError::InvalidCredentials));
        }
        assert_eq!(throttled_for(&self.wrong(5).await), Some(1));
    }

    fn hashed(&self) -> u64 {
        self.auth.hasher_stats().hashed
    }
}

/// asvs 6.1.1, 6.3.1
#[tokio::test]
async fn five_failures_are_free_then_each_costs_twice_the_wait_whoever_tries() {
    let world = throttled().await;
    world.block().await;

    for wait in [1, 2, 4, 8] {
        assert_eq!(throttled_for(&world.wrong(100).await), Some(wait));
        let right = world.send(from_client(7, login(ADA, PASSWORD))).await;
        assert_eq!(throttled_for(&right.unwrap_err()), Some(wait), "the right password, too");
        world.clock.advance(Duration::from_secs(wait));
        assert!(matches!(world.wrong(101).await, LoginError::InvalidCredentials));
    }
}

/// asvs 6.3.1: what is reserved is reserved before anything is hashed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_wrong_logins_at_once_five_reach_the_hasher() {
    let world = throttled().await;
    let before = world.hashed();

    let attempts = (0..200).map(|from| {
        let auth = world.auth.clone();
        tokio::spawn(async move { send(&auth, wrong(from)).await.unwrap_err() })
    });
    let refused = AtomicUsize::new(0);
    for tried in join_all(attempts).await {
        refused.fetch_add(usize::from(throttled_for(&tried.unwrap()).is_some()), Ordering::Relaxed);
    }

    assert_eq!(world.hashed() - before, 5);
    assert_eq!(refused.into_inner(), 195);
}

/// asvs 2.4.1, 6.1.1, 6.3.1: an attacker with a thousand addresses, and an owner who logged in here before.
#[tokio::test]
async fn in_a_day_of_ten_thousand_guesses_few_are_evaluated_and_the_owner_always_gets_in() {
    let world = throttled().await;
    let known = world.send(from_client(5000, login(ADA, PASSWORD))).await.unwrap();
    let device = known.device.unwrap();
    let (mut evaluated, mut owner) = (0, (0, 0));
    // All of them on a file; every tenth where each is a way to a server.
    let guesses = if kind() == Kind::Sqlite { 10_000 } else { 1000 };
    for guess in 0..guesses {
        world.clock.advance(Duration::from_hours(24) / u32::try_from(guesses).unwrap());
        evaluated += usize::from(matches!(world.wrong(guess % 1000).await, LoginError::InvalidCredentials));
        if guess % (guesses / 200) == 0 {
            let login = with_device(&device, from_client(5000, login(ADA, PASSWORD)));
            owner.0 += usize::from(world.send(login).await.is_ok());
            owner.1 += 1;
        }
    }

    let least = if kind() == Kind::Sqlite { 60 } else { 50 };
    assert!((least..=62).contains(&evaluated), "{evaluated}");
    assert_eq!(owner, (200, 200));
}

#[tokio::test]
async fn addresses_that_nobody_has_are_throttled_alike_and_all_spellings_are_one() {
    let world = throttled().await;
    let spellings =
        ["bob@bücher.example", "BOB@BÜCHER.EXAMPLE", "Bob@xn--bcher-kva.example", "bob@bücher.example."];
    for (from, spelling) in spellings.iter().cycle().take(5).enumerate() {
        let tried = world.send(from_client(from, login(spelling, PASSWORD))).await;
        assert!(matches!(tried, Err(LoginError::InvalidCredentials)));
    }

    for spelling in spellings {
        let tried = world.send(from_client(50, login(spelling, PASSWORD))).await;
        assert_eq!(throttled_for(&tried.unwrap_err()), Some(1), "{spelling}");
    }
}

#[tokio::test]
async fn other_processes_and_those_that_are_started_later_count_on() {
    let world = throttled().await;
    let other = world.second_process().await;
    for from in 0..5 {
        let auth = if from % 2 == 0 { &world.auth } else { &other };
        assert!(matches!(send(auth, wrong(from)).await, Err(LoginError::InvalidCredentials)));
    }

    for auth in [&world.auth, &other, &world.second_process().await] {
        assert_eq!(throttled_for(&send(auth, wrong(9)).await.unwrap_err()), Some(1));
    }
}

/// A success is no login, and forgives nobody: otherwise a guesser would have five free attempts after each login of the
/// owner.
#[tokio::test]
async fn a_success_gives_its_own_try_back_and_no_other() {
    let world = throttled().await;
    for from in 0..4 {
        world.wrong(from).await;
    }
    for from in 10..30 {
        world.send(from_client(from, login(ADA, PASSWORD))).await.unwrap();
    }
    assert!(world.auth.valid_login(&email(ADA), &password(PASSWORD)).await.unwrap());

    assert!(matches!(world.wrong(40).await, LoginError::InvalidCredentials));
    assert_eq!(throttled_for(&world.wrong(41).await), Some(1));
    let valid = world.auth.valid_login(&email(ADA), &password(PASSWORD)).await;
    assert!(matches!(valid, Err(AttemptError::Throttled(_))));
}

#[tokio::test]
async fn a_device_has_attempts_of_its_own_which_its_own_success_renews() {
    let world = throttled().await;
    let device = world.log_in(ADA, PASSWORD).await.unwrap().device.unwrap();
    let login = |text: &str| world.send(with_device(&device, from_client(1, login(ADA, text))));
    world.block().await;

    for _ in 0..3 {
        for _ in 0..4 {
            assert!(matches!(login("wrong").await, Err(LoginError::InvalidCredentials)));
        }
        assert!(login(PASSWORD).await.unwrap().device.is_none(), "it is known already");
    }
    for _ in 0..5 {
        assert!(matches!(login("wrong").await, Err(LoginError::InvalidCredentials)));
    }
    assert_eq!(
        throttled_for(&login(PASSWORD).await.unwrap_err()),
        Some(1),
        "whoever has the device may guess, too"
    );

    world.clock.advance(Duration::from_secs(1));
    assert!(matches!(world.wrong(60).await, LoginError::InvalidCredentials), "the account has its own");
}

/// asvs 6.6.2
#[tokio::test]
async fn a_device_token_is_of_use_for_its_own_account_only_and_for_half_a_year() {
    let world = throttled().await;
    world.register("eve@example.org").await;
    let own = world.log_in(ADA, PASSWORD).await.unwrap().device.unwrap();
    let foreign = world.log_in("eve@example.org", PASSWORD).await.unwrap().device.unwrap();
    world.block().await;

    for useless in [foreign, DeviceToken::from_bits([7; 16])] {
        let login = with_device(&useless, from_client(1, login(ADA, PASSWORD)));
        assert_eq!(throttled_for(&world.send(login).await.unwrap_err()), Some(1));
    }
    world.clock.advance(Duration::from_hours(24 * 180) - Duration::from_secs(1));
    let login = || world.send(with_device(&own, from_client(1, login(ADA, PASSWORD))));
    assert!(login().await.unwrap().device.is_none());
    world.clock.advance(Duration::from_secs(1));
    assert!(login().await.unwrap().device.is_some(), "it is a new one");
}

#[tokio::test]
async fn ten_devices_are_known_and_the_oldest_is_forgotten_first() {
    let world = throttled().await;
    let mut devices = Vec::new();
    for network in 100..111 {
        world.clock.advance(Duration::from_secs(1));
        let login = world.send(from_client(network, login(ADA, PASSWORD))).await;
        devices.push(login.unwrap().device.unwrap());
    }
    world.block().await;

    let gets_in = async |device: &DeviceToken| {
        world.send(with_device(device, from_client(1, login(ADA, PASSWORD)))).await.is_ok()
    };
    assert!(!gets_in(&devices[0]).await);
    assert!(gets_in(&devices[1]).await && gets_in(&devices[10]).await);
}

#[tokio::test]
async fn a_completed_reset_forgives_all_failures_and_forgets_all_devices() {
    let world = throttled().await;
    let device = world.log_in(ADA, PASSWORD).await.unwrap().device.unwrap();
    world.block().await;
    let token = world.auth.issue_reset_token(&email(ADA)).await.unwrap();

    world.complete_reset(completion(ADA, &token, PASSWORD)).await.unwrap();

    let login = world.send(with_device(&device, from_client(1, login(ADA, PASSWORD)))).await;
    assert!(login.unwrap().device.is_some(), "not the old one");
}

/// Others fail at the account without pause: the browser that completed the reset gets in all the same.
#[tokio::test]
async fn a_completed_reset_gives_its_browser_attempts_of_its_own() {
    let world = throttled().await;
    world.block().await;
    let token = world.auth.issue_reset_token(&email(ADA)).await.unwrap();
    let device = world.complete_reset(completion(ADA, &token, PASSWORD)).await.unwrap().unwrap();
    world.block().await;

    let login = world.send(with_device(&device, from_client(7, login(ADA, PASSWORD)))).await;
    assert!(login.unwrap().device.is_none(), "it has one");
}

/// asvs 2.1.3, 2.3.2
#[tokio::test]
async fn one_client_may_fail_forty_times_and_succeed_as_often_as_it_likes() {
    let world = throttled().await;
    for _ in 0..100 {
        world.log_in(ADA, PASSWORD).await.unwrap();
    }
    let tried = async |number: usize| {
        world.send(login(&format!("user{number}@example.org"), PASSWORD)).await.unwrap_err()
    };
    for number in 0..40 {
        assert!(matches!(tried(number).await, LoginError::InvalidCredentials));
    }

    assert_eq!(throttled_for(&tried(41).await), Some(3));
    assert!(matches!(world.wrong(1).await, LoginError::InvalidCredentials), "others may try on");
    world.clock.advance(Duration::from_mins(1));
    assert!(matches!(tried(42).await, LoginError::InvalidCredentials));
}

/// asvs 6.6.3
#[tokio::test]
async fn one_client_may_register_five_times_an_hour_and_try_forty_tokens() {
    let world = throttled().await;
    let register = async |number: usize| {
        let email = email(&format!("user{number}@example.org"));
        world.auth.register(email, new_password(PASSWORD), &context()).await
    };
    for number in 0..5 {
        register(number).await.unwrap();
    }
    assert!(matches!(register(5).await, Err(RegisterError::Throttled(_))));

    let token = world.auth.issue_reset_token(&email(ADA)).await.unwrap();
    let guess = auth_core::model::ResetToken::from_bits([1; 16]);
    for _ in 0..40 {
        let tried = world.auth.complete_reset(completion(ADA, &guess, PASSWORD), &context()).await;
        assert!(matches!(tried, Err(auth_core::recovery::CompleteResetError::InvalidToken)));
    }
    let tried = world.auth.complete_reset(completion(ADA, &token, PASSWORD), &context()).await;
    assert!(matches!(tried, Err(auth_core::recovery::CompleteResetError::Throttled(_))));
    world.clock.advance(Duration::from_secs(3));
    world.auth.complete_reset(completion(ADA, &token, PASSWORD), &context()).await.unwrap();
}

/// On a database server the session is stored first, and what follows it is not worth an error.
#[tokio::test]
async fn a_login_whose_device_can_not_be_stored_opens_a_session_or_nothing() {
    let world = throttled().await;
    world.execute("ALTER TABLE devices RENAME TO gone").await;
    let opened = world.log_in(ADA, PASSWORD).await;
    world.execute("ALTER TABLE gone RENAME TO devices").await;

    if kind() == Kind::Sqlite {
        assert!(matches!(opened, Err(LoginError::Service(_))), "{opened:?}");
    } else {
        let opened = opened.unwrap();
        assert!(opened.device.is_none(), "it is not known");
        assert!(world.is_live(&opened.token).await);
    }
    world.owes_no_attempts().await;
    assert!(world.log_in(ADA, PASSWORD).await.unwrap().device.is_some());
}

/// A proxy that nobody listed: all visitors of a site are one client, and one of them guesses.
#[tokio::test]
async fn behind_an_unknown_proxy_owners_get_in_although_others_used_up_its_limit() {
    let world = throttled().await;
    let proxy = |login: Login| {
        let mut login = login.with_client(ClientInfo::new(Some([10, 0, 0, 1].into()), Some("test")));
        login.context.address_is_shared = true;
        login
    };
    let device = world.send(proxy(login(ADA, PASSWORD))).await.unwrap().device.unwrap();
    for number in 0..40 {
        let guess = proxy(login(&format!("user{number}@example.org"), "wrong"));
        assert!(matches!(world.send(guess).await, Err(LoginError::InvalidCredentials)));
    }

    let again = proxy(login("user0@example.org", "wrong"));
    assert!(throttled_for(&world.send(again).await.unwrap_err()).is_some(), "one at which somebody failed");
    world.send(proxy(login(ADA, PASSWORD))).await.unwrap();
    assert!(matches!(world.send(proxy(login(ADA, "wrong"))).await, Err(LoginError::InvalidCredentials)));
    assert!(throttled_for(&world.send(proxy(login(ADA, PASSWORD))).await.unwrap_err()).is_some());
    world.send(with_device(&device, proxy(login(ADA, PASSWORD)))).await.unwrap();
    // A client of its own has no such way.
    for number in 0..40 {
        let guess = login(&format!("other{number}@example.org"), "wrong");
        assert!(matches!(world.send(guess).await, Err(LoginError::InvalidCredentials)));
    }
    world.register("eve@example.org").await;
    assert!(throttled_for(&world.log_in("eve@example.org", PASSWORD).await.unwrap_err()).is_some());
}

/// asvs 2.3.3: what was busy or broke is nobody's failure.
#[tokio::test]
async fn a_try_that_ends_in_a_fault_of_ours_is_given_back() {
    let world = throttled().await;
    world.execute("ALTER TABLE sessions RENAME TO gone").await;
    let mut faults = 0;
    world
        .until(async || match world.log_in(ADA, PASSWORD).await {
            Err(LoginError::Service(_)) => {
                faults += 1;
                faults == 20
            }
            // The refund happens after the response.
            Err(LoginError::Throttled(_)) => false,
            other => panic!("{other:?}"),
        })
        .await;
    world.execute("ALTER TABLE gone RENAME TO sessions").await;

    world.owes_no_attempts().await;
    world.block().await;
}

/// Who is not let in to the hasher has not tried.
#[tokio::test]
async fn a_busy_answer_takes_no_try() {
    let world = World::throttled_and_impatient().await;
    world.register(ADA).await;

    let at_once = join_all((0..20).map(|from| world.send(wrong(from)))).await;
    let is_busy =
        |tried: &&Result<_, _>| matches!(tried, Err(LoginError::Service(ServiceError::Overloaded { .. })));
    let let_in = 20 - at_once.iter().filter(is_busy).count();

    assert!((1..=4).contains(&let_in), "{let_in}");
    for from in let_in..5 {
        assert!(matches!(world.wrong(from).await, LoginError::InvalidCredentials));
    }
    assert_eq!(throttled_for(&world.wrong(5).await), Some(1));
}

/// asvs 2.3.3: what is refused before anything is done, or breaks, is no registration and no request.
#[tokio::test]
async fn a_client_is_not_counted_for_what_was_not_done() {
    let world = World::with_denylist(Denylist::builtin([])).await;
    let register = async |address: &str, password: &str| {
        world.auth.register(email(address), new_password(password), &context()).await
    };
    let ask = async || world.auth.request_reset(&email(ADA), &context()).await;
    for _ in 0..10 {
        let refused = register(ADA, "passwordpassword").await;
        assert!(matches!(refused, Err(RegisterError::InvalidPassword(_))));
    }
    for (table, moved) in [("users", "gone"), ("outbox", "away")] {
        world.execute(&format!("ALTER TABLE {table} RENAME TO {moved}")).await;
    }
    for _ in 0..20 {
        assert!(matches!(register(ADA, PASSWORD).await, Err(RegisterError::Service(_))));
        assert!(matches!(ask().await, Err(AttemptError::Service(_))));
    }
    for (table, moved) in [("users", "gone"), ("outbox", "away")] {
        world.execute(&format!("ALTER TABLE {moved} RENAME TO {table}")).await;
    }

    for number in 0..5 {
        register(&format!("user{number}@example.org"), PASSWORD).await.unwrap();
    }
    assert!(matches!(register(ADA, PASSWORD).await, Err(RegisterError::Throttled(_))));
    for _ in 0..10 {
        ask().await.unwrap();
    }
    assert!(matches!(ask().await, Err(AttemptError::Throttled(_))));
}

/// What is stored stays bounded, whatever arrives; those who failed most are remembered.
#[tokio::test]
async fn the_store_of_failures_is_bounded_and_purged() {
    let world = World::throttled(ThrottleOptions { accounts: 10, ..ThrottleOptions::default() }).await;
    world.register(ADA).await;
    world.block().await;
    for number in 0..50 {
        world.clock.advance(Duration::from_secs(1));
        let tried = from_client(number, login(&format!("user{number}@example.org"), PASSWORD));
        assert!(world.send(tried).await.is_err());
    }

    assert_eq!(world.auth.evict_surplus_throttles().await.unwrap(), 41);
    assert_eq!(world.auth.evict_surplus_throttles().await.unwrap(), 0);
    assert_eq!(world.auth.delete_expired().await.unwrap().throttles, 0);
    assert!(matches!(world.wrong(1).await, LoginError::InvalidCredentials));
    assert_eq!(throttled_for(&world.wrong(2).await), Some(2), "what was tried most is remembered");

    world.clock.advance(Duration::from_hours(24));
    let purged = world.auth.delete_expired().await.unwrap().throttles;
    assert!((11..=51).contains(&purged), "{purged}: ten accounts, and the rows that stand for the others");
}

/// asvs 6.3.1: failures at other accounts never give more guesses at one account than its own limit allows.
#[tokio::test]
async fn an_attacker_who_fills_the_store_gets_no_further_guesses_at_a_victim() {
    let world = World::throttled(ThrottleOptions { accounts: 20, ..ThrottleOptions::default() }).await;
    world.register(ADA).await;
    let (mut guesses, mut from) = (0, 0);
    let mut guess = async || {
        from += 1;
        let evaluated = !matches!(world.wrong(from).await, LoginError::Throttled(_));
        guesses += usize::from(evaluated);
        evaluated
    };
    let mut other = 0;
    // A day, in steps of five minutes: what is stored is bounded more often, and so it is here.
    for step in 0..288 {
        while guess().await {}
        // Each of them fails more often than the victim has so far, as often as that is possible at once.
        for _ in 0..if step < 12 { 25 } else { 4 } {
            other += 1;
            for _ in 0..5 {
                let address = format!("user{other}@example.org");
                let tried = from_client(100_000 + other, login(&address, PASSWORD));
                assert!(world.send(tried).await.is_err());
            }
        }
        world.auth.evict_surplus_throttles().await.unwrap();
        world.clock.advance(Duration::from_mins(5));
    }
    assert!(guesses <= 62, "{guesses}");
}

/// Right passwords that are being checked are not failures of each other.
#[tokio::test]
async fn of_any_number_of_right_logins_at_once_all_succeed() {
    let world = throttled().await;
    let logins = (0..40).map(|from| world.send(from_client(from, login(ADA, PASSWORD))));
    for login in join_all(logins).await {
        login.unwrap();
    }
    let device = world.log_in(ADA, PASSWORD).await.unwrap().device.unwrap();
    let logins =
        (0..40).map(|from| world.send(with_device(&device, from_client(from, login(ADA, PASSWORD)))));
    for login in join_all(logins).await {
        login.unwrap();
    }
}

/// A clock that was ahead: an account that failed meanwhile waits for the pause, and not until the clock catches up.
#[tokio::test]
async fn an_account_at_which_a_login_failed_in_the_future_is_open_after_the_usual_pause() {
    for ahead in [Duration::from_hours(1), Duration::from_hours(24 * 3650)] {
        let world = throttled().await;
        let device = world.log_in(ADA, PASSWORD).await.unwrap().device.unwrap();
        world.clock.advance(ahead);
        world.block().await;
        for from in 0..6 {
            let wrong = with_device(&device, from_client(from, login(ADA, "wrong")));
            assert!(world.send(wrong).await.is_err());
        }
        world.clock.set_back(ahead);

        for from in 0..2 {
            assert_eq!(throttled_for(&world.wrong(from).await), Some(1));
        }
        let own = || with_device(&device, from_client(9, login(ADA, PASSWORD)));
        // In ten years the device was not known any more, so nothing failed on it.
        if ahead < Duration::from_hours(24 * 180) {
            assert_eq!(throttled_for(&world.send(own()).await.unwrap_err()), Some(1));
        }
        world.clock.advance(Duration::from_secs(1));
        world.send(from_client(9, login(ADA, PASSWORD))).await.unwrap();
        world.send(own()).await.unwrap();
    }
}
