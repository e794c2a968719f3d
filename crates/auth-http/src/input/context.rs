//! The extractor of the request context.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::USER_AGENT};
use auth_core::{RequestContext, model::ClientInfo};

use super::{
    client::{client_address, is_behind_unlisted_proxy, language_of},
    cookie,
};
use crate::{HttpOptions, Problem, state::AppState};

/// The sender of a request: client, session, device and language.
pub struct Context(pub RequestContext);

impl FromRequest for Context {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(AppState::of(request).map(|state| Self(context_of(request, &state.options))))
    }
}

/// The sender of a request: client, session, device and language.
pub fn context_of(request: &HttpRequest, options: &HttpOptions) -> RequestContext {
    let headers = request.headers();
    let user_agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    RequestContext {
        client: ClientInfo::new(client_address(request, &options.trusted_proxies), user_agent),
        address_is_shared: is_behind_unlisted_proxy(request, &options.trusted_proxies),
        session: cookie::session_token(&options.cookie, headers),
        device: cookie::device_token(&options.cookie, headers),
        language: language_of(request, options.language),
    }
}
