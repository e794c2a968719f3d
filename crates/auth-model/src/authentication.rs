//! How a user proved who they are, and how much that proves.

use std::fmt;

/// One way in which a user proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// The password of the account.
    Password,
    /// A time-based one-time code.
    OneTimeCode,
    /// A passkey, with user verification by the authenticator.
    Passkey,
    /// A recovery code.
    RecoveryCode,
}

impl Method {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 4] = [Self::Password, Self::OneTimeCode, Self::Passkey, Self::RecoveryCode];

    /// The name that is stored and shown: `pwd` and `otp` (RFC 8176 section 2), `webauthn`, `recovery`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::OneTimeCode => "otp",
            Self::Passkey => "webauthn",
            Self::RecoveryCode => "recovery",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The set of methods by which a session was authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Methods(u8);

impl Methods {
    /// No method.
    pub const NONE: Self = Self(0);
    /// The password alone.
    pub const PASSWORD: Self = Self(Method::Password.bit());

    /// This set and one more method.
    #[must_use]
    pub const fn with(self, method: Method) -> Self {
        Self(self.0 | method.bit())
    }

    /// Whether a method is in the set.
    #[must_use]
    pub const fn contains(self, method: Method) -> bool {
        self.0 & method.bit() != 0
    }

    /// Reads the textual form. Names that this version does not know are left out: a newer node may write them.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let known = |name: &str| Method::ALL.into_iter().find(|method| method.name() == name);
        text.split(' ').filter_map(known).fold(Self::NONE, Self::with)
    }

    /// The assurance level that the methods reach (NIST SP 800-63B-4 section 2): a passkey or two methods reach level 2.
    #[must_use]
    pub const fn level(self) -> AssuranceLevel {
        if self.contains(Method::Passkey) || self.0.count_ones() >= 2 {
            AssuranceLevel::Two
        } else {
            AssuranceLevel::One
        }
    }
}

/// Prints the names, separated by spaces: `pwd otp`.
impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Method::ALL.into_iter().filter(|method| self.contains(*method)).map(Method::name);
        f.write_str(&names.collect::<Vec<_>>().join(" "))
    }
}

/// An authentication assurance level (NIST SP 800-63B-4 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AssuranceLevel {
    /// One factor.
    One,
    /// Two factors.
    Two,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_written_and_read_and_unknown_names_are_left_out() {
        let both = Methods::PASSWORD.with(Method::OneTimeCode);

        assert_eq!(both.to_string(), "pwd otp");
        assert_eq!(Methods::parse("pwd otp"), both);
        assert_eq!(Methods::parse("otp face pwd"), both);
        assert_eq!(Methods::parse(""), Methods::NONE);
    }

    #[test]
    fn a_passkey_or_two_methods_reach_the_second_level() {
        for (methods, level) in [
            (Methods::NONE, AssuranceLevel::One),
            (Methods::PASSWORD, AssuranceLevel::One),
            (Methods::NONE.with(Method::RecoveryCode), AssuranceLevel::One),
            (Methods::NONE.with(Method::Passkey), AssuranceLevel::Two),
            (Methods::PASSWORD.with(Method::OneTimeCode), AssuranceLevel::Two),
            (Methods::PASSWORD.with(Method::RecoveryCode), AssuranceLevel::Two),
        ] {
            assert_eq!(methods.level(), level, "{methods}");
        }
    }
}
