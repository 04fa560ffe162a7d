//! Each count is said once: by several at once, on a bad day, and whatever is taken back.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use futures::future::join_all;
use overtime_wire::{EpochMillis, Outcome};
use serde_json::Value;

use super::*;
use crate::{
    domain::fact::Job,
    evaluate::{Evaluator, damper::Budget, paced::Paced},
    store::{
        facts::{Author, Fact},
        laboratory::{
            Laboratory, at, block, function, incarnation, tally, verdict, weather::Weather,
        },
        schema::STATE,
    },
};

/// Sums of what was said, by metric and minute, as CloudWatch makes them.
#[derive(Debug, Clone, Default)]
struct Cloud(Arc<Mutex<BTreeMap<(String, i64), i64>>>);

impl Cloud {
    fn emitter(&self) -> Emitter {
        let shape = Shape {
            namespace: "Overtime".parse().unwrap(),
            dimensions: "account,region,function".parse().unwrap(),
        };
        let sums = self.0.clone();
        Emitter::new(shape, Arc::new(move |lines: &str| add(&mut sums.lock().unwrap(), lines)))
    }

    fn sum(&self, metric: &str) -> i64 {
        let sums = self.0.lock().unwrap();
        sums.iter().filter(|((name, _), _)| name == metric).map(|(_, sum)| sum).sum()
    }
}

fn add(sums: &mut BTreeMap<(String, i64), i64>, lines: &str) {
    assert!(lines.ends_with('\n'));
    for line in lines.lines() {
        let document: Value = serde_json::from_str(line).unwrap();
        let minute = document["_aws"]["Timestamp"].as_i64().unwrap();
        for metric in document["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap() {
            let name = metric["Name"].as_str().unwrap();
            *sums.entry((name.to_owned(), minute)).or_default() += document[name].as_i64().unwrap();
        }
    }
}

fn paced(lab: &Laboratory, emitter: Option<Emitter>) -> Paced {
    let evaluator = Evaluator { store: lab.store.clone(), console: String::new() };
    Paced::new(evaluator, Budget::default()).emitting(emitter)
}

fn job() -> Job {
    Job { function: function("orders"), block: block(), tallies: true, verdicts: true }
}

async fn tell(lab: &Laboratory, sandbox: u8, fact: Fact<'_>) {
    let function = function("orders");
    let author = Author { function: &function, incarnation: incarnation(sandbox) };
    // As an extension does.
    while lab.store.record(author, fact, at(0)).await.is_err() {}
}

/// As the stream does: until it is done.
async fn evaluate(lab: &Laboratory, cloud: &Cloud, now: EpochMillis) {
    let paced = paced(lab, Some(cloud.emitter()));
    while paced.run(&job(), now).await.is_err() {}
}

/// Three environments report twice, one timeout among it is taken back, and everybody evaluates everything at once. Says how many
/// invocations and timeouts there were in the end.
async fn day(lab: &Laboratory, cloud: &Cloud) -> (i64, i64) {
    for round in 1..=3_u32 {
        for sandbox in 1..=3_u8 {
            tell(lab, sandbox, Fact::Tally(&tally(round, round * 10).encode())).await;
            let second = i64::from(round) * 60_000;
            tell(lab, sandbox, Fact::Verdict(&verdict(round, second).encode())).await;
        }
        let now = at(i64::from(round) * 60_000);
        join_all((0..4).map(|_| evaluate(lab, cloud, now))).await;
    }
    let mut taken_back = verdict(1, 60_000);
    (taken_back.outcome, taken_back.revision) = (Outcome::Success, 2);
    tell(lab, 2, Fact::Verdict(&taken_back.encode())).await;
    join_all((0..4).map(|_| evaluate(lab, cloud, at(240_000)))).await;
    (3 * 30 + 9, 8)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_count_is_said_once_on_good_days_and_on_bad_ones() {
    let (lab, cloud) = (Laboratory::open().await, Cloud::default());
    let (invocations, timeouts) = day(&lab, &cloud).await;
    assert_eq!((cloud.sum("Invocations"), cloud.sum("Timeouts")), (invocations, timeouts));
    let expected = cloud.0.lock().unwrap().clone();
    for seed in 1..=3 {
        let (weather, cloud) = (Weather::of(seed, 30), Cloud::default());
        let lab = Laboratory::open_by(weather.clone()).await;
        weather.rage();
        day(&lab, &cloud).await;
        weather.clear();
        let (mishaps, _) = weather.mishaps();
        assert!(mishaps > 30, "{mishaps}");
        assert_eq!(*cloud.0.lock().unwrap(), expected, "seed {seed}");
    }
}

#[tokio::test]
async fn who_dies_before_speaking_is_not_repeated() {
    let (lab, cloud) = (Laboratory::open().await, Cloud::default());
    tell(&lab, 1, Fact::Tally(&tally(1, 10).encode())).await;
    // It wrote down that it would, and was gone.
    let mute = Emitter::new((*cloud.emitter().shape).clone(), Arc::new(|_: &str| {}));
    paced(&lab, Some(mute)).run(&job(), at(0)).await.unwrap();
    evaluate(&lab, &cloud, at(60_000)).await;
    assert_eq!(cloud.sum("Invocations"), 0);
    tell(&lab, 1, Fact::Tally(&tally(2, 25).encode())).await;
    evaluate(&lab, &cloud, at(120_000)).await;
    assert_eq!(cloud.sum("Invocations"), 15);
}

#[tokio::test]
async fn where_it_is_off_nothing_is_written_about_it() {
    let (lab, cloud) = (Laboratory::open().await, Cloud::default());
    tell(&lab, 1, Fact::Tally(&tally(1, 10).encode())).await;
    let about = async || {
        let scanned = lab.access.dynamo.scan().table_name(STATE).send().await.unwrap();
        let emissions: Vec<_> = scanned.items().to_vec();
        emissions.into_iter().filter(|it| it["pk"].as_s().unwrap().starts_with("E#")).collect()
    };
    paced(&lab, None).run(&job(), at(0)).await.unwrap();
    let off: Vec<std::collections::HashMap<_, _>> = about().await;
    assert!(off.is_empty(), "{off:?}");
    evaluate(&lab, &cloud, at(60_000)).await;
    let on = about().await;
    let expires: i64 = on[0]["x"].as_n().unwrap().parse().unwrap();
    // Longer than the block may still be evaluated.
    let kept = EpochMillis(expires * 1_000).since(block().end());
    assert_eq!(kept, Duration::from_hours(48));
    assert!(kept > crate::evaluate::SEALED_AFTER);
    assert_eq!(cloud.sum("Invocations"), 10);
}
