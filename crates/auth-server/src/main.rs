//! `auth-server`: password authentication as a service, in one binary.

mod application;
mod cli;
mod commands;
mod env_file;
mod listener;
mod log_writer;
mod mail;
mod output;
mod settings;
mod signals;
mod telemetry;

use std::{ffi::OsString, process::ExitCode, time::Duration};

use clap::{CommandFactory, FromArgMatches};

use crate::{
    cli::{Cli, Command, DenylistCommand, Migrate},
    settings::{SettingErrors, Settings},
};

/// The time slices of threads that answer requests: the shortest that Linux gives. A thread that computes hashes asks for
/// long ones, and is interrupted when one of these wakes up.
const SLICE: Duration = Duration::from_micros(100);

fn main() -> ExitCode {
    // Before any thread is started: they inherit it. Without it everything works, with a longer tail under load.
    let _ = thread_slice::request(SLICE);
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let command = match env_file::apply(Cli::command(), &arguments) {
        Ok(command) => command,
        Err(error) => {
            report(&error);
            return ExitCode::FAILURE;
        }
    };
    // Wrong arguments end the process here, with 2 and clap's explanation.
    let matches = command.get_matches_from(arguments);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
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
        Command::Migrate(Migrate::Down { steps, yes }) => commands::migrate_down(&settings, steps, yes).await,
        Command::Migrate(Migrate::Status) => commands::migrate_status(&settings).await,
        Command::Health => commands::health::ask(settings.http.listen),
        Command::CheckConfig => commands::check_config(&settings),
    }
}

/// What is wrong, with its causes, on stderr: one line, or one for each setting.
fn report(error: &anyhow::Error) {
    if let Some(SettingErrors(errors)) = error.downcast_ref() {
        for error in errors {
            output::error(format_args!("auth-server: {error}"));
        }
    } else {
        let line = format!("{error:#}").replace(['\r', '\n'], " ");
        output::error(format_args!("auth-server: {line}"));
    }
}
