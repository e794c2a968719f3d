//! Passwords that are made of the account's address or the service's name.

use auth_db::model::Email;

/// The minimum number of characters besides known words: the minimum length of any password (NIST SP 800-63B-4 section
/// 3.1.1.2).
const MIN_REST: usize = 8;

/// The minimum length of a known word. Shorter ones occur in every sentence.
const MIN_WORD: usize = 3;

/// Whether a password, in lower case, is little more than the account's address or the service's names.
///
/// Every occurrence of the address, of the part before the `@`, of the labels of the domain and of `words` is removed. The
/// rest must still be long enough for a password.
pub fn is_made_of(folded: &str, email: &Email, words: &[String]) -> bool {
    let key = email.key().as_str();
    let (local, domain) = key.split_once('@').unwrap_or((key, ""));
    let mut known: Vec<&str> = [key, local, domain]
        .into_iter()
        .chain(local.split(['.', '-', '_', '+']))
        .chain(domain.split('.'))
        .chain(words.iter().map(String::as_str))
        .filter(|word| word.chars().count() >= MIN_WORD)
        .collect();
    // Longer words first, because shorter ones may be parts of them.
    known.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
    let mut rest = folded.to_owned();
    for word in known {
        rest = rest.replace(word, "");
    }
    rest.len() < folded.len() && rest.chars().filter(|c| c.is_alphanumeric()).count() < MIN_REST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_of(password: &str) -> bool {
        let email = Email::parse("Ada.Lovelace@analytical.example.org").unwrap();
        is_made_of(&password.to_lowercase(), &email, &["acme".to_owned(), "acme portal".to_owned()])
    }

    /// asvs 2.1.2, 2.2.3, 6.1.2, 6.2.11
    #[test]
    fn the_address_and_the_names_of_the_service_are_no_password() {
        for refused in [
            "ada.lovelace@analytical.example.org",
            "Ada.Lovelace-1815",
            "lovelaceLovelace!",
            "adaadaadaadaada",
            "acme portal 2026",
            "Analytical example org",
            "ada at acme 1234",
        ] {
            assert!(made_of(refused), "{refused}");
        }
        for admitted in [
            "correct horse battery staple",
            "ada loves engines that compute",
            "the acme of good taste in music",
            "0123456789abcdefgh",
        ] {
            assert!(!made_of(admitted), "{admitted}");
        }
    }
}
