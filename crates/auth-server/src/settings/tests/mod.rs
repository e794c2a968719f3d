//! Each refusal, with the line it says.

mod production;
mod urls;
mod values;

use super::*;

fn line(raw: &Raw) -> String {
    Settings::resolve(raw).expect_err("this must be refused").to_string()
}

#[expect(clippy::unnecessary_wraps, reason = "every setting is an option")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Development, with everything that the environment of a test may lack.
fn development() -> Raw {
    Raw { data_dir: some("/tmp/auth-server-test"), ..Raw::default() }
}

/// Production, with what it needs and no more.
fn production() -> Raw {
    Raw {
        profile: some("production"),
        listen: some("0.0.0.0:5000"),
        database_url: some("sqlite:/var/lib/auth-server/auth.db"),
        public_url: some("https://auth.example.org"),
        smtp_url: some("smtps://mailer:hunter2@mail.example.org"),
        mail_from: some("Accounts <accounts@example.org>"),
        ..Raw::default()
    }
}

#[test]
fn development_needs_no_settings_and_is_for_this_machine_only() {
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
fn a_bad_value_can_not_forge_a_second_line() {
    let told = line(&Raw { profile: some("a\nb\u{1b}[31m"), ..development() });

    assert!(!told.contains(['\n', '\u{1b}']), "{told:?}");
}

#[test]
fn an_empty_value_counts_as_none() {
    let raw = Raw { listen: some(""), public_url: some("  "), profile: some(""), ..development() };

    assert!(Settings::resolve(&raw).is_ok());
}

#[test]
fn the_command_line_is_well_formed() {
    <crate::cli::Cli as clap::CommandFactory>::command().debug_assert();
}
