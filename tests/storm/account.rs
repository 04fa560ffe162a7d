//! What was caused against what is listed and what is counted as lost.
//!
//! Every caused timeout is on the list exactly once, or its function's extension says why it cannot be. Nothing else is on
//! the list. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::{fleet::Caused, left::Left};

/// A timeout as `GET /api/v1/timeouts` shows it; only what is used here.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) function: String,
    pub(crate) request_id: Option<String>,
    pub(crate) evidence: String,
    pub(crate) cause: String,
}

/// The losses of `GET /api/v1/functions/…` that can be a timeout's end; the others are requests and records.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct Losses {
    overflowed_facts: usize,
    refused_facts: usize,
    unfinished_invocations: usize,
}

impl Losses {
    fn facts(self) -> usize {
        self.overflowed_facts + self.refused_facts + self.unfinished_invocations
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) caused: usize,
    pub(crate) listed: usize,
    /// Not listed, but counted as lost.
    pub(crate) lost: usize,
    /// Not listed, but in the journal of an environment when that was reclaimed.
    pub(crate) left: usize,
    /// Not listed, and the extension was told nothing.
    pub(crate) untold: usize,
    pub(crate) twice: Vec<String>,
    pub(crate) invented: Vec<String>,
    pub(crate) unexplained: Vec<String>,
    /// How many are known by which evidence.
    pub(crate) evidence: BTreeMap<String, usize>,
}

impl Account {
    pub(crate) fn is_clean(&self) -> bool {
        self.twice.is_empty() && self.invented.is_empty() && self.unexplained.is_empty()
    }

    pub(crate) fn in_words(&self) -> String {
        let Self { caused, listed, lost, left, untold, .. } = self;
        let Self { twice, invented, unexplained, evidence, .. } = self;
        let evidence: Vec<_> =
            evidence.iter().map(|(name, count)| format!("{name} {count}")).collect();
        format!(
            "{caused} timeouts caused, {listed} listed ({}), {lost} counted as lost, {left} lost with their environment, {untold} that the extension was told nothing of: {} twice, {} invented, {} unexplained",
            evidence.join(", "),
            twice.len(),
            invented.len(),
            unexplained.len(),
        )
    }
}

pub(crate) fn compare(
    caused: &[Caused],
    listed: &[Listed],
    left: &[Left],
    losses: &BTreeMap<String, Losses>,
) -> Account {
    let mut account = Account { caused: caused.len(), listed: listed.len(), ..Account::default() };
    let mut missing: BTreeMap<(&str, &str), &Caused> =
        caused.iter().map(|it| ((it.function.as_str(), it.request_id.as_str()), it)).collect();
    let mut seen = BTreeSet::new();
    let mut nameless = Vec::new();
    for it in listed {
        *account.evidence.entry(it.evidence.clone()).or_default() += 1;
        let Some(request) = it.request_id.as_deref() else {
            nameless.push(it);
            continue;
        };
        let key = (it.function.as_str(), request);
        let was_missing = missing.remove(&key).is_some();
        match (was_missing, seen.insert(key)) {
            (true, _) => {}
            (false, false) => account.twice.push(words(it)),
            (false, true) => account.invented.push(words(it)),
        }
    }
    for it in nameless {
        if !found_nameless(&mut missing, &it.function) {
            account.invented.push(words(it));
        }
    }
    for it in left {
        for request in &it.timeouts {
            let was_missing = match request {
                Some(request) => missing.remove(&(it.function.as_str(), request)).is_some(),
                None => found_nameless(&mut missing, &it.function),
            };
            account.left += usize::from(was_missing);
        }
    }
    let mut excuses: BTreeMap<&str, usize> =
        losses.iter().map(|(function, it)| (function.as_str(), it.facts())).collect();
    for it in left {
        *excuses.entry(&it.function).or_default() += it.losses;
    }
    for ((function, request), caused) in missing {
        if !caused.was_told {
            account.untold += 1;
            continue;
        }
        match excuses.get_mut(function).filter(|it| **it > 0) {
            Some(excuse) => {
                *excuse -= 1;
                account.lost += 1;
            }
            None => account.unexplained.push(format!("{function} {request}, {}", caused.how)),
        }
    }
    account
}

/// A suppressed init that overran may never learn its request's id: one such timeout of its function is as good.
fn found_nameless(missing: &mut BTreeMap<(&str, &str), &Caused>, function: &str) -> bool {
    let fitting = missing.iter().find(|((of, _), it)| *of == function && it.suppressed_init);
    let key = fitting.map(|(key, _)| *key);
    key.is_some_and(|it| missing.remove(&it).is_some())
}

fn words(it: &Listed) -> String {
    let request = it.request_id.as_deref().unwrap_or("request unknown");
    format!("{} {request}, {} by {}, {}", it.function, it.cause, it.evidence, it.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caused(request_id: &str) -> Caused {
        let suppressed_init = request_id.starts_with('i');
        let (function, request_id) = ("storm-000".to_owned(), request_id.to_owned());
        let was_told = !request_id.starts_with('u');
        Caused { function, request_id, suppressed_init, was_told, how: String::new() }
    }

    fn listed(request_id: Option<&str>) -> Listed {
        Listed {
            id: "1-0".to_owned(),
            function: "storm-000".to_owned(),
            request_id: request_id.map(str::to_owned),
            evidence: "shutdown".to_owned(),
            cause: "handler".to_owned(),
        }
    }

    /// What is lost, twice, invented and unexplained, of what was caused and listed, with so many facts lost.
    #[track_caller]
    fn check(causes: &[&str], lists: &[Option<&str>], (lost, expected): (usize, [usize; 4])) {
        let causes: Vec<_> = causes.iter().map(|it| caused(it)).collect();
        let lists: Vec<_> = lists.iter().map(|it| listed(*it)).collect();
        let losses = Losses { refused_facts: lost, ..Losses::default() };
        let losses = BTreeMap::from([("storm-000".to_owned(), losses)]);
        let account = compare(&causes, &lists, &[], &losses);
        let Account { lost, twice, invented, unexplained, .. } = &account;
        assert_eq!([*lost, twice.len(), invented.len(), unexplained.len()], expected);
    }

    #[test]
    fn every_difference_is_told_apart() {
        check(&["a", "b"], &[Some("b"), Some("a")], (0, [0, 0, 0, 0]));
        check(&["a", "b"], &[Some("a")], (0, [0, 0, 0, 1]));
        check(&["a", "b"], &[Some("a")], (5, [1, 0, 0, 0]));
        check(&["a"], &[Some("a"), Some("a")], (0, [0, 1, 0, 0]));
        check(&["a"], &[Some("a"), Some("c")], (0, [0, 0, 1, 0]));
        check(&["u", "a"], &[Some("a")], (0, [0, 0, 0, 0]));
    }

    #[test]
    fn what_went_with_its_environment_is_told_apart() {
        let left = |timeouts: &[Option<&str>], losses| Left {
            function: "storm-000".to_owned(),
            timeouts: timeouts.iter().map(|it| it.map(str::to_owned)).collect(),
            losses,
        };
        let causes = ["a", "b", "i", "c", "d"].map(caused);
        let behind = [left(&[Some("a"), Some("b"), None], 0), left(&[Some("z")], 1)];
        let account = compare(&causes, &[listed(Some("b"))], &behind, &BTreeMap::new());
        assert_eq!((account.left, account.lost, account.unexplained.len()), (2, 1, 1));
        assert!(account.twice.is_empty() && account.invented.is_empty());
    }

    #[test]
    fn only_a_suppressed_init_may_be_nameless() {
        check(&["i"], &[None], (0, [0, 0, 0, 0]));
        check(&["a"], &[None], (0, [0, 0, 1, 1]));
        check(&["i"], &[None, None], (0, [0, 0, 1, 0]));
    }
}
