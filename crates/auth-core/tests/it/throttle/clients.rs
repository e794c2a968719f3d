//! The limits of one client.

use std::time::Duration;

use auth_core::{account::RegisterError, login::LoginError, model::ClientInfo};

use super::{throttled, throttled_for, with_device};
use crate::support::{ADA, Login, PASSWORD, completion, context, email, login, new_password};

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

/// An unlisted proxy: all visitors of a site are one client, and one of them guesses.
#[tokio::test]
async fn behind_an_unlisted_proxy_owners_log_in_although_others_used_up_its_limit() {
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
    assert!(throttled_for(&world.send(again).await.unwrap_err()).is_some(), "one with failures");
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
