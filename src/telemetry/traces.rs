//! Traces: each visit that a controller makes, and the requests that it makes on the way. They go to a collector, by OTLP over
//! HTTP, where OpenTelemetry's own [environment variables][env] name one; otherwise nothing of this is started.
//!
//! [env]: https://opentelemetry.io/docs/specs/otel/protocol/exporter/

use std::{env, time::Duration};

use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::{Resource, resource::EnvResourceDetector, trace::SdkTracerProvider};
use tracing::Subscriber;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

/// Any of them switches traces on.
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];

/// The first one that is given counts.
const PROTOCOLS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
];

const PROTOCOL: &str = "http/protobuf";

/// Spans that were not sent yet get no more time than this when the process ends.
const LAST_EXPORT: Duration = Duration::from_secs(3);

/// Why traces can not be exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A protocol is asked for that the program does not speak.
    #[error(
        "{0} is {1:?}, but traces are exported by {PROTOCOL} alone: collectors take that on port 4318"
    )]
    Protocol(&'static str, String),
    /// An environment variable has a value that is none, such as an endpoint that is no URL.
    #[error("exporting traces, as OTEL_EXPORTER_OTLP_ENDPOINT asks for: {0}")]
    Exporter(#[from] ExporterBuildError),
}

/// What exports the spans, in a thread of its own.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// As the environment variables say; none where they name no collector.
    ///
    /// # Errors
    /// When one of them has a value that can not be followed.
    pub(super) fn from_env() -> Result<Option<Self>, Error> {
        let disabled = given("OTEL_SDK_DISABLED").is_some_and(|is| is.eq_ignore_ascii_case("true"));
        if disabled || !ENDPOINTS.into_iter().any(|name| given(name).is_some()) {
            return Ok(None);
        }
        let mut protocols = PROTOCOLS.into_iter();
        if let Some((name, protocol)) = protocols.find_map(|name| Some((name, given(name)?)))
            && protocol != PROTOCOL
        {
            return Err(Error::Protocol(name, protocol));
        }
        let exporter = SpanExporter::builder().with_http().build()?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource());
        Ok(Some(Self(provider.build())))
    }

    /// Takes up the program's own spans; those of libraries would say other things each time that a library changes.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(env!("CARGO_PKG_NAME")))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|of| {
                of.is_span() && of.target().starts_with(env!("CARGO_CRATE_NAME"))
            }))
    }

    /// Sends what was not sent yet.
    pub fn end(self) {
        if let Err(error) = self.0.shutdown_with_timeout(LAST_EXPORT) {
            tracing::warn!(%error, "the last spans could not be exported");
        }
    }
}

fn given(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// The program's name and version; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
fn resource() -> Resource {
    let own = [
        KeyValue::new("service.name", env!("CARGO_PKG_NAME")),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
    ];
    let resource = Resource::builder_empty()
        .with_attributes(own)
        .with_detector(Box::new(EnvResourceDetector::new()));
    match given("OTEL_SERVICE_NAME") {
        Some(name) => resource.with_service_name(name).build(),
        None => resource.build(),
    }
}
