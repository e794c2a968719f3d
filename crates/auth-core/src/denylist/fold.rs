//! The form in which passwords are compared with those that are denied: what looks alike is alike.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// A password as it is compared: NFKC, in lower case, without characters that show nothing. White space stays.
pub fn visible(password: &str) -> Zeroizing<String> {
    // Lower case may make a text longer, and so may NFKC: three and eighteen times at most, rarely at all.
    let mut folded = Zeroizing::new(String::with_capacity(password.len() * 3));
    folded.extend(password.nfkc().filter(|c| !is_ignorable(*c)).flat_map(char::to_lowercase));
    folded
}

/// The same without white space: `passwordpassword ` and `password password` are one.
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
