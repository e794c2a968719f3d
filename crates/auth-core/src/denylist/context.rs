//! Passwords that are made of what is known of the account.

use auth_db::model::Email;

/// What must be left of a password besides known words: the least that any single secret may have (NIST SP
/// 800-63B-4 section 3.1.1.2).
const ENOUGH: usize = 8;

/// The shortest word that counts: shorter ones are in every sentence.
const SHORTEST: usize = 3;

/// Whether a password, in lower case, is little more than its account's address or the service's names.
///
/// Every occurrence of the address, of the part before the `@`, of the labels of the domain and of `words` is taken
/// out; what is left must still be a password.
pub fn is_made_of(folded: &str, email: &Email, words: &[String]) -> bool {
    let key = email.key();
    let (local, domain) = key.split_once('@').unwrap_or((key, ""));
    let mut known: Vec<&str> = [key, local, domain]
        .into_iter()
        .chain(local.split(['.', '-', '_', '+']))
        .chain(domain.split('.'))
        .chain(words.iter().map(String::as_str))
        .filter(|word| word.chars().count() >= SHORTEST)
        .collect();
    // Whole before parts.
    known.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
    let mut left = folded.to_owned();
    for word in known {
        left = left.replace(word, "");
    }
    left.len() < folded.len() && left.chars().filter(|c| c.is_alphanumeric()).count() < ENOUGH
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
