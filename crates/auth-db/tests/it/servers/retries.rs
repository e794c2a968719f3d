//! Retries of transactions that fail because of concurrent ones.

use std::sync::atomic::{AtomicU32, Ordering};

use auth_db::{DbError, users};
use sea_orm::ConnectionTrait;
use test_servers::{Kind, kind};

use crate::support::{World, at, email, hash};

/// Two transactions wait for each other. The database aborts one of them, and it is retried.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deadlock_is_retried() {
    if kind() == Kind::Sqlite {
        return;
    }
    let world = World::new().await;
    let ada = world.user("ada@example.org").await.id;
    let bob = world.user("bob@example.org").await.id;
    let runs = AtomicU32::new(0);
    let barrier = tokio::sync::Barrier::new(2);
    let lock_both = async |first, second| {
        world
            .db
            .write(async |tx| {
                users::lock(&tx, first).await?;
                // Only the first two have both locked one.
                if runs.fetch_add(1, Ordering::SeqCst) < 2 {
                    barrier.wait().await;
                }
                users::lock(&tx, second).await.map(drop)
            })
            .await
    };

    let (one, other) = tokio::join!(lock_both(ada, bob), lock_both(bob, ada));

    one.unwrap();
    other.unwrap();
    assert!(runs.load(Ordering::SeqCst) > 2, "there was a deadlock");
}

/// Statements that fail with errors worth a retry.
fn transient_errors() -> &'static [&'static str] {
    match kind() {
        Kind::Sqlite => &[],
        Kind::Postgres => &[
            "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$",
            "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$",
            "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '55P03'; END $$",
        ],
        Kind::MariaDb => &[
            "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213",
            "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1205",
        ],
    }
}

/// Transactions that fail because of concurrent ones are retried a limited number of times.
#[tokio::test]
async fn transient_errors_are_retried() {
    let errors = transient_errors();
    if errors.is_empty() {
        return;
    }
    let world = World::new().await;
    for (number, error) in errors.iter().enumerate() {
        let runs = AtomicU32::new(0);
        let address = email(&format!("user{number}@example.org"));

        world
            .db
            .write(async |tx| {
                users::add_user(&tx, address.clone(), hash("h"), at(0)).await?;
                if runs.fetch_add(1, Ordering::Relaxed) < 2 {
                    tx.execute_unprepared(error).await?;
                }
                Ok(())
            })
            .await
            .unwrap();

        assert_eq!(runs.load(Ordering::Relaxed), 3, "{error}");
        assert!(users::find_by_email(world.db.read(), address.key()).await.unwrap().is_some());
    }

    // Not without end.
    let runs = AtomicU32::new(0);
    let never = world.db.write(async |tx| {
        runs.fetch_add(1, Ordering::Relaxed);
        tx.execute_unprepared(errors[0]).await?;
        Ok(())
    });
    assert!(matches!(never.await, Err(DbError::Unavailable(_))));
    assert_eq!(runs.load(Ordering::Relaxed), 7);
}
