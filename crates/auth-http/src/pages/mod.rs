//! Pages for people. The links of emails open them.

mod reset;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{self, ContentType},
    },
    web,
};

use crate::{
    ResetDelivery,
    endpoint::{Endpoint, Operation},
    input::{NoFields, language_of},
    state::AppState,
};

/// `GET /.well-known/change-password`, if the page is enabled.
pub fn endpoint(delivery: ResetDelivery) -> Option<Endpoint> {
    let redirect = || {
        Operation::new(Method::GET, "redirect to the page", || web::to(redirect_to_reset)).with_success(302)
    };
    (delivery == ResetDelivery::MailAndPage)
        .then(|| Endpoint::new("/.well-known/change-password", [redirect()]))
}

/// `GET /reset_password`.
pub fn reset_operation() -> Operation {
    Operation::new(Method::GET, "the page that a reset link opens", || web::to(show_reset))
}

/// The page in the language of the browser. It contains nothing about the user: address and token are in the fragment of the
/// link, which browsers do not send.
async fn show_reset(_: NoFields, request: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    let language = language_of(&request, state.options.language);
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((header::CONTENT_SECURITY_POLICY, reset::CONTENT_SECURITY_POLICY))
        .insert_header((header::CONTENT_LANGUAGE, language.tag()))
        .insert_header((header::VARY, "Accept-Language"))
        .insert_header(("Cross-Origin-Opener-Policy", "same-origin"))
        .body(reset::render(language))
}

/// The redirect for password managers (W3C, "A Well-Known URL for Changing Passwords").
async fn redirect_to_reset(_: NoFields, state: web::Data<AppState>) -> HttpResponse {
    let page = format!("{}/reset_password", state.options.mounted_at);
    HttpResponse::Found().insert_header((header::LOCATION, page)).finish()
}
