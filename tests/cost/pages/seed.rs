//! Thirty days of a fleet, in a store.
//!
//! The code that makes items in production makes these: block views become hours, hours a row, rows the fleet's totals, verdicts
//! entries of the list. Only the facts themselves, which live three days and which no page reads, are left out, and block views
//! are made for one function in [`WITH_BLOCKS`], because no page over the fleet reads them either.

use std::collections::BTreeMap;

use overtime::{
    domain::{
        fact::Part,
        fleet::totals,
        hour::{Hour, StandingHour},
        summary::{HOURS, Summary},
        view::Basis,
    },
    store::{blocks::PartKey, schema::BLOCKS_LIVE},
};
use overtime_wire::EpochMillis;

use super::{population::Member, tray::Tray};
use crate::stand::Stand;

pub(crate) const DAYS: u32 = 30;
const WITH_BLOCKS: usize = 100;

/// How much was written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seeded {
    pub(crate) items: usize,
    pub(crate) timeouts: usize,
}

/// Which fleet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) functions: u32,
    /// Hours are written for one function in so many. No page over the fleet reads them; rows and totals are whole.
    pub(crate) hours_of: usize,
    pub(crate) days: u32,
}

/// Fills the store with a fleet up to `now`.
pub(crate) async fn seed(stand: &Stand, size: Size, now: EpochMillis) -> anyhow::Result<Seeded> {
    let members = (0..size.functions).map(Member::new).collect::<anyhow::Result<Vec<_>>>()?;
    let mut seeding = Seeding {
        stand,
        hours_of: size.hours_of.max(1),
        tray: Tray::default(),
        recent: vec![BTreeMap::new(); members.len()],
        members,
        seeded: Seeded::default(),
    };
    let last = Hour::of(now);
    for day in 0..size.days {
        let end = last.minus((size.days - 1 - day) * 24);
        seeding.day(end.minus(23), end, now).await?;
    }
    seeding.rows().await?;
    stand.meter.take();
    Ok(seeding.seeded)
}

struct Seeding<'a> {
    stand: &'a Stand,
    hours_of: usize,
    tray: Tray,
    members: Vec<Member>,
    /// The hours that a row is made from, of each member.
    recent: Vec<BTreeMap<Hour, StandingHour>>,
    seeded: Seeded,
}

impl Seeding<'_> {
    async fn day(&mut self, first: Hour, last: Hour, now: EpochMillis) -> anyhow::Result<()> {
        let store = self.tray.store(&self.stand.client);
        for (at, member) in self.members.iter().enumerate() {
            self.recent[at].retain(|hour, _| hour.plus(HOURS + 24) > last);
            for number in first.number()..=last.number() {
                let hour = Hour::from_number(number);
                let Some(standing) = member.hour(hour) else { continue };
                if at.is_multiple_of(self.hours_of) {
                    // It says that nothing was written, and the tray has it.
                    let _ = store.put_hour(&member.key, &standing).await;
                }
                self.recent[at].insert(hour, standing);
                for timeout in member.timeouts(hour) {
                    self.stand.store.put_timeout(&timeout, 2).await?;
                    self.seeded.timeouts += 1;
                }
                if at.is_multiple_of(WITH_BLOCKS) && hour.end().plus(BLOCKS_LIVE) > now {
                    blocks(&store, member, hour).await;
                }
            }
        }
        self.seeded.items += self.tray.empty_into(&self.stand.client).await?;
        let rows = self.summaries(last);
        for total in totals(&rows, first, last) {
            self.stand.store.put_total(&total).await?;
        }
        Ok(())
    }

    /// Every function's row as it was then.
    fn summaries(&self, then: Hour) -> Vec<Summary> {
        let row = |(member, recent): (&Member, &BTreeMap<Hour, StandingHour>)| {
            let hours: Vec<_> = recent.range(..=then).map(|(_, it)| it.clone()).collect();
            Summary::of(&member.key, &hours)
        };
        self.members.iter().zip(&self.recent).filter_map(row).collect()
    }

    async fn rows(&mut self) -> anyhow::Result<()> {
        let store = self.tray.store(&self.stand.client);
        let last = Hour::from_number(u32::MAX);
        for row in self.summaries(last) {
            let _ = store.put_summary(&row).await;
        }
        self.seeded.items += self.tray.empty_into(&self.stand.client).await?;
        Ok(())
    }
}

async fn blocks(store: &overtime::store::Store, member: &Member, hour: Hour) {
    for view in member.blocks(hour) {
        let key = |part| PartKey { function: &member.key, block: view.block, part };
        if let Some(tally) = &view.tally {
            let _ = store.put_part(key(Part::Tally), tally, Basis::of(15)).await;
        }
        if let Some(verdict) = &view.verdict {
            let _ = store.put_part(key(Part::Verdict), verdict, Basis::of(2)).await;
        }
    }
}
