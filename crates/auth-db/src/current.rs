//! Insertions that depend on a password which was verified a moment ago, in one statement.

use auth_model::UserId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, Iden,
    sea_query::{Expr, Query},
};

use crate::{DbError, table::user};

/// Inserts a row if the user exists, is enabled and has this `credential_version`. Returns whether it did.
///
/// The statement locks the user's row. A transaction that changes the password or disables the account, and then deletes
/// the user's rows, therefore comes either before it, so that nothing is inserted, or after it, so that it finds the row.
pub async fn insert_if_current<E: EntityTrait>(
    on: &impl ConnectionTrait,
    table: &'static str,
    user: UserId,
    credential_version: i64,
    row: impl IntoIterator<Item = (E::Column, Expr)>,
) -> Result<bool, DbError>
where
    E::Column: Iden,
{
    let (columns, values): (Vec<_>, Vec<_>) = row.into_iter().unzip();
    let mut select = Query::select();
    select
        .exprs(values)
        .from(user::Entity)
        .and_where(user::Column::Id.eq(user.as_i64()))
        .and_where(user::Column::CredentialVersion.eq(credential_version))
        .and_where(user::Column::DisabledAt.is_null())
        .lock_exclusive();
    let mut insert = Query::insert();
    // There are as many columns as values.
    let _ = insert.into_table(E::default()).columns(columns).select_from(select);
    let done = on.execute(&insert).await.map_err(DbError::of_insertion(table))?;
    Ok(done.rows_affected() == 1)
}
