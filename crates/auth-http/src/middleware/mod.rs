//! The middleware around every route: it rejects foreign hosts and cross-site requests before anything is read, turns panics
//! into 500, sets headers and writes the access log.

mod access_log;
mod check;
mod cors;
mod cross_site;
mod headers;
mod host;
mod leading_slashes;
mod request_id;

use std::panic::AssertUnwindSafe;

use actix_web::{
    Error, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::ConnectionType,
    middleware::Next,
};
use futures_util::FutureExt;
use tracing::Instrument;

pub use self::{access_log::AccessLog, check::check_request, leading_slashes::one_leading_slash};
use self::{cors::CorsRequest, headers::set_headers};
use crate::{HttpOptions, Problem, input::client_address, state::AppState};

/// The middleware around every route of this crate, for other pages as well:
/// `.wrap(actix_web::middleware::from_fn(auth_http::protect))`.
///
/// It rejects foreign hosts and cross-site requests before anything is read, turns a panic into a 500, sets the headers of
/// the response and writes the access log. The app needs [`AuthRoutes`](crate::AuthRoutes).
///
/// # Errors
///
/// A [`Problem`] without [`AuthRoutes`](crate::AuthRoutes). Every other error becomes a response.
pub async fn protect(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let state = AppState::of(request.request())?;
    let options = &state.options;
    let id = request_id::of(request.request(), &options.trusted_proxies);
    let address = client_address(request.request(), &options.trusted_proxies);
    let span = tracing::info_span!(
        "http.request",
        request_id = %id,
        client = address.map(tracing::field::display),
    );
    let entry = state.access_log.begin(request.request(), &options.trusted_proxies);
    let cors = CorsRequest::of(request.method(), request.headers(), &options.origins);

    let mut response = respond(request, next, options).instrument(span.clone()).await;
    if state.is_draining() {
        // The client's next request should go to another node.
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    let status = response.status();
    set_headers(response.headers_mut(), &id, options.hsts);
    if let Some(cors) = cors {
        cors.grant(response.headers_mut());
    }
    span.in_scope(|| state.access_log.log(&entry, status.as_u16()));
    Ok(response)
}

async fn respond(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    options: &HttpOptions,
) -> ServiceResponse<BoxBody> {
    // A handle for responses that the handler does not make.
    let handle = request.request().clone();
    if let Err(problem) = check_request(request.request(), options) {
        return ServiceResponse::new(handle, problem.error_response());
    }
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(response)) => response.map_into_boxed_body(),
        Ok(Err(error)) => ServiceResponse::from_err(error, handle),
        Err(_) => {
            tracing::error!("a handler panicked");
            ServiceResponse::new(handle, Problem::Internal.error_response())
        }
    }
}
