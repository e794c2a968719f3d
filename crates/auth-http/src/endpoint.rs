//! Endpoints: the one description of a route, from which it is mounted, documented and tested.

use actix_web::{
    HttpResponse, Route,
    http::{Method, header::ALLOW},
    middleware::from_fn,
    web,
};

use crate::{Problem, input::Field, middleware::protect};

/// A path and its operations.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The path below the point at which the routes are mounted.
    pub path: &'static str,
    /// The operations, one for each method. `HEAD` and `OPTIONS` are implied.
    pub operations: Vec<Operation>,
}

/// A method of an endpoint.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The method.
    pub method: Method,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// The fields of the request's body.
    pub fields: &'static [Field],
    /// The status of a successful response.
    pub success: u16,
    /// The problems that are specific to the operation. Any operation may also fail with those of the middleware, of the
    /// body and of the service.
    pub problems: Vec<Problem>,
    route: fn() -> Route,
}

impl Operation {
    pub(crate) fn new(method: Method, summary: &'static str, route: fn() -> Route) -> Self {
        Self { method, summary, fields: &[], success: 200, problems: Vec::new(), route }
    }

    pub(crate) const fn with_fields(mut self, fields: &'static [Field]) -> Self {
        self.fields = fields;
        self
    }

    pub(crate) const fn with_success(mut self, status: u16) -> Self {
        self.success = status;
        self
    }

    pub(crate) fn with_problems(mut self, problems: impl IntoIterator<Item = Problem>) -> Self {
        self.problems.extend(problems);
        self
    }
}

impl Endpoint {
    pub(crate) fn new(path: &'static str, operations: impl IntoIterator<Item = Operation>) -> Self {
        Self { path, operations: operations.into_iter().collect() }
    }

    /// The value of `Allow`: `GET, HEAD, DELETE, OPTIONS`.
    #[must_use]
    pub fn allow(&self) -> String {
        let mut methods = Vec::new();
        for operation in &self.operations {
            methods.push(operation.method.as_str());
            if operation.method == Method::GET {
                methods.push("HEAD");
            }
        }
        methods.push("OPTIONS");
        methods.join(", ")
    }

    /// Mounts the path, with and without a slash at its end. `OPTIONS` returns `Allow`; any other method is a 405 with it.
    ///
    /// Each spelling is a resource of its own, because plain paths are compared. A resource with two spellings would be
    /// matched by a regular expression, which costs a tenth of a session check.
    pub(crate) fn mount(&self, app: &mut web::ServiceConfig) {
        let slashed = (self.path != "/").then(|| format!("{}/", self.path));
        for spelling in std::iter::once(self.path.to_owned()).chain(slashed) {
            app.service(self.resource(spelling).wrap(from_fn(protect)));
        }
    }

    fn resource(&self, spelling: String) -> actix_web::Resource {
        let (allow, allowed) = (self.allow(), self.allow());
        let reject = move || {
            let allow = allow.clone();
            async move { Err::<&str, _>(Problem::MethodNotAllowed { allow }) }
        };
        let options = move || {
            let response = HttpResponse::NoContent().insert_header((ALLOW, allowed.as_str())).finish();
            async move { response }
        };
        let mut resource = web::resource(spelling).default_service(web::to(reject));
        for operation in &self.operations {
            resource = resource.route((operation.route)().method(operation.method.clone()));
            if operation.method == Method::GET {
                resource = resource.route((operation.route)().method(Method::HEAD));
            }
        }
        resource.route(web::to(options).method(Method::OPTIONS))
    }
}

/// Mounts a 404 for every path that is not mounted.
pub(crate) fn mount_not_found(app: &mut web::ServiceConfig) {
    let not_found = || async { Err::<&str, _>(Problem::NotFound) };
    app.service(web::scope("").wrap(from_fn(protect)).default_service(web::to(not_found)));
}
