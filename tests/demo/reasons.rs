//! Whether the aggregator says why: three functions have one thing wrong each, which its own analysis must find, and no other of the
//! three.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::time;

use crate::{
    Ledger,
    fleet::{DEPLOYED, DOOMED, Member, OVERSIZED},
    watch::Client,
};

/// What was asked for, and where the answer was another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Reasons {
    asked: usize,
    differences: Vec<String>,
}

/// A function, the analysis that must find it, and how much must have happened for that.
#[derive(Debug, Clone, Copy)]
struct Wrong {
    function: &'static str,
    kind: &'static str,
    invocations: u64,
    timeouts: u64,
}

const WRONG: [Wrong; 3] = [
    Wrong { function: DOOMED, kind: "doom_loop", invocations: 0, timeouts: 5 },
    Wrong { function: DEPLOYED, kind: "change", invocations: 0, timeouts: 4 },
    // As many as the analysis asks for, and some.
    Wrong { function: OVERSIZED, kind: "right_size", invocations: 210, timeouts: 0 },
];
const POLL: Duration = Duration::from_millis(250);

#[derive(Debug, Deserialize)]
pub(crate) struct Analyses {
    items: Vec<Analysis>,
}

#[derive(Debug, Deserialize)]
struct Analysis {
    kind: String,
    conclusion: String,
}

impl Wrong {
    /// Whether it has gone wrong often enough to be seen.
    fn is_due(&self, ledger: &Ledger) -> bool {
        let tried = ledger.tried.get(self.function).copied().unwrap_or_default();
        tried.invocations >= self.invocations && tried.timeouts >= self.timeouts
    }

    /// Which of the three analyses found something.
    fn found(analyses: &Analyses) -> BTreeSet<&str> {
        let found = analyses.items.iter().filter(|it| it.conclusion == "found");
        let kinds = found.map(|it| it.kind.as_str());
        kinds.filter(|it| WRONG.iter().any(|wrong| wrong.kind == *it)).collect()
    }
}

impl Reasons {
    /// Asks of each that is due, again until the answer is right or patience ends: tallies follow timeouts.
    pub(crate) async fn of(
        (client, members): (&Client, &[Member]),
        ledger: &Ledger,
        patience: Duration,
    ) -> anyhow::Result<Self> {
        let mut reasons = Self::default();
        let latest = time::Instant::now() + patience;
        for wrong in WRONG.iter().filter(|it| it.is_due(ledger)) {
            let members = members.iter().filter(|it| it.function.name == wrong.function);
            for member in members {
                reasons.asked += 1;
                loop {
                    let analyses = client.analyses(&member.function).await?;
                    let found = Wrong::found(&analyses);
                    if found.iter().eq([&wrong.kind]) {
                        break;
                    }
                    if time::Instant::now() >= latest {
                        let (name, kind) = (wrong.function, wrong.kind);
                        reasons.differences.push(format!("{name}: {kind}, not {found:?}"));
                        break;
                    }
                    time::sleep(POLL).await;
                }
            }
        }
        Ok(reasons)
    }

    pub(crate) fn are_right(&self) -> bool {
        self.differences.is_empty()
    }

    pub(crate) fn in_words(&self) -> String {
        match &self.differences[..] {
            [] => {
                format!("{} of 3 causes looked for, each found and by its own analysis", self.asked)
            }
            differences => {
                format!("causes that were not found as they are: {}", differences.join("; "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_three_are_held_against_each_other() {
        let said = serde_json::json!({"items": [
            {"kind": "doom_loop", "conclusion": "found"},
            {"kind": "silence", "conclusion": "found"},
            {"kind": "change", "conclusion": "unknown"},
        ]});
        let analyses: Analyses = serde_json::from_value(said).unwrap();
        assert_eq!(Wrong::found(&analyses), BTreeSet::from(["doom_loop"]));
        let wrong = Reasons { asked: 1, differences: vec!["a: b, not {}".to_owned()] };
        assert!(!wrong.are_right() && Reasons::default().are_right());
    }
}
