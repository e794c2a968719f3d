//! The bounded store of failures.

use std::time::Duration;

use auth_core::{ThrottleOptions, login::LoginError};

use super::{from_client, throttled_for};
use crate::support::{ADA, PASSWORD, World, login};

/// The number of rows is bounded, and accounts with the most failures keep theirs.
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
    assert_eq!(
        throttled_for(&world.wrong(2).await),
        Some(2),
        "the account with the most failures keeps its row"
    );

    world.clock.advance(Duration::from_hours(24));
    let purged = world.auth.delete_expired().await.unwrap().throttles;
    assert!((11..=51).contains(&purged), "{purged}: ten accounts, and the overflow rows");
}

/// asvs 6.3.1: failures at other accounts never allow more guesses at one account than its own limit.
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
    // A day, in steps of five minutes. The service evicts rows more often.
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
