//! `docs/settings.md`, `--help` and the defaults of the code, compared.

use std::{collections::BTreeMap, path::Path};

use clap::{CommandFactory, Parser};

use crate::{cli::Cli, commands::check_config};

use super::*;

const DEVELOPMENT: [(&str, &str); 1] = [("data-dir", "/tmp/auth-server-test")];

const PRODUCTION: [(&str, &str); 6] = [
    ("profile", "production"),
    ("listen", "0.0.0.0:5000"),
    ("database-url", "postgres://auth@localhost/auth"),
    ("public-url", "https://auth.example.org"),
    ("smtp-url", "smtps://mailer@mail.example.org"),
    ("mail-from", "accounts@example.org"),
];

/// The default cells of the table in the documentation, by variable.
fn documented() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/settings.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `AUTH_"));
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    cells.map(|cells| (format!("AUTH_{}", cells[0].trim_end_matches('`')), cells[1].to_owned())).collect()
}

/// A setting of `--help`.
struct Helped {
    variable: String,
    flag: String,
    /// The default if it is a value, and that of production if it differs.
    default: Option<(String, Option<String>)>,
}

/// The settings of `--help`.
fn helped() -> Vec<Helped> {
    let command = Cli::command();
    let arguments = command.get_arguments().filter_map(|argument| {
        let variable = argument.get_env()?.to_str().unwrap().to_owned();
        let help = argument.get_help().unwrap().to_string();
        let default = help.split_once("(default: ").map(|(_, rest)| {
            let values = rest.trim_end_matches([')', '.']).replace('`', "");
            match values.split_once("; production: ") {
                Some((development, production)) => (development.to_owned(), Some(production.to_owned())),
                None => (values, None),
            }
        });
        Some(Helped { variable, flag: argument.get_long().unwrap().to_owned(), default })
    });
    arguments.collect()
}

/// The lines of `check-config` for a profile's settings and one more.
fn checked(profile: &[(&str, &str)], more: Option<(&str, &str)>) -> Vec<String> {
    let mut given: BTreeMap<&str, &str> = profile.iter().copied().collect();
    given.extend(more);
    let flags = given.iter().map(|(flag, value)| format!("--{flag}={value}"));
    let cli = Cli::parse_from(std::iter::once("auth-server".to_owned()).chain(flags));
    check_config::lines(&Settings::resolve(&cli.settings).unwrap())
}

#[test]
fn the_documentation_and_the_help_name_the_same_settings_and_defaults() {
    let mut documented = documented();
    for Helped { variable, default, .. } in helped() {
        let cell = documented.remove(&variable).unwrap_or_else(|| panic!("{variable} is not documented"));
        let expected = match default {
            Some((value, Some(production))) => format!("`{value}`; production `{production}`"),
            Some((value, None)) => format!("`{value}`"),
            // A default in words, which is no value.
            None => cell.clone(),
        };
        assert_eq!(cell, expected, "{variable}");
    }
    assert!(documented.is_empty(), "{documented:?}");
}

#[test]
fn a_documented_default_has_the_same_effect_as_no_value() {
    let mut count = 0;
    for Helped { variable, flag, default } in helped() {
        let Some((value, production)) = default else { continue };
        count += 1;
        // `listen` and `profile` are given in the settings of production.
        let is_given = PRODUCTION.iter().any(|(given, _)| *given == flag);
        if is_given || production.is_some() {
            assert_eq!(
                checked(&DEVELOPMENT, Some((&flag, &value))),
                checked(&DEVELOPMENT, None),
                "{variable}"
            );
        }
        if !is_given {
            let value = production.as_ref().unwrap_or(&value);
            assert_eq!(checked(&PRODUCTION, Some((&flag, value))), checked(&PRODUCTION, None), "{variable}");
        }
    }
    assert!(count >= 30, "{count}");
}
