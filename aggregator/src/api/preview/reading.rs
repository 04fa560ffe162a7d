//! What a preview is made of, as far as it is read.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use overtime_wire::{Block, EpochMillis, FunctionKey};

use crate::{
    api::{Reader, range::Range},
    domain::{
        alert::{Opens, Rule},
        configuration::{Condition, Subscription},
        preview::{Known, crowd::Member, looks_back},
        summary::Summary,
        timeout::{Filter, Timeout},
        view::TallyPart,
    },
    store::StoreError,
};

/// Most timeouts that are read, newest first.
const TIMEOUTS_MAX: usize = 5_000;
/// How many of them at a time, and how often at most.
const PAGE: usize = 1_000;
const PAGES_MAX: usize = 20;
/// Most functions that are played, those with the most timeouts.
const FUNCTIONS_MAX: usize = 50;
/// How many functions are read beside each other.
const AT_ONCE: usize = 8;
/// Timeouts before the range that its first alerts may be opened by: as long as a condition's window can be.
const BEFORE: Duration = Duration::from_hours(1);
/// Most functions of which all minutes are read, where it is not timeouts that a condition is about.
const READ_MAX: usize = 20;
/// How long after a function's timeout its successes are looked for: after that an alert expires in any case, or goes on.
const AFTER: Duration = Duration::from_hours(24);

/// What was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) functions: Vec<Member>,
    /// From when on everything was.
    pub(super) from: EpochMillis,
    /// How many functions that are heard of are covered.
    pub(super) covered: u64,
    /// Why that is not all.
    pub(super) cut: Vec<String>,
}

/// Reads what a preview over a range is made of.
pub(super) async fn read(
    reader: &Reader,
    (subscription, rule): (&Subscription, &Rule),
    range: Range,
) -> Result<Read, StoreError> {
    let rows = reader.store.fleet_lately((reader.clock)()).await?;
    let tags: BTreeMap<_, _> = rows.iter().map(|it| (&it.function, it)).collect();
    let nothing = BTreeMap::new();
    let covers = |function: &FunctionKey| {
        let tags = tags.get(function).map_or(&nothing, |it: &&Summary| &it.digest.profile.tags);
        subscription.scope.covers(function, tags)
    };
    let covered = rows.iter().filter(|it| covers(&it.function)).count() as u64;
    let (timeouts, from) = timeouts(reader, subscription, range).await?;
    let mut cut = Vec::new();
    if from > range.from {
        cut.push(format!(
            "there are more than {TIMEOUTS_MAX} timeouts: the time before is left out"
        ));
    }
    let mut by_function = BTreeMap::<FunctionKey, Vec<Timeout>>::new();
    for timeout in timeouts.into_iter().filter(|it| covers(&it.function)) {
        by_function.entry(timeout.function.clone()).or_default().push(timeout);
    }
    let within = rows.iter().filter(|it| covers(&it.function));
    let (functions, others, left_out) = match subscription.condition {
        Condition::NearTimeout { .. } => nearest(within, by_function),
        Condition::NoSignal { .. } => quietest(within, by_function, range),
        Condition::AnyTimeout {}
        | Condition::TimeoutCount { .. }
        | Condition::TimeoutRate { .. }
        | Condition::NewOffender { .. }
        | Condition::Consecutive { .. }
        | Condition::FleetIncident { .. } => most(by_function, subscription.grouping().is_some()),
    };
    cut.extend(left_out);
    let by_tallies = !subscription.condition.is_about_timeouts();
    let known = functions.into_iter().map(|it| known(reader, (rule, by_tallies), it, range));
    let known = stream::iter(known.collect::<Vec<_>>()).buffered(AT_ONCE);
    let mut functions: Vec<Known> = known.try_collect().await?;
    functions.extend(others.into_iter().map(|(function, timeouts)| Known {
        function,
        timeouts,
        tallies: Vec::new(),
        earlier: None,
        by_tallies: false,
    }));
    let tags_of = |it: &FunctionKey| tags.get(it).map(|it| it.digest.profile.tags.clone());
    let tagged = functions.into_iter().map(|it| {
        let tags = tags_of(&it.function).unwrap_or_default();
        (it, tags)
    });
    Ok(Read { functions: tagged.collect(), from, covered, cut })
}

/// Functions to read, functions that are taken in as they are, and what is left out.
type Chosen = (Vec<Timeouts>, Vec<Timeouts>, Option<String>);

type Timeouts = (FunctionKey, Vec<Timeout>);

/// Those with the most timeouts, and how many there are besides. A group is made of all of them.
fn most(by_function: BTreeMap<FunctionKey, Vec<Timeout>>, grouped: bool) -> Chosen {
    let mut functions: Vec<_> = by_function.into_iter().collect();
    functions.sort_by_key(|(_, timeouts)| Reverse(timeouts.len()));
    let others = functions.split_off(functions.len().min(FUNCTIONS_MAX));
    let more = others.len();
    if grouped {
        let left_out = format!("of {more} functions with the fewest timeouts no success is known");
        return (functions, others, (more > 0).then_some(left_out));
    }
    let left_out = format!("{more} functions with the fewest timeouts are left out");
    (functions, Vec::new(), (more > 0).then_some(left_out))
}

/// Those that are closest to their timeout today, and how many there are besides.
fn nearest<'a>(
    covered: impl Iterator<Item = &'a Summary>,
    by_function: BTreeMap<FunctionKey, Vec<Timeout>>,
) -> Chosen {
    let share = |it: &Summary| {
        let timeout = it.digest.profile.timeout;
        let p99 = it.p99().filter(|_| !timeout.is_zero());
        p99.map_or(0, |it| it.as_micros().saturating_mul(1_000) / timeout.as_micros().max(1))
    };
    let mut rows: Vec<_> = covered.collect();
    rows.sort_by_key(|it| Reverse(share(it)));
    first(&rows, by_function, "functions that are further from their timeout today")
}

/// Those of the range that have been silent the longest, and how many there are besides.
fn quietest<'a>(
    covered: impl Iterator<Item = &'a Summary>,
    by_function: BTreeMap<FunctionKey, Vec<Timeout>>,
    range: Range,
) -> Chosen {
    let lately = |it: &&Summary| it.last_seen().is_some_and(|it| it >= range.from);
    let mut rows: Vec<_> = covered.filter(lately).collect();
    rows.sort_by_key(|it| it.last_seen());
    first(&rows, by_function, "functions that were heard of later than these")
}

/// The first rows, as many as are read.
fn first(
    rows: &[&Summary],
    mut by_function: BTreeMap<FunctionKey, Vec<Timeout>>,
    others: &str,
) -> Chosen {
    let more = rows.len().saturating_sub(READ_MAX);
    let timeouts =
        |it: &&Summary| (it.function.clone(), by_function.remove(&it.function).unwrap_or_default());
    let chosen = rows.iter().take(READ_MAX).map(timeouts).collect();
    (chosen, Vec::new(), (more > 0).then(|| format!("{more} {others} are left out")))
}

/// The fleet's timeouts of the range and a little before, newest first, and from when on they are all there.
async fn timeouts(
    reader: &Reader,
    subscription: &Subscription,
    range: Range,
) -> Result<(Vec<Timeout>, EpochMillis), StoreError> {
    let mut filter = Filter::between(range.from.minus(BEFORE), range.to);
    // What the list can be narrowed by; the scope itself is asked of each.
    let scope = &subscription.scope;
    if let ([account], [region]) = (&scope.accounts[..], &scope.regions[..]) {
        filter.account = Some(*account);
        filter.region = Some(region.clone());
        if let [name] = &scope.functions[..] {
            filter.function = name.to_string().parse().ok();
        }
    }
    let (mut found, mut cursor) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let page = reader.store.timeouts(&filter, cursor.as_ref(), PAGE).await?;
        found.extend(page.items);
        cursor = page.next;
        if cursor.is_none() || found.len() >= TIMEOUTS_MAX {
            break;
        }
    }
    let oldest = found.last().map(Timeout::deadline).filter(|_| cursor.is_some());
    Ok((found, oldest.map_or(range.from, |it| it.max(range.from))))
}

/// What is known of one function besides its timeouts.
async fn known(
    reader: &Reader,
    (rule, by_tallies): (&Rule, bool),
    (function, timeouts): Timeouts,
    range: Range,
) -> Result<Known, StoreError> {
    let mut tallies = BTreeMap::<Block, TallyPart>::new();
    let back = looks_back(rule, &timeouts);
    let stretches = if by_tallies {
        vec![(Block::of(range.from.minus(back)), Block::of(range.to))]
    } else {
        stretches(&timeouts, back, range.to)
    };
    for (first, last) in stretches {
        for view in reader.store.blocks(&function, first, last).await? {
            tallies.extend(view.tally.map(|it| (view.block, it)));
        }
    }
    let earlier = match rule.opens {
        Opens::NewOffender { quiet_for } => {
            let oldest = timeouts.iter().map(Timeout::deadline).min().unwrap_or(range.from);
            let filter = Filter {
                account: Some(function.account),
                region: Some(function.region.clone()),
                function: Some(function.name.clone()),
                ..Filter::between(oldest.minus(quiet_for), oldest)
            };
            let page = reader.store.timeouts(&filter, None, 1).await?;
            page.items.first().map(Timeout::deadline)
        }
        Opens::AnyTimeout
        | Opens::TimeoutCount { .. }
        | Opens::InARow { .. }
        | Opens::Level(_)
        | Opens::Silence { .. } => None,
    };
    let tallies = tallies.into_iter().collect();
    Ok(Known { function, timeouts, tallies, earlier, by_tallies })
}

/// Stretches of blocks in which it matters what ordinary invocations did: around timeouts, and a day after them.
fn stretches(timeouts: &[Timeout], back: Duration, to: EpochMillis) -> Vec<(Block, Block)> {
    let last = Block::of(to);
    let around = |it: &Timeout| {
        let at = it.deadline();
        (Block::of(at.minus(back)), Block::of(at.plus(AFTER)).min(last))
    };
    let ordered: BTreeSet<_> = timeouts.iter().map(around).collect();
    let mut stretches = Vec::<(Block, Block)>::new();
    for (first, end) in ordered {
        match stretches.last_mut() {
            Some((_, known)) if first.number() <= known.number() + 1 => *known = end.max(*known),
            _ => stretches.push((first, end)),
        }
    }
    stretches.retain(|(first, end)| first <= end);
    stretches
}
