//! Emails to be sent: recipient, kind, and the instant of the next attempt. Never a token or a link.

use auth_model::{EmailKey, Language, MailKind};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::Expr,
};
use time::OffsetDateTime;

use crate::{DbError, deletion::delete_some, instant::Micros, table::outbox};

const TABLE: &str = "outbox";

/// The highest count of emails of one kind to one address that is reported. Every limit is lower.
const MAX_COUNT: u64 = 100;

/// An email for the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMail {
    /// The kind.
    pub kind: MailKind,
    /// The canonical address. Its account is looked up when the email is sent.
    pub email: EmailKey,
    /// The language.
    pub language: Language,
    /// A detail for the text, at most 256 characters.
    pub detail: Option<String>,
}

/// An email in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedMail {
    /// The id.
    pub id: i64,
    /// Kind, recipient, language and detail.
    pub mail: NewMail,
    /// The instant at which it was stored.
    pub created_at: OffsetDateTime,
    /// The instant of the next attempt to send it.
    pub due_at: OffsetDateTime,
    /// The number of attempts so far.
    pub attempts: u32,
}

/// Stores an email, due at once.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn insert(tx: &impl ConnectionTrait, mail: &NewMail, now: OffsetDateTime) -> Result<(), DbError> {
    let row = outbox::ActiveModel {
        id: NotSet,
        kind: Set(mail.kind.name().to_owned()),
        email_key: Set(mail.email.as_str().to_owned()),
        language: Set(mail.language.tag().to_owned()),
        detail: Set(mail.detail.clone()),
        created_at: Set(now.into()),
        due_at: Set(now.into()),
        sent_at: Set(None),
        tries: Set(0),
    };
    outbox::Entity::insert(row).exec_without_returning(tx).await.map_err(DbError::of_insertion(TABLE))?;
    Ok(())
}

/// At most `limit` emails that are due at `now`, longest due first.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn due(
    db: &impl ConnectionTrait,
    now: OffsetDateTime,
    limit: u64,
) -> Result<Vec<QueuedMail>, DbError> {
    let rows = outbox::Entity::find()
        .filter(outbox::COLUMN.sent_at.is_null())
        .filter(outbox::COLUMN.due_at.lte(Micros::from(now)))
        .order_by_asc(outbox::Column::DueAt)
        .order_by_asc(outbox::Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    rows.into_iter().map(from_row).collect()
}

/// Claims an email, so that no other worker sends it until `until`. Returns false if another worker has claimed it since it
/// was read.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn claim(
    tx: &impl ConnectionTrait,
    mail: &QueuedMail,
    until: OffsetDateTime,
) -> Result<bool, DbError> {
    let done = outbox::Entity::update_many()
        .filter(outbox::COLUMN.id.eq(mail.id))
        .filter(outbox::COLUMN.sent_at.is_null())
        .filter(outbox::COLUMN.due_at.eq(Micros::from(mail.due_at)))
        .col_expr(outbox::Column::DueAt, Expr::val(Micros::from(until)))
        .col_expr(outbox::Column::Tries, Expr::col(outbox::Column::Tries).add(1))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Sets the instant of the next attempt.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn reschedule(tx: &impl ConnectionTrait, id: i64, until: OffsetDateTime) -> Result<(), DbError> {
    outbox::Entity::update_many()
        .filter(outbox::COLUMN.id.eq(id))
        .col_expr(outbox::Column::DueAt, Expr::val(Micros::from(until)))
        .exec(tx)
        .await?;
    Ok(())
}

/// Stores that an email was sent.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn mark_sent(tx: &impl ConnectionTrait, id: i64, now: OffsetDateTime) -> Result<(), DbError> {
    outbox::Entity::update_many()
        .filter(outbox::COLUMN.id.eq(id))
        .col_expr(outbox::Column::SentAt, Expr::val(Micros::from(now)))
        .exec(tx)
        .await?;
    Ok(())
}

/// Deletes an email.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn delete(tx: &impl ConnectionTrait, id: i64) -> Result<(), DbError> {
    outbox::Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Numbers of earlier emails of the same kind to the same address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earlier {
    /// Emails that were sent since some instant.
    pub sent: u64,
    /// Emails that were stored before this one, and are not sent yet.
    pub queued: u64,
}

/// Counts the earlier emails of the same kind to the same address: those that were sent after `since`, and those that are
/// queued.
///
/// The queued ones are counted so that concurrent workers together do not exceed a limit.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn count_earlier(
    db: &impl ConnectionTrait,
    mail: &QueuedMail,
    since: OffsetDateTime,
) -> Result<Earlier, DbError> {
    // In one statement, so that an email that is sent meanwhile is counted.
    let queued_before = outbox::COLUMN.sent_at.is_null().and(outbox::COLUMN.id.lt(mail.id));
    let sent_at: Vec<Option<Micros>> = outbox::Entity::find()
        .select_only()
        .column(outbox::Column::SentAt)
        .filter(outbox::COLUMN.email_key.eq(mail.mail.email.as_str()))
        .filter(outbox::COLUMN.kind.eq(mail.mail.kind.name()))
        .filter(outbox::COLUMN.sent_at.gt(Micros::from(since)).or(queued_before))
        .limit(MAX_COUNT)
        .into_tuple()
        .all(db)
        .await?;
    let sent = sent_at.iter().flatten().count() as u64;
    Ok(Earlier { sent, queued: sent_at.len() as u64 - sent })
}

/// When the latest email of a kind to an address was sent; none if the outbox has none.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn latest_sent(
    db: &impl ConnectionTrait,
    kind: MailKind,
    email: &EmailKey,
) -> Result<Option<OffsetDateTime>, DbError> {
    let latest: Vec<Option<Micros>> = outbox::Entity::find()
        .select_only()
        .expr(outbox::Column::SentAt.max())
        .filter(outbox::COLUMN.email_key.eq(email.as_str()))
        .filter(outbox::COLUMN.kind.eq(kind.name()))
        .into_tuple()
        .all(db)
        .await?;
    latest.first().copied().flatten().map(|at| at.read(TABLE, "sent_at")).transpose()
}

/// The number of queued emails.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn count_queued(db: &impl ConnectionTrait) -> Result<u64, DbError> {
    Ok(outbox::Entity::find().filter(outbox::COLUMN.sent_at.is_null()).count(db).await?)
}

/// Deletes at most `limit` emails that were sent at `before` or earlier. Returns their number.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn delete_expired(
    tx: &impl ConnectionTrait,
    before: OffsetDateTime,
    limit: u64,
) -> Result<u64, DbError> {
    let expired = outbox::COLUMN.sent_at.lte(Micros::from(before));
    delete_some::<outbox::Entity, i64>(tx, outbox::Column::Id, expired, limit).await
}

const fn corrupt(column: &'static str) -> DbError {
    DbError::Corrupt { table: TABLE, column }
}

fn from_row(row: outbox::Model) -> Result<QueuedMail, DbError> {
    let kind = MailKind::ALL.into_iter().find(|kind| kind.name() == row.kind);
    let language = Language::ALL.into_iter().find(|language| language.tag() == row.language);
    Ok(QueuedMail {
        id: row.id,
        mail: NewMail {
            kind: kind.ok_or_else(|| corrupt("kind"))?,
            email: EmailKey::from_stored(row.email_key),
            language: language.ok_or_else(|| corrupt("language"))?,
            detail: row.detail,
        },
        created_at: row.created_at.read(TABLE, "created_at")?,
        due_at: row.due_at.read(TABLE, "due_at")?,
        attempts: u32::try_from(row.tries).map_err(|_| corrupt("tries"))?,
    })
}
