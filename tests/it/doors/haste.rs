//! A door whose time runs out: it stops before Lambda kills it, says what is left, and loses nothing.

use std::time::Duration;

use overtime::domain::{fact::Job, hour::Hour};
use overtime_wire::{Batch, Block};
use sandbox::door::{Door, Taken};
use sandbox::inbox::Answer;
use serde_json::{Value, json};

use super::events::{answered, ask, message, no_failures, now, post, sent, timeout_of};
use super::saboteur::{Saboteur, Trick};
use super::stage::World;

/// Half of it is for work.
const SHORT: Duration = Duration::from_secs(3);
/// What a deliverer that was cut short keeps others away for.
const LEASE: Duration = Duration::from_secs(45);

/// A world in which requests to the tables may be swallowed on their way.
struct Quagmire {
    world: World,
    saboteur: Saboteur,
}

impl Quagmire {
    async fn start() -> Self {
        let world = World::start().await;
        let saboteur = Saboteur::before(world.endpoint()).await;
        Self { world, saboteur }
    }

    /// A door in a hurry.
    async fn open(&self, door: &str) -> Door {
        let tables = [("AWS_ENDPOINT_URL_DYNAMODB", self.saboteur.url())];
        self.world.open_for(SHORT, door, &tables).await
    }
}

fn named(identifier: &Value) -> Value {
    json!({ "batchItemFailures": [{ "itemIdentifier": identifier }] })
}

/// "Evaluate what this batch has changed."
fn job_of(batch: &Batch) -> Job {
    let block = Block::of(batch.sent);
    Job { function: batch.function.clone(), block, tallies: false, verdicts: true }
}

async fn said_to_be_late(door: &Door) -> bool {
    let lines = door.lines().await;
    lines.iter().any(|it| it["error"] == "the invocation's time is over" && it["level"] == "ERROR")
}

#[tokio::test(flavor = "multi_thread")]
async fn evaluate_acknowledges_what_is_done_and_names_the_rest() {
    let quagmire = Quagmire::start().await;
    let Quagmire { world, saboteur } = &quagmire;
    for name in ["orders", "cursed"] {
        world.record(&timeout_of(name)).await;
    }
    let event = world.changes().await;
    let records = event["Records"].as_array().unwrap();
    let cursed = records.iter().find(|it| it.to_string().contains("#cursed#")).unwrap();
    saboteur.play(Trick::Swallow, "cursed");
    let evaluate = quagmire.open("evaluate").await;
    let pid = evaluate.pid().await;

    let answer = answered(evaluate.take(event.clone()).await.unwrap());
    assert_eq!(answer, named(&cursed["dynamodb"]["SequenceNumber"]));
    assert!(said_to_be_late(&evaluate).await, "{:?}", evaluate.lines().await);
    assert_eq!(world.queues.receive(&world.deliver).await.unwrap().len(), 1, "the other is told");

    saboteur.rest();
    assert_eq!(answered(evaluate.take(event).await.unwrap()), no_failures());
    assert_eq!(world.queues.receive(&world.deliver).await.unwrap().len(), 1);
    assert_eq!(evaluate.pid().await, pid, "the same process has answered all of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluation_that_was_put_off_stays_so_until_there_is_time() {
    let quagmire = Quagmire::start().await;
    let Quagmire { world, saboteur } = &quagmire;
    let mut messages = Vec::new();
    for name in ["orders", "cursed"] {
        let batch = timeout_of(name);
        world.record(&batch).await;
        let job = job_of(&batch);
        world.store.put_wake(&job, now()).await.unwrap();
        let wake = json!({
            "account": job.function.account.to_string(),
            "region": "eu-west-1",
            "function": name,
            "block": job.block.number(),
            "tallies": false,
            "verdicts": true,
        });
        messages.push((message(name, &wake.to_string()), job));
    }
    let event = json!({ "Records": messages.iter().map(|(it, _)| it).collect::<Vec<_>>() });
    saboteur.play(Trick::Swallow, "cursed");
    let evaluate = quagmire.open("evaluate").await;
    assert_eq!(answered(evaluate.take(event.clone()).await.unwrap()), named(&json!("cursed")));
    let waiting = async |at: usize| world.store.wakes_of(&messages[at].1).await.unwrap().len();
    assert_eq!((waiting(0).await, waiting(1).await), (0, 1));

    saboteur.rest();
    assert_eq!(answered(evaluate.take(event).await.unwrap()), no_failures());
    assert_eq!(waiting(1).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn deliver_names_a_message_whose_receiver_is_silent_and_keeps_it() {
    let quagmire = Quagmire::start().await;
    let world = &quagmire.world;
    world.record(&timeout_of("orders")).await;
    let evaluate = world.open("evaluate").await;
    assert_eq!(answered(evaluate.take(world.changes().await).await.unwrap()), no_failures());
    let messages = world.queues.receive(&world.deliver).await.unwrap();
    assert_eq!(messages.len(), 1);

    world.inbox.answer_next(Answer::Silence);
    let deliver = quagmire.open("deliver").await;
    let pid = deliver.pid().await;
    let answer = answered(deliver.take(messages.event.clone()).await.unwrap());
    assert_eq!(answer, named(&messages.event["Records"][0]["messageId"]));
    assert!(said_to_be_late(&deliver).await, "{:?}", deliver.lines().await);
    assert_eq!(world.inbox.deliveries().len(), 1);
    // Nobody sends it twice at the same time, and when the lease is over the sweep finds it.
    let due = |at| world.store.due_entries(at, 10);
    assert!(due(now()).await.unwrap().is_empty());
    assert_eq!(due(now().plus(LEASE)).await.unwrap().len(), 1);
    assert_eq!(deliver.pid().await, pid);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_while_the_tables_are_silent() {
    let quagmire = Quagmire::start().await;
    let Quagmire { world, saboteur } = &quagmire;
    let (ingest, console) = (quagmire.open("ingest").await, quagmire.open("console").await);
    let batch = sent(&timeout_of("orders"));
    saboteur.play(Trick::Swallow, "");
    let answer = answered(ingest.take(batch.clone()).await.unwrap());
    assert_eq!(answer["statusCode"], 503, "{answer}");
    assert!(answer["headers"]["retry-after"].is_string(), "{answer}");
    assert!(said_to_be_late(&ingest).await, "{:?}", ingest.lines().await);
    let (status, body) = post(&console, ask("/api/v1/timeouts")).await;
    assert!(status == 503 && body.contains("no time left"), "{status} {body}");

    saboteur.rest();
    assert_eq!(post(&ingest, batch).await.0, 200);
    assert_eq!(world.changes().await["Records"].as_array().unwrap().len(), 1);
    assert_eq!(post(&console, ask("/api/v1/timeouts")).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_the_sweep_that_takes_all_the_time_takes_nobody_elses() {
    let quagmire = Quagmire::start().await;
    let Quagmire { world, saboteur } = &quagmire;
    world.record(&timeout_of("orders")).await;
    let nowhere = world.nowhere();
    let evaluate = world.open_with("evaluate", &[("OVERTIME_DELIVER_QUEUE_URL", &nowhere)]).await;
    let answer = answered(evaluate.take(world.changes().await).await.unwrap());
    assert_eq!(answer, no_failures());

    // What was put off is looked for in vain, beside what is to be delivered and the fleet's totals.
    saboteur.play(Trick::Swallow, "wakes#");
    let sweep = quagmire.open("sweep").await;
    let taken = sweep.take(json!({})).await.unwrap();
    let Taken::Failed(error) = taken else { panic!("{taken:?}") };
    assert!(error.to_string().contains("time is over"), "{error}");
    assert_eq!(world.queues.receive(&world.deliver).await.unwrap().len(), 1);
    let this = Hour::of(now());
    let totals = world.store.fleet_totals(this.minus(1), this).await.unwrap();
    assert_eq!(totals.iter().map(|it| it.view.counts.0.timeouts).sum::<u64>(), 1, "{totals:?}");

    saboteur.rest();
    assert_eq!(answered(sweep.take(json!({})).await.unwrap()), Value::Null);
}
