//! Records for each connection when its requests begin and end, and when their bodies were read.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_http::{
    HttpMessage, Payload, Request,
    error::PayloadError,
    header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING},
};
use actix_service::{Service, ServiceFactory, apply_fn_factory};
use actix_web::web::Bytes;
use futures_util::Stream;

use super::activity::{Activity, AnnouncedBody};

/// Wraps the application so that it records the activity of connections.
pub fn requests<S>(
    application: S,
) -> impl ServiceFactory<
    Request,
    Config = S::Config,
    Response = S::Response,
    Error = S::Error,
    InitError = S::InitError,
    Service: 'static,
    Future: 'static,
>
where
    S: ServiceFactory<Request> + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
{
    apply_fn_factory(application, |request: Request, application: &S::Service| {
        let activity = request.conn_data::<Rc<Activity>>().cloned();
        let (in_progress, request) = match activity {
            Some(activity) => {
                let body = announced_body(request.headers());
                let in_progress = activity.begin_request(body);
                (Some(in_progress), with_tracked_body(request, activity, body))
            }
            None => (None, request),
        };
        let handled = application.call(request);
        async move {
            let response = handled.await;
            drop(in_progress);
            response
        }
    })
}

/// The body according to the head. The dispatcher rejects requests with several lengths, or with a length and chunks.
fn announced_body(headers: &HeaderMap) -> AnnouncedBody {
    if headers.contains_key(TRANSFER_ENCODING) {
        return AnnouncedBody::Chunked;
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    length.map_or(AnnouncedBody::None, AnnouncedBody::Length)
}

fn with_tracked_body(mut request: Request, activity: Rc<Activity>, body: AnnouncedBody) -> Request {
    if body != AnnouncedBody::Chunked {
        return request;
    }
    let inner = request.take_payload();
    let tracked: Pin<Box<dyn Stream<Item = _>>> = Box::pin(TrackedBody { inner, activity });
    request.replace_payload(Payload::from(tracked)).0
}

/// A body that records when it was read to its end.
struct TrackedBody {
    inner: Payload,
    activity: Rc<Activity>,
}

impl Stream for TrackedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let item = ready!(Pin::new(&mut this.inner).poll_next(cx));
        if item.is_none() {
            this.activity.body_ended();
        }
        Poll::Ready(item)
    }
}
