//! The deliver door: entries of the outbox whose ids came through the queue.
//!
//! A message is a hint: an entry that is not due, taken or settled is left alone. A retry that is due within minutes is queued
//! with that delay; a later one is found by the sweep.

use aws_lambda_events::sqs::SqsMessage;
use futures::{StreamExt as _, stream};
use serde::Deserialize as _;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{
    Failure, OutOfTime,
    batch::{Failed, records},
    queue::{self, Due, Queue},
};
use crate::{
    clock,
    deliver::{Deliverer, FollowUp},
    egress,
    settings::Outside,
    store::Store,
};

/// How many deliveries are attempted at the same time.
const AT_ONCE: usize = 8;

#[derive(Debug)]
pub(super) struct Delivering {
    deliverer: Deliverer,
    queue: Queue,
}

impl Delivering {
    pub(super) fn new(store: Store, outside: Outside, console: String, queue: Queue) -> Self {
        let store = store.with_environment(outside.environment.is_some());
        let courier = egress::courier(outside);
        let deliverer = Deliverer::new(store, courier, clock::now).linking_to(console);
        Self { deliverer, queue }
    }

    pub(super) async fn take(&self, event: Value, until: Instant) -> Result<Value, Failure> {
        let attempts = records(event)?.into_iter().map(|record| async move {
            let identifier = record["messageId"].as_str().unwrap_or_default().to_owned();
            let attempt = timeout_at(until, self.deliver(record)).await;
            let failure = match attempt {
                Ok(Ok(())) => return None,
                Ok(Err(failure)) => failure,
                // Its lease ends, and it is attempted again.
                Err(_) => OutOfTime.into(),
            };
            let error = &*failure as &dyn std::error::Error;
            tracing::error!(error, message.id = identifier, "a message failed and will come again");
            Some(identifier)
        });
        let attempts: Vec<Option<String>> =
            stream::iter(attempts).buffer_unordered(AT_ONCE).collect().await;
        let mut failed = Failed::default();
        failed.add(attempts.into_iter().flatten());
        failed.answer()
    }

    async fn deliver(&self, record: Value) -> Result<(), Failure> {
        let message = SqsMessage::deserialize(record)?;
        let Due { id } = queue::read(&message)?;
        for FollowUp { id, due } in self.deliverer.deliver(&id).await? {
            self.queue.remind(id, due, clock::now()).await;
        }
        Ok(())
    }
}
