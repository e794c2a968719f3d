//! The allowance of a known device.

use std::time::Duration;

use auth_core::{login::LoginError, model::DeviceToken};

use super::{from_client, throttled, throttled_for, with_device};
use crate::support::{ADA, PASSWORD, completion, email, login};

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
        "guesses on the device are limited"
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
async fn ten_devices_are_known_and_the_oldest_is_evicted_first() {
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
async fn a_completed_reset_clears_all_failures_and_devices() {
    let world = throttled().await;
    let device = world.log_in(ADA, PASSWORD).await.unwrap().device.unwrap();
    world.block().await;
    let token = world.auth.issue_reset_token(&email(ADA)).await.unwrap();

    world.complete_reset(completion(ADA, &token, PASSWORD)).await.unwrap();

    let login = world.send(with_device(&device, from_client(1, login(ADA, PASSWORD)))).await;
    assert!(login.unwrap().device.is_some(), "not the old one");
}

/// Others fail at the account continuously. The browser that completed the reset can still log in.
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
