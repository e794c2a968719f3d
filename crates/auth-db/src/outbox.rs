//! Mails that are wanted: to whom, about what, and when somebody should look again. Never a token or a link.

use auth_model::{Language, MailKind};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::Expr,
};
use time::OffsetDateTime;

use crate::{DbError, deletion::delete_some, instant::Micros, table::outbox};

const TABLE: &str = "outbox";

/// Mails of one kind to one address that are counted: no limit is as high.
const ENOUGH: u64 = 100;

/// A mail that is to be put into the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What it is about.
    pub kind: MailKind,
    /// The canonical address: who has it is found out when it is sent.
    pub email_key: String,
    /// In which language.
    pub language: Language,
    /// What else it tells, at most 256 characters.
    pub detail: Option<String>,
}

/// A mail in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Names it.
    pub id: i64,
    /// What is wanted.
    pub wanted: Wanted,
    /// Since when.
    pub created_at: OffsetDateTime,
    /// When somebody should look at it.
    pub due_at: OffsetDateTime,
    /// How often it was tried to send it.
    pub tries: u32,
}

/// Puts a mail into the outbox, due at once.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn put(tx: &impl ConnectionTrait, wanted: &Wanted, now: OffsetDateTime) -> Result<(), DbError> {
    let row = outbox::ActiveModel {
        id: NotSet,
        kind: Set(wanted.kind.name().to_owned()),
        email_key: Set(wanted.email_key.clone()),
        language: Set(wanted.language.tag().to_owned()),
        detail: Set(wanted.detail.clone()),
        created_at: Set(now.into()),
        due_at: Set(now.into()),
        sent_at: Set(None),
        tries: Set(0),
    };
    outbox::Entity::insert(row).exec_without_returning(tx).await.map_err(DbError::of_insertion(TABLE))?;
    Ok(())
}

/// At most `limit` mails that are due at `now`, the longest waiting first.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn due(
    db: &impl ConnectionTrait,
    now: OffsetDateTime,
    limit: u64,
) -> Result<Vec<Waiting>, DbError> {
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

/// Takes a mail, so that no other worker looks at it until `until`; answers whether nobody had taken it since it
/// was read.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn claim(
    tx: &impl ConnectionTrait,
    mail: &Waiting,
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

/// Says when to look at a mail again.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn postpone(tx: &impl ConnectionTrait, id: i64, until: OffsetDateTime) -> Result<(), DbError> {
    outbox::Entity::update_many()
        .filter(outbox::COLUMN.id.eq(id))
        .col_expr(outbox::Column::DueAt, Expr::val(Micros::from(until)))
        .exec(tx)
        .await?;
    Ok(())
}

/// Notes that a mail was sent.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn sent(tx: &impl ConnectionTrait, id: i64, now: OffsetDateTime) -> Result<(), DbError> {
    outbox::Entity::update_many()
        .filter(outbox::COLUMN.id.eq(id))
        .col_expr(outbox::Column::SentAt, Expr::val(Micros::from(now)))
        .exec(tx)
        .await?;
    Ok(())
}

/// Drops a mail.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn delete(tx: &impl ConnectionTrait, id: i64) -> Result<(), DbError> {
    outbox::Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Mails of the same kind to the same address that come before one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earlier {
    /// Those that were sent after some instant.
    pub sent: u64,
    /// Those that were put into the outbox before it, and wait.
    pub waiting: u64,
}

/// How many mails of the same kind to the same address come before one, of those that were sent after `since` and those
/// that wait.
///
/// The waiting ones count before they are sent, so that of several workers at once none sends one too many.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn earlier(
    db: &impl ConnectionTrait,
    mail: &Waiting,
    since: OffsetDateTime,
) -> Result<Earlier, DbError> {
    // In one statement: otherwise one that is sent in between would be in neither number.
    let waits_longer = outbox::COLUMN.sent_at.is_null().and(outbox::COLUMN.id.lt(mail.id));
    let sent_at: Vec<Option<Micros>> = outbox::Entity::find()
        .select_only()
        .column(outbox::Column::SentAt)
        .filter(outbox::COLUMN.email_key.eq(&mail.wanted.email_key))
        .filter(outbox::COLUMN.kind.eq(mail.wanted.kind.name()))
        .filter(outbox::COLUMN.sent_at.gt(Micros::from(since)).or(waits_longer))
        .limit(ENOUGH)
        .into_tuple()
        .all(db)
        .await?;
    let sent = sent_at.iter().flatten().count() as u64;
    Ok(Earlier { sent, waiting: sent_at.len() as u64 - sent })
}

/// When the latest mail of a kind to an address was sent; none if none was, as far as that is kept.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn latest_sent(
    db: &impl ConnectionTrait,
    kind: MailKind,
    email_key: &str,
) -> Result<Option<OffsetDateTime>, DbError> {
    let latest: Vec<Option<Micros>> = outbox::Entity::find()
        .select_only()
        .expr(outbox::Column::SentAt.max())
        .filter(outbox::COLUMN.email_key.eq(email_key))
        .filter(outbox::COLUMN.kind.eq(kind.name()))
        .into_tuple()
        .all(db)
        .await?;
    latest.first().copied().flatten().map(|at| at.read(TABLE, "sent_at")).transpose()
}

/// How many mails wait.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn count_waiting(db: &impl ConnectionTrait) -> Result<u64, DbError> {
    Ok(outbox::Entity::find().filter(outbox::COLUMN.sent_at.is_null()).count(db).await?)
}

/// Deletes at most `limit` mails that were sent at `before` or earlier; answers how many there were.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn purge(tx: &impl ConnectionTrait, before: OffsetDateTime, limit: u64) -> Result<u64, DbError> {
    let over = outbox::COLUMN.sent_at.lte(Micros::from(before));
    delete_some::<outbox::Entity, i64>(tx, outbox::Column::Id, over, limit).await
}

const fn corrupt(column: &'static str) -> DbError {
    DbError::Corrupt { table: TABLE, column }
}

fn from_row(row: outbox::Model) -> Result<Waiting, DbError> {
    let kind = MailKind::ALL.into_iter().find(|kind| kind.name() == row.kind);
    let language = Language::ALL.into_iter().find(|language| language.tag() == row.language);
    Ok(Waiting {
        id: row.id,
        wanted: Wanted {
            kind: kind.ok_or_else(|| corrupt("kind"))?,
            email_key: row.email_key,
            language: language.ok_or_else(|| corrupt("language"))?,
            detail: row.detail,
        },
        created_at: row.created_at.read(TABLE, "created_at")?,
        due_at: row.due_at.read(TABLE, "due_at")?,
        tries: u32::try_from(row.tries).map_err(|_| corrupt("tries"))?,
    })
}
