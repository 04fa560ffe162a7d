//! What really happened, added up without the aggregator's arithmetic.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::AddAssign,
};

use overtime_wire::FunctionKey;

/// The numbers of a function that the API shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) invocations: u64,
    pub(crate) timeouts: u64,
    pub(crate) errors: u64,
    pub(crate) out_of_memory: u64,
    pub(crate) near_timeouts: u64,
    pub(crate) cold_starts: u64,
}

impl AddAssign for Numbers {
    fn add_assign(&mut self, other: Self) {
        self.invocations += other.invocations;
        self.timeouts += other.timeouts;
        self.errors += other.errors;
        self.out_of_memory += other.out_of_memory;
        self.near_timeouts += other.near_timeouts;
        self.cold_starts += other.cold_starts;
    }
}

/// Of every function of which anything was to be let in.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    pub(crate) functions: BTreeMap<FunctionKey, Numbers>,
    /// Request ids of timeouts, each to be listed once.
    pub(crate) timeouts: BTreeSet<String>,
}

impl AddAssign for Truth {
    fn add_assign(&mut self, other: Self) {
        for (function, numbers) in other.functions {
            *self.functions.entry(function).or_default() += numbers;
        }
        self.timeouts.extend(other.timeouts);
    }
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sum = Numbers::default();
        self.functions.values().for_each(|it| sum += *it);
        write!(
            f,
            "truth: {} functions, {} invocations, {} timeouts, {} errors, {} out of memory",
            self.functions.len(),
            sum.invocations,
            sum.timeouts,
            sum.errors,
            sum.out_of_memory,
        )
    }
}
