//! Batches of records and messages, taken apart one by one so that a bad one spoils no other.
//!
//! Streams and queues send `{"Records": […]}` and are answered with what of it failed. Each record is read on its own: whatever
//! it is, its neighbours are worked on.
//!
//! **Invariant.** An identifier that is given back is one that came in: Lambda takes any other for the whole batch.

use std::collections::BTreeSet;

use aws_lambda_events::event::sqs::SqsBatchResponse;
use serde_json::Value;

use super::Failure;

/// The event's records, as they came.
pub(super) fn records(event: Value) -> Result<Vec<Value>, Failure> {
    let Value::Object(mut event) = event else {
        return Err(
            "the event is no object with Records: is the door behind the right trigger?".into()
        );
    };
    match event.remove("Records") {
        Some(Value::Array(records)) => Ok(records),
        _ => Err("the event has no Records: is the door behind the right trigger?".into()),
    }
}

/// Where a record says it comes from, such as `aws:sqs`.
pub(super) fn source(record: &Value) -> &str {
    record["eventSource"].as_str().unwrap_or_default()
}

/// What to try again. Streams and queues are answered in the same shape.
#[derive(Debug, Default)]
pub(super) struct Failed(BTreeSet<String>);

impl Failed {
    pub(super) fn add(&mut self, identifiers: impl IntoIterator<Item = String>) {
        self.0.extend(identifiers.into_iter().filter(|it| !it.is_empty()));
    }

    pub(super) fn answer(self) -> Result<Value, Failure> {
        let mut response = SqsBatchResponse::default();
        response.set_failures(self.0);
        Ok(serde_json::to_value(response)?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_failed_is_named_once_and_nothing_is_an_empty_list() {
        assert_eq!(Failed::default().answer().unwrap(), json!({ "batchItemFailures": [] }));
        let mut failed = Failed::default();
        failed.add(["2", "1", "2", ""].map(str::to_owned));
        let expected =
            json!({ "batchItemFailures": [{ "itemIdentifier": "1" }, { "itemIdentifier": "2" }] });
        assert_eq!(failed.answer().unwrap(), expected);
    }

    #[test]
    fn an_event_of_another_kind_is_a_failure_that_says_so() {
        for event in [json!(null), json!([]), json!({}), json!({ "Records": {} })] {
            let why = records(event).unwrap_err().to_string();
            assert!(why.contains("right trigger"), "{why}");
        }
        assert_eq!(records(json!({ "Records": [1] })).unwrap(), [json!(1)]);
    }
}
