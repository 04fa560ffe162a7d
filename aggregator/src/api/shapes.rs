//! Shapes that several answers share. What is not known is null.

use std::{collections::BTreeMap, time::Duration};

use overtime_wire::{Counts, FunctionKey, Losses, Profile};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        answer::table::Cell,
        words::{AccountText, NameText, RegionText, Text},
    },
    domain::durations::Sketch,
};

/// Which function a path names.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct Which {
    /// The account that the function is in.
    #[param(inline)]
    pub(crate) account: AccountText,
    /// The region that it is in.
    #[param(inline)]
    pub(crate) region: RegionText,
    /// Its name, without version or alias.
    #[param(inline)]
    pub(crate) name: NameText,
}

impl From<Which> for FunctionKey {
    fn from(Which { account, region, name }: Which) -> Self {
        Self { account: account.0, region: region.0, name: name.0 }
    }
}

/// As a function's environments describe themselves.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Described {
    pub(crate) runtime: Option<String>,
    pub(crate) architecture: Option<String>,
    pub(crate) memory_bytes: Option<u64>,
    /// The configured timeout.
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) version: Option<String>,
    pub(crate) initialization_type: Option<String>,
    pub(crate) extension_version: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// What was counted. `timeouts`, `errors` and `out_of_memory` are disjoint; inits are not invocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub(crate) struct Counted {
    pub(crate) invocations: u64,
    pub(crate) timeouts: u64,
    pub(crate) errors: u64,
    pub(crate) out_of_memory: u64,
    /// Successful, but close to the timeout.
    pub(crate) near_timeouts: u64,
    pub(crate) cold_starts: u64,
    pub(crate) init_timeouts: u64,
    pub(crate) init_failures: u64,
}

/// What environments know that they could not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub(crate) struct Lost {
    pub(crate) unreadable_records: u32,
    pub(crate) dropped_records: u32,
    pub(crate) overflowed_facts: u32,
    pub(crate) refused_facts: u32,
    pub(crate) unfinished_invocations: u32,
    pub(crate) failed_sends: u32,
    pub(crate) ignored_journals: u32,
    /// Of logs that go to a bucket, as are the two below.
    pub(crate) overflowed_log_records: u32,
    pub(crate) refused_log_records: u32,
    pub(crate) unsent_log_records: u32,
}

/// How long invocations without a verdict took, within 5 %. Null when there was none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub(crate) struct Quantiles {
    pub(crate) p50: Option<f64>,
    pub(crate) p95: Option<f64>,
    pub(crate) p99: Option<f64>,
    pub(crate) max: Option<f64>,
}

/// Quantiles as shares of the configured timeout: 1 is the timeout itself. Null when either is not known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub(crate) struct Shares {
    pub(crate) p50: Option<f64>,
    pub(crate) p95: Option<f64>,
    pub(crate) p99: Option<f64>,
    pub(crate) max: Option<f64>,
}

impl Shares {
    pub(crate) fn of(duration_ms: Quantiles, timeout: Duration) -> Self {
        let share = |it: Option<f64>| it.and_then(|it| share_of(it, timeout));
        let Quantiles { p50, p95, p99, max } = duration_ms;
        Self { p50: share(p50), p95: share(p95), p99: share(p99), max: share(max) }
    }
}

/// Milliseconds as a share of a timeout, to a tenth of a percent.
pub(crate) fn share_of(duration_ms: f64, timeout: Duration) -> Option<f64> {
    let share = duration_ms / (timeout.as_secs_f64() * 1e3);
    (!timeout.is_zero()).then(|| (share * 1e3).round() / 1e3)
}

impl Described {
    pub(crate) fn of(profile: &Profile) -> Self {
        Self {
            runtime: known(&profile.runtime),
            architecture: known(&profile.architecture),
            memory_bytes: bytes(profile.memory_mb),
            timeout_ms: set(profile.timeout),
            version: known(&profile.version),
            initialization_type: known(&profile.initialization_type),
            extension_version: known(&profile.extension_version),
            tags: profile.tags.clone(),
        }
    }
}

impl Counted {
    pub(crate) fn of(counts: Counts) -> Self {
        let Counts {
            invocations,
            timeouts,
            errors,
            out_of_memory,
            near_timeouts,
            cold_starts,
            init_timeouts,
            init_failures,
        } = counts;
        Self {
            invocations,
            timeouts,
            errors,
            out_of_memory,
            near_timeouts,
            cold_starts,
            init_timeouts,
            init_failures,
        }
    }
}

impl Counted {
    /// The columns of [`cells`](Self::cells) in a table: the fields.
    pub(crate) const COLUMNS: &'static [&'static str] = &[
        "invocations",
        "timeouts",
        "errors",
        "out_of_memory",
        "near_timeouts",
        "cold_starts",
        "init_timeouts",
        "init_failures",
    ];

    /// A cell for each count, in the order of the fields; empty without any.
    pub(crate) fn cells(counted: Option<Self>) -> [Cell; 8] {
        let of = |count: fn(Self) -> u64| Cell::from(counted.map(count));
        [
            of(|it| it.invocations),
            of(|it| it.timeouts),
            of(|it| it.errors),
            of(|it| it.out_of_memory),
            of(|it| it.near_timeouts),
            of(|it| it.cold_starts),
            of(|it| it.init_timeouts),
            of(|it| it.init_failures),
        ]
    }
}

impl Lost {
    pub(crate) fn of(losses: Losses) -> Self {
        let Losses {
            unreadable_records,
            dropped_records,
            overflowed_facts,
            refused_facts,
            unfinished_invocations,
            failed_sends,
            ignored_journals,
            overflowed_log_records,
            refused_log_records,
            unsent_log_records,
        } = losses;
        Self {
            unreadable_records,
            dropped_records,
            overflowed_facts,
            refused_facts,
            unfinished_invocations,
            failed_sends,
            ignored_journals,
            overflowed_log_records,
            refused_log_records,
            unsent_log_records,
        }
    }
}

impl Quantiles {
    pub(crate) fn of(durations: &Sketch) -> Self {
        let quantile = |share| durations.quantile(share).map(fine_millis);
        Self {
            p50: quantile(0.5),
            p95: quantile(0.95),
            p99: quantile(0.99),
            max: durations.max().map(fine_millis),
        }
    }
}

/// The parts of a function's name, as answers have them.
pub(crate) fn parts(function: &FunctionKey) -> (AccountText, RegionText, NameText) {
    let FunctionKey { account, region, name } = function.clone();
    (Text(account), Text(region), Text(name))
}

/// `None` where an empty text says unknown.
pub(crate) fn known(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Microseconds are all that was measured, and milliseconds what is asked for.
pub(crate) fn fine_millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// Milliseconds of a setting; `None` where zero says unknown.
pub(crate) fn set(duration: Duration) -> Option<u64> {
    (!duration.is_zero()).then(|| millis(duration))
}

/// MiB as bytes; `None` where zero says unknown.
pub(crate) fn bytes(mib: u32) -> Option<u64> {
    (mib > 0).then(|| u64::from(mib) * 1024 * 1024)
}
