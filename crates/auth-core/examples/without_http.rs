//! Registers somebody and logs them in, without any HTTP.
//!
//! ```text
//! cargo run -p auth-core --example without_http
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use auth_core::{
    Attempt, Auth, Options, ResetCompletion,
    model::{Client, Email, NewPassword, Password},
};
use auth_db::{Database, DatabaseOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let db = Database::connect(&DatabaseOptions::new("sqlite::memory:")).await?;
    auth_migrations::up(db.for_migrations()).await?;
    let auth = Auth::start(db, Options::default())?;
    // Looks after sessions and limits, for as long as the program runs.
    tokio::spawn({
        let auth = auth.clone();
        async move { auth.maintain().await }
    });
    // Limits on attempts go by the client's address, too.
    let client = Client::new(Some([192, 0, 2, 1].into()), Some("example"));

    let email = Email::parse("ada@example.org")?;
    let new = NewPassword::parse("seven herons by the weir".into(), &auth.policy().password)
        .map_err(|error| format!("the password {error}"))?;
    let user = auth.register_user(email.clone(), new).await?;
    println!("{} registered and is user {}", user.email, user.id);

    let wrong = Password::parse("incorrect horse".into()).map_err(|error| format!("the password {error}"))?;
    println!("a wrong password is right: {}", auth.valid_login(&email, &wrong).await?);

    let right = Password::parse("seven herons by the weir".into())
        .map_err(|error| format!("the password {error}"))?;
    let logged_in = auth.log_in(Attempt::new(email.clone(), right, client.clone())).await?;
    let current = auth.user_behind(&logged_in.token).await?;
    println!("session {} belongs to user {:?}", logged_in.session.id, current.map(|found| found.id));

    let token = auth.request_reset(&email).await?;
    let new_password = "an even more correct horse".into();
    auth.complete_reset(ResetCompletion { email, token, new_password, client }).await?;
    let still = auth.user_behind(&logged_in.token).await?.is_some();
    println!("after a reset the session counts: {still}");
    Ok(())
}
