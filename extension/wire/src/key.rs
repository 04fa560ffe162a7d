//! The name of a fact within its function's batch, in which the aggregator refuses it and the extension recognises it.
//!
//! `tally/BLOCK/INCARNATION` or `verdict/BLOCK/INCARNATION/ORDINAL`: block and ordinal as decimal numbers, the incarnation as
//! 32 hexadecimal digits. The function is the batch's, so it is not repeated.

use std::{fmt, str::FromStr};

use crate::{
    invocation::{IncarnationId, Ordinal},
    time::Block,
};

/// Which fact of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKey {
    Tally { block: Block, incarnation: IncarnationId },
    Verdict { block: Block, incarnation: IncarnationId, ordinal: Ordinal },
}

/// A text is not the name of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("key is not of the form tally/BLOCK/INCARNATION or verdict/BLOCK/INCARNATION/ORDINAL")]
pub struct InvalidKey;

impl fmt::Display for FactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tally { block, incarnation } => {
                write!(f, "tally/{}/{incarnation}", block.number())
            }
            Self::Verdict { block, incarnation, ordinal } => {
                write!(f, "verdict/{}/{incarnation}/{}", block.number(), ordinal.0)
            }
        }
    }
}

impl FromStr for FactKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let number = |text: &str| text.parse::<u32>().map_err(|_| InvalidKey);
        let incarnation_of = |text: &str| IncarnationId::parse(text).ok_or(InvalidKey);
        let parts: Vec<&str> = text.split('/').collect();
        match parts[..] {
            ["tally", block, incarnation] => Ok(Self::Tally {
                block: Block::from_number(number(block)?),
                incarnation: incarnation_of(incarnation)?,
            }),
            ["verdict", block, incarnation, ordinal] => Ok(Self::Verdict {
                block: Block::from_number(number(block)?),
                incarnation: incarnation_of(incarnation)?,
                ordinal: Ordinal(number(ordinal)?),
            }),
            _ => Err(InvalidKey),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back_as_they_were_written() {
        let (block, incarnation) = (Block::from_number(1_992_768), IncarnationId([0xab; 16]));
        let tally = FactKey::Tally { block, incarnation };
        let verdict = FactKey::Verdict { block, incarnation, ordinal: Ordinal(7) };
        assert_eq!(tally.to_string(), "tally/1992768/abababababababababababababababab");
        assert_eq!(verdict.to_string(), "verdict/1992768/abababababababababababababababab/7");
        for key in [tally, verdict] {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
    }

    #[test]
    fn anything_else_is_no_key() {
        for text in ["", "tally", "tally/1/ab", "verdict/1/é/1", "other/1/2", "tally/x/y"] {
            assert_eq!(text.parse::<FactKey>(), Err(InvalidKey), "{text}");
        }
    }
}
