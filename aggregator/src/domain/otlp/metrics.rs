//! A meter as metrics, by OpenTelemetry's conventions for functions as a service.
//!
//! Counters are cumulative sums; durations are exponential histograms at scale 3, which is what a [`Sketch`] is: buckets go over one by one and
//! exactly. What a histogram adds of its own, the sum, is the only estimate: each duration is taken for the middle of its bucket, which errs by
//! 4.4 % at most.
//!
//! Where the conventions leave room: `faas.invocations` counts every invocation, however it ended, as CloudWatch does; `faas.errors` those
//! that failed otherwise than by a timeout or for want of memory, which have counters of their own; `faas.invoke_duration` measures those
//! that ended by themselves: how long a timeout took is its function's setting, and is in its trace.

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    metrics::v1::{
        AggregationTemporality, ExponentialHistogram, ExponentialHistogramDataPoint, Metric,
        NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
        exponential_histogram_data_point::Buckets, metric::Data, number_data_point::Value,
    },
};
use overtime_wire::{Counts, EpochMillis, FunctionKey};
use prost::Message as _;

use super::{
    attributes::{SCHEMA_URL, nanos, resource, scope},
    meter::{Meter, Totals},
};
use crate::domain::durations::Sketch;

/// How many functions are told of in one request. With every bucket that there is in use, they take less than a megabyte.
pub const FUNCTIONS_MAX: usize = 200;

/// The base of buckets is 2^(1/2^SCALE).
const SCALE: i32 = 3;
/// What is shorter than a microsecond is in no bucket, and the lowest bucket begins here.
const ZERO_THRESHOLD: f64 = 1.0 / 1_048_576.0;

/// A counter: its name, its unit, what it counts, and where that stands.
type Counter = (&'static str, &'static str, &'static str, fn(&Counts) -> u64);

const COUNTERS: [Counter; 8] = [
    ("faas.invocations", "{invocation}", "Invocations, however they ended", |it| it.invocations),
    ("faas.timeouts", "{timeout}", "Invocations that timed out", |it| it.timeouts),
    (
        "faas.errors",
        "{error}",
        "Invocations that failed, but for timeouts and want of memory",
        |it| it.errors,
    ),
    ("faas.coldstarts", "{coldstart}", "Cold starts", |it| it.cold_starts),
    ("overtime.out_of_memory", "{invocation}", "Invocations that ended for want of memory", |it| {
        it.out_of_memory
    }),
    (
        "overtime.near_timeouts",
        "{invocation}",
        "Invocations that succeeded, and came close to their timeout",
        |it| it.near_timeouts,
    ),
    ("overtime.init_timeouts", "{init}", "Inits that timed out", |it| it.init_timeouts),
    ("overtime.init_failures", "{init}", "Inits that failed", |it| it.init_failures),
];

/// A histogram of seconds: its name, what it measures, and by what.
type Histogram = (&'static str, &'static str, fn(&Totals) -> &Sketch);

const HISTOGRAMS: [Histogram; 2] = [
    (
        "faas.invoke_duration",
        "How long invocations took that ended by themselves; the sum is within 5 %",
        |it| &it.durations,
    ),
    (
        "faas.init_duration",
        "How long inits took that ended well, those inside invocations too; the sum is within 5 %",
        |it| &it.inits,
    ),
];

/// What functions' meters say at `at`.
pub fn request<'a>(
    meters: impl IntoIterator<Item = (&'a FunctionKey, &'a Meter)>,
    at: EpochMillis,
) -> ExportMetricsServiceRequest {
    let told = meters.into_iter().map(|(function, meter)| of_function(function, meter, at));
    ExportMetricsServiceRequest { resource_metrics: told.collect() }
}

/// The same, as it is sent.
pub fn written<'a>(
    meters: impl IntoIterator<Item = (&'a FunctionKey, &'a Meter)>,
    at: EpochMillis,
) -> Vec<u8> {
    request(meters, at).encode_to_vec()
}

fn of_function(function: &FunctionKey, meter: &Meter, at: EpochMillis) -> ResourceMetrics {
    let (from, totals) = (meter.begun(), meter.said());
    // A clock that is behind the facts must not make a point that ends before it begins.
    let between = (nanos(from), nanos(at.max(from)));
    let counters = COUNTERS.iter().map(|(name, unit, description, number)| {
        metric((name, unit, description), counter(number(&totals.counts.0), between))
    });
    let histograms = HISTOGRAMS.iter().map(|(name, description, sketch)| {
        metric((name, "s", description), histogram(sketch(totals), between))
    });
    let metrics = counters.chain(histograms).collect();
    ResourceMetrics {
        resource: Some(resource(function)),
        scope_metrics: vec![ScopeMetrics {
            scope: Some(scope()),
            metrics,
            schema_url: SCHEMA_URL.to_owned(),
        }],
        schema_url: SCHEMA_URL.to_owned(),
    }
}

fn metric((name, unit, description): (&str, &str, &str), data: Data) -> Metric {
    Metric {
        name: name.to_owned(),
        description: description.to_owned(),
        unit: unit.to_owned(),
        metadata: Vec::new(),
        data: Some(data),
    }
}

fn counter(number: u64, (from, at): (u64, u64)) -> Data {
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    let point = NumberDataPoint {
        start_time_unix_nano: from,
        time_unix_nano: at,
        value: Some(Value::AsInt(number)),
        ..NumberDataPoint::default()
    };
    Data::Sum(Sum {
        data_points: vec![point],
        aggregation_temporality: AggregationTemporality::Cumulative.into(),
        is_monotonic: true,
    })
}

fn histogram(sketch: &Sketch, (from, at): (u64, u64)) -> Data {
    let point = ExponentialHistogramDataPoint {
        start_time_unix_nano: from,
        time_unix_nano: at,
        count: sketch.count(),
        sum: Some(sketch.sum_secs()),
        scale: SCALE,
        zero_count: sketch.zeros(),
        zero_threshold: ZERO_THRESHOLD,
        positive: Some(buckets(sketch)),
        max: sketch.max().map(|it| it.as_secs_f64()),
        ..ExponentialHistogramDataPoint::default()
    };
    Data::ExponentialHistogram(ExponentialHistogram {
        data_points: vec![point],
        aggregation_temporality: AggregationTemporality::Cumulative.into(),
    })
}

/// The sketch's buckets without the gaps that it leaves out.
fn buckets(sketch: &Sketch) -> Buckets {
    let mut buckets = Buckets::default();
    for (index, count) in sketch.buckets() {
        if buckets.bucket_counts.is_empty() {
            buckets.offset = index;
        }
        let at = usize::try_from(index - buckets.offset).unwrap_or(0);
        buckets.bucket_counts.resize(at, 0);
        buckets.bucket_counts.push(count);
    }
    buckets
}

#[cfg(test)]
mod tests;
