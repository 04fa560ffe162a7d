//! The evaluate door: the facts table's stream, and what was put off before.
//!
//! Records are read one by one and evaluated together, so that a thousand sandboxes of one function cost one evaluation. What
//! fails is named, and Lambda brings it again. What cannot be understood is said in the log and passed over, because a shard
//! would stand still behind it, and the facts it is about are in the table.
//!
//! What is put off is written into the state table first, and a delayed message asks for it when it is due; where the message
//! is lost, the sweep finds what was written.
//!
//! Where time runs out, what is done by then is acknowledged and told to deliver, and the rest is named as failed.
//!
//! **Invariant.** A record is acknowledged only after all it asks for is done, or is written down to be.

use aws_lambda_events::{dynamodb::EventRecord, sqs::SqsMessage};
use futures::{StreamExt as _, stream};
use overtime_wire::EpochMillis;
use serde::Deserialize as _;
use serde_dynamo::AttributeValue;
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{
    Failure, LAST_WORDS, OutOfTime,
    batch::{Failed, records, source},
    queue::{self, Queue, Wake},
};
use crate::{
    clock,
    domain::{emission::Shape, fact::Job},
    evaluate::{
        Evaluator,
        damper::Budget,
        emit::Emitter,
        paced::{Later, Paced, Record},
    },
    store::{
        Store, StoreError,
        schema::attribute::{PK, SK},
    },
};

/// How many messages are worked on at the same time.
const AT_ONCE: usize = 8;

#[derive(Debug)]
pub(super) struct Evaluating {
    paced: Paced<Timer>,
    /// What the facts table is called.
    table: String,
    deliver: Queue,
}

/// Puts evaluations off: in the table, so that none is lost, and by a message, so that none is late.
#[derive(Debug, Clone)]
struct Timer {
    store: Store,
    wake: Queue,
}

impl Later for Timer {
    async fn later(&self, job: &Job, due: EpochMillis) -> Result<(), StoreError> {
        self.store.put_wake(job, due).await?;
        self.wake.wake(job, due, clock::now()).await;
        Ok(())
    }
}

impl Evaluating {
    pub(super) fn new(store: Store, console: String, (deliver, wake): (Queue, Queue)) -> Self {
        let table = store.facts_table().to_owned();
        let timer = Timer { store: store.clone(), wake };
        let paced = Paced::putting_off(Evaluator { store, console }, Budget::default(), timer);
        Self { paced, table, deliver }
    }

    /// The same, which also says what functions count.
    pub(super) fn emitting(self, shape: Option<Shape>) -> Self {
        let paced = self.paced.emitting(shape.map(Emitter::to_standard_output));
        Self { paced, ..self }
    }

    pub(super) async fn take(&self, event: Value, until: Instant) -> Result<Value, Failure> {
        let mut failed = Failed::default();
        let (mut changes, mut wakes) = (Vec::new(), Vec::new());
        for record in records(event)? {
            match source(&record) {
                "aws:sqs" => wakes.push(record),
                _ => match read(&record, &self.table) {
                    Ok(change) => changes.push(change),
                    Err(error) => {
                        let error = &*error as &dyn std::error::Error;
                        let sequence = record["dynamodb"]["SequenceNumber"].as_str();
                        tracing::error!(error, sequence, "a record is passed over");
                    }
                },
            }
        }
        failed.add(self.changes(&changes, until).await);
        let woken: Vec<Option<String>> = stream::iter(wakes)
            .map(|message| self.woken(message, until))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        failed.add(woken.into_iter().flatten());
        failed.answer()
    }

    /// Evaluates what records ask for, and gives the sequence numbers of those to be brought again.
    async fn changes(&self, changes: &[Record], until: Instant) -> Vec<String> {
        let evaluating = self.paced.records_until(sleep_until(until), changes, clock::now());
        let answer = evaluating.await;
        if !answer.failed.is_empty() && Instant::now() >= until {
            let (records, error) = (answer.failed.len(), &OutOfTime as &dyn std::error::Error);
            tracing::error!(error, records, "records will be brought again");
        }
        // What was done just in time is told, too.
        let told = timeout_at(until + LAST_WORDS, self.deliver.tell(answer.enqueued)).await;
        if told.is_err() {
            tracing::warn!("messages were not queued in time, and wait for the sweep");
        }
        answer.failed
    }

    /// Does what was put off, and gives the message's id if it is to come again.
    async fn woken(&self, message: Value, until: Instant) -> Option<String> {
        let id = message["messageId"].as_str().unwrap_or_default().to_owned();
        let failure = match timeout_at(until, self.wake(message)).await {
            Ok(Ok(())) => return None,
            Ok(Err(failure)) => failure,
            Err(_) => OutOfTime.into(),
        };
        let error = &*failure as &dyn std::error::Error;
        tracing::error!(error, message.id = id, "a message failed and will come again");
        Some(id)
    }

    async fn wake(&self, message: Value) -> Result<(), Failure> {
        let message = SqsMessage::deserialize(message)?;
        let job = queue::read::<Wake>(&message)?.job()?;
        let evaluated = self.paced.wake_of(&job, clock::now()).await?;
        self.deliver.tell(evaluated.enqueued).await;
        Ok(())
    }
}

/// A record of the stream of `table`.
fn read(record: &Value, table: &str) -> Result<Record, Failure> {
    if source(record) != "aws:dynamodb" {
        return Err(format!("it is from {:?}, not from aws:dynamodb", source(record)).into());
    }
    let record = EventRecord::deserialize(record)?;
    let arn = record.event_source_arn.unwrap_or_default();
    if table_of(&arn) != Some(table) {
        return Err(format!("{arn} is not the stream of table {table}").into());
    }
    let text = |name: &str| match record.change.keys.get(name) {
        Some(AttributeValue::S(text)) => Ok(text.clone()),
        _ => Err(format!("its key has no text {name}")),
    };
    Ok(Record {
        pk: text(PK)?,
        sk: text(SK)?,
        sequence: record.change.sequence_number.ok_or("it has no sequence number")?,
        removed: record.event_name == "REMOVE",
    })
}

/// The table in a stream's ARN, `arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/LABEL`.
fn table_of(arn: &str) -> Option<&str> {
    let (_, resource) = arn.split_once(":table/")?;
    resource.split('/').next()
}

#[cfg(test)]
mod tests;
