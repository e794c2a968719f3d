//! Common passwords, in a list.

use std::borrow::Cow;

use auth_db::model::Password;

/// What people choose who are asked for fifteen characters: words and names said twice, sequences, walks on the
/// keyboard, phrases and lines of songs, and these with years, digits and an exclamation mark. In lower case, sorted,
/// each at least fifteen code points long.
const BUILTIN: &str = include_str!("common.txt");

/// A sorted list of passwords in lower case.
pub struct Common(Vec<Cow<'static, str>>);

impl Common {
    pub fn builtin() -> Self {
        Self(BUILTIN.lines().map(Cow::Borrowed).collect())
    }

    /// A list that an operator wrote: a password on each line. What is longer than any password is passed over.
    pub fn of(text: &str) -> Self {
        let mut list: Vec<Cow<'static, str>> = text
            .lines()
            .filter_map(|line| Password::parse(line.into()).ok())
            .map(|password| Cow::Owned(password.normalized().to_lowercase()))
            .collect();
        list.sort_unstable();
        Self(list)
    }

    /// Whether a password in lower case is on it.
    pub fn holds(&self, folded: &str) -> bool {
        self.0.binary_search_by(|listed| listed.as_ref().cmp(folded)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// asvs 6.2.4: at least 3,000 that satisfy the rule of length.
    #[test]
    fn the_list_has_three_thousand_entries_that_are_long_enough_sorted_and_in_lower_case() {
        let list = Common::builtin().0;

        assert!(list.len() >= 3000, "{}", list.len());
        assert!(list.is_sorted_by(|one, next| one < next));
        for entry in &list {
            assert!(entry.chars().count() >= 15, "{entry}");
            assert_eq!(*entry, entry.to_lowercase());
        }
    }

    #[test]
    fn what_is_on_the_list_is_found_and_nothing_else() {
        for list in [Common::builtin(), Common::of("Zebra crossing\n\npasswordpassword\r\n")] {
            assert!(list.holds("passwordpassword"));
            assert!(!list.holds("passwordpasswore"));
            assert!(!list.holds(""));
        }
        let own = Common::of("Zebra crossing\n\nCafe\u{301} cafe\u{301}\n");
        assert!(own.holds("zebra crossing") && !own.holds(""));
        assert!(own.holds("caf\u{e9} caf\u{e9}"), "normalised like what it is compared with");
    }
}
