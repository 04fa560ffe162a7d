//! More than a channel is to get in a minute: counted, and put together.
//!
//! A message that there is no room for is settled as part of a digest in the same transaction that counts it there, so none is lost and
//! none is counted twice, whoever dies when.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use overtime_wire::EpochMillis;

use super::entry::{Claim, Entry};
use crate::store::{
    Store, StoreError,
    item::{failed, keyed, number, text, won},
    schema::{
        self,
        attribute::{COUNT, DUE, EXPIRES, LINES, PROBLEM, QUEUE, STATUS, TRIES, VERSION},
    },
};

/// How many of the messages in a digest have a line of their own.
pub const LINES_MAX: usize = 20;
const MINUTE_MS: i64 = 60_000;

/// Where a message goes that there is no room for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// The digest as it is put in, if it is not there yet.
    pub digest: Entry,
    /// What is said of this message.
    pub line: String,
}

impl Store {
    /// Takes one of the `limit` places that a channel has in the minute of `now`. `false` when there is none left.
    pub async fn take_place(
        &self,
        channel: &str,
        limit: u32,
        now: EpochMillis,
    ) -> Result<bool, StoreError> {
        let minute = now.0.div_euclid(MINUTE_MS);
        let update = self
            .dynamo
            .update_item()
            .table_name(self.state_table())
            .set_key(Some(keyed(&schema::outbox::rate_key(channel, minute))))
            .update_expression("SET #x = :x ADD #c :one")
            .condition_expression("attribute_not_exists(#c) OR #c < :limit")
            .expression_attribute_names("#c", COUNT)
            .expression_attribute_names("#x", EXPIRES)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":limit", number(limit))
            .expression_attribute_values(
                ":x",
                number(schema::expires(now.plus(super::RATES_LIVE))),
            );
        won(update.send().await)
    }

    /// Settles a claim as part of a digest. `false` when the claim is no longer ours or the digest is on its way already: look
    /// again.
    pub async fn fold(
        &self,
        claim: &Claim,
        fold: &Fold,
        now: EpochMillis,
    ) -> Result<bool, StoreError> {
        let key = keyed(&schema::outbox::key(&fold.digest.id));
        let get = self.dynamo.get_item().table_name(self.state_table()).set_key(Some(key));
        let found = get.consistent_read(true).send().await.map_err(failed)?.item;
        let digest = match &found {
            None => self.first_fold(fold)?,
            Some(item) => {
                let lines = item.get(LINES).and_then(|it| it.as_l().ok()).map_or(0, Vec::len);
                self.next_fold(fold, lines < LINES_MAX)?
            }
        };
        let settled = self.settled_into(claim, &fold.digest.id, now)?;
        let write =
            self.dynamo.transact_write_items().transact_items(settled).transact_items(digest);
        won(write.send().await)
    }

    fn first_fold(&self, fold: &Fold) -> Result<TransactWriteItem, StoreError> {
        let mut item = fold.digest.item(self.retention.messages);
        item.insert(COUNT.to_owned(), number(1));
        item.insert(LINES.to_owned(), AttributeValue::L(vec![text(&fold.line)]));
        let put = Put::builder()
            .table_name(self.state_table())
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#ver)")
            .expression_attribute_names("#ver", VERSION);
        let put = put.build().map_err(|error| StoreError::Refused(Box::new(error)))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Only while nobody has taken it: what is being sent must not grow.
    fn next_fold(&self, fold: &Fold, with_line: bool) -> Result<TransactWriteItem, StoreError> {
        let expression = if with_line {
            "SET #lines = list_append(#lines, :line) ADD #c :one"
        } else {
            "ADD #c :one"
        };
        let mut update = Update::builder()
            .table_name(self.state_table())
            .set_key(Some(keyed(&schema::outbox::key(&fold.digest.id))))
            .update_expression(expression)
            .condition_expression("#status = :waiting AND #tries = :none AND #ver = :first")
            .expression_attribute_names("#c", COUNT)
            .expression_attribute_names("#status", STATUS)
            .expression_attribute_names("#tries", TRIES)
            .expression_attribute_names("#ver", VERSION)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":first", number(1))
            .expression_attribute_values(":waiting", text("waiting"));
        if with_line {
            update = update
                .expression_attribute_names("#lines", LINES)
                .expression_attribute_values(":line", AttributeValue::L(vec![text(&fold.line)]));
        }
        let update = update.build().map_err(|error| StoreError::Refused(Box::new(error)))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn settled_into(
        &self,
        claim: &Claim,
        digest: &str,
        now: EpochMillis,
    ) -> Result<TransactWriteItem, StoreError> {
        let until = schema::expires(now.plus(self.retention.messages));
        let update = Update::builder()
            .table_name(self.state_table())
            .set_key(Some(keyed(&schema::outbox::key(&claim.id))))
            .update_expression(
                "SET #status = :status, #why = :why, #x = :x REMOVE #queue, #due ADD #ver :one",
            )
            .condition_expression("#ver = :ver")
            .expression_attribute_names("#status", STATUS)
            .expression_attribute_names("#why", PROBLEM)
            .expression_attribute_names("#x", EXPIRES)
            .expression_attribute_names("#queue", QUEUE)
            .expression_attribute_names("#due", DUE)
            .expression_attribute_names("#ver", VERSION)
            .expression_attribute_values(":status", text("digested"))
            .expression_attribute_values(
                ":why",
                text(format!("too many in a minute: it is in {digest}")),
            )
            .expression_attribute_values(":x", number(until))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":ver", number(claim.version));
        let update = update.build().map_err(|error| StoreError::Refused(Box::new(error)))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}
