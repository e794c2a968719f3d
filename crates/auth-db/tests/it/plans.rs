//! How each database finds the rows of each query: by an index, however many there are.

use std::sync::Mutex;

use auth_db::{
    device_kinds, devices,
    model::{FailedAttempts, UserChanges, UserFilter, UserId},
    outbox, resets, server_keys,
    sessions::{self, Which},
    throttles, users,
};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    Statement, TransactionTrait, prelude::async_trait::async_trait,
};
use test_servers::{Kind, kind};

use crate::support::{
    World, at, device, device_token, email, hash, reset, reset_mail, reset_token, session, session_token,
};

/// Executes statements and records them.
struct Recorder<'a> {
    db: &'a DatabaseConnection,
    statements: Mutex<Vec<Statement>>,
}

impl Recorder<'_> {
    fn note(&self, statement: &Statement) {
        self.statements.lock().unwrap().push(statement.clone());
    }
}

#[async_trait]
impl ConnectionTrait for Recorder<'_> {
    fn get_database_backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.note(&statement);
        self.db.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.db.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.note(&statement);
        self.db.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.note(&statement);
        self.db.query_all_raw(statement).await
    }
}

/// The query plan of a statement.
async fn plan(tx: &DatabaseTransaction, statement: &Statement) -> String {
    let question = match kind() {
        Kind::Sqlite => "EXPLAIN QUERY PLAN",
        Kind::Postgres => "EXPLAIN",
        Kind::MariaDb => "EXPLAIN FORMAT=JSON",
    };
    let asked = Statement { sql: format!("{question} {}", statement.sql), ..statement.clone() };
    let rows = tx.query_all_raw(asked).await.unwrap();
    let column = if kind() == Kind::Sqlite { 3 } else { 0 };
    let lines: Vec<String> = rows.iter().map(|row| row.try_get_by_index(column).unwrap()).collect();
    lines.join("\n")
}

/// Whether it would look at every row.
fn looks_at_all(plan: &str) -> bool {
    match kind() {
        Kind::Sqlite => plan.contains("SCAN"),
        Kind::Postgres => plan.contains("Seq Scan"),
        Kind::MariaDb => plan.contains(r#""access_type": "ALL""#),
    }
}

/// Whether a statement looks for rows.
fn is_explained(sql: &str) -> bool {
    !sql.starts_with("INSERT") || sql.contains("SELECT")
}

/// Rows enough that a database prefers an index where there is one.
async fn filled() -> World {
    let world = World::new().await;
    let db = world.db.for_migrations();
    for number in 0..60_u8 {
        let user = world.user(&format!("user{number}@example.org")).await;
        sessions::insert(db, &session(user.id, number), &session_token(number).digest()).await.unwrap();
        resets::put(db, &reset(user.id), &reset_token(number).digest()).await.unwrap();
        devices::insert(db, &device(user.id), &device_token(number).digest()).await.unwrap();
        throttles::insert(db, &[number; 32], &FailedAttempts::NONE.admit(at(0)).unwrap()).await.unwrap();
        outbox::insert(db, &reset_mail(&user.email), at(i64::from(number))).await.unwrap();
        device_kinds::record_notice(db, &[number; 32], user.id, None, at(0)).await.unwrap();
    }
    match kind() {
        Kind::Sqlite => world.execute("ANALYZE").await,
        Kind::Postgres => {
            world
                .execute("ANALYZE users, sessions, reset_tokens, devices, device_kinds, throttles, outbox")
                .await;
        }
        Kind::MariaDb => {
            world
                .execute(
                    "ANALYZE TABLE users, sessions, reset_tokens, devices, device_kinds, throttles, outbox",
                )
                .await;
        }
    }
    world
}

/// The statements of every table function.
async fn statements(world: &World) -> Vec<Statement> {
    let recorder = Recorder { db: world.db.for_migrations(), statements: Mutex::default() };
    let (db, id, token) = (&recorder, UserId::from_i64(7), session_token(7).digest());
    let address = email("user7@example.org");
    users::find_by_email(db, address.key()).await.unwrap();
    users::find_user_by(db, &UserFilter { email: Some(address), ..UserFilter::default() }).await.unwrap();
    users::find_user_by(db, &UserFilter::by_id(id)).await.unwrap();
    users::hashes_after(db, id, 10).await.unwrap();
    users::newest_id(db).await.unwrap();
    users::update_user(db, id, &UserChanges::hashed_password(hash("h1")), at(1)).await.unwrap();
    users::replace_hash(db, id, &hash("h1"), &hash("h2"), at(2)).await.unwrap();
    sessions::insert_if_current(db, &session(id, 201), &session_token(201).digest(), 0).await.unwrap();
    sessions::find_with_user(db, &token).await.unwrap();
    sessions::find_many_with_users(db, &[token, session_token(8).digest()]).await.unwrap();
    sessions::find(db, &token).await.unwrap();
    sessions::touch(db, &token, at(60)).await.unwrap();
    let other = UserId::from_i64(12);
    let named = session(other, 11).id;
    sessions::find_of_user(db, other, named).await.unwrap();
    sessions::find_by_id(db, named).await.unwrap();
    sessions::all_of(db, other).await.unwrap();
    sessions::delete(db, Which::AllBut(other, named)).await.unwrap();
    sessions::delete(db, Which::Id(other, named)).await.unwrap();
    sessions::digests_newest_first(db, id).await.unwrap();
    sessions::digests_of_owner(db, email("user7@example.org").key()).await.unwrap();
    sessions::delete(db, Which::Token(token)).await.unwrap();
    sessions::delete(db, Which::AllOf(UserId::from_i64(9))).await.unwrap();
    sessions::delete(db, Which::Expired { now: at(-1000), idle_since: at(-1000), limit: 10 }).await.unwrap();
    resets::find(db, &reset_token(7).digest()).await.unwrap();
    resets::put(db, &reset(id), &reset_token(200).digest()).await.unwrap();
    resets::find_of(db, id).await.unwrap();
    resets::spend(db, id, &reset_token(200).digest()).await.unwrap();
    resets::delete_expired(db, at(-1000), 10).await.unwrap();
    server_keys::find_or_insert(db, "decoys", [1; 32], at(0)).await.unwrap();
    resets::revoke(db, other).await.unwrap();
    users::set_disabled(db, other, Some(at(3)), at(3)).await.unwrap();
    users::set_email_verified(db, other, at(3)).await.unwrap();
    statements_of_throttles(db).await;
    statements_of_mail(db).await;
    users::delete_user(db, id).await.unwrap();
    recorder.statements.into_inner().unwrap()
}

async fn statements_of_throttles(db: &Recorder<'_>) {
    let (token, owner) = (device_token(7).digest(), email("user7@example.org"));
    devices::find_of_owner(db, &token, owner.key()).await.unwrap();
    devices::find(db, &token).await.unwrap();
    devices::set_failed_attempts(db, &token, &FailedAttempts::NONE).await.unwrap();
    devices::replace_failed_attempts(db, &token, &FailedAttempts::NONE, &FailedAttempts::NONE).await.unwrap();
    devices::all_of(db, UserId::from_i64(9)).await.unwrap();
    devices::delete(db, &[device_token(8).digest()]).await.unwrap();
    devices::delete_all_of(db, UserId::from_i64(9)).await.unwrap();
    device_kinds::all_of(db, UserId::from_i64(10)).await.unwrap();
    device_kinds::record_notice(db, &[7; 32], UserId::from_i64(10), Some(at(0)), at(1)).await.unwrap();
    device_kinds::delete(db, &[[7; 32]]).await.unwrap();
    device_kinds::delete_expired(db, at(-1000), 10).await.unwrap();
    devices::delete_expired(db, at(-1000), 10).await.unwrap();
    throttles::find(db, &[7; 32]).await.unwrap();
    throttles::replace(db, &[7; 32], &FailedAttempts::NONE, &FailedAttempts::NONE).await.unwrap();
    throttles::delete_if(db, &[7; 32], &FailedAttempts::NONE).await.unwrap();
    throttles::lock(db, &[7; 32]).await.unwrap();
    throttles::update(db, &[7; 32], &FailedAttempts::NONE).await.unwrap();
    throttles::delete(db, &[7; 32]).await.unwrap();
    throttles::delete_expired(db, at(-1000), 10).await.unwrap();
}

async fn statements_of_mail(db: &Recorder<'_>) {
    let waiting = outbox::due(db, at(3), 10).await.unwrap();
    let first = &waiting[0];
    outbox::claim(db, first, at(60)).await.unwrap();
    outbox::reschedule(db, first.id, at(70)).await.unwrap();
    outbox::mark_sent(db, first.id, at(80)).await.unwrap();
    outbox::count_earlier(db, first, at(0)).await.unwrap();
    outbox::latest_sent(db, first.mail.kind, &first.mail.email).await.unwrap();
    outbox::delete_expired(db, at(-1000), 10).await.unwrap();
    outbox::delete(db, first.id).await.unwrap();
}

#[tokio::test]
async fn every_query_finds_its_rows_by_an_index() {
    let world = filled().await;
    let statements = statements(&world).await;
    let tx = world.db.for_migrations().begin().await.unwrap();
    if kind() == Kind::Postgres {
        // With so few rows it would not bother: this leaves it no choice where there is an index.
        tx.execute_unprepared("SET LOCAL enable_seqscan = off").await.unwrap();
    }

    let mut explained = 0;
    for statement in statements.iter().filter(|statement| is_explained(&statement.sql)) {
        let plan = plan(&tx, statement).await;
        assert!(!looks_at_all(&plan), "{}\n{plan}", statement.sql);
        explained += 1;
    }
    assert!(explained >= 40, "{explained}");

    // What has no index is found out.
    let sql = "SELECT email FROM users WHERE hashed_password = 'h2'";
    let by_hash = Statement::from_string(world.db.read().get_database_backend(), sql);
    assert!(looks_at_all(&plan(&tx, &by_hash).await));
    tx.rollback().await.unwrap();
}
