//! `CurrentUser`: the extractor that protects a page.

use std::{ops::Deref, sync::Arc};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures_util::future::LocalBoxFuture;

use crate::{ApiError, cookie, envelope::admissible, shared::Shared};

/// The user who sent a request, by the session cookie it carries. Without one, the answer is 403.
///
/// So it is if the method may change something and another site's page may have sent the request: what the routes refuse,
/// pages that take this refuse, too.
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
        let request = request.clone();
        Box::pin(async move {
            admissible(&request, &*Shared::of(&request)?)?;
            Self::behind(&request).await
        })
    }
}

impl CurrentUser {
    /// Who sent a request.
    ///
    /// Routes of ours ask this when they have read the body: extractors work side by side, and it could be refused
    /// that nobody is logged in before it is known that the body can't be read.
    ///
    /// # Errors
    ///
    /// 403 without a session that counts.
    pub(crate) async fn behind(request: &HttpRequest) -> Result<Self, ApiError> {
        let shared = Shared::of(request)?;
        let token = cookie::presented(&shared.options.cookie, request.headers());
        let found = shared.auth.user_behind(&token.ok_or(ApiError::NOT_LOGGED_IN)?).await?;
        found.map(Self).ok_or(ApiError::NOT_LOGGED_IN)
    }
}
