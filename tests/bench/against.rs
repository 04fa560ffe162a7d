//! The extension beside itself as it was at another commit, in one run: what a change costs those who do not use it.
//!
//! The other commit's extension runs twice, as two subjects. How far it is from itself is the noise, and a change that cannot be told
//! from that has cost nothing.

use std::{path::Path, time::Duration};

use crate::{
    Effort, Subject,
    added::{self, Turns},
    build,
    platform::{self, Started},
    say,
    spread::Rounds,
    table::{fine, mb, ms},
    tls,
    warm::{self, Cost},
};

/// What one subject showed.
#[derive(Debug)]
struct Shown {
    first_next: Duration,
    bytes: u64,
    /// Invocation after invocation, nothing sent in between; and with a send after each.
    warm: Cost,
    sending: Cost,
    secured: u64,
    added: Rounds,
}

/// How many environments speak TLS: what the kernel reads ahead of a program differs by more than a change may cost.
const LIVES: usize = 9;

/// As it was, as it was once more, as it is: names of functions.
const NAMES: [&str; 3] = ["before", "before-again", "now"];

/// Prints a table of `revision`'s extension beside this tree's.
pub(crate) fn measure(revision: &str, effort: Effort) -> anyhow::Result<()> {
    say(&format!("building the extension of {revision}, and this one …"))?;
    let (before, now) = (build::extension_of(revision)?, build::extension()?);
    let binaries = [&before, &before, &now];
    say("measuring starts …")?;
    let started = binaries.map(|binary| Started { binary, settings: &[] });
    let starts = platform::first_next(&started, effort.starts)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let shown = runtime.block_on(async {
        let mut shown = Vec::new();
        for (name, (binary, first_next)) in NAMES.into_iter().zip(binaries.into_iter().zip(starts))
        {
            say(&format!("measuring warm invocations, {name} …"))?;
            shown.push(alone((name, binary), first_next, effort).await?);
        }
        say("measuring what is added to invocations …")?;
        let mut turns = Vec::new();
        for (name, binary) in NAMES.into_iter().zip(binaries) {
            turns.push(Turns::sending(&subject(name, binary, "0s")).await?);
        }
        let rounds = added::take_turns(turns, effort.bursts).await?;
        for (shown, rounds) in shown.iter_mut().zip(rounds) {
            shown.added = rounds;
        }
        anyhow::Ok(shown)
    })?;
    let [before, again, now] = &shown[..] else { anyhow::bail!("not all were measured") };
    say(&table(before, again, now))
}

fn subject(name: &'static str, binary: &Path, flush_interval: &'static str) -> Subject {
    let binary = binary.to_owned();
    Subject { name, binary, flush_interval, reports: true, stores: false }
}

async fn alone(
    (name, binary): (&'static str, &Path),
    first_next: Duration,
    effort: Effort,
) -> anyhow::Result<Shown> {
    let sending = subject(name, binary, "0s");
    let mut secured = [0; LIVES];
    for peak in &mut secured {
        *peak = tls::peak_rss(&sending, effort.secured).await?;
    }
    secured.sort_unstable();
    Ok(Shown {
        first_next,
        bytes: std::fs::metadata(binary)?.len(),
        warm: warm::measure(&subject(name, binary, "60s"), effort).await?,
        secured: secured[LIVES / 2],
        sending: warm::measure(&sending, effort).await?,
        added: Rounds::default(),
    })
}

fn table(before: &Shown, again: &Shown, now: &Shown) -> String {
    let row = |what: &str, of: &dyn Fn(&Shown) -> f64, digits: usize| {
        let [before, again, now] = [of(before), of(again), of(now)];
        format!(
            "| {what} | {before:.digits$} | {again:.digits$}, {:.2} × | {now:.digits$} | {:.2} × |",
            again / before,
            now / before,
        )
    };
    let chance = |it: &Rounds| {
        let ratio = it.spread().p99_ms() / before.added.spread().p99_ms();
        format!("{ratio:.2} ×, p = {:.2}", it.chance_of_being(&before.added))
    };
    let added = format!(
        "| added after the handler returns, sending, ms | {} | {}, {} | {} | {} |",
        fine(&before.added.spread()),
        fine(&again.added.spread()),
        chance(&again.added),
        fine(&now.added.spread()),
        chance(&now.added),
    );
    let rows = [
        "| what | before | before, once more | now | ratio |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
        row("exec → first `/next`, ms, median", &|it| ms(it.first_next), 2),
        row("peak RSS, MB", &|it| mb(it.warm.peak_rss_bytes), 2),
        row("peak RSS, sending, MB", &|it| mb(it.sending.peak_rss_bytes), 2),
        row("peak RSS with TLS and signing, MB, median", &|it| mb(it.secured), 2),
        row("CPU per warm invocation, ms", &|it| ms(it.warm.cpu_per_invocation), 3),
        row("CPU per warm invocation, sending, ms", &|it| ms(it.sending.cpu_per_invocation), 3),
        row("binary, MB", &|it| mb(it.bytes), 2),
        added,
    ];
    rows.join("\n")
}
