//! Correction of instants in the future, which a clock that was ahead has stored. Lifetimes keep their length.

use std::time::Duration;

use auth_model::{MAX_DELAY, instant};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter,
    sea_query::{CaseStatement, Expr},
};
use time::OffsetDateTime;

use crate::{
    DbError,
    instant::Micros,
    table::{device, device_kind, outbox, reset_token, session, throttle},
};

/// The clock skew between nodes that is tolerated.
const TOLERANCE: Duration = Duration::from_mins(1);

/// The upper bound of the delay before an email is sent again.
const MAX_MAIL_DELAY: Duration = Duration::from_hours(1);

/// The lifetimes of new rows.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// Of sessions.
    pub session: Duration,
    /// Of devices.
    pub device: Duration,
}

/// Corrects rows that were stored while the clock was ahead of `now`. Sessions, devices and reset links get their full
/// lifetime from now; failed attempts, emails and notices are dated now. Returns the number of corrected rows.
///
/// Rows of the present and the past are skipped by an index, and are unchanged.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn correct(
    tx: &impl ConnectionTrait,
    now: OffsetDateTime,
    lifetimes: Lifetimes,
) -> Result<u64, DbError> {
    let future = Micros::from(instant::after(now, TOLERANCE));
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
    // `created_at` is unchanged, because it orders the sessions. Afterwards the first condition does not hold any more.
    let created = session::Entity::update_many()
        .filter(ExpiresAt.gt(Micros::from(instant::after(now, lifetime))))
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
        .filter(ExpiresAt.gt(Micros::from(instant::after(now, lifetime))))
        .filter(CreatedAt.gt(future))
        .col_expr(ExpiresAt, from_now(now, ExpiresAt, CreatedAt))
        .col_expr(CreatedAt, Expr::val(Micros::from(now)));
    Ok(created.exec(tx).await?.rows_affected)
}

/// Delays in the future end after the maximum delay. The next attempt computes its own.
async fn attempts(tx: &impl ConnectionTrait, now: OffsetDateTime, future: Micros) -> Result<u64, DbError> {
    use throttle::Column::{BlockedUntil, LatestAt};
    let latest = Micros::from(instant::after(now, MAX_DELAY));
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
    let latest = Micros::from(instant::after(now, MAX_MAIL_DELAY));
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

/// The end of a lifetime from `began` to `ends`, if it begins now.
fn from_now<C: ColumnTrait>(now: OffsetDateTime, ends: C, began: C) -> Expr {
    Expr::col(ends).sub(Expr::col(began)).add(Expr::val(Micros::from(now)))
}
