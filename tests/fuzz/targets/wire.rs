//! Fuzzes what the aggregator reads from strangers: a batch, and the facts in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use overtime_wire::{Batch, Tally, Verdict};

fuzz_target!(|bytes: &[u8]| {
    // What was read once is written in a form that reads the same.
    if let Ok(batch) = Batch::decode(bytes) {
        assert_eq!(Batch::decode(&batch.encode()).as_ref(), Ok(&batch));
    }
    if let Ok(tally) = Tally::decode(bytes) {
        assert!(tally.fact.encode().bytes.len() <= Tally::MAX_BYTES);
    }
    if let Ok(verdict) = Verdict::decode(bytes) {
        assert_eq!(
            Verdict::decode(&verdict.fact.encode().bytes).map(|it| it.fact),
            Ok(verdict.fact)
        );
    }
});
