//! The worker that sends emails.

use std::{sync::Arc, time::Duration};

use auth_core::mail::{Mail, Mailer, SendFuture};
use tokio::sync::Notify;

use super::{RecordingMailer, with_mail};
use crate::support::ADA;

/// Notifies the test when it is asked to send, and sends when the test permits it.
struct Slow {
    mailer: RecordingMailer,
    asked: Notify,
    may: Notify,
}

impl Mailer for Slow {
    fn send<'a>(&'a self, mail: &'a Mail) -> SendFuture<'a> {
        Box::pin(async move {
            self.asked.notify_one();
            self.may.notified().await;
            self.mailer.send(mail).await
        })
    }
}

/// A process that ends completes the email in flight and begins no other.
#[tokio::test]
async fn a_stopped_worker_completes_the_mail_in_flight() {
    let (world, mailer) = with_mail().await;
    world.asks(ADA).await;
    let slow = Arc::new(Slow { mailer, asked: Notify::new(), may: Notify::new() });
    let process = world.process_with_mailer(Arc::<Slow>::clone(&slow)).await;

    let stop = async {
        slow.asked.notified().await;
        process.shutdown().await.unwrap();
        world.asks(ADA).await;
        slow.may.notify_one();
    };
    let both = Box::pin(async { tokio::join!(process.run(), stop) });
    tokio::time::timeout(Duration::from_secs(30), both).await.unwrap();

    assert_eq!((slow.mailer.count(), world.auth.queued_mails().await.unwrap()), (1, 1));
    let next = world.unattended_process().await;
    assert_eq!(next.deliver_due(&slow.mailer).await.unwrap().sent, 1);
}

/// Sends immediately, except that emails to one address never complete.
struct SlowFor {
    mailer: RecordingMailer,
    address: &'static str,
}

impl Mailer for SlowFor {
    fn send<'a>(&'a self, mail: &'a Mail) -> SendFuture<'a> {
        Box::pin(async move {
            if mail.to.as_str() == self.address {
                std::future::pending::<()>().await;
            }
            self.mailer.send(mail).await
        })
    }
}

#[tokio::test]
async fn a_slow_mail_delays_no_other() {
    let (world, mailer) = with_mail().await;
    for _ in 0..3 {
        world.asks(ADA).await;
    }
    for number in 0..50 {
        let address = format!("user{number}@example.org");
        world.register(&address).await;
        world.asks(&address).await;
    }
    let slow = Arc::new(SlowFor { mailer, address: ADA });
    let process = world.process_with_mailer(Arc::<SlowFor>::clone(&slow)).await;

    tokio::select! {
        () = process.run() => unreachable!("it was not stopped"),
        () = world.until(async || slow.mailer.count() == 50) => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_workers_send_each_mail_once() {
    let (world, mailer) = with_mail().await;
    let other = world.second_process().await;
    for number in 0..30 {
        let address = format!("user{number}@example.org");
        world.register(&address).await;
        world.asks(&address).await;
    }

    let (one, two, three) = tokio::join!(
        world.auth.deliver_due(&mailer),
        other.deliver_due(&mailer),
        world.auth.deliver_due(&mailer)
    );

    assert_eq!(one.unwrap().sent + two.unwrap().sent + three.unwrap().sent, 30);
    assert_eq!(mailer.count(), 30);
}
