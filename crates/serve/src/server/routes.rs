//! What is at which path.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::Router;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, State, WebSocketUpgrade};
use axum::http::header::{CONNECTION, CONTENT_TYPE, ORIGIN};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::sync::{Semaphore, watch};

use crate::episode::Episode;
use crate::limits::Limits;
use crate::metrics;
use crate::served::Served;
use crate::token::Token;

/// What all connections share.
pub(super) struct Shared {
    pub served: Vec<Arc<Served>>,
    pub token: Option<Token>,
    pub limits: Limits,
    pub ends: watch::Receiver<bool>,
    pub clients: Arc<Semaphore>,
}

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/metrics", get(metrics_text))
        .route("/", get(first))
        .route("/{name}", get(named))
        .fallback(nothing)
        .with_state(shared)
}

/// A refusal before there is a WebSocket: a code, and words.
fn refuse(status: StatusCode, words: impl Into<String>) -> Response {
    (status, [(CONNECTION, "close")], words.into() + "\n").into_response()
}

async fn nothing() -> Response {
    refuse(StatusCode::NOT_FOUND, "unknown: there is nothing at this path")
}

async fn health(State(shared): State<Arc<Shared>>) -> Response {
    if *shared.ends.borrow() || !shared.served.iter().all(|served| served.planner.is_alive()) {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "failed");
    }
    ([(CONNECTION, "close")], "OK\n").into_response()
}

async fn metrics_text(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if let Some(response) = unknown(&shared, &headers) {
        return response;
    }
    let text = metrics::text(shared.served.iter().map(|served| (served.name.as_str(), &*served.metrics)));
    ([(CONTENT_TYPE, "text/plain; version=0.0.4"), (CONNECTION, "close")], text).into_response()
}

/// The answer to somebody who does not know the token.
fn unknown(shared: &Shared, headers: &HeaderMap) -> Option<Response> {
    let is_known = shared.token.as_ref().is_none_or(|token| token.is_in(headers));
    (!is_known)
        .then(|| refuse(StatusCode::UNAUTHORIZED, "unauthorized: send the token as `Authorization: Api-Key TOKEN`"))
}

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

async fn first(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, upgrade: Upgrade) -> Response {
    let served = shared.served.first().cloned();
    connect(&shared, served, &uri, &headers, upgrade)
}

async fn named(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Response {
    let served = shared.served.iter().find(|served| served.name == name).cloned();
    connect(&shared, served, &uri, &headers, upgrade)
}

fn connect(shared: &Shared, served: Option<Arc<Served>>, uri: &Uri, headers: &HeaderMap, upgrade: Upgrade) -> Response {
    if let Some(response) = unknown(shared, headers) {
        return response;
    }
    // Robots' programs send none; a page in a browser on this machine does, and has no business here.
    if headers.contains_key(ORIGIN) {
        return refuse(StatusCode::FORBIDDEN, "forbidden: pages of browsers are not served");
    }
    let Some(served) = served else { return refuse(StatusCode::NOT_FOUND, "unknown: there is no policy of this name") };
    let seed = match asked_seed(uri) {
        Ok(seed) => seed,
        Err(problem) => return refuse(StatusCode::BAD_REQUEST, problem),
    };
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return refuse(rejection.status(), format!("bad_request: {}", rejection.body_text())),
    };
    let Ok(permit) = Arc::clone(&shared.clients).try_acquire_owned() else {
        served.metrics.refuse("busy");
        let words = format!("busy: {} clients are served at once", shared.limits.connections);
        return refuse(StatusCode::SERVICE_UNAVAILABLE, words);
    };
    let most = shared.limits.message_bytes(&served.manifest);
    let (limits, ends) = (shared.limits, shared.ends.clone());
    upgrade.max_message_size(most).max_frame_size(most).on_upgrade(async move |socket| {
        let _permit = permit;
        let metrics = Arc::clone(&served.metrics);
        metrics.connections.fetch_add(1, Relaxed);
        metrics.open.fetch_add(1, Relaxed);
        let seed = seed.unwrap_or_else(|| served.next_seed());
        Episode::new(served, limits, ends, seed).serve(socket).await;
        metrics.open.fetch_sub(1, Relaxed);
    })
}

/// The seed of `?seed=17`.
fn asked_seed(uri: &Uri) -> Result<Option<u64>, &'static str> {
    let Some(query) = uri.query().filter(|query| !query.is_empty()) else { return Ok(None) };
    let seed = query.strip_prefix("seed=").and_then(|seed| seed.parse::<u32>().ok());
    seed.map(|seed| Some(seed.into())).ok_or("bad_request: after `?` there may be `seed=` and a number below 2^32")
}
