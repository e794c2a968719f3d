//! An app in memory, and a browser that speaks to it.

use std::{num::NonZeroUsize, sync::Arc};

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
        Auth, Clock, Denylist, HasherOptions, ManualClock, Options, Policy, Scheme, model::PasswordPolicy,
    },
};
use futures_util::{future::LocalBoxFuture, stream};
use time::{Duration, OffsetDateTime};

pub const ADA: &str = "ada@example.org";
pub const PASSWORD: &str = "b4l0u b4l0u";

type Served = Box<dyn Fn(Request) -> LocalBoxFuture<'static, ServiceResponse<BoxBody>>>;

/// An app with all routes, a page of somebody else's, and one that panics.
pub struct TestApp {
    pub clock: Arc<ManualClock>,
    pub routes: AuthRoutes,
    pub db: Database,
    served: Served,
}

/// What came back, read.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// What development uses: a plain cookie, tokens in answers, and all routes.
pub fn development() -> HttpOptions {
    HttpOptions {
        cookie: CookieOptions { secure: false, ..CookieOptions::default() },
        reset: ResetDelivery::Answer,
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
        let clock = Arc::new(ManualClock::at(OffsetDateTime::UNIX_EPOCH + Duration::days(20_000)));
        let hashing = HasherOptions {
            scheme: Scheme::Bcrypt { cost: 4 },
            threads: NonZeroUsize::MIN,
            max_wait: std::time::Duration::from_mins(1),
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

    pub async fn send(&self, request: test::TestRequest) -> Answer {
        read((self.served)(arriving_late(request.to_request()).await).await).await
    }

    /// A form, sent by a program.
    pub async fn form(&self, method: Method, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(test::TestRequest::with_uri(path).method(method).set_form(fields)).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.form(Method::POST, path, fields).await
    }

    pub async fn register(&self, address: &str) {
        let answer = self.post("/users", &[("email", address), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }

    pub async fn log_in(&self, address: &str, password: &str) -> Answer {
        self.post("/sessions", &[("email", address), ("password", password)]).await
    }

    /// Registers a user and logs in; answers with the cookie, as a browser would send it.
    pub async fn logged_in(&self, address: &str) -> String {
        self.register(address).await;
        self.log_in(address, PASSWORD).await.cookie()
    }

    pub async fn with_cookie(&self, method: Method, path: &str, cookie: &str) -> Answer {
        self.send(test::TestRequest::with_uri(path).method(method).insert_header(("Cookie", cookie))).await
    }

    pub async fn profile(&self, cookie: &str) -> Answer {
        self.with_cookie(Method::GET, "/profile", cookie).await
    }

    pub async fn reset_token(&self, address: &str) -> String {
        let answer = self.post("/reset_password", &[("email", address)]).await;
        answer.body.split('"').rev().nth(1).unwrap().to_owned()
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(told, _)| told == name).map(|(_, value)| value.as_str())
    }

    /// The cookie that was set, as a browser sends it back.
    pub fn cookie(&self) -> String {
        self.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
    }

    /// The answer without what differs each time.
    pub fn without_id(mut self) -> Self {
        self.headers.retain(|(name, _)| name != "x-request-id");
        self
    }
}

/// The whole of an answer, for comparing: status, then body.
pub fn told(answer: &Answer) -> (u16, &str) {
    (answer.status.as_u16(), &answer.body)
}

async fn page(user: CurrentUser) -> String {
    format!("page of user {}", user.id)
}

async fn bug() -> String {
    panic!("a bug in a handler")
}

async fn serve(routes: AuthRoutes) -> Served {
    let app = App::new()
        .wrap_fn(|request, service| service.call(auth_http::one_leading_slash(request)))
        .configure(|app| routes.configure(app))
        .route("/page", web::get().to(page))
        .service(web::resource("/bug").wrap(actix_web::middleware::from_fn(auth_http::envelope)).to(bug))
        .configure(|app| routes.refuse_the_rest(app));
    let service = std::rc::Rc::new(test::init_service(app).await);
    Box::new(move |request| {
        let service = std::rc::Rc::clone(&service);
        Box::pin(async move {
            match service.call(request).await {
                Ok(response) => response.map_into_boxed_body(),
                Err(error) => panic!("the app answers errors itself: {error}"),
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

async fn read(response: ServiceResponse<BoxBody>) -> Answer {
    let (_, response) = response.into_parts();
    let status = response.status();
    let headers = sorted(response.headers());
    let body = to_bytes(response.into_body()).await.unwrap();
    Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

fn sorted(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    headers.sort();
    headers
}
