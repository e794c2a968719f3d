//! Paths that begin with several slashes.

use actix_web::{
    dev::ServiceRequest,
    http::{Uri, uri::PathAndQuery},
};

/// Takes a path that begins with several slashes for one with a single slash, for
/// `App::wrap_fn(|request, service| service.call(auth_http::one_leading_slash(request)))`.
///
/// That is what clients make of a base URL that ends with a slash and a path that begins with one.
#[must_use]
pub fn one_leading_slash(mut request: ServiceRequest) -> ServiceRequest {
    if request.path().starts_with("//")
        && let Some(uri) = with_one_leading_slash(request.uri())
    {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
    request
}

fn with_one_leading_slash(uri: &Uri) -> Option<Uri> {
    let path = uri.path_and_query()?.as_str().trim_start_matches('/');
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("/{path}")).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_slashes_in_front_become_one() {
        for (given, expected) in [
            ("//users", "/users"),
            ("///profile//sessions/?a=//b", "/profile//sessions/?a=//b"),
            ("//", "/"),
            ("//?a", "/?a"),
            ("http://a.example//users", "http://a.example/users"),
        ] {
            let uri = given.parse().unwrap();
            assert_eq!(with_one_leading_slash(&uri).unwrap().to_string(), expected);
        }
    }
}
