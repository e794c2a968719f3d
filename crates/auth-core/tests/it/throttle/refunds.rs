//! Attempts that are refunded.

use auth_core::{AttemptError, ServiceError, account::RegisterError, login::LoginError, passwords::Denylist};
use futures_util::future::join_all;
use test_servers::{Kind, kind};

use super::{throttled, throttled_for, wrong};
use crate::support::{ADA, PASSWORD, World, context, email, new_password};

/// On a database server the session is stored first, and a later failure is only logged.
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
        assert!(opened.device.is_none(), "the device is not known");
        assert!(world.is_active(&opened.token).await);
    }
    world.owes_no_attempts().await;
    assert!(world.log_in(ADA, PASSWORD).await.unwrap().device.is_some());
}

/// asvs 2.3.3: overload and internal errors refund the attempt.
#[tokio::test]
async fn an_attempt_that_ends_in_an_internal_error_is_refunded() {
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

#[tokio::test]
async fn a_login_rejected_for_overload_uses_up_no_attempt() {
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

/// asvs 2.3.3: rejected and failed requests are not counted.
#[tokio::test]
async fn requests_without_effect_use_up_no_attempt_of_a_client() {
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
