//! What is not done at once: it goes through a queue with a delay, and where that is lost the sweep finds it.

use std::time::Duration;

use axum::http::StatusCode;
use overtime::domain::fact::Job;
use overtime_wire::{Block, EpochMillis};
use sandbox::door::Door;
use sandbox::inbox::{Answer, Delivery};
use serde_json::{Value, json};

use super::events::{
    ACCOUNT, answered, ask, no_failures, now, post, sent, timeout_of, timeouts_of,
};
use super::stage::{PATIENCE, World};

/// So many facts cost an evaluation six tokens of thirty, and a token comes back twice a second.
const MANY: u32 = 500;
/// Of timeouts that are told one by one, all but the last few are evaluated at once.
const TOLD_MAX: u32 = 50;

/// A function of which so much is told that an evaluation of it is put off.
struct Storm {
    world: World,
    evaluate: Door,
    job: Job,
    timeouts: u32,
}

impl Storm {
    /// What is put off is put into the queue of this URL.
    async fn rises(world: World, queue: &str) -> Self {
        let at = now();
        let evaluate = world.open_with("evaluate", &[("OVERTIME_EVALUATE_QUEUE_URL", queue)]).await;
        let all = timeouts_of("storm", at, 1..=MANY);
        world.record(&all).await;
        // Not news any more.
        while !world.changes().await["Records"].as_array().unwrap().is_empty() {}
        let job =
            Job { function: all.function, block: Block::of(at), tallies: false, verdicts: true };
        let mut storm = Self { world, evaluate, job, timeouts: MANY };
        while storm.waiting().await == 0 {
            storm.hear_of_another(at).await;
        }
        storm
    }

    async fn hear_of_another(&mut self, at: EpochMillis) {
        self.timeouts += 1;
        assert!(self.timeouts < MANY + TOLD_MAX, "nothing is ever put off");
        self.world.record(&timeouts_of("storm", at, [self.timeouts])).await;
        let answer = answered(self.evaluate.take(self.world.changes().await).await.unwrap());
        assert_eq!(answer, no_failures(), "{:?}", self.evaluate.lines().await);
    }

    /// How much is put off.
    async fn waiting(&self) -> usize {
        self.world.store.wakes_of(&self.job).await.unwrap().len()
    }

    /// How many timeouts the console shows.
    async fn shown(&self) -> u64 {
        let console = self.world.open("console").await;
        let path = format!("/api/v1/functions/{ACCOUNT}/eu-west-1/storm");
        let (status, body) = post(&console, ask(&path)).await;
        assert_eq!(status, 200, "{body}");
        let shown: Value = serde_json::from_str(&body).unwrap();
        shown["counts"]["timeouts"].as_u64().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluation_that_is_put_off_comes_back_through_the_queue() {
    let world = World::start().await;
    let queue = world.evaluate.clone();
    let storm = Storm::rises(world, &queue).await;
    let world = &storm.world;
    assert_eq!(storm.shown().await, u64::from(storm.timeouts - 1), "all but the last");

    let wake = world.queues.receive_within(&queue, PATIENCE).await.unwrap();
    assert_eq!(wake.len(), 1, "{wake:?} {:?}", storm.evaluate.lines().await);
    // It would be put off once more, came it before its time.
    let answer = answered(storm.evaluate.take(wake.event.clone()).await.unwrap());
    assert_eq!(answer, no_failures(), "{:?}", storm.evaluate.lines().await);
    world.queues.settle(&queue, &wake, &answer).await.unwrap();
    assert_eq!((storm.shown().await, storm.waiting().await), (u64::from(storm.timeouts), 0));

    // It may come twice, and means nothing then.
    assert_eq!(answered(storm.evaluate.take(wake.event).await.unwrap()), no_failures());
    assert_eq!(storm.shown().await, u64::from(storm.timeouts));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluation_whose_message_was_lost_is_found_by_the_sweep() {
    let world = World::start().await;
    let nowhere = world.nowhere();
    let storm = Storm::rises(world, &nowhere).await;
    let lines = storm.evaluate.lines().await;
    let warned = lines.iter().find(|it| it["level"] == "WARN").unwrap();
    assert_eq!(warned["message"], "an evaluation was not queued, and waits for the sweep");

    let sweep = storm.world.open("sweep").await;
    let latest = tokio::time::Instant::now() + PATIENCE;
    while storm.waiting().await > 0 {
        assert!(tokio::time::Instant::now() < latest, "{:?}", sweep.lines().await);
        assert_eq!(answered(sweep.take(json!({})).await.unwrap()), Value::Null);
    }
    assert_eq!(storm.shown().await, u64::from(storm.timeouts));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_refused_comes_back_through_the_queue_under_its_id() {
    let world = World::start().await;
    world.record(&timeout_of("orders")).await;
    let evaluate = world.open("evaluate").await;
    assert_eq!(answered(evaluate.take(world.changes().await).await.unwrap()), no_failures());
    let deliver = world.open("deliver").await;
    world.inbox.answer_next(Answer::Status(StatusCode::INTERNAL_SERVER_ERROR));
    let first = delivered(&world, &deliver).await;
    assert_eq!(world.inbox.deliveries().len(), 1, "{:?}", deliver.lines().await);

    // The message that was acknowledged may come again all the same: the next attempt is not due.
    assert_eq!(answered(deliver.take(first).await.unwrap()), no_failures());
    assert_eq!(world.inbox.deliveries().len(), 1);

    let second = world.queues.receive_within(&world.deliver, PATIENCE).await.unwrap();
    assert_eq!(second.len(), 1, "{:?}", deliver.lines().await);
    assert!(second.waited()[0] >= Duration::from_secs(5), "{second:?}");
    assert_eq!(answered(deliver.take(second.event).await.unwrap()), no_failures());
    let deliveries = world.inbox.deliveries();
    let [refused, taken] = &deliveries[..] else { panic!("{deliveries:?}") };
    let id = |it: &Delivery| it.header("webhook-id").to_owned();
    assert!(!id(taken).is_empty());
    assert_eq!((id(refused), &refused.body), (id(taken), &taken.body));
    assert_eq!(world.store.next_due().await.unwrap(), None, "nothing is left to send");
}

/// Has what is in the queue delivered, and gives the event.
async fn delivered(world: &World, deliver: &Door) -> Value {
    let messages = world.queues.receive_within(&world.deliver, PATIENCE).await.unwrap();
    let answer = answered(deliver.take(messages.event.clone()).await.unwrap());
    assert_eq!(answer, no_failures(), "{:?}", deliver.lines().await);
    world.queues.settle(&world.deliver, &messages, &answer).await.unwrap();
    messages.event
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_and_never_queued_is_found_by_the_sweep() {
    let world = World::start().await;
    let ingest = world.open("ingest").await;
    let answer = answered(ingest.take(sent(&timeout_of("ledger"))).await.unwrap());
    assert_eq!(answer["statusCode"], 200, "{answer} {:?}", ingest.lines().await);
    let nowhere = world.nowhere();
    let evaluate = world.open_with("evaluate", &[("OVERTIME_DELIVER_QUEUE_URL", &nowhere)]).await;
    let answer = answered(evaluate.take(world.changes().await).await.unwrap());
    assert_eq!(answer, no_failures());
    let lines = evaluate.lines().await;
    let warned = lines.iter().find(|it| it["level"] == "WARN").unwrap();
    assert_eq!(warned["message"], "messages were not queued, and wait for the sweep", "{lines:?}");
    assert!(warned["requestId"].is_string() && warned["door"] == "evaluate", "{warned}");

    let sweep = world.open("sweep").await;
    assert_eq!(answered(sweep.take(json!({})).await.unwrap()), Value::Null);
    let deliver = world.open("deliver").await;
    delivered(&world, &deliver).await;
    assert_eq!(world.inbox.deliveries().len(), 1, "{:?}", deliver.lines().await);
}
