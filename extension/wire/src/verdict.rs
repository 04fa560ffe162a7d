//! What is known about one invocation or init that ended abnormally, or is suspected to.
//!
//! Several signals may tell of the same end, at different times and with different certainty. They all speak under one
//! key — function, block, incarnation, ordinal — and of two verdicts the one with better evidence stands, then the later
//! revision. Whoever makes the better one carries over what was known ([`Verdict::request`], a log tail): the merge does
//! not. A retraction keeps the evidence of the claim it takes back, at a higher revision, with [`Outcome::Success`].

use std::time::Duration;

use prost::Message;

use crate::{
    fact::{Malformed, Rank, Recorded, bounded, clipped},
    invocation::{Cause, Evidence, Ordinal, Outcome, RequestId, Subject, TraceId},
    phases::Spans,
    profile::{TEXT_MAX, millis},
    time::{Block, EpochMillis},
    v1,
};

/// One abnormal end, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Fixed at first sight, with [`Self::seen`].
    pub block: Block,
    pub ordinal: Ordinal,
    /// Grows with every change at the same evidence.
    pub revision: u32,
    pub evidence: Evidence,
    pub outcome: Outcome,
    pub subject: Subject,
    pub cause: Cause,
    /// First sight of the invocation; lies in [`Self::block`].
    pub seen: EpochMillis,
    pub started: Option<EpochMillis>,
    pub deadline: Option<EpochMillis>,
    /// When the extension knew.
    pub detected: EpochMillis,
    /// The configured timeout; zero while unknown.
    pub timeout: Duration,
    pub duration: Option<Duration>,
    /// `None` when unknowable: a suppressed init may never reveal it.
    pub request: Option<RequestId>,
    pub version: String,
    /// The qualifier the caller used, when it is not the version.
    pub alias: String,
    pub cold_start: bool,
    pub memory_mb: u32,
    /// Zero while unknown: only a report says it.
    pub max_memory_used_mb: u32,
    pub trace: Option<TraceId>,
    pub environment: String,
    /// Empty unless asked for.
    pub log_tail: String,
    /// When the function last wrote to its log. `None` when it did not, or when nobody asked for its log.
    pub last_log: Option<EpochMillis>,
    pub spans: Spans,
}

impl Verdict {
    /// Longest encoding that is accepted.
    pub const MAX_BYTES: usize = 8 * 1024;
    /// Longest log tail, in bytes; longer ones are cut by the sender.
    pub const LOG_TAIL_MAX: usize = 4 * 1024;
    /// Longest environment, in bytes; longer ones are cut by the sender.
    const ENVIRONMENT_MAX: usize = 256;

    pub fn rank(&self) -> Rank {
        Rank::new(self.evidence.to_wire().unsigned_abs(), self.revision)
    }

    pub fn encode(&self) -> Recorded<Self> {
        Recorded { rank: self.rank(), fact: self.clone(), bytes: self.to_wire().encode_to_vec() }
    }

    pub fn decode(bytes: &[u8]) -> Result<Recorded<Self>, Malformed> {
        if bytes.len() > Self::MAX_BYTES {
            let problem =
                format!("has {} bytes, at most {} are allowed", bytes.len(), Self::MAX_BYTES);
            return Err(Malformed::field("verdicts", problem));
        }
        let fact = Self::from_wire(v1::Verdict::decode(bytes)?)?;
        Ok(Recorded { rank: fact.rank(), fact, bytes: bytes.to_vec() })
    }

    fn to_wire(&self) -> v1::Verdict {
        let offset = |at: EpochMillis| self.block.offset(at);
        v1::Verdict {
            block: self.block.number(),
            ordinal: self.ordinal.0,
            revision: self.revision,
            evidence: self.evidence.to_wire(),
            outcome: self.outcome.to_wire(),
            subject: self.subject.to_wire(),
            cause: self.cause.to_wire(),
            seen_ms: u32::try_from(offset(self.seen)).unwrap_or(0),
            started_ms: self.started.map(offset),
            deadline_ms: self.deadline.map(offset),
            detected_ms: offset(self.detected),
            timeout_ms: millis(self.timeout),
            duration_us: self.duration.map(|it| u64::try_from(it.as_micros()).unwrap_or(u64::MAX)),
            request_id: self.request.as_ref().map(RequestId::to_wire).unwrap_or_default(),
            version: clipped(&self.version, TEXT_MAX),
            alias: clipped(&self.alias, TEXT_MAX),
            cold_start: self.cold_start,
            memory_mb: self.memory_mb,
            max_memory_used_mb: self.max_memory_used_mb,
            trace_id: self.trace.map(|it| it.0.to_vec()).unwrap_or_default(),
            environment: clipped(&self.environment, Self::ENVIRONMENT_MAX),
            log_tail: clipped(&self.log_tail, Self::LOG_TAIL_MAX),
            last_log_ms: self.last_log.map(offset),
            spans: self.spans.to_wire(),
        }
    }

    fn from_wire(wire: v1::Verdict) -> Result<Self, Malformed> {
        let block = Block::from_number(wire.block);
        let seen = block.at(wire.seen_ms.into());
        if seen >= block.end() {
            return Err(Malformed::field("verdicts.seen_ms", "lies beyond its block"));
        }
        Ok(Self {
            block,
            ordinal: Ordinal(wire.ordinal),
            revision: wire.revision,
            evidence: known("verdicts.evidence", wire.evidence, Evidence::from_wire)?,
            outcome: known("verdicts.outcome", wire.outcome, Outcome::from_wire)?,
            subject: known("verdicts.subject", wire.subject, Subject::from_wire)?,
            // A cause that only a later extension knows is unknown to us; the timeout still counts.
            cause: Cause::from_wire(wire.cause).unwrap_or(Cause::Unknown),
            seen,
            started: wire.started_ms.map(|it| block.at(it)),
            deadline: wire.deadline_ms.map(|it| block.at(it)),
            detected: block.at(wire.detected_ms),
            timeout: Duration::from_millis(wire.timeout_ms.into()),
            duration: wire.duration_us.map(Duration::from_micros),
            request: RequestId::from_wire(&wire.request_id).map_err(|()| {
                Malformed::field("verdicts.request_id", "is neither a UUID nor a short text")
            })?,
            version: bounded("verdicts.version", wire.version, TEXT_MAX)?,
            alias: bounded("verdicts.alias", wire.alias, TEXT_MAX)?,
            cold_start: wire.cold_start,
            memory_mb: wire.memory_mb,
            max_memory_used_mb: wire.max_memory_used_mb,
            trace: trace(&wire.trace_id)?,
            environment: bounded("verdicts.environment", wire.environment, Self::ENVIRONMENT_MAX)?,
            log_tail: bounded("verdicts.log_tail", wire.log_tail, Self::LOG_TAIL_MAX)?,
            last_log: wire.last_log_ms.map(|it| block.at(it)),
            spans: wire.spans.map(Spans::from_wire).unwrap_or_default(),
        })
    }
}

fn known<T>(
    field: &'static str,
    number: i32,
    from_wire: fn(i32) -> Option<T>,
) -> Result<T, Malformed> {
    from_wire(number).ok_or_else(|| Malformed::field(field, format!("has no value {number}")))
}

fn trace(bytes: &[u8]) -> Result<Option<TraceId>, Malformed> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let bytes = bytes.try_into();
    let trace = bytes.map_err(|_| Malformed::field("verdicts.trace_id", "is not 16 bytes"))?;
    Ok(Some(TraceId(trace)))
}
