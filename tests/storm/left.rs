//! What an environment takes along when it is reclaimed: all that stands in its journal, for there is no next process.
//!
//! The extension cannot tell of it. Whoever emulates the platform can look, and counts as lost with the environment only
//! what the journal really held.

use std::{fs, path::Path};

use overtime_extension::journal::{Contents, Said, decode};
use overtime_wire::{Losses, Outcome, Verdict};

/// What one function's reclaimed environment had not told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) function: String,
    /// The request of each timeout, where it was known.
    pub(crate) timeouts: Vec<Option<String>>,
    /// Losses that it would have told of.
    pub(crate) losses: usize,
}

/// The journals of an environment, whether or not their writers live.
pub(crate) fn journals(tmp: &Path) -> Vec<Contents> {
    let entries = fs::read_dir(tmp.join("overtime")).into_iter().flatten().flatten();
    let files = entries.map(|it| it.path());
    let files = files.filter(|it| it.extension().is_some_and(|it| it == "journal"));
    files.filter_map(|it| decode(&fs::read(it).ok()?).ok()).collect()
}

/// How many verdicts in them have not been told. Tallies come again and again.
pub(crate) fn untold(journals: &[Contents]) -> usize {
    let facts = journals.iter().flat_map(|it| &it.facts);
    facts.filter(|it| matches!(it.said, Said::Verdict(_))).count()
}

/// What an environment that is gone held in its journals.
pub(crate) fn behind(function: &str, journals: &[Contents]) -> Left {
    let mut left = Left { function: function.to_owned(), ..Left::default() };
    for journal in journals {
        for fact in &journal.facts {
            match &fact.said {
                Said::Verdict(it) if it.fact.outcome != Outcome::Timeout => {}
                Said::Verdict(it) => left.timeouts.push(request(&it.fact)),
                Said::Tally(it) => left.losses += losses(it.fact.losses),
            }
        }
        let witnessed = journal.open.iter().filter(|it| journal.is_whole && it.is_witnessed);
        let recoverable = witnessed.clone().count();
        left.timeouts.extend(witnessed.map(|it| request(&it.draft)));
        let counted = journal.counted;
        let unfinished = counted.opened.saturating_sub(counted.settled);
        let unfinished = usize::try_from(unfinished).unwrap_or(usize::MAX);
        left.losses += unfinished.saturating_sub(recoverable);
    }
    left
}

fn request(verdict: &Verdict) -> Option<String> {
    verdict.request.as_ref().map(ToString::to_string)
}

fn losses(losses: Losses) -> usize {
    let facts = [losses.overflowed_facts, losses.refused_facts, losses.unfinished_invocations];
    facts.into_iter().filter_map(|it| usize::try_from(it).ok()).sum()
}
