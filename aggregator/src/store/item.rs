//! Reading items, and telling why the SDK failed.
//!
//! **Invariant.** What we cannot read is [`StoreError::Corrupt`] with its key, never a default: a default would be a number
//! that nobody counted.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        delete_item::DeleteItemError, put_item::PutItemError,
        transact_write_items::TransactWriteItemsError, update_item::UpdateItemError,
    },
    primitives::Blob,
    types::AttributeValue,
};
use serde::de::DeserializeOwned;

use crate::store::{
    StoreError,
    schema::{
        Key,
        attribute::{PK, SK},
    },
};

pub(super) type Item = HashMap<String, AttributeValue>;

/// An item as it was read.
#[derive(Debug)]
pub(super) struct Row(pub(super) Item);

impl Row {
    pub(super) fn text(&self, name: &str) -> Result<&str, StoreError> {
        let value = self.0.get(name).and_then(|it| it.as_s().ok());
        value.map(String::as_str).ok_or_else(|| self.corrupt(name, "is not a text"))
    }

    pub(super) fn bytes(&self, name: &str) -> Result<&[u8], StoreError> {
        let value = self.0.get(name).and_then(|it| it.as_b().ok());
        value.map(AsRef::as_ref).ok_or_else(|| self.corrupt(name, "is not bytes"))
    }

    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, StoreError> {
        self.optional(name)?.ok_or_else(|| self.corrupt(name, "is missing"))
    }

    /// A number that need not be there.
    pub(super) fn optional<T: std::str::FromStr>(
        &self,
        name: &str,
    ) -> Result<Option<T>, StoreError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let number = value.as_n().ok().and_then(|it| it.parse().ok());
        number.map(Some).ok_or_else(|| self.corrupt(name, "is not a number we know"))
    }

    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        serde_json::from_str(self.text(name)?).map_err(|error| self.corrupt(name, error))
    }

    pub(super) fn corrupt(&self, name: &str, problem: impl ToString) -> StoreError {
        let part = |name: &str| self.0.get(name).and_then(|it| it.as_s().ok()).cloned();
        let key = format!("{}/{}", part(PK).unwrap_or_default(), part(SK).unwrap_or_default());
        StoreError::Corrupt { key, problem: format!("{name} {}", problem.to_string()) }
    }
}

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// A value as the JSON we store.
pub(super) fn json<T: serde::Serialize>(value: &T) -> Result<AttributeValue, StoreError> {
    serde_json::to_string(value)
        .map(AttributeValue::S)
        .map_err(|error| StoreError::Refused(Box::new(error)))
}

/// The key's attributes.
pub(super) fn keyed(key: &Key) -> Item {
    Item::from([(PK.to_owned(), text(&key.pk)), (SK.to_owned(), text(&key.sk))])
}

/// Whether an error says that the condition did not hold, or might not have.
pub(super) trait Conditional {
    fn is_condition(&self) -> bool;
}

impl Conditional for PutItemError {
    fn is_condition(&self) -> bool {
        self.is_conditional_check_failed_exception()
    }
}

impl Conditional for DeleteItemError {
    fn is_condition(&self) -> bool {
        self.is_conditional_check_failed_exception()
    }
}

impl Conditional for UpdateItemError {
    fn is_condition(&self) -> bool {
        self.is_conditional_check_failed_exception()
    }
}

impl Conditional for TransactWriteItemsError {
    /// Also when it met another transaction, which the SDK does not try again: what it was decided on may be old.
    fn is_condition(&self) -> bool {
        const MOVED_ON: [&str; 2] = ["ConditionalCheckFailed", "TransactionConflict"];
        let Self::TransactionCanceledException(cancelled) = self else { return false };
        let mut reasons = cancelled.cancellation_reasons().iter().filter_map(|it| it.code());
        reasons.any(|code| MOVED_ON.contains(&code))
    }
}

/// Whether a transaction was cancelled because the condition of this one of its writes did not hold.
pub(super) fn unmet(error: &SdkError<TransactWriteItemsError, HttpResponse>, write: usize) -> bool {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
        error.as_service_error()
    else {
        return false;
    };
    let reason = cancelled.cancellation_reasons().get(write);
    reason.and_then(|it| it.code()) == Some("ConditionalCheckFailed")
}

/// `Ok(false)` when the condition did not hold.
pub(super) fn won<T, E>(result: Result<T, SdkError<E, HttpResponse>>) -> Result<bool, StoreError>
where
    E: Conditional + ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match result {
        Ok(_) => Ok(true),
        Err(SdkError::ServiceError(error)) if error.err().is_condition() => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

/// Codes of refusals that mean: not now.
const BUSY: &[&str] = &[
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "LimitExceededException",
    "InternalServerError",
    "ServiceUnavailable",
    "TransactionInProgressException",
    // A single write met a transaction.
    "TransactionConflictException",
    // Cancelled for another reason than a condition: throttling, as far as we write valid items.
    "TransactionCanceledException",
];

/// What a failed call means to the caller.
pub(super) fn failed<E>(error: SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let faulty = error.raw_response().is_some_and(|it| it.status().is_server_error());
    let busy = |it: &E| it.code().is_some_and(|code| BUSY.contains(&code));
    let refused = error.as_service_error().is_some_and(|it| !busy(it)) && !faulty;
    let passing = !refused && !matches!(error, SdkError::ConstructionFailure(_));
    let error = Box::new(error);
    if passing { StoreError::Unavailable(error) } else { StoreError::Refused(error) }
}
