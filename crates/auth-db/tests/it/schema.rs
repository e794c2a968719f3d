//! A schema of its own in the database of an app (`PostgreSQL`).

use auth_db::users;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use test_servers::{Kind, TestDatabase, kind};

use crate::support::{at, email, hash, open};

#[tokio::test]
async fn in_a_schema_of_its_own_it_leaves_the_tables_of_the_app_alone() {
    if kind() != Kind::Postgres {
        return;
    }
    let database = TestDatabase::new().await;
    let app = open(database.url()).await;
    let app = app.for_migrations();
    app.execute_unprepared("CREATE TABLE users (name TEXT); INSERT INTO users VALUES ('of the app')")
        .await
        .unwrap();
    assert!(auth_migrations::up(app).await.unwrap_err().to_string().contains("CREATE SCHEMA auth"));
    app.execute_unprepared("CREATE SCHEMA accounts").await.unwrap();

    let separator = if database.url().contains('?') { '&' } else { '?' };
    let url = format!("{}{separator}options=-csearch_path%3Daccounts", database.url());
    let db = open(&url).await;
    auth_migrations::up(db.for_migrations()).await.unwrap();
    db.check_schema().await.unwrap();
    db.write(async |tx| users::add_user(&tx, email("ada@example.org"), hash("h"), at(0)).await)
        .await
        .unwrap();

    assert!(users::find_by_email(db.read(), email("ada@example.org").key()).await.unwrap().is_some());
    let of_app = Statement::from_string(DbBackend::Postgres, "SELECT name FROM users");
    assert_eq!(app.query_all_raw(of_app).await.unwrap().len(), 1, "the table of the app is as it was");
}
