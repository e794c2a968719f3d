use auth_db::{device_kinds, users};

use crate::support::{World, at};

#[tokio::test]
async fn kinds_are_listed_by_their_latest_notice_and_each_notice_is_taken_once() {
    let world = World::new().await;
    let (db, ada) = (world.db.for_migrations(), world.user("ada@example.org").await);
    let eve = world.user("eve@example.org").await;
    assert!(device_kinds::record_notice(db, &[9; 32], eve.id, None, at(0)).await.unwrap());
    for kind in 1..=4 {
        let at = at(i64::from(kind));
        assert!(device_kinds::record_notice(db, &[kind; 32], ada.id, None, at).await.unwrap());
        assert!(
            !device_kinds::record_notice(db, &[kind; 32], ada.id, None, at).await.unwrap(),
            "it is there"
        );
    }
    assert!(!device_kinds::record_notice(db, &[3; 32], ada.id, Some(at(2)), at(9)).await.unwrap());
    assert!(device_kinds::record_notice(db, &[3; 32], ada.id, Some(at(3)), at(9)).await.unwrap());
    assert!(!device_kinds::record_notice(db, &[3; 32], ada.id, Some(at(3)), at(9)).await.unwrap());

    let all = async |user| device_kinds::all_of(db, user).await.unwrap();
    let latest_first = [([3; 32], at(9)), ([4; 32], at(4)), ([2; 32], at(2)), ([1; 32], at(1))];
    assert_eq!(all(ada.id).await, latest_first);
    device_kinds::delete(db, &[[1; 32], [2; 32]]).await.unwrap();
    assert_eq!(all(ada.id).await, latest_first[..2]);
    assert_eq!(device_kinds::delete_expired(db, at(4), 10).await.unwrap(), 2);
    assert_eq!(all(eve.id).await, []);
    users::delete_user(db, ada.id).await.unwrap();
    assert_eq!(all(ada.id).await, []);
}
