//! `auth-server`: password authentication as a service, in one binary.

mod application;
mod bind;
mod cli;
mod commands;
mod env_file;
mod listener;
mod log_writer;
mod mail;
mod options;
mod output;
mod settings;
mod signals;
mod telemetry;

use std::{ffi::OsString, process::ExitCode, time::Duration};

use clap::{CommandFactory, FromArgMatches};

use crate::{
    cli::{Cli, Command, DenylistCommand},
    settings::{SettingErrors, Settings},
};

/// The time slice of the threads that serve requests: the shortest of Linux. The hashing threads request a long one, and are
/// preempted when one of these threads wakes up.
const SLICE: Duration = Duration::from_micros(100);

fn main() -> ExitCode {
    // Before any thread is started, because threads inherit it. Without it, the latency under load is higher.
    let _ = thread_slice::request(SLICE);
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let command = match env_file::apply(Cli::command(), &arguments) {
        Ok(command) => command,
        Err(error) => {
            report(&error);
            return ExitCode::FAILURE;
        }
    };
    // Invalid arguments end the process here, with exit code 2 and an explanation by clap.
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
        Command::User(command) => commands::users::run(&settings, command).await,
        Command::Session(command) => commands::sessions::run(&settings, command).await,
        Command::Denylist(DenylistCommand::Build { input, hashes, output }) => {
            commands::denylist::build(input.as_deref(), hashes, &output)
        }
        Command::Migrate(command) => commands::migrate::run(&settings, command).await,
        Command::Health => commands::health::run(settings.http.listen),
        Command::CheckConfig => {
            commands::check_config::run(&settings);
            Ok(())
        }
    }
}

/// Prints an error with its causes on stderr, in one line, or in one line per setting.
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
