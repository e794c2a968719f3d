use auth_db::{
    Conflict, DbError,
    model::{UserChanges, UserFilter, UserId},
    text::{self, InvalidRequest},
    users,
};

use crate::support::{World, at, email, hash};

#[tokio::test]
async fn a_user_is_found_by_any_combination_of_fields() {
    let world = World::new().await;
    let ada = world.user("Ada@Example.org").await;
    world.user("bob@example.org").await;

    for pairs in [
        vec!["email=ADA@example.org."],
        vec!["id=1"],
        vec!["id=1", "hashed_password=h0", "email=ada@example.org"],
        vec!["hashed_password=h0"],
    ] {
        let found = text::find_user_by(world.db.read(), pairs.iter().copied()).await.unwrap();
        assert_eq!(found.id, ada.id, "{pairs:?}");
        assert_eq!(found.email.as_str(), "Ada@Example.org", "as typed");
    }
    for pairs in [vec!["email=carol@example.org"], vec!["id=1", "email=bob@example.org"], vec!["id=3"]] {
        let missing = text::find_user_by(world.db.read(), pairs.iter().copied()).await;
        assert!(matches!(missing, Err(DbError::NoResultFound)), "{pairs:?}");
    }
}

#[tokio::test]
async fn an_unknown_field_or_an_empty_filter_is_an_invalid_request() {
    let world = World::new().await;
    world.user("ada@example.org").await;

    let unknown = text::find_user_by(world.db.read(), ["no_email=x"]).await;
    let empty = users::find_user_by(world.db.read(), &UserFilter::default()).await;

    assert!(matches!(unknown, Err(DbError::InvalidRequest(InvalidRequest::UnknownField(_)))));
    assert!(matches!(empty, Err(DbError::InvalidRequest(InvalidRequest::Empty))));
}

#[tokio::test]
async fn an_address_is_taken_in_all_its_spellings() {
    let world = World::new().await;
    world.user("ada@bücher.example").await;

    for spelling in ["ada@bücher.example", "ADA@BÜCHER.example", "ada@xn--bcher-kva.example."] {
        let again = users::add_user(world.db.for_migrations(), email(spelling), hash("h1"), at(1)).await;
        assert!(matches!(again, Err(DbError::Conflict(Conflict::Email))), "{spelling}: {again:?}");
    }
}

#[tokio::test]
async fn an_update_changes_what_is_given_and_counts_passwords() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;

    text::update_user(world.db.for_migrations(), ada.id, ["email=eva@example.org"], at(1)).await.unwrap();
    let renamed = users::find_user_by(world.db.read(), &UserFilter::by_id(ada.id)).await.unwrap();
    users::update_user(world.db.for_migrations(), ada.id, &UserChanges::hashed_password(hash("h1")), at(2))
        .await
        .unwrap();
    let changed =
        users::find_by_email(world.db.read(), email("eva@example.org").key()).await.unwrap().unwrap();

    assert_eq!((renamed.email.as_str(), renamed.hashed_password.expose()), ("eva@example.org", "h0"));
    assert_eq!((renamed.credential_version, renamed.updated_at), (0, at(1)));
    assert_eq!((changed.credential_version, changed.hashed_password.expose()), (1, "h1"));
    assert_eq!((changed.created_at, changed.updated_at), (at(0), at(2)));
}

#[tokio::test]
async fn an_update_with_anything_wrong_changes_nothing() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    world.user("bob@example.org").await;
    let update = async |id, pairs: &[&'static str]| {
        text::update_user(world.db.for_migrations(), id, pairs.iter().copied(), at(9)).await
    };

    let unknown_field = update(ada.id, &["hashed_password=h1", "is_admin=1"]).await;
    let unknown_id = update(UserId::from_i64(99), &["hashed_password=h1"]).await;
    let taken = update(ada.id, &["hashed_password=h1", "email=BOB@example.org"]).await;

    assert!(matches!(unknown_field, Err(DbError::InvalidRequest(InvalidRequest::UnknownField(_)))));
    assert!(matches!(unknown_id, Err(DbError::NoResultFound)));
    assert!(matches!(taken, Err(DbError::Conflict(Conflict::Email))));
    let after = users::find_user_by(world.db.read(), &UserFilter::by_id(ada.id)).await.unwrap();
    assert_eq!((after.hashed_password.expose(), after.updated_at), ("h0", at(0)));
}

#[tokio::test]
async fn a_hash_is_replaced_only_while_it_is_the_stored_one() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    let replace = async |old, new| {
        users::replace_hash(world.db.for_migrations(), ada.id, &hash(old), &hash(new), at(1)).await.unwrap()
    };

    assert!(replace("h0", "h1").await);
    assert!(!replace("h0", "h2").await);

    let after = users::find_by_email(world.db.read(), ada.email.key()).await.unwrap().unwrap();
    assert_eq!((after.hashed_password.expose(), after.credential_version), ("h1", 0));
}

/// An account is deleted and its address registered again: nothing of the old account is valid for the new one.
#[tokio::test]
async fn an_id_is_never_given_to_a_second_user() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;

    users::delete_user(world.db.for_migrations(), ada.id).await.unwrap();
    let again = world.user("ada@example.org").await;

    assert!(again.id > ada.id);
}

#[tokio::test]
async fn a_row_that_we_never_wrote_is_reported_as_corrupt() {
    for (damage, column) in [
        ("email = 'no address'", "email"),
        ("email_key = 'eve@example.org'", "email_key"),
        ("hashed_password = ''", "hashed_password"),
        ("created_at = 9223372036854775807", "created_at"),
    ] {
        let world = World::new().await;
        let ada = world.user("ada@example.org").await;
        world.execute(&format!("UPDATE users SET {damage}")).await;

        let found = users::find_user_by(world.db.read(), &UserFilter::by_id(ada.id)).await;
        assert!(matches!(found, Err(DbError::Corrupt { column: found, .. }) if found == column), "{damage}");
    }
}
