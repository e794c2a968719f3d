//! Hashes that other systems left behind: made by Werkzeug 3.1, Django 5.2, argon2-cffi 25.1 and passlib 1.7.

use auth_core::admin::ImportError;
use auth_db::{
    model::{PasswordHash, UserFilter},
    users,
};

use crate::support::{ADA, World, email};

/// The password of all of them.
const PASSWORD: &str = "correct horse b\u{e4}ttery";

const LEFT_BEHIND: [&str; 13] = [
    "pbkdf2_sha256$1000$saltsalt$o4+n62XAoW5Z39V5ifl+AMJdvwM8U/Xvms1o3OZGASI=",
    "argon2$argon2id$v=19$m=1024,t=1,p=2$c2FsdHNhbHRzYWx0c2FsdA$6sidQQGOyLdnBmH/d+pAM5q5oOJZow0Zby2Q9zFDQKM",
    "bcrypt_sha256$$2b$04$.E13XFpPC0/77AhFiNGzEeLFn2PF2LR6SLOt1Z7eugY5miP78YwEy",
    "scrypt$1024$saltsalt$8$5$MpmDxSp/SiFR5qU+TRXh4ag6eAku7/jXKaD8e494FVUu26SLo+iIfmXnIz72WmqN/2kj6IsXoGydwRv4AaGrYg==",
    "scrypt:1024:8:1$RNcTyftONYkbsvaa$c75daf8d682f841ba4694dd5a71916d78add366377ab50b0dedce4916bd5e2c8f438abb3beb3d328a16254c4b731a802be77cc9ed56604c89c9f7224e53b9513",
    "pbkdf2:sha256:1000$m1OvjGWG8CWbkCut$9770075a521041e189495161ad12dc88d46f22f2b790c2a8968ba0aa31f071c6",
    "pbkdf2:sha512:1000$JGrWpCBeWKZ3S2uN$1b08ca89627a99e467f03a92eb32981b513f4c2fb362c1f2865b3dbc2013bb5d825ae7a0342c7e190e911ee6d1323666475e662d27b000fced79d3f4b0a7c972",
    "$argon2i$v=19$m=1024,t=1,p=1$KqyPLSWQrdikqNyNxCw2zg$wcn16y3CkDXtVSviMfxjv3IAJ1LJpraTs1WH5rrjB4A",
    "$argon2d$v=19$m=1024,t=1,p=1$K3uRfBTF6hPk3smkZY3XYw$1h/0whSshYFYoq8x0eOzajdga6ZElDsfzbmHS2Nv0To",
    "$argon2id$v=19$m=1024,t=1,p=1$UN0WshB/hEw6q4paTvfSIA$wb+CxXsAdXmLBMvyJAitpv7CL7dYYdGhg2n/Bhtrjag",
    "$scrypt$ln=10,r=8,p=1$L+W815oTYkyJEcK4txZCiA$3RLBgcncbhfcGqWjHcdRXIjFMH6mc8pQZ/+Y9UtOf/w",
    "$pbkdf2-sha256$i=1000,l=32$c2l4dGVlbiBieXRlIHNsdA$RiuNkurvFcPm6NXnZ6HEfTQYu88xuesS3iVvJTe4Ykw",
    "$pbkdf2-sha512$i=1000,l=64$c2l4dGVlbiBieXRlIHNsdA$AYH4Q7h0p/clukPLzB3bguHnPNgKdRoJ0Im8cinpCxkIZCU3DXZAmIgoRSlh41Hhf0yiPHlHuLF+ZcmYUsqjEQ",
];

async fn import(world: &World, hash: &str) -> Result<auth_core::model::User, ImportError> {
    world.auth.import_user(email(ADA), PasswordHash::parse(hash).unwrap()).await
}

#[tokio::test]
async fn an_imported_user_logs_in_with_the_old_password_and_is_rehashed_by_it() {
    for hash in LEFT_BEHIND {
        let world = World::new().await;
        let user = import(&world, hash).await.unwrap_or_else(|error| panic!("{hash}: {error}"));

        assert!(world.log_in(ADA, "another password").await.is_err(), "{hash}");
        let unchanged = users::find_user_by(world.db.read(), &UserFilter::by_id(user.id)).await.unwrap();
        assert_eq!(unchanged.hashed_password.expose(), hash);

        assert!(world.log_in(ADA, PASSWORD).await.is_ok(), "{hash}");
        let rehashed = users::find_user_by(world.db.read(), &UserFilter::by_id(user.id)).await.unwrap();
        assert!(rehashed.hashed_password.expose().starts_with("$2b$04$"), "{hash}");
        assert!(world.log_in(ADA, PASSWORD).await.is_ok(), "{hash}: by the new hash");
    }
}

/// Others hash passwords as typed; ours are normalised.
#[tokio::test]
async fn a_password_that_was_hashed_as_typed_matches_as_typed_and_then_in_any_form() {
    let decomposed = "correct horse ba\u{308}ttery";
    let world = World::new().await;
    import(&world, "pbkdf2_sha256$1000$saltsalt$tQ9SqTfnsXpMmAvYuADkcFLroZzpCGFyAFGwTQrN5lI=").await.unwrap();

    assert!(world.log_in(ADA, PASSWORD).await.is_err(), "the composed form was not hashed");
    assert!(world.log_in(ADA, decomposed).await.is_ok());
    assert!(world.log_in(ADA, PASSWORD).await.is_ok(), "rehashed in normal form");
}

#[tokio::test]
async fn an_unsupported_hash_is_rejected_and_not_stored() {
    let world = World::new().await;
    for hostile in [
        "plaintext",
        "md5$salt$0123456789abcdef0123456789abcdef",
        "$2b$15$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i",
        "$2x$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i",
        "$argon2id$v=19$m=131073,t=1,p=1$UN0WshB/hEw6q4paTvfSIA$wb+CxXsAdXmLBMvyJAitpv7CL7dYYdGhg2n/Bhtrjag",
        "$argon2id$v=19$m=131072,t=5,p=1$UN0WshB/hEw6q4paTvfSIA$wb+CxXsAdXmLBMvyJAitpv7CL7dYYdGhg2n/Bhtrjag",
        "$argon2id$v=19$m=1024,t=1,p=17$UN0WshB/hEw6q4paTvfSIA$wb+CxXsAdXmLBMvyJAitpv7CL7dYYdGhg2n/Bhtrjag",
        "$scrypt$ln=17,r=8,p=1$L+W815oTYkyJEcK4txZCiA$3RLBgcncbhfcGqWjHcdRXIjFMH6mc8pQZ/+Y9UtOf/w",
        "$scrypt$ln=16,r=8,p=9$L+W815oTYkyJEcK4txZCiA$3RLBgcncbhfcGqWjHcdRXIjFMH6mc8pQZ/+Y9UtOf/w",
        "$scrypt$ln=31,r=67108864,p=1$L+W815oTYkyJEcK4txZCiA$3RLBgcncbhfcGqWjHcdRXIjFMH6mc8pQZ/+Y9UtOf/w",
        "$scrypt$ln=255,r=8,p=1$L+W815oTYkyJEcK4txZCiA$3RLBgcncbhfcGqWjHcdRXIjFMH6mc8pQZ/+Y9UtOf/w",
        "scrypt:1000:8:1$salt$c75d",
        "scrypt:1024:8$salt$c75d",
        "scrypt:1024:8:1$$c75d",
        "pbkdf2:sha256:2000001$salt$9770075a521041e189495161ad12dc88d46f22f2b790c2a8968ba0aa31f071c6",
        "pbkdf2:sha256:0$salt$9770075a521041e189495161ad12dc88d46f22f2b790c2a8968ba0aa31f071c6",
        "pbkdf2:sha256:+1$salt$9770075a521041e189495161ad12dc88d46f22f2b790c2a8968ba0aa31f071c6",
        "pbkdf2:md5:1000$salt$9770075a521041e189495161ad12dc88d46f22f2b790c2a8968ba0aa31f071c6",
        "pbkdf2:sha256:1000$salt$977",
        "pbkdf2_sha256$2000001$saltsalt$o4+n62XAoW5Z39V5ifl+AMJdvwM8U/Xvms1o3OZGASI=",
        "pbkdf2_sha256$1000$saltsalt$",
        "argon2$$2b$04$.E13XFpPC0/77AhFiNGzEeLFn2PF2LR6SLOt1Z7eugY5miP78YwEy",
        "bcrypt_sha256$$2b$31$.E13XFpPC0/77AhFiNGzEeLFn2PF2LR6SLOt1Z7eugY5miP78YwEy",
    ] {
        assert!(matches!(import(&world, hostile).await, Err(ImportError::UnsupportedHash)), "{hostile}");
    }
    world.register(ADA).await;
}

#[tokio::test]
async fn an_address_that_is_taken_can_not_be_imported() {
    let world = World::new().await;
    world.register("ADA@example.org").await;

    let refused = import(&world, LEFT_BEHIND[0]).await.unwrap_err();

    assert_eq!(refused.to_string(), "User ada@example.org already exists");
}
