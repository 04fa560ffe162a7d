//! Panics on request, compiled only for this crate's own tests (feature `faults`).
//!
//! The law says that a bug beside the loop must not harm the function. To prove it, a telemetry record of type
//! `overtime.fault` names a place, and that place panics. Without the feature every function here is empty.

/// Where a panic can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Decoding,
    Core,
    Uplink,
    Journal,
    Logs,
}

/// The record type that asks.
pub const RECORD: &str = "overtime.fault";

impl Place {
    /// Reads the place out of a record.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "decoding" => Some(Self::Decoding),
            "core" => Some(Self::Core),
            "uplink" => Some(Self::Uplink),
            "journal" => Some(Self::Journal),
            "logs" => Some(Self::Logs),
            _ => None,
        }
    }
}

/// # Panics
///
/// If this is where it was asked for.
#[cfg(feature = "faults")]
pub fn strike(asked: Option<Place>, here: Place) {
    assert!(asked != Some(here), "a panic was asked for");
}

#[cfg(not(feature = "faults"))]
pub fn strike(_asked: Option<Place>, _here: Place) {}
