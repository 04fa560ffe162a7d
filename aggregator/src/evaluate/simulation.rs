//! Several processes evaluate what comes in, in every order there is, and die in the middle of it.
//!
//! Facts are written while evaluators that know nothing of each other take records of the stream: in any order, twice, in
//! batches, late. Every single call to the table is an event, and a seed decides which happens next, who dies before or after
//! its call was done, and which eventually consistent reads see the past. What a dead process had not acknowledged comes again.
//!
//! In the end the table holds, to the byte, what one evaluation of each block makes of the same facts, and its totals are what the
//! facts come to without any table. `SIMULATION_SEED` repeats a single seed; a failure names it.

mod story;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use dynoxide::Database;
use overtime_wire::{Counts, EpochMillis};
use serde_json::{Value, json};

use self::story::{Said, story, truth};
use super::{
    Evaluator,
    damper::Budget,
    paced::{Paced, Record},
};
use crate::{
    domain::{
        fact::Job,
        fleet::{FleetHour, totals},
        hour::Hour,
    },
    store::{
        Store, StoreError,
        laboratory::{
            at,
            switch::{
                Dice, Switch,
                play::{Cast, dump, engine, play},
            },
        },
        schema::{self, FACTS, STATE},
    },
};

/// How many seeds are run.
const SEEDS: u64 = 200;
/// One seed in so many looks at the fleet's totals, which take as many calls as all the rest.
const SEEDS_PER_TOTAL: u64 = 5;
/// How many processes evaluate at the same time.
const EVALUATORS: usize = 3;
/// Calls between two deaths, on average.
const CALLS_PER_DEATH: usize = 60;
/// Most deaths, so that it ends.
const DEATHS_MAX: usize = 6;

/// Something to be done by whoever is free.
#[derive(Debug, Clone)]
enum Task {
    /// Write a fact. Its record is in the stream once it is written, perhaps twice.
    Write(usize),
    Evaluate(Vec<Record>),
    /// Look for what is due so many minutes from now.
    Wake(u64),
    Total,
}

/// What is to be done, and who does what.
#[derive(Debug)]
struct Desk {
    open: Vec<Task>,
    taken: BTreeMap<usize, Task>,
    dice: Dice,
    /// Whether anybody looks at the fleet's totals.
    totals: bool,
}

#[derive(Debug, Clone)]
struct World {
    story: Arc<Vec<Said>>,
    desk: Arc<Mutex<Desk>>,
    switch: Switch,
}

/// One life of a process: it knows nothing but what is in the table and on the desk.
async fn live(world: World, process: usize) {
    let store = Store::new(world.switch.client(process)).with_environment(true);
    let evaluator = Evaluator { store: store.clone(), console: String::new() };
    // Nearly everything is a storm, so that much is put off.
    let budget = Budget { burst: 1, token_every: Duration::from_secs(10), ..Budget::default() };
    let paced = Paced::new(evaluator, budget);
    while let Some(task) = world.take(process) {
        let failed = match &task {
            Task::Write(at) => {
                let said = &world.story[*at];
                store.record(said.author(), said.fact(), now()).await.is_err()
            }
            Task::Evaluate(records) => !paced.records(records, now()).await.failed.is_empty(),
            Task::Wake(minutes) => {
                paced.wake(now().plus(Duration::from_mins(*minutes))).await.is_err()
            }
            Task::Total => total(&store).await.is_err(),
        };
        world.put_back(process, failed);
    }
}

fn now() -> EpochMillis {
    at(2 * 3_600_000)
}

async fn total(store: &Store) -> Result<usize, StoreError> {
    let rows = store.fleet().await?;
    let this = Hour::of(now());
    let totals = totals(&rows, this.minus(26), this.plus(1));
    for it in &totals {
        store.put_total(it).await?;
    }
    Ok(totals.len())
}

impl World {
    /// A task for a process, from anywhere on the desk.
    fn take(&self, process: usize) -> Option<Task> {
        let mut desk = self.desk.lock().unwrap();
        let count = desk.open.len();
        let at = (count > 0).then(|| desk.dice.below(count))?;
        let task = desk.open.swap_remove(at);
        desk.taken.insert(process, task.clone());
        Some(task)
    }

    /// The task is done, or comes again.
    fn put_back(&self, process: usize, failed: bool) {
        let mut desk = self.desk.lock().unwrap();
        let Some(task) = desk.taken.remove(&process) else { return };
        if failed {
            desk.open.push(task);
        } else if let Task::Write(at) = task {
            let record = record(&self.story[at], at);
            let copies = 1 + usize::from(desk.dice.once_in(3));
            for _ in 0..copies {
                let joined = desk.dice.once_in(3);
                match desk.open.iter_mut().find_map(|it| match it {
                    Task::Evaluate(records) if joined => Some(records),
                    Task::Evaluate(_) | Task::Write(_) | Task::Wake(_) | Task::Total => None,
                }) {
                    Some(records) => records.push(record.clone()),
                    None => desk.open.push(Task::Evaluate(vec![record.clone()])),
                }
            }
            let more = match desk.dice.below(8) {
                0 if desk.totals => Some(Task::Total),
                1..5 => Some(Task::Wake(1)),
                _ => None,
            };
            desk.open.extend(more);
        }
    }

    /// Runs until everything on the desk is done.
    async fn run(&self, dice: &mut Dice, deaths: usize) {
        let cast = Cast { most: EVALUATORS, deaths, calls_per_death: CALLS_PER_DEATH };
        let is_work = || !self.desk.lock().unwrap().open.is_empty();
        let bear = |process| tokio::spawn(live(self.clone(), process));
        let bury = |process| self.put_back(process, true);
        play(&self.switch, dice, cast, (is_work, bear, bury)).await;
    }
}

/// The record that the stream has of a fact.
fn record(said: &Said, at: usize) -> Record {
    let shard = schema::fact_shard(said.incarnation);
    let sk = match &said.what {
        story::What::Tally(_) => schema::tally_sk(said.incarnation),
        story::What::Verdict(it) => schema::verdict_sk(said.incarnation, it.fact.ordinal),
    };
    let pk = schema::facts_pk(&said.function, said.block(), shard);
    Record { sequence: at.to_string(), pk, sk, removed: false }
}

/// What one evaluation of each block makes of the facts that stand.
async fn evaluated_once(facts: &BTreeMap<String, Value>, totals: bool) -> BTreeMap<String, Value> {
    let engine = engine();
    for item in facts.values() {
        let put = json!({"TableName": FACTS, "Item": item});
        engine.put_item(serde_json::from_value(put).unwrap()).unwrap();
    }
    let switch = Switch::new(engine.clone(), 0);
    switch.freshen();
    let store = Store::new(switch.client(0)).with_environment(true);
    let evaluator = Evaluator { store: store.clone(), console: String::new() };
    let mut blocks: Vec<_> =
        facts.values().filter_map(|it| schema::parse_facts_pk(it["pk"]["S"].as_str()?)).collect();
    blocks.sort();
    blocks.dedup();
    let evaluating = tokio::spawn(async move {
        for (function, block) in blocks {
            let job = Job { function, block, tallies: true, verdicts: true };
            evaluator.evaluate(&job, now()).await.unwrap();
        }
        if totals {
            total(&store).await.unwrap();
        }
    });
    while !evaluating.is_finished() {
        switch.let_one_through();
        tokio::task::yield_now().await;
    }
    evaluating.await.unwrap();
    dump(&engine, STATE)
}

/// What readers see: alerts and messages depend on when they were evaluated, which days have had timeouts only says where to look,
/// and a log tail is there when its entry says so.
fn seen(mut state: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let tails: Vec<_> = state
        .iter()
        .filter(|(key, it)| key.starts_with("V#") && it.get("l").is_some())
        .map(|(key, _)| key.replacen('V', "L", 1))
        .collect();
    state.retain(|key, _| match &key[..2] {
        "A#" | "O#" | "D#" | "W#" => false,
        "L#" => tails.contains(key),
        _ => true,
    });
    state
}

/// Puts a fact that is nothing into a block that others are in.
fn poison(engine: &Database, beside: &Said) -> Record {
    let sk = "V#00000000000000000000000000000063#0000000001".to_owned();
    let record = Record { sk, ..record(beside, usize::MAX) };
    let item = json!({"pk": {"S": record.pk}, "sk": {"S": record.sk}, "b": {"B": "/w=="}, "w": {"N": "1"}});
    let put = json!({"TableName": FACTS, "Item": item});
    engine.put_item(serde_json::from_value(put).unwrap()).unwrap();
    record
}

async fn simulate(seed: u64) {
    let mut dice = Dice::new(seed);
    let story = Arc::new(story(&mut dice));
    let engine = engine();
    let switch = Switch::new(engine.clone(), seed ^ 0xA5A5);
    let mut open: Vec<_> = (0..story.len()).map(Task::Write).collect();
    if dice.once_in(4) {
        let record = poison(&engine, &story[0]);
        open.push(Task::Evaluate(vec![record]));
    }
    let totals = seed.is_multiple_of(SEEDS_PER_TOTAL);
    let desk = Desk { open, taken: BTreeMap::new(), dice: Dice::new(!seed), totals };
    let world = World { story: story.clone(), desk: Arc::new(Mutex::new(desk)), switch };
    world.run(&mut dice, DEATHS_MAX).await;
    // What was put off is due, and a sweep that sees everything follows.
    world.switch.freshen();
    // What was put off again during its evaluation is due a little later.
    let last = [Some(Task::Wake(2)), Some(Task::Wake(3)), totals.then_some(Task::Total)];
    for last in last.into_iter().flatten() {
        world.desk.lock().unwrap().open.push(last);
        world.run(&mut dice, 0).await;
    }
    let state = dump(&engine, STATE);
    let waking = state.iter().filter(|(key, it)| key.starts_with("W#") && it.get("due").is_some());
    assert_eq!(waking.count(), 0, "seed {seed}: something is still put off");
    let expected = evaluated_once(&dump(&engine, FACTS), totals).await;
    let (state, expected) = (seen(state), seen(expected));
    for key in state.keys().chain(expected.keys()) {
        assert_eq!(state.get(key), expected.get(key), "seed {seed}: {key}");
    }
    if totals {
        let mut counted = Counts::default();
        for total in state.iter().filter(|(key, _)| key.starts_with("T#")).map(|(_, it)| it) {
            let view: FleetHour = serde_json::from_str(total["v"]["S"].as_str().unwrap()).unwrap();
            counted += view.counts.0;
        }
        assert_eq!(counted, truth(&story), "seed {seed}");
    }
}

fn run(seeds: impl Iterator<Item = u64>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for seed in seeds {
        runtime.block_on(simulate(seed));
    }
}

#[test]
fn every_interleaving_and_every_death_end_in_the_same_views() {
    if let Ok(seed) = std::env::var("SIMULATION_SEED") {
        return run(std::iter::once(seed.parse().unwrap()));
    }
    // Each seed is a world of its own, so they need not wait for each other.
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for first in 0..threads {
            scope.spawn(move || run((0..SEEDS).skip(first).step_by(threads)));
        }
    });
}
