//! Creating and dropping a table, with the differences between the databases.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::m20261121_000001_users::Users;

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

/// An index over columns.
pub fn index<I: IntoIden>(
    name: &str,
    table: I,
    columns: impl IntoIterator<Item = I>,
) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(table.into_iden());
    for column in columns {
        index.col(column.into_iden());
    }
    index
}

/// A column that names a user, with whom the row goes.
pub fn user_key<I: IntoIden>(name: &str, table: I, column: I) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(name)
        .from(table, column)
        .to(Users::Table, Users::Id)
        .on_delete(ForeignKeyAction::Cascade)
        .take()
}

/// Makes the primary key the table on SQLite: for what is looked up by a digest, one tree to walk instead of two.
pub fn keyed_by_digest(manager: &SchemaManager<'_>, mut table: TableCreateStatement) -> TableCreateStatement {
    if manager.get_database_backend() == DbBackend::Sqlite {
        table.extra("WITHOUT ROWID");
    }
    table
}

/// Drops a table.
pub async fn undone(manager: &SchemaManager<'_>, table: impl IntoTableRef) -> Result<(), DbErr> {
    manager.drop_table(Table::drop().table(table).take()).await
}
