//! What was not let in: counted by reason, by caller and by hour, so that a silence has an explanation.
//!
//! A function that reports nothing looks like a function in good health. Where its batches are refused, somebody must see
//! that they are. These counters are added to and are best effort: a process that is killed takes what it has not written
//! with it, and a write whose answer was lost may be added twice. They explain; the facts they are about were never let in.
//!
//! **Invariant.** Whatever comes in, a process holds a bounded number of counters: callers are accounts that somebody
//! vouches for, beyond [`CALLERS_MAX`] an hour they are [`Caller::Others`].

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
    time::Duration,
};

use overtime_wire::{AccountId, EpochMillis, Untimely};

/// Most callers that are told apart by one process in one hour.
pub const CALLERS_MAX: usize = 256;
/// How long counts are gathered before they are written; the first after a pause is written at once.
pub const GATHERED_FOR: Duration = Duration::from_secs(10);
/// Most counters that wait to be written while the store is away; what would be another is dropped.
const WAITING_MAX: usize = 4_096;

const HOUR_MS: i64 = 3_600_000;

/// Why a fact or a batch was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A fact from the future: its sender's clock is wrong.
    Clock,
    /// A fact from so long ago that its neighbours are about to expire.
    TooLate,
    /// A batch that is none.
    Malformed,
    /// A batch that speaks for another account than its caller's.
    Account,
    /// A batch that is too long.
    Size,
    /// A body of another type, or encoded.
    Type,
    /// A request that nobody vouches for.
    Unauthenticated,
}

impl Reason {
    pub const ALL: [Self; 7] = [
        Self::Clock,
        Self::TooLate,
        Self::Malformed,
        Self::Account,
        Self::Size,
        Self::Type,
        Self::Unauthenticated,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clock => "clock",
            Self::TooLate => "too_late",
            Self::Malformed => "malformed",
            Self::Account => "account",
            Self::Size => "size",
            Self::Type => "type",
            Self::Unauthenticated => "unauthenticated",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }
}

impl From<Untimely> for Reason {
    fn from(untimely: Untimely) -> Self {
        match untimely {
            Untimely::Clock => Self::Clock,
            Untimely::TooLate => Self::TooLate,
        }
    }
}

/// Who called, as far as somebody vouches for it. What a batch claims about itself is no caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Caller {
    /// IAM says so.
    Account(AccountId),
    /// This machine, which needs no sign-in.
    Loopback,
    /// Nobody vouches for it.
    Unknown,
    /// More accounts than are told apart. Nobody calls as this.
    Others,
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => account.fmt(f),
            Self::Loopback => f.write_str("loopback"),
            Self::Unknown => f.write_str("unknown"),
            Self::Others => f.write_str("others"),
        }
    }
}

/// A text names no caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("caller is not an account, loopback, unknown or others")]
pub struct InvalidCaller;

impl FromStr for Caller {
    type Err = InvalidCaller;

    fn from_str(text: &str) -> Result<Self, InvalidCaller> {
        match text {
            "loopback" => Ok(Self::Loopback),
            "unknown" => Ok(Self::Unknown),
            "others" => Ok(Self::Others),
            account => account.parse().map(Self::Account).map_err(|_| InvalidCaller),
        }
    }
}

/// An hour since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub i64);

impl Hour {
    pub fn of(at: EpochMillis) -> Self {
        Self(at.0.div_euclid(HOUR_MS))
    }

    pub fn start(self) -> EpochMillis {
        EpochMillis(self.0.saturating_mul(HOUR_MS))
    }
}

/// What one counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rejection {
    pub hour: Hour,
    pub reason: Reason,
    pub caller: Caller,
}

/// Counts that this process has not written yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pending {
    counts: BTreeMap<Rejection, u64>,
    /// Accounts that were told apart in the newest hour.
    told_apart: (Option<Hour>, BTreeSet<AccountId>),
    taken_at: Option<EpochMillis>,
}

impl Pending {
    /// Counts what happened at `now`.
    pub fn count(&mut self, (reason, caller): (Reason, Caller), times: u64, now: EpochMillis) {
        let hour = Hour::of(now);
        let caller = match caller {
            Caller::Account(account) if !self.tells_apart(account, hour) => Caller::Others,
            Caller::Account(_) | Caller::Loopback | Caller::Unknown | Caller::Others => caller,
        };
        self.add(Rejection { hour, reason, caller }, times);
    }

    /// Puts back what could not be written.
    pub fn add(&mut self, rejection: Rejection, times: u64) {
        if times > 0 && (self.counts.len() < WAITING_MAX || self.counts.contains_key(&rejection)) {
            let count = self.counts.entry(rejection).or_default();
            *count = count.saturating_add(times);
        }
    }

    /// What is to be written now, if it is time; whoever takes it writes it.
    pub fn take_due(&mut self, now: EpochMillis) -> BTreeMap<Rejection, u64> {
        // A clock that was set back must not hold them up for as long.
        let waits = self.taken_at.is_some_and(|at| at <= now && now < at.plus(GATHERED_FOR));
        if waits || self.counts.is_empty() {
            return BTreeMap::new();
        }
        self.taken_at = Some(now);
        self.take()
    }

    /// Everything, because there will be no later.
    pub fn take(&mut self) -> BTreeMap<Rejection, u64> {
        std::mem::take(&mut self.counts)
    }

    fn tells_apart(&mut self, account: AccountId, hour: Hour) -> bool {
        let (newest, accounts) = &mut self.told_apart;
        if *newest != Some(hour) {
            (*newest, *accounts) = (Some(hour), BTreeSet::new());
        }
        accounts.contains(&account) || (accounts.len() < CALLERS_MAX && accounts.insert(account))
    }
}

/// Counters added up: what a page shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    pub by_reason: BTreeMap<Reason, u64>,
    pub by_caller: BTreeMap<Caller, u64>,
}

impl FromIterator<(Rejection, u64)> for Totals {
    fn from_iter<T: IntoIterator<Item = (Rejection, u64)>>(counts: T) -> Self {
        let mut totals = Self::default();
        for (Rejection { reason, caller, .. }, times) in counts {
            for sum in [
                totals.by_reason.entry(reason).or_default(),
                totals.by_caller.entry(caller).or_default(),
            ] {
                *sum = sum.saturating_add(times);
            }
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMillis = EpochMillis(1_793_491_200_000);

    fn account(number: usize) -> Caller {
        format!("{number:012}").parse().unwrap()
    }

    #[test]
    fn callers_and_reasons_are_read_back() {
        for caller in [account(1), Caller::Loopback, Caller::Unknown, Caller::Others] {
            assert_eq!(caller.to_string().parse(), Ok(caller));
        }
        assert_eq!("12".parse::<Caller>(), Err(InvalidCaller));
        assert!(Reason::ALL.into_iter().all(|it| Reason::parse(it.as_str()) == Some(it)));
    }

    #[test]
    fn the_first_is_due_at_once_and_the_following_together() {
        let mut pending = Pending::default();
        let what = (Reason::Malformed, Caller::Unknown);
        let taken: Vec<u64> = [0_u64, 1, 2, 11, 12, 22]
            .map(|second| {
                let now = NOW.plus(Duration::from_secs(second));
                pending.count(what, 1, now);
                pending.take_due(now).values().sum()
            })
            .into();
        assert_eq!(taken, [1, 0, 0, 3, 0, 2]);
        pending.count(what, 1, NOW);
        let earlier = NOW.minus(Duration::from_hours(1));
        assert_eq!(pending.take_due(earlier).len(), 1, "the clock was set back");
    }

    #[test]
    fn more_callers_than_can_be_told_apart_are_others_and_none_is_uncounted() {
        let mut pending = Pending::default();
        for number in 0..CALLERS_MAX + 50 {
            pending.count((Reason::Account, account(number)), 2, NOW);
        }
        let totals: Totals = pending.take().into_iter().collect();
        assert_eq!(totals.by_caller.len(), CALLERS_MAX + 1);
        assert_eq!(totals.by_caller[&Caller::Others], 100);
        assert_eq!(totals.by_reason[&Reason::Account], 2 * (CALLERS_MAX as u64 + 50));
    }

    #[test]
    fn what_waits_is_bounded_however_long_the_store_is_away() {
        let mut pending = Pending::default();
        for hour in 0..2_000 {
            let now = NOW.plus(Duration::from_hours(hour));
            for reason in Reason::ALL {
                pending.count((reason, Caller::Loopback), 1, now);
            }
        }
        assert_eq!(pending.take().len(), WAITING_MAX);
    }
}
