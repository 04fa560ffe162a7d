//! What is read of a function before somebody is told of it.
//!
//! An opening that waited for its group is mostly told by a sweep, which has no timeouts in its hands. They are read here, once for an
//! opening, so that the message says what the function's page would.

use std::time::Duration;

use futures::future::try_join3;
use overtime_wire::{CLOCK_TOLERANCE, EpochMillis, FunctionKey};

use super::Sweep;
use crate::{
    domain::{
        alert::book::{Book, Member},
        analysis::told::Background,
        history::History,
        hour::{Hour, StandingHour},
        timeout::{Filter, Timeout},
    },
    store::{Consistency, StoreError},
};

/// How many timeouts are looked at, the latest first, and how far back.
const TIMEOUTS_MAX: usize = 100;
const TIMEOUTS_WITHIN: Duration = Duration::from_hours(6);
/// How far back hours are: a day before the timeouts, and some.
const HOURS_BACK: u32 = 48;

/// A function as it was read.
#[derive(Debug)]
pub(super) struct ReadUp {
    timeouts: Vec<Timeout>,
    complete: bool,
    hours: Vec<StandingHour>,
    since: Hour,
    history: Option<History>,
}

/// Whether an alert of the function's own fires that nobody was told of yet.
pub(super) fn is_to_be_told(book: &Book) -> bool {
    let untold = |it: &Member| it.episode().is_some() && !it.is_told() && it.group().is_none();
    book.open().any(|(_, it)| untold(it))
}

impl Sweep {
    pub(super) async fn read_up(
        &self,
        function: &FunctionKey,
        now: EpochMillis,
    ) -> Result<ReadUp, StoreError> {
        let since = now.minus(TIMEOUTS_WITHIN);
        let filter = Filter {
            account: Some(function.account),
            region: Some(function.region.clone()),
            function: Some(function.name.clone()),
            ..Filter::between(since, now.plus(CLOCK_TOLERANCE))
        };
        let (since, last) = (Hour::of(since), Hour::of(now.plus(CLOCK_TOLERANCE)));
        let window = (last.minus(HOURS_BACK), last);
        let (page, hours, history) = try_join3(
            self.store.timeouts(&filter, None, TIMEOUTS_MAX),
            self.store.hours(function, window, Consistency::Eventual),
            self.store.history(function, Consistency::Eventual),
        )
        .await?;
        let complete = page.next.is_none();
        let mut timeouts = page.items;
        timeouts.reverse();
        Ok(ReadUp { timeouts, complete, hours, since, history })
    }
}

impl ReadUp {
    pub(super) fn background(&self) -> Background<'_> {
        Background {
            timeouts: Some((&self.timeouts, self.complete)),
            hours: &self.hours,
            since: self.since,
            history: self.history.as_ref(),
        }
    }
}
