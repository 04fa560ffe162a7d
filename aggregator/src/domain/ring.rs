//! The hours that a function's row remembers, written by columns.
//!
//! A row is rewritten whenever its function reports, and is paid for by the kilobyte. Nearly all that it could say of an hour
//! is zero, so each number is a column over the hours and a column of zeros is left out.
//!
//! **Invariant.** What is read back is what was written: an hour that was not seen is not an hour of zeros.

use std::collections::BTreeMap;

use overtime_wire::{Counts, Losses};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::hour::Hour;

/// What a row remembers of an hour.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hourly {
    /// How much the hour had seen: never zero, and it only grows.
    pub seen: u64,
    pub counts: Counts,
    /// Timeouts by the word for their cause.
    pub causes: BTreeMap<String, u64>,
    pub losses: Losses,
}

/// Hours that something is known of, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ring(pub BTreeMap<Hour, Hourly>);

/// The column of [`Hourly::seen`].
const SEEN: &str = "w";
/// What the columns of causes begin with.
const CAUSE: &str = "c.";
/// More hours than this are not a ring of ours.
const HOURS_MAX: usize = 1_000;

#[derive(Serialize, Deserialize)]
struct Columns {
    from: Hour,
    columns: BTreeMap<String, Vec<u64>>,
}

impl Serialize for Ring {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let from = self.0.keys().next().copied().unwrap_or_default();
        let mut columns = BTreeMap::<String, Vec<u64>>::new();
        for (hour, hourly) in &self.0 {
            let at = usize::try_from(hour.number() - from.number()).unwrap_or(0);
            for (name, number) in hourly.numbers() {
                if number > 0 {
                    let column = columns.entry(name).or_default();
                    column.resize(at, 0);
                    column.push(number);
                }
            }
        }
        Columns { from, columns }.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Ring {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Columns { from, columns } = Columns::deserialize(from)?;
        let mut ring = Self::default();
        for (name, column) in &columns {
            if column.len() > HOURS_MAX {
                return Err(serde::de::Error::custom("a column is longer than any ring"));
            }
            for (at, number) in (0..).zip(column).filter(|(_, number)| **number > 0) {
                ring.0.entry(from.plus(at)).or_default().set(name, *number);
            }
        }
        Ok(ring)
    }
}

impl Hourly {
    fn numbers(&self) -> impl Iterator<Item = (String, u64)> {
        let causes = self.causes.iter().map(|(cause, count)| (format!("{CAUSE}{cause}"), *count));
        // Taken apart by copies, so that reading and writing share one list of names.
        let (mut counts, mut losses) = (self.counts, self.losses);
        let fixed: Vec<_> = counted(&mut counts)
            .into_iter()
            .map(|(name, it)| (name.to_owned(), *it))
            .chain(lost(&mut losses).into_iter().map(|(name, it)| (name.to_owned(), (*it).into())))
            .collect();
        std::iter::once((SEEN.to_owned(), self.seen)).chain(fixed).chain(causes)
    }

    /// A name that a later version may mean something by is passed over.
    fn set(&mut self, name: &str, number: u64) {
        if name == SEEN {
            self.seen = number;
        } else if let Some(cause) = name.strip_prefix(CAUSE) {
            self.causes.insert(cause.to_owned(), number);
        } else if let Some((_, it)) = counted(&mut self.counts).into_iter().find(|it| it.0 == name)
        {
            *it = number;
        } else if let Some((_, it)) = lost(&mut self.losses).into_iter().find(|it| it.0 == name) {
            *it = u32::try_from(number).unwrap_or(u32::MAX);
        }
    }
}

fn counted(counts: &mut Counts) -> [(&'static str, &mut u64); 8] {
    [
        ("i", &mut counts.invocations),
        ("t", &mut counts.timeouts),
        ("e", &mut counts.errors),
        ("o", &mut counts.out_of_memory),
        ("n", &mut counts.near_timeouts),
        ("s", &mut counts.cold_starts),
        ("it", &mut counts.init_timeouts),
        ("if", &mut counts.init_failures),
    ]
}

fn lost(losses: &mut Losses) -> [(&'static str, &mut u32); 10] {
    [
        ("l.unreadable", &mut losses.unreadable_records),
        ("l.dropped", &mut losses.dropped_records),
        ("l.overflowed", &mut losses.overflowed_facts),
        ("l.refused", &mut losses.refused_facts),
        ("l.unfinished", &mut losses.unfinished_invocations),
        ("l.unsent", &mut losses.failed_sends),
        ("l.ignored", &mut losses.ignored_journals),
        ("l.logs_overflowed", &mut losses.overflowed_log_records),
        ("l.logs_refused", &mut losses.refused_log_records),
        ("l.logs_unsent", &mut losses.unsent_log_records),
    ]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::{collection::btree_map, prelude::*};

    use super::*;

    fn hourly(seen: u64, numbers: &[u64]) -> Hourly {
        let mut hourly = Hourly { seen, ..Hourly::default() };
        for ((_, it), number) in counted(&mut hourly.counts).into_iter().zip(numbers) {
            *it = *number;
        }
        for ((_, it), number) in lost(&mut hourly.losses).into_iter().zip(numbers) {
            *it = u32::try_from(*number).unwrap();
        }
        let caused = [("handler".to_owned(), numbers[0]), ("init".to_owned(), numbers[1])];
        hourly.causes = caused.into_iter().filter(|(_, count)| *count > 0).collect();
        hourly
    }

    #[test]
    fn columns_of_zeros_cost_nothing() {
        let counts = Counts { invocations: 7, ..Counts::default() };
        let quiet = Hourly { seen: 2, counts, ..Hourly::default() };
        let ring =
            Ring([(Hour::from_number(9), quiet.clone()), (Hour::from_number(11), quiet)].into());
        expect![[r#"{"from":9,"columns":{"i":[7,0,7],"w":[2,0,2]}}"#]]
            .assert_eq(&serde_json::to_string(&ring).unwrap());
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(
            hours in btree_map(500_000_u32..500_028, (1_u64..9, prop::array::uniform8(0_u64..3)), 0..28),
        ) {
            let ring = Ring(hours.into_iter().map(|(hour, (seen, numbers))| {
                (Hour::from_number(hour), hourly(seen, &numbers))
            }).collect());
            let json = serde_json::to_string(&ring).unwrap();
            prop_assert_eq!(serde_json::from_str::<Ring>(&json).unwrap(), ring);
        }
    }
}
