use auth_core::{login::LoginError, passwords::Scheme};
use auth_db::{model::UserFilter, users};

use crate::support::{ADA, PASSWORD, World, email, login, new_password, password, send};

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_one_error_at_the_price_of_one_hash() {
    let world = World::new().await;
    world.register(ADA).await;
    let nul = format!("{PASSWORD}\0");
    let long = "x".repeat(1024);

    for (address, tried) in
        [(ADA, "wrong"), ("bob@example.org", PASSWORD), (ADA, nul.as_str()), (ADA, long.as_str())]
    {
        let before = world.auth.hasher_stats().hashed;
        let refused = world.log_in(address, tried).await;
        assert!(matches!(refused, Err(LoginError::InvalidCredentials)), "{address}");
        assert_eq!(world.auth.hasher_stats().hashed, before + 1, "{address}");
    }
}

#[tokio::test]
async fn valid_login_opens_no_session() {
    let world = World::new().await;
    let token = world.logged_in(ADA).await;

    assert!(world.auth.valid_login(&email(ADA), &password(PASSWORD)).await.unwrap());
    assert!(!world.auth.valid_login(&email(ADA), &password("wrong")).await.unwrap());
    assert!(!world.auth.valid_login(&email("bob@example.org"), &password(PASSWORD)).await.unwrap());

    let current = world.auth.authenticate(&token).await.unwrap().unwrap();
    assert_eq!(world.auth.revoke_sessions(current.user_id).await.unwrap(), 1);
}

/// asvs 7.2.4: a new token at each login, and the session of the request is revoked.
#[tokio::test]
async fn the_session_that_a_login_presents_ends_if_it_is_the_same_users() {
    let world = World::new().await;
    let old = world.logged_in(ADA).await;
    let bobs = world.logged_in("bob@example.org").await;

    let with = |session| login(ADA, PASSWORD).with_session(&session);
    let first = world.send(with(old.clone())).await.unwrap().token;
    let second = world.send(with(bobs.clone())).await.unwrap().token;

    assert!(!world.is_active(&old).await);
    assert!(world.is_active(&first).await && world.is_active(&second).await);
    assert!(world.is_active(&bobs).await, "the session of another user stays valid");
}

#[tokio::test]
async fn a_failed_login_ends_no_session() {
    let world = World::new().await;
    let old = world.logged_in(ADA).await;

    let refused = world.send(login(ADA, "wrong").with_session(&old.clone())).await;

    assert!(refused.is_err());
    assert!(world.is_active(&old).await);
}

#[tokio::test]
async fn an_outdated_hash_is_replaced_by_the_login_that_proves_its_password() {
    let world = World::new().await;
    let user = world.register(ADA).await;
    let mut options = world.options.clone();
    options.hashing.scheme = Scheme::Bcrypt { cost: 5 };
    let stricter = auth_core::Auth::start(world.db.clone(), options).unwrap();

    assert!(send(&stricter, login(ADA, "wrong password")).await.is_err());
    let unchanged = users::find_user_by(world.db.read(), &UserFilter::by_id(user.id)).await.unwrap();
    send(&stricter, login(ADA, PASSWORD)).await.unwrap();
    let after = users::find_user_by(world.db.read(), &UserFilter::by_id(user.id)).await.unwrap();

    assert!(unchanged.hashed_password.expose().starts_with("$2b$04$"));
    assert!(after.hashed_password.expose().starts_with("$2b$05$"));
    assert_eq!(after.credential_version, user.credential_version, "the password did not change");
    let before = stricter.hasher_stats().hashed;
    send(&stricter, login(ADA, PASSWORD)).await.unwrap();
    assert_eq!(stricter.hasher_stats().hashed, before + 1, "nothing left to replace");
}

#[tokio::test]
async fn a_long_password_is_never_cut() {
    let world = World::new().await;
    let long = "x".repeat(1024);
    world.auth.create_user(email(ADA), new_password(&long)).await.unwrap();

    assert!(world.log_in(ADA, &long).await.is_ok());
    assert!(world.log_in(ADA, &long[..1023]).await.is_err());
    assert!(world.log_in(ADA, &format!("{}y", &long[..1023])).await.is_err());
}

/// asvs 6.2.8: the documented normalisation to NFC, and nothing else.
#[tokio::test]
async fn a_password_typed_on_another_system_is_the_same_password() {
    let world = World::new().await;
    world.auth.create_user(email(ADA), new_password("caf\u{e9} au lait")).await.unwrap();

    assert!(world.log_in(ADA, "cafe\u{301} au lait").await.is_ok());
    assert!(world.log_in(ADA, "cafe au lait").await.is_err());
}

#[tokio::test]
async fn a_user_whose_stored_hash_is_hostile_can_not_log_in() {
    let world = World::new().await;
    let user = world.register(ADA).await;
    let hostile = format!("$2b$31${}", &user.hashed_password.expose()[7..]);
    auth_db::text::update_user(
        world.db.for_migrations(),
        user.id,
        [format!("hashed_password={hostile}").as_str()],
        user.created_at,
    )
    .await
    .unwrap();

    let refused = world.log_in(ADA, PASSWORD).await;

    assert!(matches!(refused, Err(LoginError::InvalidCredentials)));
}
