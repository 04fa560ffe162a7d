//! What goes wrong, one thing after the other, as a seed has it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sandbox::{
    Observer,
    aggregator::{Aggregator, Unavailable},
    dice::Dice,
    proxy::{Cut, Proxy, Reply, Weather},
};
use tokio::time::sleep;

/// A kind of thing that can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Open connections are reset, at once or when next used.
    Resets,
    /// Open connections fall silent, on every thaw as well.
    Silences,
    /// Answers are late, so that environments freeze in the middle of a send.
    Delays,
    /// New connections are refused, or answered with 429, 500 and 503.
    Refusals,
    /// Everything is swallowed for a while.
    BlackHoles,
    /// An extension is killed with SIGKILL at any moment.
    Kills,
    /// The aggregator is killed with SIGKILL, and is away for a while.
    Outages,
}

pub(crate) const ALL: [Kind; 7] = [
    Kind::Resets,
    Kind::Silences,
    Kind::Delays,
    Kind::Refusals,
    Kind::BlackHoles,
    Kind::Kills,
    Kind::Outages,
];

/// How often each happened.
#[derive(Debug, Default)]
pub(crate) struct Tally([AtomicU64; ALL.len()]);

impl Tally {
    fn add(&self, kind: Kind) {
        let counts = ALL.iter().zip(&self.0);
        for (_, count) in counts.filter(|(it, _)| **it == kind) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = ALL.iter().zip(&self.0).map(|(kind, count)| {
            format!("{} {}", format!("{kind:?}").to_lowercase(), count.load(Ordering::Relaxed))
        });
        f.write_str(&counts.collect::<Vec<_>>().join(", "))
    }
}

/// The network of one environment.
#[derive(Debug)]
pub(crate) struct Waters {
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) environment: Observer,
}

impl Waters {
    /// Never ends by itself.
    pub(crate) async fn rage(self, kinds: Vec<Kind>, mut dice: Dice, tally: Arc<Tally>) {
        loop {
            sleep(dice.milliseconds(500..4_000)).await;
            if let Some(kind) = dice.one_of(&kinds).copied() {
                tally.add(kind);
                self.strike(kind, &mut dice).await;
            }
        }
    }

    async fn strike(&self, kind: Kind, dice: &mut Dice) {
        match kind {
            Kind::Resets => {
                let cut = if dice.percent(50) { Cut::Reset } else { Cut::ResetOnUse };
                self.proxy.cut(cut);
                self.proxy.on_thaw(dice.percent(50).then_some(cut));
            }
            Kind::Silences => {
                self.proxy.cut(Cut::Silence);
                self.proxy.on_thaw(dice.percent(30).then_some(Cut::Silence));
            }
            Kind::Delays => {
                let late = dice.milliseconds(50..600);
                self.spell(Weather::Slow(late), dice.milliseconds(300..1_500)).await;
            }
            Kind::Refusals => {
                let reply = |status| Weather::Answering(Reply::status(status));
                let throttled = Weather::Answering(Reply { status: 429, retry_after: Some(1) });
                let all = [Weather::Refusing, reply(500), reply(503), throttled];
                let weather = dice.one_of(&all).copied().unwrap_or(Weather::Refusing);
                self.spell(weather, dice.milliseconds(200..1_500)).await;
            }
            Kind::BlackHoles => {
                self.spell(Weather::BlackHole, dice.milliseconds(200..2_000)).await;
            }
            Kind::Kills => kill_extension(&self.environment),
            // Not of this environment alone.
            Kind::Outages => {}
        }
    }

    async fn spell(&self, weather: Weather, length: Duration) {
        self.proxy.set(weather).await;
        sleep(length).await;
        self.proxy.set(Weather::Clear).await;
    }
}

/// The one that lives now, if one does.
fn kill_extension(environment: &Observer) {
    let lives = environment.lives();
    let alive = lives.last().filter(|it| it.exit.is_none()).and_then(|it| it.pid);
    if let Some(pid) = alive.and_then(|it| i32::try_from(it).ok()).filter(|it| *it > 1) {
        // It may have ended meanwhile, which is as good.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

/// Kills the aggregator again and again; ends only when it does not come back.
pub(crate) async fn outages(
    aggregator: Arc<Aggregator>,
    mut dice: Dice,
    tally: Arc<Tally>,
) -> Result<(), Unavailable> {
    loop {
        sleep(dice.milliseconds(4_000..12_000)).await;
        tally.add(Kind::Outages);
        aggregator.kill().await;
        sleep(dice.milliseconds(300..3_000)).await;
        aggregator.restart().await?;
    }
}
