//! The checks before anything of a request is read but its head.

use actix_web::{HttpRequest, http::header::X_FORWARDED_PROTO};

use super::{
    cross_site::may_pass,
    host::{host_of, is_local_host},
};
use crate::{
    HttpOptions, Problem,
    input::{Origin, value_from_proxy},
};

/// Rejects requests for foreign hosts, and requests that a page of another site may have sent.
pub fn check_request(request: &HttpRequest, options: &HttpOptions) -> Result<(), Problem> {
    let host = host_of(request);
    if options.local_hosts_only && !host.is_some_and(is_local_host) {
        return Err(Problem::ForeignHost);
    }
    let scheme = value_from_proxy(request, &options.trusted_proxies, &X_FORWARDED_PROTO).unwrap_or("http");
    let own = || Origin::of_request(scheme, host?);
    if may_pass(request.method(), request.headers(), &options.origins, own) {
        Ok(())
    } else {
        Err(Problem::CrossSite)
    }
}
