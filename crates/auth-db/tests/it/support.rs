//! A migrated database for each test, and the values it is filled with.

use std::time::Duration;

use auth_db::{
    Database, DatabaseOptions,
    model::{
        ClientInfo, Device, DeviceToken, Email, FailedAttempts, Language, MailKind, Methods, PasswordHash,
        PasswordReset, ResetToken, Session, SessionId, SessionToken, User, UserId,
    },
    outbox::NewMail,
    sqlite_url, users,
};
use tempfile::TempDir;
use test_servers::{Kind, TestDatabase, kind};
use time::OffsetDateTime;

/// A migrated database of the kind under test, for one test.
pub struct World {
    pub db: Database,
    pub database: TestDatabase,
}

impl World {
    pub async fn new() -> Self {
        let database = TestDatabase::new().await;
        let db = open(database.url()).await;
        auth_migrations::up(db.for_migrations()).await.unwrap();
        Self { db, database }
    }

    /// None unless the database under test is a file.
    pub async fn of_file() -> Option<Self> {
        if kind() == Kind::Sqlite { Some(Self::new().await) } else { None }
    }

    pub fn options(&self) -> DatabaseOptions {
        DatabaseOptions::new(self.database.url())
    }

    /// Another process on the same database.
    pub async fn other(&self) -> Database {
        open(self.database.url()).await
    }

    pub async fn user(&self, address: &str) -> User {
        users::add_user(self.db.for_migrations(), email(address), hash("h0"), at(0)).await.unwrap()
    }
}

pub async fn open(url: &str) -> Database {
    Database::connect(&with_long_timeouts(url)).await.unwrap()
}

/// Long timeouts, because the machine may be busy.
pub fn with_long_timeouts(url: &str) -> DatabaseOptions {
    let minute = Duration::from_mins(1);
    let timeouts = DatabaseOptions { timeout: minute, lock_timeout: minute, ..DatabaseOptions::new(url) };
    DatabaseOptions { connect_timeout: minute, ..timeouts }
}

pub fn options_in(folder: &TempDir) -> DatabaseOptions {
    DatabaseOptions::new(sqlite_url(&folder.path().join("auth.db")).unwrap())
}

pub fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

pub fn hash(text: &str) -> PasswordHash {
    PasswordHash::parse(text).unwrap()
}

/// The instant `seconds` after an arbitrary start.
pub fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000) + time::Duration::seconds(seconds)
}

pub fn session_token(number: u8) -> SessionToken {
    SessionToken::from_bits([number; 16])
}

pub fn reset_token(number: u8) -> ResetToken {
    ResetToken::from_bits([number; 16])
}

/// A session that was opened at second `number` and lives for a thousand.
pub fn session(user: UserId, number: u8) -> Session {
    let created_at = at(i64::from(number));
    Session {
        id: SessionId::mint(u64::from(number), &[number; 10]),
        user_id: user,
        created_at,
        authenticated_at: created_at,
        methods: Methods::PASSWORD,
        last_seen_at: created_at,
        expires_at: created_at + time::Duration::seconds(1000),
        client: ClientInfo::new(Some([127, 0, 0, number].into()), Some("test")),
    }
}

pub fn reset(user: UserId) -> PasswordReset {
    PasswordReset { user_id: user, created_at: at(0), expires_at: at(100) }
}

pub fn device_token(number: u8) -> DeviceToken {
    DeviceToken::from_bits([number; 16])
}

pub fn device(user: UserId) -> Device {
    Device {
        user_id: user,
        kind: None,
        created_at: at(0),
        expires_at: at(100),
        failed_attempts: FailedAttempts::NONE,
    }
}

/// An email with a reset link to this address.
pub fn reset_mail(address: &Email) -> NewMail {
    NewMail { kind: MailKind::Reset, email: address.key().clone(), language: Language::French, detail: None }
}

impl World {
    /// Executes any statement.
    pub async fn execute(&self, sql: &str) {
        use sea_orm::ConnectionTrait;
        self.db.for_migrations().execute_unprepared(sql).await.unwrap();
    }
}

impl World {
    /// The value of a `PRAGMA`, as text.
    pub async fn pragma(&self, name: &str) -> String {
        use sea_orm::{ConnectionTrait, DbBackend, Statement};
        let statement = Statement::from_string(DbBackend::Sqlite, format!("PRAGMA {name}"));
        let row = self.db.for_migrations().query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index::<String>(0)
            .or_else(|_| row.try_get_by_index::<i64>(0).map(|number| number.to_string()))
            .unwrap()
    }
}
