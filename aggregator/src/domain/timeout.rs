//! One entry of the timeouts list: a verdict, whose it is, and when it was first accepted.
//!
//! The list shows every invocation whose verdict says `timeout` today. One that was taken back leaves the list and keeps its place in
//! the table, so that an evaluator that is late with the old claim cannot bring it back.
//!
//! **Invariant.** An entry is a function of one fact; its id and the moment it was detected never change.

use std::time::Duration;

use overtime_wire::{
    AccountId, Block, Cause, EpochMillis, Evidence, FunctionKey, FunctionName, IncarnationId,
    Outcome, Region, Subject, Verdict,
};

use crate::domain::fact::Standing;

/// What one verdict means for the timeouts list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeout {
    pub function: FunctionKey,
    pub incarnation: IncarnationId,
    pub verdict: Verdict,
    /// When the aggregator first accepted anything under this key.
    pub detected_at: EpochMillis,
}

impl Timeout {
    /// What a verdict of `function` means as it stands in the table.
    pub fn of(function: &FunctionKey, standing: &Standing<Verdict>) -> Self {
        Self {
            function: function.clone(),
            incarnation: standing.incarnation,
            verdict: standing.recorded.fact.clone(),
            detected_at: standing.accepted_at,
        }
    }

    /// The same through every correction: what alerts and receivers tell timeouts apart by.
    pub fn id(&self) -> String {
        format!("{}-{}", self.incarnation, self.verdict.ordinal.0)
    }

    pub fn block(&self) -> Block {
        self.verdict.block
    }

    /// Whether it belongs on the list: an invocation that timed out. An init that did is counted, and is no invocation.
    pub fn is_listed(&self) -> bool {
        match (self.verdict.outcome, self.verdict.subject) {
            (Outcome::Timeout, Subject::Invocation) => true,
            (Outcome::Timeout, Subject::Init) | (Outcome::OutOfMemory | Outcome::Success, _) => {
                false
            }
        }
    }

    /// When it started, as well as is known.
    pub fn started_at(&self) -> EpochMillis {
        self.verdict.started.unwrap_or(self.verdict.seen)
    }

    /// When its time was up, as well as is known.
    pub fn deadline(&self) -> EpochMillis {
        let verdict = &self.verdict;
        verdict.deadline.unwrap_or_else(|| {
            if verdict.timeout > Duration::ZERO {
                self.started_at().plus(verdict.timeout)
            } else {
                verdict.detected
            }
        })
    }

    /// The day of its place in the list, since 1970.
    pub fn day(&self) -> i64 {
        self.placed_at() / DAY_MS
    }

    /// Its place in the list, as a text that sorts like it: by deadline, then by what tells equal deadlines apart.
    pub fn order(&self) -> String {
        let FunctionKey { account, region, name } = &self.function;
        format!("{:015}#{account}#{region}#{name}#{}", self.placed_at(), self.id())
    }

    /// The deadline as the list orders by it: whatever a sender says, it is something that can be written down.
    fn placed_at(&self) -> i64 {
        self.deadline().0.clamp(0, DEADLINE_MAX)
    }
}

const DAY_MS: i64 = 86_400_000;
/// What fifteen digits can say.
const DEADLINE_MAX: i64 = 999_999_999_999_999;

/// Which timeouts are asked for. Empty filters let everything through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub account: Option<AccountId>,
    pub region: Option<Region>,
    pub function: Option<FunctionName>,
    pub cause: Option<Cause>,
    pub evidence: Option<Evidence>,
    /// Deadlines from here, inclusive.
    pub from: EpochMillis,
    /// Deadlines before here, exclusive.
    pub to: EpochMillis,
    /// Only what was first accepted after this.
    pub detected_after: Option<EpochMillis>,
}

impl Filter {
    /// Everything with a deadline in `from..to`.
    pub fn between(from: EpochMillis, to: EpochMillis) -> Self {
        Self {
            account: None,
            region: None,
            function: None,
            cause: None,
            evidence: None,
            from,
            to,
            detected_after: None,
        }
    }

    pub fn covers(&self, timeout: &Timeout) -> bool {
        let Timeout { function, verdict, .. } = timeout;
        let deadline = timeout.deadline();
        timeout.is_listed()
            && (self.from..self.to).contains(&deadline)
            && self.account.is_none_or(|it| it == function.account)
            && self.region.as_ref().is_none_or(|it| *it == function.region)
            && self.function.as_ref().is_none_or(|it| *it == function.name)
            && self.cause.is_none_or(|it| it == verdict.cause)
            && self.evidence.is_none_or(|it| it == verdict.evidence)
            && self.detected_after.is_none_or(|it| timeout.detected_at > it)
    }

    /// The one function that is asked for, if it is one.
    pub fn one_function(&self) -> Option<FunctionKey> {
        Some(FunctionKey {
            account: self.account?,
            region: self.region.clone()?,
            name: self.function.clone()?,
        })
    }
}
