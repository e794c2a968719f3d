//! What is inserted on behalf of a user whose password was verified.

use auth_db::{
    Conflict, Database, DbError, devices,
    model::{User, UserChanges, UserId},
    sessions::{self, Which},
    users,
};
use sea_orm::{ConnectionTrait, Statement};
use test_servers::{Kind, kind};
use tokio::sync::oneshot;

use crate::support::{World, at, device, device_token, hash, session, session_token};

impl World {
    /// Inserts a session and a device in a statement each; returns whether it did.
    async fn inserts(&self, user: UserId, number: u8, credential_version: i64) -> bool {
        let on = self.db.autocommit();
        let (session, token) = (session(user, number), session_token(number).digest());
        let opened = sessions::insert_if_current(&on, &session, &token, credential_version).await.unwrap();
        let token = device_token(number).digest();
        let stored =
            devices::insert_if_current(&on, &device(user), &token, credential_version).await.unwrap();
        assert_eq!(opened, stored);
        stored
    }

    async fn change_password(&self, ada: &User) {
        let changes = UserChanges::hashed_password(hash("h1"));
        users::update_user(self.db.for_migrations(), ada.id, &changes, at(1)).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_inserted_is_what_was_given() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    assert!(world.inserts(ada.id, 1, 0).await);

    let db = world.db.read();
    let found = sessions::find(db, &session_token(1).digest()).await.unwrap();
    assert_eq!(found, Some(session(ada.id, 1)));
    assert_eq!(devices::find(db, &device_token(1).digest()).await.unwrap(), Some(device(ada.id)));
    let (on, token) = (world.db.autocommit(), session_token(1).digest());
    let again = sessions::insert_if_current(&on, &session(ada.id, 1), &token, 0).await;
    assert!(
        matches!(again, Err(DbError::Conflict(Conflict::SessionId | Conflict::SessionToken))),
        "{again:?}"
    );
}

#[tokio::test]
async fn nothing_is_inserted_for_a_user_who_is_gone_or_disabled_or_has_another_password() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    assert!(!world.inserts(UserId::from_i64(ada.id.as_i64() + 1), 1, 0).await);
    world.change_password(&ada).await;
    assert!(!world.inserts(ada.id, 2, 0).await);
    assert!(world.inserts(ada.id, 3, 1).await);
    users::set_disabled(world.db.for_migrations(), ada.id, Some(at(2)), at(2)).await.unwrap();
    assert!(!world.inserts(ada.id, 4, 1).await);
}

/// Waits until a statement on the same database waits for a lock. Writers of a file wait in this process, one by one.
async fn until_a_statement_waits(observer: &Database) {
    let question = match kind() {
        Kind::Sqlite => return,
        Kind::Postgres => {
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        }
        Kind::MariaDb => {
            // InnoDB does not refresh its report of lock waits while it is queried continuously.
            "SELECT 1 FROM information_schema.processlist WHERE db = DATABASE() AND info LIKE 'INSERT INTO `sessions`%'"
        }
    };
    let db = observer.for_migrations();
    let statement = Statement::from_string(db.get_database_backend(), question);
    while db.query_one_raw(statement.clone()).await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
}

/// A reset that has begun ends all sessions: one that is opened meanwhile must not outlive it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_insertion_waits_for_a_transaction_that_has_the_user() {
    let world = World::new().await;
    let ada = world.user("ada@example.org").await;
    let (locked, is_locked) = oneshot::channel();
    let (locked, db, id) = (std::sync::Mutex::new(Some(locked)), world.db.clone(), ada.id);
    let observer = world.other().await;
    let reset = tokio::spawn(async move {
        db.write(async |tx| {
            users::lock(&tx, id).await?;
            if let Some(locked) = locked.lock().unwrap().take() {
                locked.send(()).unwrap();
            }
            until_a_statement_waits(&observer).await;
            users::update_user(&tx, id, &UserChanges::hashed_password(hash("h1")), at(1)).await?;
            sessions::delete(&tx, Which::AllOf(id)).await
        })
        .await
        .unwrap();
    });
    is_locked.await.unwrap();

    assert!(!world.inserts(ada.id, 1, 0).await, "it saw the old version");
    reset.await.unwrap();
    assert!(sessions::all_of(world.db.read(), ada.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_database_is_embedded_if_it_is_a_file() {
    assert_eq!(World::new().await.db.is_embedded(), kind() == Kind::Sqlite);
}
