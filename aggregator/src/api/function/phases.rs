//! What cold starts cost, and what extensions take.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::shapes::Quantiles,
    domain::phases::{self, Initialization},
};

/// What lies around the function's own code, by the quarter of an hour. What nobody told is not in here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
pub(crate) struct Phases {
    pub(crate) inits: Vec<Inits>,
    pub(crate) extensions: Extensions,
}

/// Inits of one kind, in environments that are initialised in one way.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Inits {
    /// `suppressed_init` is one that is run again inside an invocation, under its timeout, because the first failed or took too
    /// long.
    #[schema(pattern = "^(init|restore|suppressed_init)$")]
    pub(crate) phase: &'static str,
    /// As the platform names it; null where it was not told.
    #[schema(
        pattern = "^(on-demand|provisioned-concurrency|snap-start|lambda-managed-instances|other)$"
    )]
    pub(crate) initialization_type: Option<&'static str>,
    /// Seen to begin, however they ended.
    pub(crate) count: u64,
    /// Of how many is known what they took: those that ended well.
    pub(crate) timed: u64,
    pub(crate) duration_ms: InitQuantiles,
}

/// How long inits took that ended well, within 5 %. Null when there was none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub(crate) struct InitQuantiles {
    pub(crate) p50: Option<f64>,
    pub(crate) p95: Option<f64>,
    pub(crate) max: Option<f64>,
}

/// How long extensions held invocations after the function was done, of invocations that never had a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, ToSchema)]
pub(crate) struct Extensions {
    /// Of how many invocations it was told.
    pub(crate) invocations: u64,
    /// Of the duration of these invocations: 1 is all of it.
    pub(crate) share: Option<f64>,
    pub(crate) mean_ms: Option<f64>,
    pub(crate) max_ms: Option<f64>,
}

impl Phases {
    pub(crate) fn of(phases: &phases::Phases) -> Self {
        let inits = phases.starts.iter().map(|(start, starts)| {
            let Quantiles { p50, p95, max, .. } = Quantiles::of(&starts.durations);
            Inits {
                phase: start.phase.as_str(),
                initialization_type: start.initialization.known().map(Initialization::as_str),
                count: starts.count,
                timed: starts.durations.count(),
                duration_ms: InitQuantiles { p50, p95, max },
            }
        });
        Self { inits: inits.collect(), extensions: Extensions::of(&phases.extensions) }
    }
}

impl Extensions {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds for people")]
    fn of(extensions: &phases::Extensions) -> Self {
        let phases::Extensions { invocations, total_us, max_us, .. } = *extensions;
        let millis = |us: f64| (invocations > 0).then(|| us.round() / 1e3);
        Self {
            invocations,
            share: extensions.share().map(|it| (it * 1e4).round() / 1e4),
            mean_ms: millis(total_us as f64 / invocations.max(1) as f64),
            max_ms: millis(max_us as f64),
        }
    }
}
