//! Registers a user, logs in and resets the password, without HTTP.
//!
//! ```text
//! cargo run -p auth-core --example without_http
//! ```
#![expect(clippy::print_stdout, reason = "examples print their results")]

use auth_core::{
    Auth, Options, RequestContext,
    login::LogIn,
    model::{ClientInfo, Email, NewPassword, Password},
    recovery::ResetCompletion,
};
use auth_db::{Database, DatabaseOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let db = Database::connect(&DatabaseOptions::new("sqlite::memory:")).await?;
    auth_migrations::up(db.for_migrations()).await?;
    let auth = Auth::start(db, Options::default())?;
    let background = tokio::spawn({
        let auth = auth.clone();
        async move { auth.run().await }
    });
    // The address of the client is needed for the limits on attempts.
    let client = ClientInfo::new(Some([192, 0, 2, 1].into()), Some("example"));
    let context = RequestContext { client, ..RequestContext::default() };

    let email = Email::parse("ada@example.org")?;
    let password = NewPassword::parse("seven herons by the weir".into(), &auth.policy().password)?;
    let user = auth.register(email.clone(), password, &context).await?;
    println!("{} is registered as user {}", user.email, user.id);

    let wrong = Password::parse("incorrect horse".into())?;
    let rejected = auth.log_in(&email, &wrong, &context).await;
    println!("a login with a wrong password succeeds: {}", rejected.is_ok());

    let right = Password::parse("seven herons by the weir".into())?;
    let LogIn::LoggedIn(logged_in) = auth.log_in(&email, &right, &context).await? else {
        return Err("the account has a second factor".into());
    };
    let current = auth.authenticate(&logged_in.token).await?;
    println!("session {} belongs to user {:?}", logged_in.session.id, current.map(|found| found.user_id));

    let token = auth.issue_reset_token(&email).await?;
    let new_password = "an even more correct horse".into();
    auth.complete_reset(ResetCompletion { email, token, new_password }, &context).await?;
    let is_valid = auth.authenticate(&logged_in.token).await?.is_some();
    println!("the session is valid after the reset: {is_valid}");

    auth.shutdown().await?;
    background.await?;
    Ok(())
}
