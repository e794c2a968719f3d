//! Creating a table, with what each database needs said.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// Creates a table with its indexes.
///
/// `MariaDB` commits each statement by itself. There the table comes with its indexes in one, and may exist
/// already: then the run before was cut off after it and before it was noted down. Text is compared byte for
/// byte.
pub async fn table(
    manager: &SchemaManager<'_>,
    mut table: TableCreateStatement,
    indexes: Vec<IndexCreateStatement>,
) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::MySql {
        table.engine("InnoDB").character_set("utf8mb4").collate("utf8mb4_bin").if_not_exists();
        for mut index in indexes {
            table.index(&mut index);
        }
        return manager.create_table(table).await;
    }
    manager.create_table(table).await?;
    for index in indexes {
        manager.create_index(index).await?;
    }
    Ok(())
}
