//! Limits on attempts: how many guesses an attacker has, and that the owner can log in meanwhile.

mod clients;
mod devices;
mod refunds;
mod store;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use auth_core::{
    AttemptError, ThrottleOptions, Throttled,
    login::LoginError,
    model::{ClientInfo, DeviceToken},
};
use futures_util::future::join_all;
use test_servers::{Kind, kind};

use crate::support::{ADA, Login, PASSWORD, World, email, login, password, send};

/// A world with limits on attempts, and one user.
async fn throttled() -> World {
    let world = World::throttled(ThrottleOptions::default()).await;
    world.register(ADA).await;
    world
}

/// A wrong password from a separate client, so that only the limit of the account applies.
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

    /// Fails until the account is throttled.
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
async fn after_five_failures_each_one_doubles_the_wait_for_all_clients() {
    let world = throttled().await;
    world.block().await;

    for wait in [1, 2, 4, 8] {
        assert_eq!(throttled_for(&world.wrong(100).await), Some(wait));
        let right = world.send(from_client(7, login(ADA, PASSWORD))).await;
        assert_eq!(throttled_for(&right.unwrap_err()), Some(wait), "also the right password");
        world.clock.advance(Duration::from_secs(wait));
        assert!(matches!(world.wrong(101).await, LoginError::InvalidCredentials));
    }
}

/// asvs 6.3.1: attempts are taken before anything is hashed.
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
async fn of_ten_thousand_guesses_in_a_day_few_are_evaluated_and_the_owner_always_logs_in() {
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
async fn unknown_addresses_are_throttled_alike_and_all_spellings_together() {
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
async fn failures_hold_in_other_processes_and_after_a_restart() {
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

/// A success forgives no other failures: otherwise an attacker would have five free attempts after each login of the
/// owner.
#[tokio::test]
async fn a_success_refunds_its_own_attempt_and_no_other() {
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

/// Concurrent checks of right passwords do not fail each other.
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

/// After a clock was ahead, an account with failures waits for the usual delay, and not until the clock catches up.
#[tokio::test]
async fn an_account_with_a_failure_in_the_future_is_open_after_the_usual_delay() {
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
