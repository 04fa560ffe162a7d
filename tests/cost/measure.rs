//! An hour of a function, through the doors' own code, metered.
//!
//! A day and two hours of history come first, so that every view has the size that it has in the long run. Then each batch is
//! ingested when it was sent, and what a minute changed is evaluated at its end, once for every block: as on Lambda, where
//! tallies are gathered for a minute. The default subscriptions watch the function, and where it times out, the sweep looks after its
//! alerts once a minute and whatever is due is delivered.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Context as _;
use overtime::{
    domain::{
        fact::{Job, Part},
        hour::BLOCKS_PER_HOUR,
        summary::Summary,
    },
    evaluate::Evaluator,
    ingest::ingest,
    store::{
        outbox::entry::{Claimed, Ending, Settlement},
        schema::{BLOCKS_LIVE, FACTS, FACTS_LIVE, HOURS_LIVE, TIMEOUTS_LIVE},
    },
    sweep::Sweep,
};
use overtime_wire::{Batch, Block, EpochMillis, FunctionKey};

use crate::{
    effort::cpu_time,
    meter::Consumed,
    sender::Sent,
    stand::Stand,
    traffic::{Source, Traffic},
    usage::{EVALUATE_TRIPS, INGEST_TRIPS, LOOK_TRIPS, Usage, Work, stored},
};

/// When the measured hour begins: at an hour, in the middle of a day.
pub(crate) const START: EpochMillis = EpochMillis(1_793_534_400_000);
/// More than a row remembers is not needed, and views of a day are full after a day.
const HISTORY: Duration = Duration::from_hours(26);
const HOUR: Duration = Duration::from_hours(1);
/// History and the hour.
pub(crate) const HOURS_PLAYED: f64 = 27.0;
const MINUTE: Duration = Duration::from_mins(1);
/// Where only history is made, busier functions are thinned out to this.
const THINNED: Duration = Duration::from_secs(10);

/// What a function's hour took.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) invocations: u64,
    pub(crate) batches: u64,
    pub(crate) body_bytes: usize,
    pub(crate) evaluations: u64,
    pub(crate) ingest: Consumed,
    pub(crate) evaluate: Consumed,
    pub(crate) deliver: Consumed,
    pub(crate) deliveries: u64,
    /// What sweeps look at beyond what they look at in any case, and how often that was something.
    pub(crate) sweep: Consumed,
    pub(crate) looks: u64,
    /// Processor time, the embedded store's included.
    pub(crate) ingesting: Duration,
    pub(crate) evaluating: Duration,
    pub(crate) sweeping: Duration,
    /// In the long run, as everything is kept as long as it is.
    pub(crate) stored_gb: f64,
}

/// The function that is measured. Names and accounts have usual lengths, because keys are paid for too.
fn function() -> anyhow::Result<FunctionKey> {
    Ok(FunctionKey {
        account: "210987654321".parse()?,
        region: "eu-central-1".parse()?,
        name: "checkout-service-prod".parse()?,
    })
}

/// Whether anything goes wrong in the hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fortune {
    Fair,
    /// One invocation runs into its timeout, which is told to somebody.
    OneTimeout,
}

/// How much of the history before the hour is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    Whole,
    /// One block in four: hours are there, and a little smaller.
    Quick,
}

/// Measures an hour of one function under a traffic.
pub(crate) async fn hour(
    traffic: Traffic,
    fortune: Fortune,
    care: Care,
) -> anyhow::Result<Measured> {
    play(traffic, fortune, care).await.map(|(measured, _)| measured)
}

/// A function's row as it usually is, and an hour later.
pub(crate) async fn rows(care: Care) -> anyhow::Result<[Summary; 2]> {
    let traffic = Traffic::Steady { environments: 1, every: MINUTE };
    play(traffic, Fortune::Fair, care).await.map(|(_, rows)| rows)
}

async fn play(
    traffic: Traffic,
    fortune: Fortune,
    care: Care,
) -> anyhow::Result<(Measured, [Summary; 2])> {
    let stand = Stand::open().await?;
    stand.subscribe(START.minus(HISTORY)).await?;
    let function = function()?;
    let mut source = Source::new(&function, traffic, START.minus(HISTORY));
    let mut doors = Doors::of(&stand, &function);
    let mut at = START.minus(HISTORY);
    while at < START {
        at = at.plus(Duration::from_mins(15));
        let brought = source.go_on(at, THINNED);
        if care == Care::Whole || Block::of(at).number().is_multiple_of(BLOCKS_PER_HOUR) {
            doors.take(&brought.batches).await?;
            doors.evaluate(at).await?;
        }
    }
    let before = row(&stand, &function).await?;
    doors.measured = Measured::default();
    if fortune == Fortune::OneTimeout {
        let brought = source.time_out();
        doors.measured.invocations += brought.invocations;
        doors.take(&brought.batches).await?;
    }
    while at < START.plus(HOUR) {
        at = at.plus(MINUTE);
        let brought = source.go_on(at, Duration::ZERO);
        doors.measured.invocations += brought.invocations;
        doors.take(&brought.batches).await?;
        doors.evaluate(at).await?;
        if fortune == Fortune::OneTimeout {
            doors.sweep(at).await?;
            doors.deliver(at).await?;
        }
    }
    let mut measured = doors.measured;
    let after = row(&stand, &function).await?;
    measured.stored_gb = stored_gb(&stand).await?;
    Ok((measured, [before, after]))
}

/// The function's row, read beside the meter's account.
async fn row(stand: &Stand, function: &FunctionKey) -> anyhow::Result<Summary> {
    let row = stand.store.summary(function).await?;
    stand.meter.take();
    row.context("a day of traffic made no row")
}

/// Ingest and evaluate, as the doors use them.
struct Doors<'a> {
    stand: &'a Stand,
    function: &'a FunctionKey,
    evaluator: Evaluator,
    sweep: Sweep,
    changed: BTreeSet<Block>,
    measured: Measured,
}

impl<'a> Doors<'a> {
    fn of(stand: &'a Stand, function: &'a FunctionKey) -> Self {
        let console = "https://overtime.example".to_owned();
        let store = stand.store.clone();
        let evaluator = Evaluator { store: store.clone(), console: console.clone() };
        let sweep = Sweep { store, console, clock: || START };
        let (changed, measured) = (BTreeSet::new(), Measured::default());
        Self { stand, function, evaluator, sweep, changed, measured }
    }

    async fn take(&mut self, batches: &[Sent]) -> anyhow::Result<()> {
        for Sent { at, body } in batches {
            let began = cpu_time()?;
            let batch = Batch::decode(body)?;
            ingest(&self.stand.store, &batch, *at).await?;
            self.measured.ingesting += cpu_time()?.saturating_sub(began);
            self.measured.ingest += &self.stand.meter.take();
            self.measured.batches += 1;
            self.measured.body_bytes += body.len();
            let tallies = batch.incarnations.iter().flat_map(|it| &it.tallies);
            self.changed.extend(tallies.map(|it| it.fact.block));
            let verdicts = batch.incarnations.iter().flat_map(|it| &it.verdicts);
            for block in verdicts.map(|it| it.fact.block).collect::<BTreeSet<_>>() {
                self.look(block, Part::Verdict, *at).await?;
            }
        }
        Ok(())
    }

    /// Every tally that changed since the last time.
    async fn evaluate(&mut self, now: EpochMillis) -> anyhow::Result<()> {
        for block in std::mem::take(&mut self.changed) {
            self.look(block, Part::Tally, now).await?;
        }
        Ok(())
    }

    async fn look(&mut self, block: Block, part: Part, now: EpochMillis) -> anyhow::Result<()> {
        let function = self.function.clone();
        let (tallies, verdicts) = (part == Part::Tally, part == Part::Verdict);
        let job = Job { function, block, tallies, verdicts };
        let began = cpu_time()?;
        self.evaluator.evaluate(&job, now).await?;
        self.measured.evaluating += cpu_time()?.saturating_sub(began);
        self.measured.evaluate += &self.stand.meter.take();
        self.measured.evaluations += 1;
        Ok(())
    }

    /// What is due of the function's alerts and of the groups that it is in, looked at. Asking what is due is a sweep's in any case, as
    /// [`Swept`](crate::sweeping::Swept) has it; so of each sweep what it costs to find nothing is left out.
    async fn sweep(&mut self, now: EpochMillis) -> anyhow::Result<()> {
        let began = cpu_time()?;
        self.sweep.sweep(now).await?;
        let took = cpu_time()?.saturating_sub(began);
        let looked = self.stand.meter.take();
        // Once more: what was due is not any more.
        self.sweep.sweep(now).await?;
        let idle = self.stand.meter.take();
        if looked.requests > idle.requests {
            self.measured.sweep += &looked.without(&idle);
            self.measured.sweeping += took;
            self.measured.looks += 1;
        }
        Ok(())
    }

    /// Whatever waits to be delivered, delivered. That it is due is a sweep's to find, or a message's to say.
    async fn deliver(&mut self, now: EpochMillis) -> anyhow::Result<()> {
        let store = &self.stand.store;
        let due = store.due_entries(now, 10).await?;
        self.stand.meter.take();
        for id in due {
            // The next one of an episode waits for the one before it.
            let Claimed::Yours(claim) = store.claim(&id, now, MINUTE).await? else { continue };
            let ending = Ending::Delivered { at: now, pin: None };
            store.settle(&claim, Settlement { ending, record: None }).await?;
            store.release(&id, now).await?;
            self.measured.deliveries += 1;
        }
        self.measured.deliver += &self.stand.meter.take();
        Ok(())
    }
}

/// What is stored in the long run when an hour is as all others are, from what the hours up to now have left.
async fn stored_gb(stand: &Stand) -> anyhow::Result<f64> {
    let mut sum = 0.0;
    for (kind, kept) in stand.census().await? {
        let bytes = f64::from(u32::try_from(kept.bytes)?);
        sum += match kind.as_str() {
            FACTS => stored(bytes / HOURS_PLAYED, FACTS_LIVE),
            "B" => stored(bytes / HOURS_PLAYED, BLOCKS_LIVE),
            "H" => stored(bytes / HOURS_PLAYED, HOURS_LIVE),
            // In the list and in two indexes that hold all of it.
            "V" => stored(3.0 * bytes / HOURS_PLAYED, TIMEOUTS_LIVE),
            // One item each, however long it goes on.
            _ => stored(bytes, HOUR),
        };
    }
    Ok(sum)
}

impl Measured {
    /// What an hour uses, without what is there however little happens.
    pub(crate) fn usage(&self) -> Usage {
        let batches = count(self.batches);
        let bytes = f64::from(u32::try_from(self.body_bytes).unwrap_or(u32::MAX));
        let mut usage: Usage = [
            Usage::of_tables(&self.ingest),
            Usage::of_ingest(batches, Work { cpu: self.ingesting, trips: batches * INGEST_TRIPS }),
            Usage::of_transfer(batches, bytes),
            Usage::of_tables(&self.evaluate),
            Usage::of_evaluate(
                batches,
                Work { cpu: self.evaluating, trips: count(self.evaluations) * EVALUATE_TRIPS },
            ),
            Usage::of_tables(&self.deliver),
            Usage::of_deliveries(count(self.deliveries)),
            Usage::of_tables(&self.sweep),
            Usage::of_sweep(Work { cpu: self.sweeping, trips: count(self.looks) * LOOK_TRIPS }),
        ]
        .into_iter()
        .sum();
        usage.stored_gb_months = self.stored_gb;
        usage
    }

    /// Write units that a batch costs in the facts table.
    pub(crate) fn writes_per_batch(&self) -> f64 {
        self.ingest.writes_of(FACTS) / count(self.batches)
    }
}

/// Counts here are far below where a float loses one.
pub(crate) fn count(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
