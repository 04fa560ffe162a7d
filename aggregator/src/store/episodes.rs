//! Episodes of alerts, for whoever asks what happened.
//!
//! They are written by [`alerts`](super::alerts) together with the state that opens or ends them. While one goes on it is kept; when it
//! is over, as long as timeouts are.
//!
//! **Invariant.** One item for each episode, in its alert's partition by when it opened, and in the list of the day it opened on.

use overtime_wire::EpochMillis;

use crate::{
    domain::alert::Remembered,
    store::{
        Store, StoreError,
        item::{Item, Row, failed, json, keyed, number, text},
        listed::{Page, Part},
        schema::{
            self,
            attribute::{DAY, EXPIRES, PK, PLACE, SK, VALUE},
        },
    },
};

impl Store {
    /// Its item.
    pub(super) fn episode_item(&self, it: &Remembered) -> Result<Item, StoreError> {
        let mut item = keyed(&schema::episode::key(&it.fingerprint, it.opened, &it.episode));
        item.insert(VALUE.to_owned(), json(it)?);
        item.insert(DAY.to_owned(), text(schema::episode::day(schema::day(it.opened))));
        let place = schema::episode::place(it.opened, &it.fingerprint, &it.episode);
        item.insert(PLACE.to_owned(), text(place));
        if let Some(over) = &it.over {
            let until = schema::expires(over.at.plus(self.retention.timeouts));
            item.insert(EXPIRES.to_owned(), number(until));
        }
        Ok(item)
    }

    /// Episodes that `wanted` wants, the one that opened last first.
    pub async fn episodes(
        &self,
        part: Part<'_>,
        wanted: impl Fn(&Remembered) -> bool,
    ) -> Result<Page<Remembered>, StoreError> {
        let read = |row: &Row| Ok(Some(row.json::<Remembered>(VALUE)?).filter(|it| wanted(it)));
        self.listed(schema::episode::day, part, read).await
    }

    /// Episodes of one alert that opened before `before`, the last first, at most `limit`.
    pub async fn episodes_of(
        &self,
        fingerprint: &str,
        before: EpochMillis,
        limit: usize,
    ) -> Result<Vec<Remembered>, StoreError> {
        let query = self
            .dynamo
            .query()
            .table_name(self.state_table())
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .key_condition_expression("#pk = :pk AND #sk < :sk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", text(schema::episode::pk(fingerprint)))
            .expression_attribute_values(":sk", text(schema::episode::millis(before)));
        let items = query.send().await.map_err(failed)?.items.unwrap_or_default();
        let read = |item| Row(item).json(VALUE);
        items.into_iter().filter_map(|it| self.unless_corrupt(read(it)).transpose()).collect()
    }

    /// One of them.
    pub async fn episode(
        &self,
        fingerprint: &str,
        opened: EpochMillis,
        episode: &str,
    ) -> Result<Option<Remembered>, StoreError> {
        let key = keyed(&schema::episode::key(fingerprint, opened, episode));
        let get = self.dynamo.get_item().table_name(self.state_table()).set_key(Some(key));
        let item = get.consistent_read(true).send().await.map_err(failed)?.item;
        item.map(|it| Row(it).json(VALUE)).transpose()
    }
}
