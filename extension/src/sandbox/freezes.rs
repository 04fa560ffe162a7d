//! A platform that freezes, and a record of everything that really happened: no claim of ours survives that is not true.
//!
//! Invocations follow each other; each answers, fails or overruns. As soon as one has answered the environment stands still
//! until the next event, whatever was to be delivered meanwhile; whoever thaws may look at the clock before or after it
//! reads the event. Records come late, twice, out of order, or never.

use std::time::Duration;

use overtime_wire::{EpochMillis, Evidence, Outcome};
use proptest::{collection::vec, prelude::*};

use super::{
    Held, Sandbox,
    script::{Heard, START, apply, run, sandbox},
};

const TIMEOUT_MS: u64 = 3_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Answered,
    Crashed,
    OutOfMemory,
    TimedOut,
}

/// One invocation, and what becomes of the word about it.
#[derive(Debug, Clone)]
struct Turn {
    end: End,
    took_ms: u64,
    /// Until the environment is frozen: the others have asked for the next event already.
    awake_ms: u64,
    frozen_ms: u64,
    /// How often `start`, `runtimeDone` and `report` are posted, and how late.
    posts: [(u8, u64); 3],
    /// Whether the thawed process looks at the clock before it reads what came.
    looks_first: bool,
    /// Steps by which a starved process is late.
    starved_ms: u64,
}

fn turn() -> impl Strategy<Value = Turn> {
    let end = prop_oneof![6 => Just(End::Answered), 1 => Just(End::Crashed), 1 => Just(End::OutOfMemory), 2 => Just(End::TimedOut)];
    // Close to the deadline is where mistakes are made.
    let took = prop_oneof![0u64..TIMEOUT_MS, 2_800u64..TIMEOUT_MS];
    let post = (0u8..3, 25u64..400);
    (
        end,
        took,
        0u64..20,
        prop_oneof![0u64..700, 700u64..90_000],
        [post.clone(), post.clone(), post],
        any::<bool>(),
        0u64..60,
    )
        .prop_map(|(end, took_ms, awake_ms, frozen_ms, posts, looks_first, starved_ms)| Turn {
            end,
            took_ms: if end == End::TimedOut { TIMEOUT_MS } else { took_ms },
            awake_ms,
            frozen_ms,
            posts,
            looks_first,
            starved_ms,
        })
}

/// The world around one process: when it is, what is under way to it, and what the aggregator has heard.
struct World {
    sandbox: Sandbox,
    now: u64,
    /// Posts under way: when each arrives.
    posts: Vec<(u64, String)>,
    heard: Heard,
    ranks: std::collections::BTreeMap<u32, overtime_wire::Rank>,
}

impl World {
    fn at(&self) -> EpochMillis {
        START.plus(Duration::from_millis(self.now))
    }

    fn tell(&mut self, what: &str) {
        apply(
            &mut self.sandbox,
            &format!("{:.3} {what}", Duration::from_millis(self.now).as_secs_f64()),
        );
        self.hear();
    }

    fn hear(&mut self) {
        if self.sandbox.holdings().verdicts == Held::Fresh {
            let now = self.at();
            self.heard.hear(&mut self.sandbox, now);
            for (ordinal, verdict) in &self.heard.verdicts {
                let before = self.ranks.insert(ordinal.0, verdict.rank);
                assert!(before.is_none_or(|it| it <= verdict.rank), "a fact lost rank");
            }
        }
    }

    /// Runs on, awake for every post and every time it asked for, each late by as much as it is starved.
    fn run(&mut self, until: u64, starved: u64) {
        while self.now < until {
            let here = self.at();
            let wake = self
                .sandbox
                .watch(here)
                .wake
                .map(|it| u64::try_from(it.0 - START.0).unwrap() + starved);
            self.hear();
            let post = self.posts.iter().map(|it| it.0).min();
            let next = wake.into_iter().chain(post).chain([until]).min().unwrap();
            self.now = next.max(self.now + 1).min(until);
            self.deliver();
        }
        let here = self.at();
        let _ = run(&mut self.sandbox, here, here);
        self.hear();
    }

    /// Everything that has arrived by now, in order of arrival.
    fn deliver(&mut self) {
        self.posts.sort_by_key(|it| it.0);
        let due = self.posts.iter().take_while(|it| it.0 <= self.now).count();
        for (_, post) in self.posts.drain(..due).collect::<Vec<_>>() {
            self.tell(&post);
        }
    }

    /// The platform hands out an event after a while in which nobody ran.
    fn thaw(&mut self, event: &str, looks_first: bool) {
        if looks_first {
            let here = self.at();
            self.sandbox.watch(here);
            self.hear();
        }
        self.tell(event);
    }

    fn post(&mut self, name: &str, turn: &Turn, begun: u64) {
        let status = match turn.end {
            End::Answered => "success",
            End::Crashed => "error:Runtime.ExitError",
            End::OutOfMemory => "error:Runtime.OutOfMemory",
            End::TimedOut => "timeout",
        };
        let ended = begun + turn.took_ms;
        let records = [("start", begun), ("done", ended), ("report", ended + 10)];
        for ((verb, generated), (times, late)) in records.into_iter().zip(turn.posts) {
            let own = Duration::from_millis(generated).as_secs_f64();
            for again in 0..u64::from(times) {
                let text = format!("{verb} {name} {status} {} @{own:.3}", turn.took_ms);
                self.posts.push((generated + late + again, text));
            }
        }
    }
}

/// Plays the turns up to the first that is not survived, and returns the world with what really happened.
fn live(turns: &[Turn], hears: bool) -> (World, Vec<End>) {
    let mut world = World {
        sandbox: sandbox("on-demand", hears),
        now: 0,
        posts: Vec::new(),
        heard: Heard::default(),
        ranks: std::collections::BTreeMap::new(),
    };
    let mut ends = Vec::new();
    for (index, turn) in turns.iter().enumerate() {
        let (name, begun) = (format!("r{index}"), world.now);
        world.thaw(&format!("invoke {name} 3"), turn.looks_first);
        world.deliver();
        if hears {
            world.post(&name, turn, begun);
        }
        ends.push(turn.end);
        match turn.end {
            End::Answered => {
                world.run(begun + turn.took_ms + turn.awake_ms, turn.starved_ms);
                world.now += turn.frozen_ms;
            }
            End::Crashed | End::OutOfMemory | End::TimedOut => {
                // A runtime deaf to SIGTERM keeps SHUTDOWN back.
                world.run(begun + turn.took_ms + turn.frozen_ms.min(600), turn.starved_ms);
                let reason = if turn.end == End::TimedOut { "timeout" } else { "failure" };
                world.tell(&format!("shutdown {reason}"));
                world.run(world.now + 60, 0);
                world.tell("give-up");
                return (world, ends);
            }
        }
    }
    world.thaw("shutdown spindown", true);
    world.run(world.now + 60, 0);
    world.tell("give-up");
    (world, ends)
}

proptest! {
    /// Whatever freezes when: what the platform did is what is told, and what was claimed too early is taken back.
    #[test]
    fn no_claim_survives_that_is_not_true(turns in vec(turn(), 1..12), hears: bool) {
        let (mut world, ends) = live(&turns, hears);
        let now = world.at();
        world.heard.hear(&mut world.sandbox, now);
        let counts = world.heard.counts();
        let timed_out = ends.iter().filter(|it| **it == End::TimedOut).count() as u64;
        prop_assert_eq!(counts.timeouts, timed_out, "{}", world.heard.lines);
        prop_assert_eq!(counts.invocations, ends.len() as u64, "{}", world.heard.lines);
        for verdict in world.heard.verdicts.values() {
            let retracted = verdict.fact.outcome == Outcome::Success;
            prop_assert!(!retracted || matches!(verdict.fact.evidence, Evidence::Deadline | Evidence::Report));
        }
    }

    /// A process that was never kept from running and froze after each answer claims nothing that it must take back.
    #[test]
    fn a_thaw_of_a_second_or_more_is_never_mistaken(turns in vec(turn(), 1..12), hears: bool) {
        let turns: Vec<_> = turns
            .into_iter()
            .filter(|it| it.end == End::Answered)
            .map(|it| Turn { frozen_ms: it.frozen_ms + 1_000, ..it })
            .collect();
        let (world, _) = live(&turns, hears);
        prop_assert_eq!(&world.heard.lines, "");
    }
}
