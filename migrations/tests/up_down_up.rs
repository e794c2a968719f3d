//! The schema can be created, reverted and created again, and a foreign schema is detected.
#![expect(clippy::unwrap_used, reason = "a failing test should show where")]

use auth_migrations::{MigrateError, down, status, up};
use sea_orm_migration::sea_orm::{ConnectionTrait, Database, DatabaseConnection};

async fn empty_database() -> DatabaseConnection {
    Database::connect("sqlite::memory:").await.unwrap()
}

async fn schema(db: &DatabaseConnection) -> Vec<String> {
    let sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name";
    let statement = sea_orm_migration::sea_orm::Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

#[tokio::test]
async fn up_down_up_leads_to_the_same_schema() {
    let db = empty_database().await;

    let applied = up(&db).await.unwrap();
    let first = schema(&db).await;
    assert_eq!(down(&db, 100).await.unwrap(), applied);
    let between = schema(&db).await;
    assert_eq!(up(&db).await.unwrap(), applied);

    assert!(applied >= 3);
    assert!(!between.iter().any(|sql| sql.contains("users")), "{between:?}");
    assert_eq!(schema(&db).await, first);
}

#[tokio::test]
async fn each_step_down_takes_back_one_migration() {
    let db = empty_database().await;
    let all = up(&db).await.unwrap();

    for left in (0..all).rev() {
        assert_eq!(down(&db, 1).await.unwrap(), 1);
        assert_eq!(status(&db).await.unwrap().applied.len(), left);
    }
    assert_eq!(down(&db, 1).await.unwrap(), 0);
}

#[tokio::test]
async fn the_status_of_an_empty_database_is_read_without_changing_it() {
    let db = empty_database().await;

    let status = status(&db).await.unwrap();

    assert!(status.applied.is_empty() && !status.pending.is_empty() && !status.is_current());
    assert!(schema(&db).await.is_empty());
}

#[tokio::test]
async fn a_second_run_applies_nothing() {
    let db = empty_database().await;
    up(&db).await.unwrap();

    assert_eq!(up(&db).await.unwrap(), 0);
    assert!(status(&db).await.unwrap().is_current());
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let db = empty_database().await;
    up(&db).await.unwrap();
    db.execute_unprepared("INSERT INTO seaql_migrations VALUES ('m29990101_000001_future', 0)")
        .await
        .unwrap();

    assert_eq!(status(&db).await.unwrap().unknown, ["m29990101_000001_future"]);
    assert!(matches!(up(&db).await, Err(MigrateError::Newer(name)) if name.contains("future")));
    assert!(matches!(down(&db, 1).await, Err(MigrateError::Newer(_))));
}
