//! So many timeouts in a row in one environment: the loop in which a timeout makes the next one.
//!
//! Lambda resets an environment after a timeout, so the next invocation in it belongs to another incarnation, and to the same
//! environment. Two timeouts are in a row if the second is the invocation that follows the first in the same incarnation, or the
//! first of the next one that timed out in that environment; an init that has a verdict is no invocation and lies in between as if
//! it were not there. An incarnation that ended otherwise in between — the runtime crashed — leaves no verdict and is not seen.
//! A timeout with another cause than is asked for, one that was taken back and one that nobody believes yet end a row.
//!
//! Rows are looked for within an hour, or as long as they take if every timeout of them lasts as long as the longest in hand,
//! up to six hours: `blocks` of an observation reach as far back.

use std::collections::{BTreeMap, BTreeSet};

use overtime_wire::{IncarnationId, Ordinal, Subject};

use super::{Breach, Ground, Mark, Measure, Observation};
use crate::domain::timeout::Timeout;

/// The earliest row that is long enough. `grounds` in order.
pub(super) fn first(count: usize, grounds: &[&Timeout], seen: &Observation<'_>) -> Option<Ground> {
    let mut inits = BTreeMap::<IncarnationId, BTreeSet<Ordinal>>::new();
    for claim in seen.blocks.values().flatten() {
        if claim.verdict.subject == Subject::Init {
            inits.entry(claim.incarnation).or_default().insert(claim.verdict.ordinal);
        }
    }
    let place = |claim: &Timeout| {
        let ordinal = claim.verdict.ordinal;
        let before = inits.get(&claim.incarnation).map_or(0, |it| it.range(..ordinal).count());
        u64::from(ordinal.0).saturating_sub(u64::try_from(before).unwrap_or(u64::MAX))
    };
    let follows = |last: &Timeout, next: &Timeout| {
        if last.incarnation == next.incarnation {
            place(next) == place(last) + 1
        } else {
            place(next) == 0
        }
    };
    let mut rows = BTreeMap::<String, Vec<&Timeout>>::new();
    for claim in grounds {
        let row = rows.entry(environment(claim)).or_default();
        if row.last().is_some_and(|last| !follows(last, claim)) {
            row.clear();
        }
        row.push(claim);
        if row.len() >= count {
            let first = Mark::of(row[row.len() - count]);
            let timeouts = u64::try_from(row.len()).unwrap_or(u64::MAX);
            let measure = Measure::Row { timeouts, of_one: true };
            let breach = Breach { measure, begins_ms: Some(first.at.0), held_ms: None };
            return Some(Ground { first, breach: Some(breach) });
        }
    }
    None
}

/// What tells environments apart; where it is not known, incarnations do.
fn environment(claim: &Timeout) -> String {
    if claim.verdict.environment.is_empty() {
        claim.incarnation.to_string()
    } else {
        claim.verdict.environment.clone()
    }
}
