//! A list of common passwords.

use std::borrow::Cow;

use auth_db::model::Password;

use super::fold::dense;

/// Passwords that users choose when they must use fifteen characters: repeated words and names, sequences, keyboard walks,
/// phrases and lines of songs, and these with years, digits and an exclamation mark. In lower case, sorted, each at least
/// fifteen code points long.
const BUILTIN: &str = include_str!("common.txt");

/// A sorted list of folded passwords: in lower case and without white space.
pub struct Common(Vec<Cow<'static, str>>);

impl Common {
    pub fn builtin() -> Self {
        // The file is in lower case and ASCII, as a test checks.
        let folded = |line: &'static str| {
            if line.contains(' ') { Cow::Owned(line.replace(' ', "")) } else { Cow::Borrowed(line) }
        };
        Self::sorted(BUILTIN.lines().map(folded).collect())
    }

    /// The list of an operator, with a password on each line. Lines that are too long for a password are ignored.
    pub fn of(text: &str) -> Self {
        let folded = text
            .lines()
            .filter_map(|line| Password::parse(line.into()).ok())
            .map(|password| Cow::<'static, str>::Owned(dense(password.as_typed()).to_string()))
            .filter(|entry| !entry.is_empty());
        Self::sorted(folded.collect())
    }

    fn sorted(mut list: Vec<Cow<'static, str>>) -> Self {
        list.sort_unstable();
        list.shrink_to_fit();
        Self(list)
    }

    /// Whether the list contains a folded password.
    pub fn contains(&self, folded: &str) -> bool {
        self.0.binary_search_by(|listed| listed.as_ref().cmp(folded)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// asvs 6.2.4: at least 3,000 that satisfy the rule of length.
    #[test]
    fn the_list_has_three_thousand_entries_that_are_long_enough_sorted_and_in_lower_case() {
        let list: Vec<&str> = BUILTIN.lines().collect();

        assert!(list.len() >= 3000, "{}", list.len());
        assert!(list.is_sorted_by(|one, next| one < next));
        for entry in &list {
            assert!(entry.is_ascii() && entry.len() >= 15, "{entry}");
            assert_eq!(*dense(entry), entry.replace(' ', ""));
        }
    }

    #[test]
    fn what_is_on_the_list_is_found_and_nothing_else() {
        for list in [Common::builtin(), Common::of("Zebra crossing\n\npasswordpassword\r\n")] {
            assert!(list.contains("passwordpassword"));
            assert!(!list.contains("passwordpasswore"));
        }
        assert!(Common::builtin().contains(&dense("                ")), "white space alone");
        let own = Common::of("Zebra crossing\n\nCafe\u{301} cafe\u{301}\n");
        assert!(own.contains("zebracrossing") && !own.contains(""));
        assert!(own.contains("caf\u{e9}caf\u{e9}"), "folded like what it is compared with");
    }
}
