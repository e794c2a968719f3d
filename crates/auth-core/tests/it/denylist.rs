//! Passwords that are rejected at registration, reset and change.

use auth_core::{
    account::{ChangePasswordError, PasswordChange, RegisterError},
    model::InvalidPassword,
    passwords::{BreachedBuilder, Denylist, DenylistError},
    recovery::CompleteResetError,
};

use crate::support::{ADA, PASSWORD, World, completion, context, email, new_password, password};

/// asvs 6.2.4, 6.2.11, 6.2.12
#[tokio::test]
async fn common_breached_and_guessable_passwords_are_refused_at_every_door() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("filter");
    let mut builder = BreachedBuilder::default();
    builder.add_password("a breached passphrase");
    builder.add_password("cafe\u{301} cafe\u{301} cafe\u{301}");
    std::fs::write(&file, builder.build().1).unwrap();
    let world = World::with_denylist(Denylist::with_file(&file, ["acme".to_owned()]).unwrap()).await;
    let own = world.logged_in(ADA).await;
    let current = world.auth.authenticate(&own).await.unwrap().unwrap();

    for (refused, why) in [
        ("passwordpassword", InvalidPassword::Common),
        ("PasswordPassword", InvalidPassword::Common),
        ("correct horse battery staple", InvalidPassword::Common),
        ("a breached passphrase", InvalidPassword::Common),
        ("caf\u{e9} caf\u{e9} caf\u{e9}", InvalidPassword::Common),
        ("ada@example.org 123", InvalidPassword::Guessable),
        ("Acme acme acme 99", InvalidPassword::Guessable),
    ] {
        let registered = world.auth.create_user(email("ada@example.com"), new_password(refused)).await;
        assert!(
            matches!(registered, Err(RegisterError::InvalidPassword(found)) if found == why),
            "{refused}"
        );
        let token = world.auth.issue_reset_token(&email(ADA)).await.unwrap();
        let reset = world.complete_reset(completion(ADA, &token, refused)).await;
        assert!(
            matches!(reset, Err(CompleteResetError::InvalidPassword(found)) if found == why),
            "{refused}"
        );
        let change = PasswordChange { password: password(PASSWORD), new_password: refused.into() };
        let changed = world.auth.change_password(&current, change, &context()).await;
        assert!(
            matches!(changed, Err(ChangePasswordError::InvalidPassword(found)) if found == why),
            "{refused}"
        );
    }
    assert!(world.log_in(ADA, PASSWORD).await.is_ok());
}

#[test]
fn a_file_that_is_no_list_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = |bytes: &[u8]| {
        let path = folder.path().join("list");
        std::fs::write(&path, bytes).unwrap();
        Denylist::with_file(&path, [])
    };

    assert!(file(b"one\ntwo\n").is_ok());
    assert!(matches!(file(b"\xff\xfe"), Err(DenylistError::Neither)));
    assert!(matches!(file(b"AUTHPWF1\x01"), Err(DenylistError::Damaged(_))));
    let missing = Denylist::with_file(&folder.path().join("missing"), []);
    assert!(matches!(missing, Err(DenylistError::Unreadable(_))));
}
