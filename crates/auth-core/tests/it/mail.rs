//! Recovery by mail: what is sent, to whom, how often, and what happens when it can't be.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use auth_core::{
    Clock, RequestContext,
    mail::{DeliveryReport, Mail, MailBody, MailError, MailOptions, MailStats, Mailer, SendFuture},
    model::{ClientInfo, Language, MailKind, ResetToken, UserFilter},
    recovery::CompleteResetError,
};
use auth_db::users;
use std::time::Duration;
use test_servers::{Kind, kind};
use tokio::sync::Notify;

use crate::support::{ADA, PASSWORD, World, completion, email, login};

const NEW: &str = "another long passphrase";

/// To whom, about what, in which language, and the token in it.
type Taken = (String, MailKind, Language, Option<ResetToken>);

/// Takes letters, as long as it is well.
#[derive(Default)]
struct Postbox {
    letters: Mutex<Vec<Taken>>,
    /// How long the links in them are valid.
    lifetimes: Mutex<Vec<Duration>>,
    /// What is wrong with it.
    trouble: Mutex<Option<MailError>>,
}

impl Mailer for Postbox {
    fn send<'a>(&'a self, letter: &'a Mail) -> SendFuture<'a> {
        Box::pin(async move {
            if let Some(trouble) = self.trouble.lock().unwrap().clone() {
                return Err(trouble);
            }
            let token = match &letter.body {
                MailBody::Reset { token, lifetime } => {
                    self.lifetimes.lock().unwrap().push(*lifetime);
                    Some(token.clone())
                }
                _ => None,
            };
            let told = (letter.to.as_str().to_owned(), letter.body.kind(), letter.language, token);
            self.letters.lock().unwrap().push(told);
            Ok(())
        })
    }
}

impl Postbox {
    fn is(&self, trouble: Option<MailError>) {
        *self.trouble.lock().unwrap() = trouble;
    }

    fn count(&self) -> usize {
        self.letters.lock().unwrap().len()
    }

    fn kinds(&self) -> Vec<MailKind> {
        self.letters.lock().unwrap().iter().map(|(_, kind, ..)| *kind).collect()
    }

    /// The token of the latest letter.
    fn token(&self) -> ResetToken {
        self.letters.lock().unwrap().last().unwrap().3.clone().unwrap()
    }
}

impl World {
    async fn asks(&self, address: &str) {
        self.auth.request_reset(&email(address), &RequestContext::default()).await.unwrap();
    }

    async fn resets(&self, token: &ResetToken) -> Result<(), CompleteResetError> {
        self.complete_reset(completion(ADA, token, NEW)).await.map(drop)
    }
}

async fn with_mail() -> (World, Postbox) {
    let world =
        World::with_mail(MailOptions { notices: true, new_device_notices: true, ..Default::default() }).await;
    world.register(ADA).await;
    (world, Postbox::default())
}

/// asvs 6.4.3, 6.6.2
#[tokio::test]
async fn a_link_is_sent_to_the_stored_address_and_sets_a_password_once() {
    let (world, postbox) = with_mail().await;
    let context = RequestContext { language: Language::French, ..RequestContext::default() };
    world.auth.request_reset(&email("ADA@example.ORG."), &context).await.unwrap();

    let delivered = world.auth.deliver_due(&postbox).await.unwrap();

    assert_eq!(delivered, DeliveryReport { sent: 1, ..DeliveryReport::default() });
    let (to, kind, language, token) = postbox.letters.lock().unwrap()[0].clone();
    assert_eq!((to.as_str(), kind, language), (ADA, MailKind::Reset, Language::French));
    world.resets(&token.clone().unwrap()).await.unwrap();
    assert!(matches!(world.resets(&token.unwrap()).await, Err(CompleteResetError::InvalidToken)));
    assert!(world.log_in(ADA, NEW).await.is_ok() && world.log_in(ADA, PASSWORD).await.is_err());
}

#[tokio::test]
async fn nobody_gets_a_link_for_an_address_that_nobody_has() {
    let (world, postbox) = with_mail().await;
    world.asks("nobody@example.org").await;

    let delivered = world.auth.deliver_due(&postbox).await.unwrap();

    assert_eq!(delivered, DeliveryReport { dropped: 1, ..DeliveryReport::default() });
    assert_eq!(world.auth.mail_stats(), MailStats { dropped: 1, ..MailStats::default() });
    assert_eq!(world.auth.deliver_due(&postbox).await.unwrap(), DeliveryReport::default());
}

/// Reset asked again and again by somebody else: the owner's link keeps working.
#[tokio::test]
async fn after_three_links_within_an_hour_no_more_are_sent_and_the_last_one_works() {
    let (world, postbox) = with_mail().await;
    for _ in 0..20 {
        world.asks(ADA).await;
        world.auth.deliver_due(&postbox).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(postbox.count(), 3);
    world.resets(&postbox.token()).await.unwrap();

    world.clock.advance(Duration::from_hours(1));
    world.asks(ADA).await;
    world.auth.deliver_due(&postbox).await.unwrap();
    assert_eq!(postbox.kinds()[3..], [MailKind::PasswordChanged, MailKind::Reset]);
    let lifetimes = postbox.lifetimes.lock().unwrap().clone();
    assert_eq!(lifetimes[..3], [Duration::from_mins(30); 3], "however long the mail had to wait");
    assert_eq!(lifetimes[3..], [Duration::from_hours(3)], "the owner has proved to receive them");
}

/// A stranger asks for links to an address as often as they like: its owner can recover at every moment, and gets few
/// mails.
#[tokio::test]
async fn nobody_can_keep_an_owner_from_recovering_or_fill_a_mailbox() {
    for is_verified in [false, true] {
        let (world, postbox) = with_mail().await;
        let mut password = PASSWORD;
        if is_verified {
            world.asks(ADA).await;
            world.auth.deliver_due(&postbox).await.unwrap();
            world.resets(&postbox.token()).await.unwrap();
            password = NEW;
            world.clock.advance(Duration::from_hours(24 * 2));
            world.auth.delete_expired().await.unwrap();
            postbox.letters.lock().unwrap().clear();
        }
        let mut sent_at = Vec::new();
        for minute in (0..3 * 24 * 60).step_by(10) {
            for _ in 0..2 {
                world.asks(ADA).await;
            }
            let delivered = world.auth.deliver_due(&postbox).await.unwrap();
            sent_at.extend(std::iter::repeat_n(minute, delivered.sent));
            if minute % 90 == 0 {
                // Whatever the stranger did: the latest link works, right now.
                let user = world.auth.find_user(&UserFilter::by_email(email(ADA))).await.unwrap().unwrap();
                let reset = auth_db::resets::find_of(world.db.read(), user.id).await.unwrap().unwrap();
                assert!(world.clock.now() < reset.expires_at, "minute {minute}");
                let digest = postbox.token().digest();
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

/// A stranger who registered somebody's address, or knows a password, causes few notices.
#[tokio::test]
async fn notices_to_one_address_are_few_an_hour_and_a_dozen_a_day() {
    let (world, postbox) = with_mail().await;
    let log_in_from = async |network: u32| {
        let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + network);
        let client = ClientInfo::new(Some(address.into()), Some("Mozilla/5.0 Firefox/140.0"));
        world.send(login(ADA, PASSWORD).with_client(client)).await.unwrap();
    };
    for network in 0..200 {
        log_in_from(network).await;
    }
    while world.auth.queued_mails().await.unwrap() > 0 {
        world.auth.deliver_due(&postbox).await.unwrap();
    }
    assert_eq!(postbox.count(), 1, "the address is not verified");
    assert_eq!(world.auth.mail_stats().dropped, 198, "all but the first device, and the one that was sent");

    for network in 200..1000 {
        log_in_from(network).await;
        world.clock.advance(Duration::from_mins(3));
        world.auth.deliver_due(&postbox).await.unwrap();
    }
    // 40 hours.
    assert!((4..=6).contains(&postbox.count()), "{}", postbox.count());
    assert!(postbox.kinds().iter().all(|kind| *kind == MailKind::NewDevice));
}

/// A program without a cookie jar looks new at every login: it neither floods the owner nor displaces other devices.
#[tokio::test]
async fn a_client_without_cookies_causes_one_notice_a_week_and_displaces_only_itself() {
    let (world, postbox) = with_mail().await;
    let own = world.log_in(ADA, PASSWORD).await.unwrap().device.unwrap();
    let script = || {
        let client = ClientInfo::new(Some([198, 51, 100, 7].into()), Some("curl/8.7.1"));
        login(ADA, PASSWORD).with_client(client)
    };
    for login in 0..14 * 4 {
        assert!(world.send(script()).await.unwrap().device.is_some());
        world.auth.deliver_due(&postbox).await.unwrap();
        assert_eq!(postbox.count(), 1 + login / 28, "login {login}");
        world.clock.advance(Duration::from_hours(6));
    }
    let again = login(ADA, PASSWORD).with_device(&own);
    assert!(world.send(again).await.unwrap().device.is_none(), "it is known still");
}

/// Also where several workers have one each at the same moment, and where the first ones had to wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_links_that_are_due_at_once_three_are_sent() {
    let (world, postbox) = with_mail().await;
    let other = world.second_process().await;
    world.asks(ADA).await;
    postbox.is(Some(MailError::Later(String::new())));
    world.auth.deliver_due(&postbox).await.unwrap();
    postbox.is(None);
    for _ in 1..20 {
        world.asks(ADA).await;
    }

    let (one, two, three) = tokio::join!(
        world.auth.deliver_due(&postbox),
        other.deliver_due(&postbox),
        world.auth.deliver_due(&postbox)
    );
    assert_eq!((one.unwrap().sent + two.unwrap().sent + three.unwrap().sent, postbox.count()), (2, 2));
    world.clock.advance(Duration::from_mins(59));
    assert_eq!(world.auth.deliver_due(&postbox).await.unwrap().sent, 1, "the one that had to wait");
    world.asks(ADA).await;
    assert_eq!(world.auth.deliver_due(&postbox).await.unwrap().dropped, 1);
}

/// asvs 6.5.5
#[tokio::test]
async fn a_link_counts_from_when_it_is_sent_and_a_newer_one_takes_its_place() {
    let (world, postbox) = with_mail().await;
    world.asks(ADA).await;
    world.clock.advance(Duration::from_hours(2));
    world.auth.deliver_due(&postbox).await.unwrap();
    let first = postbox.token();
    world.asks(ADA).await;
    world.auth.deliver_due(&postbox).await.unwrap();

    world.clock.advance(Duration::from_mins(30) - Duration::from_secs(1));
    assert!(matches!(world.resets(&first).await, Err(CompleteResetError::InvalidToken)));
    world.resets(&postbox.token()).await.unwrap();
}

#[tokio::test]
async fn what_can_not_be_sent_is_tried_again_with_growing_pauses_and_given_up_after_a_day() {
    let (world, postbox) = with_mail().await;
    world.asks(ADA).await;
    postbox.is(Some(MailError::Later("the server answered 451".to_owned())));
    let (mut tries, mut given_up) = (Vec::new(), 0);
    // All pauses are multiples of 15 seconds.
    for second in (0..90_000).step_by(15) {
        let delivered = world.auth.deliver_due(&postbox).await.unwrap();
        if delivered.postponed > 0 {
            tries.push(second);
        }
        given_up += delivered.given_up;
        world.clock.advance(Duration::from_secs(15));
        if given_up > 0 {
            break;
        }
    }

    let pauses: Vec<i64> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pauses[..7], [15, 30, 60, 120, 240, 480, 900]);
    assert_eq!((given_up, postbox.count()), (1, 0));
    let figures = world.auth.mail_stats();
    assert_eq!((figures.given_up, figures.postponed), (1, tries.len() as u64));
    assert_eq!(world.auth.queued_mails().await.unwrap(), 0);
    assert!((90..=110).contains(&tries.len()), "{}", tries.len());
}

#[tokio::test]
async fn a_retry_makes_a_new_token() {
    let (world, postbox) = with_mail().await;
    world.asks(ADA).await;
    postbox.is(Some(MailError::Later(String::new())));
    world.auth.deliver_due(&postbox).await.unwrap();
    postbox.is(None);
    world.clock.advance(Duration::from_secs(15));

    assert_eq!(world.auth.deliver_due(&postbox).await.unwrap().sent, 1);
    world.resets(&postbox.token()).await.unwrap();
}

#[tokio::test]
async fn a_mail_that_the_server_will_never_take_is_given_up_and_holds_up_no_other() {
    let (world, postbox) = with_mail().await;
    world.asks(ADA).await;
    postbox.is(Some(MailError::Never("the server answered 550".to_owned())));
    assert_eq!(world.auth.deliver_due(&postbox).await.unwrap().given_up, 1);
    postbox.is(None);
    world.asks(ADA).await;
    assert_eq!(world.auth.deliver_due(&postbox).await.unwrap().sent, 1);
}

/// Nobody is asked for more while the server is away: one mail is tried, not all.
#[tokio::test]
async fn a_server_that_can_not_be_reached_is_left_alone_and_every_mail_arrives_later() {
    let (world, postbox) = with_mail().await;
    for number in 0..50 {
        let address = format!("user{number}@example.org");
        world.register(&address).await;
        world.asks(&address).await;
    }
    postbox.is(Some(MailError::Unreachable("no connection".to_owned())));
    for _ in 0..60 {
        let delivered = world.auth.deliver_due(&postbox).await.unwrap();
        assert!(delivered.sent == 0 && delivered.postponed == 0);
        world.clock.advance(Duration::from_secs(10));
    }
    postbox.is(None);
    let mut minutes = 0;
    while postbox.count() < 50 {
        world.auth.deliver_due(&postbox).await.unwrap();
        world.clock.advance(Duration::from_mins(1));
        minutes += 1;
        assert!(minutes < 60);
    }
}

/// What happens to a process while it sends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Killed {
    /// Before the server took the mail.
    Before,
    /// After that, and before it was noted.
    After,
}

/// Passes so many letters on; while the next one is sent, its process is killed.
struct Mortal<'a> {
    postbox: &'a Postbox,
    left: AtomicUsize,
    killed: Killed,
    dead: Notify,
}

impl Mailer for Mortal<'_> {
    fn send<'a>(&'a self, letter: &'a Mail) -> SendFuture<'a> {
        Box::pin(async move {
            if self.left.fetch_sub(1, Ordering::Relaxed) > 0 {
                return self.postbox.send(letter).await;
            }
            if self.killed == Killed::After {
                self.postbox.send(letter).await?;
            }
            self.dead.notify_one();
            std::future::pending().await
        })
    }
}

/// Ten minutes without a mail server, a thousand resets, twenty kills: ten of them while nothing can be sent, ten in
/// the midst of sending, half of which after the server had taken the mail. Every mail arrives, and only those twice.
#[tokio::test]
async fn every_mail_arrives_though_the_server_was_away_and_each_process_killed() {
    let (world, postbox) = with_mail().await;
    // All of them on a file; a tenth where each is a way to a server.
    let mails = if kind() == Kind::Sqlite { 1000 } else { 100 };
    let hash =
        world.auth.find_user(&UserFilter::by_email(email(ADA))).await.unwrap().unwrap().hashed_password;
    postbox.is(Some(MailError::Unreachable("no connection".to_owned())));
    let mut process = world.unattended_process().await;
    for number in 0..mails {
        let address = email(&format!("user{number}@example.org"));
        users::add_user(world.db.for_migrations(), address.clone(), hash.clone(), world.clock.now())
            .await
            .unwrap();
        process.request_reset(&address, &RequestContext::default()).await.unwrap();
        world.clock.advance(Duration::from_mins(10) / u32::try_from(mails).unwrap());
        if number % (mails / 10) == 0 {
            assert_eq!(process.deliver_due(&postbox).await.unwrap().sent, 0);
            process = world.unattended_process().await;
        }
    }
    postbox.is(None);

    for kill in 0..10 {
        let mortal = Mortal {
            postbox: &postbox,
            left: AtomicUsize::new(mails / 20),
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
    while process.deliver_due(&postbox).await.unwrap().sent > 0 {}
    // What the dead had claimed is taken by others when its minute is over.
    world.clock.advance(Duration::from_mins(1));
    while process.deliver_due(&postbox).await.unwrap().sent > 0 {}

    let mut to: Vec<String> = postbox.letters.lock().unwrap().iter().map(|(to, ..)| to.clone()).collect();
    assert_eq!(to.len(), mails + 5, "five were taken, and not known to be");
    to.sort();
    to.dedup();
    assert_eq!(to.len(), mails);
}

/// Says when it is asked to send, and sends when it may.
struct Slow {
    postbox: Postbox,
    asked: Notify,
    may: Notify,
}

impl Mailer for Slow {
    fn send<'a>(&'a self, letter: &'a Mail) -> SendFuture<'a> {
        Box::pin(async move {
            self.asked.notify_one();
            self.may.notified().await;
            self.postbox.send(letter).await
        })
    }
}

/// A program that ends finishes the mail that it sends, and begins no other.
#[tokio::test]
async fn a_worker_that_is_stopped_sends_what_it_had_begun() {
    let (world, postbox) = with_mail().await;
    world.asks(ADA).await;
    let slow = Arc::new(Slow { postbox, asked: Notify::new(), may: Notify::new() });
    let process = world.process_with_mailer(Arc::<Slow>::clone(&slow)).await;

    let stop = async {
        slow.asked.notified().await;
        process.shutdown().await.unwrap();
        world.asks(ADA).await;
        slow.may.notify_one();
    };
    let both = Box::pin(async { tokio::join!(process.run(), stop) });
    tokio::time::timeout(Duration::from_secs(30), both).await.unwrap();

    assert_eq!((slow.postbox.count(), world.auth.queued_mails().await.unwrap()), (1, 1));
    let next = world.unattended_process().await;
    assert_eq!(next.deliver_due(&slow.postbox).await.unwrap().sent, 1);
}

/// Sends at once, but for mails to one address, which it never does.
struct SlowFor {
    postbox: Postbox,
    address: &'static str,
}

impl Mailer for SlowFor {
    fn send<'a>(&'a self, letter: &'a Mail) -> SendFuture<'a> {
        Box::pin(async move {
            if letter.to.as_str() == self.address {
                std::future::pending::<()>().await;
            }
            self.postbox.send(letter).await
        })
    }
}

#[tokio::test]
async fn a_mail_that_takes_long_delays_no_other() {
    let (world, postbox) = with_mail().await;
    for _ in 0..3 {
        world.asks(ADA).await;
    }
    for number in 0..50 {
        let address = format!("user{number}@example.org");
        world.register(&address).await;
        world.asks(&address).await;
    }
    let slow = Arc::new(SlowFor { postbox, address: ADA });
    let process = world.process_with_mailer(Arc::<SlowFor>::clone(&slow)).await;

    tokio::select! {
        () = process.run() => unreachable!("it was not stopped"),
        () = world.until(async || slow.postbox.count() == 50) => {}
    }
}

/// Any number of workers: each mail is sent once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_that_look_at_once_send_each_mail_once() {
    let (world, postbox) = with_mail().await;
    let other = world.second_process().await;
    for number in 0..30 {
        let address = format!("user{number}@example.org");
        world.register(&address).await;
        world.asks(&address).await;
    }

    let (one, two, three) = tokio::join!(
        world.auth.deliver_due(&postbox),
        other.deliver_due(&postbox),
        world.auth.deliver_due(&postbox)
    );

    assert_eq!(one.unwrap().sent + two.unwrap().sent + three.unwrap().sent, 30);
    assert_eq!(postbox.count(), 30);
}

/// asvs 6.3.7: a notice is stored with what causes it.
#[tokio::test]
async fn whoever_has_a_new_password_is_told_so() {
    let (world, postbox) = with_mail().await;
    let token = world.auth.issue_reset_token(&email(ADA)).await.unwrap();
    assert!(world.resets(&ResetToken::from_bits([1; 16])).await.is_err());
    world.resets(&token).await.unwrap();

    world.auth.deliver_due(&postbox).await.unwrap();

    assert_eq!(postbox.kinds(), [MailKind::PasswordChanged]);
}

/// asvs 6.3.5
#[tokio::test]
async fn a_login_on_a_new_device_is_told_but_not_the_first_and_not_on_a_known_one() {
    let (world, postbox) = with_mail().await;
    let known = world.log_in(ADA, PASSWORD).await.unwrap().device.unwrap();
    let again = login(ADA, PASSWORD).with_device(&known);
    world.send(again).await.unwrap();
    assert_eq!(world.auth.deliver_due(&postbox).await.unwrap(), DeliveryReport::default());

    let client = ClientInfo::new(Some([198, 51, 100, 7].into()), Some("test"));
    let elsewhere = login(ADA, PASSWORD).with_client(client);
    world.send(elsewhere).await.unwrap();
    assert!(world.log_in(ADA, "wrong").await.is_err());
    world.auth.deliver_due(&postbox).await.unwrap();

    assert_eq!(postbox.kinds(), [MailKind::NewDevice]);
}

#[tokio::test]
async fn notices_can_be_turned_off() {
    for (options, kinds) in [
        (MailOptions::default(), vec![]),
        (
            MailOptions { notices: true, new_device_notices: false, ..Default::default() },
            vec![MailKind::PasswordChanged],
        ),
    ] {
        let (world, postbox) = (World::with_mail(options).await, Postbox::default());
        world.register(ADA).await;
        for _ in 0..2 {
            world.log_in(ADA, PASSWORD).await.unwrap();
        }
        let token = world.auth.issue_reset_token(&email(ADA)).await.unwrap();
        world.resets(&token).await.unwrap();

        world.auth.deliver_due(&postbox).await.unwrap();
        assert_eq!(postbox.kinds(), kinds);
    }
}
