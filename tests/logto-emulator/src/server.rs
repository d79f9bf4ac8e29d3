//! From HTTP to a handler and back: counting, faults, the token check, ETags.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, StatusCode},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::digest;

use crate::{
    answer::{Answer, Content},
    auth,
    call::{Call, JSON_LIMIT_BYTES},
    connection::Scissors,
    errors,
    logto::Logto,
    requests::Requests,
    routes::{self, Found, Handler},
    script::Step,
    store::random_id,
    switches::{Fault, Switches},
};

/// A body is read so far, well over Logto's own limit, so that its client can send it and get the refusal.
const READ_LIMIT_BYTES: usize = 8 * JSON_LIMIT_BYTES;

/// Stands for the template of a request that has no route.
const NO_ROUTE: &str = "(no such route)";

/// Everything that a running emulator shares.
pub(crate) struct App {
    pub(crate) logto: Mutex<Logto>,
    pub(crate) switches: Arc<Switches>,
    pub(crate) requests: Requests,
}

impl App {
    pub(crate) fn logto(&self) -> MutexGuard<'_, Logto> {
        self.logto.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a request, or none where the connection is to be closed.
    async fn answer(&self, call: &Call, found: &Found, template: &str) -> Option<Answer> {
        let treatment = self.switches.treat(&call.method, template);
        if !treatment.latency.is_zero() {
            // Even a sleep of zero would take a millisecond, the timer's tick.
            tokio::time::sleep(treatment.latency).await;
        }
        match treatment.fault {
            None => Some(self.work(call, found).await),
            Some(Fault::DropBefore) => None,
            Some(Fault::Status {
                status,
                retry_after,
                body,
            }) => {
                let headers = retry_after.map(|value| ("retry-after", value));
                Some(Answer::json(status, &body).with_headers(headers.into_iter().collect()))
            }
            Some(Fault::Hang(time)) => {
                tokio::time::sleep(time).await;
                Some(self.work(call, found).await)
            }
            Some(Fault::DropAfterWrite) => {
                self.work(call, found).await;
                None
            }
            Some(Fault::Error500AfterWrite) => {
                self.work(call, found).await;
                Some(errors::internal())
            }
        }
    }

    /// The data is not locked while a script runs, so that other requests need not wait for it.
    async fn work(&self, call: &Call, found: &Found) -> Answer {
        let reply = match self.begin(call, found) {
            Ok(Step::Done(answer)) => Ok(answer),
            Ok(Step::Run(script, finish)) => {
                let outcome = script.run().await;
                finish(&mut self.logto(), outcome)
            }
            Err(refusal) => Err(refusal),
        };
        reply.unwrap_or_else(|refusal| refusal)
    }

    fn begin(&self, call: &Call, found: &Found) -> Result<Step, Answer> {
        let route = match found {
            Found::Route(route, _) => route,
            Found::WrongMethod => return Err(Answer::text(405, "Method Not Allowed")),
            Found::Nothing => return Err(Answer::text(404, "Not Found")),
        };
        let mut logto = self.logto();
        if !route.open {
            auth::check(&mut logto, call)?;
        }
        match route.handler {
            Handler::Plain(answer) => answer(&mut logto, call).map(Step::Done),
            Handler::Scripted(begin) => begin(&mut logto, call),
        }
    }
}

/// Answers any request.
pub(crate) async fn handle(
    State(app): State<Arc<App>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, READ_LIMIT_BYTES).await;
    let (Ok(body), false) = (body, app.switches.is_down()) else {
        scissors.cut();
        return Response::default();
    };
    let call = Call::new(&parts, body);
    let found = routes::find(&call.method, &call.path);
    let (template, params) = match &found {
        Found::Route(route, params) => (route.template, params.clone()),
        Found::WrongMethod | Found::Nothing => (NO_ROUTE, Vec::new()),
    };
    let call = call.with_params(params);
    app.requests.arrived(&call.method, template);
    let answer = app.answer(&call, &found, template).await;
    let response = answer.map(|answer| response(&call, answer));
    let status = response.as_ref().map(|response| response.status().as_u16());
    app.requests.ended(&call.method, &call.target, status);
    response.unwrap_or_else(|| {
        scissors.cut();
        Response::default()
    })
}

fn response(call: &Call, answer: Answer) -> Response {
    let etag = etag_of(call, &answer);
    let known = |tag: &String| is_known(call, tag);
    let fresh = !etag.as_ref().is_some_and(known);
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::default();
    *response.status_mut() = if fresh {
        status
    } else {
        StatusCode::NOT_MODIFIED
    };
    let media_type = answer.content.media_type().filter(|_| fresh);
    let typed = media_type.map(|kind| ("content-type", kind.to_owned()));
    let tagged = etag.map(|etag| ("etag", etag));
    let named = ("logto-core-request-id", random_id(16));
    let headers = answer.headers.into_iter().chain(typed).chain(tagged);
    for (name, value) in headers.chain([named]) {
        // What a client sent in its Host header can be no header value; then there is none.
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().append(name, value);
        }
    }
    if fresh {
        let bytes = answer.content.bytes().to_vec();
        *response.body_mut() = Body::from(bytes);
    }
    response
}

/// The ETag of koa-etag: the length and SHA-1 of a JSON body that answers a read.
fn etag_of(call: &Call, answer: &Answer) -> Option<String> {
    let is_json = matches!(answer.content, Content::Json(_) | Content::KeySet(_));
    if call.method != "GET" || answer.status != 200 || !is_json {
        return None;
    }
    let bytes = answer.content.bytes();
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    let text = STANDARD.encode(hash);
    Some(format!(
        "\"{:x}-{}\"",
        bytes.len(),
        text.trim_end_matches('=')
    ))
}

fn is_known(call: &Call, etag: &str) -> bool {
    let known = call.if_none_match.as_deref().unwrap_or_default();
    known
        .split(',')
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == etag || tag == "*")
}
