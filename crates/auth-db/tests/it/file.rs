//! What is so of database files only.

use std::{
    fs,
    sync::atomic::{AtomicU32, Ordering},
};

use auth_db::{ConnectError, Database, DatabaseOptions, DbError, users};
use sea_orm::ConnectionTrait;

use crate::support::{World, at, email, hash, options_in};

/// asvs 15.4.3: a lock that another process holds for a moment costs a retry, and for long an error.
#[tokio::test]
async fn a_lock_that_passes_is_waited_for_and_one_that_stays_is_unavailable() {
    let Some(world) = World::of_file().await else { return };
    let mut options = world.options();
    options.lock_timeout = std::time::Duration::from_millis(1);
    let short_lived = Database::connect(&options).await.unwrap();
    let other = world.other().await;
    let holds = other.for_migrations();
    holds.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();

    let locked = short_lived.write(async |_| Ok(())).await;
    assert!(matches!(locked, Err(DbError::Unavailable(_))), "{locked:?}");

    holds.execute_unprepared("COMMIT").await.unwrap();
    short_lived.write(async |_| Ok(())).await.unwrap();
}

#[tokio::test]
async fn work_that_meets_a_passing_trouble_runs_again() {
    let Some(world) = World::of_file().await else { return };
    let mut options = world.options();
    options.lock_timeout = std::time::Duration::from_millis(1);
    let short_lived = Database::connect(&options).await.unwrap();
    let runs = AtomicU32::new(0);
    let other = Database::connect(&options).await.unwrap();

    short_lived
        .write(async |tx| {
            if runs.fetch_add(1, Ordering::Relaxed) == 0 {
                // Another process can't write meanwhile: its error is reported as unavailable.
                return Err(other
                    .for_migrations()
                    .execute_unprepared("BEGIN IMMEDIATE")
                    .await
                    .unwrap_err()
                    .into());
            }
            users::add_user(&tx, email("ada@example.org"), hash("h"), at(0)).await
        })
        .await
        .unwrap();

    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_reader_can_not_write() {
    let Some(world) = World::of_file().await else { return };

    let written = users::add_user(world.db.read(), email("ada@example.org"), hash("h"), at(0)).await;

    assert!(matches!(written, Err(DbError::Unavailable(_))), "{written:?}");
}

#[tokio::test]
async fn writes_reach_the_disk_before_they_are_acknowledged() {
    let Some(world) = World::of_file().await else { return };

    for (pragma, value) in [("synchronous", "2"), ("foreign_keys", "1"), ("journal_mode", "wal")] {
        assert_eq!(world.pragma(pragma).await, value, "{pragma}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_database_file_and_its_folder_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("new folder 100%");
    let url = auth_db::sqlite_url(&inner.join("auth ?#.db")).unwrap();

    let db = Database::connect(&DatabaseOptions::new(url)).await.unwrap();
    auth_migrations::up(db.for_migrations()).await.unwrap();

    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&inner), 0o700);
    for file in fs::read_dir(&inner).unwrap() {
        let file = file.unwrap().path();
        assert!(file.to_str().unwrap().contains("auth ?#.db"));
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn what_is_no_database_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("auth.db");
    fs::write(&file, "this is a letter to my aunt, and no database at all").unwrap();

    let opened = Database::connect(&options_in(&folder)).await;

    assert!(matches!(opened, Err(ConnectError::NotADatabase(path)) if path == file));
    assert!(fs::read_to_string(&file).unwrap().contains("my aunt"));
}

#[tokio::test]
async fn a_missing_file_is_made_only_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let options = DatabaseOptions { create: false, ..options_in(&folder) };

    assert!(matches!(Database::connect(&options).await, Err(ConnectError::Missing(_))));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_folder_in_the_place_of_the_file_and_a_foreign_url_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let url = auth_db::sqlite_url(folder.path()).unwrap();

    assert!(matches!(
        Database::connect(&DatabaseOptions::new(url)).await,
        Err(ConnectError::Unusable { .. })
    ));
    for url in ["", "auth.db", "oracle://x", "sqlite:x?mode=sideways"] {
        assert!(
            matches!(Database::connect(&DatabaseOptions::new(url)).await, Err(ConnectError::Url)),
            "{url}"
        );
    }
}

#[tokio::test]
async fn a_database_in_memory_reads_what_it_wrote() {
    let db = Database::connect(&DatabaseOptions::new("sqlite::memory:")).await.unwrap();
    auth_migrations::up(db.for_migrations()).await.unwrap();

    db.write(async |tx| users::add_user(&tx, email("ada@example.org"), hash("h"), at(0)).await)
        .await
        .unwrap();

    assert!(users::find_by_email(db.read(), email("ada@example.org").key()).await.unwrap().is_some());
}

#[tokio::test]
async fn the_data_version_changes_when_others_write_and_not_when_we_do() {
    let Some(world) = World::of_file().await else { return };
    let other = world.other().await;
    let add = async |db: &Database, address| {
        db.write(async |tx| users::add_user(&tx, email(address), hash("h"), at(0)).await).await.unwrap();
    };
    let before = world.db.data_version().await.unwrap();

    add(&world.db, "ada@example.org").await;
    assert_eq!(world.db.data_version().await.unwrap(), before);
    add(&other, "bob@example.org").await;
    let after = world.db.data_version().await.unwrap();
    assert_ne!(after, before);
    assert_eq!(world.db.data_version().await.unwrap(), after);

    // Another connection counts from the start, and may come to the same number.
    assert_ne!(other.data_version().await.unwrap(), Database::clone(&world.db).data_version().await.unwrap());
}
