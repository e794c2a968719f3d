//! `AuthRoutes`: mounts the routes in an app.

use std::io;

use actix_web::web;
use auth_core::{Auth, Entropy, SystemEntropy};

use crate::{
    HttpOptions, api,
    endpoint::{Endpoint, mount_not_found},
    state::AppState,
};

/// The routes of password authentication, to be mounted in an app. Cheap to clone; all clones share their state.
#[derive(Clone)]
pub struct AuthRoutes(web::Data<AppState>);

impl AuthRoutes {
    /// Makes the routes of an [`Auth`].
    ///
    /// # Errors
    ///
    /// If the operating system has no random bytes.
    pub fn new(auth: Auth, options: HttpOptions) -> io::Result<Self> {
        // Request ids need them, and so does every token, so an error shows at start.
        SystemEntropy.fill(&mut [0; 8]).map_err(io::Error::other)?;
        Ok(Self(web::Data::new(AppState::new(auth, options))))
    }

    /// The endpoints that [`configure`](Self::configure) mounts.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Endpoint> {
        api::endpoints(&self.0.options)
    }

    /// Mounts the routes, each behind the middleware, and enables [`CurrentUser`](crate::CurrentUser).
    pub fn configure(&self, app: &mut web::ServiceConfig) {
        self.share(app);
        for endpoint in self.endpoints() {
            endpoint.mount(app);
        }
    }

    /// Enables [`CurrentUser`](crate::CurrentUser) in the whole app, for routes that are mounted in a scope of it:
    ///
    /// ```
    /// # use actix_web::{App, web};
    /// # use auth_http::AuthRoutes;
    /// # fn app(routes: AuthRoutes) {
    /// App::new()
    ///     .configure(|app| routes.share(app))
    ///     .service(web::scope("/auth").configure(|scope| routes.configure(scope)));
    /// # }
    /// ```
    ///
    /// Set [`HttpOptions::mounted_at`] to the path of the scope.
    pub fn share(&self, app: &mut web::ServiceConfig) {
        app.app_data(self.0.clone());
    }

    /// Returns a 404 in the same form for every path that is not mounted. Call it last.
    pub fn configure_not_found(&self, app: &mut web::ServiceConfig) {
        mount_not_found(app);
    }

    /// Makes `/healthz` return 503, so that balancers send new clients to other nodes. Requests are still served.
    pub fn drain(&self) {
        self.0.drain();
    }
}
