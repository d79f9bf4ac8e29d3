//! What a test can make go wrong.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::seq::SliceRandom;
use serde_json::{Value, json};

/// How Logto answers with its keys since 1.39, so that Hasura fetches them again
/// (packages/core/src/middleware/koa-jwks-cache-control.ts).
const JWKS_CACHE_CONTROL: &str = "no-cache, max-age=0, must-revalidate";

/// What happens to a request that a [`FaultRule`] hits.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// This answer instead of any work.
    Status {
        /// The HTTP status.
        status: u16,
        /// The `Retry-After` header: seconds or an HTTP date.
        retry_after: Option<String>,
        /// The JSON body.
        body: Value,
    },
    /// The connection is closed without an answer and without any work.
    DropBefore,
    /// The work is done, then the connection is closed without an answer.
    DropAfterWrite,
    /// The work is done, then 500 is answered.
    Error500AfterWrite,
    /// The request waits this long before any work. If its client leaves before that, nothing is done.
    Hang(Duration),
}

impl Fault {
    /// An answer of this status with the body `{}`.
    pub fn status(status: u16) -> Self {
        Self::Status {
            status,
            retry_after: None,
            body: json!({}),
        }
    }

    /// What Logto Cloud's token endpoint answers once the plan's tokens are used up
    /// (packages/core/src/middleware/koa-token-usage-guard.ts of Logto).
    pub fn tokens_used_up() -> Self {
        Self::Status {
            status: 429,
            retry_after: None,
            body: json!({"code": "auth.exceed_token_limit", "message": "Token usage limit exceeded."}),
        }
    }

    /// What Logto Cloud answers where the plan allows no more; `key` names the quota
    /// (packages/core/src/libraries/quota.ts of Logto).
    pub fn plan_limit(key: &str) -> Self {
        Self::Status {
            status: 403,
            retry_after: None,
            body: json!({
                "code": "subscription.limit_exceeded", "message": "You have reached the limit of your plan.",
                "data": {"key": key},
            }),
        }
    }
}

/// Which requests something happens to. It is matched against the method and the route template, such as
/// `POST /api/roles/:id/scopes`.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultRule {
    /// The method; `*` is any.
    pub method: String,
    /// A route template; with a `*` at its end, the beginning of one, such as `/api/*`.
    pub route: String,
    /// So many matching requests pass first.
    pub skip: u32,
    /// So many are hit then.
    pub times: u32,
    /// What happens to them.
    pub what: Fault,
}

impl FaultRule {
    /// A rule that hits the next matching request, once.
    pub fn new(method: &str, route: &str, what: Fault) -> Self {
        Self {
            method: method.to_owned(),
            route: route.to_owned(),
            skip: 0,
            times: 1,
            what,
        }
    }

    /// Lets so many matching requests pass first.
    #[must_use]
    pub fn skip(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Hits so many requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    fn matches(&self, method: &str, template: &str) -> bool {
        let on_route = match self.route.strip_suffix('*') {
            Some(start) => template.starts_with(start),
            None => template == self.route,
        };
        on_route && (self.method == "*" || self.method == method)
    }
}

/// The switches of an emulator. All are off at first, act at once, and can be combined.
#[derive(Default)]
pub struct Switches {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    latency: Duration,
    down: bool,
    jwks_down: bool,
    /// In place of Logto's own; the inner none is no header at all.
    jwks_cache_control: Option<Option<String>>,
    /// In place of its own.
    key_set: Option<Value>,
    shuffle_pages: bool,
    race_500: bool,
    rules: Vec<FaultRule>,
    /// Names of roles, and how many pages still miss them.
    hidden: Vec<(String, u32)>,
}

/// How one request is treated.
pub(crate) struct Treatment {
    pub(crate) latency: Duration,
    pub(crate) fault: Option<Fault>,
}

impl Switches {
    /// Delays every request by this much before anything else happens to it.
    pub fn latency(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// Adds a rule. The rules are asked in the order of their adding; a request is hit by the first one that is due.
    /// A rule that has done its hits is forgotten.
    pub fn fail(&self, rule: FaultRule) {
        self.state().rules.push(rule);
    }

    /// How many hits the rules have left; 0 once all that was planned has happened.
    pub fn pending_faults(&self) -> u64 {
        let state = self.state();
        state.rules.iter().map(|rule| u64::from(rule.times)).sum()
    }

    /// Forgets every rule.
    pub fn clear_faults(&self) {
        self.state().rules.clear();
    }

    /// While down, connections are accepted and closed at once without an answer, and open ones are closed at their
    /// next request.
    pub fn down(&self, down: bool) {
        self.state().down = down;
    }

    /// While down, requests for the key set are closed without an answer.
    pub fn jwks_down(&self, down: bool) {
        self.state().jwks_down = down;
    }

    /// Answers with the key set under this `Cache-Control` instead of Logto's own; `None` sends none, as Logto did
    /// before 1.39.
    pub fn jwks_cache_control(&self, value: Option<&str>) {
        self.state().jwks_cache_control = Some(value.map(ToOwned::to_owned));
    }

    /// Shows this key set instead of its own, as a server does that copied another's. It signs as before.
    pub fn key_set(&self, copied: Value) {
        self.state().key_set = Some(copied);
    }

    /// Gives every list without a promised order in another order each time, so that pages overlap and miss rows.
    pub fn shuffle_pages(&self, shuffle: bool) {
        self.state().shuffle_pages = shuffle;
    }

    /// While on, a creation (or a role's new scope) that finds its key taken answers 500 without a code, as when the
    /// other one came between Logto's check and its insertion.
    pub fn race_500(&self, on: bool) {
        self.state().race_500 = on;
    }

    /// Leaves the role of that name out of the next so many pages of `GET /api/roles` that would hold it, while
    /// `Total-Number` counts it and a read by id finds it.
    pub fn hide_from_lists(&self, role_name: &str, times: u32) {
        self.state().hidden.push((role_name.to_owned(), times));
    }

    pub(crate) fn cache_control_of_jwks(&self) -> Option<String> {
        let chosen = self.state().jwks_cache_control.clone();
        chosen.unwrap_or_else(|| Some(JWKS_CACHE_CONTROL.to_owned()))
    }

    pub(crate) fn copied_key_set(&self) -> Option<Value> {
        self.state().key_set.clone()
    }

    pub(crate) fn is_down(&self) -> bool {
        self.state().down
    }

    pub(crate) fn is_racing(&self) -> bool {
        self.state().race_500
    }

    /// Mixes the rows of a list while pages are shuffled.
    pub(crate) fn mix<T>(&self, rows: &mut [T]) {
        if self.state().shuffle_pages {
            rows.shuffle(&mut rand::rng());
        }
    }

    /// Whether a page that would hold the role misses it.
    pub(crate) fn misses(&self, role_name: &str) -> bool {
        let mut state = self.state();
        let hit = match state.hidden.iter_mut().find(|(name, _)| name == role_name) {
            Some((_, times)) if *times > 0 => {
                *times -= 1;
                true
            }
            _ => false,
        };
        state.hidden.retain(|(_, times)| *times > 0);
        hit
    }

    /// Decides about a request, and counts it against the rules.
    pub(crate) fn treat(&self, method: &str, template: &str) -> Treatment {
        let mut state = self.state();
        let latency = state.latency;
        if state.jwks_down && template == "/oidc/jwks" {
            let fault = Some(Fault::DropBefore);
            return Treatment { latency, fault };
        }
        let mut fault = None;
        for rule in &mut state.rules {
            if !rule.matches(method, template) || rule.times == 0 {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.times -= 1;
            fault = Some(rule.what.clone());
            break;
        }
        state.rules.retain(|rule| rule.times > 0);
        Treatment { latency, fault }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
