//! What a subscription would have told of time that is past: its own state machine, over the timeouts that are known today.
//!
//! Each timeout comes in when it was first accepted, and between them the clock stands where the alert wants to be looked at. So what is
//! played is what evaluations and sweeps did, but for what nobody has kept: timeouts that were taken back since, and how a cause was
//! named before it was corrected.
//!
//! **Invariant.** Pure. An alert at rest costs a step for each moment at which timeouts came in, and no more.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use overtime_wire::{Block, EpochMillis, FunctionKey, MinuteIndex};

use super::{
    alert::{
        Ending, Episode, Observation, Past, Phase, Rule, State, Transition, asked::Looking,
        evaluate,
    },
    durations::Sketch,
    timeout::Timeout,
    view::{BlockView, TallyPart, VerdictPart},
};

/// How far back is looked at least, and how much further than conditions ask.
const BEFORE: Duration = Duration::from_mins(75);
/// How long after a quarter of an hour has ended its tallies are in.
const TALLIED_AFTER: Duration = Duration::from_mins(2);
/// How often a function in a storm is evaluated at most.
const PACE: Duration = Duration::from_secs(10);
/// More steps of one function than this are not taken: an alert that goes on for ten days is looked at once a minute.
const STEPS_MAX: usize = 30_000;

/// What is known of one function.
#[derive(Debug)]
pub struct Known {
    pub function: FunctionKey,
    /// Its timeouts, in any order.
    pub timeouts: Vec<Timeout>,
    /// What ordinary invocations of its blocks added up to, oldest first.
    pub tallies: Vec<(Block, TallyPart)>,
    /// Its last timeout before all of these.
    pub earlier: Option<EpochMillis>,
    /// Whether it is looked at whenever its tallies are in, and not only when timeouts come in.
    pub by_tallies: bool,
}

/// How far back a condition asks, of a function of these timeouts.
pub fn looks_back(rule: &Rule, timeouts: &[Timeout]) -> Duration {
    let of = |looking| {
        let asked = rule.opens.asks(looking);
        asked.views.max(asked.claims)
    };
    BEFORE + of(Looking::Timeouts(longest(timeouts))).max(of(Looking::Tallies))
}

fn longest(timeouts: &[Timeout]) -> Duration {
    timeouts.iter().map(|it| it.verdict.timeout).max().unwrap_or_default()
}

/// An alert that would have opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// When the first of its timeouts happened, by the function's clock.
    pub first: EpochMillis,
    /// When it would have opened.
    pub opened: EpochMillis,
    /// When it would have been over, and why; nothing if it would still go on.
    pub over: Option<(EpochMillis, Ending)>,
    pub timeouts: u64,
}

/// What one function's alert would have done until `to`, and whether that is all of it.
pub fn rehearse(rule: &Rule, known: Known, to: EpochMillis) -> (Vec<Opening>, bool) {
    let mut stage = Stage::new(rule, known);
    let (mut alert, mut openings) = (State::default(), Vec::<Opening>::new());
    let (mut due, mut free) = (None, EpochMillis(i64::MIN));
    for _ in 0..STEPS_MAX {
        let next = stage.next().map(|it| it.max(free)).into_iter().chain(due).min();
        let Some(now) = next.filter(|it| *it <= to) else {
            return (openings, true);
        };
        let seen = stage.look(&alert, now);
        let (after, transition) = evaluate(rule, alert, &seen);
        match transition {
            Some(Transition::Opened(episode)) => openings.push(Opening::of(&episode)),
            Some(Transition::Resolved(episode, ending)) => {
                if let Some(last) = openings.last_mut() {
                    *last = Opening { over: Some((now, ending)), ..Opening::of(&episode) };
                }
            }
            Some(Transition::Corrected(_)) | None => {}
        }
        if let (Phase::Firing(episode), Some(last)) = (&after.phase, openings.last_mut()) {
            last.timeouts = episode.timeouts();
        }
        // What is due now was just looked at.
        due = after.due(rule, now).map(|it| it.max(EpochMillis(now.0 + 1)));
        free = now.plus(PACE);
        alert = after;
    }
    (openings, false)
}

impl Opening {
    fn of(episode: &Episode) -> Self {
        let (first, opened) = (episode.first, episode.opened);
        Self { first, opened, over: None, timeouts: episode.timeouts() }
    }
}

/// One function, and how much of it has come in.
struct Stage {
    function: FunctionKey,
    /// How far back is looked, and how far for claims.
    back: Duration,
    claims: Duration,
    /// When tallies are in, the next one last.
    looks: Vec<EpochMillis>,
    /// By when they came in.
    timeouts: Vec<Timeout>,
    /// How many of them have.
    came_in: usize,
    tallies: Vec<(Block, TallyPart)>,
    /// The beginnings of minutes in which an invocation succeeded.
    successes: Vec<EpochMillis>,
    /// What a view would say of the time before.
    earlier: Option<BlockView>,
}

impl Stage {
    fn new(rule: &Rule, known: Known) -> Self {
        let Known { function, mut timeouts, tallies, earlier, by_tallies } = known;
        let back = looks_back(rule, &timeouts);
        let claims = rule.opens.asks(Looking::Timeouts(longest(&timeouts))).claims;
        let ends = tallies.iter().rev().map(|(block, _)| block.end().plus(TALLIED_AFTER));
        let looks = if by_tallies { ends.collect() } else { Vec::new() };
        timeouts.sort_by_key(|it| (it.detected_at, it.order()));
        let successes = tallies.iter().flat_map(|(block, part)| successes(*block, part)).collect();
        let earlier = earlier.map(|at| {
            let verdict = VerdictPart { last_timeout_ms: Some(at.0), ..VerdictPart::default() };
            BlockView { verdict: Some(verdict), ..BlockView::empty(Block::of(at)) }
        });
        Self { function, back, claims, looks, timeouts, came_in: 0, tallies, successes, earlier }
    }

    /// When something comes in next.
    fn next(&self) -> Option<EpochMillis> {
        let timeout = self.timeouts.get(self.came_in).map(|it| it.detected_at);
        timeout.into_iter().chain(self.looks.last().copied()).min()
    }

    /// What an evaluation or a sweep at `now` would have seen: whole are the blocks in which something came in, those in doubt, and as far
    /// back as a condition asks for claims.
    fn look(&mut self, state: &State, now: EpochMillis) -> Observation<'_> {
        let before = self.came_in;
        self.came_in = self.timeouts.partition_point(|it| it.detected_at <= now);
        self.looks.truncate(self.looks.partition_point(|it| *it > now));
        let (first, last) = (Block::of(now.minus(self.back)), Block::of(now));
        let news = self.timeouts[before..self.came_in].iter().map(Timeout::block);
        let close: BTreeSet<Block> = news.chain(state.blocks_in_doubt()).collect();
        let asked = (!self.claims.is_zero()).then(|| Block::of(now.minus(self.claims)));
        let mut blocks = BTreeMap::<Block, Vec<Timeout>>::new();
        let mut others = BTreeMap::<Block, Vec<Timeout>>::new();
        blocks.extend(close.iter().map(|it| (*it, Vec::new())));
        for timeout in &self.timeouts[..self.came_in] {
            let block = timeout.block();
            let is_whole = close.contains(&block) || asked.is_some_and(|it| block >= it);
            let there = if is_whole { &mut blocks } else { &mut others };
            there.entry(block).or_default().push(timeout.clone());
        }
        let whole: Vec<Block> = blocks.keys().copied().collect();
        let views = self.views(&others, &blocks, (first, now));
        let known = self.successes.partition_point(|it| *it <= now);
        Observation {
            function: &self.function,
            blocks,
            last_success: known.checked_sub(1).map(|at| self.successes[at]),
            past: Past::of(&views, &[], &whole).between(first, last),
            at: now,
        }
    }

    /// Block views as they stood at `now`.
    fn views(
        &self,
        others: &BTreeMap<Block, Vec<Timeout>>,
        whole: &BTreeMap<Block, Vec<Timeout>>,
        (first, now): (Block, EpochMillis),
    ) -> Vec<BlockView> {
        let earlier = self.earlier.iter().map(|it| (it.block, it.clone()));
        let mut views: BTreeMap<Block, BlockView> = earlier.collect();
        for (block, timeouts) in others.iter().chain(whole) {
            let view = views.entry(*block).or_insert_with(|| BlockView::empty(*block));
            view.verdict = Some(VerdictPart::of(timeouts));
        }
        let tallies = self.tallies.iter().filter(|(it, _)| *it >= first && it.start() <= now);
        for (block, part) in tallies {
            let view = views.entry(*block).or_insert_with(|| BlockView::empty(*block));
            let mut part = part.clone();
            part.minutes.retain(|minute, _| start(*block, *minute).is_some_and(|it| it <= now));
            if block.end() > now {
                // How long invocations took is known by the quarter, and of this one only what is still to come.
                part.durations = Sketch::default();
            }
            view.tally = Some(part);
        }
        views.into_values().collect()
    }
}

fn start(block: Block, minute: u8) -> Option<EpochMillis> {
    MinuteIndex::new(minute.into()).map(|it| it.start(block))
}

fn successes(block: Block, part: &TallyPart) -> Vec<EpochMillis> {
    let succeeded = part.minutes.iter().filter(|(_, it)| it.0.invocations > it.0.errors);
    succeeded.filter_map(|(minute, _)| start(block, *minute)).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::domain::alert::{Opens, tests::claim};

    const START: EpochMillis = EpochMillis(1_793_491_200_000);

    fn minute(at: i64) -> EpochMillis {
        EpochMillis(START.0 + at * 60_000)
    }

    /// `3 5 ok9`: timeouts and a success, by the minute they came in. Says when alerts open, how many timeouts each has, and when
    /// they end.
    #[track_caller]
    fn check(rule: &Rule, words: &str, expected: Expect) {
        let (mut timeouts, mut tallies) = (Vec::new(), BTreeMap::<Block, TallyPart>::new());
        for (name, word) in ('a'..).zip(words.split_whitespace()) {
            let Some(at) = word.strip_prefix("ok") else {
                timeouts.push(claim(name, minute(word.parse().unwrap())));
                continue;
            };
            let at = minute(at.parse().unwrap());
            let block = Block::of(at);
            let part = tallies.entry(block).or_default();
            part.minutes.entry(block.minute(at).number()).or_default().0.invocations = 1;
        }
        for timeout in &mut timeouts {
            timeout.verdict.evidence = overtime_wire::Evidence::Report;
        }
        let function = claim('a', START).function;
        let tallies = tallies.into_iter().collect();
        let known =
            Known { function, timeouts, tallies, earlier: Some(minute(-60)), by_tallies: false };
        let (openings, whole) = rehearse(rule, known, minute(3_000));
        assert!(whole);
        let at = |it: EpochMillis| (it.0 - START.0) / 60_000;
        let told: Vec<String> = openings
            .iter()
            .map(|it| {
                let over =
                    it.over.map(|(when, ending)| format!("{} {}", at(when), ending.as_str()));
                format!("{}×{} {}", at(it.opened), it.timeouts, over.unwrap_or("on".to_owned()))
            })
            .collect();
        expected.assert_eq(&told.join(", "));
    }

    #[test]
    fn what_would_have_opened_ends_as_it_would_have() {
        let any = Rule::ANY_TIMEOUT;
        check(&any, "0 2 ok5 40 ok41", expect!["0×2 12 recovered, 40×1 50 recovered"]);
        check(&any, "0", expect!["0×1 1440 expired"]);
        check(&any, "2990", expect!["2990×1 on"]);
        check(&any, "", expect![""]);
    }

    #[test]
    fn conditions_are_those_of_evaluation() {
        let three = Opens::TimeoutCount { count: 3, window: Duration::from_mins(5) };
        let three = Rule { opens: three, ..Rule::ANY_TIMEOUT };
        check(&three, "0 7 9 10 11 ok12", expect!["10×4 21 recovered"]);
        let quiet_for = |minutes| Rule {
            opens: Opens::NewOffender { quiet_for: Duration::from_mins(minutes) },
            ..Rule::ANY_TIMEOUT
        };
        check(
            &quiet_for(50),
            "0 ok1 20 ok21 80 ok81",
            expect!["0×1 10 recovered, 80×1 90 recovered"],
        );
        check(&quiet_for(90), "0 ok1 20", expect![""]);
    }

    #[test]
    fn what_holds_by_the_minute_is_judged_by_the_minute() {
        let subscription = serde_json::json!({"id": "rate", "name": "Rate", "condition":
            {"timeout_rate": {"percent": 50, "window": "5m", "min_invocations": 4}}});
        let read = crate::domain::configuration::Kind::Subscription.read(&subscription, None);
        let Ok(crate::domain::configuration::Entity::Subscription(rate)) = read else { panic!() };
        // Three of four within five minutes, and known two minutes after the last of them.
        check(&Rule::of(&rate), "20 21 ok22 23 ok40", expect!["26×3 40 recovered"]);
        check(&Rule::of(&rate), "20 ok21 ok22 ok23 ok24 ok40", expect![""]);
        check(&Rule::of(&rate), "20 21", expect![""]);
    }

    #[test]
    fn durations_are_judged_when_their_quarter_is_over() {
        let openings = |condition: serde_json::Value| {
            let subscription =
                serde_json::json!({"id": "near", "name": "Near", "condition": condition});
            let read = crate::domain::configuration::Kind::Subscription.read(&subscription, None);
            let Ok(crate::domain::configuration::Entity::Subscription(near)) = read else {
                panic!()
            };
            // Quarters of an hour with twenty invocations each, of which those of the second are slow.
            let quarter = |(at, ms): (u32, u64)| {
                let mut durations = overtime_wire::Durations::default();
                (0..20).for_each(|_| durations.record(Duration::from_millis(ms)));
                let mut part = TallyPart::default();
                part.durations.add(&durations);
                part.profile.timeout = Duration::from_secs(3);
                part.minutes.entry(7).or_default().0.invocations = 20;
                (Block::from_number(Block::of(START).number() + at), part)
            };
            let tallies =
                [(0, 100), (1, 2_700), (2, 100), (3, 100), (4, 100)].map(quarter).to_vec();
            let function = claim('a', START).function;
            let known =
                Known { function, timeouts: vec![], tallies, earlier: None, by_tallies: true };
            let (openings, whole) = rehearse(&Rule::of(&near), known, minute(200));
            assert!(whole);
            openings
        };
        let near = |ratio: f64, enough: u32| {
            openings(
                serde_json::json!({"near_timeout": {"ratio": ratio, "statistic": "p95", "window": "15m",
                "min_invocations": enough}}),
            )
        };
        let told = near(0.8, 10);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!((minute(30)..=minute(34)).contains(&told[0].opened), "{told:?}");
        let (over, ending) = told[0].over.unwrap();
        assert!(
            ending == Ending::Recovered && (minute(45)..=minute(80)).contains(&over),
            "{told:?}"
        );
        assert_eq!(near(0.99, 10), []);
        assert_eq!(near(0.8, 1_000), [], "too few to speak of");
    }
}
