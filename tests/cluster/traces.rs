//! What a collector of traces is sent, and that its absence is nobody's harm.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use anyhow::{Context, ensure};
use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use logto_hasura::api::HasuraRoleBinding;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{ResourceSpans, Span},
};
use prost::Message;
use tokio::net::TcpListener;

use crate::{leaks::leak, operator::Operator, suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        a_collector_sees_each_visit_with_its_requests_and_no_secret,
        a_collector_that_is_away_holds_nothing_up,
        a_collector_that_never_answers_holds_the_end_up_for_seconds_only,
        a_protocol_that_is_not_spoken_is_refused_at_the_start,
    ]
}

/// What was sent, as it came.
#[derive(Clone, Default)]
struct Received(Arc<Mutex<Vec<Bytes>>>);

/// Takes what is sent to it by OTLP over HTTP.
struct Collector {
    url: String,
    received: Received,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Collector {
    async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let received = Received::default();
        let take = async |State(Received(all)): State<Received>, body: Bytes| {
            all.lock().unwrap().push(body);
            StatusCode::OK
        };
        let app = Router::new().route("/v1/traces", post(take));
        let app = app.with_state(received.clone());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Ok(Self {
            url,
            received,
            server,
        })
    }

    fn received(&self) -> anyhow::Result<Vec<ResourceSpans>> {
        let mut all = Vec::new();
        for body in self.received.0.lock().unwrap().iter() {
            all.extend(ExportTraceServiceRequest::decode(body.clone())?.resource_spans);
        }
        Ok(all)
    }

    fn spans(&self) -> anyhow::Result<Vec<Span>> {
        let scopes = self.received()?.into_iter();
        let scopes = scopes.flat_map(|resource| resource.scope_spans);
        Ok(scopes.flat_map(|scope| scope.spans).collect())
    }
}

impl World {
    fn start_traced(&self, environment: &[(&str, &str)]) -> anyhow::Result<()> {
        let log = self.log_file();
        let kubeconfig = &self.cluster.operator;
        let operator = Operator::start_in(environment, kubeconfig, &self.namespace, log, &[])?;
        *self.operator.lock().unwrap() = Some(operator);
        Ok(())
    }

    /// The example gets ready without the collector at this address, and the operator ends in less than so many seconds, with
    /// these words in its log.
    async fn works_without(&self, url: &str, seconds: u64, words: &str) -> anyhow::Result<()> {
        self.start_traced(&[("OTEL_EXPORTER_OTLP_ENDPOINT", url)])?;
        self.example_is_ready().await?;
        let start = Instant::now();
        self.stop_operator().await?;
        ensure!(start.elapsed().as_secs() < seconds, "{:?}", start.elapsed());
        let log = self.operator_log();
        ensure!(log.contains(words), "{log}");
        Ok(())
    }
}

fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    }
}

async fn a_collector_sees_each_visit_with_its_requests_and_no_secret(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let collector = Collector::start().await?;
    world.start_traced(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test"),
    ])?;
    world.example_is_ready().await?;
    let (made, writes) = (world.logto.requests(), world.logto.writes());
    ensure!(made["POST /api/roles"] == 2, "{made:?}");
    // What was not sent yet is sent at the end.
    world.stop_operator().await?;

    let spans = collector.spans()?;
    let is = |span: &Span, key: &str, value: &str| {
        attribute(&span.attributes, key).is_some_and(|found| found == value)
    };
    let visits = || spans.iter().filter(|span| span.name == "reconcile");
    for (controller, name) in [
        ("tenant", "main"),
        ("instance", "shop"),
        ("binding", "user-reader"),
    ] {
        let found =
            visits().find(|span| is(span, "controller", controller) && is(span, "name", name));
        let found = found.with_context(|| format!("no visit to {name}"))?;
        ensure!(is(found, "namespace", &world.namespace), "{found:?}");
        ensure!(found.parent_span_id.is_empty(), "{found:?}");
        ensure!(
            attribute(&found.attributes, "result").is_some(),
            "{found:?}"
        );
    }
    let roles = || spans.iter().filter(|span| span.name == "create_role");
    ensure!(roles().count() == 2, "{spans:?}");
    for role in roles() {
        ensure!(is(role, "outcome", "ok") && is(role, "http.response.status_code", "200"));
        let visit = visits().find(|visit| visit.span_id == role.parent_span_id);
        let visit = visit.context("a role that is made in no visit")?;
        ensure!(is(visit, "controller", "binding") && visit.trace_id == role.trace_id);
    }
    let path = format!(
        "/namespaces/{}/hasurarolebindings/user-reader/status",
        world.namespace
    );
    let status = spans.iter().find(|span| {
        attribute(&span.attributes, "url.path").is_some_and(|found| found.ends_with(&path))
    });
    let status = status.context("no span of a status")?;
    ensure!(visits().any(|visit| visit.span_id == status.parent_span_id));
    ensure!(writes > 0 && world.logto.writes() == writes);

    let resource = collector.received()?.remove(0).resource.context("who?")?;
    let said = |key| attribute(&resource.attributes, key);
    ensure!(said("service.name").as_deref() == Some("logto-hasura"));
    ensure!(said("deployment.environment").as_deref() == Some("test"));
    let all = format!("{:?}", collector.received()?);
    ensure!(leak(&world, &all).is_none(), "{:?}", leak(&world, &all));
    Ok(())
}

async fn a_collector_that_is_away_holds_nothing_up(world: Arc<World>) -> anyhow::Result<()> {
    let collector = Collector::start().await?;
    let url = collector.url.clone();
    drop(collector);
    world.works_without(&url, 10, "HTTP export failed").await
}

async fn a_collector_that_never_answers_holds_the_end_up_for_seconds_only(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", silent.local_addr()?);
    let words = "the last spans could not be exported";
    world.works_without(&url, 8, words).await
}

async fn a_protocol_that_is_not_spoken_is_refused_at_the_start(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_traced(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ])?;
    let mut operator = world
        .operator
        .lock()
        .unwrap()
        .take()
        .context("an operator")?;
    ensure!(!operator.ended().await?.success());
    let log = operator.log();
    let said =
        "OTEL_EXPORTER_OTLP_PROTOCOL is \"grpc\", but traces are exported by http/protobuf alone";
    ensure!(log.contains(said), "{log}");
    // Without a collector the variable says nothing.
    world.start_traced(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")])?;
    world.example_is_ready().await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    world.stop_operator().await
}
