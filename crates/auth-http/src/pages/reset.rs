//! The page that a reset link opens. Without a link it requests one.

use auth_core::model::Language;

const HTML: &str = include_str!("reset.html");
const SCRIPT: &str = include_str!("reset.js");
const STYLE: &str = include_str!("reset.css");

/// The content security policy of the page: its one script, its style, and requests to this service. A test checks the
/// digests.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; \
     script-src 'sha256-Pj0df1asZtyYgI1dFsriA/77XHMLTtc135+XllL6EM8='; \
     style-src 'sha256-FbnGCar7zm9LDdfGaCOCUQzv6sNOD5qGy3/WB1644zA='; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Renders the page in a language.
pub fn render(language: Language) -> String {
    let words = match language {
        Language::English => &ENGLISH,
        Language::French => &FRENCH,
    };
    let page = words.iter().fold(HTML.replace("{lang}", language.tag()), |page, (name, text)| {
        page.replace(&format!("{{{name}}}"), text)
    });
    page.replace("{style}", STYLE).replace("{script}", SCRIPT)
}

/// Placeholders and their texts, which need no escaping.
type Words = [(&'static str, &'static str); 15];

const ENGLISH: Words = [
    ("title", "Set a new password"),
    ("email", "Email address"),
    ("password", "New password"),
    ("reveal", "Show the password"),
    ("submit", "Set the password"),
    ("ask", "Send me a link"),
    ("sent", "If there is an account with this address, a mail with a link is on its way."),
    ("address", "This is not an email address."),
    ("incomplete", "This link is not complete. Copy all of it from the mail, or ask for a new one."),
    ("sending", "One moment…"),
    ("done", "Your password was set. You can log in with it now."),
    ("refused", "This password can’t be used, choose another one."),
    ("invalid", "This link no longer works. Ask for a new one."),
    ("later", "That did not work just now. Try again in a moment."),
    ("noscript", "This page needs JavaScript."),
];

const FRENCH: Words = [
    ("title", "Choisir un nouveau mot de passe"),
    ("email", "Adresse e-mail"),
    ("password", "Nouveau mot de passe"),
    ("reveal", "Afficher le mot de passe"),
    ("submit", "Enregistrer le mot de passe"),
    ("ask", "Envoyez-moi un lien"),
    ("sent", "Si un compte existe avec cette adresse, un message avec un lien est en route."),
    ("address", "Ce n’est pas une adresse e-mail."),
    (
        "incomplete",
        "Ce lien est incomplet. Copiez-le en entier depuis le message, ou demandez-en un nouveau.",
    ),
    ("sending", "Un instant…"),
    ("done", "Votre mot de passe est enregistré. Vous pouvez vous connecter."),
    ("refused", "Ce mot de passe ne peut pas être utilisé, choisissez-en un autre."),
    ("invalid", "Ce lien ne fonctionne plus. Demandez-en un nouveau."),
    ("later", "Cela n’a pas fonctionné. Réessayez dans un instant."),
    ("noscript", "Cette page a besoin de JavaScript."),
];

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use sha2::{Digest, Sha256};

    use super::*;

    /// asvs 3.4.3
    #[test]
    fn the_policy_allows_the_script_and_the_style_and_no_other() {
        for (directive, text) in [("script-src", SCRIPT), ("style-src", STYLE)] {
            let digest = STANDARD.encode(Sha256::digest(text));
            let expected = format!("{directive} 'sha256-{digest}';");
            assert!(CONTENT_SECURITY_POLICY.contains(&expected), "{expected}");
        }
    }

    /// asvs 6.2.6, 6.2.7, 3.6.1
    #[test]
    fn the_page_is_complete_in_each_language_and_has_no_external_resources() {
        for language in Language::ALL {
            let page = render(language);

            assert_eq!(HTML.matches('{').count(), 20, "each of them is checked below");
            for name in ["lang", "title", "style", "script"].into_iter().chain(ENGLISH.map(|(name, _)| name))
            {
                assert!(
                    HTML.contains(&format!("{{{name}}}")) && !page.contains(&format!("{{{name}}}")),
                    "{name}"
                );
            }
            assert!(page.contains(&format!("<html lang=\"{language}\">")));
            assert!(page.contains("type=\"password\" autocomplete=\"new-password\""));
            for field in ["email", "password", "whose"] {
                assert!(page.contains(&format!("<label for=\"{field}\">")), "{field}");
            }
            assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("onpaste"));
        }
    }
}
