//! What a meter says as metrics.

use std::time::Duration;

use overtime_wire::{Durations, Phase};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::domain::{
    hour::StandingHour,
    otlp::fixture::{at, function, hour},
    phases::{Initialization, Start},
};

fn of(hours: &[StandingHour]) -> Vec<Metric> {
    let meter = Meter::advance(None, hours).unwrap();
    let mut request = request([(&function("orders"), &meter)], at(90_000));
    request.resource_metrics.remove(0).scope_metrics.remove(0).metrics
}

fn durations(of: Vec<Metric>) -> ExponentialHistogramDataPoint {
    histogram_of("faas.invoke_duration", of)
}

fn histogram_of(name: &str, of: Vec<Metric>) -> ExponentialHistogramDataPoint {
    let metric = of.into_iter().find(|it| it.name == name).unwrap();
    let Some(Data::ExponentialHistogram(mut it)) = metric.data else { panic!("{metric:?}") };
    assert_eq!(it.aggregation_temporality(), AggregationTemporality::Cumulative);
    it.data_points.remove(0)
}

#[test]
fn counters_are_cumulative_and_say_since_when() {
    for metric in of(&[hour(0, (10, 2), 2)]) {
        let Some(Data::Sum(sum)) = metric.data else { continue };
        assert!(sum.is_monotonic, "{}", metric.name);
        assert_eq!(sum.aggregation_temporality(), AggregationTemporality::Cumulative);
        let [point] = &sum.data_points[..] else { panic!("{sum:?}") };
        assert_eq!(
            (point.start_time_unix_nano, point.time_unix_nano),
            (nanos(at(0)), nanos(at(90_000)))
        );
        let expected = match metric.name.as_str() {
            "faas.invocations" => 12,
            "faas.timeouts" => 2,
            _ => 0,
        };
        assert_eq!(point.value, Some(Value::AsInt(expected)), "{}", metric.name);
    }
}

/// Inits in an hour.
fn begin(hour: &mut StandingHour, phase: Phase, took: &Durations) {
    let initialization = Initialization::OnDemand;
    let starts = hour.view.phases.starts.entry(Start { phase, initialization }).or_default();
    starts.durations.add(took);
}

#[test]
fn inits_are_measured_wherever_they_ran_and_restores_are_none() {
    let mut hours = [hour(0, (10, 0), 2)];
    for (phase, millis) in [(Phase::Init, 200), (Phase::Suppressed, 900), (Phase::Restore, 5_000)] {
        let mut took = Durations::default();
        took.record(Duration::from_millis(millis));
        begin(&mut hours[0], phase, &took);
    }
    let point = histogram_of("faas.init_duration", of(&hours));
    assert_eq!((point.count, point.max), (2, Some(0.9)));
    assert_eq!(histogram_of("faas.init_duration", of(&[hour(0, (1, 0), 2)])).count, 0);
}

#[test]
fn a_point_never_ends_before_it_begins() {
    let meter = Meter::advance(None, &[hour(1, (1, 0), 2)]).unwrap();
    let request = request([(&function("orders"), &meter)], at(0));
    let metric = &request.resource_metrics[0].scope_metrics[0].metrics[0];
    let Some(Data::Sum(sum)) = &metric.data else { panic!("{metric:?}") };
    let point = &sum.data_points[0];
    assert_eq!(point.time_unix_nano, point.start_time_unix_nano);
}

#[test]
fn a_full_request_is_less_than_a_megabyte() {
    let mut every = Durations::default();
    for index in -160..=80 {
        let secs = (f64::from(index) / 8.0 + 0.06).exp2();
        (0..200).for_each(|_| every.record(Duration::from_secs_f64(secs)));
    }
    let mut hours = [hour(0, (1_000_000, 1_000_000), 2)];
    hours[0].view.durations.add(&every);
    begin(&mut hours[0], Phase::Init, &every);
    let meter = Meter::advance(None, &hours).unwrap();
    let functions: Vec<_> =
        (0..FUNCTIONS_MAX).map(|it| function(&format!("{it:03}{}", "n".repeat(61)))).collect();
    let bytes = written(functions.iter().map(|it| (it, &meter)), at(90_000));
    assert!((200_000..1_000_000).contains(&bytes.len()), "{}", bytes.len());
}

proptest! {
    /// Read as the specification has it: a value lies above its bucket's lower border, and not above its upper one.
    #[test]
    fn every_duration_lies_in_the_bucket_that_says_so(micros in vec(0_u64..=900_000_000, 1..60)) {
        let mut taken = Durations::default();
        for it in &micros {
            taken.record(Duration::from_micros(*it));
        }
        let mut hours = [hour(0, (0, 0), 2)];
        hours[0].view.durations.add(&taken);
        let point = durations(of(&hours));
        let Buckets { offset, bucket_counts } = point.positive.unwrap();
        let base = 2_f64.powf(2_f64.powi(-point.scale));
        let mut upper = (offset..).zip(&bucket_counts).flat_map(|(index, count)| {
            vec![(base.powi(index), base.powi(index + 1)); usize::try_from(*count).unwrap()]
        });
        let mut sorted: Vec<f64> = micros.iter().map(|it| Duration::from_micros(*it).as_secs_f64()).collect();
        sorted.sort_by(f64::total_cmp);
        let zeros = usize::try_from(point.zero_count).unwrap();
        prop_assert!(sorted[..zeros].iter().all(|it| *it <= point.zero_threshold));
        for secs in &sorted[zeros..] {
            let (above, up_to) = upper.next().unwrap();
            prop_assert!(*secs > above * (1.0 - 1e-9) && *secs <= up_to * (1.0 + 1e-9), "{secs} in ({above}, {up_to}]");
        }
        prop_assert_eq!(upper.next(), None);
        prop_assert_eq!(point.count, u64::try_from(micros.len()).unwrap());
        prop_assert_eq!(point.max, sorted.last().copied());
        let sum: f64 = sorted.iter().sum();
        prop_assert!((point.sum.unwrap() - sum).abs() <= 0.044 * sum + 1e-9, "{:?} for {sum}", point.sum);
    }
}
