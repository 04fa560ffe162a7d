//! The evaluate door: the facts table's stream, and blocks that were to be looked at later.
//!
//! A batch's records are gathered into the blocks they are about, so that a thousand sandboxes of one function cost one
//! evaluation. Whatever fails is named, and Lambda sends it again; what cannot be understood is said in the log and passed
//! over, because a shard would stand still behind it, and the facts it is about are in the table.
//!
//! **Invariant.** A record is acknowledged only after everything it asks for is done, or a message that does it later is on its
//! way.

use std::collections::BTreeMap;

use aws_lambda_events::{dynamodb::EventRecord, sqs::SqsMessage};
use futures::{StreamExt as _, stream};
use overtime_wire::{Block, FunctionKey};
use serde::Deserialize as _;
use serde_dynamo::AttributeValue;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{
    Failure,
    batch::{Failed, records, source},
    queue::{self, Queue, Wake},
};
use crate::{
    clock,
    domain::fact::{Job, Part},
    evaluate::Evaluator,
    store::{
        Store, StoreError,
        schema::{
            self,
            attribute::{PK, SK},
        },
    },
};

/// How many functions are evaluated at the same time.
const AT_ONCE: usize = 8;

#[derive(Debug)]
pub(super) struct Evaluating {
    evaluator: Evaluator,
    deliver: Queue,
    wake: Queue,
}

/// Blocks to evaluate, by function, and the records that ask for it.
type Wanted = BTreeMap<FunctionKey, BTreeMap<Block, Wish>>;

/// What is wanted of a block.
#[derive(Debug, Default)]
struct Wish {
    tallies: bool,
    verdicts: bool,
    /// Records or messages to name if it fails.
    from: Vec<String>,
}

/// What a record means.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Evaluate {
        job: Job,
        from: String,
    },
    /// A deletion: facts are only ever deleted because their time has come.
    Nothing,
}

impl Evaluating {
    pub(super) fn new(store: Store, console: String, (deliver, wake): (Queue, Queue)) -> Self {
        Self { evaluator: Evaluator { store, console }, deliver, wake }
    }

    pub(super) async fn take(&self, event: Value, until: Instant) -> Result<Value, Failure> {
        let mut failed = Failed::default();
        let mut wanted = Wanted::new();
        for record in records(event)? {
            let identifier = identifier(&record);
            let from_queue = source(&record) == "aws:sqs";
            match self.meaning(record) {
                Ok(Meaning::Evaluate { job, from }) => want(&mut wanted, job, from),
                Ok(Meaning::Nothing) => {}
                Err(error) => {
                    let error = &*error as &dyn std::error::Error;
                    tracing::error!(error, record = identifier, "a record is passed over");
                    // A queue puts it aside for people to look at; a stream would stand still.
                    failed.add(from_queue.then_some(identifier));
                }
            }
        }
        let groups =
            wanted.into_iter().map(|(function, blocks)| self.group(function, blocks, until));
        let groups: Vec<Vec<String>> =
            stream::iter(groups).buffer_unordered(AT_ONCE).collect().await;
        failed.add(groups.into_iter().flatten());
        failed.answer()
    }

    fn meaning(&self, record: Value) -> Result<Meaning, Failure> {
        match source(&record) {
            "aws:dynamodb" => self.record(record),
            "aws:sqs" => message(record),
            other => Err(format!("{other:?} is neither aws:dynamodb nor aws:sqs").into()),
        }
    }

    fn record(&self, record: Value) -> Result<Meaning, Failure> {
        let record = EventRecord::deserialize(record)?;
        let arn = record.event_source_arn.unwrap_or_default();
        let table = self.evaluator.store.facts_table();
        if table_of(&arn) != Some(table) {
            return Err(format!("{arn} is not the stream of table {table}").into());
        }
        if record.event_name == "REMOVE" {
            return Ok(Meaning::Nothing);
        }
        let text = |name: &str| match record.change.keys.get(name) {
            Some(AttributeValue::S(text)) => Ok(text.as_str()),
            _ => Err(format!("its key has no text {name}")),
        };
        let (function, block, part) =
            schema::changed(text(PK)?, text(SK)?).ok_or("its key is not a fact's")?;
        let (tallies, verdicts) = (part == Part::Tally, part == Part::Verdict);
        let from = record.change.sequence_number.ok_or("it has no sequence number")?;
        Ok(Meaning::Evaluate { job: Job { function, block, tallies, verdicts }, from })
    }

    /// Evaluates blocks of one function, one after the other, and gives the records whose evaluation failed.
    async fn group(
        &self,
        function: FunctionKey,
        blocks: BTreeMap<Block, Wish>,
        until: Instant,
    ) -> Vec<String> {
        let mut failed = Vec::new();
        for (block, wish) in blocks {
            let Wish { tallies, verdicts, from } = wish;
            let job = Job { function: function.clone(), block, tallies, verdicts };
            match timeout_at(until, self.evaluate(&job)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    say(&job, &*error);
                    failed.extend(from);
                }
                Err(_) => {
                    say(&job, &OutOfTime);
                    failed.extend(from);
                }
            }
        }
        failed
    }

    async fn evaluate(&self, job: &Job) -> Result<(), Failure> {
        let now = clock::now();
        match self.evaluator.evaluate(job, now).await {
            Ok(evaluated) => {
                self.deliver.tell(evaluated.enqueued).await;
                Ok(())
            }
            // Nothing that is read again will be readable, and the others must not wait for it.
            Err(error @ StoreError::Corrupt { .. }) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "a block is left as it is until its next fact");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the invocation's time is over")]
struct OutOfTime;

fn say(job: &Job, error: &(dyn std::error::Error + 'static)) {
    let FunctionKey { account, region, name } = &job.function;
    let (account, region, block) = (account.to_string(), region.as_str(), job.block.number());
    tracing::error!(
        error,
        account,
        region,
        function = name.as_str(),
        block,
        "an evaluation failed and will be repeated"
    );
}

fn want(wanted: &mut Wanted, job: Job, from: String) {
    let wish = wanted.entry(job.function).or_default().entry(job.block).or_default();
    wish.tallies |= job.tallies;
    wish.verdicts |= job.verdicts;
    wish.from.push(from);
}

fn message(record: Value) -> Result<Meaning, Failure> {
    let message = SqsMessage::deserialize(record)?;
    let job = queue::read::<Wake>(&message)?.job()?;
    Ok(Meaning::Evaluate { job, from: message.message_id.ok_or("it has no message id")? })
}

/// What a record is called in answers and logs.
fn identifier(record: &Value) -> String {
    let name = record["dynamodb"]["SequenceNumber"].as_str().or(record["messageId"].as_str());
    name.unwrap_or_default().to_owned()
}

/// The table in a stream's ARN, `arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/LABEL`.
fn table_of(arn: &str) -> Option<&str> {
    let (_, resource) = arn.split_once(":table/")?;
    resource.split('/').next()
}

#[cfg(test)]
mod tests;
