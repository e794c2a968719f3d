use auth_core::{
    model::{InvalidPassword, ResetToken},
    recovery::{CompleteResetError, IssueResetError},
};
use std::time::Duration;

use crate::support::{ADA, PASSWORD, World, completion, email};

const NEW: &str = "a new password";

async fn asked(world: &World) -> ResetToken {
    world.auth.issue_reset_token(&email(ADA)).await.unwrap()
}

async fn complete(world: &World, address: &str, token: &ResetToken) -> Result<(), CompleteResetError> {
    world.complete_reset(completion(address, token, NEW)).await.map(drop)
}

#[tokio::test]
async fn a_reset_sets_the_password_and_ends_every_session() {
    let world = World::new().await;
    let session = world.logged_in(ADA).await;
    let bobs = world.logged_in("bob@example.org").await;
    let token = asked(&world).await;
    assert!(world.is_active(&session).await, "a request revokes nothing");

    complete(&world, "ADA@example.org", &token).await.unwrap();

    assert!(!world.is_active(&session).await);
    assert!(world.is_active(&bobs).await);
    assert!(world.log_in(ADA, PASSWORD).await.is_err());
    assert!(world.log_in(ADA, NEW).await.is_ok());
}

/// asvs 6.5.1
#[tokio::test]
async fn a_token_works_once() {
    let world = World::new().await;
    world.register(ADA).await;
    let token = asked(&world).await;
    complete(&world, ADA, &token).await.unwrap();

    assert!(matches!(complete(&world, ADA, &token).await, Err(CompleteResetError::InvalidToken)));
}

/// asvs 6.6.2
#[tokio::test]
async fn a_new_token_ends_the_one_before_it() {
    let world = World::new().await;
    world.register(ADA).await;
    let old = asked(&world).await;
    let new = asked(&world).await;

    assert!(matches!(complete(&world, ADA, &old).await, Err(CompleteResetError::InvalidToken)));
    complete(&world, ADA, &new).await.unwrap();
}

/// CVE-2019-16109, and asvs 2.2.3: the token of one account resets no other.
#[tokio::test]
async fn a_token_is_good_for_its_own_account_only_and_stays_good() {
    let world = World::new().await;
    world.register(ADA).await;
    world.register("bob@example.org").await;
    let token = asked(&world).await;

    for address in ["bob@example.org", "carol@example.org"] {
        let refused = complete(&world, address, &token).await;
        assert!(matches!(refused, Err(CompleteResetError::InvalidToken)), "{address}");
    }
    let unknown = complete(&world, ADA, &ResetToken::from_bits([0; 16])).await;
    assert!(matches!(unknown, Err(CompleteResetError::InvalidToken)));

    complete(&world, ADA, &token).await.unwrap();
    assert!(world.log_in("bob@example.org", PASSWORD).await.is_ok());
}

/// asvs 6.5.5
#[tokio::test]
async fn a_token_counts_for_exactly_its_lifetime() {
    let world = World::new().await;
    world.register(ADA).await;
    let late = asked(&world).await;
    world.clock.advance(Duration::from_mins(30));
    assert!(matches!(complete(&world, ADA, &late).await, Err(CompleteResetError::InvalidToken)));

    let in_time = asked(&world).await;
    world.clock.advance(Duration::from_mins(30) - Duration::from_micros(1));
    complete(&world, ADA, &in_time).await.unwrap();
}

#[tokio::test]
async fn a_password_that_policy_refuses_leaves_the_token_good() {
    let world = World::new().await;
    let session = world.logged_in(ADA).await;
    let token = asked(&world).await;

    for (new, expected) in [
        ("short", InvalidPassword::TooShort { min_code_points: 8 }),
        ("", InvalidPassword::Missing),
        (&"x".repeat(1025), InvalidPassword::TooLong),
    ] {
        let refused = world.complete_reset(completion(ADA, &token, new)).await;
        assert!(matches!(refused, Err(CompleteResetError::InvalidPassword(found)) if found == expected));
    }

    assert!(world.is_active(&session).await);
    complete(&world, ADA, &token).await.unwrap();
}

#[tokio::test]
async fn an_invalid_token_is_reported_before_an_invalid_password() {
    let world = World::new().await;
    world.register(ADA).await;

    let refused = world.complete_reset(completion(ADA, &ResetToken::from_bits([0; 16]), "")).await;

    assert!(matches!(refused, Err(CompleteResetError::InvalidToken)));
}

#[tokio::test]
async fn a_reset_for_an_unknown_address_is_an_error_without_effect() {
    let world = World::new().await;

    let refused = world.auth.issue_reset_token(&email(ADA)).await;

    assert!(matches!(refused, Err(IssueResetError::UnknownEmail)));
}

/// An account is deleted and its address registered again: sessions and links of the old account are invalid.
#[tokio::test]
async fn nothing_of_a_deleted_account_fits_its_successor() {
    let world = World::new().await;
    let session = world.logged_in(ADA).await;
    let token = asked(&world).await;

    world.execute("DELETE FROM users").await;
    world.register(ADA).await;

    assert!(!world.is_active(&session).await);
    assert!(matches!(complete(&world, ADA, &token).await, Err(CompleteResetError::InvalidToken)));
}
