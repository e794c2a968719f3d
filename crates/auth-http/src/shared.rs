//! `AuthRoutes`: what is mounted in an app, and what its handlers share.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use actix_web::{HttpRequest, web};
use auth_core::{Auth, Entropy, SystemEntropy};

use crate::{ApiError, HttpOptions, envelope::LogLimits, routes};

/// The routes of password authentication, to be mounted in an app. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct AuthRoutes(web::Data<Shared>);

/// What handlers, extractors and the middleware share.
pub struct Shared {
    pub auth: Auth,
    pub options: HttpOptions,
    pub log_limits: LogLimits,
    draining: AtomicBool,
}

impl AuthRoutes {
    /// Makes the routes of an [`Auth`].
    ///
    /// # Errors
    ///
    /// When the operating system gives no random bytes.
    pub fn new(auth: Auth, options: HttpOptions) -> io::Result<Self> {
        // Ids of requests need it, and so does every token: better to find out now.
        SystemEntropy.fill(&mut [0; 8]).map_err(io::Error::other)?;
        Ok(Self(web::Data::new(Shared {
            auth,
            options,
            log_limits: LogLimits::default(),
            draining: AtomicBool::new(false),
        })))
    }

    /// Mounts the routes, each with what protects it, and makes [`CurrentUser`](crate::CurrentUser) work.
    pub fn configure(&self, app: &mut web::ServiceConfig) {
        app.app_data(self.0.clone());
        routes::mount(app, &self.0.options);
    }

    /// Makes [`CurrentUser`](crate::CurrentUser) work in the whole app, for routes that are mounted in a scope of it:
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
    /// Say so in [`HttpOptions::mounted_at`], too.
    pub fn share(&self, app: &mut web::ServiceConfig) {
        app.app_data(self.0.clone());
    }

    /// Answers every path that is not mounted with a 404 of the same form. To be called last.
    pub fn refuse_the_rest(&self, app: &mut web::ServiceConfig) {
        routes::refuse_the_rest(app);
    }

    /// From now on `/healthz` says 503, so that no new clients are sent here. Requests are still served.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    /// What the app that a request came to has mounted.
    pub fn of(request: &HttpRequest) -> Result<web::Data<Self>, ApiError> {
        request.app_data::<web::Data<Self>>().cloned().ok_or_else(|| {
            tracing::error!("AuthRoutes::configure was not called in this app");
            ApiError::INTERNAL
        })
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
