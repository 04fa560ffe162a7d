//! Messages between doors, through SQS.
//!
//! What is sent is only a hint where to look: the outbox's entries and the facts are in the tables. So a message may come twice or be
//! delayed, and one about an entry that was never sent is made up for by the sweep.

use std::time::Duration;

use aws_sdk_sqs::{Client, error::DisplayErrorContext, types::SendMessageBatchRequestEntry};
use overtime_wire::{Block, EpochMillis, FunctionKey};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Failure;
use crate::domain::fact::Job;

/// How many messages go in one request.
const AT_ONCE: usize = 10;
/// The longest that SQS holds a message back.
pub(super) const DELAY_MAX: Duration = Duration::from_mins(15);

/// A queue, to be sent to.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    client: Client,
    url: String,
}

/// "Deliver this entry of the outbox."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Due {
    pub(super) id: String,
}

/// "Evaluate this block."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wake {
    account: String,
    region: String,
    function: String,
    block: u32,
    tallies: bool,
    verdicts: bool,
}

impl From<&Job> for Wake {
    fn from(job: &Job) -> Self {
        Self {
            account: job.function.account.to_string(),
            region: job.function.region.to_string(),
            function: job.function.name.to_string(),
            block: job.block.number(),
            tallies: job.tallies,
            verdicts: job.verdicts,
        }
    }
}

impl Wake {
    pub(super) fn job(&self) -> Result<Job, Failure> {
        let function = FunctionKey {
            account: self.account.parse()?,
            region: self.region.parse()?,
            name: self.function.parse()?,
        };
        let block = Block::from_number(self.block);
        Ok(Job { function, block, tallies: self.tallies, verdicts: self.verdicts })
    }
}

/// A message that came: what it is called in answers, and what it says.
pub(super) fn read<T: DeserializeOwned>(
    message: &aws_lambda_events::sqs::SqsMessage,
) -> Result<T, Failure> {
    Ok(serde_json::from_str(message.body.as_deref().unwrap_or_default())?)
}

/// SQS counts in seconds. A message never comes before its time.
fn delay_s(due: EpochMillis, now: EpochMillis) -> Option<i32> {
    let wait = due.since(now);
    if wait > DELAY_MAX {
        return None;
    }
    i32::try_from(wait.as_millis().div_ceil(1_000)).ok()
}

impl Queue {
    pub(super) fn new(config: &aws_config::SdkConfig, url: String) -> Self {
        Self { client: Client::new(config), url }
    }

    /// Has entries of the outbox delivered now. Best effort: the sweep finds what is not told here.
    pub(super) async fn tell(&self, ids: Vec<String>) {
        let messages = ids.into_iter().map(|id| (Due { id }, 0)).collect();
        if let Err(error) = self.send(messages).await {
            let error = &*error as &dyn std::error::Error;
            tracing::warn!(error, "messages were not queued, and wait for the sweep");
        }
    }

    /// Has an entry of the outbox delivered when it is due, if that is soon; the sweep finds the others.
    pub(super) async fn remind(&self, id: String, due: EpochMillis, now: EpochMillis) {
        let Some(delay_s) = delay_s(due, now) else { return };
        if let Err(error) = self.send(vec![(Due { id }, delay_s)]).await {
            let error = &*error as &dyn std::error::Error;
            tracing::warn!(error, "a retry was not queued, and waits for the sweep");
        }
    }

    /// Has what was put off of a job done when it is due. Best effort: it is written down, and the sweep finds it.
    pub(super) async fn wake(&self, job: &Job, due: EpochMillis, now: EpochMillis) {
        let Some(delay_s) = delay_s(due, now) else { return };
        if let Err(error) = self.send(vec![(Wake::from(job), delay_s)]).await {
            let error = &*error as &dyn std::error::Error;
            tracing::warn!(error, "an evaluation was not queued, and waits for the sweep");
        }
    }

    async fn send<T: Serialize>(&self, messages: Vec<(T, i32)>) -> Result<(), Failure> {
        for messages in messages.chunks(AT_ONCE) {
            let entry = |(number, (message, delay_s)): (usize, &(T, i32))| {
                let entry = SendMessageBatchRequestEntry::builder()
                    .id(number.to_string())
                    .message_body(serde_json::to_string(message)?)
                    .delay_seconds(*delay_s);
                Ok::<_, Failure>(entry.build()?)
            };
            let entries = messages.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>()?;
            let request = self.client.send_message_batch().queue_url(&self.url);
            let sent = request.set_entries(Some(entries)).send().await;
            let sent = sent.map_err(|error| DisplayErrorContext(error).to_string())?;
            if let Some(first) = sent.failed.first() {
                let (count, code) = (sent.failed.len(), first.code());
                return Err(format!("the queue refused {count} messages with {code}").into());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_up_means_the_job_it_was_made_from() {
        let function = FunctionKey {
            account: "012345678901".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            name: "orders".parse().unwrap(),
        };
        let block = Block::from_number(1_992_768);
        let job = Job { function, block, tallies: true, verdicts: false };
        let text = serde_json::to_string(&Wake::from(&job)).unwrap();
        assert_eq!(
            text,
            r#"{"account":"012345678901","region":"eu-west-1","function":"orders","block":1992768,"tallies":true,"verdicts":false}"#
        );
        assert_eq!(serde_json::from_str::<Wake>(&text).unwrap().job().unwrap(), job);
        let forged = text.replace("orders", "or#ders");
        assert!(serde_json::from_str::<Wake>(&forged).unwrap().job().is_err());
    }

    #[test]
    fn a_delay_is_rounded_up_and_no_longer_than_the_queue_holds() {
        let now = EpochMillis(1_000_000);
        let after = |ms| delay_s(EpochMillis(now.0 + ms), now);
        assert_eq!(after(-5), Some(0));
        assert_eq!(after(1), Some(1));
        assert_eq!(after(900_000), Some(900));
        assert_eq!(after(900_001), None);
    }
}
