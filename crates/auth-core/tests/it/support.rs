//! A world for each test: an `Auth` with cheap hashes, a clock that stands still, a database of its own.

use std::{
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use auth_core::{
    Auth, ManualClock, Options, Policy, RequestContext, ThrottleOptions,
    login::{LogIn, LoggedIn, LoginError},
    mail::{MailOptions, Mailer},
    model::{
        ClientInfo, DeviceToken, Email, NewPassword, Password, PasswordPolicy, ResetToken, SessionToken, User,
    },
    passwords::{Denylist, HasherOptions, Scheme},
    recovery::{CompleteResetError, ResetCompletion},
    sessions::SessionCacheOptions,
};
use auth_db::{Database, DatabaseOptions};
use test_servers::{Kind, TestDatabase, kind};
use time::OffsetDateTime;

pub const ADA: &str = "ada@example.org";
pub const PASSWORD: &str = "seven herons by the weir";

pub struct World {
    pub auth: Auth,
    pub clock: Arc<ManualClock>,
    pub db: Database,
    pub options: Options,
    pub database: TestDatabase,
}

impl World {
    pub async fn new() -> Self {
        Self::with(Policy::default(), Scheme::Bcrypt { cost: 4 }).await
    }

    pub async fn with(policy: Policy, scheme: Scheme) -> Self {
        let database = TestDatabase::new().await;
        let clock = Arc::new(ManualClock::at(OffsetDateTime::UNIX_EPOCH + Duration::from_hours(480_000)));
        let hashing = HasherOptions {
            scheme,
            threads: NonZeroUsize::new(2).unwrap(),
            max_wait: Duration::from_mins(1),
        };
        let options = Options {
            policy: Policy { password: PasswordPolicy { min_code_points: 8 }, ..policy },
            hashing,
            denylist: Denylist::OFF,
            throttle: None,
            session_cache: SessionCacheOptions { capacity: 1000, ..SessionCacheOptions::default() },
            clock: Arc::<ManualClock>::clone(&clock),
            ..Options::default()
        };
        let db = open(&database).await;
        auth_migrations::up(db.for_migrations()).await.unwrap();
        let auth = started(db.clone(), &options);
        Self { auth, clock, db, options, database }
    }

    /// One in which attempts are counted.
    pub async fn throttled(throttle: ThrottleOptions) -> Self {
        Self::other(|options| options.throttle = Some(throttle)).await
    }

    /// One with limits on attempts, in which no login waits for the hasher.
    pub async fn throttled_and_impatient() -> Self {
        Self::other(|options| {
            options.throttle = Some(ThrottleOptions::default());
            options.hashing.max_wait = Duration::ZERO;
        })
        .await
    }

    /// One in which attempts are counted, and mails are wanted.
    pub async fn with_mail(mail: MailOptions) -> Self {
        let throttle = Some(ThrottleOptions::default());
        Self::other(|options| (options.mail, options.throttle) = (mail, throttle)).await
    }

    /// One in which passwords are refused, and attempts counted.
    pub async fn with_denylist(denylist: Denylist) -> Self {
        let throttle = Some(ThrottleOptions::default());
        Self::other(|options| (options.denylist, options.throttle) = (denylist, throttle)).await
    }

    async fn other(change: impl FnOnce(&mut Options)) -> Self {
        let mut world = Self::new().await;
        change(&mut world.options);
        world.auth = started(world.db.clone(), &world.options);
        world
    }

    /// Another process on the same database: it shares nothing else, but the clock.
    pub async fn second_process(&self) -> Auth {
        started(open(&self.database).await, &self.options)
    }

    /// Another process that reaches the same database by another way.
    pub async fn second_process_by(&self, url: &str) -> Auth {
        started(open_by(url).await, &self.options)
    }

    /// Another process that does not run the periodic work.
    pub async fn unattended_process(&self) -> Auth {
        Auth::start(open(&self.database).await, self.options.clone()).unwrap()
    }

    /// Another process that sends emails.
    pub async fn process_with_mailer(&self, mailer: Arc<dyn Mailer>) -> Auth {
        let mut options = self.options.clone();
        options.mail.mailer = Some(mailer);
        Auth::start(open(&self.database).await, options).unwrap()
    }

    pub async fn register(&self, address: &str) -> User {
        self.auth.create_user(email(address), new_password(PASSWORD)).await.unwrap()
    }

    pub async fn log_in(&self, address: &str, password: &str) -> Result<LoggedIn, LoginError> {
        self.send(login(address, password)).await
    }

    /// Registers a user and logs in.
    pub async fn logged_in(&self, address: &str) -> SessionToken {
        self.register(address).await;
        self.log_in(address, PASSWORD).await.unwrap().token
    }

    pub async fn is_active(&self, token: &SessionToken) -> bool {
        self.auth.authenticate(token).await.unwrap().is_some()
    }

    /// Waits until a session is checked from memory, where there is one.
    pub async fn remembers(&self, token: &SessionToken) {
        while kind() != Kind::MariaDb && !self.is_remembered(token).await {}
    }

    /// Checks a session that another process has just ended until it is refused: no check that begins later
    /// than the bound may succeed.
    pub async fn refuses_within(&self, bound: Duration, token: &SessionToken) {
        let ended = Instant::now();
        loop {
            let began = ended.elapsed();
            match self.auth.authenticate(token).await {
                Ok(None) => return,
                Ok(Some(_)) => assert!(began <= bound, "it counted {began:?} later"),
                // The database is away: that is no success either, and stays so.
                Err(_) if began > bound * 3 => return,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }

    /// Whether two checks in a row gave out the same: then it was from memory.
    pub async fn is_remembered(&self, token: &SessionToken) -> bool {
        let first = self.auth.authenticate(token).await.unwrap().unwrap();
        let second = self.auth.authenticate(token).await.unwrap().unwrap();
        Arc::ptr_eq(&first, &second)
    }
}

/// What a program does: start, and look after it in a task of its own.
fn started(db: Database, options: &Options) -> Auth {
    let auth = Auth::start(db, options.clone()).unwrap();
    tokio::spawn({
        let auth = auth.clone();
        async move { auth.run().await }
    });
    auth
}

/// Opens it without the time limits of a service: the machine may be busy.
async fn open(database: &TestDatabase) -> Database {
    let minute = Duration::from_mins(1);
    let options =
        DatabaseOptions { timeout: minute, connect_timeout: minute, ..DatabaseOptions::new(database.url()) };
    Database::connect(&options).await.unwrap()
}

async fn open_by(url: &str) -> Database {
    Database::connect(&DatabaseOptions::new(url)).await.unwrap()
}

pub fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

pub fn password(text: &str) -> Password {
    Password::parse(text.into()).unwrap()
}

pub fn new_password(text: &str) -> NewPassword {
    NewPassword::parse(text.into(), &PasswordPolicy { min_code_points: 1 }).unwrap()
}

/// A login to be made.
#[derive(Clone)]
pub struct Login {
    pub email: Email,
    pub password: Password,
    pub context: RequestContext,
}

impl Login {
    pub fn with_client(mut self, client: ClientInfo) -> Self {
        self.context.client = client;
        self
    }

    pub fn with_device(mut self, device: &DeviceToken) -> Self {
        self.context.device = Some(device.clone());
        self
    }

    pub fn with_session(mut self, session: &SessionToken) -> Self {
        self.context.session = Some(session.clone());
        self
    }
}

/// A login by a client that has neither a session nor a device.
pub fn login(address: &str, text: &str) -> Login {
    Login { email: email(address), password: password(text), context: context() }
}

/// The context of a request by that client.
pub fn context() -> RequestContext {
    RequestContext::new(ClientInfo::new(Some([192, 0, 2, 1].into()), Some("test")))
}

pub async fn send(auth: &Auth, login: Login) -> Result<LoggedIn, LoginError> {
    match auth.log_in(&login.email, &login.password, &login.context).await? {
        LogIn::LoggedIn(logged_in) => Ok(logged_in),
        LogIn::SecondFactorRequired => panic!("no account has a second factor"),
    }
}

pub fn completion(address: &str, token: &ResetToken, new: &str) -> ResetCompletion {
    ResetCompletion { email: email(address), token: token.clone(), new_password: new.into() }
}

impl World {
    pub async fn send(&self, login: Login) -> Result<LoggedIn, LoginError> {
        send(&self.auth, login).await
    }

    pub async fn complete_reset(
        &self,
        completion: ResetCompletion,
    ) -> Result<Option<DeviceToken>, CompleteResetError> {
        self.auth.complete_reset(completion, &RequestContext::default()).await
    }
}

impl World {
    /// Waits until something has come true; half a minute is a fault.
    pub async fn until(&self, mut has_come: impl AsyncFnMut() -> bool) {
        let wait = async {
            while !has_come().await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap();
    }

    /// Waits until all attempts that are due a refund have been refunded.
    pub async fn owes_no_attempts(&self) {
        use sea_orm::{ConnectionTrait, Statement};
        let db = self.db.for_migrations();
        let statement = Statement::from_string(db.get_database_backend(), "SELECT 1 FROM throttles");
        self.until(async || db.query_one_raw(statement.clone()).await.unwrap().is_none()).await;
    }

    /// Does to the database what our code never would.
    pub async fn execute(&self, sql: &str) {
        use sea_orm::ConnectionTrait;
        self.db.for_migrations().execute_unprepared(sql).await.unwrap();
    }

    /// How many rows the writer has changed so far.
    pub async fn changes(&self) -> i64 {
        use sea_orm::{ConnectionTrait, DbBackend, Statement};
        let statement = Statement::from_string(DbBackend::Sqlite, "SELECT total_changes()");
        let row = self.db.for_migrations().query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }
}
