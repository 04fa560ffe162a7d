//! What this process has let in, turned away and sent, since it began: for whoever watches the aggregator itself.
//!
//! **Invariant.** Nothing is decided by these numbers; the lasting accounts of refusals and deliveries are the store's.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::domain::{otlp::Signal, rejection::Reason};

/// Counts. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Throughput(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    batches: AtomicU64,
    facts: AtomicU64,
    refused: [AtomicU64; Reason::ALL.len()],
    deliveries: [AtomicU64; Delivery::ALL.len()],
    not_taken: [AtomicU64; Signal::ALL.len()],
}

/// What one look at a message came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    Delivered,
    /// It failed, and will be tried again.
    Retried,
    Dead,
    Suppressed,
    /// It went into a digest, because its channel had enough.
    Digested,
}

impl Delivery {
    pub const ALL: [Self; 5] =
        [Self::Delivered, Self::Retried, Self::Dead, Self::Suppressed, Self::Digested];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retried => "retried",
            Self::Dead => "dead",
            Self::Suppressed => "suppressed",
            Self::Digested => "digested",
        }
    }
}

impl Throughput {
    /// A batch was let in, with so many facts.
    pub fn accepted(&self, facts: usize) {
        add(&self.0.batches, 1);
        add(&self.0.facts, u64::try_from(facts).unwrap_or(u64::MAX));
    }

    /// A fact, or a whole batch, was turned away.
    pub fn refused(&self, reason: Reason) {
        let counters = Reason::ALL.iter().zip(&self.0.refused);
        counters.filter(|(it, _)| **it == reason).for_each(|(_, counter)| add(counter, 1));
    }

    pub fn delivery(&self, delivery: Delivery) {
        let counters = Delivery::ALL.iter().zip(&self.0.deliveries);
        counters.filter(|(it, _)| **it == delivery).for_each(|(_, counter)| add(counter, 1));
    }

    /// An OpenTelemetry receiver took a request, and refused so much of what was in it.
    pub fn not_taken(&self, signal: Signal, count: u64) {
        let counters = Signal::ALL.iter().zip(&self.0.not_taken);
        counters.filter(|(it, _)| **it == signal).for_each(|(_, counter)| add(counter, count));
    }

    pub fn batches(&self) -> u64 {
        read(&self.0.batches)
    }

    pub fn facts(&self) -> u64 {
        read(&self.0.facts)
    }

    /// By reason, those that never occurred included.
    pub fn refusals(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.into_iter().zip(self.0.refused.iter().map(read))
    }

    /// By signal: points and spans that an OpenTelemetry receiver did not take.
    pub fn all_not_taken(&self) -> impl Iterator<Item = (Signal, u64)> {
        Signal::ALL.into_iter().zip(self.0.not_taken.iter().map(read))
    }

    /// By outcome, those that never occurred included.
    pub fn deliveries(&self) -> impl Iterator<Item = (Delivery, u64)> {
        Delivery::ALL.into_iter().zip(self.0.deliveries.iter().map(read))
    }
}

fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
