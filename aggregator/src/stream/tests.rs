//! Every change is evaluated, also by the process after the one that was killed.

use std::sync::Mutex;

use overtime_wire::FunctionKey;

use super::*;
use crate::store::{
    facts::{Author, Fact},
    laboratory::{Laboratory, at, function, incarnation, verdict},
    schema::FACTS,
};

/// What was evaluated, in order.
type Log = Arc<Mutex<Vec<String>>>;

fn clock() -> EpochMillis {
    at(0)
}

async fn record(lab: &Laboratory, names: &[&str]) {
    for (ordinal, name) in (0..).zip(names) {
        let (function, fact) = (function(name), verdict(ordinal, 0).encode());
        let author = Author { function: &function, incarnation: incarnation(1) };
        lab.store.record(author, Fact::Verdict(&fact), at(0)).await.unwrap();
    }
}

/// Follows the stream until `count` evaluations were asked for, of which those of `failing` fail at first.
async fn follow(lab: &Laboratory, count: usize, failing: Option<FunctionKey>) -> Vec<String> {
    let log = Log::default();
    let (stop, stopping) = watch::channel(false);
    let (wrote, enough) = (log.clone(), Arc::new(Notify::new()));
    let reached = enough.clone();
    let evaluate = move |job: Job| {
        let name = job.function.name.to_string();
        let mut log = wrote.lock().unwrap();
        let fails = failing.as_ref() == Some(&job.function) && !log.contains(&name);
        log.push(name);
        if log.len() == count {
            reached.notify_one();
        }
        async move { if fails { Err(StoreError::Stale("a test".to_owned())) } else { Ok(()) } }
    };
    let follower = Follower {
        store: lab.store.clone(),
        changes: lab.store.changes(lab.access.streams.clone()).await.unwrap(),
        clock,
        // The clock stands still, so what failed must be due again at once.
        pace: Pace { retry_after: Duration::ZERO, ..Pace::default() },
        arrived: Arc::default(),
        evaluate,
    };
    let following = tokio::spawn(follower.run(stopping));
    enough.notified().await;
    stop.send(true).unwrap();
    following.await.unwrap();
    let mut log = log.lock().unwrap().clone();
    log.sort();
    log
}

#[tokio::test]
async fn a_restart_goes_on_where_the_last_one_was() {
    let lab = Laboratory::open().await;
    record(&lab, &["a", "b", "a"]).await;
    assert_eq!(follow(&lab, 2, None).await, ["a", "b"]);
    record(&lab, &["c"]).await;
    assert_eq!(follow(&lab, 1, None).await, ["c"]);
}

#[tokio::test]
async fn what_failed_is_evaluated_again() {
    let lab = Laboratory::open().await;
    record(&lab, &["a", "b"]).await;
    assert_eq!(follow(&lab, 3, Some(function("a"))).await, ["a", "a", "b"]);
}

#[tokio::test]
async fn records_that_were_followed_are_forgotten_and_the_others_kept() {
    let lab = Laboratory::embedded(aws_smithy_http_client::Builder::new().build_http()).await;
    record(&lab, &["a", "b"]).await;
    follow(&lab, 2, None).await;
    record(&lab, &["c", "d"]).await;
    let changes = lab.store.changes(lab.access.streams.clone()).await.unwrap();
    let sequence = changes.done_with(&lab.store).await.unwrap().unwrap();
    assert_eq!(lab.engine().forget(FACTS, &sequence).unwrap(), 2);
    assert_eq!(follow(&lab, 2, None).await, ["c", "d"]);
    let sequence = changes.done_with(&lab.store).await.unwrap().unwrap();
    assert_eq!(lab.engine().forget(FACTS, &sequence).unwrap(), 2);
    record(&lab, &["e"]).await;
    assert_eq!(follow(&lab, 1, None).await, ["e"]);
}

#[test]
fn children_wait_for_their_parents() {
    let shard = |id: &str, parent: Option<&str>| Shard {
        id: id.to_owned(),
        parent: parent.map(str::to_owned),
    };
    let shards =
        [shard("old", Some("gone")), shard("left", Some("old")), shard("right", Some("old"))];
    let started = |ended: &[&str]| {
        let ended = ended.iter().map(|it| (*it).to_owned()).collect();
        ready(&shards, &ended).map(|it| it.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(started(&[]), ["old"]);
    assert_eq!(started(&["old"]), ["old", "left", "right"]);
}
