//! Backups, created and restored with the commands of `docs/operating.md`: users log in, sessions and resets are valid.

use sqlx::{AssertSqlSafe, Connection};
use test_servers::{Kind, TestDatabase, kind, shared};

use crate::support::{ADA, PASSWORD, Server, States, open};

/// Backs up the database of a running server; the URL of a restored one.
async fn restored(server: &Server, folder: &std::path::Path) -> String {
    let url = server.url();
    if kind() == Kind::Sqlite {
        let copy = folder.join("copy.db");
        let mut database = open(&server.database()).await;
        let backup = AssertSqlSafe(format!("VACUUM INTO '{}'", copy.display()));
        sqlx::query(backup).execute(&mut database).await.unwrap();
        database.close().await.unwrap();
        return format!("sqlite:{}", copy.display());
    }
    let dump = shared(kind()).dump(url.rsplit('/').next().unwrap());
    let database = TestDatabase::new().await;
    shared(kind()).restore(database.url().rsplit('/').next().unwrap(), &dump);
    database.url().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_is_the_service_of_the_moment_it_was_made() {
    let server = Server::start();
    let client = server.client();
    let States { live, ended, reset } = client.user_of_all_states(ADA).await;
    let folder = tempfile::tempdir().unwrap();

    let url = restored(&server, folder.path()).await;
    client.register("later@example.org").await;
    let restored = Server::with(&[("AUTH_DATABASE_URL", &url)]);
    let client = restored.client();

    assert_eq!(client.profile(&live).await.status, 200);
    assert_eq!(client.profile(&ended).await.status, 403);
    assert_eq!(client.log_in(ADA, PASSWORD).await.status, 200);
    assert_eq!(client.log_in("later@example.org", PASSWORD).await.status, 401);
    assert_eq!(client.register("new@example.org").await.status, 200, "numbering goes on");
    assert_eq!(client.reset(ADA, &reset, "a new one").await.status, 200);
    assert_eq!(client.profile(&live).await.status, 403);
}
