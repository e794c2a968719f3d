use auth_core::account::RegisterError;

use crate::support::{ADA, PASSWORD, World, email, new_password};

#[tokio::test]
async fn a_registered_user_can_log_in_in_any_spelling_of_the_address() {
    let world = World::new().await;
    let user = world.register("Ada@Example.ORG").await;

    let logged_in = world.log_in("ada@example.org.", PASSWORD).await.unwrap();

    assert_eq!(logged_in.session.user_id, user.id);
    assert_eq!(user.email.as_str(), "Ada@Example.ORG");
}

#[tokio::test]
async fn a_second_registration_says_who_exists_and_changes_nothing() {
    let world = World::new().await;
    world.register(ADA).await;

    let again =
        world.auth.create_user(email("ADA@example.org"), new_password("another password")).await.unwrap_err();

    assert!(matches!(again, RegisterError::AlreadyExists { .. }));
    assert_eq!(again.to_string(), "User ADA@example.org already exists");
    assert!(world.log_in(ADA, PASSWORD).await.is_ok());
    assert!(world.log_in(ADA, "another password").await.is_err());
}
