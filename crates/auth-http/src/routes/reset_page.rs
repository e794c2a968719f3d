//! `GET /reset_password`: the page that a reset link opens.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, ContentType},
};

use crate::{client::language_of, fields::NoFields, page};

/// The page, in the language that the browser asks for. It holds nothing of anybody: address and token are in the
/// fragment of the link, which is not sent.
pub async fn show(_: NoFields, request: HttpRequest) -> HttpResponse {
    let language = language_of(&request);
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
pub async fn redirect_to_it(_: NoFields) -> HttpResponse {
    HttpResponse::Found().insert_header((header::LOCATION, "/reset_password")).finish()
}
