//! An hour of a function in a line: how many succeeded in each minute, and how many timed out, then what an alert makes of it minute
//! by minute. `100` is a hundred successes, `90/10` ninety and ten timeouts, `·` nothing.
//!
//! Told back after every minute: `·` nothing happened, `p`ending, `!` it opens, `f`iring, `✓` recovered, `…` expired.

use expect_test::{Expect, expect};
use overtime_wire::{
    Cause, Durations, IncarnationId, MinuteCounts, Ordinal, Profile, RequestId, SampleKind, Tally,
};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::domain::{
    alert::{Opens, Past, tests::claim},
    fact::Standing,
    timeout::Timeout,
    view::{BlockView, TallyPart, VerdictPart},
};

/// A quarter of an hour begins.
const START: EpochMillis = EpochMillis(1_793_491_200_000);
const ONCE: MOfN = MOfN { m: 1, n: 1 };

/// What one minute of a function is like.
#[derive(Debug, Clone, Copy, Default)]
struct Minute {
    successes: u32,
    timeouts: u8,
}

struct World {
    rule: Rule,
    minutes: Vec<Minute>,
    /// After how many minutes the tallies of a minute are known.
    tallies_after: usize,
    environments: u8,
    took: Duration,
    state: State,
}

fn level(level: Level) -> Rule {
    Rule { opens: Opens::Level(level), ..Rule::ANY_TIMEOUT }
}

fn five_percent() -> Rule {
    level(Level::rate((5.0, Duration::from_mins(5)), 20, ONCE))
}

impl World {
    fn new(rule: Rule, line: &str) -> Self {
        let minute = |word: &str| {
            let (successes, timeouts) = word.split_once('/').unwrap_or((word, "0"));
            let number = |it: &str| if it == "·" { 0 } else { it.parse().unwrap() };
            let timeouts = u8::try_from(number(timeouts)).unwrap();
            Minute { successes: number(successes), timeouts }
        };
        let minutes = line.split_whitespace().map(minute).collect();
        let took = Duration::from_millis(100);
        let state = State::default();
        Self { rule, minutes, tallies_after: 1, environments: 1, took, state }
    }

    fn start(minute: usize) -> EpochMillis {
        START.plus(MINUTE.saturating_mul(u32::try_from(minute).unwrap()))
    }

    /// The timeouts of a minute, half of it over.
    fn claims(&self, minute: usize) -> Vec<Timeout> {
        let at = Self::start(minute).plus(Duration::from_secs(30));
        let one = |number: u8| {
            let mut claim = claim('a', at);
            claim.verdict.evidence = overtime_wire::Evidence::Report;
            claim.incarnation = IncarnationId([number; 16]);
            claim.verdict.ordinal = Ordinal(u32::try_from(minute).unwrap());
            claim
        };
        (0..self.minutes[minute].timeouts).map(one).collect()
    }

    /// Everything that is known when a minute is half over, tallies late.
    fn views(&self, now: usize) -> BTreeMap<Block, (BlockView, Vec<Timeout>)> {
        let mut claims = BTreeMap::<Block, Vec<Timeout>>::new();
        let mut tallies = BTreeMap::<Block, Tally>::new();
        for minute in 0..=now.min(self.minutes.len() - 1) {
            for claim in self.claims(minute) {
                claims.entry(claim.block()).or_default().push(claim);
            }
            let block = Block::of(Self::start(minute));
            let profile = Profile { timeout: Duration::from_secs(3), ..Profile::default() };
            let tally = tallies.entry(block).or_insert_with(|| Tally::new(block, profile));
            if minute + self.tallies_after <= now && self.minutes[minute].successes > 0 {
                let invocations = self.minutes[minute].successes;
                let counts = MinuteCounts { invocations, ..MinuteCounts::default() };
                tally.minutes.insert(block.minute(Self::start(minute)), counts);
                let mut durations = Durations::default();
                (0..invocations).for_each(|_| durations.record(self.took));
                tally.durations.merge(&durations);
                tally.sample(SampleKind::NearTimeout, &RequestId::parse("slow-1").unwrap());
            }
        }
        let view = |(block, tally): (Block, Tally)| {
            let claims = claims.remove(&block).unwrap_or_default();
            let standing = |number| Standing {
                incarnation: IncarnationId([number; 16]),
                recorded: if number == 0 {
                    tally.encode()
                } else {
                    Tally::new(block, tally.profile.clone()).encode()
                },
                accepted_at: block.start(),
                writes: 1,
            };
            let standings: Vec<_> = (0..self.environments).map(standing).collect();
            let tally = Some(TallyPart::of(&standings));
            let verdict = Some(VerdictPart::of(&claims));
            (block, (BlockView { block, tally, verdict, seen: 1 }, claims))
        };
        tallies.into_iter().map(view).collect()
    }

    /// Looks when a minute is three quarters over, at the blocks that are in doubt and the one that goes on.
    fn look(&mut self, now: usize) -> (char, Option<Transition>) {
        let views = self.views(now);
        let mut whole = self.state.blocks_in_doubt();
        whole.push(Block::of(Self::start(now)));
        let blocks: BTreeMap<_, _> = views
            .iter()
            .filter(|(block, _)| whole.contains(block))
            .map(|(block, (_, claims))| (*block, claims.clone()))
            .collect();
        let whole: Vec<_> = blocks.keys().copied().collect();
        let views: Vec<_> = views.into_values().map(|(view, _)| view).collect();
        let first = Block::from_number(Block::of(START).number() - 8);
        let seen = Observation {
            function: &claim('a', START).function,
            blocks,
            last_success: views.iter().filter_map(BlockView::last_success).max(),
            past: Past::of(&views, &[], &whole).between(first, Block::of(Self::start(now))),
            at: Self::start(now).plus(Duration::from_secs(45)),
        };
        let was_firing = matches!(self.state.phase, Phase::Firing(_));
        let (state, told) = super::super::evaluate(&self.rule, self.state.clone(), &seen);
        let again = super::super::evaluate(&self.rule, state.clone(), &seen);
        assert_eq!(again, (state.clone(), None), "the same observation twice");
        let written = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&written).unwrap(), state);
        assert!(state.due(&self.rule, seen.at).is_none_or(|it| it > seen.at), "a wake lies ahead");
        self.state = state;
        let word = match (&told, &self.state.phase) {
            (Some(Transition::Opened(_)), _) => '!',
            (Some(Transition::Corrected(_)), _) => '~',
            (Some(Transition::Resolved(_, Ending::Recovered)), _) => '✓',
            (Some(Transition::Resolved(_, Ending::Retracted)), _) => '✗',
            (Some(Transition::Resolved(..)), _) => '…',
            (None, Phase::Inactive) => '·',
            (None, Phase::Pending(_)) => 'p',
            (None, Phase::Firing(_)) => 'f',
        };
        assert_eq!(was_firing, matches!(word, '~' | '✓' | '✗' | '…' | 'f'), "{word}");
        (word, told)
    }

    fn play(&mut self) -> (String, Vec<Transition>) {
        let (words, told): (String, Vec<_>) =
            (0..self.minutes.len()).map(|it| self.look(it)).unzip();
        (words, told.into_iter().flatten().collect())
    }
}

#[track_caller]
fn check(mut world: World, expected: Expect) -> Vec<Transition> {
    let (words, told) = world.play();
    expected.assert_eq(&words);
    told
}

fn repeated(word: &str, times: usize) -> String {
    format!("{word} ").repeat(times)
}

#[test]
fn a_share_is_judged_when_its_minutes_have_settled() {
    let line = format!("{} 90/10 100 100 100", repeated("100", 3));
    let told = check(World::new(five_percent(), &line), expect!["···pppp"]);
    assert!(told.is_empty(), "10 of 400");
    let line = format!("{} 70/30 100 100 100 100", repeated("100", 3));
    let told = check(World::new(five_percent(), &line), expect!["···ppp!f"]);
    let Transition::Opened(episode) = &told[0] else { panic!() };
    assert_eq!(episode.timeouts(), 30);
    assert_eq!(episode.samples.len(), 5);
    let measure = Measure::Rate { timeouts: 30, invocations: 400, window_s: 300 };
    assert_eq!(episode.measure(), Some(&measure));
}

#[test]
fn a_share_of_too_few_is_none() {
    check(World::new(five_percent(), "1 1 1/3 1 1 1 1 1 1 1"), expect!["··pppppppp"]);
    check(World::new(five_percent(), "9 9 9/3 9 9 9 9 9 9 9"), expect!["··ppp!ffff"]);
    // There were enough, as is known when every tally is in.
    let mut late = World::new(five_percent(), &format!("9 9 9/3 {}", repeated("9", 18)));
    late.tallies_after = 12;
    check(late, expect!["··ppppppppppp!fffffff"]);
}

#[test]
fn a_share_lasts_until_it_was_not_reached_for_long_and_something_succeeded() {
    // A few timeouts go on, below the share.
    let line = format!("50/50 {}", repeated("99/1", 22));
    check(World::new(five_percent(), &line), expect!["ppp!fffffffffffff✓ppppp"]);
    // Silence is not recovery.
    let line = format!("50/50 {}", repeated("·", 22));
    check(World::new(five_percent(), &line), expect!["ppp!fffffffffffffffffff"]);
    let line = format!("50/50 {} 5 · · ·", repeated("·", 22));
    check(World::new(five_percent(), &line), expect!["ppp!ffffffffffffffffffff✓··"]);
}

#[test]
fn tallies_that_have_not_come_accuse_nobody() {
    // A hundred environments that are called once a minute each, and keep their counts for a quarter of an hour.
    let steady = format!("{} {}", repeated("100", 20), repeated("98/2", 12));
    let sparse = |line: &str| {
        let mut world = World::new(five_percent(), line);
        (world.tallies_after, world.environments) = (15, 100);
        world
    };
    let told = check(sparse(&steady), expect!["····················pppppppppppp"]);
    assert!(told.is_empty());
    // Nothing was known before: what is known is all there is.
    check(sparse(&repeated("98/6", 8)), expect!["pppppp!f"]);
}

#[test]
fn whoever_times_out_always_is_found_out_though_it_is_called_less() {
    // Ten environments that were called six hundred times a minute each, and now hang.
    let line = format!("{} {}", repeated("6000", 20), repeated("0/20", 8));
    let mut world = World::new(five_percent(), &line);
    world.environments = 10;
    check(world, expect!["····················ppppppp!"]);
}

#[test]
fn m_of_n_minutes_must_hold() {
    let three_of_five = MOfN { m: 3, n: 5 };
    let count = |of| level(Level::count((2, MINUTE), of));
    check(World::new(count(three_of_five), "0/2 · 0/2 · · · ·"), expect!["pppppp·"]);
    let told = check(World::new(count(three_of_five), "0/2 · 0/2 · 0/2 · ·"), expect!["pppp!ff"]);
    let Transition::Opened(episode) = &told[0] else { panic!() };
    assert_eq!(episode.timeouts(), 6, "all of them are part of it");
    assert_eq!(episode.measure(), Some(&Measure::Count { timeouts: 2, window_s: 60 }));
    check(World::new(count(three_of_five), "0/2 · 0/1 · 0/2 · ·"), expect!["ppppppp"]);
    check(World::new(count(ONCE), "0/1 0/2 · ·"), expect!["·!ff"]);
}

#[test]
fn causes_are_asked_of_minutes_too() {
    let rule = Rule { causes: [Cause::Init].into(), ..five_percent() };
    check(World::new(rule, &repeated("50/50", 6)), expect!["······"]);
    let rule = Rule { causes: [Cause::Handler].into(), ..five_percent() };
    check(World::new(rule, &repeated("50/50", 6)), expect!["ppp!ff"]);
}

#[test]
fn a_functions_row_ends_with_a_minute_that_has_a_success() {
    let three = || level(Level::row(3));
    check(World::new(three(), "5 0/1 0/1 0/1 · · · ·"), expect!["·ppppp!f"]);
    check(World::new(three(), "5 0/1 1/1 0/1 · · · ·"), expect!["·ppppp··"]);
    check(World::new(three(), "5 0/1 · · 0/2 · · 5"), expect!["·pppppp!"]);
    // A success that is told of late.
    let mut world = World::new(three(), "5 0/1 5/1 0/1 · · · ·");
    world.tallies_after = 3;
    check(world, expect!["·ppppp··"]);
}

#[test]
fn durations_that_come_close_open_without_any_timeout() {
    let near = |ratio| {
        let statistic = Statistic::P99;
        level(Level::near((ratio, statistic, Duration::from_mins(15)), 20, ONCE))
    };
    let slow = |rule, line: &str| {
        let mut world = World::new(rule, line);
        world.took = Duration::from_millis(2_700);
        world
    };
    check(slow(near(0.95), "30 30 30"), expect!["···"]);
    check(slow(near(0.8), "9 9 9 9 9"), expect!["···!f"]);
    let told = check(slow(near(0.8), "30 30 30"), expect!["·!f"]);
    let Transition::Opened(episode) = &told[0] else { panic!() };
    assert_eq!((episode.timeouts(), episode.samples.len()), (0, 0));
    let Some(Measure::Near { statistic, timeout_ms, invocations, requests, .. }) =
        episode.measure()
    else {
        panic!()
    };
    assert_eq!((statistic.as_str(), *timeout_ms, *invocations), ("p99", 3_000, 30));
    assert_eq!(requests, &["slow-1"]);
}

fn minute() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("·".to_owned()),
        3 => (0_u32..40, 0_u8..4).prop_map(|(good, bad)| format!("{good}/{bad}")),
        1 => (0_u32..5, 5_u8..20).prop_map(|(good, bad)| format!("{good}/{bad}")),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let of = (1_u32..4, 0_u32..4).prop_map(|(m, more)| MOfN { m, n: m + more });
    let window = (1_u64..20).prop_map(Duration::from_mins);
    (0_u8..4, of, window).prop_map(|(kind, of, window)| {
        level(match kind {
            0 => Level::rate((10.0, window), 10, of),
            1 => Level::count((3, window), of),
            2 => Level::row(3),
            _ => Level::near((0.8, Statistic::Max, window), 5, of),
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The laws of a look are checked after every minute; and what opens did hold, counted without any of this.
    #[test]
    fn nothing_opens_that_does_not_hold(
        rule in rule(),
        line in vec(minute(), 1..50),
        tallies_after in 1_usize..4,
        took in 0_u64..3_000,
    ) {
        let mut world = World::new(rule, &line.join(" "));
        world.tallies_after = tallies_after;
        world.took = Duration::from_millis(took);
        let minutes = world.minutes.clone();
        let (_, told) = world.play();
        let total: u64 = minutes.iter().map(|it| u64::from(it.timeouts)).sum();
        for transition in told {
            let Transition::Opened(episode) = transition else { continue };
            match episode.measure().cloned().unwrap() {
                Measure::Rate { timeouts, invocations, .. } => {
                    prop_assert!(timeouts <= total && timeouts * 10 >= invocations);
                    prop_assert!(invocations >= 10);
                }
                Measure::Count { timeouts, .. } | Measure::Row { timeouts, .. } => {
                    prop_assert!((3..=total).contains(&timeouts));
                }
                Measure::Near { reached_ms, .. } => prop_assert!(reached_ms >= 2_400),
                Measure::Silence { .. } => prop_assert!(false),
            }
        }
    }
}
