//! An axum app with its own routes: register, log in, a page for users, log out.
//!
//! ```text
//! cargo run -p auth-core --example with_axum
//!
//! curl -d email=ada@example.org -d password='seven herons by the weir' localhost:5002/register
//! curl -c jar -d email=ada@example.org -d password='seven herons by the weir' localhost:5002/login
//! curl -b jar localhost:5002/diary
//! curl -b jar -X POST localhost:5002/logout
//! ```

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use auth_core::{
    Auth, Options, RequestContext, ServiceError,
    account::RegisterError,
    login::{LogIn, LoggedIn, LoginError},
    model::{ClientInfo, Email, NewPassword, Password, SessionToken, Token},
    sessions::AuthenticatedSession,
};
use auth_db::{Database, DatabaseOptions};
use axum::{
    Form, Router,
    extract::{ConnectInfo, FromRequestParts, State},
    http::{StatusCode, header::USER_AGENT, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use serde::Deserialize;

const SESSION: &str = "session_id";
const DEVICE: &str = "device_id";

#[derive(Deserialize)]
struct Credentials {
    email: String,
    password: String,
}

async fn register(
    State(auth): State<Auth>,
    Context(context): Context,
    Form(form): Form<Credentials>,
) -> Result<String, AppError> {
    let email = Email::parse(&form.email).map_err(|error| bad_request(&error))?;
    let password = NewPassword::parse(form.password.into(), &auth.policy().password)
        .map_err(|error| bad_request(&error))?;
    let user = auth.register(email, password, &context).await?;
    Ok(format!("welcome, {}\n", user.email))
}

async fn log_in(
    State(auth): State<Auth>,
    Context(context): Context,
    jar: CookieJar,
    Form(form): Form<Credentials>,
) -> Result<(CookieJar, &'static str), AppError> {
    let (Ok(email), Ok(password)) = (Email::parse(&form.email), Password::parse(form.password.into())) else {
        return Err(LoginError::InvalidCredentials.into());
    };
    let LogIn::LoggedIn(logged_in) = auth.log_in(&email, &password, &context).await? else {
        return Err(AppError(StatusCode::FORBIDDEN, "this app has no second factors".into()));
    };
    let mut jar = jar.add(cookie(SESSION, &logged_in.token, logged_in.lifetime));
    if let Some(device) = &logged_in.device {
        jar = jar.add(cookie(DEVICE, device, LoggedIn::DEVICE_LIFETIME));
    }
    Ok((jar, "logged in\n"))
}

async fn log_out(
    State(auth): State<Auth>,
    Context(context): Context,
    jar: CookieJar,
) -> Result<CookieJar, AppError> {
    if let Some(token) = &context.session {
        auth.log_out(token).await?;
    }
    Ok(jar.remove(Cookie::build(SESSION).path("/")))
}

async fn diary(CurrentUser(current): CurrentUser) -> String {
    format!("Dear {}, your diary is empty.\n", current.email)
}

/// The valid session of a request.
struct CurrentUser(Arc<AuthenticatedSession>);

impl FromRequestParts<Auth> for CurrentUser {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, auth: &Auth) -> Result<Self, AppError> {
        let not_logged_in = || AppError(StatusCode::UNAUTHORIZED, "not logged in".into());
        let token: SessionToken = token(parts, SESSION).ok_or_else(not_logged_in)?;
        auth.authenticate(&token).await?.map(Self).ok_or_else(not_logged_in)
    }
}

/// The sender of a request: client, session, device and language.
struct Context(RequestContext);

impl FromRequestParts<Auth> for Context {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _auth: &Auth) -> Result<Self, Infallible> {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let user_agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        let client = ClientInfo::new(address, user_agent);
        let (session, device) = (token(parts, SESSION), token(parts, DEVICE));
        Ok(Self(RequestContext { session, device, ..RequestContext::new(client) }))
    }
}

fn token<K>(parts: &Parts, cookie: &str) -> Option<Token<K>> {
    let jar = CookieJar::from_headers(&parts.headers);
    Token::parse(jar.get(cookie)?.value()).ok()
}

fn cookie<K>(name: &'static str, token: &Token<K>, lifetime: Duration) -> Cookie<'static> {
    let max_age = time::Duration::try_from(lifetime).unwrap_or(time::Duration::MAX);
    // For localhost without TLS. In production add `.secure(true)`.
    Cookie::build((name, token.expose().to_string()))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(max_age)
        .build()
}

/// A status and a message for the user.
struct AppError(StatusCode, String);

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        (self.0, self.1 + "\n").into_response()
    }
}

fn bad_request(error: &dyn std::error::Error) -> AppError {
    AppError(StatusCode::BAD_REQUEST, error.to_string())
}

impl From<ServiceError> for AppError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Internal(_) => Self(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            _ => Self(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        }
    }
}

impl From<RegisterError> for AppError {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Service(cause) => cause.into(),
            RegisterError::Throttled(_) => Self(StatusCode::TOO_MANY_REQUESTS, error.to_string()),
            _ => bad_request(&error),
        }
    }
}

impl From<LoginError> for AppError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Service(cause) => cause.into(),
            LoginError::Throttled(_) => Self(StatusCode::TOO_MANY_REQUESTS, error.to_string()),
            LoginError::InvalidCredentials => Self(StatusCode::UNAUTHORIZED, error.to_string()),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let db = Database::connect(&DatabaseOptions::new("sqlite::memory:")).await?;
    auth_migrations::up(db.for_migrations()).await?;
    let auth = Auth::start(db, Options::default())?;
    let background = tokio::spawn({
        let auth = auth.clone();
        async move { auth.run().await }
    });

    let app = Router::new()
        .route("/register", post(register))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .route("/diary", get(diary))
        .with_state(auth.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:5002").await?;
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;

    auth.shutdown().await?;
    background.await?;
    Ok(())
}
