use auth_db::{Conflict, DbError, server_keys};

use crate::support::{World, at};

#[tokio::test]
async fn the_first_key_of_a_name_stays() {
    let world = World::new().await;
    let put = async |name: &'static str, byte: u8| {
        let put = world.db.write(async |tx| server_keys::find_or_put(&tx, name, [byte; 32], at(0)).await);
        put.await.unwrap()
    };

    assert_eq!(put("decoys", 1).await, [1; 32]);
    assert_eq!(put("decoys", 2).await, [1; 32]);
    assert_eq!(put("another", 2).await, [2; 32]);
}

#[tokio::test]
async fn a_key_that_is_none_is_reported_as_corrupt_and_a_second_one_as_a_conflict() {
    let world = World::new().await;
    world.execute("INSERT INTO server_keys VALUES ('decoys', x'00', 0)").await;

    let found = server_keys::find_or_put(world.db.read(), "decoys", [1; 32], at(0)).await;
    assert!(matches!(found, Err(DbError::Corrupt { column: "bytes", .. })), "{found:?}");

    // Brought by somebody else between look and insertion.
    world
        .execute(
            "CREATE TRIGGER late BEFORE INSERT ON server_keys WHEN NEW.created_at > 0 BEGIN
        INSERT INTO server_keys VALUES (NEW.name, x'00', 0); END",
        )
        .await;
    let late = server_keys::find_or_put(world.db.for_migrations(), "another", [1; 32], at(1)).await;
    assert!(matches!(late, Err(DbError::Conflict(Conflict::ServerKey))), "{late:?}");
}
