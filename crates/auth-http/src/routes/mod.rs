//! The calls of the contract, a module for each path.

mod account;
mod healthz;
mod profile;
mod reset_page;
mod reset_password;
mod sessions;
mod users;
mod welcome;

use actix_web::{
    HttpResponse, Route,
    http::{Method, header::ALLOW},
    middleware::from_fn,
    web,
};
use serde::Serialize;

use crate::{ApiError, HttpOptions, ResetDelivery, envelope::envelope};

/// The body of an answer about an address, in the caller's spelling.
#[derive(Debug, Serialize)]
pub struct Told<'a> {
    pub email: &'a str,
    pub message: &'a str,
}

/// Mounts every path.
pub fn mount(app: &mut web::ServiceConfig, options: &HttpOptions) {
    if options.welcome {
        welcome::mount(app);
    }
    users::mount(app);
    sessions::mount(app);
    if options.account_routes {
        profile::mount_with_account(app);
        account::mount(app);
    } else {
        profile::mount(app);
    }
    healthz::mount(app);
    match options.reset {
        ResetDelivery::Off => {}
        ResetDelivery::Answer => reset_password::mount_answering(app),
        ResetDelivery::Mail => reset_password::mount_mailing(app),
        ResetDelivery::MailAndPage => reset_password::mount_mailing_with_page(app),
    }
}

/// Answers what no path is mounted for.
pub fn refuse_the_rest(app: &mut web::ServiceConfig) {
    let refuse = || async { Err::<&str, _>(ApiError::NOT_FOUND) };
    app.service(web::scope("").wrap(from_fn(envelope)).default_service(web::to(refuse)));
}

/// Mounts one path, with or without a slash at its end; what `allow` does not list is a 405 that says so, and `OPTIONS`
/// is answered with it.
///
/// Each spelling is a resource of its own: plain paths are compared, where one resource with two would be
/// matched by a regular expression, a tenth of the price of a session check.
fn mount_at<const N: usize>(
    app: &mut web::ServiceConfig,
    path: &str,
    allow: &'static str,
    routes: impl Fn() -> [(Method, Route); N],
) {
    let slashed = (path != "/").then(|| format!("{path}/"));
    for spelling in std::iter::once(path.to_owned()).chain(slashed) {
        let refuse = move || async move { Err::<&str, _>(ApiError::method_not_allowed(allow)) };
        let options = move || async move { HttpResponse::NoContent().insert_header((ALLOW, allow)).finish() };
        let resource = routes()
            .into_iter()
            .chain([(Method::OPTIONS, web::to(options))])
            .fold(web::resource(spelling), |resource, (method, route)| resource.route(route.method(method)))
            .default_service(web::to(refuse));
        app.service(resource.wrap(from_fn(envelope)));
    }
}
