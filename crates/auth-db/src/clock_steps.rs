//! Instants that a clock which was ahead left in the future: they become the present, and lifetimes keep their length.

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter,
    sea_query::{CaseStatement, Expr},
};
use time::{Duration, OffsetDateTime};

use crate::{
    DbError,
    instant::Micros,
    table::{device, device_kind, outbox, reset_token, session, throttle},
};

/// How far apart the clocks of nodes may be without anything being corrected.
const TOLERANCE: Duration = Duration::minutes(1);

/// The longest that a mail waits for a next attempt by itself.
const LONGEST_MAIL_PAUSE: Duration = Duration::hours(1);

/// The lifetimes that rows of today have.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// Of sessions.
    pub session: Duration,
    /// Of devices.
    pub device: Duration,
}

/// Corrects what was stored while the clock was ahead of `now`: sessions, devices and reset links live as long as they were
/// meant to, from now on; failed attempts, mails and notices happened now. Returns how many rows it corrected.
///
/// Rows of the present and the past are found by an index, and stay as they are.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn pull_back(
    tx: &impl ConnectionTrait,
    now: OffsetDateTime,
    lifetimes: Lifetimes,
) -> Result<u64, DbError> {
    let future = Micros::from(now.saturating_add(TOLERANCE));
    let mut corrected = sessions(tx, now, future, lifetimes.session).await?;
    corrected += resets(tx, now, future).await?;
    corrected += devices(tx, now, future, lifetimes.device).await?;
    corrected += attempts(tx, now, future).await?;
    corrected += mails(tx, now, future).await?;
    Ok(corrected)
}

async fn sessions(
    tx: &impl ConnectionTrait,
    now: OffsetDateTime,
    future: Micros,
    lifetime: Duration,
) -> Result<u64, DbError> {
    use session::Column::{CreatedAt, ExpiresAt, LastSeenAt};
    // When they were opened stays, because it orders them; the first condition does not hold any more afterwards.
    let created = session::Entity::update_many()
        .filter(ExpiresAt.gt(Micros::from(now.saturating_add(lifetime))))
        .filter(CreatedAt.gt(future))
        .col_expr(ExpiresAt, from_now(now, ExpiresAt, CreatedAt));
    let used = session::Entity::update_many()
        .filter(LastSeenAt.gt(future))
        .col_expr(LastSeenAt, Expr::val(Micros::from(now)));
    Ok(created.exec(tx).await?.rows_affected + used.exec(tx).await?.rows_affected)
}

async fn resets(tx: &impl ConnectionTrait, now: OffsetDateTime, future: Micros) -> Result<u64, DbError> {
    use reset_token::Column::{CreatedAt, ExpiresAt};
    let created = reset_token::Entity::update_many()
        .filter(ExpiresAt.gt(future))
        .filter(CreatedAt.gt(future))
        .col_expr(ExpiresAt, from_now(now, ExpiresAt, CreatedAt))
        .col_expr(CreatedAt, Expr::val(Micros::from(now)));
    Ok(created.exec(tx).await?.rows_affected)
}

async fn devices(
    tx: &impl ConnectionTrait,
    now: OffsetDateTime,
    future: Micros,
    lifetime: Duration,
) -> Result<u64, DbError> {
    use device::Column::{CreatedAt, ExpiresAt};
    let created = device::Entity::update_many()
        .filter(ExpiresAt.gt(Micros::from(now.saturating_add(lifetime))))
        .filter(CreatedAt.gt(future))
        .col_expr(ExpiresAt, from_now(now, ExpiresAt, CreatedAt))
        .col_expr(CreatedAt, Expr::val(Micros::from(now)));
    Ok(created.exec(tx).await?.rows_affected)
}

/// Waits that reach into the future end after the longest pause: an attempt finds out its own.
async fn attempts(tx: &impl ConnectionTrait, now: OffsetDateTime, future: Micros) -> Result<u64, DbError> {
    use throttle::Column::{BlockedUntil, LatestAt};
    let latest = Micros::from(now.saturating_add(auth_model::LONGEST_PAUSE));
    let earlier = CaseStatement::new()
        .case(BlockedUntil.gt(latest), Expr::val(latest))
        .finally(Expr::col(BlockedUntil));
    let failed = throttle::Entity::update_many()
        .filter(LatestAt.gt(future))
        .col_expr(BlockedUntil, earlier.into())
        .col_expr(LatestAt, Expr::val(Micros::from(now)));
    let noticed = device_kind::Entity::update_many()
        .filter(device_kind::Column::NoticedAt.gt(future))
        .col_expr(device_kind::Column::NoticedAt, Expr::val(Micros::from(now)));
    Ok(failed.exec(tx).await?.rows_affected + noticed.exec(tx).await?.rows_affected)
}

async fn mails(tx: &impl ConnectionTrait, now: OffsetDateTime, future: Micros) -> Result<u64, DbError> {
    use outbox::Column::{CreatedAt, DueAt, SentAt};
    let latest = Micros::from(now.saturating_add(LONGEST_MAIL_PAUSE));
    let due = outbox::Entity::update_many()
        .filter(SentAt.is_null())
        .filter(DueAt.gt(latest))
        .col_expr(DueAt, Expr::val(Micros::from(now)))
        .col_expr(CreatedAt, Expr::val(Micros::from(now)));
    let sent = outbox::Entity::update_many()
        .filter(SentAt.gt(future))
        .col_expr(SentAt, Expr::val(Micros::from(now)));
    Ok(due.exec(tx).await?.rows_affected + sent.exec(tx).await?.rows_affected)
}

/// The end of what was to live from `began` to `ends`, if it begins now.
fn from_now<C: ColumnTrait>(now: OffsetDateTime, ends: C, began: C) -> Expr {
    Expr::col(ends).sub(Expr::col(began)).add(Expr::val(Micros::from(now)))
}
