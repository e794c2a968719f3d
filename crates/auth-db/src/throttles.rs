//! Failed attempts by account. The key is a digest of the address, whether it has an account or not.

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

/// The digest of an account: equal for all spellings of its address.
pub type AccountDigest = [u8; 32];

/// The number of rows that are shared by accounts whose own rows were evicted.
const SHARED_ROWS: u32 = 65_536;

/// The highest key of a shared row. No digest of an address is that low.
const LAST_SHARED: AccountDigest = {
    let mut key = [0; 32];
    [key[28], key[29], key[30], key[31]] = (SHARED_ROWS - 1).to_be_bytes();
    key
};

/// The key of the shared row of an account.
fn shared_key_of(digest: &AccountDigest) -> AccountDigest {
    let [a, b, c, d, ..] = *digest;
    let mut key = [0; 32];
    key[28..].copy_from_slice(&(u32::from_be_bytes([a, b, c, d]) % SHARED_ROWS).to_be_bytes());
    key
}

/// The stored attempts of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// None.
    Nothing,
    /// The account's own row.
    Own(FailedAttempts),
    /// A row that it shares with other accounts, whose own rows were evicted. The account has at most as many failures.
    Shared(FailedAttempts),
}

/// The stored attempts of an account, locked until the transaction ends.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn lock(tx: &impl ConnectionTrait, digest: &AccountDigest) -> Result<Stored, DbError> {
    read(&rows_of(digest).lock_exclusive().all(tx).await?, digest)
}

/// The stored attempts of an account.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn find(db: &impl ConnectionTrait, digest: &AccountDigest) -> Result<Stored, DbError> {
    read(&rows_of(digest).all(db).await?, digest)
}

fn rows_of(digest: &AccountDigest) -> Select<throttle::Entity> {
    let keys = [shared_key_of(digest).to_vec(), digest.to_vec()];
    throttle::Entity::find().filter(throttle::Column::AccountDigest.is_in(keys))
}

fn read(rows: &[throttle::Model], digest: &AccountDigest) -> Result<Stored, DbError> {
    let mut stored = Stored::Nothing;
    for row in rows {
        let attempts = columns(row).read(TABLE)?;
        if row.account_digest == digest {
            return Ok(Stored::Own(attempts));
        }
        stored = Stored::Shared(attempts);
    }
    Ok(stored)
}

/// Stores the attempts of an account that has no row of its own.
///
/// # Errors
///
/// [`DbError::Conflict`] if another process stored a row at the same time, which [`lock`] finds.
pub async fn insert(
    tx: &impl ConnectionTrait,
    digest: &AccountDigest,
    attempts: &FailedAttempts,
) -> Result<(), DbError> {
    let Columns { failures, blocked_until, latest_at } = attempts.into();
    let row = throttle::ActiveModel {
        account_digest: Set(digest.to_vec()),
        failures: Set(failures),
        blocked_until: Set(blocked_until),
        latest_at: Set(latest_at),
    };
    throttle::Entity::insert(row).exec_without_returning(tx).await.map_err(DbError::of_insertion(TABLE))?;
    Ok(())
}

/// Replaces the attempts of an account whose row the caller has locked.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn update(
    tx: &impl ConnectionTrait,
    digest: &AccountDigest,
    attempts: &FailedAttempts,
) -> Result<(), DbError> {
    let Columns { failures, blocked_until, latest_at } = attempts.into();
    throttle::Entity::update_many()
        .filter(throttle::COLUMN.account_digest.eq(digest.to_vec()))
        .col_expr(throttle::Column::Failures, Expr::val(failures))
        .col_expr(throttle::Column::BlockedUntil, Expr::val(blocked_until))
        .col_expr(throttle::Column::LatestAt, Expr::val(latest_at))
        .exec(tx)
        .await?;
    Ok(())
}

/// Replaces the attempts of an account if they are still those that were read. Returns whether it did.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn replace(
    on: &impl ConnectionTrait,
    digest: &AccountDigest,
    read: &FailedAttempts,
    attempts: &FailedAttempts,
) -> Result<bool, DbError> {
    let Columns { failures, blocked_until, latest_at } = attempts.into();
    let done = throttle::Entity::update_many()
        .filter(is_still(digest, read))
        .col_expr(throttle::Column::Failures, Expr::val(failures))
        .col_expr(throttle::Column::BlockedUntil, Expr::val(blocked_until))
        .col_expr(throttle::Column::LatestAt, Expr::val(latest_at))
        .exec(on)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Deletes the attempts of an account if they are still those that were read. Returns whether it did.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn delete_if(
    on: &impl ConnectionTrait,
    digest: &AccountDigest,
    read: &FailedAttempts,
) -> Result<bool, DbError> {
    let done = throttle::Entity::delete_many().filter(is_still(digest, read)).exec(on).await?;
    Ok(done.rows_affected == 1)
}

fn is_still(digest: &AccountDigest, read: &FailedAttempts) -> Condition {
    let Columns { failures, blocked_until, latest_at } = read.into();
    Condition::all()
        .add(throttle::COLUMN.account_digest.eq(digest.to_vec()))
        .add(throttle::COLUMN.failures.eq(failures))
        .add(throttle::COLUMN.blocked_until.eq(blocked_until))
        .add(throttle::COLUMN.latest_at.eq(latest_at))
}

/// Deletes the attempts of an account whose row the caller has locked.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn delete(tx: &impl ConnectionTrait, digest: &AccountDigest) -> Result<(), DbError> {
    throttle::Entity::delete_by_id(digest.to_vec()).exec(tx).await?;
    Ok(())
}

/// Deletes at most `limit` rows whose latest attempt began at `before` or earlier. Returns their number.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn delete_expired(
    tx: &impl ConnectionTrait,
    before: OffsetDateTime,
    limit: u64,
) -> Result<u64, DbError> {
    let expired = throttle::COLUMN.latest_at.lte(Micros::from(before));
    delete_some::<throttle::Entity, Vec<u8>>(tx, throttle::Column::AccountDigest, expired, limit).await
}

/// Evicts at most `limit` of the accounts beyond `capacity`, those with the fewest failures first and then the oldest, by
/// merging them into shared rows. Returns their number.
///
/// No failure is lost: [`lock`] finds the shared row of an evicted account (docs/adr/0016).
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn evict_surplus(tx: &impl ConnectionTrait, capacity: u64, limit: u64) -> Result<u64, DbError> {
    let own = || throttle::Entity::find().filter(throttle::Column::AccountDigest.gt(LAST_SHARED.to_vec()));
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
    // In the order in which `lock` locks them: shared rows first.
    accounts.sort_unstable_by_key(|account| (shared_key_of(account), *account));
    let mut merged = BTreeMap::new();
    for key in accounts.iter().map(shared_key_of) {
        if let Entry::Vacant(vacant) = merged.entry(key) {
            vacant.insert(lock_row(tx, &key).await?);
        }
    }
    for account in &accounts {
        // It may have been deleted since it was listed.
        let Some(attempts) = lock_row(tx, account).await? else { continue };
        let sum: &mut Option<FailedAttempts> = merged.entry(shared_key_of(account)).or_default();
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
