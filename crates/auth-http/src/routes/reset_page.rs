//! `GET /reset_password`: the page that a reset link opens.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, ContentType},
    web,
};

use crate::{client::language_of, fields::NoFields, page, shared::Shared};

/// The page, in the language that the browser asks for. It holds nothing of anybody: address and token are in the
/// fragment of the link, which is not sent.
pub async fn show(_: NoFields, request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    let language = language_of(&request, shared.options.language);
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((header::CONTENT_SECURITY_POLICY, page::CONTENT_SECURITY_POLICY))
        .insert_header((header::CONTENT_LANGUAGE, language.tag()))
        .insert_header((header::VARY, "Accept-Language"))
        .insert_header(("Cross-Origin-Opener-Policy", "same-origin"))
        .body(page::reset(language))
}

/// `GET /.well-known/change-password`: where password managers send whoever should change a password (W3C, "A
/// Well-Known URL for Changing Passwords").
pub async fn redirect_to_it(_: NoFields, shared: web::Data<Shared>) -> HttpResponse {
    let page = format!("{}/reset_password", shared.options.mounted_at);
    HttpResponse::Found().insert_header((header::LOCATION, page)).finish()
}
