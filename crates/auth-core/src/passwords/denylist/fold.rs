//! The forms in which passwords are compared with the denylist: passwords that look alike are equal.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// The visible form: NFKC, in lower case, without invisible characters. White space is kept.
pub fn visible(password: &str) -> Zeroizing<String> {
    // Lower-casing and NFKC may lengthen a text, at most three and eighteen times, and rarely do.
    let mut folded = Zeroizing::new(String::with_capacity(password.len() * 3));
    folded.extend(password.nfkc().filter(|c| !is_ignorable(*c)).flat_map(char::to_lowercase));
    folded
}

/// The visible form without white space: `passwordpassword ` and `password password` are equal.
pub fn dense(password: &str) -> Zeroizing<String> {
    let visible = visible(password);
    let mut folded = Zeroizing::new(String::with_capacity(visible.len()));
    folded.extend(visible.chars().filter(|c| !c.is_whitespace()));
    folded
}

/// `Default_Ignorable_Code_Point` of the Unicode Character Database (DerivedCoreProperties.txt, version 16).
const fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_alike_is_alike() {
        for variant in [
            "passwordpassword",
            "PasswordPassword",
            "passwordpassword ",
            " password\tpassword\u{a0}",
            "\u{ff50}\u{ff41}ssword\u{ff50}assword",
            "pass\u{200b}word\u{feff}pass\u{ad}word",
            "\u{1d429}asswordpassword",
        ] {
            assert_eq!(dense(variant).as_str(), "passwordpassword", "{variant:?}");
        }
        assert_ne!(dense("passwordpasswore").as_str(), "passwordpassword");
        assert_eq!(visible("Ada at ACME").as_str(), "ada at acme");
    }
}
