//! How far each shard of the facts' stream has been followed, so that a restart goes on from there.
//!
//! **Invariant.** A checkpoint names a record up to which every evaluation is done; what lies behind it may be done again.

use crate::store::{
    Store, StoreError,
    item::{Row, failed, keyed, text},
    schema::{self, attribute::SEQUENCE},
};

impl Store {
    /// The last record of a shard that is done with, if there is one.
    pub async fn checkpoint(
        &self,
        stream: &str,
        shard: &str,
    ) -> Result<Option<String>, StoreError> {
        let key = keyed(&schema::checkpoint_key(stream, shard));
        let get = self
            .dynamo
            .get_item()
            .table_name(self.state_table())
            .set_key(Some(key))
            .consistent_read(true);
        let item = get.send().await.map_err(failed)?.item;
        item.map(|it| Row(it).text(SEQUENCE).map(str::to_owned)).transpose()
    }

    /// Everything of a shard up to `sequence` is done with.
    pub async fn put_checkpoint(
        &self,
        stream: &str,
        shard: &str,
        sequence: &str,
    ) -> Result<(), StoreError> {
        let mut item = keyed(&schema::checkpoint_key(stream, shard));
        item.insert(SEQUENCE.to_owned(), text(sequence));
        let put = self.dynamo.put_item().table_name(self.state_table()).set_item(Some(item));
        put.send().await.map_err(failed)?;
        Ok(())
    }
}
