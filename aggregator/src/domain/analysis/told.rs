//! What a message says of why a function times out.
//!
//! Who is told of an alert should not have to look first for what is plain to see. So what was found goes along, the surest first, in
//! few lines. It is made of what is at hand when the message is: where nothing was read for it, of the timeouts that were observed,
//! and then only what can be found in some of a function's timeouts is looked for.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::{Confidence, Finding, Kind, Seen};
use crate::domain::{
    history::History,
    hour::{Hour, StandingHour},
    timeout::Timeout,
    words,
};

/// Most findings that a message tells, and most letters of what each says.
pub const LINES_MAX: usize = 3;
const SAYS_MAX: usize = 210;
/// What does not ask for all timeouts of the hours that it looks at.
const OF_SOME: [Kind; 5] =
    [Kind::Change, Kind::DoomLoop, Kind::Memory, Kind::Retries, Kind::Silence];

/// What is known of a function when something is told of it.
#[derive(Debug, Clone, Copy)]
pub struct Background<'a> {
    /// Its timeouts, oldest deadline first, and whether these are all since then; `None` where they were not read.
    pub timeouts: Option<(&'a [Timeout], bool)>,
    /// Its hours, oldest first.
    pub hours: &'a [StandingHour],
    pub since: Hour,
    pub history: Option<&'a History>,
}

impl Background<'_> {
    /// Nothing is known.
    pub const NOTHING: Self =
        Self { timeouts: None, hours: &[], since: Hour::from_number(0), history: None };

    /// What was found, a line for each. `observed` are all timeouts of some blocks, whatever they were read for.
    pub fn lines<'t>(&self, observed: impl IntoIterator<Item = &'t Timeout>) -> Vec<String> {
        let found = self.reasons(observed).into_iter().take(LINES_MAX);
        found.map(|it| it.line()).collect()
    }

    /// The surest of what was found.
    pub fn reason<'t>(&self, observed: impl IntoIterator<Item = &'t Timeout>) -> Option<Reason> {
        self.reasons(observed).into_iter().next()
    }

    /// What was found, the surest first.
    fn reasons<'t>(&self, observed: impl IntoIterator<Item = &'t Timeout>) -> Vec<Reason> {
        let Self { hours, since, history, .. } = *self;
        let mut found: Vec<Reason> = if let Some((timeouts, complete)) = self.timeouts {
            look(&Kind::ALL, &Seen { timeouts, complete, hours, since, history })
        } else {
            let listed = observed.into_iter().filter(|it| it.is_listed());
            let mut timeouts: Vec<Timeout> = listed.cloned().collect();
            timeouts.sort_by_key(Timeout::deadline);
            let timeouts = timeouts.as_slice();
            look(&OF_SOME, &Seen { timeouts, complete: true, hours, since, history })
        };
        // Equals in the order in which people should read them.
        found.sort_by_key(|it| Reverse(it.confidence));
        found
    }
}

fn look(kinds: &[Kind], seen: &Seen<'_>) -> Vec<Reason> {
    kinds
        .iter()
        .filter_map(|kind| Some(Reason::of(*kind, kind.conclude(seen).finding()?)))
        .collect()
}

/// What is said of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub kind: Kind,
    pub confidence: Confidence,
    /// Short enough for a line.
    says: String,
}

impl Reason {
    pub(super) fn of(kind: Kind, finding: &Finding) -> Self {
        let Finding { confidence, says, .. } = finding;
        Self { kind, confidence: *confidence, says: words::cut(says, SAYS_MAX) }
    }

    /// How much it is worth telling beside others, more is more.
    pub fn rank(&self) -> (Confidence, Reverse<Kind>) {
        (self.confidence, Reverse(self.kind))
    }

    /// Of equals the first.
    pub fn surest(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        if one.as_ref().map(Self::rank) >= other.as_ref().map(Self::rank) { one } else { other }
    }

    /// With its kind, and how sure it is.
    pub fn line(&self) -> String {
        let Self { kind, confidence, says } = self;
        format!("{} ({} confidence): {says}", kind.as_str(), confidence.as_str())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{super::story::Story, *};

    #[track_caller]
    fn check(story: &Story, expected: Expect) {
        let seen = story.seen();
        let background = Background {
            timeouts: None,
            hours: seen.hours,
            since: seen.since,
            history: seen.history,
        };
        let observed = background.lines(seen.timeouts.iter().rev());
        let read = Background { timeouts: Some((seen.timeouts, seen.complete)), ..background };
        let told = |lines: Vec<String>| match &lines[..] {
            [] => "nothing".to_owned(),
            lines => lines.join(" | "),
        };
        let (observed, read) = (told(observed), told(read.lines([])));
        expected.assert_eq(&format!("observed: {observed}\nread: {read}"));
    }

    #[test]
    fn what_is_found_is_told_with_how_sure_it_is() {
        check(
            &Story::doom_loop(),
            expect![[r"
                observed: doom_loop (high confidence): An environment timed out 4 times in a row, each time on its first invocation after a reset.
                read: doom_loop (high confidence): An environment timed out 4 times in a row, each time on its first invocation after a reset."]],
        );
        check(
            &Story::bad_deploy(),
            expect![[r"
                observed: change (high confidence): It began with version 13 (12 before).
                read: change (high confidence): It began with version 13 (12 before)."]],
        );
        check(
            &Story::bad_luck(),
            expect![[r"
                observed: nothing
                read: nothing"]],
        );
    }

    /// Shares of all invocations need all timeouts.
    #[test]
    fn what_some_timeouts_cannot_tell_is_not_looked_for_in_some() {
        check(
            &Story::cold_starts(),
            expect![[r"
                observed: nothing
                read: cold_start (high confidence): Cold starts time out more often than other invocations."]],
        );
    }

    #[test]
    fn of_nothing_nothing_is_told_and_nothing_is_told_at_length() {
        assert!(Background::NOTHING.lines([]).is_empty());
        let finding = Finding {
            confidence: Confidence::Low,
            says: "é".repeat(1_000),
            evidence: Vec::new(),
            advice: "",
        };
        assert_eq!(Reason::of(Kind::Change, &finding).says.chars().count(), SAYS_MAX);
    }
}
