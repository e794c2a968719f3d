//! What users do with their own accounts, and administrators with others'.

use auth_core::{
    ChangePasswordError, ConfirmError, Confirmation, CurrentUser, LoginError, PasswordChange,
    RequestResetError,
    model::{Client, InvalidPassword, SessionToken, UserFilter},
};
use time::Duration;

use crate::support::{ADA, PASSWORD, World, attempt, email, password};

const NEW: &str = "another long passphrase";

fn confirmed_by(text: &str) -> Confirmation {
    Confirmation { password: Some(password(text)), client: attempt(ADA, "x").client, device: None }
}

fn change(old: &str, new: &str) -> PasswordChange {
    PasswordChange {
        password: password(old),
        new_password: new.into(),
        confirmation: Confirmation::default(),
    }
}

impl World {
    async fn current(&self, token: &SessionToken) -> CurrentUser {
        (*self.auth.user_behind(token).await.unwrap().unwrap()).clone()
    }
}

/// asvs 6.2.2, 6.2.3, 7.4.3
#[tokio::test]
async fn a_changed_password_ends_other_sessions_and_gives_this_one_a_new_token() {
    let world = World::new().await;
    let own = world.logged_in(ADA).await;
    let other = world.log_in(ADA, PASSWORD).await.unwrap().token;
    let current = world.current(&own).await;

    let changed = world.auth.change_password(&current, change(PASSWORD, NEW)).await.unwrap();

    assert!(!world.is_live(&own).await && !world.is_live(&other).await);
    assert!(world.is_live(&changed.token).await);
    assert_eq!(changed.session.id, current.session.id);
    assert_eq!(changed.session.expires_at, current.session.expires_at, "it lives no longer for it");
    assert!(world.log_in(ADA, PASSWORD).await.is_err() && world.log_in(ADA, NEW).await.is_ok());
}

/// Every change of a credential ends all outstanding links.
#[tokio::test]
async fn a_changed_password_ends_an_outstanding_reset_link() {
    let world = World::new().await;
    let own = world.logged_in(ADA).await;
    let link = world.auth.request_reset(&email(ADA)).await.unwrap();
    let current = world.current(&own).await;
    world.auth.change_password(&current, change(PASSWORD, NEW)).await.unwrap();

    let late =
        world.auth.complete_reset(crate::support::completion(ADA, &link, "a third long passphrase")).await;
    assert!(matches!(late, Err(auth_core::CompleteResetError::InvalidToken)));
    assert!(world.log_in(ADA, NEW).await.is_ok());
}

#[tokio::test]
async fn a_password_is_not_changed_without_the_right_old_and_a_good_new_one() {
    let world = World::new().await;
    let own = world.logged_in(ADA).await;
    let current = world.current(&own).await;

    let wrong = world.auth.change_password(&current, change("wrong", NEW)).await;
    assert!(matches!(wrong, Err(ChangePasswordError::Unconfirmed(ConfirmError::WrongPassword))));
    let short = world.auth.change_password(&current, change(PASSWORD, "short")).await;
    assert!(matches!(short, Err(ChangePasswordError::InvalidPassword(InvalidPassword::TooShort { .. }))));
    world.auth.log_out(&own).await.unwrap();
    let ended = world.auth.change_password(&current, change(PASSWORD, NEW)).await;
    assert!(matches!(ended, Err(ChangePasswordError::Ended)));

    assert!(world.log_in(ADA, PASSWORD).await.is_ok());
}

/// asvs 7.5.2, 8.2.2
#[tokio::test]
async fn a_user_sees_and_ends_own_sessions_and_nobody_elses() {
    let world = World::new().await;
    let first = world.logged_in(ADA).await;
    world.clock.advance(Duration::SECOND);
    let second = world.log_in(ADA, PASSWORD).await.unwrap();
    let eve = world.logged_in("eve@example.org").await;
    let current = world.current(&first).await;

    let own = world.auth.own_sessions(&current).await.unwrap();
    assert_eq!(own.len(), 2);
    assert_eq!(own.iter().filter(|session| session.is_current).count(), 1);

    let foreign = world.current(&eve).await.session.id;
    let fresh = Confirmation::default();
    assert!(!world.auth.end_own_session(&current, foreign, &fresh).await.unwrap());
    assert!(world.auth.end_own_session(&current, second.session.id, &fresh).await.unwrap());
    assert!(!world.auth.end_own_session(&current, second.session.id, &fresh).await.unwrap());

    assert!(world.is_live(&first).await && world.is_live(&eve).await && !world.is_live(&second.token).await);
    let third = world.log_in(ADA, PASSWORD).await.unwrap().token;
    assert_eq!(world.auth.end_other_sessions(&current, &fresh).await.unwrap(), 1);
    assert!(world.is_live(&first).await && world.is_live(&eve).await && !world.is_live(&third).await);
}

/// asvs 7.5.1, 7.5.3
#[tokio::test]
async fn a_quarter_of_an_hour_after_the_login_the_password_is_asked_for() {
    let world = World::new().await;
    let own = world.logged_in(ADA).await;
    let current = world.current(&own).await;
    world.clock.advance(Duration::minutes(15) - Duration::SECOND);
    world.auth.end_other_sessions(&current, &Confirmation::default()).await.unwrap();
    world.clock.advance(Duration::SECOND);

    let ends =
        async |confirmation: Confirmation| world.auth.end_other_sessions(&current, &confirmation).await;
    assert!(matches!(ends(Confirmation::default()).await, Err(ConfirmError::Needed)));
    assert!(matches!(ends(confirmed_by("wrong")).await, Err(ConfirmError::WrongPassword)));
    assert!(ends(confirmed_by(PASSWORD)).await.is_ok());
}

/// asvs 7.5.3
#[tokio::test]
async fn an_account_is_deleted_by_its_owner_and_nothing_of_it_revives() {
    let world = World::new().await;
    let own = world.logged_in(ADA).await;
    let current = world.current(&own).await;
    let wrong = world.auth.delete_account(&current, &password("wrong"), &Confirmation::default()).await;
    assert!(matches!(wrong, Err(ConfirmError::WrongPassword)) && world.is_live(&own).await);

    world.auth.delete_account(&current, &password(PASSWORD), &Confirmation::default()).await.unwrap();

    assert!(!world.is_live(&own).await);
    let again = world.register(ADA).await;
    assert_ne!(again.id, current.id);
    assert!(!world.is_live(&own).await);
}

/// Whoever asks twice to delete an account gets no fault for the second time.
#[tokio::test]
async fn what_is_asked_for_an_account_that_was_just_deleted_is_refused() {
    let world = World::new().await;
    let own = world.logged_in(ADA).await;
    let current = world.current(&own).await;
    world.auth.delete_user(current.id).await.unwrap();

    let again = world.auth.delete_account(&current, &password(PASSWORD), &Confirmation::default()).await;
    assert!(matches!(again, Err(ConfirmError::Ended)), "{again:?}");
    let changed = world.auth.change_password(&current, change(PASSWORD, NEW)).await;
    assert!(matches!(changed, Err(ChangePasswordError::Unconfirmed(ConfirmError::Ended))));
    let others = world.auth.end_other_sessions(&current, &Confirmation::default()).await;
    assert!(matches!(others, Err(ConfirmError::Ended)), "{others:?}");
}

/// asvs 6.3.1: guesses here count like those at the login.
#[tokio::test]
async fn confirming_is_throttled_like_logging_in() {
    let world = World::throttled(auth_core::ThrottleOptions::default()).await;
    world.register(ADA).await;
    let own = world.log_in(ADA, PASSWORD).await.unwrap().token;
    let current = world.current(&own).await;
    for _ in 0..5 {
        let wrong = world.auth.end_other_sessions(&current, &confirmed_by("wrong")).await;
        assert!(matches!(wrong, Err(ConfirmError::WrongPassword)));
    }
    let right = world.auth.end_other_sessions(&current, &confirmed_by(PASSWORD)).await;
    assert!(matches!(right, Err(ConfirmError::Throttled(_))));
    assert!(matches!(world.log_in(ADA, PASSWORD).await, Err(LoginError::Throttled(_))));
}

/// asvs 2.3.3
#[tokio::test]
async fn whoever_knows_the_password_fails_at_nothing_that_counts() {
    let world = World::throttled(auth_core::ThrottleOptions::default()).await;
    world.register(ADA).await;
    let own = world.log_in(ADA, PASSWORD).await.unwrap().token;
    let current = world.current(&own).await;

    for _ in 0..10 {
        let short = world.auth.change_password(&current, change(PASSWORD, "short")).await;
        assert!(matches!(short, Err(ChangePasswordError::InvalidPassword(_))));
    }
    world.execute("ALTER TABLE sessions RENAME TO gone").await;
    let mut faults = 0;
    world
        .until(async || match world.auth.change_password(&current, change(PASSWORD, NEW)).await {
            Err(ChangePasswordError::Unavailable(_)) => {
                faults += 1;
                faults == 10
            }
            // The refund happens after the response.
            Err(ChangePasswordError::Unconfirmed(ConfirmError::Throttled(_))) => false,
            other => panic!("{other:?}"),
        })
        .await;
    world.execute("ALTER TABLE gone RENAME TO sessions").await;

    world.owes_no_attempts().await;
    let wrong = async || world.log_in(ADA, "wrong").await;
    for _ in 0..4 {
        assert!(matches!(wrong().await, Err(LoginError::InvalidCredentials)));
    }
    world.auth.delete_account(&current, &password(PASSWORD), &Confirmation::default()).await.unwrap();
    assert!(matches!(wrong().await, Err(LoginError::InvalidCredentials)), "deleting was no failure");
    assert!(matches!(wrong().await, Err(LoginError::Throttled(_))), "what others failed still counts");
}

/// asvs 6.5.6, 7.4.2
#[tokio::test]
async fn a_disabled_account_can_not_be_used_until_it_is_enabled() {
    let world = World::new().await;
    let own = world.logged_in(ADA).await;
    let user = world.auth.find_user(&UserFilter::by_email(email(ADA))).await.unwrap().unwrap();
    let token = world.auth.request_reset(&email(ADA)).await.unwrap();
    assert!(world.auth.disable_user(user.id).await.unwrap());

    assert!(!world.is_live(&own).await);
    assert!(matches!(world.log_in(ADA, PASSWORD).await, Err(LoginError::InvalidCredentials)));
    assert!(!world.auth.valid_login(&email(ADA), &password(PASSWORD)).await.unwrap());
    assert!(world.auth.create_session(&email(ADA), Client::default()).await.unwrap().is_none());
    assert!(matches!(world.auth.request_reset(&email(ADA)).await, Err(RequestResetError::UnknownEmail)));
    assert!(world.auth.complete_reset(crate::support::completion(ADA, &token, NEW)).await.is_err());

    assert!(world.auth.enable_user(user.id).await.unwrap());
    assert!(!world.is_live(&own).await, "what has ended stays ended");
    assert!(world.auth.complete_reset(crate::support::completion(ADA, &token, NEW)).await.is_err());
    assert!(world.log_in(ADA, PASSWORD).await.is_ok());
}

/// asvs 7.4.5
#[tokio::test]
async fn administrators_end_one_session_or_every_one() {
    let world = World::new().await;
    let ada = world.logged_in(ADA).await;
    let eve = world.logged_in("eve@example.org").await;
    let current = world.current(&ada).await;
    assert_eq!(world.auth.sessions_of(current.id).await.unwrap().len(), 1);

    assert!(world.auth.end_session(current.session.id).await.unwrap());
    assert!(!world.auth.end_session(current.session.id).await.unwrap());
    assert!(!world.is_live(&ada).await && world.is_live(&eve).await);
    let ada = world.log_in(ADA, PASSWORD).await.unwrap().token;
    assert_eq!(world.auth.end_every_session().await.unwrap(), 2);
    assert!(!world.is_live(&ada).await && !world.is_live(&eve).await);
}
