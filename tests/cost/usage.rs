//! What something uses of AWS, and what that costs.
//!
//! Units of the tables are measured. What only Lambda could tell is modelled here, each time on the expensive side, and nowhere
//! else: the constants below are the assumptions of every bill.

use std::{iter::Sum, ops::AddAssign, time::Duration};

use crate::{
    meter::Consumed,
    prices::{
        GB, HOURS_PER_MONTH, LAMBDA_GB_SECOND, LAMBDA_REQUEST, LOGGED_GB, READ_UNIT, SQS_REQUEST,
        STORED_GB_MONTH, TRANSFERRED_GB, WRITE_UNIT,
    },
};

/// Each door's memory, as it is deployed.
const INGEST_MB: f64 = 256.0;
const EVALUATE_MB: f64 = 512.0;
const DELIVER_MB: f64 = 256.0;
const SWEEP_MB: f64 = 256.0;
/// The memory at which Lambda gives a whole vCPU. Processor time that was measured on whole cores takes so many times as long
/// as a door has less.
const WHOLE_CPU_MB: f64 = 1_769.0;
/// One request to DynamoDB and its answer. Doors wait for so many of them one after the other, counted in their code.
const TRIP: Duration = Duration::from_millis(5);
pub(crate) const INGEST_TRIPS: f64 = 1.0;
/// Facts, part, blocks, hour, hours; history and its write, or the row, or the alert. So many evaluations wait beside each
/// other, which a window's worth of records from a thousand environments has on every shard.
pub(crate) const EVALUATE_TRIPS: f64 = 7.0 / EVALUATIONS_AT_ONCE;
const EVALUATIONS_AT_ONCE: f64 = 8.0;
/// Rows and totals in several pages each, the totals' writes, the alerts that are due.
pub(crate) const SWEEP_TRIPS: f64 = 8.0;
/// What a sweep reads of one alert: its book, the row, views, perhaps claims and hours, what is said to groups, and the step.
pub(crate) const LOOK_TRIPS: f64 = 6.0;
/// Platform lines of an invocation, START, END and REPORT or their JSON; an ordinary request logs nothing of its own.
const LOG_BYTES_PER_INVOCATION: f64 = 500.0;
/// A signed request's head, with the role's session token, and the answer.
const HEAD_BYTES: f64 = 2_500.0;
/// A TLS handshake: certificates, mostly. Every batch is taken to open a connection, and to come from another region.
const HANDSHAKE_BYTES: f64 = 6_000.0;
/// Stream records that one invocation of evaluate takes.
const RECORDS_PER_INVOCATION: f64 = 1_000.0;
/// Shards of the facts table's stream: on demand, a table begins with four partitions.
const STREAM_SHARDS: f64 = 4.0;
/// Lambda polls a queue with five connections that each wait up to 20 s.
const POLLS_PER_MINUTE: f64 = 15.0;
/// Claim, settlement, and a receiver that answers within 300 ms.
const DELIVER_TRIPS: f64 = 64.0;
/// What DynamoDB adds to each item when it counts stored bytes.
pub(crate) const STORED_OVERHEAD_BYTES: usize = 100;

/// What a door does while it is billed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Work {
    /// On whole cores.
    pub(crate) cpu: Duration,
    /// How many times it waits for DynamoDB.
    pub(crate) trips: f64,
}

/// Amounts that are billed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Usage {
    pub(crate) facts_writes: f64,
    pub(crate) state_writes: f64,
    pub(crate) reads: f64,
    pub(crate) stored_gb_months: f64,
    pub(crate) invocations: f64,
    pub(crate) gb_seconds: f64,
    pub(crate) queue_requests: f64,
    pub(crate) logged_bytes: f64,
    pub(crate) transferred_bytes: f64,
}

/// Dollars by component.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub(crate) struct Bill {
    pub(crate) facts_writes: f64,
    pub(crate) state_writes: f64,
    pub(crate) reads: f64,
    pub(crate) storage: f64,
    pub(crate) lambda_requests: f64,
    pub(crate) lambda_duration: f64,
    pub(crate) queue: f64,
    pub(crate) logs: f64,
    pub(crate) transfer: f64,
}

impl Usage {
    /// What so many requests consumed of the tables.
    pub(crate) fn of_tables(consumed: &Consumed) -> Self {
        let facts_writes = consumed.writes_of(overtime::store::schema::FACTS);
        Self {
            facts_writes,
            state_writes: consumed.writes() - facts_writes,
            reads: consumed.reads(),
            ..Self::default()
        }
    }

    /// So many invocations of a door of some memory that together did so much.
    fn of_lambda(memory_mb: f64, invocations: f64, work: Work) -> Self {
        let working = work.cpu.as_secs_f64() * WHOLE_CPU_MB / memory_mb;
        let billed_seconds = working + TRIP.as_secs_f64() * work.trips;
        // Each invocation is rounded up to a millisecond, by half of one on average.
        let rounded = billed_seconds + invocations * 0.000_5;
        Self {
            invocations,
            gb_seconds: rounded * memory_mb / 1_024.0,
            logged_bytes: invocations * LOG_BYTES_PER_INVOCATION,
            ..Self::default()
        }
    }

    /// One invocation of ingest for each batch.
    pub(crate) fn of_ingest(batches: f64, work: Work) -> Self {
        Self::of_lambda(INGEST_MB, batches, work)
    }

    /// What a sweep does beyond being invoked, which [`Self::of_standing_by`] counts.
    pub(crate) fn of_sweep(work: Work) -> Self {
        Self::of_lambda(SWEEP_MB, 0.0, work)
    }

    /// What batches with so many bytes of body move.
    pub(crate) fn of_transfer(batches: f64, body_bytes: f64) -> Self {
        let transferred_bytes = body_bytes + batches * (HEAD_BYTES + HANDSHAKE_BYTES);
        Self { transferred_bytes, ..Self::default() }
    }

    /// What is there in an hour however little happens: sweep once a minute, evaluate once a minute and shard, polls of the
    /// queue. The sweep's own units and work come on top.
    pub(crate) fn of_standing_by() -> Self {
        let mut usage = Self::of_lambda(SWEEP_MB, 60.0, Work::default());
        usage += Self::of_lambda(EVALUATE_MB, 60.0 * STREAM_SHARDS, Work::default());
        Self { queue_requests: 60.0 * POLLS_PER_MINUTE, ..usage }
    }

    /// Invocations of evaluate that so many records cause beyond those of [`Self::of_standing_by`].
    pub(crate) fn of_evaluate(records: f64, work: Work) -> Self {
        Self::of_lambda(EVALUATE_MB, records / RECORDS_PER_INVOCATION, work)
    }

    /// Messages that go out: each is sent to the queue, taken and deleted, and an invocation waits for its receiver.
    pub(crate) fn of_deliveries(deliveries: f64) -> Self {
        let invocations = Self::of_lambda(
            DELIVER_MB,
            deliveries,
            Work { cpu: Duration::ZERO, trips: deliveries * DELIVER_TRIPS },
        );
        Self {
            queue_requests: 3.0 * deliveries,
            transferred_bytes: deliveries * (HEAD_BYTES + HANDSHAKE_BYTES),
            ..invocations
        }
    }

    pub(crate) fn times(self, factor: f64) -> Self {
        Self {
            facts_writes: self.facts_writes * factor,
            state_writes: self.state_writes * factor,
            reads: self.reads * factor,
            stored_gb_months: self.stored_gb_months * factor,
            invocations: self.invocations * factor,
            gb_seconds: self.gb_seconds * factor,
            queue_requests: self.queue_requests * factor,
            logged_bytes: self.logged_bytes * factor,
            transferred_bytes: self.transferred_bytes * factor,
        }
    }

    pub(crate) fn bill(self) -> Bill {
        Bill {
            facts_writes: self.facts_writes * WRITE_UNIT,
            state_writes: self.state_writes * WRITE_UNIT,
            reads: self.reads * READ_UNIT,
            storage: self.stored_gb_months * STORED_GB_MONTH,
            lambda_requests: self.invocations * LAMBDA_REQUEST,
            lambda_duration: self.gb_seconds * LAMBDA_GB_SECOND,
            queue: self.queue_requests * SQS_REQUEST,
            logs: self.logged_bytes / GB * LOGGED_GB,
            transfer: self.transferred_bytes / GB * TRANSFERRED_GB,
        }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.facts_writes += other.facts_writes;
        self.state_writes += other.state_writes;
        self.reads += other.reads;
        self.stored_gb_months += other.stored_gb_months;
        self.invocations += other.invocations;
        self.gb_seconds += other.gb_seconds;
        self.queue_requests += other.queue_requests;
        self.logged_bytes += other.logged_bytes;
        self.transferred_bytes += other.transferred_bytes;
    }
}

impl Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, it| {
            sum += it;
            sum
        })
    }
}

impl Bill {
    pub(crate) fn total(&self) -> f64 {
        self.lines().iter().map(|(_, dollars)| dollars).sum()
    }

    /// Every component under its name.
    pub(crate) fn lines(&self) -> [(&'static str, f64); 9] {
        [
            ("writes, facts", self.facts_writes),
            ("writes, state", self.state_writes),
            ("reads", self.reads),
            ("storage", self.storage),
            ("Lambda requests", self.lambda_requests),
            ("Lambda duration", self.lambda_duration),
            ("queue", self.queue),
            ("logs", self.logs),
            ("transfer", self.transfer),
        ]
    }
}

/// The part of a month that bytes are stored when so many come in an hour and each stays so long.
pub(crate) fn stored(bytes_per_hour: f64, kept: Duration) -> f64 {
    bytes_per_hour * kept.as_secs_f64() / 3_600.0 / GB
}

/// From an hour to a month.
pub(crate) fn monthly(hourly: Usage) -> Usage {
    let stored_gb_months = hourly.stored_gb_months;
    Usage { stored_gb_months, ..hourly.times(HOURS_PER_MONTH) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(usage: Usage, dollars: f64) {
        let total = usage.bill().total();
        assert!((total - dollars).abs() < 1e-9, "{total} instead of {dollars}");
    }

    #[test]
    fn amounts_cost_what_the_price_list_says() {
        check(Usage { facts_writes: 1e6, ..Usage::default() }, 0.625);
        check(Usage { reads: 8e6, ..Usage::default() }, 1.0);
        check(Usage { stored_gb_months: 4.0, ..Usage::default() }, 1.0);
        check(Usage { queue_requests: 5e6, ..Usage::default() }, 2.0);
        let work = Work { cpu: Duration::ZERO, trips: 400.0 };
        let door = Usage { logged_bytes: 0.0, ..Usage::of_ingest(0.0, work) };
        check(door, 2.0 * INGEST_MB / 1_024.0 * LAMBDA_GB_SECOND);
    }

    #[test]
    fn a_month_has_so_many_hours_of_everything_but_of_what_is_stored() {
        let hour = Usage { reads: 1.0, stored_gb_months: 7.0, ..Usage::default() };
        let month = monthly(hour);
        assert!((month.reads - 730.0).abs() < 1e-9);
        assert!((month.stored_gb_months - 7.0).abs() < 1e-9);
        // What comes in at a gigabyte an hour and stays a day is 24 gigabytes at any time.
        assert!((stored(GB, Duration::from_hours(24)) - 24.0).abs() < 1e-9);
    }
}
