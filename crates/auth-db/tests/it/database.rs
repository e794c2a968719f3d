use auth_db::{Database, DatabaseOptions, DbError, Transaction, sessions, users};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::support::{World, at, email, hash, open, session_token};

#[tokio::test]
async fn a_transaction_commits_all_or_nothing() {
    let world = World::new().await;

    let refused = world
        .db
        .write(async |tx| {
            users::add_user(&tx, email("ada@example.org"), hash("h"), at(0)).await?;
            Err::<(), _>(DbError::NoResultFound)
        })
        .await;

    assert!(matches!(refused, Err(DbError::NoResultFound)));
    assert!(users::find_by_email(world.db.read(), email("ada@example.org").key()).await.unwrap().is_none());
}

/// Programs on other runtimes spawn these futures on any thread.
#[tokio::test]
async fn futures_can_move_between_threads() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let world = World::new().await;
    let db = world.db.clone();

    let added = tokio::spawn(assert_send(async move {
        db.write(async |tx| users::add_user(&tx, email("ada@example.org"), hash("h"), at(0)).await).await
    }));

    added.await.unwrap().unwrap();
}

/// An operator reverted the migrations while the service runs.
#[tokio::test]
async fn a_reverted_schema_is_an_unavailable_database_and_the_error_says_so() {
    let world = World::new().await;
    world.db.check_schema().await.unwrap();
    // One migration at a time.
    while auth_migrations::down(world.db.for_migrations(), 1).await.unwrap() > 0 {
        let errors = [
            world.db.check_schema().await.unwrap_err(),
            sessions::find_with_user(world.db.read(), &session_token(1).digest()).await.unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, DbError::Unavailable(_)), "{error:?}");
            assert!(error.to_string().contains("the schema is not that of this version"), "{error}");
        }
    }
}

/// Another application has tables of these names.
#[tokio::test]
async fn a_database_of_another_program_is_left_alone_and_named() {
    for (made, expected) in [
        ("CREATE TABLE sessions (id int)", "a table `sessions` of another program"),
        ("CREATE TABLE users (id int)", "a table `users` of another program"),
        (
            "CREATE TABLE seaql_migrations (version varchar(255) NOT NULL PRIMARY KEY, applied_at bigint NOT NULL)",
            "a table `seaql_migrations` of another program",
        ),
    ] {
        let database = test_servers::TestDatabase::new().await;
        let db = open(database.url()).await;
        let connection = db.for_migrations();
        connection.execute_unprepared(made).await.unwrap();
        if made.contains("seaql") {
            let theirs = "INSERT INTO seaql_migrations VALUES ('m20200101_000001_theirs', 0)";
            connection.execute_unprepared(theirs).await.unwrap();
        }

        let refused = auth_migrations::up(connection).await.unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}");
        let users = connection.execute_unprepared("SELECT email_key FROM users").await;
        assert!(users.is_err(), "nothing was made");
    }
}

/// A statement that no connection has prepared.
fn unprepared(tx: &Transaction, number: usize) -> Statement {
    let backend = tx.get_database_backend();
    let parameter = if backend == DbBackend::Postgres { "$1" } else { "?" };
    Statement::from_sql_and_values(backend, format!("SELECT {parameter} + {number}"), [1.into()])
}

/// A caller that is cancelled at any point leaves no open transaction behind.
#[tokio::test(flavor = "multi_thread")]
async fn work_that_is_given_up_anywhere_leaves_nothing_behind() {
    let world = World::new().await;
    // The only one there is.
    let one = DatabaseOptions { max_connections: 1, ..world.options() };
    let only = Database::connect(&one).await.unwrap();
    for round in 0..300_usize {
        let db = only.clone();
        let given_up = tokio::spawn(async move {
            db.write(async |tx| {
                auth_db::server_keys::find_or_insert(&tx, "k", [0; 32], at(0)).await?;
                tx.query_one_raw(unprepared(&tx, round)).await?;
                Ok(())
            })
            .await
        });
        for _ in 0..round * 3 {
            tokio::task::yield_now().await;
        }
        given_up.abort();
        let _ = given_up.await;

        let address = email(&format!("user{round}@example.org"));
        let add = async |tx| users::add_user(&tx, address.clone(), hash("h"), at(0)).await.map(drop);
        only.write(add).await.unwrap();
        assert!(users::find_by_email(only.read(), address.key()).await.unwrap().is_some(), "round {round}");
    }
}
