//! The statements of each use case, and its sequential round trips to a database server: far from
//! the database, that is what a use case takes.

use std::collections::BTreeMap;

use auth_core::{
    Auth, RequestContext,
    account::PasswordChange,
    mail::MailOptions,
    model::{ClientInfo, SessionToken},
};
use auth_db::{Database, DatabaseOptions};
use std::time::Duration;
use test_servers::{Counter, Kind, RoundTrips, kind, shared};

use crate::support::{
    Login, PASSWORD, World, completion, context, email, login, new_password, password, send,
};

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
        let (auth, context) = (self.auth.clone(), RequestContext::default());
        let (email, password) = (email(address), new_password(PASSWORD));
        let register = async { drop(auth.register(email, password, &context).await.unwrap()) };
        self.of("a registration", register).await;
    }

    async fn log_in(&mut self, name: &'static str, attempt: Login) -> Option<auth_core::login::LoggedIn> {
        let (auth, mut logged_in) = (self.auth.clone(), None);
        self.of(name, async { logged_in = send(&auth, attempt).await.ok() }).await;
        logged_in
    }

    /// One user's life.
    async fn live(&mut self, address: &str) {
        self.register(address).await;
        let right = || login(address, PASSWORD).with_client(ClientInfo::default());
        let first = self.log_in("a login on a new device", right()).await.unwrap();
        let known = || right().with_device(first.device.as_ref().unwrap());
        self.log_in("a login on a known device", known()).await.unwrap();
        self.log_in("a login with a wrong password", login(address, "wrong")).await;
        self.log_in("a login with an unknown address", login(&format!("x{address}"), "wrong")).await;
        for _ in 2..10 {
            send(&self.auth, known()).await.unwrap();
        }
        let other_kind = right().with_client(context().client);
        send(&self.auth, known()).await.unwrap();
        let latest = self.log_in("a login that makes room", right()).await.unwrap();
        let name = "a login on a device of a new kind, with a notice";
        self.log_in(name, other_kind.with_session(&latest.token)).await.unwrap();
        let own = send(&self.auth, known()).await.unwrap().token;
        self.use_session(&own).await;
        Box::pin(self.recover(address)).await;
    }

    async fn use_session(&mut self, own: &SessionToken) {
        let auth = self.auth.clone();
        self.of("a session check", async { drop(auth.authenticate(own).await.unwrap().unwrap()) }).await;
        let current = auth.authenticate(own).await.unwrap().unwrap();
        let list = async { drop(auth.own_sessions(&current).await.unwrap()) };
        self.of("a list of one's sessions", list).await;
        let change =
            PasswordChange { password: password(PASSWORD), new_password: "another long passphrase".into() };
        let mut changed = None;
        let work = Box::pin(async {
            changed = auth.change_password(&current, change, &RequestContext::default()).await.ok();
        });
        self.of("a changed password", work).await;
        let token = changed.unwrap().token;
        self.of("a logout", async { assert!(auth.log_out(&token).await.unwrap()) }).await;
    }

    async fn recover(&mut self, address: &str) {
        let auth = self.auth.clone();
        let (email, context) = (email(address), RequestContext::default());
        let ask = async { auth.request_reset(&email, &context).await.unwrap() };
        self.of("a request for a reset", ask).await;
        let link = auth.issue_reset_token(&email).await.unwrap();
        let complete = async {
            auth.complete_reset(completion(address, &link, "a third long passphrase"), &context)
                .await
                .unwrap();
        };
        self.of("a completed reset", complete).await;
        let right = login(address, "a third long passphrase");
        let token = send(&auth, right).await.unwrap().token;
        let current = auth.authenticate(&token).await.unwrap().unwrap();
        let text = password("a third long passphrase");
        let delete = Box::pin(async { auth.delete_account(&current, &text, &context).await.unwrap() });
        self.of("a deleted account", delete).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn use_cases_wait_for_few_answers_of_the_database() {
    if kind() == Kind::Sqlite {
        return;
    }
    let mail = MailOptions { notices: true, new_device_notices: true, ..MailOptions::default() };
    let world = World::with_mail(mail).await;
    let server = shared(kind());
    let counter = Counter::start(([127, 0, 0, 1], server.port()).into());
    let url = server.url_by(counter.port(), world.database.url().rsplit('/').next().unwrap());
    // As many as ask at the same time: each prepares each statement once.
    let few = DatabaseOptions { max_connections: 8, ..DatabaseOptions::new(url.as_str()) };
    let db = Database::connect(&few).await.unwrap();
    let mut options = world.options.clone();
    options.session_cache.capacity = 0;
    let auth = Auth::start(db, options).unwrap();
    let mut journal = Journal { counter, auth, fewest: BTreeMap::new() };

    // In the first rounds statements are prepared; a busy machine may need more.
    for round in 0..20 {
        Box::pin(journal.live(&format!("user{round}@example.org"))).await;
        world.clock.advance(Duration::from_hours(1));
        if journal.is_within_limits() {
            return;
        }
    }
    panic!("{:#?}", journal.fewest);
}
