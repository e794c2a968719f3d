//! The limits on emails to one address.

use std::time::Duration;

use auth_core::{
    Clock,
    mail::MailError,
    model::{ClientInfo, MailKind, UserFilter},
};

use super::{NEW, with_mail};
use crate::support::{ADA, PASSWORD, email, login};

/// An attacker requests many resets. The owner's link stays valid.
#[tokio::test]
async fn after_three_links_within_an_hour_no_more_are_sent_and_the_last_one_works() {
    let (world, mailer) = with_mail().await;
    for _ in 0..20 {
        world.asks(ADA).await;
        world.auth.deliver_due(&mailer).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(mailer.count(), 3);
    world.resets(&mailer.token()).await.unwrap();

    world.clock.advance(Duration::from_hours(1));
    world.asks(ADA).await;
    world.auth.deliver_due(&mailer).await.unwrap();
    assert_eq!(mailer.kinds()[3..], [MailKind::PasswordChanged, MailKind::Reset]);
    let lifetimes = mailer.lifetimes.lock().unwrap().clone();
    assert_eq!(lifetimes[..3], [Duration::from_mins(30); 3], "however long the mail waited");
    assert_eq!(lifetimes[3..], [Duration::from_hours(3)], "the owner has proved to receive them");
}

/// An attacker requests any number of links to an address. The owner can recover at every moment and gets few emails.
#[tokio::test]
async fn an_attacker_can_neither_prevent_recovery_nor_flood_a_mailbox() {
    for is_verified in [false, true] {
        let (world, mailer) = with_mail().await;
        let mut password = PASSWORD;
        if is_verified {
            world.asks(ADA).await;
            world.auth.deliver_due(&mailer).await.unwrap();
            world.resets(&mailer.token()).await.unwrap();
            password = NEW;
            world.clock.advance(Duration::from_hours(24 * 2));
            world.auth.delete_expired().await.unwrap();
            mailer.mails.lock().unwrap().clear();
        }
        let mut sent_at = Vec::new();
        for minute in (0..3 * 24 * 60).step_by(10) {
            for _ in 0..2 {
                world.asks(ADA).await;
            }
            let delivered = world.auth.deliver_due(&mailer).await.unwrap();
            sent_at.extend(std::iter::repeat_n(minute, delivered.sent));
            if minute % 90 == 0 {
                // The latest link is valid at every moment.
                let user = world.auth.find_user(&UserFilter::by_email(email(ADA))).await.unwrap().unwrap();
                let reset = auth_db::resets::find_of(world.db.read(), user.id).await.unwrap().unwrap();
                assert!(world.clock.now() < reset.expires_at, "minute {minute}");
                let digest = mailer.token().digest();
                let found = auth_db::resets::find(world.db.read(), &digest).await.unwrap();
                assert_eq!(found, Some(reset), "minute {minute}");
            }
            if minute % 60 == 0 {
                world.auth.delete_expired().await.unwrap();
            }
            world.clock.advance(Duration::from_mins(10));
        }
        let most = |minutes: i32| {
            let within = |from: i32| sent_at.iter().filter(|at| (from..from + minutes).contains(*at)).count();
            (0..3 * 24 * 60).map(within).max().unwrap()
        };
        let (an_hour, a_day) = (most(60), most(24 * 60));
        assert!(an_hour <= 4, "{an_hour} in an hour");
        assert!(a_day <= if is_verified { 12 } else { 5 }, "{a_day} in a day");
        assert!(world.log_in(ADA, password).await.is_ok());
    }
}

/// An attacker who registered another user's address, or knows a password, causes few notices.
#[tokio::test]
async fn notices_to_one_address_are_few_an_hour_and_a_dozen_a_day() {
    let (world, mailer) = with_mail().await;
    let log_in_from = async |network: u32| {
        let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + network);
        let client = ClientInfo::new(Some(address.into()), Some("Mozilla/5.0 Firefox/140.0"));
        world.send(login(ADA, PASSWORD).with_client(client)).await.unwrap();
    };
    for network in 0..200 {
        log_in_from(network).await;
    }
    while world.auth.queued_mails().await.unwrap() > 0 {
        world.auth.deliver_due(&mailer).await.unwrap();
    }
    assert_eq!(mailer.count(), 1, "the address is not verified");
    assert_eq!(world.auth.mail_stats().dropped, 198, "all but the first device, and the one that was sent");

    for network in 200..1000 {
        log_in_from(network).await;
        world.clock.advance(Duration::from_mins(3));
        world.auth.deliver_due(&mailer).await.unwrap();
    }
    // 40 hours.
    assert!((4..=6).contains(&mailer.count()), "{}", mailer.count());
    assert!(mailer.kinds().iter().all(|kind| *kind == MailKind::NewDevice));
}

/// A program without a cookie jar is a new device at every login. It neither floods the owner nor evicts other devices.
#[tokio::test]
async fn a_client_without_cookies_causes_one_notice_a_week_and_evicts_only_itself() {
    let (world, mailer) = with_mail().await;
    let own = world.log_in(ADA, PASSWORD).await.unwrap().device.unwrap();
    let script = || {
        let client = ClientInfo::new(Some([198, 51, 100, 7].into()), Some("curl/8.7.1"));
        login(ADA, PASSWORD).with_client(client)
    };
    for login in 0..14 * 4 {
        assert!(world.send(script()).await.unwrap().device.is_some());
        world.auth.deliver_due(&mailer).await.unwrap();
        assert_eq!(mailer.count(), 1 + login / 28, "login {login}");
        world.clock.advance(Duration::from_hours(6));
    }
    let again = login(ADA, PASSWORD).with_device(&own);
    assert!(world.send(again).await.unwrap().device.is_none(), "it is still known");
}

/// Also if several workers send at the same moment, and if the first ones were postponed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_links_that_are_due_at_once_three_are_sent() {
    let (world, mailer) = with_mail().await;
    let other = world.second_process().await;
    world.asks(ADA).await;
    mailer.fail_with(Some(MailError::Later(String::new())));
    world.auth.deliver_due(&mailer).await.unwrap();
    mailer.fail_with(None);
    for _ in 1..20 {
        world.asks(ADA).await;
    }

    let (one, two, three) = tokio::join!(
        world.auth.deliver_due(&mailer),
        other.deliver_due(&mailer),
        world.auth.deliver_due(&mailer)
    );
    assert_eq!((one.unwrap().sent + two.unwrap().sent + three.unwrap().sent, mailer.count()), (2, 2));
    world.clock.advance(Duration::from_mins(59));
    assert_eq!(world.auth.deliver_due(&mailer).await.unwrap().sent, 1, "the postponed one");
    world.asks(ADA).await;
    assert_eq!(world.auth.deliver_due(&mailer).await.unwrap().dropped, 1);
}
