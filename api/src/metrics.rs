//! What is counted and measured, in the text form of Prometheus.

use std::{sync::OnceLock, time::Duration};

use actix_web::{HttpResponse, get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::routes::Routes;

/// Upper bounds of the histograms, in seconds.
const SECONDS: [f64; 12] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(read_metrics);
}

/// Starts to count, once for the process. `None`: something else counts here.
pub(crate) fn recorder() -> Option<&'static PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let builder = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
                .ok()?;
            let recorder = builder.build_recorder();
            let handle = recorder.handle();
            metrics::set_global_recorder(recorder).ok().map(|()| handle)
        })
        .as_ref()
}

/// One answered request. `route` is the template, so that identifiers do not make a series each.
pub(crate) fn answered(method: &str, route: &str, status: u16, took: Duration) {
    let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
    metrics::counter!("naryad_http_requests_total", &labels).increment(1);
    metrics::histogram!("naryad_http_request_seconds", &labels[..2]).record(took.as_secs_f64());
}

/// Counters and histograms for Prometheus.
#[utoipa::path(
    tag = "service",
    security(()),
    responses((status = 200, description = "Prometheus text format", body = String, content_type = "text/plain"))
)]
#[get("/metrics")]
async fn read_metrics() -> HttpResponse {
    let text = recorder().map_or_else(String::new, |handle| {
        handle.run_upkeep();
        handle.render()
    });
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text)
}

/// Counts a pull and the changes it brought.
pub(crate) fn pulled(outcome: &'static str, changes: usize) {
    metrics::counter!("naryad_sync_pulls_total", "outcome" => outcome).increment(1);
    metrics::counter!("naryad_sync_changes_total").increment(changes as u64);
}

/// Counts an act that a phone pushed.
pub(crate) fn pushed(status: &'static str, replayed: bool) {
    let replayed = if replayed { "yes" } else { "no" };
    metrics::counter!("naryad_sync_mutations_total", "status" => status, "replayed" => replayed).increment(1);
}

/// Counts a call of a provider outside; `held`: the guard did not let it through.
pub(crate) fn provider_called(provider: &'static str, outcome: &'static str) {
    metrics::counter!("naryad_provider_calls_total", "provider" => provider, "outcome" => outcome)
        .increment(1);
}

/// Shows whether a provider that does not answer is left alone.
pub(crate) fn provider_held(provider: &'static str, held: bool) {
    metrics::gauge!("naryad_provider_held", "provider" => provider).set(if held { 1.0 } else { 0.0 });
}
