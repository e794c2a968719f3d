//! Kinds and languages of emails.

use std::{fmt, str::FromStr};

/// A language of emails and pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// French.
    French,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::French];

    /// The BCP 47 tag: `en`, `fr`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// The language that an `Accept-Language` header (RFC 9110 section 12.5.4) prefers, or `otherwise` if it names none of
    /// them.
    ///
    /// Only the first 32 ranges of the header are read.
    #[must_use]
    pub fn preferred(accept_language: &str, otherwise: Self) -> Self {
        let mut best = (0.0, otherwise);
        for range in accept_language.split(',').take(32) {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), f32::from_str);
            let primary = tag.split('-').next().unwrap_or_default();
            let ours = Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.tag()));
            if let (Some(language), Ok(weight)) = (ours, weight)
                && weight > best.0
                && weight <= 1.0
            {
                best = (weight, language);
            }
        }
        best.1
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

/// The kind of an email.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailKind {
    /// The link that sets a new password.
    Reset,
    /// A notice: the password was changed.
    PasswordChanged,
    /// A notice: there was a login on a new device.
    NewDevice,
}

impl MailKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Reset, Self::PasswordChanged, Self::NewDevice];

    /// The name in the database and of the templates.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::PasswordChanged => "password_changed",
            Self::NewDevice => "new_device",
        }
    }
}

impl fmt::Display for MailKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_language_is_chosen() {
        for (header, language) in [
            ("", Language::English),
            ("de", Language::English),
            ("fr", Language::French),
            ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", Language::French),
            ("en-GB,fr;q=0.9", Language::English),
            ("en;q=0.2,FR;q=0.3", Language::French),
            ("fr;q=0", Language::English),
            ("fr;q=nonsense, en", Language::English),
            ("fr;q=NaN", Language::English),
            ("fr;q=7", Language::English),
            ("frr", Language::English),
        ] {
            assert_eq!(Language::preferred(header, Language::English), language, "{header}");
        }
    }
}
