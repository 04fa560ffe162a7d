//! The figures as a reader wants them: tables in Markdown, or one object of JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    fleets::{Month, Priced},
    measure::count,
    usage::Bill,
};

/// Write units that an ordinary batch may cost in the facts table.
const WRITES_PER_BATCH: f64 = 1.2;
/// What an evaluation of gathered tallies writes: a block's part, its hour, the function's row, each below a kilobyte; and
/// something now and then.
const EVALUATION_WRITES: f64 = 4.0;
/// And reads: facts from every shard, the hour's blocks, a day of hours, history, alert.
const EVALUATION_READS: f64 = 20.0;

/// Everything that was found out.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) fleets: Vec<Priced>,
    /// Not in the short form.
    pub(crate) month: Option<Month>,
}

impl Report {
    /// What misses its target, a line each.
    pub(crate) fn misses(&self) -> Vec<String> {
        let mut misses = Vec::new();
        for Priced { fleet, bill, .. } in &self.fleets {
            if let Some(target) = fleet.target.filter(|it| bill.total() > *it) {
                let total = dollars(bill.total());
                misses.push(format!("{}: ${total} for a million, target ${target}", fleet.name));
            }
        }
        misses
    }

    /// What must not be, whatever the machine: units are the same everywhere.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for Priced { fleet, measured: it, .. } in &self.fleets {
            let unmetered = it.ingest.unmetered
                + it.evaluate.unmetered
                + it.deliver.unmetered
                + it.sweep.unmetered;
            if unmetered > 0 {
                faults.push(format!("{}: {unmetered} requests were not metered", fleet.name));
            }
            let evaluations = count(it.evaluations);
            let most = [
                ("write units a batch in the facts table", it.writes_per_batch(), WRITES_PER_BATCH),
                (
                    "write units an evaluation",
                    it.evaluate.writes() / evaluations,
                    EVALUATION_WRITES,
                ),
                ("read units an evaluation", it.evaluate.reads() / evaluations, EVALUATION_READS),
            ];
            for (what, units, most) in most.into_iter().filter(|(_, units, most)| units > most) {
                faults.push(format!("{}: {units:.2} {what}, at most {most}", fleet.name));
            }
        }
        faults
    }

    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "| for a million invocations | total | target | {} |", heads());
        let _ = writeln!(text, "|---|---|---|{}", "---|".repeat(Bill::default().lines().len()));
        for Priced { fleet, bill, .. } in &self.fleets {
            let target = fleet.target.map_or("–".to_owned(), |it| format!("≤ {it}"));
            let (name, total) = (fleet.name, dollars(bill.total()));
            let _ = writeln!(text, "| {name} | {total} | {target} | {} |", cells(bill));
        }
        text.push_str("\n| an hour of one function | invocations | batches | body bytes a batch | write units a batch, facts (≤ 1.2) | evaluations | write units each | read units each | CPU ms a batch | CPU ms an evaluation |\n");
        let _ = writeln!(text, "|{}", "---|".repeat(10));
        for Priced { fleet, measured: it, .. } in &self.fleets {
            let (batches, evaluations) = (count(it.batches), count(it.evaluations));
            let bytes = it.body_bytes as u64;
            let _ = writeln!(
                text,
                "| {} | {} | {} | {:.0} | {:.2} | {} | {:.2} | {:.2} | {:.1} | {:.1} |",
                fleet.name,
                it.invocations,
                it.batches,
                count(bytes) / batches,
                it.writes_per_batch(),
                it.evaluations,
                it.evaluate.writes() / evaluations,
                it.evaluate.reads() / evaluations,
                it.ingesting.as_secs_f64() * 1e3 / batches,
                it.evaluating.as_secs_f64() * 1e3 / evaluations,
            );
        }
        if let Some(month) = &self.month {
            month.write(&mut text);
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        let fleets = self.fleets.iter().map(|Priced { fleet, measured: it, bill }| {
            let evaluations = count(it.evaluations);
            json!({
                "fleet": fleet.name,
                "dollars_per_million_invocations": bill.total(),
                "target": fleet.target,
                "components": bill,
                "write_units_per_batch_facts": it.writes_per_batch(),
                "batches_per_million_invocations": count(it.batches) * 1e6 / count(it.invocations),
                "write_units_per_evaluation": it.evaluate.writes() / evaluations,
                "index_write_units_per_evaluation": it.evaluate.index_writes() / evaluations,
                "read_units_per_evaluation": it.evaluate.reads() / evaluations,
            })
        });
        let month = self.month.as_ref().map(|month| {
            let lines = month.lines.iter().map(
                |it| json!({ "part": it.name, "dollars": it.bill.total(), "components": it.bill }),
            );
            json!({
                "functions": month.functions,
                "million_invocations": month.millions,
                "dollars": month.total(),
                "parts": lines.collect::<Vec<_>>(),
            })
        });
        json!({
            "fleets": fleets.collect::<Vec<_>>(),
            "month": month,
            "misses": self.misses(),
        })
    }
}

impl Month {
    fn total(&self) -> f64 {
        self.lines.iter().map(|it| it.bill.total()).sum()
    }

    fn write(&self, text: &mut String) {
        let head = format!("a month of {} functions", self.functions);
        let _ = writeln!(text, "\n| {head} | total | {} |", heads());
        let _ = writeln!(text, "|---|---|{}", "---|".repeat(Bill::default().lines().len()));
        for line in &self.lines {
            let (name, total) = (&line.name, whole(line.bill.total()));
            let parts = line.bill.lines().map(|(_, it)| whole(it)).join(" | ");
            let _ = writeln!(text, "| {name} | {total} | {parts} |");
        }
        let mut sums = [0.0; 9];
        for line in &self.lines {
            sums.iter_mut().zip(line.bill.lines()).for_each(|(sum, (_, it))| *sum += it);
        }
        let (total, sums) = (whole(self.total()), sums.map(whole).join(" | "));
        let _ = writeln!(
            text,
            "| **{:.0} million invocations** | **{total}** | {sums} |",
            self.millions
        );
    }
}

fn heads() -> String {
    Bill::default().lines().map(|(name, _)| name).join(" | ")
}

fn cells(bill: &Bill) -> String {
    bill.lines().map(|(_, it)| dollars(it)).join(" | ")
}

/// Three digits that say something, whatever the size.
fn dollars(it: f64) -> String {
    match it {
        _ if it >= 1.0 => format!("{it:.2}"),
        _ if it >= 0.1 => format!("{it:.3}"),
        _ if it >= 0.01 => format!("{it:.4}"),
        _ if it >= 0.000_05 => format!("{it:.5}"),
        _ => "0".to_owned(),
    }
}

fn whole(it: f64) -> String {
    format!("{it:.2}")
}
