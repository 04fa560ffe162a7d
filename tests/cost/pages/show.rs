//! The pages' figures as a reader wants them.

use std::{fmt::Write as _, time::Duration};

use serde_json::{Value, json};

use super::{ASSETS_MAX, Findings, OVERVIEW_WITHIN, Seen, Spread};

impl Findings {
    pub(super) fn table(&self) -> String {
        let functions = self.functions;
        let mut text = format!(
            "| {functions} functions, 30 days | ms, the first: p50 | ms, read anew: p50, p99 | bare reads, ms: p50 | ratio | ms, nobody else writes: p50, p99 | ms, within a second: p50 | read units | kB | kB, gzip | target |\n|"
        );
        let _ = writeln!(text, "{}", "---|".repeat(11));
        for seen in &self.seen {
            let Seen { name, first, fresh, alone, held, bare, .. } = seen;
            let _ = writeln!(
                text,
                "| {name} | {:.1} | {:.1}, {:.1} | {:.1} | {:.2} × | {:.1}, {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {} |",
                ms(first.p50),
                ms(fresh.p50),
                ms(fresh.p99),
                ms(bare.p50),
                ratio(fresh, bare),
                ms(alone.p50),
                ms(alone.p99),
                ms(held.p50),
                seen.units.reads(),
                kilobytes(seen.bytes),
                kilobytes(seen.zipped),
                seen.target(),
            );
        }
        let assets = self.assets;
        let _ = write!(
            text,
            "| first load of {} assets | – | – | – | – | – | – | – | {:.1} | {:.1} | ≤ {:.0} kB |",
            assets.files,
            kilobytes(assets.bytes),
            kilobytes(assets.zipped),
            kilobytes(ASSETS_MAX),
        );
        text
    }

    pub(super) fn json(&self) -> Value {
        let spread = |it: Spread| json!({ "p50_ms": ms(it.p50), "p99_ms": ms(it.p99) });
        let pages = self.seen.iter().map(|it| {
            json!({
                "page": it.name,
                "first": spread(it.first),
                "read_anew": spread(it.fresh),
                "nobody_else_writes": spread(it.alone),
                "within_a_second": spread(it.held),
                "bare_reads": spread(it.bare),
                "ratio": ratio(&it.fresh, &it.bare),
                "read_units": it.units.reads(),
                "requests": it.units.requests,
                "bytes": it.bytes,
                "bytes_gzip": it.zipped,
                "misses": it.misses(),
            })
        });
        json!({
            "functions": self.functions,
            "pages": pages.collect::<Vec<_>>(),
            "assets": { "files": self.assets.files, "bytes": self.assets.bytes, "bytes_gzip": self.assets.zipped },
        })
    }
}

impl Seen {
    /// Where others write, how long it takes is how long the embedded engine takes to read all rows, which DynamoDB's would not be.
    fn misses(&self) -> bool {
        self.is_held_to_target && self.alone.p50 > OVERVIEW_WITHIN
    }

    fn target(&self) -> String {
        match (self.is_held_to_target, self.misses()) {
            (false, _) => "–".to_owned(),
            (true, false) => format!("≤ {} ms", OVERVIEW_WITHIN.as_millis()),
            (true, true) => format!("≤ {} ms: misses", OVERVIEW_WITHIN.as_millis()),
        }
    }
}

fn ratio(fresh: &Spread, bare: &Spread) -> f64 {
    fresh.p50.as_secs_f64() / bare.p50.as_secs_f64()
}

fn ms(it: Duration) -> f64 {
    it.as_secs_f64() * 1e3
}

fn kilobytes(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1e3
}
