//! How often a function may be read again.
//!
//! An evaluation reads all facts of a kind in a block, so a function that causes ten thousand of them must not be read ten
//! thousand times. Each part of each function spends from a bucket: a token for every evaluation, and another for every hundred
//! facts that it read. Whoever finds it empty waits until there is one again, and never longer than ten seconds: what is
//! small is hardly ever held up, and what is large is read every ten seconds.
//!
//! **Invariant.** No clock: `now` is an argument. Waits are bounded, whatever was spent.

use std::{collections::HashMap, time::Duration};

use overtime_wire::{EpochMillis, FunctionKey};

use crate::domain::fact::Part;

/// What may be spent, and how it comes back.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// How many evaluations that read little may follow each other without a pause.
    pub burst: u32,
    /// How long it takes until a token is back.
    pub token_every: Duration,
    /// How many facts cost as much as an evaluation itself.
    pub facts_per_token: usize,
    /// The longest wait.
    pub wait_max: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            burst: 30,
            token_every: Duration::from_millis(500),
            facts_per_token: 100,
            wait_max: Duration::from_secs(10),
        }
    }
}

/// Everybody's buckets, of one process.
#[derive(Debug)]
pub(super) struct Damper {
    budget: Budget,
    buckets: HashMap<(FunctionKey, Part), Bucket>,
}

/// Time rather than tokens: the bucket is full at `full_at`, and each token is [`Budget::token_every`] before it.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    full_at: EpochMillis,
}

/// How many buckets there may be before full ones, which say nothing, are forgotten.
const BUCKETS_MAX: usize = 10_000;

impl Damper {
    pub(super) fn new(budget: Budget) -> Self {
        Self { budget, buckets: HashMap::new() }
    }

    pub(super) fn budget(&self) -> Budget {
        self.budget
    }

    /// Takes a token for an evaluation that begins now, or says when there will be one.
    pub(super) fn admit(
        &mut self,
        function: &FunctionKey,
        part: Part,
        now: EpochMillis,
    ) -> Result<(), EpochMillis> {
        self.forget(now);
        let Budget { burst, token_every, .. } = self.budget;
        let bucket = self.buckets.entry((function.clone(), part));
        let bucket = bucket.or_insert(Bucket { full_at: now });
        let full_at = bucket.full_at.max(now).plus(token_every);
        let due = full_at.minus(token_every * burst);
        if due > now {
            return Err(due);
        }
        bucket.full_at = full_at;
        Ok(())
    }

    /// An evaluation has read so many facts.
    pub(super) fn spend(
        &mut self,
        function: &FunctionKey,
        part: Part,
        (facts, now): (usize, EpochMillis),
    ) {
        let Budget { burst, token_every, facts_per_token, wait_max } = self.budget;
        let tokens = u32::try_from(facts / facts_per_token.max(1)).unwrap_or(u32::MAX);
        let bucket = self.buckets.entry((function.clone(), part));
        let bucket = bucket.or_insert(Bucket { full_at: now });
        let spent = token_every.saturating_mul(tokens);
        let emptiest = now.plus(token_every * burst.saturating_sub(1)).plus(wait_max);
        bucket.full_at = bucket.full_at.max(now).plus(spent).min(emptiest);
    }

    fn forget(&mut self, now: EpochMillis) {
        if self.buckets.len() > BUCKETS_MAX {
            self.buckets.retain(|_, it| it.full_at > now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::laboratory::{at, function};

    fn damper() -> Damper {
        Damper::new(Budget { burst: 2, ..Budget::default() })
    }

    fn admit(damper: &mut Damper, now: i64) -> Result<(), EpochMillis> {
        damper.admit(&function("orders"), Part::Verdict, at(now))
    }

    #[test]
    fn few_facts_are_read_twice_a_second_and_others_are_not_held_up() {
        let mut damper = damper();
        let admitted = [0, 0, 0, 499, 500, 501, 1_000].map(|now| admit(&mut damper, now));
        let (now, later) = (Ok(()), |ms| Err(at(ms)));
        assert_eq!(admitted, [now, now, later(500), later(500), now, later(1_000), now]);
        assert_eq!(damper.admit(&function("orders"), Part::Tally, at(1_000)), Ok(()));
        assert_eq!(damper.admit(&function("other"), Part::Verdict, at(1_000)), Ok(()));
        assert_eq!(admit(&mut damper, 60_000), Ok(()));
    }

    #[test]
    fn many_facts_are_read_every_ten_seconds() {
        let mut damper = damper();
        let mut read = Vec::new();
        for now in (0..60_000).step_by(100) {
            if admit(&mut damper, now).is_ok() {
                damper.spend(&function("orders"), Part::Verdict, (10_000, at(now)));
                read.push(now);
            }
        }
        assert_eq!(read, [0, 10_000, 20_000, 30_000, 40_000, 50_000]);
    }

    #[test]
    fn what_a_clock_that_jumps_back_leaves_is_a_bounded_wait() {
        let mut damper = damper();
        damper.spend(&function("orders"), Part::Verdict, (usize::MAX, at(0)));
        assert_eq!(admit(&mut damper, 10_000), Ok(()));
    }
}
