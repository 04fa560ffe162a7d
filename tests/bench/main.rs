//! What the extension costs, beside one that does nothing, in one run on one machine.
//!
//! The floor (`tests/floor`) registers and polls, and that is all: std only, blocking, one thread, compiled as the layer
//! is. Absolute numbers depend on the machine and its mood, so subjects run beside each other and the ratio is what counts.
//!
//! `cargo measure` prints the table that stands in the README, in about six minutes; `cargo measure --quick` is a short
//! form of it, for a smoke test, whose numbers mean little: its aggregator is a development build. It needs Python 3 with `venv`, for the
//! function URL that is emulated.
//! `cargo measure --added` measures only what is added after the handler has returned.
//! `cargo measure --against REVISION` measures it beside the extension of another commit of this repository.
//! `cargo measure --doors` measures how soon each of the aggregator's doors is open, beside a Lambda function that does nothing.

mod added;
mod against;
mod build;
mod doors;
mod logs;
mod platform;
mod sink;
mod spread;
mod table;
mod timeouts;
mod tls;
mod warm;

use std::{io::Write as _, path::PathBuf, time::Duration};

use anyhow::Context as _;
use sandbox::{binaries, conditions::Condition};

use self::{
    added::Added,
    logs::Logs,
    platform::Started,
    timeouts::{Delays, Extent, World},
    warm::Cost,
};

/// Who is measured, and how.
#[derive(Debug, Clone)]
struct Subject {
    name: &'static str,
    binary: PathBuf,
    flush_interval: &'static str,
    /// The floor never says anything.
    reports: bool,
    /// Whether the function's logs go to a bucket.
    stores: bool,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Effort {
    starts: usize,
    invocations: u32,
    pace: Duration,
    /// Bursts of ten invocations for each subject.
    bursts: usize,
    /// Over TLS.
    secured: usize,
    overlapped: u32,
    timeouts: Extent,
    deaf: Extent,
}

/// A thousand warm invocations in a minute, as a target has it.
const THOROUGH: Effort = Effort {
    starts: 100,
    invocations: 1_000,
    pace: Duration::from_millis(55),
    bursts: 100,
    secured: 100,
    overlapped: 150,
    timeouts: Extent { functions: 40, each: 3 },
    deaf: Extent { functions: 12, each: 2 },
};
/// Enough to compare one with another.
const COMPARED: Effort = Effort { invocations: 300, bursts: 60, secured: 50, ..THOROUGH };
const QUICK: Effort = Effort {
    starts: 10,
    invocations: 60,
    pace: Duration::from_millis(20),
    bursts: 3,
    secured: 10,
    overlapped: 15,
    timeouts: Extent { functions: 4, each: 1 },
    deaf: Extent { functions: 4, each: 1 },
};

/// Those who run: one that does nothing, the same told of telemetry, ours as it is deployed, ours sending after every
/// invocation, and ours storing the function's logs.
#[derive(Debug)]
struct Subjects {
    floor: Subject,
    told: Subject,
    extension: Subject,
    sending: Subject,
    storing: Subject,
    aggregator: PathBuf,
}

/// Everything there is to say.
#[derive(Debug)]
struct Findings {
    effort: Effort,
    first_next: [Duration; 2],
    floor: Cost,
    extension: Cost,
    sending: Cost,
    /// Peak RSS over TLS, in bytes.
    secured: u64,
    added: Added,
    logs: Logs,
    /// Of the floor, of ours at rest, of ours sending.
    handlers: [Duration; 3],
    timeouts: Delays,
    deaf: Delays,
    floors_timeouts: Delays,
}

fn main() -> anyhow::Result<()> {
    let quick = std::env::args().any(|it| it == "--quick");
    let effort = if quick { QUICK } else { THOROUGH };
    if std::env::args().any(|it| it == "--doors") {
        return doors::measure(effort.starts);
    }
    let mut arguments = std::env::args().skip_while(|it| it != "--against");
    if arguments.next().is_some() {
        let revision = arguments.next().context("--against needs a revision, such as HEAD~1")?;
        return against::measure(&revision, if quick { QUICK } else { COMPARED });
    }
    say("building the layer's extension and the floor …")?;
    let only_added = std::env::args().any(|it| it == "--added");
    // Where nothing times out, nobody waits for the aggregator to be optimised.
    let subjects = Subjects::build(quick || only_added)?;
    let size = std::fs::metadata(&subjects.extension.binary)?.len();
    say(&format!("extension: {size} bytes on disk"))?;
    let runtime = tokio::runtime::Runtime::new()?;
    if only_added {
        say("measuring what is added to invocations …")?;
        let added = runtime.block_on(added::after_the_handler(&subjects, effort.bursts))?;
        return say(&table::added(&added).join("\n"));
    }
    say("measuring starts …")?;
    let both = [&subjects.floor.binary, &subjects.extension.binary];
    let both = both.map(|binary| Started { binary, settings: &[] });
    let starts = platform::first_next(&both, effort.starts)?;
    let first_next = [starts[0], starts[1]];
    let findings = runtime.block_on(subjects.measure(effort, first_next))?;
    say(&table::of(&findings))
}

impl Subjects {
    fn build(quick: bool) -> anyhow::Result<Self> {
        let (floor, told, extension) = (build::floor()?, build::told()?, build::extension()?);
        let subject = |name, binary: &PathBuf, flush_interval| Subject {
            name,
            binary: binary.clone(),
            flush_interval,
            reports: name != "floor",
            stores: false,
        };
        Ok(Self {
            floor: subject("floor", &floor, "60s"),
            told: subject("told", &told, "60s"),
            extension: subject("extension", &extension, "60s"),
            sending: subject("sending", &extension, "0s"),
            storing: Subject { stores: true, ..subject("storing", &extension, "5s") },
            aggregator: if quick { binaries::overtime()?.to_owned() } else { build::aggregator()? },
        })
    }

    async fn measure(&self, effort: Effort, first_next: [Duration; 2]) -> anyhow::Result<Findings> {
        say("measuring warm invocations …")?;
        let (floor, extension, sending) = tokio::try_join!(
            warm::measure(&self.floor, effort),
            warm::measure(&self.extension, effort),
            warm::measure(&self.sending, effort),
        )?;
        let secured = tls::peak_rss(&self.sending, effort.secured).await?;
        say("measuring what is added to invocations …")?;
        let added = added::after_the_handler(self, effort.bursts).await?;
        say("measuring what logs cost …")?;
        let logs = logs::measure(self, effort).await?;
        let handlers = tokio::try_join!(
            added::beside_the_handler(&self.floor, effort.overlapped),
            added::beside_the_handler(&self.extension, effort.overlapped),
            added::beside_the_handler(&self.sending, effort.overlapped),
        )?;
        say("measuring timeouts …")?;
        let world = World::start(&self.aggregator).await?;
        let (dies, deaf) = (Condition::FullSpeed, Condition::DeafToSigterm);
        Ok(Findings {
            effort,
            first_next,
            floor,
            extension,
            sending,
            secured,
            added,
            logs,
            handlers: handlers.into(),
            timeouts: world.measure(&self.extension, dies, effort.timeouts).await?,
            deaf: world.measure(&self.extension, deaf, effort.deaf).await?,
            floors_timeouts: world.measure(&self.floor, dies, effort.deaf).await?,
        })
    }
}

fn say(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("failed to write")
}
