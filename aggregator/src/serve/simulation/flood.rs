//! Everything fails within a minute, with nothing configured but what is there at the first start.
//!
//! `FLOOD_FUNCTIONS` says how many functions that is; by default so many as a test has time for.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use overtime_wire::{Block, EpochMillis, FunctionKey, MinuteCounts, Recorded, Tally, Verdict};
use serde_json::json;

use super::{dusk, morning};
use crate::{
    domain::{
        configuration::{Change, Expects, Kind},
        notification::{Dispatch, Transition},
    },
    evaluate::{
        Evaluator,
        damper::Budget,
        paced::{Paced, Record},
    },
    store::{
        Store,
        configuration::By,
        facts::{Author, Fact},
        laboratory::{
            function, incarnation,
            switch::{
                Switch,
                play::{dump, engine},
            },
            tally, verdict,
        },
        schema::{self, STATE},
    },
    sweep::Sweep,
};

const FUNCTIONS: usize = 60;
/// How many are evaluated at the same time.
const AT_ONCE: usize = 8;

fn functions() -> usize {
    std::env::var("FLOOD_FUNCTIONS").map_or(FUNCTIONS, |it| it.parse().unwrap())
}

struct Flood {
    store: Store,
    paced: Paced,
    sweep: Sweep,
}

impl Flood {
    fn name(number: usize) -> FunctionKey {
        function(&format!("f{number:05}"))
    }

    async fn say(&self, number: usize, (fact, sk): (Fact<'_>, String), now: EpochMillis) {
        let (function, incarnation) = (Self::name(number), incarnation(1));
        let author = Author { function: &function, incarnation };
        self.store.record(author, fact, now).await.unwrap();
        let shard = schema::fact_shard(incarnation);
        let pk = schema::facts_pk(&function, Block::of(now), shard);
        let record = Record { sequence: "1".to_owned(), pk, sk, removed: false };
        assert!(self.paced.records(&[record], now).await.failed.is_empty());
    }

    async fn time_out(&self, number: usize, now: EpochMillis) {
        let at = Some(now);
        let verdict =
            Verdict { seen: now, started: at, deadline: at, detected: now, ..verdict(1, 0) };
        let (written, sk): (Recorded<Verdict>, _) =
            (verdict.encode(), schema::verdict_sk(incarnation(1), verdict.ordinal));
        self.say(number, (Fact::Verdict(&written), sk), now).await;
    }

    async fn succeed(&self, number: usize, now: EpochMillis) {
        let block = Block::of(now);
        let mut tally = Tally::new(block, tally(1, 0).profile);
        let counts = MinuteCounts { invocations: 1, ..MinuteCounts::default() };
        tally.minutes.insert(block.minute(now), counts);
        tally.completed(Duration::from_millis(20));
        let written = tally.encode();
        self.say(number, (Fact::Tally(&written), schema::tally_sk(incarnation(1))), now).await;
    }

    /// All of them time out within a minute, while sweeps come by; later all succeed, and it is quiet.
    async fn happens(self, functions: usize) {
        let numbers: Vec<usize> = (0..functions).collect();
        let mut now = dusk();
        for part in numbers.chunks(functions.div_ceil(6)) {
            let acts: Vec<_> = part
                .iter()
                .map(|it| {
                    let passed = u64::try_from(60_000 * it / functions).unwrap();
                    self.time_out(*it, dusk().plus(Duration::from_millis(passed)))
                })
                .collect();
            stream::iter(acts).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
            now = now.plus(Duration::from_secs(10));
            self.sweep.sweep(now).await.unwrap();
        }
        for seconds in [10, 300, 60] {
            now = now.plus(Duration::from_secs(seconds));
            self.sweep.sweep(now).await.unwrap();
        }
        let acts: Vec<_> = numbers.iter().map(|it| self.succeed(*it, now)).collect();
        stream::iter(acts).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
        for minutes in [5, 6, 5, 1] {
            now = now.plus(Duration::from_mins(minutes));
            self.sweep.sweep(now).await.unwrap();
        }
    }
}

async fn configure(store: &Store) {
    let channel = json!({"id": "default", "name": "Default",
        "kind": {"eventbridge": {"bus": "default"}}});
    let entity = Kind::Channel.read(&channel, Some(dusk())).unwrap();
    let (kind, id) = (entity.kind(), entity.id().clone());
    let change = Change { kind, id, to: Some(entity), expects: Expects::Nothing };
    store.change(&[change], None, By { author: "me", at: dusk() }).await.unwrap();
}

#[test]
fn everything_failing_within_a_minute_is_one_incident() {
    let functions = functions();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let engine = engine();
    let switch = Switch::new(engine.clone(), 1);
    switch.freshen();
    let store = Store::new(switch.client(0)).with_chance(|| 0);
    let evaluator = Evaluator { store: store.clone(), console: String::new() };
    let paced = Paced::new(evaluator, Budget::default());
    let sweep = Sweep { store: store.clone(), console: String::new(), clock: dusk };
    let flood = Flood { store: store.clone(), paced, sweep };
    runtime.block_on(async {
        let happening = tokio::spawn(async move {
            configure(&store).await;
            flood.happens(functions).await;
        });
        switch.count();
        while !happening.is_finished() {
            switch.let_one_through();
            tokio::task::yield_now().await;
        }
        happening.await.unwrap();
    });
    let state = dump(&engine, STATE);
    morning::check(&state, &switch.enqueued(), (1, &[]));
    let mut told: Vec<Dispatch> = Vec::new();
    for (_, item) in state.iter().filter(|(key, _)| key.starts_with("O#")) {
        told.push(serde_json::from_str(item["v"]["S"].as_str().unwrap()).unwrap());
    }
    told.sort_by(|one, other| one.notification.at.cmp(&other.notification.at));
    let transitions: Vec<_> = told.iter().map(|it| it.notification.transition).collect();
    // An update says how many they became.
    assert_eq!(transitions, [Transition::Firing, Transition::Update, Transition::Resolved]);
    for it in &told {
        assert_eq!(it.notification.subscription.id, "fleet-incident");
    }
    let update = &told[1].notification;
    let all = u64::try_from(functions).unwrap();
    assert_eq!(update.stats.distinct_functions, all, "none is lost");
    assert_eq!((update.functions.len(), update.truncated_functions), (20, all - 20));
    assert_eq!(
        update.incident.as_ref().unwrap().inhibited,
        all,
        "and none of them is told of alone"
    );

    // Of each function: that it is a member, and that it is no more; nobody waits for another.
    let (said, stepped, steps) =
        (switch.counted("Put G#"), switch.counted("Put G#-"), switch.counted("Query G#"));
    println!("{functions} functions: {said} parts, {steps} steps, {stepped} of them written");
    assert!(said <= 2 * functions, "{said} parts were written");
    assert!(stepped <= 30, "the group was written {stepped} times");
    assert!(steps <= 60, "the group was read {steps} times");
}
