//! What a sweep costs: it reads every function's row to make the fleet's totals, so it grows with the fleet.
//!
//! Two fleets of different size tell the part that is always there from the part of each function. The rows are copies of one
//! that a day of traffic made, and one of them changes before the sweep that is measured.

use std::time::Duration;

use overtime::{domain::summary::Summary, sweep::Sweep};
use overtime_wire::FunctionKey;

use crate::{
    effort::cpu_time,
    measure::{Care, START, rows},
    stand::Stand,
    usage::{SWEEP_TRIPS, Usage, Work},
};

const HOUR: Duration = Duration::from_hours(1);

/// A sweep's usage: of a fleet without functions, and of each function.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Swept {
    pub(crate) always: Usage,
    pub(crate) per_function: Usage,
}

impl Swept {
    /// Sweeps a smaller and a larger fleet.
    pub(crate) async fn measure(care: Care) -> anyhow::Result<Self> {
        let (smaller, larger) = match care {
            Care::Whole => (2_000, 4_000),
            Care::Quick => (300, 600),
        };
        let rows = rows(care).await?;
        let [small, large] = [sweep(&rows, smaller).await?, sweep(&rows, larger).await?];
        let more = [large, small.times(-1.0)].into_iter().sum::<Usage>();
        let per_function = more.times(1.0 / f64::from(larger - smaller));
        let always = [small, per_function.times(-f64::from(smaller))].into_iter().sum();
        Ok(Self { always, per_function })
    }

    /// An hour of sweeps, once a minute.
    pub(crate) fn hourly(&self, functions: f64) -> Usage {
        let once: Usage = [self.always, self.per_function.times(functions)].into_iter().sum();
        once.times(60.0)
    }
}

/// One sweep over so many functions, of which one has changed. The invocation itself is not counted here.
async fn sweep([before, after]: &[Summary; 2], functions: u32) -> anyhow::Result<Usage> {
    let stand = Stand::open().await?;
    stand.subscribe(START).await?;
    for number in 0..functions {
        stand.store.put_summary(&copy(before, number)?).await?;
    }
    let sweep = Sweep {
        store: stand.store.clone(),
        console: "https://overtime.example".to_owned(),
        clock: || START,
    };
    let now = START.plus(HOUR);
    sweep.total(now).await?;
    stand.store.put_summary(&copy(after, 0)?).await?;
    stand.meter.take();
    let began = cpu_time()?;
    anyhow::ensure!(sweep.total(now).await? > 0, "a changed row changed no total");
    sweep.sweep(now).await?;
    // What else the door asks for once a minute: what is due, and whether there is a configuration.
    stand.store.ensure_defaults(now).await?;
    anyhow::ensure!(
        stand.store.due_entries(now, 1_000).await?.is_empty(),
        "somebody is owed a message"
    );
    anyhow::ensure!(stand.store.due_wakes(now, 100).await?.is_empty(), "something was put off");
    let usage = Usage::of_tables(&stand.meter.take());
    let work = Work { cpu: cpu_time()?.saturating_sub(began), trips: SWEEP_TRIPS };
    Ok([usage, Usage::of_sweep(work)].into_iter().sum())
}

/// The same row of another function.
fn copy(row: &Summary, number: u32) -> anyhow::Result<Summary> {
    let name = format!("checkout-service-{number:06}").parse()?;
    Ok(Summary { function: FunctionKey { name, ..row.function.clone() }, ..row.clone() })
}
