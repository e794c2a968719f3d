//! `device_kinds`: kinds of devices about which the owner was notified; and the kind of each known device.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary_len, binary_len_null},
};

use crate::create;

#[derive(DeriveIden)]
enum DeviceKinds {
    Table,
    KindDigest,
    UserId,
    NoticedAt,
}

#[derive(DeriveIden)]
enum Devices {
    Table,
    KindDigest,
}

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Where each change is committed by itself, the run before may have been cut off after this one.
        if !manager.has_column("devices", "kind_digest").await? {
            let column = binary_len_null(Devices::KindDigest, 32);
            manager.alter_table(Table::alter().table(Devices::Table).add_column(column).take()).await?;
        }
        let table = Table::create()
            .table(DeviceKinds::Table)
            .col(binary_len(DeviceKinds::KindDigest, 32).primary_key())
            .col(big_integer(DeviceKinds::UserId))
            .col(big_integer(DeviceKinds::NoticedAt))
            .foreign_key(&mut create::user_key(
                "device_kinds_user_id_fk",
                DeviceKinds::Table,
                DeviceKinds::UserId,
            ))
            .take();
        let index = |name, column| create::index(name, DeviceKinds::Table, [column]);
        let indexes = vec![
            index("device_kinds_user_id_index", DeviceKinds::UserId),
            index("device_kinds_noticed_at_index", DeviceKinds::NoticedAt),
        ];
        create::table(manager, create::keyed_by_digest(manager, table), indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create::undone(manager, DeviceKinds::Table).await?;
        if manager.has_column("devices", "kind_digest").await? {
            let table = Table::alter().table(Devices::Table).drop_column(Devices::KindDigest).take();
            manager.alter_table(table).await?;
        }
        Ok(())
    }
}
