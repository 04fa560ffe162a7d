//! Many measurements of one thing, told by two of them.

use std::time::Duration;

#[derive(Debug, Clone)]
pub(crate) struct Spread(Vec<Duration>);

impl Spread {
    pub(crate) fn of(mut measurements: Vec<Duration>) -> Self {
        measurements.sort_unstable();
        Self(measurements)
    }

    pub(crate) fn p50_ms(&self) -> f64 {
        self.percentile_ms(50)
    }

    pub(crate) fn p99_ms(&self) -> f64 {
        self.percentile_ms(99)
    }

    /// Not a number where nothing was measured.
    fn percentile_ms(&self, percent: usize) -> f64 {
        let at = (self.0.len() * percent).div_ceil(100).max(1) - 1;
        self.0.get(at).map_or(f64::NAN, |it| it.as_secs_f64() * 1e3)
    }

    pub(crate) fn in_words(&self) -> String {
        format!("p50 {:.1}, p99 {:.1}", self.p50_ms(), self.p99_ms())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}
