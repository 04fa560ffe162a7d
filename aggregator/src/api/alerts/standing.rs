//! How the alerts of functions stand now, for pages that are about functions rather than alerts.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use overtime_wire::FunctionKey;

use super::{AT_ONCE, book, item::Item};
use crate::{
    api::{Reader, words::AlertState},
    domain::configuration::Configuration,
    store::StoreError,
};

/// The open alerts of one function, by subscription.
pub(crate) async fn of(
    reader: &Reader,
    function: &FunctionKey,
    configuration: &Configuration,
) -> Result<Vec<Item>, StoreError> {
    let now = (reader.clock)();
    let (_, book) = book(reader, function).await?;
    let item =
        |(subscription, member)| Item::of((function, subscription), member, (configuration, now));
    Ok(book.open().map(item).collect())
}

/// The worst state of each of these functions that has an open alert. Only those are read of which the index says so.
pub(crate) async fn worst(
    reader: &Reader,
    functions: &BTreeSet<FunctionKey>,
) -> Result<BTreeMap<FunctionKey, AlertState>, StoreError> {
    let open = reader.store.open_alerts().await?.into_iter().map(|it| it.function);
    let open: BTreeSet<FunctionKey> = open.filter(|it| functions.contains(it)).collect();
    if open.is_empty() {
        return Ok(BTreeMap::new());
    }
    let configuration = reader.store.configuration((reader.clock)()).await?;
    let reads: Vec<_> = open.iter().map(|it| of(reader, it, &configuration)).collect();
    let items: Vec<Vec<Item>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    let worst =
        |items: Vec<Item>| items.into_iter().map(|it| it.state.0).max_by_key(|it| rank(*it));
    let states = open.into_iter().zip(items);
    Ok(states.filter_map(|(function, items)| Some((function, worst(items)?))).collect())
}

fn rank(state: AlertState) -> u8 {
    match state {
        AlertState::Pending => 0,
        AlertState::Silenced => 1,
        AlertState::Firing => 2,
    }
}
