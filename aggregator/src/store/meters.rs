//! What the OpenTelemetry receiver was told of a function, so that what it is told next goes on from there.
//!
//! **Invariant.** A meter is replaced only by one that has seen more.

use overtime_wire::FunctionKey;

use crate::{
    domain::otlp::meter::Meter,
    store::{
        Store, StoreError,
        item::{Row, failed, json, keyed, number},
        schema::{
            self,
            attribute::{EXPIRES, NEWEST, VALUE},
        },
    },
};

impl Store {
    pub async fn meter(&self, function: &FunctionKey) -> Result<Option<Meter>, StoreError> {
        let key = keyed(&schema::outbox::meter_key(function));
        let get = self.dynamo.get_item().table_name(self.state_table()).set_key(Some(key));
        let item = get.consistent_read(true).send().await.map_err(failed)?.item;
        let read = item.map(|it| Row(it).json(VALUE)).transpose();
        self.unless_corrupt(read).map(Option::flatten)
    }

    /// Writes a meter unless what stands there has seen as much.
    pub async fn put_meter(
        &self,
        function: &FunctionKey,
        meter: &Meter,
    ) -> Result<bool, StoreError> {
        let (newest, seen) = meter.seen();
        let mut item = keyed(&schema::outbox::meter_key(function));
        item.insert(VALUE.to_owned(), json(meter)?);
        let expires = schema::expires(newest.end().plus(self.retention.hours));
        item.insert(EXPIRES.to_owned(), number(expires));
        self.put_if_more(item, (NEWEST, number(newest.number())), seen).await
    }
}
