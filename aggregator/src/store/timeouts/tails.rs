//! The ends of functions' logs, apart from the list.
//!
//! A tail is for an operator who looks at one timeout. It is kept for less time than the entry it belongs to, is up to forty
//! times as long, and an entry is copied into two indexes, so the list goes without: an entry says that there is a tail, and who
//! wants it asks for it.
//!
//! **Invariant.** A tail is written before the entry that says so. One whose entry does not say so is nobody's, and expires.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use overtime_wire::{Block, FunctionKey, IncarnationId, Ordinal};

use super::{Page, entry_key, timeout};
use crate::{
    domain::{timeout::Timeout, view::Basis},
    store::{
        Store, StoreError,
        item::{Row, failed, keyed, text},
        schema::{self, attribute::VALUE},
    },
};

/// How many tails are read at the same time.
const AT_ONCE: usize = 16;

/// Which timeout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeoutKey {
    pub function: FunctionKey,
    pub block: Block,
    pub incarnation: IncarnationId,
    pub ordinal: Ordinal,
}

impl TimeoutKey {
    pub fn of(timeout: &Timeout) -> Self {
        Self {
            function: timeout.function.clone(),
            block: timeout.block(),
            incarnation: timeout.incarnation,
            ordinal: timeout.verdict.ordinal,
        }
    }
}

impl Store {
    /// One entry with its log tail, whether it is listed or was taken back.
    pub async fn timeout(&self, key: &TimeoutKey) -> Result<Option<Timeout>, StoreError> {
        let get = self
            .dynamo
            .get_item()
            .table_name(self.state_table())
            .set_key(Some(keyed(&entry_key(key))));
        let Some(item) = get.send().await.map_err(failed)?.item else { return Ok(None) };
        let (mut timeout, has_tail) = timeout(&Row(item))?;
        if has_tail {
            timeout.verdict.log_tail = self.log_tail(key).await?;
        }
        Ok(Some(timeout))
    }

    /// Gives the entries of a page the log tails that they have.
    pub async fn join_log_tails(&self, page: &mut Page) -> Result<(), StoreError> {
        let wanted: Vec<_> = page
            .with_tail
            .iter()
            .filter_map(|at| Some((*at, TimeoutKey::of(page.items.get(*at)?))))
            .collect();
        let tails = wanted
            .into_iter()
            .map(|(at, key)| async move { self.log_tail(&key).await.map(|tail| (at, tail)) });
        let tails: Vec<_> = stream::iter(tails).buffer_unordered(AT_ONCE).try_collect().await?;
        for (at, tail) in tails {
            if let Some(timeout) = page.items.get_mut(at) {
                timeout.verdict.log_tail = tail;
            }
        }
        Ok(())
    }

    /// Empty when it has expired.
    async fn log_tail(&self, key: &TimeoutKey) -> Result<String, StoreError> {
        let get = self.dynamo.get_item().table_name(self.state_table());
        let got = get.set_key(Some(keyed(&schema::log_tail_key(&entry_key(key))))).send().await;
        let Some(item) = got.map_err(failed)?.item else { return Ok(String::new()) };
        Row(item).text(VALUE).map(str::to_owned)
    }

    pub(super) async fn put_log_tail(
        &self,
        timeout: &Timeout,
        basis: Basis,
    ) -> Result<bool, StoreError> {
        let key = schema::log_tail_key(&entry_key(&TimeoutKey::of(timeout)));
        let mut item = keyed(&key);
        item.insert(VALUE.to_owned(), text(&timeout.verdict.log_tail));
        self.put_view(item, basis, timeout.block().end().plus(self.retention.log_tails)).await
    }
}
