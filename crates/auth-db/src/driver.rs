//! Which driver an error comes from. A driver that this build does not have causes none.

use sea_orm::sqlx::error::DatabaseError;
#[cfg(feature = "mariadb")]
use sea_orm::sqlx::mysql::MySqlDatabaseError;
#[cfg(feature = "postgres")]
use sea_orm::sqlx::postgres::PgDatabaseError;

/// The number of an error of `MariaDB` or `MySQL`.
#[cfg(feature = "mariadb")]
pub fn mysql_number(error: &dyn DatabaseError) -> Option<u16> {
    error.try_downcast_ref().map(MySqlDatabaseError::number)
}

#[cfg(not(feature = "mariadb"))]
pub fn mysql_number(_: &dyn DatabaseError) -> Option<u16> {
    None
}

/// Whether it is an error of `PostgreSQL`.
#[cfg(feature = "postgres")]
pub fn is_postgres(error: &dyn DatabaseError) -> bool {
    error.try_downcast_ref::<PgDatabaseError>().is_some()
}

#[cfg(not(feature = "postgres"))]
pub fn is_postgres(_: &dyn DatabaseError) -> bool {
    false
}
