//! Failed attempts to log in, by account: by a digest of the address, whether somebody has it or not.

use std::collections::{BTreeMap, btree_map::Entry};

use auth_model::FailedAttempts;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select, sea_query::Expr,
};
use time::OffsetDateTime;

use crate::{
    DbError,
    deletion::{delete_listed, delete_some},
    failed_attempts::Columns,
    instant::Micros,
    table::throttle,
};

const TABLE: &str = "throttles";

/// What stands for an account: 32 bytes that are the same for all spellings of its address.
pub type AccountDigest = [u8; 32];

/// Rows that stand for accounts whose own rows made room: each for as many of them as have the same key.
const OVERFLOW_ROWS: u32 = 65_536;

/// The highest key of such a row. No digest of an address is that low.
const LAST_OVERFLOW: AccountDigest = {
    let mut key = [0; 32];
    [key[28], key[29], key[30], key[31]] = (OVERFLOW_ROWS - 1).to_be_bytes();
    key
};

/// The key of the row that stands for an account whose own row made room.
fn overflow_of(account: &AccountDigest) -> AccountDigest {
    let [a, b, c, d, ..] = *account;
    let mut key = [0; 32];
    key[28..].copy_from_slice(&(u32::from_be_bytes([a, b, c, d]) % OVERFLOW_ROWS).to_be_bytes());
    key
}

/// What is stored of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// Nothing, which takes nothing.
    Nothing,
    /// A row of its own.
    Own(FailedAttempts),
    /// A row that stands for it and others, whose rows made room: the account failed at most as often.
    Shared(FailedAttempts),
}

/// What is stored of an account, taken until the transaction ends.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn lock(tx: &impl ConnectionTrait, account: &AccountDigest) -> Result<Stored, DbError> {
    read(&rows_of(account).lock_exclusive().all(tx).await?, account)
}

/// What is stored of an account at this moment.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn find(db: &impl ConnectionTrait, account: &AccountDigest) -> Result<Stored, DbError> {
    read(&rows_of(account).all(db).await?, account)
}

fn rows_of(account: &AccountDigest) -> Select<throttle::Entity> {
    let keys = [overflow_of(account).to_vec(), account.to_vec()];
    throttle::Entity::find().filter(throttle::Column::AccountDigest.is_in(keys))
}

fn read(rows: &[throttle::Model], account: &AccountDigest) -> Result<Stored, DbError> {
    let mut stored = Stored::Nothing;
    for row in rows {
        let attempts = columns(row).read(TABLE)?;
        if row.account_digest == account {
            return Ok(Stored::Own(attempts));
        }
        stored = Stored::Shared(attempts);
    }
    Ok(stored)
}

/// Stores the attempts for an account that has none yet.
///
/// # Errors
///
/// [`DbError::Conflict`] if another process stored some at the same moment: then [`lock`] finds them.
pub async fn insert(
    tx: &impl ConnectionTrait,
    account: &AccountDigest,
    attempts: &FailedAttempts,
) -> Result<(), DbError> {
    let Columns { failures, blocked_until, latest_at } = attempts.into();
    let row = throttle::ActiveModel {
        account_digest: Set(account.to_vec()),
        failures: Set(failures),
        blocked_until: Set(blocked_until),
        latest_at: Set(latest_at),
    };
    throttle::Entity::insert(row).exec_without_returning(tx).await.map_err(DbError::of_insertion(TABLE))?;
    Ok(())
}

/// Replaces the attempts for an account that the caller holds.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn update(
    tx: &impl ConnectionTrait,
    account: &AccountDigest,
    attempts: &FailedAttempts,
) -> Result<(), DbError> {
    let Columns { failures, blocked_until, latest_at } = attempts.into();
    throttle::Entity::update_many()
        .filter(throttle::COLUMN.account_digest.eq(account.to_vec()))
        .col_expr(throttle::Column::Failures, Expr::val(failures))
        .col_expr(throttle::Column::BlockedUntil, Expr::val(blocked_until))
        .col_expr(throttle::Column::LatestAt, Expr::val(latest_at))
        .exec(tx)
        .await?;
    Ok(())
}

/// Replaces the attempts for an account if they are still those that were read; returns whether it did.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn replace(
    on: &impl ConnectionTrait,
    account: &AccountDigest,
    read: &FailedAttempts,
    attempts: &FailedAttempts,
) -> Result<bool, DbError> {
    let Columns { failures, blocked_until, latest_at } = attempts.into();
    let done = throttle::Entity::update_many()
        .filter(is_still(account, read))
        .col_expr(throttle::Column::Failures, Expr::val(failures))
        .col_expr(throttle::Column::BlockedUntil, Expr::val(blocked_until))
        .col_expr(throttle::Column::LatestAt, Expr::val(latest_at))
        .exec(on)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Forgets the attempts for an account if they are still those that were read; returns whether it did.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn delete_if(
    on: &impl ConnectionTrait,
    account: &AccountDigest,
    read: &FailedAttempts,
) -> Result<bool, DbError> {
    let done = throttle::Entity::delete_many().filter(is_still(account, read)).exec(on).await?;
    Ok(done.rows_affected == 1)
}

fn is_still(account: &AccountDigest, read: &FailedAttempts) -> Condition {
    let Columns { failures, blocked_until, latest_at } = read.into();
    Condition::all()
        .add(throttle::COLUMN.account_digest.eq(account.to_vec()))
        .add(throttle::COLUMN.failures.eq(failures))
        .add(throttle::COLUMN.blocked_until.eq(blocked_until))
        .add(throttle::COLUMN.latest_at.eq(latest_at))
}

/// Forgets the attempts for an account that the caller holds.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn delete(tx: &impl ConnectionTrait, account: &AccountDigest) -> Result<(), DbError> {
    throttle::Entity::delete_by_id(account.to_vec()).exec(tx).await?;
    Ok(())
}

/// Deletes at most `limit` of those whose latest attempt began at `forgotten` or earlier; answers how many there were.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn purge(tx: &impl ConnectionTrait, forgotten: OffsetDateTime, limit: u64) -> Result<u64, DbError> {
    let over = throttle::COLUMN.latest_at.lte(Micros::from(forgotten));
    delete_some::<throttle::Entity, Vec<u8>>(tx, throttle::Column::AccountDigest, over, limit).await
}

/// Moves the accounts with the fewest failures, the oldest first, into the rows that stand for many, if there are more than
/// `capacity`; at most `limit` of them. Returns how many it moved.
///
/// No failure is forgotten: [`lock`] finds a moved account by the row that stands for it.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn trim(tx: &impl ConnectionTrait, capacity: u64, limit: u64) -> Result<u64, DbError> {
    let own = || throttle::Entity::find().filter(throttle::Column::AccountDigest.gt(LAST_OVERFLOW.to_vec()));
    let surplus = own().count(tx).await?.saturating_sub(capacity);
    if surplus == 0 {
        return Ok(0);
    }
    let digests: Vec<Vec<u8>> = own()
        .select_only()
        .column(throttle::Column::AccountDigest)
        .order_by_asc(throttle::Column::Failures)
        .order_by_asc(throttle::Column::LatestAt)
        .limit(surplus.min(limit))
        .into_tuple()
        .all(tx)
        .await?;
    let mut accounts = digests.iter().map(|bytes| digest(bytes)).collect::<Result<Vec<_>, _>>()?;
    // In the order in which `lock` takes them: those that stand for many first.
    accounts.sort_unstable_by_key(|account| (overflow_of(account), *account));
    let mut merged = BTreeMap::new();
    for key in accounts.iter().map(overflow_of) {
        if let Entry::Vacant(vacant) = merged.entry(key) {
            vacant.insert(lock_row(tx, &key).await?);
        }
    }
    for account in &accounts {
        // It may have gone since it was listed.
        let Some(attempts) = lock_row(tx, account).await? else { continue };
        let sum: &mut Option<FailedAttempts> = merged.entry(overflow_of(account)).or_default();
        *sum = Some(sum.map_or(attempts, |sum| sum.merged(&attempts)));
    }
    for (key, attempts) in merged {
        let Some(attempts) = attempts else { continue };
        delete(tx, &key).await?;
        insert(tx, &key, &attempts).await?;
    }
    delete_listed::<throttle::Entity, Vec<u8>>(tx, throttle::Column::AccountDigest, digests).await
}

async fn lock_row(tx: &impl ConnectionTrait, key: &AccountDigest) -> Result<Option<FailedAttempts>, DbError> {
    let row = throttle::Entity::find_by_id(key.to_vec()).lock_exclusive().all(tx).await?.pop();
    row.map(|row| columns(&row).read(TABLE)).transpose()
}

fn digest(bytes: &[u8]) -> Result<AccountDigest, DbError> {
    bytes.try_into().map_err(|_| DbError::Corrupt { table: TABLE, column: "account_digest" })
}

fn columns(row: &throttle::Model) -> Columns {
    Columns { failures: row.failures, blocked_until: row.blocked_until, latest_at: row.latest_at }
}
