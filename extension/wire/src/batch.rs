//! One POST: whose facts, and the facts.
//!
//! Decoding is strict about what it knows and indifferent to what it does not: unknown fields pass, a known field that
//! cannot be right refuses the batch and is named. Limits hold before anything is allocated for what they bound.

use prost::Message;

use crate::{
    fact::{Malformed, Recorded},
    function::{AccountId, FunctionKey, Partition},
    invocation::IncarnationId,
    tally::Tally,
    time::EpochMillis,
    v1,
    verdict::Verdict,
};

/// Facts of one function, from one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub function: FunctionKey,
    pub partition: Partition,
    /// The sender's wall clock.
    pub sent: EpochMillis,
    pub incarnations: Vec<Incarnation>,
}

/// Facts of one life of an extension process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incarnation {
    pub id: IncarnationId,
    pub tallies: Vec<Recorded<Tally>>,
    pub verdicts: Vec<Recorded<Verdict>>,
}

impl Batch {
    /// Longest body that is read.
    pub const MAX_BYTES: usize = 1024 * 1024;
    /// Most facts in one batch: what a process may have kept for its successors, and more.
    pub const MAX_FACTS: usize = 1_000;

    pub fn encode(&self) -> Vec<u8> {
        v1::Batch {
            function: Some(v1::Function {
                account: self.function.account.number(),
                region: self.function.region.to_string(),
                name: self.function.name.to_string(),
                partition: self.partition.to_wire(),
            }),
            sent_at_ms: u64::try_from(self.sent.0).unwrap_or(0),
            incarnations: self.incarnations.iter().map(Incarnation::to_wire).collect(),
        }
        .encode_to_vec()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > Self::MAX_BYTES {
            let problem =
                format!("has {} bytes, at most {} are allowed", bytes.len(), Self::MAX_BYTES);
            return Err(Malformed::field("batch", problem));
        }
        let wire = v1::Batch::decode(bytes)?;
        let function = wire.function.ok_or_else(|| Malformed::field("function", "is missing"))?;
        let facts: usize =
            wire.incarnations.iter().map(|it| it.tallies.len() + it.verdicts.len()).sum();
        if facts > Self::MAX_FACTS {
            let problem = format!("hold {facts} facts, at most {} are allowed", Self::MAX_FACTS);
            return Err(Malformed::field("incarnations", problem));
        }
        Ok(Self {
            function: FunctionKey {
                account: part("function.account", AccountId::from_number(function.account))?,
                region: part("function.region", function.region.parse())?,
                name: part("function.name", function.name.parse())?,
            },
            partition: part("function.partition", Partition::from_wire(&function.partition))?,
            sent: EpochMillis(i64::try_from(wire.sent_at_ms).unwrap_or(i64::MAX)),
            incarnations: wire
                .incarnations
                .into_iter()
                .map(Incarnation::from_wire)
                .collect::<Result<_, _>>()?,
        })
    }

    /// How many facts it holds.
    pub fn facts(&self) -> usize {
        self.incarnations.iter().map(|it| it.tallies.len() + it.verdicts.len()).sum()
    }
}

impl Incarnation {
    fn to_wire(&self) -> v1::Incarnation {
        v1::Incarnation {
            id: self.id.0.to_vec(),
            tallies: self.tallies.iter().map(|it| it.bytes.clone()).collect(),
            verdicts: self.verdicts.iter().map(|it| it.bytes.clone()).collect(),
        }
    }

    fn from_wire(wire: v1::Incarnation) -> Result<Self, Malformed> {
        let id = wire.id.as_slice().try_into();
        Ok(Self {
            id: IncarnationId(
                id.map_err(|_| Malformed::field("incarnations.id", "is not 16 bytes"))?,
            ),
            tallies: wire.tallies.iter().map(|it| Tally::decode(it)).collect::<Result<_, _>>()?,
            verdicts: wire
                .verdicts
                .iter()
                .map(|it| Verdict::decode(it))
                .collect::<Result<_, _>>()?,
        })
    }
}

fn part<T, E: std::fmt::Display>(
    field: &'static str,
    parsed: Result<T, E>,
) -> Result<T, Malformed> {
    parsed.map_err(|error| Malformed::field(field, error.to_string()))
}
