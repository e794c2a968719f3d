//! Use cases that verified a password or a session, and are overtaken by a change of the credential before they write:
//! they must have no effect.

use std::pin::Pin;

use auth_db::model::{Client, Email, SecretString, SessionToken};

use super::world::{World, email, new_password, password};
use crate::{Attempt, Auth, Confirmation, CurrentUser, PasswordChange, ResetCompletion};

/// Runs a use case as user 0; returns whether it succeeded.
type UseCase = fn(Auth, CurrentUser) -> Pin<Box<dyn Future<Output = bool> + Send>>;

fn by_password() -> Confirmation {
    Confirmation { password: Some(password(0)), ..Confirmation::default() }
}

/// Every use case that checks something and then writes.
const USE_CASES: [(&str, UseCase); 6] = [
    ("log in", |auth, _| {
        Box::pin(
            async move { auth.log_in(Attempt::new(email(0), password(0), Client::default())).await.is_ok() },
        )
    }),
    ("change the password", |auth, current| {
        let change = PasswordChange {
            password: password(0),
            new_password: SecretString::from("password 7"),
            confirmation: Confirmation::default(),
        };
        Box::pin(async move { auth.change_password(&current, change).await.is_ok() })
    }),
    ("delete the account", |auth, current| {
        Box::pin(async move { auth.delete_account(&current, &password(0), &by_password()).await.is_ok() })
    }),
    ("end a session by password", |auth, current| {
        Box::pin(
            async move { auth.end_own_session(&current, current.session.id, &by_password()).await.is_ok() },
        )
    }),
    ("end other sessions by password", |auth, current| {
        Box::pin(async move { auth.end_other_sessions(&current, &by_password()).await.is_ok() })
    }),
    ("end other sessions after a new login", |auth, current| {
        Box::pin(async move { auth.end_other_sessions(&current, &Confirmation::default()).await.is_ok() })
    }),
];

/// What takes an account away from a person who knew the password before.
type Change = fn(Auth) -> Pin<Box<dyn Future<Output = ()> + Send>>;

const CHANGES: [(&str, Change); 3] = [
    ("a reset", |auth| {
        Box::pin(async move {
            let token = auth.request_reset(&email(0)).await.unwrap();
            let new_password = SecretString::from("password 1");
            let client = Client::default();
            let completion = ResetCompletion { email: email(0), token, new_password, client };
            auth.complete_reset(completion).await.unwrap();
        })
    }),
    ("a password change on another device", |auth| {
        Box::pin(async move {
            let other = logged_in(&auth, &email(0)).await;
            let current = auth.user_behind(&other).await.unwrap().unwrap();
            let change = PasswordChange {
                password: password(0),
                new_password: SecretString::from("password 1"),
                confirmation: Confirmation::default(),
            };
            auth.change_password(&current, change).await.unwrap();
        })
    }),
    ("an administrator", |auth| {
        Box::pin(async move {
            let user = auth.create_session(&email(0), Client::default()).await.unwrap().unwrap();
            assert!(auth.disable_user(user.session.user_id).await.unwrap());
        })
    }),
];

async fn logged_in(auth: &Auth, email: &Email) -> SessionToken {
    auth.create_session(email, Client::default()).await.unwrap().unwrap().token
}

/// asvs 2.3.3, 15.4.2
#[tokio::test]
async fn what_was_checked_before_the_credential_changed_has_no_effect_after_it() {
    let world = World::new().await;
    for (what, use_case) in USE_CASES {
        for (change, carry_out) in CHANGES {
            world.clear().await;
            let (auth, token) = world.start_with_a_session().await;
            auth.register_user(email(1), new_password(1)).await.unwrap();
            let current = (*auth.user_behind(&token).await.unwrap().unwrap()).clone();
            let gates = &auth.parts().sessions.0.gates;
            gates.close();
            let overtaken = tokio::spawn(use_case(auth.clone(), current));
            let mut held = gates.arrival().await;
            while held.before != "write" {
                held.released.send(()).unwrap();
                held = gates.arrival().await;
            }

            gates.open();
            carry_out(auth.clone()).await;
            held.released.send(()).unwrap();

            assert!(!overtaken.await.unwrap(), "{what}, overtaken by {change}");
            let found = auth.find_user(&auth_db::model::UserFilter::by_email(email(0))).await.unwrap();
            assert!(found.is_some(), "{what}, overtaken by {change}: the account is gone");
            let old = auth.valid_login(&email(0), &password(0)).await.unwrap();
            let foreign = auth.valid_login(&email(0), &password(7)).await.unwrap();
            assert!(!old && !foreign, "{what}, overtaken by {change}: the password");
        }
    }
}
