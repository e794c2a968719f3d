//! The state that handlers, extractors and the middleware share.

use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::{HttpRequest, web};
use auth_core::Auth;

use crate::{HttpOptions, Problem, middleware::AccessLog};

/// The state of the routes in an app.
pub struct AppState {
    pub auth: Auth,
    pub options: HttpOptions,
    pub access_log: AccessLog,
    draining: AtomicBool,
}

impl AppState {
    pub fn new(auth: Auth, options: HttpOptions) -> Self {
        Self { auth, options, access_log: AccessLog::default(), draining: AtomicBool::new(false) }
    }

    /// The state of the app that received a request.
    pub fn of(request: &HttpRequest) -> Result<web::Data<Self>, Problem> {
        request.app_data::<web::Data<Self>>().cloned().ok_or_else(|| {
            tracing::error!("AuthRoutes::configure was not called in this app");
            Problem::Internal
        })
    }

    /// Whether the service is about to end, so that clients should use another node.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}
