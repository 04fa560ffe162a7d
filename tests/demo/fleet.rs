//! Who is in the fleet: the ways of functions that a platform team knows.
//!
//! Two accounts and two regions, and for every habit somebody who has it. Only what is written here as hanging or as
//! slower than its timeout times out; all else is noise that must not be mistaken for it.

use std::time::Duration;

use sandbox::spec::Function;

/// A function and how it behaves.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) function: Function,
    pub(crate) habit: Habit,
    /// From the end of one invocation to the start of the next.
    pub(crate) pause: Duration,
}

impl Member {
    /// Whether what it does next is done in environments that have done nothing before.
    pub(crate) fn wants_new_environments(&self, count: u64) -> bool {
        match self.habit {
            Habit::ColdStarts { .. } => true,
            Habit::Deploys { after, .. } => count == after,
            Habit::Steady { .. }
            | Habit::HangsEvery { .. }
            | Habit::Hangs
            | Habit::NearDeadline { .. }
            | Habit::ExitsEvery { .. }
            | Habit::ExhaustsEvery { .. }
            | Habit::Throws
            | Habit::Dooms { .. }
            | Habit::Bursts { .. } => false,
        }
    }
}

/// How a function spends its invocations.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Habit {
    /// Takes this long, give or take a fifth.
    Steady { takes: Duration },
    /// Hangs every so many invocations, else is steady.
    HangsEvery { nth: u64, takes: Duration },
    /// Always hangs.
    Hangs,
    /// Finishes within this many per cent of its timeout.
    NearDeadline { percent: u32 },
    /// Every invocation finds a new environment.
    ColdStarts { init: Duration },
    /// Its process exits every so many invocations.
    ExitsEvery { nth: u64 },
    /// Runs out of memory every so many invocations.
    ExhaustsEvery { nth: u64 },
    /// Throws: to the platform, a success.
    Throws,
    /// Once it has timed out, its init alone takes longer than its timeout: it never gets through again.
    Dooms { init: Duration, nth: u64 },
    /// After so many invocations another version is deployed, every second invocation of which hangs.
    Deploys { after: u64, takes: Duration },
    /// Idle, then many at once, each in its own environment; one of them hangs.
    Bursts { width: u64 },
}

const PAYMENTS: &str = "111122223333";
const LOGISTICS: &str = "444455556666";
const IRELAND: &str = "eu-west-1";
const VIRGINIA: &str = "us-east-1";

/// Those that an analysis of their own must find, and no other of these: by name, with the analysis.
pub(crate) const DOOMED: &str = "invoice-import";
pub(crate) const DEPLOYED: &str = "price-list";
pub(crate) const OVERSIZED: &str = "address-check";

pub(crate) fn members() -> Vec<Member> {
    let ms = Duration::from_millis;
    let steady = |takes| Habit::Steady { takes: ms(takes) };
    vec![
        member((PAYMENTS, IRELAND, "checkout"), (512, 3), (steady(40), 120)),
        member((PAYMENTS, IRELAND, "refunds"), (256, 2), (steady(900), 300)),
        member((PAYMENTS, IRELAND, "ledger-sync"), (1024, 1), (Habit::Hangs, 2_000)),
        member((PAYMENTS, VIRGINIA, "fraud-score"), (2048, 2), (near(93), 500)),
        member((PAYMENTS, VIRGINIA, "receipts"), (256, 3), (Habit::Throws, 400)),
        member((PAYMENTS, VIRGINIA, "card-vault"), (512, 1), (hangs_every(6, 150), 300)),
        member((LOGISTICS, IRELAND, "route-planner"), (3008, 2), (hangs_every(4, 600), 500)),
        member((LOGISTICS, IRELAND, "label-printer"), (128, 3), (cold(250), 1_500)),
        member((LOGISTICS, IRELAND, "stock-import"), (256, 5), (exhausts_every(4), 800)),
        member((LOGISTICS, VIRGINIA, "tracking-webhook"), (128, 3), (exits_every(5), 400)),
        member(
            (LOGISTICS, VIRGINIA, "nightly-report"),
            (512, 1),
            (Habit::Bursts { width: 4 }, 5_000),
        ),
        member((PAYMENTS, IRELAND, DOOMED), (256, 1), (dooms(1_600, 3), 400)),
        of_version("1", member((PAYMENTS, VIRGINIA, DEPLOYED), (512, 1), (deploys(40, 50), 120))),
        member((LOGISTICS, IRELAND, OVERSIZED), (256, 60), (steady(8), 30)),
        member((LOGISTICS, VIRGINIA, "geocoder"), (256, 3), (steady(15), 80)),
        member((LOGISTICS, VIRGINIA, "customs-forms"), (256, 1), (near(85), 700)),
    ]
}

fn member(
    (account, region, name): (&str, &str, &str),
    (memory_mb, timeout_s): (u32, u64),
    (habit, pause_ms): (Habit, u64),
) -> Member {
    let function = Function {
        account: account.to_owned(),
        region: region.to_owned(),
        memory_mb,
        timeout: Duration::from_secs(timeout_s),
        ..Function::named(name)
    };
    Member { function, habit, pause: Duration::from_millis(pause_ms) }
}

fn of_version(version: &str, member: Member) -> Member {
    let function = Function { version: version.to_owned(), ..member.function };
    Member { function, ..member }
}

fn near(percent: u32) -> Habit {
    Habit::NearDeadline { percent }
}

fn cold(init_ms: u64) -> Habit {
    Habit::ColdStarts { init: Duration::from_millis(init_ms) }
}

fn dooms(init_ms: u64, nth: u64) -> Habit {
    Habit::Dooms { init: Duration::from_millis(init_ms), nth }
}

fn deploys(after: u64, takes_ms: u64) -> Habit {
    Habit::Deploys { after, takes: Duration::from_millis(takes_ms) }
}

fn hangs_every(nth: u64, takes_ms: u64) -> Habit {
    Habit::HangsEvery { nth, takes: Duration::from_millis(takes_ms) }
}

fn exits_every(nth: u64) -> Habit {
    Habit::ExitsEvery { nth }
}

fn exhausts_every(nth: u64) -> Habit {
    Habit::ExhaustsEvery { nth }
}
