use auth_db::{
    model::MailKind,
    outbox::{self, NewMail},
};

use crate::support::{World, at, email, reset_mail};

#[tokio::test]
async fn a_mail_is_claimed_by_one_and_due_again_when_it_says() {
    let world = World::new().await;
    let db = world.db.for_migrations();
    let wanted = reset_mail(&email("Ada@example.org"));
    outbox::insert(db, &wanted, at(0)).await.unwrap();
    assert_eq!(outbox::due(db, at(-1), 10).await.unwrap(), []);

    let mail = outbox::due(db, at(0), 10).await.unwrap().remove(0);
    assert_eq!((&mail.mail, mail.created_at, mail.attempts), (&wanted, at(0), 0));
    assert!(outbox::claim(db, &mail, at(60)).await.unwrap());
    assert!(!outbox::claim(db, &mail, at(60)).await.unwrap(), "another worker has it");
    assert_eq!(outbox::due(db, at(59), 10).await.unwrap(), []);
    assert_eq!(outbox::due(db, at(60), 10).await.unwrap()[0].attempts, 1);
    outbox::reschedule(db, mail.id, at(90)).await.unwrap();
    assert_eq!(outbox::due(db, at(89), 10).await.unwrap(), []);
    assert_eq!(outbox::count_queued(db).await.unwrap(), 1);
}

#[tokio::test]
async fn what_was_sent_is_counted_for_a_while_and_never_due() {
    let world = World::new().await;
    let db = world.db.for_migrations();
    let wanted = reset_mail(&email("ada@example.org"));
    for second in 0..3 {
        outbox::insert(db, &wanted, at(second)).await.unwrap();
        let mail = outbox::due(db, at(second), 10).await.unwrap().remove(0);
        outbox::mark_sent(db, mail.id, at(second)).await.unwrap();
    }
    outbox::insert(db, &wanted, at(2000)).await.unwrap();
    let next = outbox::due(db, at(2000), 10).await.unwrap().remove(0);
    let since = async |second| outbox::count_earlier(db, &next, at(second)).await.unwrap().sent;
    let latest = async |address| outbox::latest_sent(db, wanted.kind, address).await.unwrap();

    assert_eq!((since(-1).await, since(0).await, since(2).await), (3, 2, 0));
    assert_eq!(
        (latest(email("ada@example.org").key()).await, latest(email("eve@example.org").key()).await),
        (Some(at(2)), None)
    );
    assert_eq!(outbox::due(db, at(1000), 10).await.unwrap(), []);
    assert_eq!(outbox::delete_expired(db, at(1), 10).await.unwrap(), 2);
    assert_eq!(since(-1).await, 1);
}

#[tokio::test]
async fn of_what_waits_that_counts_which_has_waited_longer_for_the_same() {
    let world = World::new().await;
    let db = world.db.for_migrations();
    let ada = reset_mail(&email("ada@example.org"));
    let notice = NewMail { kind: MailKind::PasswordChanged, ..ada.clone() };
    for mail in [&ada, &notice, &reset_mail(&email("eve@example.org")), &ada, &ada] {
        outbox::insert(db, mail, at(0)).await.unwrap();
    }
    let waiting = outbox::due(db, at(0), 10).await.unwrap();

    let mut before = Vec::new();
    for mail in &waiting {
        before.push(outbox::count_earlier(db, mail, at(0)).await.unwrap().queued);
    }
    assert_eq!(before, [0, 0, 0, 1, 2]);
}

#[tokio::test]
async fn the_longest_waiting_is_looked_at_first() {
    let world = World::new().await;
    let db = world.db.for_migrations();
    for (address, second) in [("b@x.org", 5), ("a@x.org", 1), ("c@x.org", 9)] {
        outbox::insert(db, &reset_mail(&email(address)), at(second)).await.unwrap();
    }

    let due = outbox::due(db, at(100), 2).await.unwrap();
    let addresses: Vec<&str> = due.iter().map(|mail| mail.mail.email.as_str()).collect();
    assert_eq!(addresses, ["a@x.org", "b@x.org"]);
}
