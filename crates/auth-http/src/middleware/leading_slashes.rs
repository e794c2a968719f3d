//! Paths with several leading slashes.

use actix_web::{
    dev::ServiceRequest,
    http::{Uri, uri::PathAndQuery},
};

/// Replaces several leading slashes of a path by one, for
/// `App::wrap_fn(|request, service| service.call(auth_http::one_leading_slash(request)))`.
///
/// Clients produce such paths from a base URL that ends with a slash and a path that begins with one.
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
    fn only_leading_slashes_are_replaced() {
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
