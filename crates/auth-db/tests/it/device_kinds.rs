use auth_db::{device_kinds, users};

use crate::support::{World, at};

#[tokio::test]
async fn a_kind_is_noted_with_its_latest_notice_and_the_oldest_make_room() {
    let world = World::new().await;
    let (db, ada) = (world.db.for_migrations(), world.user("ada@example.org").await);
    let eve = world.user("eve@example.org").await;
    device_kinds::put(db, &[9; 32], eve.id, at(0), 0).await.unwrap();
    for kind in 1..=4 {
        device_kinds::put(db, &[kind; 32], ada.id, at(i64::from(kind)), 2).await.unwrap();
    }
    device_kinds::put(db, &[3; 32], ada.id, at(9), 2).await.unwrap();
    let noticed = async |kind| device_kinds::noticed_at(db, &[kind; 32]).await.unwrap();

    assert_eq!((noticed(1).await, noticed(2).await), (None, Some(at(2))));
    assert_eq!((noticed(3).await, noticed(4).await), (Some(at(9)), Some(at(4))));
    assert_eq!(noticed(9).await, Some(at(0)), "another user's");
    assert_eq!(device_kinds::purge(db, at(4), 10).await.unwrap(), 3);
    users::delete_user(db, ada.id).await.unwrap();
    assert_eq!(noticed(3).await, None);
}
