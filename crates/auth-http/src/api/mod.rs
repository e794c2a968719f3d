//! The API: a module for each group of paths, with its endpoints, request and response types, and handlers.

mod account;
mod healthz;
mod profile;
mod reset_password;
mod sessions;
mod users;
mod welcome;

use serde::Serialize;

use crate::{HttpOptions, endpoint::Endpoint, pages};

/// The body of a response about an address, in the spelling of the request.
#[derive(Debug, Serialize)]
struct EmailMessage<'a> {
    email: &'a str,
    message: &'a str,
}

/// The endpoints that these options mount.
pub fn endpoints(options: &HttpOptions) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    endpoints.extend(options.welcome.then(welcome::endpoint));
    endpoints.extend([users::endpoint(), sessions::endpoint(), profile::endpoint(options.account_routes)]);
    if options.account_routes {
        endpoints.extend(account::endpoints());
    }
    endpoints.push(healthz::endpoint());
    endpoints.extend(reset_password::endpoint(options.reset));
    endpoints.extend(pages::endpoint(options.reset));
    endpoints
}
