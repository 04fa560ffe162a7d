//! A night of alerts: several processes evaluate and sweep at the same time, in every order there is, and die in the middle of it.
//!
//! Functions time out, recover and are corrected while subscriptions of every shape watch them, silences begin and end, and what is
//! too much at once becomes an incident. Time passes only when the seed says so, every single call to the table is an event, and
//! whoever dies leaves his work to others.
//!
//! In the morning all is quiet, and then: each message was put into the outbox once; what was told was resolved once, or still
//! fires; nothing that would wake somebody was told under a silence; what an incident held back and outlived it was told; each stretch
//! of an alert is remembered once, and as over only if it is.
//! `SIMULATION_SEED` repeats a single seed; a failure names it.

mod flood;
mod morning;
mod night;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use overtime_wire::EpochMillis;
use serde_json::Value;
use tokio::runtime::Runtime;

use self::night::{Night, Task};
use crate::{
    domain::configuration::Silence,
    evaluate::{Evaluator, damper::Budget, paced::Paced},
    store::{
        Store,
        facts::Author,
        laboratory::{
            at,
            switch::{
                Dice, Switch,
                play::{Cast, dump, engine, play},
            },
        },
        schema::STATE,
    },
    sweep::Sweep,
};

/// How many seeds are run.
const SEEDS: u64 = 24;
/// How many processes work at the same time.
const PROCESSES: usize = 3;
/// Calls between two deaths, on average, and most deaths.
const CALLS_PER_DEATH: usize = 80;
const DEATHS_MAX: usize = 8;

#[derive(Debug, Clone)]
struct World {
    night: Arc<Mutex<Night>>,
    switch: Switch,
}

/// One life of a process: it knows nothing but what is in the table and what it is told to do.
async fn live(world: World, process: usize) {
    let store = world.store(process);
    let evaluator = Evaluator { store: store.clone(), console: String::new() };
    let paced = Paced::new(evaluator, Budget::default());
    let sweep = Sweep { store: store.clone(), console: String::new(), clock: || at(0) };
    loop {
        let taken = world.night.lock().unwrap().take(process);
        let Some((task, now)) = taken else { return };
        let failed = match &task {
            Task::Say(said) => {
                let author = Author { function: &said.function, incarnation: said.incarnation };
                let written = said.written(now);
                store.record(author, written.fact(), now).await.is_err()
            }
            Task::Evaluate(record) => {
                !paced.records(std::slice::from_ref(record), now).await.failed.is_empty()
            }
            Task::Sweep => {
                let swept = sweep.sweep(now).await.is_err();
                swept || paced.wake(now).await.is_err()
            }
            Task::Pass(_) => false,
        };
        world.night.lock().unwrap().put_back(process, failed);
    }
}

impl World {
    /// The way of a process to the table. Nobody pauses between tries: who comes next is the switch's to say, and no clock's.
    fn store(&self, process: usize) -> Store {
        Store::new(self.switch.client(process)).with_chance(|| 0)
    }

    /// Runs until everything that is to be done is.
    async fn run(&self, dice: &mut Dice, deaths: usize) {
        let cast = Cast { most: PROCESSES, deaths, calls_per_death: CALLS_PER_DEATH };
        let is_work = || self.night.lock().unwrap().is_work();
        let bear = |process| tokio::spawn(live(self.clone(), process));
        let bury = |process| self.night.lock().unwrap().put_back(process, true);
        play(&self.switch, dice, cast, (is_work, bear, bury)).await;
    }

    /// Has something done while nothing else happens.
    async fn alone<T: Send + 'static>(&self, act: impl Future<Output = T> + Send + 'static) -> T {
        let acting = tokio::spawn(act);
        while !acting.is_finished() {
            self.switch.let_one_through();
            tokio::task::yield_now().await;
        }
        acting.await.unwrap()
    }
}

/// What is there after a night.
#[derive(Debug, PartialEq)]
struct Left {
    state: BTreeMap<String, Value>,
    enqueued: Vec<String>,
    silences: Vec<Silence>,
}

async fn simulate(seed: u64) -> Left {
    let mut dice = Dice::new(seed);
    let engine = engine();
    let switch = Switch::new(engine.clone(), seed ^ 0xA5A5);
    let night = Arc::new(Mutex::new(Night::new(&mut dice, !seed)));
    let world = World { night: Arc::clone(&night), switch };
    let store = world.store(0);
    let configured = night.lock().unwrap().configuration();
    world.alone(async move { night::configure(&store, &configured).await }).await;
    world.run(&mut dice, DEATHS_MAX).await;
    // The sun rises: everybody sees everything, and whatever can recover does.
    world.switch.freshen();
    for _ in 0..morning::HOURS {
        night.lock().unwrap().quiet_hour();
        world.run(&mut dice, 0).await;
    }
    // What an incident held back until now is looked at again.
    for _ in 0..3 {
        night.lock().unwrap().sweep();
        world.run(&mut dice, 0).await;
    }
    let silences = night.lock().unwrap().silences.clone();
    let enqueued = world.switch.enqueued();
    Left { state: dump(&engine, STATE), enqueued, silences }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

fn run(seeds: impl Iterator<Item = u64>) -> morning::Seen {
    let runtime = runtime();
    let mut seen = morning::Seen::default();
    for seed in seeds {
        let Left { state, enqueued, silences } = runtime.block_on(simulate(seed));
        seen.add(&morning::check(&state, &enqueued, (seed, &silences)));
    }
    seen
}

#[test]
fn what_a_night_owes_is_told_once_and_nothing_is_lost() {
    if let Ok(seed) = std::env::var("SIMULATION_SEED") {
        run(std::iter::once(seed.parse().unwrap()));
        return;
    }
    // Each seed is a world of its own, so they need not wait for each other.
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut seen = morning::Seen::default();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..threads)
            .map(|first| scope.spawn(move || run((0..SEEDS).skip(first).step_by(threads))))
            .collect();
        for run in runs {
            seen.add(&run.join().unwrap());
        }
    });
    seen.is_worth_something();
}

/// Whoever repeats a seed to look into what failed must see it fail.
#[test]
fn a_seed_is_the_same_night_whenever_it_is_played() {
    for seed in [3, 17] {
        let [first, again] = [(), ()].map(|()| runtime().block_on(simulate(seed)));
        assert!(first.state.len() > 20, "{}", first.state.len());
        assert_eq!(first.enqueued, again.enqueued, "seed {seed}");
        let other = first.state.iter().find(|(key, it)| again.state.get(*key) != Some(it));
        assert_eq!(other, None, "seed {seed}");
        assert_eq!(first, again, "seed {seed}");
    }
}

/// When the night begins.
fn dusk() -> EpochMillis {
    at(0)
}
