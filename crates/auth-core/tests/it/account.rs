//! What users do with their own accounts, and administrators with others'.

use auth_core::Clock;
use auth_core::{
    RequestContext,
    account::{ChangePasswordError, PasswordChange, Reauthentication, ReauthenticationError},
    login::LoginError,
    model::{InvalidPassword, SessionToken, UserFilter},
    recovery::IssueResetError,
    sessions::AuthenticatedSession,
};
use auth_db::text;
use std::time::Duration;

use crate::support::{ADA, PASSWORD, World, completion, context, email, password};

const NEW: &str = "another long passphrase";

fn offered(text: &str) -> Reauthentication {
    Reauthentication { password: Some(password(text)) }
}

fn change(old: &str, new: &str) -> PasswordChange {
    PasswordChange { password: password(old), new_password: new.into() }
}

impl World {
    async fn current(&self, token: &SessionToken) -> AuthenticatedSession {
        (*self.auth.authenticate(token).await.unwrap().unwrap()).clone()
    }
}

/// asvs 6.2.2, 6.2.3, 7.4.3
#[tokio::test]
async fn a_changed_password_ends_other_sessions_and_gives_this_one_a_new_token() {
    let world = World::new().await;
    let own = world.logged_in(ADA).await;
    let other = world.log_in(ADA, PASSWORD).await.unwrap().token;
    let current = world.current(&own).await;

    let changed = world.auth.change_password(&current, change(PASSWORD, NEW), &context()).await.unwrap();

    assert!(!world.is_active(&own).await && !world.is_active(&other).await);
    assert!(world.is_active(&changed.token).await);
    assert_eq!(changed.session.id, current.session.id);
    assert_eq!(changed.session.expires_at, current.session.expires_at, "it lives no longer for it");
    assert!(world.log_in(ADA, PASSWORD).await.is_err() && world.log_in(ADA, NEW).await.is_ok());
}

/// Every change of a credential ends all outstanding links.
#[tokio::test]
async fn a_changed_password_ends_an_outstanding_reset_link() {
    let world = World::new().await;
    let own = world.logged_in(ADA).await;
    let link = world.auth.issue_reset_token(&email(ADA)).await.unwrap();
    let current = world.current(&own).await;
    world.auth.change_password(&current, change(PASSWORD, NEW), &context()).await.unwrap();

    let late = world.complete_reset(completion(ADA, &link, "a third long passphrase")).await;
    assert!(matches!(late, Err(auth_core::recovery::CompleteResetError::InvalidToken)));
    assert!(world.log_in(ADA, NEW).await.is_ok());
}

/// The session was looked up before another program changed the address. Another user may have the old one by now.
#[tokio::test]
async fn a_password_is_verified_for_the_user_of_the_session_after_the_address_changed() {
    let world = World::new().await;
    let own = world.logged_in(ADA).await;
    let current = world.current(&own).await;
    let (id, now) = (current.user_id, world.clock.now());
    let rename = async |tx| text::update_user(&tx, id, ["email=ada@new.example.org"], now).await;
    world.db.write(rename).await.unwrap();
    let context = context();
    let change_from = |old| world.auth.change_password(&current, change(old, NEW), &context);

    let wrong = change_from("wrong").await;
    assert!(matches!(
        wrong,
        Err(ChangePasswordError::Reauthentication(ReauthenticationError::WrongPassword))
    ));
    world.register(ADA).await;
    change_from(PASSWORD).await.unwrap();

    assert!(world.log_in("ada@new.example.org", NEW).await.is_ok());
    assert!(world.log_in(ADA, PASSWORD).await.is_ok(), "the password of the other user is unchanged");
}

#[tokio::test]
async fn a_password_is_not_changed_without_the_right_old_and_a_good_new_one() {
    let world = World::new().await;
    let own = world.logged_in(ADA).await;
    let current = world.current(&own).await;

    let wrong = world.auth.change_password(&current, change("wrong", NEW), &context()).await;
    assert!(matches!(
        wrong,
        Err(ChangePasswordError::Reauthentication(ReauthenticationError::WrongPassword))
    ));
    let short = world.auth.change_password(&current, change(PASSWORD, "short"), &context()).await;
    assert!(matches!(short, Err(ChangePasswordError::InvalidPassword(InvalidPassword::TooShort { .. }))));
    world.auth.log_out(&own).await.unwrap();
    let ended = world.auth.change_password(&current, change(PASSWORD, NEW), &context()).await;
    assert!(matches!(ended, Err(ChangePasswordError::SessionRevoked)));

    assert!(world.log_in(ADA, PASSWORD).await.is_ok());
}

/// asvs 7.5.2, 8.2.2
#[tokio::test]
async fn a_user_sees_and_revokes_own_sessions_only() {
    let world = World::new().await;
    let first = world.logged_in(ADA).await;
    world.clock.advance(Duration::from_secs(1));
    let second = world.log_in(ADA, PASSWORD).await.unwrap();
    let eve = world.logged_in("eve@example.org").await;
    let current = world.current(&first).await;

    let own = world.auth.own_sessions(&current).await.unwrap();
    assert_eq!(own.len(), 2);
    assert_eq!(own.iter().filter(|session| session.is_current).count(), 1);

    let foreign = world.current(&eve).await.session.id;
    let fresh = Reauthentication::default();
    assert!(!world.auth.revoke_own_session(&current, foreign, &fresh, &context()).await.unwrap());
    assert!(world.auth.revoke_own_session(&current, second.session.id, &fresh, &context()).await.unwrap());
    assert!(!world.auth.revoke_own_session(&current, second.session.id, &fresh, &context()).await.unwrap());

    assert!(
        world.is_active(&first).await && world.is_active(&eve).await && !world.is_active(&second.token).await
    );
    let third = world.log_in(ADA, PASSWORD).await.unwrap().token;
    assert_eq!(world.auth.revoke_other_sessions(&current, &fresh, &context()).await.unwrap(), 1);
    assert!(world.is_active(&first).await && world.is_active(&eve).await && !world.is_active(&third).await);
}

/// asvs 7.5.1, 7.5.3
#[tokio::test]
async fn a_quarter_of_an_hour_after_the_login_the_password_is_asked_for() {
    let world = World::new().await;
    let own = world.logged_in(ADA).await;
    let current = world.current(&own).await;
    world.clock.advance(Duration::from_mins(15) - Duration::from_secs(1));
    world.auth.revoke_other_sessions(&current, &Reauthentication::default(), &context()).await.unwrap();
    world.clock.advance(Duration::from_secs(1));

    let ends = async |offered: Reauthentication| {
        world.auth.revoke_other_sessions(&current, &offered, &context()).await
    };
    assert!(matches!(ends(Reauthentication::default()).await, Err(ReauthenticationError::Required)));
    assert!(matches!(ends(offered("wrong")).await, Err(ReauthenticationError::WrongPassword)));
    assert!(ends(offered(PASSWORD)).await.is_ok());
}

/// asvs 7.5.3
#[tokio::test]
async fn an_account_is_deleted_by_its_owner_and_nothing_of_it_revives() {
    let world = World::new().await;
    let own = world.logged_in(ADA).await;
    let current = world.current(&own).await;
    let wrong = world.auth.delete_account(&current, &password("wrong"), &context()).await;
    assert!(matches!(wrong, Err(ReauthenticationError::WrongPassword)) && world.is_active(&own).await);

    world.auth.delete_account(&current, &password(PASSWORD), &context()).await.unwrap();

    assert!(!world.is_active(&own).await);
    let again = world.register(ADA).await;
    assert_ne!(again.id, current.user_id);
    assert!(!world.is_active(&own).await);
}

/// A second request to delete an account is no internal error.
#[tokio::test]
async fn what_is_asked_for_an_account_that_was_just_deleted_is_refused() {
    let world = World::new().await;
    let own = world.logged_in(ADA).await;
    let current = world.current(&own).await;
    world.auth.delete_user(current.user_id).await.unwrap();

    let again = world.auth.delete_account(&current, &password(PASSWORD), &context()).await;
    assert!(matches!(again, Err(ReauthenticationError::SessionRevoked)), "{again:?}");
    let changed = world.auth.change_password(&current, change(PASSWORD, NEW), &context()).await;
    assert!(matches!(
        changed,
        Err(ChangePasswordError::Reauthentication(ReauthenticationError::SessionRevoked))
    ));
    let others = world.auth.revoke_other_sessions(&current, &Reauthentication::default(), &context()).await;
    assert!(matches!(others, Err(ReauthenticationError::SessionRevoked)), "{others:?}");
}

/// asvs 6.3.1: guesses here count like those at the login.
#[tokio::test]
async fn confirming_is_throttled_like_logging_in() {
    let world = World::throttled(auth_core::ThrottleOptions::default()).await;
    world.register(ADA).await;
    let own = world.log_in(ADA, PASSWORD).await.unwrap().token;
    let current = world.current(&own).await;
    for _ in 0..5 {
        let wrong = world.auth.revoke_other_sessions(&current, &offered("wrong"), &context()).await;
        assert!(matches!(wrong, Err(ReauthenticationError::WrongPassword)));
    }
    let right = world.auth.revoke_other_sessions(&current, &offered(PASSWORD), &context()).await;
    assert!(matches!(right, Err(ReauthenticationError::Throttled(_))));
    assert!(matches!(world.log_in(ADA, PASSWORD).await, Err(LoginError::Throttled(_))));
}

/// asvs 2.3.3
#[tokio::test]
async fn a_change_with_the_right_password_uses_up_no_attempt() {
    let world = World::throttled(auth_core::ThrottleOptions::default()).await;
    world.register(ADA).await;
    let own = world.log_in(ADA, PASSWORD).await.unwrap().token;
    let current = world.current(&own).await;

    for _ in 0..10 {
        let short = world.auth.change_password(&current, change(PASSWORD, "short"), &context()).await;
        assert!(matches!(short, Err(ChangePasswordError::InvalidPassword(_))));
    }
    world.execute("ALTER TABLE sessions RENAME TO gone").await;
    let mut faults = 0;
    world
        .until(async || match world.auth.change_password(&current, change(PASSWORD, NEW), &context()).await {
            Err(ChangePasswordError::Service(_)) => {
                faults += 1;
                faults == 10
            }
            // The refund happens after the response.
            Err(ChangePasswordError::Reauthentication(ReauthenticationError::Throttled(_))) => false,
            other => panic!("{other:?}"),
        })
        .await;
    world.execute("ALTER TABLE gone RENAME TO sessions").await;

    world.owes_no_attempts().await;
    let wrong = async || world.log_in(ADA, "wrong").await;
    for _ in 0..4 {
        assert!(matches!(wrong().await, Err(LoginError::InvalidCredentials)));
    }
    world.auth.delete_account(&current, &password(PASSWORD), &context()).await.unwrap();
    assert!(matches!(wrong().await, Err(LoginError::InvalidCredentials)), "deleting was no failure");
    assert!(matches!(wrong().await, Err(LoginError::Throttled(_))), "what others failed still counts");
}

/// asvs 6.5.6, 7.4.2
#[tokio::test]
async fn a_disabled_account_can_not_be_used_until_it_is_enabled() {
    let world = World::new().await;
    let own = world.logged_in(ADA).await;
    let user = world.auth.find_user(&UserFilter::by_email(email(ADA))).await.unwrap().unwrap();
    let token = world.auth.issue_reset_token(&email(ADA)).await.unwrap();
    assert!(world.auth.disable_user(user.id).await.unwrap());

    assert!(!world.is_active(&own).await);
    assert!(matches!(world.log_in(ADA, PASSWORD).await, Err(LoginError::InvalidCredentials)));
    assert!(!world.auth.valid_login(&email(ADA), &password(PASSWORD)).await.unwrap());
    assert!(
        world
            .auth
            .open_session_without_password(&email(ADA), &RequestContext::default())
            .await
            .unwrap()
            .is_none()
    );
    assert!(matches!(world.auth.issue_reset_token(&email(ADA)).await, Err(IssueResetError::UnknownEmail)));
    assert!(world.complete_reset(completion(ADA, &token, NEW)).await.is_err());

    assert!(world.auth.enable_user(user.id).await.unwrap());
    assert!(!world.is_active(&own).await, "what has ended stays ended");
    assert!(world.complete_reset(completion(ADA, &token, NEW)).await.is_err());
    assert!(world.log_in(ADA, PASSWORD).await.is_ok());
}

/// asvs 7.4.5
#[tokio::test]
async fn administrators_end_one_session_or_every_one() {
    let world = World::new().await;
    let ada = world.logged_in(ADA).await;
    let eve = world.logged_in("eve@example.org").await;
    let current = world.current(&ada).await;
    assert_eq!(world.auth.sessions_of(current.user_id).await.unwrap().len(), 1);

    assert!(world.auth.revoke_session(current.session.id).await.unwrap());
    assert!(!world.auth.revoke_session(current.session.id).await.unwrap());
    assert!(!world.is_active(&ada).await && world.is_active(&eve).await);
    let ada = world.log_in(ADA, PASSWORD).await.unwrap().token;
    assert_eq!(world.auth.revoke_all_sessions().await.unwrap(), 2);
    assert!(!world.is_active(&ada).await && !world.is_active(&eve).await);
}
