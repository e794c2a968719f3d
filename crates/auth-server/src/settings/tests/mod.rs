//! Errors of settings, with their texts.

mod documentation;
mod production;
mod urls;
mod values;

use std::time::Duration;

use super::*;

fn line(raw: &RawSettings) -> String {
    Settings::resolve(raw).expect_err("the settings should be rejected").to_string()
}

#[expect(clippy::unnecessary_wraps, reason = "every setting is an option")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Development, with the settings that the environment of a test may lack.
fn development() -> RawSettings {
    RawSettings { data_dir: some("/tmp/auth-server-test"), ..RawSettings::default() }
}

/// Production, with the required settings only.
fn production() -> RawSettings {
    RawSettings {
        profile: some("production"),
        listen: some("0.0.0.0:5000"),
        database_url: some("sqlite:/var/lib/auth-server/auth.db"),
        public_url: some("https://auth.example.org"),
        smtp_url: some("smtps://mailer:hunter2@mail.example.org"),
        mail_from: some("Accounts <accounts@example.org>"),
        ..RawSettings::default()
    }
}

#[test]
fn development_needs_no_settings_and_serves_this_machine_only() {
    let settings = Settings::resolve(&development()).unwrap();

    assert_eq!(settings.profile, Profile::Development);
    assert_eq!(settings.http.listen.to_string(), "127.0.0.1:5000");
    assert!(settings.http.local_hosts_only);
    assert!(!settings.http.cookie.secure);
    assert_eq!(settings.http.cookie.name, "session_id");
    assert_eq!(settings.database.shown(), "sqlite:/tmp/auth-server-test/auth.db");
    assert_eq!(settings.password.policy.min_code_points, 1);
    assert_eq!(settings.shutdown.delay.as_secs(), 0);
}

#[test]
fn an_invalid_value_does_not_forge_a_second_line() {
    let error = line(&RawSettings { profile: some("a\nb\u{1b}[31m"), ..development() });

    assert!(!error.contains(['\n', '\u{1b}']), "{error:?}");
}

#[test]
fn an_empty_value_counts_as_not_given() {
    let raw = RawSettings { listen: some(""), public_url: some("  "), profile: some(""), ..development() };

    assert!(Settings::resolve(&raw).is_ok());
}

#[test]
fn the_command_line_is_well_formed() {
    <crate::cli::Cli as clap::CommandFactory>::command().debug_assert();
}
