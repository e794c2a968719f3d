//! What each use case asks of a database server, and how many of the answers it waits for one after the other: far from
//! the database, that is what a use case takes.

use std::collections::BTreeMap;

use auth_core::{
    Attempt, Auth, Confirmation, MailOptions, PasswordChange, Registration, ResetRequest,
    model::{Client, SessionToken},
};
use auth_db::{Database, DatabaseOptions};
use test_servers::{Counter, Kind, RoundTrips, kind, shared};
use time::Duration;

use crate::support::{PASSWORD, World, attempt, completion, email, new_password, password};

/// The most questions that a use case asks, and the most that it asks one after the other; `docs/operating.md` has the same
/// table.
const LIMITS: [(&str, usize, usize); 14] = [
    ("a registration", 3, 3),
    ("a login on a known device", 8, 4),
    ("a login on a new device", 11, 5),
    ("a login that makes room", 11, 5),
    ("a login on a device of a new kind, with a notice", 15, 8),
    ("a login with a wrong password", 4, 2),
    ("a login with an unknown address", 4, 2),
    ("a session check", 1, 1),
    ("a list of one's sessions", 1, 1),
    ("a logout", 5, 5),
    ("a changed password", 18, 17),
    ("a request for a reset", 1, 1),
    ("a completed reset", 14, 14),
    ("a deleted account", 12, 11),
];

/// Counts what each use case asks.
struct Journal {
    counter: Counter,
    auth: Auth,
    fewest: BTreeMap<&'static str, RoundTrips>,
}

impl Journal {
    async fn of(&mut self, name: &'static str, work: impl Future<Output = ()>) {
        let seen = self.counter.count(work).await;
        let fewest = self.fewest.entry(name).or_insert(seen);
        fewest.questions = fewest.questions.min(seen.questions);
        fewest.in_sequence = fewest.in_sequence.min(seen.in_sequence);
    }

    fn is_within_limits(&self) -> bool {
        LIMITS.iter().all(|(name, questions, in_sequence)| {
            let fewest = self.fewest[name];
            fewest.questions <= *questions && fewest.in_sequence <= *in_sequence
        })
    }

    async fn register(&mut self, address: &str) {
        let registration = Registration {
            email: email(address),
            password: new_password(PASSWORD),
            client: Client::default(),
        };
        let auth = self.auth.clone();
        self.of("a registration", async { drop(auth.register(registration).await.unwrap()) }).await;
    }

    async fn log_in(&mut self, name: &'static str, attempt: Attempt) -> Option<auth_core::LoggedIn> {
        let (auth, mut logged_in) = (self.auth.clone(), None);
        self.of(name, async { logged_in = auth.log_in(attempt).await.ok() }).await;
        logged_in
    }

    /// One user's life.
    async fn live(&mut self, address: &str) {
        self.register(address).await;
        let right = || Attempt { client: Client::default(), ..attempt(address, PASSWORD) };
        let first = self.log_in("a login on a new device", right()).await.unwrap();
        let known = || Attempt { device: first.device.clone(), ..right() };
        self.log_in("a login on a known device", known()).await.unwrap();
        self.log_in("a login with a wrong password", attempt(address, "wrong")).await;
        self.log_in("a login with an unknown address", attempt(&format!("x{address}"), "wrong")).await;
        for _ in 2..10 {
            self.auth.log_in(known()).await.unwrap();
        }
        let other_kind = Attempt { client: attempt(address, "x").client, ..right() };
        self.auth.log_in(known()).await.unwrap();
        let latest = self.log_in("a login that makes room", right()).await.unwrap();
        let name = "a login on a device of a new kind, with a notice";
        self.log_in(name, Attempt { presented: Some(latest.token), ..other_kind }).await.unwrap();
        let own = self.auth.log_in(known()).await.unwrap().token;
        self.use_session(&own).await;
        self.recover(address).await;
    }

    async fn use_session(&mut self, own: &SessionToken) {
        let auth = self.auth.clone();
        self.of("a session check", async { drop(auth.user_behind(own).await.unwrap().unwrap()) }).await;
        let current = auth.user_behind(own).await.unwrap().unwrap();
        let list = async { drop(auth.own_sessions(&current).await.unwrap()) };
        self.of("a list of one's sessions", list).await;
        let change = PasswordChange {
            password: password(PASSWORD),
            new_password: "another long passphrase".into(),
            confirmation: Confirmation::default(),
        };
        let mut changed = None;
        let work = Box::pin(async { changed = auth.change_password(&current, change).await.ok() });
        self.of("a changed password", work).await;
        let token = changed.unwrap().token;
        self.of("a logout", async { assert!(auth.log_out(&token).await.unwrap()) }).await;
    }

    async fn recover(&mut self, address: &str) {
        let auth = self.auth.clone();
        let request = ResetRequest { email: email(address), client: Client::default() };
        let ask = async { auth.ask_for_reset(request).await.unwrap() };
        self.of("a request for a reset", ask).await;
        let link = auth.request_reset(&email(address)).await.unwrap();
        let complete = async {
            auth.complete_reset(completion(address, &link, "a third long passphrase")).await.unwrap();
        };
        self.of("a completed reset", complete).await;
        let right = attempt(address, "a third long passphrase");
        let token = auth.log_in(right).await.unwrap().token;
        let current = auth.user_behind(&token).await.unwrap().unwrap();
        let (text, confirmation) = (password("a third long passphrase"), Confirmation::default());
        let delete = async { auth.delete_account(&current, &text, &confirmation).await.unwrap() };
        self.of("a deleted account", delete).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn use_cases_wait_for_few_answers_of_the_database() {
    if kind() == Kind::Sqlite {
        return;
    }
    let mail = MailOptions { notices: true, new_device_notices: true };
    let world = World::with_mail(mail).await;
    let server = shared(kind());
    let counter = Counter::start(([127, 0, 0, 1], server.port()).into());
    let url = server.url_by(counter.port(), world.place.url().rsplit('/').next().unwrap());
    // As many as ask at the same time: each prepares each statement once.
    let few = DatabaseOptions { max_connections: 8, ..DatabaseOptions::new(url.as_str()) };
    let db = Database::connect(&few).await.unwrap();
    let mut options = world.options.clone();
    options.session_memory.entries = 0;
    let auth = Auth::start(db, options).unwrap();
    let mut journal = Journal { counter, auth, fewest: BTreeMap::new() };

    // In the first rounds statements are prepared; a busy machine may need more.
    for round in 0..20 {
        Box::pin(journal.live(&format!("user{round}@example.org"))).await;
        world.clock.advance(Duration::HOUR);
        if journal.is_within_limits() {
            return;
        }
    }
    panic!("{:#?}", journal.fewest);
}
