//! A function's versions and settings over time: one item, which only ever learns.
//!
//! **Invariant.** What stands is the merge of everything that was ever learned, whoever learned it and in whatever order.

use overtime_wire::FunctionKey;

use crate::{
    domain::history::History,
    store::{
        Consistency, Store, StoreError,
        item::{Row, failed, json, keyed, number, won},
        schema::{
            self,
            attribute::{EXPIRES, VALUE},
        },
    },
};

/// How often learning is tried against others that learn at the same time.
const TRIES: usize = 20;
/// Most functions whose history a process remembers: some megabytes.
const REMEMBERED_MAX: usize = 2_000;

impl Store {
    /// Adds to what is known of a function. Writes nothing when nothing of it is news; says whether it was.
    pub async fn learn(&self, function: &FunctionKey, news: &History) -> Result<bool, StoreError> {
        if self.is_known(function, news) {
            return Ok(false);
        }
        for _ in 0..TRIES {
            let stands = self.history(function, Consistency::Strong).await?;
            let mut history = stands.clone().unwrap_or_default();
            history.merge(news);
            let is_news = stands.as_ref() != Some(&history) && history != History::default();
            if is_news && !self.put_history(function, &history, stands.as_ref()).await? {
                continue;
            }
            self.remember(function, history);
            return Ok(is_news);
        }
        Err(StoreError::Stale(format!("the history of {}", function.name)))
    }

    /// Whether this process has seen all of it standing before. What stands only grows, so it stands still, and most
    /// evaluations need not even read it.
    fn is_known(&self, function: &FunctionKey, news: &History) -> bool {
        self.histories.lock().is_ok_and(|known| {
            known.get(function).is_some_and(|stood| {
                let mut merged = stood.clone();
                merged.merge(news);
                merged == *stood
            })
        })
    }

    fn remember(&self, function: &FunctionKey, stands: History) {
        if let Ok(mut known) = self.histories.lock() {
            if known.len() >= REMEMBERED_MAX {
                known.clear();
            }
            known.insert(function.clone(), stands);
        }
    }

    /// What this process has last seen standing, without asking again.
    pub fn remembered_history(&self, function: &FunctionKey) -> Option<History> {
        self.histories.lock().ok()?.get(function).cloned()
    }

    /// What is known of a function's versions and settings.
    pub async fn history(
        &self,
        function: &FunctionKey,
        consistency: Consistency,
    ) -> Result<Option<History>, StoreError> {
        let key = keyed(&schema::history_key(function));
        let get = self.dynamo.get_item().table_name(self.state_table()).set_key(Some(key));
        let got = get.consistent_read(consistency.is_strong()).send().await.map_err(failed)?;
        got.item.map(|it| Row(it).json(VALUE)).transpose()
    }

    /// Replaces what stands, if it still does.
    async fn put_history(
        &self,
        function: &FunctionKey,
        history: &History,
        stands: Option<&History>,
    ) -> Result<bool, StoreError> {
        let mut item = keyed(&schema::history_key(function));
        item.insert(VALUE.to_owned(), json(history)?);
        if let Some(last) = history.last_seen {
            let expires = schema::expires(last.end().plus(self.retention.hours));
            item.insert(EXPIRES.to_owned(), number(expires));
        }
        let put = self
            .dynamo
            .put_item()
            .table_name(self.state_table())
            .set_item(Some(item))
            .expression_attribute_names("#v", VALUE);
        let put = match stands {
            None => put.condition_expression("attribute_not_exists(#v)"),
            // A history is written one way only, so that equal ones are equal texts.
            Some(it) => {
                put.condition_expression("#v = :v").expression_attribute_values(":v", json(it)?)
            }
        };
        won(put.send().await)
    }
}

#[cfg(test)]
mod tests {
    use futures::future::try_join_all;
    use overtime_wire::{Block, Tally};

    use super::*;
    use crate::{
        domain::fact::Standing,
        store::laboratory::{Laboratory, at, block, function, incarnation, tally},
    };

    fn standing(version: u32) -> Standing<Tally> {
        let mut tally = tally(1, 1);
        tally.profile.version = version.to_string();
        let recorded = tally.encode();
        Standing { incarnation: incarnation(1), recorded, accepted_at: at(0), writes: 1 }
    }

    #[tokio::test]
    async fn what_many_learn_at_once_is_all_known() {
        let lab = Laboratory::open().await;
        let function = function("orders");
        let news: Vec<_> = (0..8)
            .map(|it| {
                let block = Block::from_number(block().number() + it * 4);
                History::of(block, &[standing(it % 3)], &[])
            })
            .collect();
        let learned = news.iter().map(|it| lab.store.learn(&function, it));
        try_join_all(learned).await.unwrap();
        let mut whole = History::default();
        for it in &news {
            whole.merge(it);
        }
        let stands = lab.store.history(&function, Consistency::Eventual).await.unwrap();
        assert_eq!(stands, Some(whole));
        assert!(!lab.store.learn(&function, &news[0]).await.unwrap());
    }
}
