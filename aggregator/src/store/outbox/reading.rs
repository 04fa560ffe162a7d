//! Messages as people ask for them, and as they put them in by hand.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use overtime_wire::EpochMillis;
use serde_json::json;

use super::entry::{Entry, records};
use crate::{
    domain::{
        configuration::audit::{About, Action, Deed},
        delivery::record::Record,
    },
    store::{
        Store, StoreError,
        configuration::By,
        item::{Row, failed, keyed, number, text, won},
        listed::{Page, Part},
        schema::{
            self,
            attribute::{
                COUNT, DUE, EXPIRES, PROBLEM, QUEUE, QUEUED, SK, STATUS, TRIES, VALUE, VERSION,
            },
        },
    },
};

/// What is known of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: String,
    /// `waiting`, `claimed`, `delivered`, `dead`, `suppressed` or `digested`.
    pub status: String,
    pub queued_at: EpochMillis,
    /// When it is attempted next, or its lease ends.
    pub due: Option<EpochMillis>,
    pub attempts: u32,
    pub records: Vec<Record>,
    /// Why it is not delivered.
    pub problem: Option<String>,
    /// How many others are in it, if it is a digest that takes no more.
    pub folded: Option<u64>,
    pub body: String,
}

impl Store {
    /// Puts a message in, unless there is one of that id. Says whether it did.
    pub async fn enqueue(&self, entry: &Entry) -> Result<bool, StoreError> {
        let put = self
            .dynamo
            .put_item()
            .table_name(self.state_table())
            .set_item(Some(entry.item(self.retention.messages)))
            .condition_expression("attribute_not_exists(#ver)")
            .expression_attribute_names("#ver", VERSION);
        won(put.send().await)
    }

    pub async fn delivery(&self, id: &str) -> Result<Option<Delivery>, StoreError> {
        let key = keyed(&schema::outbox::key(id));
        let get = self.dynamo.get_item().table_name(self.state_table()).set_key(Some(key));
        let item = get.consistent_read(true).send().await.map_err(failed)?.item;
        item.map(|it| delivery(&Row(it))).transpose()
    }

    /// What became of all messages of an episode to a channel, in their order.
    pub async fn deliveries_of(
        &self,
        episode: &str,
        channel: &str,
    ) -> Result<Vec<Delivery>, StoreError> {
        let id = crate::domain::delivery::id::DeliveryId::compose(episode, "firing", channel);
        let lane = self.lane(&id).await?;
        lane.items().map(|it| delivery(&Row(it.clone()))).collect()
    }

    /// Deliveries that `wanted` wants, latest first.
    pub async fn deliveries(
        &self,
        part: Part<'_>,
        wanted: impl Fn(&Delivery) -> bool,
    ) -> Result<Page<Delivery>, StoreError> {
        let read = |row: &Row| Ok(Some(delivery(row)?).filter(|it| wanted(it)));
        self.listed(schema::outbox::day, part, read).await
    }

    /// Has a message that is done with delivered again, from the first attempt on, under the same id, and records who wanted it.
    /// `false` when there is none, or it is on its way.
    pub async fn replay(&self, id: &str, by: By<'_>) -> Result<bool, StoreError> {
        let Some(standing) = self.delivery(id).await?.filter(|it| it.due.is_none()) else {
            return Ok(false);
        };
        let before = json!({ "status": standing.status, "attempts": standing.attempts, "why": standing.problem });
        let deed = Deed {
            action: Action::Replayed,
            kind: About::Delivery,
            id: id.to_owned(),
            before: Some(before),
            after: None,
        };
        let update = self.again(id, by.at)?;
        let write = self.dynamo.transact_write_items().transact_items(update);
        won(write.transact_items(self.deed(deed, by).await?).send().await)
    }

    /// Puts a message in that somebody wants to see arrive, and records who did.
    pub async fn enqueue_by(
        &self,
        entry: &Entry,
        deed: Deed,
        by: By<'_>,
    ) -> Result<bool, StoreError> {
        let put = Put::builder()
            .table_name(self.state_table())
            .set_item(Some(entry.item(self.retention.messages)))
            .condition_expression("attribute_not_exists(#ver)")
            .expression_attribute_names("#ver", VERSION);
        let put = put.build().map_err(|error| StoreError::Refused(Box::new(error)))?;
        let put = TransactWriteItem::builder().put(put).build();
        let write = self.dynamo.transact_write_items().transact_items(put);
        won(write.transact_items(self.deed(deed, by).await?).send().await)
    }

    /// Brings a settled message back to where it began.
    fn again(&self, id: &str, now: EpochMillis) -> Result<TransactWriteItem, StoreError> {
        let key = schema::outbox::key(id);
        let update = Update::builder()
            .table_name(self.state_table())
            .set_key(Some(keyed(&key)))
            .update_expression(
                "SET #status = :waiting, #tries = :none, #queue = :queue, #due = :now REMOVE #x ADD #ver :one",
            )
            .condition_expression("attribute_exists(#ver) AND attribute_not_exists(#due)")
            .expression_attribute_names("#status", STATUS)
            .expression_attribute_names("#tries", TRIES)
            .expression_attribute_names("#queue", QUEUE)
            .expression_attribute_names("#due", DUE)
            .expression_attribute_names("#x", EXPIRES)
            .expression_attribute_names("#ver", VERSION)
            .expression_attribute_values(":waiting", text("waiting"))
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":queue", text(schema::outbox::queue(id)))
            .expression_attribute_values(":now", number(now.0))
            .expression_attribute_values(":one", number(1));
        let update = update.build().map_err(|error| StoreError::Refused(Box::new(error)))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

fn delivery(row: &Row) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        id: row.text(SK)?.to_owned(),
        status: row.text(STATUS)?.to_owned(),
        queued_at: EpochMillis(row.number(QUEUED)?),
        due: row.optional(DUE)?.map(EpochMillis),
        attempts: row.number(TRIES)?,
        records: records(row)?,
        problem: row.text(PROBLEM).ok().map(str::to_owned),
        folded: row.optional(COUNT)?,
        body: row.text(VALUE)?.to_owned(),
    })
}
