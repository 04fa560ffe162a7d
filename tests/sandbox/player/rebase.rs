//! Moving a scenario to now, and skipping the time in which nothing can happen.
//!
//! A scenario was written for a day in the past, with minutes between an invocation and the
//! shutdown. Its times are moved so that its beginning is now, and where no request is open a gap
//! between two steps is cut to one second. Both are one function of time, applied to the arrival of
//! each step and to every time its body mentions. A deadline belongs to the event that carries
//! it, so it moves with the arrival and keeps its distance, even where the time that it lies in is
//! cut. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::scenario::{Step, Timed};
use crate::telemetry::record::stamp;

const LONGEST_GAP_MS: i64 = 1_000;
/// Numbers this close to the scenario's beginning are moments; durations and sizes are far away.
const NEIGHBOURHOOD_MS: i64 = 10 * 24 * 3_600 * 1_000;

#[derive(Debug)]
pub(crate) struct Timeline {
    base_epoch_ms: i64,
    cuts: Vec<Cut>,
}

/// From `after_ms` on, `ms` of time do not happen.
#[derive(Debug, PartialEq, Eq)]
struct Cut {
    after_ms: i64,
    ms: i64,
}

impl Timeline {
    pub(crate) fn of(steps: &[Timed], base_epoch_ms: i64) -> Self {
        let mut cuts = Vec::new();
        let mut open = BTreeSet::new();
        let mut now_ms = 0;
        for timed in steps {
            let gap = timed.at_ms - now_ms;
            if open.is_empty() && gap > LONGEST_GAP_MS {
                cuts.push(Cut { after_ms: now_ms + LONGEST_GAP_MS, ms: gap - LONGEST_GAP_MS });
            }
            now_ms = now_ms.max(timed.at_ms);
            follow(&mut open, &timed.step);
        }
        Self { base_epoch_ms, cuts }
    }

    /// The steps with everything moved, and how long after `now` each is due.
    pub(crate) fn schedule(&self, steps: &[Timed], now: Timestamp) -> Vec<(Duration, Step)> {
        let moved = steps.iter().map(|timed| {
            let at_ms = self.place(timed.at_ms);
            let due = Duration::from_millis(at_ms.max(0).unsigned_abs());
            let step = match &timed.step {
                Step::Next(body) => {
                    let shift = at_ms - timed.at_ms;
                    Step::Next(self.moved(body, &|ms| moment(now, ms + shift)))
                }
                Step::Telemetry(body) => {
                    Step::Telemetry(self.moved(body, &|ms| moment(now, self.place(ms))))
                }
                Step::Kill => Step::Kill,
                Step::Restart => Step::Restart,
            };
            (due, step)
        });
        moved.collect()
    }

    /// Where a moment of the scenario lies once the cuts are made.
    fn place(&self, at_ms: i64) -> i64 {
        let cut = |cut: &Cut| (at_ms - cut.after_ms).clamp(0, cut.ms);
        at_ms - self.cuts.iter().map(cut).sum::<i64>()
    }

    fn moved(&self, value: &Value, place: &impl Fn(i64) -> Timestamp) -> Value {
        match value {
            Value::Number(number) => match number.as_i64().and_then(|it| self.offset(it)) {
                Some(offset) => place(offset).as_millisecond().into(),
                None => value.clone(),
            },
            Value::String(text) => match self.offset_of_text(text) {
                Some(offset) => stamp(place(offset)).into(),
                None => value.clone(),
            },
            Value::Array(items) => items.iter().map(|item| self.moved(item, place)).collect(),
            Value::Object(fields) => {
                let fields = fields.iter();
                Value::Object(fields.map(|(k, v)| (k.clone(), self.moved(v, place))).collect())
            }
            Value::Null | Value::Bool(_) => value.clone(),
        }
    }

    fn offset(&self, epoch_ms: i64) -> Option<i64> {
        let offset = epoch_ms.checked_sub(self.base_epoch_ms)?;
        (offset.abs() < NEIGHBOURHOOD_MS && epoch_ms > NEIGHBOURHOOD_MS).then_some(offset)
    }

    fn offset_of_text(&self, text: &str) -> Option<i64> {
        // Anything else that happens to parse is shorter than a date with a time.
        let moment: Timestamp = (text.len() >= 20).then(|| text.parse().ok())??;
        self.offset(moment.as_millisecond())
    }
}

fn moment(now: Timestamp, after_ms: i64) -> Timestamp {
    now + SignedDuration::from_millis(after_ms)
}

/// Which requests are open after a step.
fn follow(open: &mut BTreeSet<String>, step: &Step) {
    match step {
        Step::Next(body) if body["eventType"] == "INVOKE" => {
            open.extend(body["requestId"].as_str().map(str::to_owned));
        }
        Step::Next(body) if body["eventType"] == "SHUTDOWN" => open.clear(),
        Step::Telemetry(Value::Array(records)) => {
            let id = |record: &Value| record["record"]["requestId"].as_str().map(str::to_owned);
            let of = |kinds: [&str; 2]| {
                let fits =
                    move |it: &&Value| it["type"].as_str().is_some_and(|it| kinds.contains(&it));
                records.iter().filter(fits).filter_map(id).collect::<Vec<_>>()
            };
            open.extend(of(["platform.start", "platform.start"]));
            for closed in of(["platform.runtimeDone", "platform.report"]) {
                open.remove(&closed);
            }
        }
        Step::Next(_) | Step::Telemetry(_) | Step::Kill | Step::Restart => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BASE: i64 = 1_793_491_200_000;

    fn now() -> Timestamp {
        "2030-01-01T00:00:00Z".parse().unwrap()
    }

    fn invoke(at_ms: i64) -> Timed {
        let body =
            json!({ "eventType": "INVOKE", "requestId": "a", "deadlineMs": BASE + at_ms + 3_000 });
        Timed { at_ms, step: Step::Next(body) }
    }

    fn done(at_ms: i64) -> Timed {
        let record = json!({ "requestId": "a" });
        let body = json!([{ "type": "platform.runtimeDone", "record": record }]);
        Timed { at_ms, step: Step::Telemetry(body) }
    }

    fn told(at_ms: i64, time: &str) -> Timed {
        Timed { at_ms, step: Step::Telemetry(json!([{ "time": time }])) }
    }

    fn shutdown(at_ms: i64) -> Timed {
        let body = json!({ "eventType": "SHUTDOWN", "deadlineMs": BASE + at_ms + 2_000 });
        Timed { at_ms, step: Step::Next(body) }
    }

    fn play(steps: &[Timed]) -> Vec<(u128, Step)> {
        let schedule = Timeline::of(steps, BASE).schedule(steps, now());
        schedule.into_iter().map(|(due, step)| (due.as_millis(), step)).collect()
    }

    #[track_caller]
    fn check(steps: &[Timed], due: &[u128]) {
        let found: Vec<u128> = play(steps).into_iter().map(|(due, _)| due).collect();
        assert_eq!(found, due);
    }

    #[test]
    fn a_gap_with_no_request_open_is_one_second() {
        check(&[invoke(0), done(100), shutdown(600_000)], &[0, 100, 1_100]);
    }

    #[test]
    fn a_gap_with_a_request_open_is_kept() {
        check(&[invoke(0), done(3_030), shutdown(3_040)], &[0, 3_030, 3_040]);
    }

    #[test]
    fn a_gap_before_the_first_step_is_shortened_too() {
        check(&[shutdown(600_000)], &[1_000]);
    }

    #[test]
    fn what_follows_a_cut_keeps_its_distances() {
        check(
            &[invoke(0), done(100), invoke(5_000), done(5_030), shutdown(605_000)],
            &[0, 100, 1_100, 1_130, 2_130],
        );
    }

    #[test]
    fn a_step_that_is_listed_late_is_due_in_the_past_and_so_at_once() {
        check(&[done(12_000), invoke(11_905), done(12_100)], &[1_000, 1_000, 1_100]);
        let kill = Timed { at_ms: 50, step: Step::Kill };
        check(&[invoke(0), done(100), kill], &[0, 100, 50]);
    }

    #[test]
    fn a_start_opens_a_request_where_there_is_no_event() {
        let record = json!({ "requestId": "a" });
        let body = json!([{ "type": "platform.start", "record": record }]);
        let start = Timed { at_ms: 0, step: Step::Telemetry(body) };
        check(&[start, done(3_000), shutdown(9_000)], &[0, 3_000, 4_000]);
    }

    #[test]
    fn a_deadline_keeps_its_distance_from_its_event() {
        let played = play(&[invoke(0), done(100), invoke(5_000), shutdown(5_100)]);
        let deadline = |at: usize| {
            let Step::Next(body) = &played[at].1 else { panic!("not an event") };
            body["deadlineMs"].as_i64().unwrap() - now().as_millisecond()
        };
        assert_eq!((deadline(0), deadline(2), deadline(3)), (3_000, 4_100, 3_200));
    }

    #[test]
    fn the_time_of_a_record_moves_to_where_it_happened() {
        let steps = [
            invoke(0),
            done(100),
            told(5_000, "2026-11-01T00:00:00.455Z"),
            told(5_000, "2026-11-01T00:00:04.999Z"),
            told(5_000, "2026-11-01T00:00:05.001Z"),
        ];
        let times: Vec<String> = play(&steps)[2..]
            .iter()
            .map(|(_, step)| match step {
                Step::Telemetry(body) => body[0]["time"].as_str().unwrap().to_owned(),
                Step::Next(_) | Step::Kill | Step::Restart => panic!("{step:?}"),
            })
            .collect();
        assert_eq!(
            times,
            ["2030-01-01T00:00:00.455Z", "2030-01-01T00:00:01.100Z", "2030-01-01T00:00:01.101Z"]
        );
    }

    #[test]
    fn what_is_not_a_time_is_left_alone() {
        let body = json!([{ "record": { "durationMs": 109.2, "instanceMaxMemory": 268_435_456,
            "requestId": "00000000-0000-4000-8000-000000000001", "value": "Root=1-69054a00" } }]);
        let steps = [Timed { at_ms: 0, step: Step::Telemetry(body.clone()) }];
        assert_eq!(play(&steps), [(0, Step::Telemetry(body))]);
    }
}
