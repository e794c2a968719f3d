//! Adds a user to a database in memory, finds it in another spelling and changes it.
//!
//! ```text
//! cargo run -p auth-db --example rows
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use auth_db::{
    Database, DatabaseOptions, DbError,
    model::{Email, PasswordHash},
    text, users,
};
use time::OffsetDateTime;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let db = Database::connect(&DatabaseOptions::new("sqlite::memory:")).await?;
    auth_migrations::up(db.for_migrations()).await?;
    let now = OffsetDateTime::UNIX_EPOCH;

    let ada = Email::parse("Ada@Example.org")?;
    let hash = PasswordHash::parse("whatever-a-hasher-wrote")?;
    let added = db.write(async |tx| users::add_user(&tx, ada.clone(), hash.clone(), now).await).await?;
    println!("{} got the id {}", added.email, added.id);

    let found = text::find_user_by(db.read(), ["email=ADA@example.org."]).await?;
    println!("ADA@example.org. is {} as well", found.id);

    let again = db.write(async |tx| users::add_user(&tx, ada.clone(), hash.clone(), now).await).await;
    println!("a second registration: {}", again.err().unwrap_or(DbError::NoResultFound));

    let unknown = text::update_user(db.for_migrations(), added.id, ["is_admin=1"], now).await;
    println!("a change that makes no sense: {}", unknown.err().unwrap_or(DbError::NoResultFound));
    Ok(())
}
