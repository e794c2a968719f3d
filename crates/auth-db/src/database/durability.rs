//! What a database server may lose although it was acknowledged.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::reader::Reader;
use crate::DbError;

/// What a database server may lose although it was acknowledged, by its own settings; in words for a log.
pub async fn lost_at_a_crash(reader: &Reader) -> Result<Vec<String>, DbError> {
    let backend = reader.get_database_backend();
    let (question, settings): (_, &[(&str, &[&str])]) = match backend {
        DbBackend::Postgres => (
            "SELECT current_setting('synchronous_commit'), current_setting('fsync'), \
             current_setting('full_page_writes')",
            &[
                ("synchronous_commit", &["on", "remote_apply", "remote_write", "local"]),
                ("fsync", &["on"]),
                ("full_page_writes", &["on"]),
            ],
        ),
        DbBackend::MySql => (
            "SELECT CAST(@@innodb_flush_log_at_trx_commit AS CHAR), CAST(@@innodb_doublewrite AS CHAR)",
            &[
                ("innodb_flush_log_at_trx_commit", &["1"]),
                ("innodb_doublewrite", &["1", "ON", "DETECT_AND_RECOVER"]),
            ],
        ),
        _ => return Ok(Vec::new()),
    };
    let row = reader.query_one_raw(Statement::from_string(backend, question)).await?;
    let row = row.ok_or(DbError::NoResultFound)?;
    let mut lost = Vec::new();
    for (index, (name, durable)) in settings.iter().enumerate() {
        let value: String = row.try_get_by_index(index)?;
        if !durable.contains(&value.as_str()) {
            lost.push(format!("{name} is {value}, not {}", durable[0]));
        }
    }
    Ok(lost)
}
