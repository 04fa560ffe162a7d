//! An alert about a function of which nothing is heard any more.
//!
//! ```text
//!              nothing came in for so long
//!   Inactive ─────────────────────────────▶ Firing
//!      ▲                                      │
//!      └──────────────────────────────────────┘
//!        recovered: something came in · expired
//! ```
//!
//! What counts is when something came in, by our clock, and not when it happened: an environment that is called once an hour tells of
//! one call with the next, and would else be missed every time. A function is waited for from the first report that comes in while a
//! subscription covers it; one that was silent before is not.
//!
//! That something came in is written down once in a quarter of the time that a function may be silent, not with every report. So it is
//! missed when it has been silent for as long as asked for, and at the latest a quarter of that later, and never earlier. Any report is a
//! sign of life and ends the alert at once: what it says is for other conditions.
//!
//! **Invariant.** Pure, and twice changes nothing. A silence is told of once: a function that expired is waited for again when
//! something has come in.

use std::time::Duration;

use overtime_wire::EpochMillis;

use super::{
    Breach, Ending, Measure, Observation, Opening, Phase, Rule, State, Transition, conclude, open,
};

/// The state after an observation, and what must be told.
pub(super) fn evaluate(
    rule: &Rule,
    after: Duration,
    state: State,
    seen: &Observation<'_>,
) -> (State, Option<Transition>) {
    let heard = heard(after, &state, seen);
    let past = State { phase: Phase::Inactive, heard_ms: heard.map(|it| it.0), ..state };
    match state.phase {
        Phase::Firing(episode) => {
            let ending = if seen.past.heard_at().is_some() {
                Some(Ending::Recovered)
            } else if seen.at.since(episode.opened) >= rule.expire_after {
                Some(Ending::Expired)
            } else {
                None
            };
            // Nobody waits for what was given up.
            let heard_ms = past.heard_ms.filter(|_| ending != Some(Ending::Expired));
            conclude(State { heard_ms, ..past }, episode, ending)
        }
        Phase::Inactive | Phase::Pending(_) => {
            match heard.filter(|it| missed(after, *it) <= seen.at) {
                Some(since) => {
                    let measure = Measure::Silence { since_ms: since.0 };
                    let opening = Opening {
                        seed: format!("silent since {}", since.0),
                        first: since,
                        breach: Some(Breach::of(measure)),
                    };
                    open(rule, past, opening, seen)
                }
                None => (past, None),
            }
        }
    }
}

/// When something last came in, to within a quarter of the silence that is asked for.
fn heard(after: Duration, state: &State, seen: &Observation<'_>) -> Option<EpochMillis> {
    let known = state.heard_ms.map(EpochMillis);
    let now = seen.past.heard_at();
    let is_firing = matches!(state.phase, Phase::Firing(_));
    let news = now.filter(|now| is_firing || known.is_none_or(|it| now.since(it) >= after / 4));
    news.or(known)
}

/// From when on a function is missed: what came in within a quarter after `heard` was not written down.
fn missed(after: Duration, heard: EpochMillis) -> EpochMillis {
    heard.plus(after).plus(after / 4)
}

/// When the alert wants to be looked at though nothing came in.
pub(super) fn due(rule: &Rule, after: Duration, state: &State) -> Option<EpochMillis> {
    match &state.phase {
        Phase::Firing(episode) => Some(episode.opened.plus(rule.expire_after)),
        Phase::Inactive | Phase::Pending(_) => {
            state.heard_ms.map(|it| missed(after, EpochMillis(it)))
        }
    }
}

#[cfg(test)]
mod tests;
