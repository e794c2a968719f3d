//! One setting: its name, what was given, and how it is read.

use std::{fs, str::FromStr, time::Duration};

use auth_core::model::SecretString;

/// A setting can't be what it is: one line that names it, its value and what would be accepted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingError(String);

/// What is wrong with the settings: at least one thing, a line each.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct SettingErrors(pub Vec<SettingError>);

fn lines(errors: &[SettingError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl From<SettingError> for SettingErrors {
    fn from(error: SettingError) -> Self {
        Self(vec![error])
    }
}

/// A setting as it was given: on the command line, in the environment, or not.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    variable: &'static str,
    given: Option<&'a str>,
}

impl<'a> Setting<'a> {
    /// An empty value counts as none: that is what a template with a blank in it leaves behind.
    pub fn new(variable: &'static str, given: Option<&'a str>) -> Self {
        Self { variable, given: given.map(str::trim).filter(|text| !text.is_empty()) }
    }

    /// What was given.
    pub const fn given(&self) -> Option<&'a str> {
        self.given
    }

    /// Whether anything was given.
    pub const fn is_given(&self) -> bool {
        self.given.is_some()
    }

    /// A secret: its own value, or that of the file which `in_file` names; with the one of the two that was given.
    pub fn or_file(&self, in_file: Self) -> Result<Option<(Self, SecretString)>, SettingError> {
        match (self.given, in_file.given) {
            (Some(_), Some(_)) => {
                Err(in_file.refuse(&format!("{} is set as well; accepted: one of them", self.variable)))
            }
            (Some(secret), None) => Ok(Some((*self, SecretString::from(secret)))),
            (None, Some(path)) => {
                let text = fs::read_to_string(path)
                    .map_err(|cause| in_file.refuse(&format!("the file can't be read: {cause}")))?;
                Ok(Some((in_file, SecretString::from(text.trim()))))
            }
            (None, None) => Ok(None),
        }
    }

    /// The error that names this setting and its value, and says what would be accepted.
    pub fn refuse(&self, accepted: &str) -> SettingError {
        self.refuse_value(self.given.unwrap_or_default(), accepted)
    }

    /// The same for a value that was not given, but is the profile's default.
    pub fn refuse_value(&self, value: &str, accepted: &str) -> SettingError {
        SettingError(format!("{} is `{}`: {accepted}", self.names(), value.escape_default()))
    }

    /// The error for a value that must not be shown.
    pub fn refuse_secret(&self, accepted: &str) -> SettingError {
        SettingError(format!("{} (its value is not shown): {accepted}", self.names()))
    }

    /// The one or the other: whether the value may hold a secret.
    pub fn refuse_secret_if(&self, is_secret: bool, accepted: &str) -> SettingError {
        if is_secret { self.refuse_secret(accepted) } else { self.refuse(accepted) }
    }

    /// The error for a setting that must be given.
    pub fn missing(&self, expected: &str) -> SettingError {
        SettingError(format!("{} is not set: {expected}", self.names()))
    }

    /// One of a few words.
    pub fn one_of<T: Copy>(&self, words: &[(&str, T)], default: T) -> Result<T, SettingError> {
        let Some(given) = self.given else { return Ok(default) };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == given) {
            return Ok(*value);
        }
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        Err(self.refuse(&format!("accepted: {}", words.join(", "))))
    }

    /// A number within bounds.
    pub fn number<T>(&self, least: T, most: T, default: T) -> Result<T, SettingError>
    where
        T: FromStr + PartialOrd + std::fmt::Display + Copy,
    {
        let Some(given) = self.given else { return Ok(default) };
        match given.parse::<T>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(self.refuse(&format!("accepted: a number from {least} to {most}"))),
        }
    }

    /// A duration with its unit, within bounds.
    pub fn duration(
        &self,
        least: Duration,
        most: Duration,
        default: Duration,
    ) -> Result<Duration, SettingError> {
        let Some(given) = self.given else { return Ok(default) };
        match humantime::parse_duration(given) {
            Ok(duration) if (least..=most).contains(&duration) => Ok(duration),
            _ => {
                let (least, most) = (in_units(least), in_units(most));
                Err(self.refuse(&format!("accepted: a duration from {least} to {most}, such as 90s or 12h")))
            }
        }
    }

    /// Several values, separated by commas.
    pub fn list<T, E>(
        &self,
        read: impl Fn(&str) -> Result<T, E>,
        accepted: &str,
    ) -> Result<Vec<T>, SettingError> {
        let items = self.given.unwrap_or_default().split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(|item| read(item).map_err(|_| self.refuse_value(item, accepted))).collect()
    }

    /// `AUTH_LISTEN (--listen)`.
    fn names(&self) -> String {
        let flag = self.variable.trim_start_matches("AUTH_").to_ascii_lowercase().replace('_', "-");
        format!("{} (--{flag})", self.variable)
    }
}

/// A duration for the rules, which count in signed ones.
pub fn signed(duration: Duration) -> time::Duration {
    // All durations that settings accept fit by far.
    time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
}

/// A duration as settings spell it: in the largest unit that leaves no fraction.
pub fn in_units(duration: Duration) -> String {
    let millis = duration.as_millis();
    [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")]
        .into_iter()
        .find(|(unit, _)| millis > 0 && millis.is_multiple_of(*unit))
        .map_or_else(|| format!("{millis}ms"), |(unit, name)| format!("{}{name}", millis / unit))
}
