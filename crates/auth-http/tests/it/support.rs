//! An app in memory, and a browser that speaks to it.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use actix_http::{BoxedPayloadStream, Request};
use actix_web::{
    App,
    body::{BodyStream, BoxBody, to_bytes},
    dev::{Payload, Service, ServiceResponse},
    http::{Method, StatusCode, header::HeaderMap},
    rt::task::yield_now,
    test, web,
};
use auth_db::{Database, DatabaseOptions};
use auth_http::{
    AuthRoutes, CookieOptions, CurrentUser, HttpOptions, ResetDelivery,
    auth_core::{
        Auth, Clock, ManualClock, Options, Policy,
        model::PasswordPolicy,
        passwords::{Denylist, HasherOptions, Scheme},
    },
};
use futures_util::{future::LocalBoxFuture, stream};
use time::OffsetDateTime;

pub const ADA: &str = "ada@example.org";
pub const PASSWORD: &str = "b4l0u b4l0u";

type Served = Box<dyn Fn(Request) -> LocalBoxFuture<'static, ServiceResponse<BoxBody>>>;

/// An app with all routes, a page of its own, and one that panics.
pub struct TestApp {
    pub clock: Arc<ManualClock>,
    pub routes: AuthRoutes,
    pub db: Database,
    served: Served,
}

/// What came back, read.
#[derive(Debug, PartialEq)]
pub struct TestResponse {
    pub status: StatusCode,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// What development uses: a plain cookie, tokens in responses, and all routes.
pub fn development() -> HttpOptions {
    HttpOptions {
        cookie: CookieOptions { secure: false, ..CookieOptions::default() },
        reset: ResetDelivery::InResponse,
        account_routes: true,
        welcome: true,
        ..HttpOptions::default()
    }
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(development()).await
    }

    pub async fn with(options: HttpOptions) -> Self {
        let db = Database::connect(&DatabaseOptions::new("sqlite::memory:")).await.unwrap();
        auth_migrations::up(db.for_migrations()).await.unwrap();
        let clock = Arc::new(ManualClock::at(OffsetDateTime::UNIX_EPOCH + Duration::from_hours(480_000)));
        let hashing = HasherOptions {
            scheme: Scheme::Bcrypt { cost: 4 },
            threads: NonZeroUsize::MIN,
            max_wait: Duration::from_mins(1),
        };
        let policy = Policy { password: PasswordPolicy { min_code_points: 8 }, ..Policy::default() };
        let shared_clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let options_of_auth = Options {
            policy,
            hashing,
            denylist: Denylist::OFF,
            throttle: None,
            clock: shared_clock,
            ..Options::default()
        };
        let auth = Auth::start(db.clone(), options_of_auth).unwrap();
        let routes = AuthRoutes::new(auth, options).unwrap();
        let served = serve(routes.clone()).await;
        Self { clock, routes, db, served }
    }

    pub async fn send(&self, request: test::TestRequest) -> TestResponse {
        read((self.served)(arriving_late(request.to_request()).await).await).await
    }

    /// A form, sent by a program.
    pub async fn form(&self, method: Method, path: &str, fields: &[(&str, &str)]) -> TestResponse {
        self.send(test::TestRequest::with_uri(path).method(method).set_form(fields)).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> TestResponse {
        self.form(Method::POST, path, fields).await
    }

    pub async fn register(&self, address: &str) {
        let response = self.post("/users", &[("email", address), ("password", PASSWORD)]).await;
        assert_eq!(response.status, StatusCode::OK, "{response:?}");
    }

    pub async fn log_in(&self, address: &str, password: &str) -> TestResponse {
        self.post("/sessions", &[("email", address), ("password", password)]).await
    }

    /// Registers a user and logs in; responses with the cookie, as a browser would send it.
    pub async fn logged_in(&self, address: &str) -> String {
        self.register(address).await;
        self.log_in(address, PASSWORD).await.cookie()
    }

    pub async fn with_cookie(&self, method: Method, path: &str, cookie: &str) -> TestResponse {
        self.send(test::TestRequest::with_uri(path).method(method).insert_header(("Cookie", cookie))).await
    }

    pub async fn profile(&self, cookie: &str) -> TestResponse {
        self.with_cookie(Method::GET, "/profile", cookie).await
    }

    pub async fn reset_token(&self, address: &str) -> String {
        let response = self.post("/reset_password", &[("email", address)]).await;
        response.body.split('"').rev().nth(1).unwrap().to_owned()
    }
}

impl TestResponse {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The cookie that was set, as a browser sends it back.
    pub fn cookie(&self) -> String {
        self.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
    }

    /// The response without what differs each time.
    pub fn without_id(mut self) -> Self {
        self.headers.retain(|(name, _)| name != "x-request-id");
        self
    }
}

/// The whole of an response, for comparing: status, then body.
pub fn status_and_body(response: &TestResponse) -> (u16, &str) {
    (response.status.as_u16(), &response.body)
}

async fn page(user: CurrentUser) -> String {
    format!("page of user {}", user.user_id)
}

async fn bug() -> String {
    panic!("a bug in a handler")
}

async fn serve(routes: AuthRoutes) -> Served {
    let app = App::new()
        .wrap_fn(|request, service| service.call(auth_http::one_leading_slash(request)))
        .configure(|app| routes.configure(app))
        .route("/page", web::get().to(page))
        .service(web::resource("/bug").wrap(actix_web::middleware::from_fn(auth_http::protect)).to(bug))
        .configure(|app| routes.configure_not_found(app));
    let service = std::rc::Rc::new(test::init_service(app).await);
    Box::new(move |request| {
        let service = std::rc::Rc::clone(&service);
        Box::pin(async move {
            match service.call(request).await {
                Ok(response) => response.map_into_boxed_body(),
                Err(error) => panic!("the app responses errors itself: {error}"),
            }
        })
    })
}

/// The same request, whose body comes after its head, as on a network.
async fn arriving_late(request: Request) -> Request {
    let (request, body) = request.replace_payload(Payload::<BoxedPayloadStream>::None);
    let body = to_bytes(BodyStream::new(body)).await.unwrap();
    let late = stream::once(async move {
        yield_now().await;
        Ok(body)
    });
    let late: BoxedPayloadStream = Box::pin(late);
    request.replace_payload(Payload::Stream { payload: late }).0
}

async fn read(response: ServiceResponse<BoxBody>) -> TestResponse {
    let (_, response) = response.into_parts();
    let status = response.status();
    let headers = sorted(response.headers());
    let body = to_bytes(response.into_body()).await.unwrap();
    TestResponse { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

fn sorted(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    headers.sort();
    headers
}
