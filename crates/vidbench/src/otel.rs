//! Sends the log of runs to an OpenTelemetry collector, by OTLP over HTTP with JSON: the same lines as in the files,
//! without secrets.
//!
//! The environment variables of the specification determine the destination: `OTEL_EXPORTER_OTLP_ENDPOINT`,
//! `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` and the others of the exporter.
//! Without an endpoint nothing is sent. If a collector does not answer, its lines are lost, but nothing else is
//! affected.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use opentelemetry::Key;
use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{LogExporter, Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};
use serde_json::{Map, Value};
use tracing_subscriber::fmt::MakeWriter;
use vidbench_nn::Poster;

use crate::log_file::Secrets;

/// Variables that name the endpoint; either one is enough.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"];

/// How long to wait for an answer and, at the end, for the remaining lines to be sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends lines as they come; dropping it sends the last ones.
pub(crate) struct Export {
    provider: SdkLoggerProvider,
    secrets: Arc<Secrets>,
}

impl Export {
    /// `None` where no endpoint is named.
    pub(crate) fn begin(secrets: &Arc<Secrets>) -> anyhow::Result<Option<Self>> {
        if ENDPOINTS.iter().all(|name| std::env::var_os(name).is_none_or(|value| value.is_empty())) {
            return Ok(None);
        }
        let exporter = LogExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpJson)
            .with_http_client(Client(Poster::new(PATIENCE)))
            .build()
            .context("cannot send logs to OpenTelemetry")?;
        let mut resource = Resource::builder();
        if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name("vidbench");
        }
        let provider = SdkLoggerProvider::builder()
            .with_resource(resource.build())
            .with_batch_exporter(exporter)
            .build();
        Ok(Some(Self { provider, secrets: Arc::clone(secrets) }))
    }

    /// A writer that takes lines of JSON.
    pub(crate) fn lines(&self) -> Lines {
        Lines { logger: self.provider.logger("vidbench"), secrets: Arc::clone(&self.secrets) }
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        // A collector that does not answer within this time is not waited for again.
        let _ = self.provider.shutdown_with_timeout(PATIENCE);
    }
}

/// Turns lines into records.
pub(crate) struct Lines {
    logger: SdkLogger,
    secrets: Arc<Secrets>,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Lines;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &Lines {
    /// Always called with whole lines.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let clean = self.secrets.out_of(&String::from_utf8_lossy(bytes));
        if let Ok(line) = serde_json::from_str(&clean) {
            self.send(line);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn send(&self, mut line: Map<String, Value>) {
        let mut record = self.logger.create_log_record();
        record.set_timestamp(std::time::SystemTime::now());
        // The record has a timestamp of its own.
        line.remove("timestamp");
        let (text, number) = severity(line.remove("level").as_ref().and_then(Value::as_str));
        record.set_severity_text(text);
        record.set_severity_number(number);
        if let Some(Value::String(target)) = line.remove("target") {
            record.set_target(target);
        }
        if let Some(message) = line.remove("message") {
            record.set_body(value(message));
        }
        // Empty values are dropped; a line without a sample has an empty sample.
        let told = line.into_iter().filter(|(_, value)| value != "" && !value.is_null());
        // Prefixed with `vidbench.`, because a plain `run` could belong to any program.
        record.add_attributes(told.map(|(key, told)| (Key::from(format!("vidbench.{key}")), value(told))));
        self.logger.emit(record);
    }
}

fn severity(level: Option<&str>) -> (&'static str, Severity) {
    match level {
        Some("ERROR") => ("ERROR", Severity::Error),
        Some("WARN") => ("WARN", Severity::Warn),
        Some("DEBUG") => ("DEBUG", Severity::Debug),
        Some("TRACE") => ("TRACE", Severity::Trace),
        Some(_) | None => ("INFO", Severity::Info),
    }
}

fn value(told: Value) -> AnyValue {
    match told {
        Value::Bool(told) => AnyValue::Boolean(told),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => AnyValue::Int(whole),
            (None, Some(number)) => AnyValue::Double(number),
            (None, None) => AnyValue::String(number.to_string().into()),
        },
        Value::String(text) => AnyValue::String(text.into()),
        Value::Null | Value::Array(_) | Value::Object(_) => AnyValue::String(told.to_string().into()),
    }
}

/// Uses the HTTP client that vidbench has anyway.
#[derive(Debug)]
struct Client(Poster);

#[async_trait::async_trait]
impl HttpClient for Client {
    /// May block: it runs on the exporter's own thread, which has nothing else to do.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let headers: Vec<_> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect();
        let answer = self.0.post(&request.uri().to_string(), &headers, request.body())?;
        let mut response = Response::builder().status(answer.status);
        for (name, value) in answer.headers {
            response = response.header(name, value);
        }
        Ok(response.body(answer.body.into())?)
    }
}
