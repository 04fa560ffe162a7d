//! Lists that are kept by day and read newest first: messages, and episodes of alerts.
//!
//! Both lie in one index beside the timeouts, a partition for each day of each list, ordered by a place that begins with
//! thirteen digits of milliseconds.
//!
//! **Invariant.** A cursor is a place in the order, not in a result, so pages neither skip nor repeat what stands still. A page looks
//! at a bounded number of items and days, whatever is asked for.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use overtime_wire::EpochMillis;

use crate::store::{
    Store, StoreError,
    item::{Row, failed, text},
    schema::{
        self, BY_DEADLINE,
        attribute::{DAY, PLACE},
        episode::millis,
    },
};

/// Most items that a page looks at.
const LOOKS_MAX: usize = 1_000;
/// Most days that a page looks into.
const DAYS_MAX: usize = 100;
/// How many digits a place begins with.
const DIGITS: usize = 13;

/// A place in such a list. Opaque to callers: `Display` and `FromStr` are its only uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(String);

/// A text that is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a cursor that this API gave")]
pub struct NoPlace;

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| NoPlace)?;
        let place = Self(String::from_utf8(bytes).map_err(|_| NoPlace)?);
        if place.at().is_some() { Ok(place) } else { Err(NoPlace) }
    }
}

impl Place {
    fn at(&self) -> Option<EpochMillis> {
        let (at, rest) = self.0.split_once('#')?;
        let plain = at.len() == DIGITS && at.bytes().all(|it| it.is_ascii_digit());
        at.parse().ok().filter(|_| plain && !rest.is_empty()).map(EpochMillis)
    }
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// From here, inclusive.
    pub from: EpochMillis,
    /// Before here.
    pub to: EpochMillis,
    /// What lies before this place in time.
    pub after: Option<&'a Place>,
    pub limit: usize,
}

/// Some of a list, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page begins; there may be one although this one is short.
    pub next: Option<Place>,
}

impl Store {
    /// A part of the list whose days `day` names: what `read` makes of its items, without those of which it makes nothing.
    pub(super) async fn listed<T>(
        &self,
        day: impl Fn(i64) -> String,
        part: Part<'_>,
        read: impl Fn(&Row) -> Result<Option<T>, StoreError>,
    ) -> Result<Page<T>, StoreError> {
        let from = EpochMillis(part.from.0.max(0));
        let to = part.after.and_then(Place::at).map_or(part.to, |it| it.min(part.to));
        let mut page = Page { items: Vec::new(), next: None };
        let mut looks = 0;
        let (first, mut this) = (schema::day(from), schema::day(to));
        for _ in 0..DAYS_MAX {
            if this < first || to < from {
                return Ok(page);
            }
            let query = self
                .dynamo
                .query()
                .table_name(self.state_table())
                .index_name(BY_DEADLINE)
                .scan_index_forward(false)
                .key_condition_expression("#day = :day AND #at BETWEEN :from AND :to")
                .expression_attribute_names("#day", DAY)
                .expression_attribute_names("#at", PLACE)
                .expression_attribute_values(":day", text(day(this)))
                .expression_attribute_values(":from", text(millis(from)))
                // Every place continues after its digits, so that the bound itself is not among them.
                .expression_attribute_values(":to", text(upper(part, to)));
            let mut items = query.into_paginator().items().send();
            while let Some(item) = items.next().await {
                let row = Row(item.map_err(failed)?);
                let Some(place) = self.unless_corrupt(row.text(PLACE))? else { continue };
                if part.after.is_some_and(|it| it.0 == place) {
                    continue;
                }
                page.items.extend(self.unless_corrupt(read(&row))?.flatten());
                looks += 1;
                if page.items.len() >= part.limit || looks >= LOOKS_MAX {
                    page.next = Some(Place(place.to_owned()));
                    return Ok(page);
                }
            }
            this -= 1;
        }
        // The rest lies before every place of the days that were looked into.
        page.next = Some(Place(format!("{}#~", millis(EpochMillis((this + 1) * DAY_MS - 1)))));
        Ok(page)
    }
}

const DAY_MS: i64 = 86_400_000;

/// Up to where in a day, inclusive.
fn upper(part: Part<'_>, to: EpochMillis) -> String {
    let after = part.after.filter(|it| it.at() == Some(to));
    after.map_or_else(|| millis(to), |it| it.0.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_and_nothing_else_is_one() {
        let place = Place("1793491200000#msg_1".to_owned());
        assert_eq!(place.to_string().parse(), Ok(place));
        for text in [
            "",
            "nonsense",
            "1793491200000#",
            "179349120000#x",
            "+793491200000#x",
            "17934912000001#x",
        ] {
            assert_eq!(
                BASE64_URL_SAFE_NO_PAD.encode(text).parse::<Place>(),
                Err(NoPlace),
                "{text}"
            );
        }
        assert_eq!("é".parse::<Place>(), Err(NoPlace));
    }
}
