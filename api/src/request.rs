//! Around every request: its identifier, its log lines, its problem if it fails, its numbers.

use std::{panic::AssertUnwindSafe, time::Instant};

use actix_web::{
    Error as ActixError, HttpMessage, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{ConnectionType, StatusCode, header::HeaderName, header::HeaderValue},
    middleware::Next,
};
use futures_util::FutureExt;
use naryad_domain::{Code, Error, id::new_uuid};
use tracing::Span;
use tracing_actix_web::RootSpanBuilder;

use crate::{
    metrics,
    problem::{self, Place, Problem},
    state::State,
};

/// The header that carries the identifier of a request, in and out.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The identifier of a request: the client's, if it sent a sensible one.
#[derive(Clone, Debug)]
struct RequestId(HeaderValue);

impl RequestId {
    fn of(request: &ServiceRequest) -> Self {
        let sent = request.headers().get(HEADER).filter(|value| {
            (1..=128).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
        });
        let made = || {
            let id = request.app_data::<State>().map(|app| new_uuid(app.clock()).to_string());
            HeaderValue::from_str(&id.unwrap_or_default()).unwrap_or(HeaderValue::from_static("-"))
        };
        Self(sent.cloned().unwrap_or_else(made))
    }

    fn text(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// Opens the span of a request; everything logged meanwhile carries its fields.
#[derive(Debug)]
pub(crate) struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let id = RequestId::of(request);
        let span = tracing::info_span!("request", id = id.text(), method = %request.method(), path = shown(request.path()));
        request.extensions_mut().insert(id);
        span
    }

    fn on_request_end<B: MessageBody>(_: Span, _: &Result<ServiceResponse<B>, ActixError>) {}
}

/// An error that has nothing but itself left of its request.
#[derive(Debug)]
struct Stranded {
    error: ActixError,
    id: RequestId,
    path: String,
}

impl std::fmt::Display for Stranded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for Stranded {
    fn status_code(&self) -> StatusCode {
        told(&self.error, |error| problem::status(error.code()))
    }

    fn error_response(&self) -> HttpResponse {
        let place = Place { request_id: self.id.text(), path: &self.path };
        let mut response = told(&self.error, |error| problem::render(error, Some(place)));
        response.headers_mut().insert(HEADER, self.id.0.clone());
        response
    }
}

/// Runs the request, turns every failure into a problem that names it, logs it once, counts it.
pub(crate) async fn around(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let started = Instant::now();
    let id = request.extensions().get::<RequestId>().cloned().unwrap_or_else(|| RequestId::of(&request));
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let stopping = request.app_data::<State>().map(|app| app.stop.clone());
    let _running = request.app_data::<State>().map(|app| app.requests.token());
    let place = Place { request_id: id.text(), path: &path };

    let outcome = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let error = match outcome {
        Ok(Ok(response)) => {
            let problem = response.response().error().map(|error| {
                told(error, |error| {
                    problem::log(error, method.as_str(), place);
                    problem::render(error, Some(place))
                })
            });
            let mut response = match problem {
                None => response.map_into_boxed_body(),
                Some(problem) => response.into_response(problem),
            };
            response.headers_mut().insert(HEADER, id.0.clone());
            if stopping.is_some_and(|stop| stop.is_cancelled()) {
                // The client should come back on another connection, to a node that stays.
                response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
            }
            let route = response.request().match_pattern();
            let (route, status) = (route.as_deref().unwrap_or("none"), response.status().as_u16());
            metrics::answered(method.as_str(), route, status, started.elapsed());
            return Ok(response);
        }
        Ok(Err(error)) => error,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text");
            Problem(Error::internal(format!("panic: {text}"))).into()
        }
    };
    told(&error, |error| problem::log(error, method.as_str(), place));
    let stranded = Stranded { error, id: id.clone(), path: path.clone() };
    metrics::answered(method.as_str(), "none", stranded.status_code().as_u16(), started.elapsed());
    Err(stranded.into())
}

/// Tells our own error, or the nearest word for one of the framework's.
fn told<T>(error: &ActixError, tell: impl FnOnce(&Error) -> T) -> T {
    if let Some(problem) = error.as_error::<Problem>() {
        return tell(&problem.0);
    }
    let code = match error.as_response_error().status_code() {
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMedia,
        status if status.is_client_error() => Code::Malformed,
        _ => Code::Internal,
    };
    tell(&Error::new(code, code.title()).caused_by(error.to_string()))
}

/// A path as the log may have it: what a link holds is a secret.
pub(crate) fn shown(path: &str) -> &str {
    const SECRETS: [&str; 3] = ["/v1/calendars/", "/v1/s/", "/v1/track/"];
    SECRETS.into_iter().find(|secret| path.starts_with(secret)).unwrap_or(path)
}
