//! `CurrentUser`: the extractor that protects a page.

use std::{ops::Deref, sync::Arc};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use auth_core::sessions::AuthenticatedSession;
use futures_util::future::LocalBoxFuture;

use super::cookie;
use crate::{Problem, middleware::check_request, state::AppState};

/// The user of a request, by its session cookie. Without an active session the response is 403.
///
/// It is also 403 if the method may change something and a page of another site may have sent the request, as for the routes
/// of this crate.
///
/// It dereferences to [`AuthenticatedSession`]. The app needs [`AuthRoutes`](crate::AuthRoutes).
#[derive(Debug, Clone)]
pub struct CurrentUser(Arc<AuthenticatedSession>);

impl Deref for CurrentUser {
    type Target = AuthenticatedSession;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl FromRequest for CurrentUser {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            check_request(&request, &AppState::of(&request)?.options)?;
            Self::authenticate(&request).await
        })
    }
}

impl CurrentUser {
    /// Authenticates a request.
    ///
    /// Handlers of this crate call it after they have read the body. As extractors run concurrently, a missing session could
    /// otherwise be reported before an unreadable body.
    ///
    /// # Errors
    ///
    /// [`Problem::NotLoggedIn`] without an active session.
    pub(crate) async fn authenticate(request: &HttpRequest) -> Result<Self, Problem> {
        let state = AppState::of(request)?;
        let token = cookie::session_token(&state.options.cookie, request.headers());
        let found = state.auth.authenticate(&token.ok_or(Problem::NotLoggedIn)?).await?;
        found.map(Self).ok_or(Problem::NotLoggedIn)
    }
}
