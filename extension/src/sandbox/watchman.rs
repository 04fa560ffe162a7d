//! Whether a deadline was seen to pass.
//!
//! ```text
//!            INVOKE               near the deadline            deadline and grace, unbroken
//!   Resting ───────▶ Waiting ───────────────────────▶ Awake ────────────────────────────────▶ Done (claimed)
//!      ▲                │ late                          │ a gap, or a clock turned back
//!      │                └───────────────▶ Done ◀────────┘
//!      └── answered, ended, or another invocation: from anywhere
//! ```
//!
//! An environment whose function has answered is frozen before the platform's word of it reaches us, and after the thaw every
//! deadline has passed. So a deadline counts as passed only if we ran across it: short ticks, none of them far from the one
//! before. Gaps are measured by the wall clock, which never stands still over a freeze; the other clock does so on some
//! machines and not on others. A gap too short to rule out a moment's freeze begins the grace anew, for what the platform
//! says after a thaw must have its time to be read.
//!
//! Two looks past the deadline without a gap, or three if they are late, are a witness for the journal, should somebody
//! kill us before there is a claim: after a thaw there is but one late look, because the event that caused it is read next.
//!
//! **Invariant.** One invocation is claimed at most once, and prepared for at most once. Far from a deadline there is one
//! timer and no tick. `now` is an argument.

use std::time::Duration;

use overtime_wire::{EpochMillis, Ordinal};

/// How long before a deadline it is looked at, unless half the time is shorter: what is over before costs nothing.
const AHEAD: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(100);
/// Once the deadline has passed, when every gap matters.
const TICK_PAST: Duration = Duration::from_millis(50);
/// A tick later than this may hide a short freeze.
const LATE: Duration = Duration::from_millis(20);
/// Two looks further apart than this prove nothing.
const GAP: Duration = Duration::from_millis(400);
/// From the deadline: what the platform says is posted within 25 ms, and read within some more.
const GRACE: Duration = Duration::from_millis(150);
/// Whoever is this far past a deadline without a claim will not make one.
const GIVE_UP: Duration = Duration::from_secs(3);

/// An invocation that is open, unanswered, and has a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Watched {
    pub(super) ordinal: Ordinal,
    pub(super) invoked: EpochMillis,
    pub(super) deadline: EpochMillis,
}

/// What one look tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Look {
    /// Look again then.
    pub(super) wake: Option<EpochMillis>,
    /// The deadline has come near.
    pub(super) is_near: bool,
    /// We ran beyond the deadline, and nothing says that it was met. Said once per invocation.
    pub(super) witnessed: Option<Ordinal>,
    /// The deadline has passed while we watched.
    pub(super) passed: Option<Ordinal>,
}

/// Looks at one deadline at a time.
#[derive(Debug, Default)]
pub(super) struct Watchman {
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Resting,
    /// The deadline is far.
    Waiting {
        ordinal: Ordinal,
        until: EpochMillis,
    },
    Awake {
        ordinal: Ordinal,
        last: EpochMillis,
        claim_from: EpochMillis,
        beyond: Beyond,
    },
    /// Claimed, or beyond proof.
    Done {
        ordinal: Ordinal,
    },
}

/// Looks past the deadline, as far as they prove that we ran on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Beyond {
    looks: u8,
    last: EpochMillis,
}

impl Watchman {
    /// Looks at whatever is to be watched now. Called whenever anything wakes us: each look is a sign of running.
    pub(super) fn look(&mut self, watched: Option<Watched>, now: EpochMillis) -> Look {
        let Some(it) = watched else {
            self.state = State::Resting;
            return Look::default();
        };
        if self.state.ordinal() != Some(it.ordinal) {
            if now < it.near() {
                return self.wait(&it, it.near());
            }
            return self.awaken(&it, now);
        }
        match self.state {
            State::Resting | State::Done { .. } => Look::default(),
            State::Waiting { until, .. } if now < until => Look::at(until),
            // Late to a time that was named: nobody ran.
            State::Waiting { .. } if now.since(it.near()) > GAP => self.done(&it),
            // Perhaps this is a thaw, and what caused it is still to be read.
            State::Waiting { until, .. } if until == it.near() && now > until.plus(LATE) => {
                self.wait(&it, now.plus(TICK_PAST))
            }
            State::Waiting { .. } => self.awaken(&it, now),
            State::Awake { last, claim_from, beyond, .. } => {
                if now < last || now.since(last) > GAP || now.since(it.deadline) > GIVE_UP {
                    return self.done(&it);
                }
                let is_late = now > next_tick(&it, claim_from, last).plus(LATE);
                // A late look that reaches beyond the deadline begins the grace anew.
                let claim_from = if is_late { claim_from.max(now.plus(GRACE)) } else { claim_from };
                self.tick(&it, (claim_from, beyond.and_a_look(&it, now, is_late)), now)
            }
        }
    }

    fn wait(&mut self, it: &Watched, until: EpochMillis) -> Look {
        self.state = State::Waiting { ordinal: it.ordinal, until };
        Look::at(until)
    }

    /// The first look near a deadline. After it, there is nothing left to prove.
    fn awaken(&mut self, it: &Watched, now: EpochMillis) -> Look {
        if now >= it.deadline {
            return self.done(it);
        }
        let look = self.tick(it, (it.deadline.plus(GRACE), Beyond::default()), now);
        Look { is_near: true, ..look }
    }

    fn tick(
        &mut self,
        it: &Watched,
        (claim_from, beyond): (EpochMillis, Beyond),
        now: EpochMillis,
    ) -> Look {
        let is_witness = beyond.is_enough() && !self.state.beyond().is_enough();
        let witnessed = is_witness.then_some(it.ordinal);
        if now >= claim_from {
            self.state = State::Done { ordinal: it.ordinal };
            return Look { passed: Some(it.ordinal), witnessed, ..Look::default() };
        }
        self.state = State::Awake { ordinal: it.ordinal, last: now, claim_from, beyond };
        Look { witnessed, ..Look::at(next_tick(it, claim_from, now)) }
    }

    fn done(&mut self, it: &Watched) -> Look {
        self.state = State::Done { ordinal: it.ordinal };
        Look::default()
    }
}

impl State {
    fn ordinal(self) -> Option<Ordinal> {
        match self {
            Self::Resting => None,
            Self::Waiting { ordinal, .. }
            | Self::Awake { ordinal, .. }
            | Self::Done { ordinal } => Some(ordinal),
        }
    }

    fn beyond(self) -> Beyond {
        match self {
            Self::Awake { beyond, .. } => beyond,
            Self::Resting | Self::Waiting { .. } | Self::Done { .. } => Beyond::default(),
        }
    }
}

impl Beyond {
    const ENOUGH: u8 = 3;

    fn and_a_look(self, it: &Watched, now: EpochMillis, is_late: bool) -> Self {
        let is_first = self.looks == 0;
        // Whatever wakes us at once again makes no other look.
        if now < it.deadline || (!is_first && now.since(self.last) < TICK_PAST / 2) {
            return self;
        }
        let worth = if is_first || is_late { 1 } else { Self::ENOUGH };
        Self { looks: self.looks.saturating_add(worth), last: now }
    }

    fn is_enough(self) -> bool {
        self.looks >= Self::ENOUGH
    }
}

impl Watched {
    fn near(&self) -> EpochMillis {
        let half = self.deadline.since(self.invoked) / 2;
        self.deadline.minus(half.min(AHEAD))
    }
}

impl Look {
    fn at(wake: EpochMillis) -> Self {
        Self { wake: Some(wake), ..Self::default() }
    }
}

fn next_tick(it: &Watched, claim_from: EpochMillis, now: EpochMillis) -> EpochMillis {
    if now >= it.deadline {
        now.plus(TICK_PAST).min(claim_from)
    } else {
        now.plus(TICK).min(it.deadline)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const DEADLINE: i64 = 3_000;

    fn watched(invoked: i64) -> Watched {
        let (invoked, deadline) = (EpochMillis(invoked), EpochMillis(DEADLINE));
        Watched { ordinal: Ordinal(0), invoked, deadline }
    }

    /// Looks at the given times, or where none is given whenever asked to, and tells what came of each.
    #[track_caller]
    fn check(invoked: i64, looks: &[i64], expected: Expect) {
        let mut watchman = Watchman::default();
        let mut told = Vec::new();
        for at in looks {
            let look = watchman.look(Some(watched(invoked)), EpochMillis(*at));
            let near = if look.is_near { " near" } else { "" };
            let near = if look.witnessed.is_some() { " witnessed" } else { near };
            let passed = if look.passed.is_some() { " passed" } else { "" };
            let wake = look.wake.map_or("-".to_owned(), |it| it.0.to_string());
            told.push(format!("{at}:{near}{passed} {wake}"));
        }
        expected.assert_eq(&told.join(", "));
    }

    #[test]
    fn a_deadline_passes_under_steady_ticks() {
        check(
            0,
            &[0, 2_000, 2_100, 2_200, 2_300, 2_400, 2_500, 2_600, 2_700, 2_800, 2_900, 3_000],
            expect![
                "0: 2000, 2000: near 2100, 2100: 2200, 2200: 2300, 2300: 2400, 2400: 2500, 2500: 2600, 2600: 2700, 2700: 2800, 2800: 2900, 2900: 3000, 3000: 3050"
            ],
        );
        check(
            2_800,
            &[2_800, 2_900, 3_000, 3_050, 3_100, 3_150, 3_200],
            expect![
                "2800: 2900, 2900: near 3000, 3000: 3050, 3050: witnessed 3100, 3100: 3150, 3150: passed -, 3200: -"
            ],
        );
    }

    #[test]
    fn after_a_thaw_nothing_is_claimed() {
        check(0, &[0, 60_000, 60_100], expect!["0: 2000, 60000: -, 60100: -"]);
        check(2_800, &[2_900, 9_000, 9_100], expect!["2900: near 3000, 9000: -, 9100: -"]);
        check(2_800, &[3_000, 3_100, 3_200], expect!["3000: -, 3100: -, 3200: -"]);
    }

    #[test]
    fn who_is_late_to_the_first_look_looks_once_more_before_anything_is_prepared() {
        check(0, &[0, 2_200, 2_250], expect!["0: 2000, 2200: 2250, 2250: near 2350"]);
        check(0, &[0, 2_200, 2_390], expect!["0: 2000, 2200: 2250, 2390: near 2490"]);
    }

    #[test]
    fn a_gap_that_may_hide_a_freeze_begins_the_grace_anew() {
        check(
            2_800,
            &[2_900, 3_200, 3_250, 3_300, 3_350],
            expect![
                "2900: near 3000, 3200: 3250, 3250: witnessed 3300, 3300: 3350, 3350: passed -"
            ],
        );
    }

    #[test]
    fn a_witness_is_a_second_look_past_the_deadline_and_a_third_where_they_are_late() {
        check(
            2_800,
            &[2_900, 3_000, 3_010, 3_050],
            expect!["2900: near 3000, 3000: 3050, 3010: 3060, 3050: witnessed 3100"],
        );
        check(
            2_800,
            &[2_900, 3_080, 3_180, 3_280],
            expect!["2900: near 3000, 3080: 3130, 3180: 3230, 3280: witnessed 3330"],
        );
        check(2_800, &[2_900, 3_000, 3_300], expect!["2900: near 3000, 3000: 3050, 3300: 3350"]);
        check(2_800, &[2_900, 3_290, 3_700], expect!["2900: near 3000, 3290: 3340, 3700: -"]);
    }

    #[test]
    fn a_clock_that_is_turned_back_proves_nothing() {
        check(2_800, &[2_900, 2_850, 3_150], expect!["2900: near 3000, 2850: -, 3150: -"]);
    }

    proptest! {
        /// Whatever the looks: one claim at most, never before deadline and grace, and never across a gap.
        #[test]
        fn a_claim_is_proven(steps in vec(1i64..600, 1..60), invoked in 0i64..2_999) {
            let mut watchman = Watchman::default();
            let (mut now, mut claims, mut witnesses, mut gap_at) = (invoked, 0, 0, i64::MIN);
            for step in steps {
                let before = now;
                now += step;
                if step > 400 && now > 2_000.max(i64::midpoint(invoked, DEADLINE)) && before < DEADLINE + 150 {
                    gap_at = now;
                }
                let look = watchman.look(Some(watched(invoked)), EpochMillis(now));
                if look.witnessed.is_some() {
                    witnesses += 1;
                    prop_assert!(now >= DEADLINE + 25 && gap_at < DEADLINE);
                }
                if look.passed.is_some() {
                    claims += 1;
                    prop_assert!(now >= DEADLINE + 150);
                    prop_assert!(gap_at < DEADLINE, "a gap ended at {gap_at}");
                }
                prop_assert!(look.wake.is_none_or(|it| it.0 > now));
            }
            prop_assert!(claims <= 1 && claims <= witnesses && witnesses <= 1);
        }
    }
}
