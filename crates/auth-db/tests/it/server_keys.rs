use auth_db::{Conflict, DbError, server_keys};
use test_servers::{Kind, kind};

use crate::support::{World, at};

#[tokio::test]
async fn the_first_key_of_a_name_stays() {
    let world = World::new().await;
    let put = async |name: &'static str, byte: u8| {
        let put = world.db.write(async |tx| server_keys::find_or_insert(&tx, name, [byte; 32], at(0)).await);
        put.await.unwrap()
    };

    assert_eq!(put("decoys", 1).await, [1; 32]);
    assert_eq!(put("decoys", 2).await, [1; 32]);
    assert_eq!(put("another", 2).await, [2; 32]);
}

#[tokio::test]
async fn a_key_that_is_none_is_reported_as_corrupt() {
    let world = World::new().await;
    // MariaDB fills up what is too short.
    let damage = match kind() {
        Kind::Sqlite => "INSERT INTO server_keys VALUES ('decoys', x'00', 0)",
        Kind::Postgres => "INSERT INTO server_keys VALUES ('decoys', '\\x00', 0)",
        Kind::MariaDb => return,
    };
    world.execute(damage).await;

    let found = server_keys::find_or_insert(world.db.read(), "decoys", [1; 32], at(0)).await;

    assert!(matches!(found, Err(DbError::Corrupt { column: "bytes", .. })), "{found:?}");
}

/// Of two concurrent insertions the second is a conflict, and its retry finds the key of the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_bring_a_key_at_once_one_prevails() {
    let world = World::new().await;
    let others = [world.other().await, world.other().await, world.db.clone()];
    let tasks: Vec<_> = (0..30_u8)
        .map(|number| {
            let db = others[usize::from(number) % 3].clone();
            tokio::spawn(async move {
                let put = async || {
                    db.write(async |tx| server_keys::find_or_insert(&tx, "decoys", [number; 32], at(0)).await)
                        .await
                };
                match put().await {
                    Err(DbError::Conflict(Conflict::ServerKey)) => put().await,
                    first => first,
                }
            })
        })
        .collect();

    let mut keys = Vec::new();
    for task in tasks {
        keys.push(task.await.unwrap().unwrap());
    }

    keys.dedup();
    assert_eq!(keys.len(), 1);
}

#[tokio::test]
async fn a_key_that_came_between_look_and_insertion_is_a_conflict() {
    let world = World::new().await;
    if kind() != Kind::Sqlite {
        return;
    }
    world
        .execute(
            "CREATE TRIGGER late BEFORE INSERT ON server_keys WHEN NEW.created_at > 0 BEGIN
             INSERT INTO server_keys VALUES (NEW.name, x'00', 0); END",
        )
        .await;

    let late = server_keys::find_or_insert(world.db.for_migrations(), "another", [1; 32], at(1)).await;

    assert!(matches!(late, Err(DbError::Conflict(Conflict::ServerKey))), "{late:?}");
}
