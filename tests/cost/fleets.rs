//! The fleets whose bill is made: the three of the targets, each at its dearest, and a whole organisation.
//!
//! What an evaluation costs does not depend on how many environments of the function reported within its minute, so a fleet
//! is dearest when each function has one environment. That is what is held against the targets; ten environments are beside it.

use std::time::Duration;

use crate::{
    measure::{Care, Fortune, HOURS_PLAYED, Measured, count, hour},
    prices::HOURS_PER_MONTH,
    sweeping::Swept,
    traffic::Traffic::{self, SingleShot, Steady},
    usage::{Bill, Usage, monthly},
};

const MINUTE: Duration = Duration::from_mins(1);
/// How many environments the three fleets have at any time. What is there however little happens is shared by so many.
const ENVIRONMENTS: f64 = 1_000.0;

/// One of the target's fleets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fleet {
    pub(crate) name: &'static str,
    /// Dollars for a million invocations, at most; `None` beside a target.
    pub(crate) target: Option<f64>,
    pub(crate) traffic: Traffic,
    /// Environments of a function at any time.
    per_function: f64,
}

pub(crate) const FLEETS: [Fleet; 6] = [
    Fleet {
        name: "busy: 600 a minute per environment",
        target: Some(0.01),
        traffic: Steady { environments: 1, every: Duration::from_millis(100) },
        per_function: 1.0,
    },
    Fleet {
        name: "busy, ten environments a function",
        target: None,
        traffic: Steady { environments: 10, every: Duration::from_millis(100) },
        per_function: 10.0,
    },
    Fleet {
        name: "sparse: one a minute per environment",
        target: Some(0.5),
        traffic: Steady { environments: 1, every: MINUTE },
        per_function: 1.0,
    },
    Fleet {
        name: "sparse, ten environments a function",
        target: None,
        traffic: Steady { environments: 10, every: MINUTE },
        per_function: 10.0,
    },
    Fleet {
        name: "single-shot: a new environment each minute",
        target: Some(5.0),
        traffic: SingleShot { every: MINUTE },
        per_function: 1.0,
    },
    Fleet {
        name: "single-shot, ten a minute",
        target: None,
        traffic: SingleShot { every: Duration::from_secs(6) },
        per_function: 10.0,
    },
];

/// Functions of an organisation that are used alike.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Class {
    pub(crate) name: &'static str,
    pub(crate) functions: u32,
    pub(crate) traffic: Traffic,
}

/// 30,000 functions in 400 accounts: an assumption, chosen to be plain. A few carry nearly all the traffic, most are hardly
/// ever called; 33 billion invocations a month, which cost some $7,000 in Lambda's requests alone.
pub(crate) const ORGANISATION: [Class; 4] = [
    Class {
        name: "300 busy: 4 environments, 600 a minute each",
        functions: 300,
        traffic: Steady { environments: 4, every: Duration::from_millis(100) },
    },
    Class {
        name: "2,700 steady: 10 environments, one a minute each",
        functions: 2_700,
        traffic: Steady { environments: 10, every: MINUTE },
    },
    Class {
        name: "9,000 quiet: one environment, once in 5 minutes",
        functions: 9_000,
        traffic: Steady { environments: 1, every: Duration::from_mins(5) },
    },
    Class {
        name: "18,000 rare: a new environment once an hour",
        functions: 18_000,
        traffic: SingleShot { every: Duration::from_hours(1) },
    },
];

/// One invocation in so many times out, and somebody is told.
pub(crate) const ONE_TIMEOUT_IN: f64 = 100_000.0;

/// A fleet, measured.
#[derive(Debug)]
pub(crate) struct Priced {
    pub(crate) fleet: Fleet,
    pub(crate) measured: Measured,
    /// For a million invocations.
    pub(crate) bill: Bill,
}

/// An organisation's month.
#[derive(Debug)]
pub(crate) struct Month {
    pub(crate) lines: Vec<Line>,
    pub(crate) functions: u32,
    /// Millions of invocations.
    pub(crate) millions: f64,
}

/// What a part of an organisation costs in a month.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) bill: Bill,
}

/// Measures the fleets; only those with a target if it must be quick.
pub(crate) async fn price(care: Care, swept: &Swept) -> anyhow::Result<Vec<Priced>> {
    let mut priced = Vec::new();
    let is_wanted = |it: &Fleet| care == Care::Whole || it.target.is_some();
    for fleet in FLEETS.into_iter().filter(is_wanted) {
        let measured = hour(fleet.traffic, Fortune::Fair, care).await?;
        let functions = ENVIRONMENTS / fleet.per_function;
        let millions = count(measured.invocations) * functions / 1e6;
        let mut usage = measured.usage().times(functions);
        usage += Usage::of_standing_by();
        usage += swept.hourly(functions);
        // What is stored is stored for a month, in which there are so many more invocations.
        let bill = monthly(usage).times(1.0 / (millions * HOURS_PER_MONTH)).bill();
        priced.push(Priced { fleet, measured, bill });
    }
    Ok(priced)
}

/// Measures one function of each class, and multiplies.
pub(crate) async fn organisation(swept: &Swept) -> anyhow::Result<Month> {
    let (mut lines, mut functions, mut hourly) = (Vec::new(), 0, 0.0);
    for class in ORGANISATION {
        let measured = hour(class.traffic, Fortune::Fair, Care::Whole).await?;
        let usage = measured.usage().times(class.functions.into());
        functions += class.functions;
        hourly += count(measured.invocations) * f64::from(class.functions);
        lines.push(Line { name: class.name.to_owned(), bill: monthly(usage).bill() });
    }
    let timeouts = hourly / ONE_TIMEOUT_IN;
    let usage = timeout().await?.times(timeouts);
    let name = format!("{timeouts:.0} timeouts an hour, told and watched for recovery");
    lines.push(Line { name, bill: monthly(usage).bill() });
    let mut standing = Usage::of_standing_by();
    standing += swept.hourly(functions.into());
    let name = "sweep once a minute, polls of stream and queue".to_owned();
    lines.push(Line { name, bill: monthly(standing).bill() });
    let millions = hourly * HOURS_PER_MONTH / 1e6;
    Ok(Month { lines, functions, millions })
}

/// What one timeout adds to an hour, of a function that is called once a minute: its verdict, the alert, the message, and
/// counts once a minute for a quarter of an hour.
async fn timeout() -> anyhow::Result<Usage> {
    let traffic = Steady { environments: 1, every: MINUTE };
    let with = hour(traffic, Fortune::OneTimeout, Care::Whole).await?.usage();
    let without = hour(traffic, Fortune::Fair, Care::Whole).await?.usage();
    let mut more: Usage = [with, without.times(-1.0)].into_iter().sum();
    // What is stored was spread over all the hours that were played, as if there were one timeout in so many.
    more.stored_gb_months *= HOURS_PLAYED;
    Ok(more)
}
