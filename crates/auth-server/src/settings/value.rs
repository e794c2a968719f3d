//! One setting: its name, its text, and how the text is parsed.

use std::{fs, str::FromStr, time::Duration};

use auth_core::model::SecretString;

/// An invalid setting: one line that names it, its value and the accepted values.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingError(String);

/// Invalid settings, at least one.
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

/// A setting as given on the command line or in the environment, or not at all.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    variable: &'static str,
    given: Option<&'a str>,
}

impl<'a> Setting<'a> {
    /// An empty value counts as not given, because templates of deployments leave such values behind.
    pub fn new(variable: &'static str, given: Option<&'a str>) -> Self {
        Self { variable, given: given.map(str::trim).filter(|text| !text.is_empty()) }
    }

    /// The text, if the setting is given.
    pub const fn given(&self) -> Option<&'a str> {
        self.given
    }

    /// Whether it is given.
    pub const fn is_given(&self) -> bool {
        self.given.is_some()
    }

    /// A secret: the value of this setting, or the content of the file that `in_file` names. Returned with the setting that is
    /// given.
    pub fn or_file(&self, in_file: Self) -> Result<Option<(Self, SecretString)>, SettingError> {
        match (self.given, in_file.given) {
            (Some(_), Some(_)) => {
                Err(in_file.reject(&format!("{} is also set; accepted: one of them", self.variable)))
            }
            (Some(secret), None) => Ok(Some((*self, SecretString::from(secret)))),
            (None, Some(path)) => {
                let text = fs::read_to_string(path)
                    .map_err(|cause| in_file.reject(&format!("the file can't be read: {cause}")))?;
                Ok(Some((in_file, SecretString::from(text.trim()))))
            }
            (None, None) => Ok(None),
        }
    }

    /// The error that names this setting, its value and the accepted values.
    pub fn reject(&self, accepted: &str) -> SettingError {
        self.reject_value(self.given.unwrap_or_default(), accepted)
    }

    /// The same for another value, such as the default of the profile.
    pub fn reject_value(&self, value: &str, accepted: &str) -> SettingError {
        SettingError(format!("{} is `{}`: {accepted}", self.names(), value.escape_default()))
    }

    /// The error for a value that must not be shown.
    pub fn reject_secret(&self, accepted: &str) -> SettingError {
        SettingError(format!("{} (its value is not shown): {accepted}", self.names()))
    }

    /// One of these two errors: the value may contain a secret.
    pub fn reject_secret_if(&self, is_secret: bool, accepted: &str) -> SettingError {
        if is_secret { self.reject_secret(accepted) } else { self.reject(accepted) }
    }

    /// The error for a required setting that is not given.
    pub fn missing(&self, expected: &str) -> SettingError {
        SettingError(format!("{} is not set: {expected}", self.names()))
    }

    /// One of these words.
    pub fn one_of<T: Copy>(&self, words: &[(&str, T)], default: T) -> Result<T, SettingError> {
        let Some(given) = self.given else { return Ok(default) };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == given) {
            return Ok(*value);
        }
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        Err(self.reject(&format!("accepted: {}", words.join(", "))))
    }

    /// A number in a range.
    pub fn number<T>(&self, least: T, most: T, default: T) -> Result<T, SettingError>
    where
        T: FromStr + PartialOrd + std::fmt::Display + Copy,
    {
        let Some(given) = self.given else { return Ok(default) };
        match given.parse::<T>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(self.reject(&format!("accepted: a number from {least} to {most}"))),
        }
    }

    /// A duration with its unit, in a range.
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
                Err(self.reject(&format!("accepted: a duration from {least} to {most}, such as 90s or 12h")))
            }
        }
    }

    /// Values separated by commas.
    pub fn list<T, E>(
        &self,
        read: impl Fn(&str) -> Result<T, E>,
        accepted: &str,
    ) -> Result<Vec<T>, SettingError> {
        let items = self.given.unwrap_or_default().split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(|item| read(item).map_err(|_| self.reject_value(item, accepted))).collect()
    }

    /// `AUTH_LISTEN (--listen)`.
    fn names(&self) -> String {
        let flag = self.variable.trim_start_matches("AUTH_").to_ascii_lowercase().replace('_', "-");
        format!("{} (--{flag})", self.variable)
    }
}

/// A duration in the notation of settings: in the largest unit without a fraction.
pub fn in_units(duration: Duration) -> String {
    let millis = duration.as_millis();
    [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")]
        .into_iter()
        .find(|(unit, _)| millis > 0 && millis.is_multiple_of(*unit))
        .map_or_else(|| format!("{millis}ms"), |(unit, name)| format!("{}{name}", millis / unit))
}
