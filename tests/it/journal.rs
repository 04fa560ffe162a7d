//! What one process could not say, the next one says: real processes, killed and reset, with one `/tmp`.

mod unwritable;

use std::{collections::BTreeMap, fs, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use overtime_extension::journal;
use overtime_wire::{Batch, Evidence, FactKey, Outcome as Told, RequestId, Verdict};
use sandbox::{
    Ended, Environment, Invocation, Outcome, Spec, binaries,
    proxy::{Proxy, Weather},
    spec::{Function, Initialization, Launch, Telemetry},
};
use serde_json::json;
use tokio::time::sleep;

use crate::emulator::stage::{hang, quick};
use crate::network::stage::{Server, behind_a_proxy};

const TIMEOUT: Duration = Duration::from_millis(700);

struct World {
    server: Server,
    proxy: Proxy,
    environment: Environment,
}

impl World {
    async fn start(change: impl FnOnce(Spec) -> Spec) -> Self {
        let (server, proxy) = behind_a_proxy().await;
        let function = Function::named("orders").timeout(TIMEOUT);
        let spec = Spec::new(function, Launch::program(binaries::function().unwrap()))
            .extension("overtime", binaries::extension().unwrap())
            .variable("OVERTIME_AUTH", "none")
            .variable("OVERTIME_URL", proxy.url());
        let environment = Environment::start(change(spec)).await.unwrap();
        Self { server, proxy, environment }
    }

    fn batches(&self) -> Vec<Batch> {
        self.server.came().iter().map(|it| Batch::decode(&it.body).unwrap()).collect()
    }

    /// What stands, after the merge, by key.
    fn verdicts(&self) -> BTreeMap<FactKey, Verdict> {
        let mut standing = BTreeMap::new();
        for life in self.batches().into_iter().flat_map(|it| it.incarnations) {
            for it in life.verdicts {
                let (block, incarnation, ordinal) = (it.fact.block, life.id, it.fact.ordinal);
                let key = FactKey::Verdict { block, incarnation, ordinal };
                let merged = match standing.remove(&key) {
                    Some(known) => it.merge(known),
                    None => it,
                };
                standing.insert(key, merged);
            }
        }
        standing.into_iter().map(|(key, it)| (key, it.fact)).collect()
    }

    fn journals(&self) -> usize {
        let folder = self.environment.observer().tmp().join("overtime");
        fs::read_dir(folder).map_or(0, Iterator::count)
    }

    /// Invocations told of, the lost ones, and the journals that were no journals.
    fn tallied(&self) -> (u32, u32, u32) {
        let mut standing = BTreeMap::new();
        for life in self.batches().into_iter().flat_map(|it| it.incarnations) {
            for it in life.tallies {
                let newer: &mut u32 = standing.entry((life.id, it.fact.block)).or_default();
                *newer = (*newer).max(it.fact.revision);
            }
        }
        let (mut told, mut lost, mut ignored) = (0, 0, 0);
        for life in self.batches().into_iter().flat_map(|it| it.incarnations) {
            for it in life.tallies {
                let key = (life.id, it.fact.block);
                if standing.get(&key) == Some(&it.fact.revision) {
                    standing.remove(&key);
                    told += it.fact.minutes.values().map(|it| it.invocations).sum::<u32>();
                    lost += it.fact.losses.unfinished_invocations;
                    ignored += it.fact.losses.ignored_journals;
                }
            }
        }
        (told, lost, ignored)
    }
}

fn request(id: &str) -> Option<RequestId> {
    RequestId::parse(id)
}

#[tokio::test]
async fn what_an_aggregator_that_was_down_missed_is_sent_by_the_next_process_once() {
    for weather in [Weather::Refusing, Weather::BlackHole] {
        let mut world = World::start(|it| it).await;
        world.environment.invoke(quick()).await.unwrap();
        world.proxy.set(weather).await;
        let ended = world.environment.invoke(hang()).await.unwrap();
        let teardown = ended.teardown.clone().unwrap();
        assert!(teardown.killed.is_empty(), "{teardown:?}");
        let stayed = teardown.released.duration_since(teardown.shutdown_sent.unwrap());
        assert!(stayed.as_millis() < 600, "{stayed:?}");
        assert_eq!((world.verdicts().len(), world.journals()), (0, 1));

        world.proxy.set(Weather::Clear).await;
        assert_eq!(world.environment.invoke(quick()).await.unwrap().outcome, Outcome::Success);
        world.environment.invoke(Invocation::of(json!({ "sleep_ms": 200 }))).await.unwrap();
        world.environment.spin_down().await;
        let verdicts = world.verdicts();
        assert_eq!(verdicts.len(), 1, "{verdicts:?}");
        let (key, verdict) = verdicts.first_key_value().unwrap();
        assert_eq!(verdict.request, request(&ended.request_id));
        assert!(verdict.evidence >= Evidence::Shutdown, "{verdict:?}");
        let FactKey::Verdict { incarnation, .. } = key else { panic!("{key}") };
        let batches = world.batches();
        let lives: Vec<_> = batches.iter().flat_map(|it| &it.incarnations).collect();
        let theirs = lives.iter().filter(|it| it.id == *incarnation);
        assert_eq!(theirs.clone().map(|it| it.verdicts.len()).sum::<usize>(), 1, "sent once");
        assert!(lives.iter().any(|it| it.id != *incarnation), "both lives are told of");
        assert_eq!(world.tallied(), (3, 0, 0));
        assert_eq!(world.journals(), 0);
    }
}

/// Kills the extension so long after an invocation began that never ends by itself, and goes on with two that do.
async fn killed_after(world: &mut World, after: Duration) -> Ended {
    let observer = world.environment.observer();
    let kills = tokio::spawn(async move {
        sleep(after).await;
        let pid = observer.extension_pid("overtime").unwrap();
        kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL).unwrap();
    });
    let ended = world.environment.invoke(hang()).await.unwrap();
    kills.await.unwrap();
    sleep(TIMEOUT).await;
    assert_eq!(world.environment.invoke(quick()).await.unwrap().outcome, Outcome::Success);
    world.environment.invoke(Invocation::of(json!({ "sleep_ms": 200 }))).await.unwrap();
    world.environment.spin_down().await;
    ended
}

/// There is nothing to go by but one's own clock: no telemetry, and a runtime that keeps SHUTDOWN back for 600 ms.
fn told_nothing(spec: Spec) -> Spec {
    let spec = spec.variable("FUNCTION_IGNORES_SIGTERM", "1");
    Spec { telemetry: Telemetry::Missing, ..spec }
}

#[tokio::test]
async fn what_a_killed_process_saw_overrun_its_deadline_is_recovered() {
    let mut world = World::start(told_nothing).await;
    let ended = killed_after(&mut world, TIMEOUT + Duration::from_millis(110)).await;
    assert_eq!(ended.outcome, Outcome::Timeout);
    let verdicts = world.verdicts();
    assert_eq!(verdicts.len(), 1, "{verdicts:?}");
    let verdict = verdicts.values().next().unwrap();
    assert_eq!((verdict.evidence, verdict.outcome), (Evidence::Recovered, Told::Timeout));
    assert_eq!(verdict.request, request(&ended.request_id));
    // One journal is left: nothing else knows what this environment is called.
    assert_eq!((world.tallied(), world.journals()), ((2, 0, 0), 1));
}

/// The next process begins after the deadline all the same.
#[tokio::test]
async fn what_a_killed_process_left_open_before_its_deadline_is_unfinished() {
    for telemetry in [Telemetry::Offered, Telemetry::Missing] {
        let mut world = World::start(|it| Spec { telemetry, ..it }).await;
        let ended = killed_after(&mut world, TIMEOUT / 2).await;
        assert!(matches!(ended.outcome, Outcome::Error(_)), "{ended:?}");
        assert_eq!((world.verdicts().len(), world.tallied()), (0, (2, 1, 0)));
    }
}

#[tokio::test]
async fn under_snap_start_a_journal_from_before_is_discarded() {
    let mut world =
        World::start(|it| Spec { initialization: Initialization::SnapStart, ..it }).await;
    assert_eq!(world.journals(), 0, "none is written before the first event");
    world.proxy.set(Weather::Refusing).await;
    world.environment.invoke(hang()).await.unwrap();
    assert_eq!(world.journals(), 1);
    world.proxy.set(Weather::Clear).await;
    world.environment.invoke(quick()).await.unwrap();
    world.environment.spin_down().await;
    assert_eq!((world.verdicts().len(), world.journals()), (0, 0));
}

#[tokio::test]
async fn a_foreign_file_is_ignored_counted_and_removed() {
    let mut world = World::start(|it| it).await;
    world.environment.invoke(quick()).await.unwrap();
    let folder = world.environment.observer().tmp().join("overtime");
    world.environment.invoke(hang()).await.unwrap();
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("0.journal"), b"not ours").unwrap();
    world.environment.invoke(quick()).await.unwrap();
    world.environment.spin_down().await;
    assert_eq!((world.tallied(), world.journals()), ((2, 0, 1), 0));
}

/// However often it crashes, the aggregator hears of it once a minute, and of every crash.
#[tokio::test]
async fn a_crash_loop_is_told_of_once_a_minute_and_lost_is_none_of_it() {
    let mut world = World::start(|it| it).await;
    for _ in 0..5 {
        let ended = world.environment.invoke(Invocation::of(json!({ "exit": 1 }))).await.unwrap();
        assert_eq!(ended.outcome, Outcome::Error("Runtime.ExitError".to_owned()));
    }
    let requests = world.server.came().len();
    assert!(requests <= 2, "{requests} requests of five crashes");
    assert!(world.journals() > 0);
    world.environment.invoke(quick()).await.unwrap();
    world.environment.spin_down().await;
    assert_eq!((world.tallied(), world.journals()), ((6, 0, 0), 0));
    let batches = world.batches();
    let lives = batches.iter().flat_map(|it| &it.incarnations);
    let tallies: BTreeMap<_, _> =
        lives.flat_map(|it| it.tallies.iter().map(|tally| (it.id, tally.fact.clone()))).collect();
    let exits = tallies.values().flat_map(|it| it.minutes.values()).map(|it| it.exits);
    assert_eq!(exits.sum::<u32>(), 5);
}

/// An environment that crashes a few times and is never invoked again: what was not told stands in its journal.
#[tokio::test]
async fn a_crash_loop_that_ends_in_silence_leaves_every_crash_told_or_written_down() {
    let mut world = World::start(|it| it).await;
    for _ in 0..4 {
        world.environment.invoke(Invocation::of(json!({ "exit": 1 }))).await.unwrap();
    }
    world.environment.spin_down().await;
    assert!(world.server.came().len() <= 2);
    let told = world.batches().into_iter().flat_map(|it| it.incarnations).flat_map(|life| {
        life.tallies.into_iter().map(move |it| ((life.id, it.fact.block), it.fact))
    });
    let mut tallies: BTreeMap<_, _> = told.collect();
    let folder = world.environment.observer().tmp().join("overtime");
    for file in fs::read_dir(folder).unwrap() {
        let journal = journal::decode(&fs::read(file.unwrap().path()).unwrap()).unwrap();
        for fact in journal.facts {
            if let journal::Said::Tally(it) = fact.said {
                tallies.insert((fact.incarnation, it.fact.block), it.fact);
            }
        }
    }
    let minutes = tallies.values().flat_map(|it| it.minutes.values());
    assert_eq!(minutes.map(|it| it.exits).sum::<u32>(), 4);
}
