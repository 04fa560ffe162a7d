//! How long what is kept is kept.
//!
//! Every item carries its own expiry, so a setting that changes holds for what is written from then on.
//!
//! **Invariant.** Nothing expires while something may still be made of it: the least of each is enforced where settings are read.

use std::time::Duration;

use crate::store::schema::{
    BLOCKS_LIVE, FACTS_LIVE, HOURS_LIVE, LOG_TAILS_LIVE, MESSAGES_LIVE, TIMEOUTS_LIVE,
};

/// Times to live, each from the end of what an item is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Raw facts.
    pub facts: Duration,
    /// Block views: minutes, quantiles, samples.
    pub blocks: Duration,
    /// Hours, rows and histories of functions, totals of the fleet.
    pub hours: Duration,
    /// Entries of the timeouts list.
    pub timeouts: Duration,
    /// The ends of logs that belong to them.
    pub log_tails: Duration,
    /// Messages that were delivered or given up.
    pub messages: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            facts: FACTS_LIVE,
            blocks: BLOCKS_LIVE,
            hours: HOURS_LIVE,
            timeouts: TIMEOUTS_LIVE,
            log_tails: LOG_TAILS_LIVE,
            messages: MESSAGES_LIVE,
        }
    }
}

#[cfg(test)]
mod tests {
    use overtime_wire::EpochMillis;

    use super::*;
    use crate::{
        domain::{
            fact::Part,
            hour::{Hour, HourView, StandingHour},
            timeout::Timeout,
            view::{Basis, TallyPart},
        },
        store::{
            blocks::PartKey,
            facts::{Author, Fact},
            laboratory::{Laboratory, at, block, function, incarnation, verdict},
            schema::{FACTS, STATE},
        },
    };

    /// In hours after the block, by the first letter of the key, as the table has them.
    async fn kept(lab: &Laboratory, table: &str, since: EpochMillis) -> Vec<(String, i64)> {
        let scanned = lab.access.dynamo.scan().table_name(table).send().await.unwrap();
        let kind = |pk: &str| pk.split_once('#').unwrap().0.to_owned();
        let expiry = |it: &str| (it.parse::<i64>().unwrap() - since.0 / 1_000) / 3_600;
        let mut kept: Vec<_> = scanned
            .items()
            .iter()
            .map(|it| (kind(it["pk"].as_s().unwrap()), expiry(it["x"].as_n().unwrap())))
            .collect();
        kept.sort();
        kept
    }

    #[tokio::test]
    async fn everything_is_kept_for_as_long_as_it_was_asked_for() {
        let lab = Laboratory::open().await;
        let hours = Duration::from_hours;
        let retention = Retention {
            facts: hours(50),
            blocks: hours(60),
            hours: hours(70),
            timeouts: hours(80),
            log_tails: hours(90),
            messages: hours(100),
        };
        let store = lab.store.clone().keeping(retention);
        let (function, verdict) = (function("orders"), verdict(1, 0));
        let author = Author { function: &function, incarnation: incarnation(1) };
        store.record(author, Fact::Verdict(&verdict.encode()), at(0)).await.unwrap();
        let key = PartKey { function: &function, block: block(), part: Part::Tally };
        store.put_part(key, &TallyPart::default(), Basis::of(1)).await.unwrap();
        let hour = Hour::of_block(block());
        let standing = StandingHour { hour, basis: Basis::of(1), view: HourView::default() };
        store.put_hour(&function, &standing).await.unwrap();
        let timeout = Timeout {
            function: function.clone(),
            incarnation: incarnation(1),
            detected_at: at(0),
            verdict: overtime_wire::Verdict { log_tail: "the end".to_owned(), ..verdict },
        };
        store.put_timeout(&timeout, 1).await.unwrap();
        let since = block().end();
        let account = function.account.to_string();
        assert_eq!(kept(&lab, FACTS, since).await, [(account, 50)]);
        let expected = [("B", 60), ("D", 128), ("H", 70), ("L", 90), ("V", 80)];
        let expected = expected.map(|(kind, hours)| (kind.to_owned(), hours));
        assert_eq!(kept(&lab, STATE, since).await, expected);
    }
}
