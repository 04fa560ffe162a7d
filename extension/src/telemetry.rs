//! What the platform posts about this environment, reduced to what we act on.
//!
//! Decoding is total. A body is an array of records whose schema grows without notice; a record that we do not know is
//! passed over, one that we cannot read is counted, and its neighbours survive. A body that is not an array — an object, one
//! record per line, a byte order mark, an array cut off or spliced by a split record — is searched for whole records.
//!
//! **Invariant.** Nothing here fails, recurses with its input or keeps more than its input. Answering an error would make
//! the platform post the same body again.
//!
//! Source: AWS's "Lambda Telemetry API Event schema reference"; deviations seen in the field are named where they are read.

pub mod instant;
pub mod listener;
pub mod record;
pub mod salvage;
pub mod status;
pub mod tap;

use serde_json::value::RawValue;

pub use record::Record;

/// What a body held.
#[derive(Debug, Default, PartialEq)]
pub struct Decoded {
    pub records: Vec<Record>,
    /// Records, or bodies, of which nothing could be made.
    pub unreadable: u32,
}

/// Reads one POST.
pub fn decode(body: &[u8]) -> Decoded {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut decoded = Decoded::default();
    if let Ok(elements) = serde_json::from_slice::<Vec<&RawValue>>(body) {
        for element in elements {
            decoded.add(element.get());
        }
    } else {
        let rest = salvage::records(body, |record| decoded.add(record));
        decoded.unreadable = decoded.unreadable.saturating_add(rest);
    }
    decoded
}

impl Decoded {
    fn add(&mut self, element: &str) {
        match record::read(element) {
            Ok(Some(record)) => self.records.push(record),
            Ok(None) => {}
            Err(record::Unreadable) => self.unreadable = self.unreadable.saturating_add(1),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
