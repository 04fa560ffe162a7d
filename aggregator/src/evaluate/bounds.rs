//! No item grows with the fleet, with a function's sandboxes, or with what senders make up.
//!
//! DynamoDB takes items of 400 KB and charges by the kilobyte. What is written here is the worst that can come in — beyond it, in
//! places — and each item is weighed as the table holds it.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use overtime_wire::{
    Block, Counts, Losses, MinuteCounts, MinuteIndex, Phase, Profile, Rank, Recorded, RequestId,
    SampleKind, Tally, Verdict,
};

use crate::{
    domain::{
        fact::{Part, Standing},
        fleet::totals,
        history::History,
        hour::{Hour, HourView, StandingHour},
        phases::Initialization,
        summary::{HOURS, Summary},
        timeout::Timeout,
        view::{Basis, TallyPart, VerdictPart},
    },
    store::{
        blocks::PartKey,
        laboratory::{Laboratory, at, block, function, incarnation, verdict},
        schema::{ROW_PARTITIONS, STATE, row_key},
    },
};

const SANDBOXES: u32 = 10_000;
const FUNCTIONS: u32 = 20_000;

/// The longest text that the wire lets through, of letters that JSON writes in six bytes each.
fn text(number: u32, bytes: usize) -> String {
    let number = number.to_string();
    "\u{1}".repeat(bytes - number.len()) + &number
}

/// What a sandbox says that means no good: a profile like nobody else's, and every number as high as it goes.
fn extreme(number: u32) -> Standing<Tally> {
    let profile = Profile {
        memory_mb: number,
        timeout: Duration::from_millis(number.into()),
        runtime: text(number, 128),
        architecture: text(number, 128),
        version: text(number, 128),
        initialization_type: Initialization::ALL[number as usize % 6].as_str().to_owned(),
        extension_version: text(number, 128),
        tags: (0..10).map(|it| (text(number * 10 + it, 128), text(number, 128))).collect(),
    };
    let mut tally = Tally::new(block(), profile);
    let most = MinuteCounts {
        invocations: u32::MAX,
        cold_starts: u32::MAX,
        near_timeouts: u32::MAX,
        exits: u32::MAX,
        extension_failures: u32::MAX,
        platform_failures: u32::MAX,
        other_failures: u32::MAX,
        init_failures: u32::MAX,
    };
    for minute in 0..15 {
        tally.minutes.insert(MinuteIndex::new(minute).unwrap(), most);
    }
    // Another duration for every sandbox: all buckets there are.
    tally.completed(Duration::from_micros(1 << (number % 40)));
    tally.completed(Duration::from_millis(u64::from(number) * 100));
    let kinds = [SampleKind::NearTimeout, SampleKind::Exit, SampleKind::Extension];
    for kind in kinds.into_iter().chain([SampleKind::Platform, SampleKind::Other, SampleKind::Init])
    {
        tally.sample(kind, &RequestId::parse(&text(number, 64)).unwrap());
    }
    for phase in Phase::ALL {
        let begun = tally.phases.of_mut(phase);
        begun.count = u32::MAX;
        begun.durations.record(Duration::from_micros(1 << (number % 40)));
        begun.durations.record(Duration::from_millis(u64::from(number) * 100));
    }
    tally.phases.extensions.record(Duration::from_hours(1), Duration::from_hours(2));
    tally.losses = Losses { unreadable_records: u32::MAX, ..Losses::default() };
    let rank: Rank = tally.rank();
    Standing {
        incarnation: incarnation(u8::try_from(number % 251).unwrap()),
        recorded: Recorded { rank, fact: tally, bytes: Vec::new() },
        accepted_at: at(0),
        writes: u64::from(u32::MAX),
    }
}

fn timeout(number: u32) -> Timeout {
    let verdict = Verdict {
        version: text(number, 128),
        alias: text(number, 128),
        environment: text(number, 256),
        log_tail: "\u{1}".repeat(Verdict::LOG_TAIL_MAX),
        ..verdict(number, 1_000)
    };
    let function = function("orders");
    Timeout { function, incarnation: incarnation(1), detected_at: at(4_000), verdict }
}

/// What an item weighs, as DynamoDB counts it: names and values.
fn weight(item: &std::collections::HashMap<String, AttributeValue>) -> usize {
    let value = |it: &AttributeValue| {
        let text = it.as_s().map(String::len);
        let digits = it.as_n().map(|digits| digits.len() / 2 + 2);
        text.or(digits).or(it.as_b().map(|bytes| bytes.as_ref().len())).unwrap()
    };
    item.iter().map(|(name, it)| name.len() + value(it)).sum()
}

/// The heaviest item of each kind.
async fn heaviest(lab: &Laboratory) -> BTreeMap<String, usize> {
    let mut heaviest = BTreeMap::new();
    let mut items = lab.access.dynamo.scan().table_name(STATE).into_paginator().items().send();
    while let Some(item) = items.next().await {
        let item = item.unwrap();
        let kind = item["pk"].as_s().unwrap()[..1].to_owned();
        let most = heaviest.entry(kind).or_insert(0);
        *most = weight(&item).max(*most);
    }
    heaviest
}

#[tokio::test]
async fn ten_thousand_sandboxes_of_one_function_fit_into_small_items() {
    let lab = Laboratory::open().await;
    let function = function("orders");
    let tallies: Vec<_> = (0..SANDBOXES).map(extreme).collect();
    let timeouts: Vec<_> = (0..SANDBOXES).map(timeout).collect();
    let (tally, verdict) = (TallyPart::of(&tallies), VerdictPart::of(&timeouts));
    assert_eq!(tally.incarnations, u64::from(SANDBOXES));
    let first = block();
    for number in first.number()..first.number() + 4 {
        let key = |part| PartKey { function: &function, block: Block::from_number(number), part };
        let basis = Basis::of(u64::MAX / 64);
        lab.store.put_part(key(Part::Tally), &tally, basis).await.unwrap();
        lab.store.put_part(key(Part::Verdict), &verdict, basis).await.unwrap();
    }
    let last = Block::from_number(first.number() + 3);
    let blocks = lab.store.blocks(&function, first, last).await.unwrap();
    let hour = StandingHour::of(Hour::of_block(first), &blocks).unwrap();
    lab.store.put_hour(&function, &hour).await.unwrap();
    let basis = Basis::of(u64::MAX / 64);
    let ring =
        (0..HOURS).map(|it| StandingHour { hour: hour.hour.plus(it), basis, ..hour.clone() });
    let row = Summary::of(&function, &ring.collect::<Vec<_>>()).unwrap();
    lab.store.put_summary(&row).await.unwrap();
    for total in totals([&row], hour.hour, hour.hour) {
        lab.store.put_total(&total).await.unwrap();
    }
    // As if it had gone on like that for years.
    for month in 0..30 {
        let block = Block::from_number(first.number() + month * 32 * 24 * 4);
        let some = (month * 100) as usize;
        let news = History::of(block, &tallies[some..some + 100], &timeouts[some..some + 100]);
        lab.store.learn(&function, &news).await.unwrap();
    }
    lab.store.put_timeout(&timeouts[0], u64::MAX / 64).await.unwrap();

    let heaviest = heaviest(&lab).await;
    let bounds = [
        ("B", 64_000),
        ("D", 100),
        // Eighteen kinds of inits at most, each with a sketch of its own; nearly all functions have one or two.
        ("H", 48_000),
        ("L", 5_000),
        ("P", 160_000),
        ("S", 32_000),
        ("T", 1_000),
        ("V", 2_500),
    ];
    assert!(heaviest.keys().eq(bounds.map(|it| it.0).iter()), "{heaviest:?}");
    for (kind, most) in bounds {
        assert!(heaviest[kind] <= most, "{kind}: {heaviest:?}");
    }
}

/// A function as most are.
fn ordinary(number: u32) -> Summary {
    let profile = Profile {
        memory_mb: 1_024,
        timeout: Duration::from_secs(30),
        runtime: "python:3.13.v40".to_owned(),
        architecture: "arm64".to_owned(),
        version: "42".to_owned(),
        initialization_type: "on-demand".to_owned(),
        extension_version: "0.1.0".to_owned(),
        tags: [("team", "payments"), ("tier", "1"), ("stage", "production")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
    };
    let hours = (0..HOURS).map(|it| {
        let counts = Counts {
            invocations: 36_000,
            timeouts: u64::from(it.is_multiple_of(9)),
            errors: u64::from(it % 3),
            cold_starts: 12,
            near_timeouts: u64::from(it % 5),
            ..Counts::default()
        };
        let mut view = HourView { profile: profile.clone(), ..HourView::default() };
        view.counts.0 = counts;
        if counts.timeouts > 0 {
            view.causes.insert("handler".to_owned(), 1);
        }
        view.last_seen_ms = Some(at(0).0);
        StandingHour { hour: Hour::of(at(0)).plus(it), basis: Basis::of(4_000), view }
    });
    let function = function(&format!("a-service-of-ours-{number:05}"));
    Summary::of(&function, &hours.collect::<Vec<_>>()).unwrap()
}

#[tokio::test]
async fn twenty_thousand_functions_are_as_many_small_rows_evenly_spread_and_one_small_total() {
    let lab = Laboratory::open().await;
    let row = ordinary(1);
    lab.store.put_summary(&row).await.unwrap();
    let weight = heaviest(&lab).await["S"];
    assert!(weight <= 1_600, "an ordinary row has {weight} bytes");

    let rows: Vec<_> = (0..FUNCTIONS)
        .map(|number| Summary { function: ordinary_name(number), ..row.clone() })
        .collect();
    let mut partitions = BTreeMap::<String, usize>::new();
    for row in &rows {
        *partitions.entry(row_key(&row.function).pk).or_default() += 1;
    }
    let most = partitions.values().max().copied().unwrap();
    assert_eq!(u64::try_from(partitions.len()).unwrap(), ROW_PARTITIONS);
    assert!(most < rows.len().div_ceil(partitions.len()) * 3 / 2, "{partitions:?}");
    // Each partition is one page of a query.
    assert!(most * weight < 1_000_000);

    let totals = totals(&rows, Hour::of(at(0)), Hour::of(at(0)));
    assert_eq!(totals[0].view.functions, u64::from(FUNCTIONS));
    lab.store.put_total(&totals[0]).await.unwrap();
    assert!(heaviest(&lab).await["T"] < 500);
}

fn ordinary_name(number: u32) -> overtime_wire::FunctionKey {
    function(&format!("a-service-of-ours-{number:05}"))
}
