//! Sending spans to a collector (OTLP over HTTP, binary protocol buffers), in batches, once each.
//!
//! What a collector does not take is dropped and counted: whoever needs every span keeps a collector on
//! the same machine.

use prost::Message as _;
use tokio::sync::mpsc::Receiver;
use tokio::time::sleep;

use super::otlp::{
    ExportTraceServiceRequest, KeyValue, MEDIA_TYPE, PATH, Resource, ResourceSpans, Scope,
    ScopeSpans, Span,
};
use crate::limits::{SPANS_GATHERED, SPANS_SENT_MAX, SPANS_WAIT};
use crate::metrics::SpanCounters;

/// What a service of this kind calls itself.
const SERVICE: &str = "ropewalk";

/// Sends spans to one collector.
pub(super) struct Exporter {
    http: reqwest::Client,
    url: String,
    build: String,
    counters: SpanCounters,
    /// What was logged last; a collector that is gone is no news again and again.
    complaint: String,
}

impl Exporter {
    pub(super) fn new(
        collector: &str,
        build: &str,
        counters: SpanCounters,
    ) -> Result<Self, reqwest::Error> {
        let http = orchestrator_api::http_client_builder(collector.starts_with("https:"));
        Ok(Self {
            http: http.timeout(SPANS_WAIT).build()?,
            url: format!("{}{PATH}", collector.trim_end_matches('/')),
            build: build.to_owned(),
            counters,
            complaint: String::new(),
        })
    }

    /// Sends what is queued, until the queue is closed and empty.
    pub(super) async fn run(mut self, mut queue: Receiver<Span>) {
        let mut spans = Vec::new();
        while queue.recv_many(&mut spans, SPANS_SENT_MAX).await > 0 {
            // Steps end in groups; a request for each would be many.
            if !queue.is_closed() && spans.len() < SPANS_SENT_MAX {
                sleep(SPANS_GATHERED).await;
                while spans.len() < SPANS_SENT_MAX
                    && let Ok(span) = queue.try_recv()
                {
                    spans.push(span);
                }
            }
            self.send(std::mem::take(&mut spans)).await;
        }
    }

    async fn send(&mut self, spans: Vec<Span>) {
        let count = spans.len() as u64;
        let body = self.message(spans).encode_to_vec();
        let request = self.http.post(&self.url).body(body);
        let request = request.header(reqwest::header::CONTENT_TYPE, MEDIA_TYPE);
        let why = match request.send().await {
            Ok(answer) if answer.status().is_success() => {
                self.counters.sent.inc_by(count);
                self.complaint.clear();
                return;
            }
            Ok(answer) => format!("it answers with status {}", answer.status().as_u16()),
            Err(error) => error.without_url().to_string(),
        };
        self.counters.dropped.inc_by(count);
        if why != self.complaint {
            tracing::warn!("the collector of traces at {} takes none: {why}", self.url);
            self.complaint = why;
        }
    }

    fn message(&self, spans: Vec<Span>) -> ExportTraceServiceRequest {
        ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(Resource {
                    attributes: vec![
                        KeyValue::text("service.name", SERVICE),
                        KeyValue::text("service.version", &*self.build),
                    ],
                }),
                scope_spans: vec![ScopeSpans {
                    scope: Some(Scope {
                        name: SERVICE.to_owned(),
                    }),
                    spans,
                }],
            }],
        }
    }
}
