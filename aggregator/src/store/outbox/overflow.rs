//! More than a channel is to get in a minute: counted, and put together.
//!
//! A message that there is no room for is settled as part of a digest in the same transaction that counts it there, so none is lost and
//! none is counted twice, whoever dies when.
//!
//! ```text
//!   message ──settled──▶ digested          digest: waiting ──claim──▶ claimed ──seal──▶ sealed ──▶ as any other
//!        └──counted────▶ one of its parts ───────────────────────────────────┘ takes over what they hold
//! ```
//!
//! Transactions that meet in one item are cancelled, so a digest that a flood pours into is counted in [`DIGEST_PARTS`] items, by a hash of
//! the message. Whoever sends it seals all parts first, those that are not there, too: from then on what is late goes into the
//! next digest, and every attempt tells the same.
//!
//! **Invariant.** A part counts before its digest is sealed or never; and no item grows beyond [`LINES_MAX`] lines.

use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValue, TransactWriteItem, Update};
use futures::future::try_join_all;
use overtime_wire::EpochMillis;

use super::entry::{Claim, Entry, lines};
use crate::store::{
    Store, StoreError,
    item::{Row, failed, keyed, number, text, unmet, won},
    schema::{
        self, DIGEST_PARTS, DIGESTS_LIVE,
        attribute::{COUNT, DUE, EXPIRES, LINES, PROBLEM, QUEUE, SEALED, STATUS, VERSION},
    },
};

/// How many of the messages in a digest have a line of their own.
pub const LINES_MAX: usize = 20;
const MINUTE_MS: i64 = 60_000;
/// Which of a fold's two writes settles the message.
const SETTLED: usize = 0;

/// Where a message goes that there is no room for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// The digest as it is put in, if it is not there yet.
    pub digest: Entry,
    /// What is said of this message.
    pub line: String,
}

/// What came of putting a message into a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folded {
    /// It is settled, and counted there.
    In,
    /// The digest is on its way and takes nothing more: the next one does.
    Sealed,
    /// The claim is no longer ours: whoever has it sees to it.
    Lost,
    /// Others were in the way. Nothing happened.
    Busy,
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

    /// Settles a claim as part of a digest, which is there from then on.
    pub async fn fold(
        &self,
        claim: &Claim,
        fold: &Fold,
        now: EpochMillis,
    ) -> Result<Folded, StoreError> {
        let part = schema::outbox::digest_part(&claim.id);
        let key = keyed(&schema::outbox::digest_key(&fold.digest.id, part));
        let get = self.dynamo.get_item().table_name(self.state_table()).set_key(Some(key));
        let found = get.consistent_read(true).send().await.map_err(failed)?.item.map(Row);
        let counted = match found {
            Some(part) if part.0.contains_key(SEALED) => return Ok(Folded::Sealed),
            Some(row) => self.next_of_part((&fold.digest.id, part), fold, row.number(COUNT)?)?,
            None => {
                // Before anything is counted in it: a digest with nothing in it is nothing, a part without its digest is lost.
                self.enqueue(&fold.digest).await?;
                self.first_of_part((&fold.digest, part), fold)?
            }
        };
        let settled = self.settled_into(claim, &fold.digest.id, now)?;
        let write =
            self.dynamo.transact_write_items().transact_items(settled).transact_items(counted);
        match write.send().await {
            Err(error) if unmet(&error, SETTLED) => Ok(Folded::Lost),
            result => Ok(if won(result)? { Folded::In } else { Folded::Busy }),
        }
    }

    /// Lets nothing more into a claimed digest, and has it hold what was put into it. `None` when the claim is no longer ours.
    pub async fn seal(&self, claim: Claim) -> Result<Option<Claim>, StoreError> {
        if claim.sealed {
            return Ok(Some(claim));
        }
        let parts = (0..DIGEST_PARTS).map(|part| self.seal_part(&claim, part));
        let (mut folded, mut said) = (claim.folded.unwrap_or_default(), claim.lines.clone());
        for (count, lines) in try_join_all(parts).await? {
            folded += count;
            said.extend(lines);
        }
        said.truncate(LINES_MAX);
        let values = [
            (":c", number(folded)),
            (":lines", AttributeValue::L(said.iter().map(text).collect())),
            (":sealed", AttributeValue::Bool(true)),
        ];
        let expression = "SET #c = :c, #lines = :lines, #sealed = :sealed";
        if !self.move_on(&claim.id, claim.version, (expression, &values)).await? {
            return Ok(None);
        }
        let version = claim.version + 1;
        Ok(Some(Claim { folded: Some(folded), lines: said, sealed: true, version, ..claim }))
    }

    async fn seal_part(&self, claim: &Claim, part: u64) -> Result<(u64, Vec<String>), StoreError> {
        let update = self
            .dynamo
            .update_item()
            .table_name(self.state_table())
            .set_key(Some(keyed(&schema::outbox::digest_key(&claim.id, part))))
            .update_expression("SET #sealed = :sealed, #x = :x")
            .expression_attribute_names("#sealed", SEALED)
            .expression_attribute_names("#x", EXPIRES)
            .expression_attribute_values(":sealed", AttributeValue::Bool(true))
            .expression_attribute_values(":x", expiry(claim.enqueued_at))
            .return_values(ReturnValue::AllNew);
        let row = Row(update.send().await.map_err(failed)?.attributes.unwrap_or_default());
        Ok((row.optional(COUNT)?.unwrap_or_default(), lines(&row)?))
    }

    fn first_of_part(
        &self,
        (digest, part): (&Entry, u64),
        fold: &Fold,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut item = keyed(&schema::outbox::digest_key(&digest.id, part));
        item.insert(COUNT.to_owned(), number(1));
        item.insert(LINES.to_owned(), AttributeValue::L(vec![text(&fold.line)]));
        item.insert(EXPIRES.to_owned(), expiry(digest.due));
        let put = Put::builder()
            .table_name(self.state_table())
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#x)")
            .expression_attribute_names("#x", EXPIRES);
        let put = put.build().map_err(|error| StoreError::Refused(Box::new(error)))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Only while nobody sends it: what is being sent must not grow.
    fn next_of_part(
        &self,
        (digest, part): (&str, u64),
        fold: &Fold,
        counted: usize,
    ) -> Result<TransactWriteItem, StoreError> {
        // Each has a line as long as fewer than so many are counted, whoever counts at the same time.
        let has_line = counted < LINES_MAX;
        let (expression, condition) = if has_line {
            ("SET #lines = list_append(#lines, :line) ADD #c :one", "#c < :max")
        } else {
            ("ADD #c :one", "#c >= :max")
        };
        let mut update = Update::builder()
            .table_name(self.state_table())
            .set_key(Some(keyed(&schema::outbox::digest_key(digest, part))))
            .update_expression(expression)
            .condition_expression(format!("attribute_not_exists(#sealed) AND {condition}"))
            .expression_attribute_names("#c", COUNT)
            .expression_attribute_names("#sealed", SEALED)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":max", number(LINES_MAX));
        if has_line {
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

fn expiry(due: EpochMillis) -> AttributeValue {
    number(schema::expires(due.plus(DIGESTS_LIVE)))
}
