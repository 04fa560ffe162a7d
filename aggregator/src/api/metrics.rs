//! `GET /metrics`: the fleet and the aggregator, for Prometheus.
//!
//! Only `serve` has it. Its counters count since the process began, as Prometheus expects of them; of several doors on Lambda each would
//! have counters of its own, and whoever asked would see them begin anew with every answer. There, what a function counts goes to
//! CloudWatch ([`evaluate::emit`](crate::evaluate::emit)).
//!
//! **Invariant.** A counter never falls while the process lives, whoever asks how often.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Router,
    extract::State,
    http::{
        HeaderMap, HeaderValue,
        header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, VARY},
    },
    response::{IntoResponse as _, Response},
    routing::get,
};
use overtime_wire::{EpochMillis, FunctionKey};

use crate::{
    api::{answer::quality, problem::Problem},
    domain::{
        exposition::{Family, Format, Kind, Sample},
        odometer::{Odometer, Reading, Shown},
    },
    store::{Store, StoreError},
    throughput::Throughput,
};

/// Stands where a function without a counter of its own would be named; no name of a function has parentheses.
const OTHERS: &str = "(other)";

/// What the counters are read from. Cheap to clone; clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    store: Store,
    clock: fn() -> EpochMillis,
    since: EpochMillis,
    throughput: Throughput,
    odometer: Arc<Mutex<Odometer>>,
}

impl Metrics {
    /// Sets out from what the store says now: nothing may be evaluated before. At most `limit` functions have counters of their own.
    pub async fn begin(
        store: Store,
        clock: fn() -> EpochMillis,
        (throughput, limit): (Throughput, usize),
    ) -> Result<Self, StoreError> {
        let now = clock();
        let odometer = Odometer::begin(limit, &store.fleet().await?, now);
        let odometer = Arc::new(Mutex::new(odometer));
        Ok(Self { store, clock, since: now, throughput, odometer })
    }

    /// Counts what is new. To be called at least once a day, whether anybody asks or not.
    pub async fn look(&self) -> Result<Shown, StoreError> {
        let now = (self.clock)();
        let rows = self.store.fleet_lately(now).await?;
        let mut odometer = self.odometer.lock().unwrap_or_else(PoisonError::into_inner);
        odometer.advance(&rows, now);
        Ok(odometer.read(now))
    }

    fn families(&self, shown: &Shown) -> Vec<Family> {
        let mut families = of_functions(shown);
        families.push(gauge(
            "overtime_functions",
            "Functions that were heard of in the last day.",
            count(shown.functions.len() + shown.left_out),
        ));
        families.push(gauge(
            "overtime_functions_left_out",
            "Those of them that are counted as (other), because there are more than OVERTIME_METRICS_FUNCTIONS.",
            count(shown.left_out),
        ));
        if let Some(heard) = shown.heard {
            families.push(gauge(
                "overtime_last_heard_timestamp_seconds",
                "When the last minute began in which anything was counted.",
                u64::try_from(heard.0 / 1_000).unwrap_or(0),
            ));
        }
        families.extend(self.of_this_process());
        families
    }

    fn of_this_process(&self) -> [Family; 5] {
        let counter = |labels, value| Sample { labels, value, since: Some(self.since) };
        let labelled = |label, value: &str, count| counter(vec![(label, value.to_owned())], count);
        let family = |name, help, samples| Family { name, kind: Kind::Counter, help, samples };
        let refusals = self.throughput.refusals();
        let deliveries = self.throughput.deliveries();
        let not_taken = self.throughput.all_not_taken();
        [
            family(
                "overtime_batches_accepted",
                "Batches that were let in by this process.",
                vec![counter(Vec::new(), self.throughput.batches())],
            ),
            family(
                "overtime_facts_accepted",
                "Facts in them that were let in, copies included.",
                vec![counter(Vec::new(), self.throughput.facts())],
            ),
            family(
                "overtime_rejections",
                "Facts and whole batches that were turned away, by reason.",
                refusals.map(|(it, count)| labelled("reason", it.as_str(), count)).collect(),
            ),
            family(
                "overtime_deliveries",
                "What attempts to deliver alerts came to, by outcome.",
                deliveries.map(|(it, count)| labelled("outcome", it.as_str(), count)).collect(),
            ),
            family(
                "overtime_otlp_not_taken",
                "Points and spans that the OpenTelemetry receiver refused of requests that it took, by signal.",
                not_taken.map(|(it, count)| labelled("signal", it.as_str(), count)).collect(),
            ),
        ]
    }
}

/// A name, what it means, and which number of a function it is.
type Counter = (&'static str, &'static str, fn(&Reading) -> u64);

fn of_functions(shown: &Shown) -> Vec<Family> {
    let counters: [Counter; 4] = [
        ("overtime_invocations", "Invocations, however they ended.", |it| it.invocations),
        ("overtime_timeouts", "Invocations that timed out.", |it| it.timeouts),
        ("overtime_init_timeouts", "Inits that timed out.", |it| it.init_timeouts),
        ("overtime_near_timeouts", "Invocations that succeeded close to their timeout.", |it| {
            it.near_timeouts
        }),
    ];
    let family = |(name, help, number): Counter| {
        let own = shown.functions.iter().map(|(function, (reading, since))| Sample {
            labels: labels(function),
            value: number(reading),
            since: Some(*since),
        });
        let others = Sample {
            labels: ["account", "region", "function"].map(|it| (it, OTHERS.to_owned())).to_vec(),
            value: number(&shown.others),
            since: Some(shown.since),
        };
        let samples = own.chain([others]).collect();
        Family { name, kind: Kind::Counter, help, samples }
    };
    counters.into_iter().map(family).collect()
}

fn labels(function: &FunctionKey) -> Vec<(&'static str, String)> {
    let FunctionKey { account, region, name } = function;
    let (account, region, name) = (account.to_string(), region.to_string(), name.to_string());
    vec![("account", account), ("region", region), ("function", name)]
}

fn gauge(name: &'static str, help: &'static str, value: u64) -> Family {
    let samples = vec![Sample { labels: Vec::new(), value, since: None }];
    Family { name, kind: Kind::Gauge, help, samples }
}

fn count(things: usize) -> u64 {
    u64::try_from(things).unwrap_or(u64::MAX)
}

/// The path alone, to be merged with the others.
pub fn routes(metrics: Metrics) -> Router {
    Router::new().route("/metrics", get(show)).with_state(metrics)
}

async fn show(State(metrics): State<Metrics>, headers: HeaderMap) -> Result<Response, Problem> {
    let shown = metrics.look().await?;
    let format = wanted(&headers);
    let fixed = [
        (CONTENT_TYPE, HeaderValue::from_static(format.content_type())),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (VARY, HeaderValue::from_static("accept")),
    ];
    Ok((fixed, format.write(&metrics.families(&shown))).into_response())
}

/// `OpenMetrics` for whoever asks for it by name, as Prometheus does; its older text for browsers and everybody else.
fn wanted(headers: &HeaderMap) -> Format {
    let accept = || headers.get_all(ACCEPT).iter();
    let named = accept().any(|it| {
        it.to_str().is_ok_and(|it| it.to_ascii_lowercase().contains("application/openmetrics-text"))
    });
    let open = quality(accept(), "application/openmetrics-text");
    let plain = quality(accept(), "text/plain");
    if named && open > 0 && open >= plain { Format::OpenMetrics } else { Format::Text }
}

#[cfg(test)]
mod tests;
