//! What a claim of a timeout amounts to, and its place in the order of such claims.
//!
//! The state of an alert outlives the facts it was made from, so a claim is kept in it as the verdict's own bytes: whatever
//! reads verdicts reads them, and nothing about a verdict is written down in a second way.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use overtime_wire::{EpochMillis, FactKey, FunctionKey, Outcome, Subject, Verdict};
use serde::{Deserialize, Serialize};

use crate::domain::timeout::Timeout;

/// How far a claim is to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credence {
    /// The platform said so.
    Confirmed,
    /// We concluded it, and may be corrected.
    Suspected,
    /// It was taken back, or was never about an invocation's timeout.
    Void,
}

impl Credence {
    pub fn of(claim: &Timeout) -> Self {
        match (claim.verdict.subject, claim.verdict.outcome) {
            (Subject::Invocation, Outcome::Timeout) if claim.verdict.evidence.is_inferred() => {
                Self::Suspected
            }
            (Subject::Invocation, Outcome::Timeout) => Self::Confirmed,
            (Subject::Invocation, Outcome::OutOfMemory | Outcome::Success) | (Subject::Init, _) => {
                Self::Void
            }
        }
    }
}

/// Whether it is a timeout as far as we know.
pub(super) fn stands(claim: &Timeout) -> bool {
    Credence::of(claim) != Credence::Void
}

/// Whether it came in so long after it happened that nobody should be woken for it.
pub(super) fn is_late(claim: &Timeout, late_after: Duration) -> bool {
    claim.detected_at.since(claim.deadline()) > late_after
}

/// What an alert remembers of a claim: everything but the log, which has its own retention.
pub(super) fn without_log(claim: &Timeout) -> Timeout {
    let verdict = Verdict { log_tail: String::new(), ..claim.verdict.clone() };
    Timeout { verdict, ..claim.clone() }
}

/// Where a claim stands in time. Claims of the same instant are told apart by their keys, so that the order is total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "(i64, String)", try_from = "(i64, String)")]
pub struct Mark {
    pub at: EpochMillis,
    pub key: FactKey,
}

impl Mark {
    pub fn of(claim: &Timeout) -> Self {
        let Timeout { incarnation, verdict, .. } = claim;
        let key = FactKey::Verdict {
            block: verdict.block,
            incarnation: *incarnation,
            ordinal: verdict.ordinal,
        };
        Self { at: claim.deadline(), key }
    }
}

/// What was written down is not what alerts write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a claim as alerts write them")]
pub struct Unreadable;

impl From<Mark> for (i64, String) {
    fn from(mark: Mark) -> Self {
        (mark.at.0, mark.key.to_string())
    }
}

impl TryFrom<(i64, String)> for Mark {
    type Error = Unreadable;

    fn try_from((at, key): (i64, String)) -> Result<Self, Unreadable> {
        Ok(Self { at: EpochMillis(at), key: key.parse().map_err(|_| Unreadable)? })
    }
}

/// A claim at rest.
#[derive(Serialize, Deserialize)]
pub(super) struct Written {
    account: String,
    region: String,
    name: String,
    key: String,
    detected_at: i64,
    /// The verdict's bytes in base64.
    verdict: String,
}

impl From<Timeout> for Written {
    fn from(claim: Timeout) -> Self {
        let FunctionKey { account, region, name } = &claim.function;
        Self {
            account: account.to_string(),
            region: region.to_string(),
            name: name.to_string(),
            key: Mark::of(&claim).key.to_string(),
            detected_at: claim.detected_at.0,
            verdict: BASE64_STANDARD.encode(claim.verdict.encode().bytes),
        }
    }
}

impl TryFrom<Written> for Timeout {
    type Error = Unreadable;

    fn try_from(written: Written) -> Result<Self, Unreadable> {
        let Ok(FactKey::Verdict { incarnation, .. }) = written.key.parse() else {
            return Err(Unreadable);
        };
        let bytes = BASE64_STANDARD.decode(written.verdict).map_err(|_| Unreadable)?;
        Ok(Self {
            function: FunctionKey {
                account: written.account.parse().map_err(|_| Unreadable)?,
                region: written.region.parse().map_err(|_| Unreadable)?,
                name: written.name.parse().map_err(|_| Unreadable)?,
            },
            incarnation,
            verdict: Verdict::decode(&bytes).map_err(|_| Unreadable)?.fact,
            detected_at: EpochMillis(written.detected_at),
        })
    }
}

/// For `serde(with)`: a claim as its [`Written`].
pub(super) mod written {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use super::{Timeout, Written};

    pub(in super::super) fn serialize<S: Serializer>(
        claim: &Timeout,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        Written::from(claim.clone()).serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Timeout, D::Error> {
        Timeout::try_from(Written::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// For `serde(with)`: an instant as the number it is.
pub(super) mod millis {
    use overtime_wire::EpochMillis;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
    pub(in super::super) fn serialize<S: Serializer>(
        at: &EpochMillis,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_i64(at.0)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<EpochMillis, D::Error> {
        i64::deserialize(from).map(EpochMillis)
    }
}

/// For `serde(with)`: an instant that need not be there.
pub(super) mod optional_millis {
    use overtime_wire::EpochMillis;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "the signature serde asks for")]
    pub(in super::super) fn serialize<S: Serializer>(
        at: &Option<EpochMillis>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        at.map(|it| it.0).serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<EpochMillis>, D::Error> {
        Ok(Option::<i64>::deserialize(from)?.map(EpochMillis))
    }
}
