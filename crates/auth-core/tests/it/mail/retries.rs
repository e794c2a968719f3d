//! Emails that can't be sent: postponed, given up, and sent by another process.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use auth_core::{
    Auth, Clock, RequestContext,
    mail::{Mail, MailError, Mailer, SendFuture},
    model::UserFilter,
};
use auth_db::users;
use test_servers::{Kind, kind};
use tokio::sync::Notify;

use super::{RecordingMailer, with_mail};
use crate::support::{ADA, World, email};

#[tokio::test]
async fn a_postponed_mail_is_attempted_at_growing_intervals_and_given_up_after_a_day() {
    let (world, mailer) = with_mail().await;
    world.asks(ADA).await;
    mailer.fail_with(Some(MailError::Later("the server answered 451".to_owned())));
    let (mut attempts, mut given_up) = (Vec::new(), 0);
    // All pauses are multiples of 15 seconds.
    for second in (0..90_000).step_by(15) {
        let delivered = world.auth.deliver_due(&mailer).await.unwrap();
        if delivered.postponed > 0 {
            attempts.push(second);
        }
        given_up += delivered.given_up;
        world.clock.advance(Duration::from_secs(15));
        if given_up > 0 {
            break;
        }
    }

    let pauses: Vec<i64> = attempts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pauses[..7], [15, 30, 60, 120, 240, 480, 900]);
    assert_eq!((given_up, mailer.count()), (1, 0));
    let stats = world.auth.mail_stats();
    assert_eq!((stats.given_up, stats.postponed), (1, attempts.len() as u64));
    assert_eq!(world.auth.queued_mails().await.unwrap(), 0);
    assert!((90..=110).contains(&attempts.len()), "{}", attempts.len());
}

#[tokio::test]
async fn a_retry_makes_a_new_token() {
    let (world, mailer) = with_mail().await;
    world.asks(ADA).await;
    mailer.fail_with(Some(MailError::Later(String::new())));
    world.auth.deliver_due(&mailer).await.unwrap();
    mailer.fail_with(None);
    world.clock.advance(Duration::from_secs(15));

    assert_eq!(world.auth.deliver_due(&mailer).await.unwrap().sent, 1);
    world.resets(&mailer.token()).await.unwrap();
}

#[tokio::test]
async fn a_permanently_rejected_mail_is_given_up_and_delays_no_other() {
    let (world, mailer) = with_mail().await;
    world.asks(ADA).await;
    mailer.fail_with(Some(MailError::Never("the server answered 550".to_owned())));
    assert_eq!(world.auth.deliver_due(&mailer).await.unwrap().given_up, 1);
    mailer.fail_with(None);
    world.asks(ADA).await;
    assert_eq!(world.auth.deliver_due(&mailer).await.unwrap().sent, 1);
}

/// While the server is unreachable, one email is attempted and not all.
#[tokio::test]
async fn an_unreachable_server_gets_few_attempts_and_every_mail_arrives_later() {
    let (world, mailer) = with_mail().await;
    for number in 0..50 {
        let address = format!("user{number}@example.org");
        world.register(&address).await;
        world.asks(&address).await;
    }
    mailer.fail_with(Some(MailError::Unreachable("no connection".to_owned())));
    for _ in 0..60 {
        let delivered = world.auth.deliver_due(&mailer).await.unwrap();
        assert!(delivered.sent == 0 && delivered.postponed == 0);
        world.clock.advance(Duration::from_secs(10));
    }
    mailer.fail_with(None);
    let mut minutes = 0;
    while mailer.count() < 50 {
        world.auth.deliver_due(&mailer).await.unwrap();
        world.clock.advance(Duration::from_mins(1));
        minutes += 1;
        assert!(minutes < 60);
    }
}

/// When a process is killed while it sends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Killed {
    /// Before the server accepted the email.
    Before,
    /// After that, and before the email was marked as sent.
    After,
}

/// Sends a number of emails. While the next one is sent, its process is killed.
struct Mortal<'a> {
    mailer: &'a RecordingMailer,
    left: AtomicUsize,
    killed: Killed,
    dead: Notify,
}

impl Mailer for Mortal<'_> {
    fn send<'a>(&'a self, mail: &'a Mail) -> SendFuture<'a> {
        Box::pin(async move {
            if self.left.fetch_sub(1, Ordering::Relaxed) > 0 {
                return self.mailer.send(mail).await;
            }
            if self.killed == Killed::After {
                self.mailer.send(mail).await?;
            }
            self.dead.notify_one();
            std::future::pending().await
        })
    }
}

/// Queues emails while the server is unreachable, and replaces the process ten times. Returns the last one.
async fn queue_without_server(world: &World, mailer: &RecordingMailer, count: usize) -> Auth {
    let hash =
        world.auth.find_user(&UserFilter::by_email(email(ADA))).await.unwrap().unwrap().hashed_password;
    mailer.fail_with(Some(MailError::Unreachable("no connection".to_owned())));
    let mut process = world.unattended_process().await;
    for number in 0..count {
        let address = email(&format!("user{number}@example.org"));
        users::add_user(world.db.for_migrations(), address.clone(), hash.clone(), world.clock.now())
            .await
            .unwrap();
        process.request_reset(&address, &RequestContext::default()).await.unwrap();
        world.clock.advance(Duration::from_mins(10) / u32::try_from(count).unwrap());
        if number % (count / 10) == 0 {
            assert_eq!(process.deliver_due(mailer).await.unwrap().sent, 0);
            process = world.unattended_process().await;
        }
    }
    process
}

/// Ten minutes without a mail server, a thousand resets, twenty kills: ten while nothing can be sent, and ten during
/// sending, half of them after the server accepted the email. Every email arrives, and only those twice.
#[tokio::test]
async fn every_mail_arrives_after_an_outage_of_the_server_and_kills_of_each_process() {
    let (world, mailer) = with_mail().await;
    // A tenth on a server, where each of them is a round trip.
    let count = if kind() == Kind::Sqlite { 1000 } else { 100 };
    let mut process = queue_without_server(&world, &mailer, count).await;
    mailer.fail_with(None);

    for kill in 0..10 {
        let mortal = Mortal {
            mailer: &mailer,
            left: AtomicUsize::new(count / 20),
            killed: if kill % 2 == 0 { Killed::Before } else { Killed::After },
            dead: Notify::new(),
        };
        let deliver = async { while !process.deliver_due(&mortal).await.unwrap().unreachable {} };
        tokio::select! {
            () = deliver => unreachable!("nothing is wrong with the server"),
            () = mortal.dead.notified() => {}
        }
        process = world.unattended_process().await;
    }
    // Others claim the emails of killed processes after a minute.
    for _ in 0..2 {
        while process.deliver_due(&mailer).await.unwrap().sent > 0 {}
        world.clock.advance(Duration::from_mins(1));
    }

    let mut to: Vec<String> = mailer.mails.lock().unwrap().iter().map(|(to, ..)| to.clone()).collect();
    assert_eq!(to.len(), count + 5, "five were accepted and not marked");
    to.sort();
    to.dedup();
    assert_eq!(to.len(), count);
}
