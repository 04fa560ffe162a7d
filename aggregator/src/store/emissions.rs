//! What of a block was said as metrics, so that each count is said once, whoever evaluates how often.
//!
//! Whoever wants to say what a block has counted first writes down that it was said, under the condition that what stands there has
//! seen less; what stood there before comes back with the same write, and the difference is theirs to say. Of several at once
//! one wins, and those that lose have nothing to say that the winner did not or a later one will not.
//!
//! An answer that is lost on the way is no loss: the item remembers who wrote it and over what.
//!
//! **Invariant.** Of every count, at most one caller is told that it is theirs to say.

use aws_sdk_dynamodb::{
    error::SdkError, operation::update_item::UpdateItemError, types::ReturnValue,
};
use overtime_wire::FunctionKey;

use crate::{
    domain::{
        emission::{self, Minutes},
        view::BlockView,
    },
    store::{
        Store, StoreError,
        item::{Row, failed, keyed, number, text},
        schema::{
            self, EMISSIONS_LIVE, Key,
            attribute::{AUTHOR, BEFORE, EXPIRES, VALUE, WRITES},
        },
    },
};

impl Store {
    /// What is left to say of a block, and is the caller's to say from now on; nothing if somebody who has seen as much was here
    /// before. `caller` is unlike anybody else's.
    pub async fn emit_up_to(
        &self,
        function: &FunctionKey,
        view: &BlockView,
        caller: &str,
    ) -> Result<Minutes, StoreError> {
        let (key, now) = (schema::emission_key(function, view.block), emission::minutes(view));
        let expires = schema::expires(view.block.end().plus(EMISSIONS_LIVE));
        let update = self
            .dynamo
            .update_item()
            .table_name(self.state_table())
            .set_key(Some(keyed(&key)))
            .update_expression(
                "SET #before = if_not_exists(#v, :none), #v = :v, #w = :w, #by = :by, #x = :x",
            )
            .condition_expression("attribute_not_exists(#w) OR #w < :w")
            .expression_attribute_names("#before", BEFORE)
            .expression_attribute_names("#v", VALUE)
            .expression_attribute_names("#w", WRITES)
            .expression_attribute_names("#by", AUTHOR)
            .expression_attribute_names("#x", EXPIRES)
            .expression_attribute_values(":none", text(emission::write(&Minutes::new())))
            .expression_attribute_values(":v", text(emission::write(&now)))
            .expression_attribute_values(":w", number(view.seen))
            .expression_attribute_values(":by", text(caller))
            .expression_attribute_values(":x", number(expires))
            .return_values(ReturnValue::AllNew);
        let row = match update.send().await {
            Ok(updated) => updated.attributes.map(Row),
            Err(SdkError::ServiceError(error)) if is_condition(error.err()) => {
                self.written_by(&key, caller).await?
            }
            Err(error) => return Err(failed(error)),
        };
        let Some(row) = row else { return Ok(Minutes::new()) };
        let before = emission::read(row.text(BEFORE)?)
            .ok_or_else(|| row.corrupt(BEFORE, "is not what we write"))?;
        Ok(emission::difference(&before, &now))
    }

    /// The item, if it was written by this caller: the answer to that was lost, and the SDK tried again.
    async fn written_by(&self, key: &Key, caller: &str) -> Result<Option<Row>, StoreError> {
        let get = self
            .dynamo
            .get_item()
            .table_name(self.state_table())
            .set_key(Some(keyed(key)))
            .consistent_read(true);
        let Some(item) = get.send().await.map_err(failed)?.item else { return Ok(None) };
        let row = Row(item);
        let ours = row.text(AUTHOR)? == caller;
        Ok(ours.then_some(row))
    }
}

fn is_condition(error: &UpdateItemError) -> bool {
    error.is_conditional_check_failed_exception()
}
