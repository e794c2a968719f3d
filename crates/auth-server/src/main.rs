//! `auth-server`: password authentication as a service, in one binary.

mod application;
mod cli;
mod commands;
mod listener;
mod mail;
mod settings;
mod signals;
mod telemetry;

use std::{process::ExitCode, time::Duration};

use clap::Parser;

use crate::{
    cli::{Cli, Command, DenylistCommand, Migrate},
    settings::Settings,
};

/// The time slices of threads that answer requests: the shortest that Linux gives. A thread that computes hashes asks for
/// long ones, and is interrupted when one of these wakes up.
const SLICE: Duration = Duration::from_micros(100);

fn main() -> ExitCode {
    // Before any thread is started: they inherit it. Without it everything works, with a longer tail under load.
    let _ = thread_slice::request(SLICE);
    // Wrong arguments end the process here, with 2 and clap's explanation.
    let cli = Cli::parse();
    match actix_web::rt::System::new().block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let settings = Settings::resolve(&cli.settings)?;
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => application::serve(settings).await,
        Command::User(command) => commands::people::user(&settings, command).await,
        Command::Session(command) => commands::people::session(&settings, command).await,
        Command::Denylist(DenylistCommand::Build { input, hashes, output }) => {
            commands::passwords::build(input.as_deref(), hashes, &output)
        }
        Command::Migrate(Migrate::Up) => commands::migrate_up(&settings).await,
        Command::Migrate(Migrate::Down { steps }) => commands::migrate_down(&settings, steps).await,
        Command::Migrate(Migrate::Status) => commands::migrate_status(&settings).await,
        Command::Health => commands::health::ask(settings.http.listen),
        Command::CheckConfig => commands::check_config(&settings),
    }
}

/// One line on stderr: what is wrong, with its causes.
#[expect(clippy::print_stderr, reason = "the log may not be running, and the operator looks here")]
fn report(error: &anyhow::Error) {
    eprintln!("auth-server: {}", format!("{error:#}").replace(['\r', '\n'], " "));
}
