//! `CurrentUser`: the extractor that protects a page.

use std::{ops::Deref, sync::Arc};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures_util::future::LocalBoxFuture;

use crate::{ApiError, cookie, shared::Shared};

/// The user who sent a request, by the session cookie it carries. Without one, the answer is 403.
///
/// Dereferences to [`auth_core::CurrentUser`]. Needs [`AuthRoutes`](crate::AuthRoutes) in the same app.
#[derive(Debug, Clone)]
pub struct CurrentUser(Arc<auth_core::CurrentUser>);

impl Deref for CurrentUser {
    type Target = auth_core::CurrentUser;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl FromRequest for CurrentUser {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let shared = Shared::of(request);
        let request = request.clone();
        Box::pin(async move {
            let shared = shared?;
            let token = cookie::presented(&shared.options.cookie, request.headers());
            let found = shared.auth.user_behind(&token.ok_or(ApiError::NOT_LOGGED_IN)?).await?;
            found.map(Self).ok_or(ApiError::NOT_LOGGED_IN)
        })
    }
}
