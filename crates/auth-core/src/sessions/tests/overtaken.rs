//! Use cases that verified a password or a session before the credential changed, and write after it: they must have no
//! effect.

use std::pin::Pin;

use auth_db::model::{Email, SecretString, SessionToken};

use super::world::{World, email, new_password, password};
use crate::{
    Auth, RequestContext,
    account::{PasswordChange, Reauthentication},
    recovery::ResetCompletion,
    sessions::AuthenticatedSession,
};

/// Runs a use case as user 0. Returns whether it succeeded.
type UseCase = fn(Auth, AuthenticatedSession) -> Pin<Box<dyn Future<Output = bool> + Send>>;

fn by_password() -> Reauthentication {
    Reauthentication { password: Some(password(0)) }
}

/// Every use case that checks something and then writes.
const USE_CASES: [(&str, UseCase); 6] = [
    ("log in", |auth, _| {
        Box::pin(
            async move { auth.log_in(&email(0), &password(0), &RequestContext::default()).await.is_ok() },
        )
    }),
    ("change the password", |auth, current| {
        let change = PasswordChange { password: password(0), new_password: SecretString::from("password 7") };
        Box::pin(
            async move { auth.change_password(&current, change, &RequestContext::default()).await.is_ok() },
        )
    }),
    ("delete the account", |auth, current| {
        Box::pin(async move {
            auth.delete_account(&current, &password(0), &RequestContext::default()).await.is_ok()
        })
    }),
    ("revoke a session by password", |auth, current| {
        Box::pin(async move {
            auth.revoke_own_session(&current, current.session.id, &by_password(), &RequestContext::default())
                .await
                .is_ok()
        })
    }),
    ("revoke other sessions by password", |auth, current| {
        Box::pin(async move {
            auth.revoke_other_sessions(&current, &by_password(), &RequestContext::default()).await.is_ok()
        })
    }),
    ("revoke other sessions after a recent login", |auth, current| {
        Box::pin(async move {
            auth.revoke_other_sessions(&current, &Reauthentication::default(), &RequestContext::default())
                .await
                .is_ok()
        })
    }),
];

/// A change after which the old password and the old sessions are invalid.
type Change = fn(Auth) -> Pin<Box<dyn Future<Output = ()> + Send>>;

const CHANGES: [(&str, Change); 3] = [
    ("a reset", |auth| {
        Box::pin(async move {
            let token = auth.issue_reset_token(&email(0)).await.unwrap();
            let new_password = SecretString::from("password 1");
            let completion = ResetCompletion { email: email(0), token, new_password };
            auth.complete_reset(completion, &RequestContext::default()).await.unwrap();
        })
    }),
    ("a password change on another device", |auth| {
        Box::pin(async move {
            let other = logged_in(&auth, &email(0)).await;
            let current = auth.authenticate(&other).await.unwrap().unwrap();
            let change =
                PasswordChange { password: password(0), new_password: SecretString::from("password 1") };
            auth.change_password(&current, change, &RequestContext::default()).await.unwrap();
        })
    }),
    ("an administrator", |auth| {
        Box::pin(async move {
            let user = auth
                .open_session_without_password(&email(0), &RequestContext::default())
                .await
                .unwrap()
                .unwrap();
            assert!(auth.disable_user(user.session.user_id).await.unwrap());
        })
    }),
];

async fn logged_in(auth: &Auth, email: &Email) -> SessionToken {
    auth.open_session_without_password(email, &RequestContext::default()).await.unwrap().unwrap().token
}

/// asvs 2.3.3, 15.4.2
#[tokio::test]
async fn a_check_before_the_credential_changed_has_no_effect_after_it() {
    let world = World::new().await;
    for (what, use_case) in USE_CASES {
        for (change, carry_out) in CHANGES {
            world.clear().await;
            let (auth, token) = world.start_with_a_session().await;
            auth.create_user(email(1), new_password(1)).await.unwrap();
            let current = (*auth.authenticate(&token).await.unwrap().unwrap()).clone();
            let points = &auth.parts().sessions.0.sync_points;
            points.enable();
            let overtaken = tokio::spawn(use_case(auth.clone(), current));
            let mut stopped = points.arrival().await;
            while stopped.before != "write" {
                stopped.resume.send(()).unwrap();
                stopped = points.arrival().await;
            }

            points.disable();
            carry_out(auth.clone()).await;
            stopped.resume.send(()).unwrap();

            assert!(!overtaken.await.unwrap(), "{what}, overtaken by {change}");
            let found = auth.find_user(&auth_db::model::UserFilter::by_email(email(0))).await.unwrap();
            assert!(found.is_some(), "{what}, overtaken by {change}: the account is gone");
            let old = auth.valid_login(&email(0), &password(0)).await.unwrap();
            let foreign = auth.valid_login(&email(0), &password(7)).await.unwrap();
            assert!(!old && !foreign, "{what}, overtaken by {change}: the password");
        }
    }
}
