//! What a notification says, as every channel tells it: the words for people, and the whole for machines.
//!
//! Each channel has limits of its own, so this is where control characters go and texts become bounded; the channels only cut
//! further. Machines get `data` as it was composed.

mod payload;

use std::collections::BTreeMap;

use overtime_wire::EpochMillis;
use serde_json::Value;

/// Everything that a channel may tell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Story {
    /// The delivery's id: the same for every attempt.
    pub(crate) id: String,
    pub(crate) at: EpochMillis,
    /// `firing`, `update`, `repeat`, `resolved`, `test` or `digest`.
    pub(crate) transition: &'static str,
    /// Whether somebody should still look.
    pub(crate) firing: bool,
    pub(crate) test: bool,
    /// `critical`, `error`, `warning` or `info`.
    pub(crate) severity: &'static str,
    /// One line, with `[TEST]` before it where it is one.
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) subscription: Subscription,
    pub(crate) fingerprint: String,
    pub(crate) episode: String,
    pub(crate) starts_at: EpochMillis,
    pub(crate) ends_at: Option<EpochMillis>,
    /// Where to look; empty where nobody said where the console is.
    pub(crate) url: String,
    pub(crate) runbook: Option<String>,
    /// What the alert's group has in common.
    pub(crate) group: BTreeMap<String, String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    /// Numbers with their names, for people.
    pub(crate) figures: Vec<(&'static str, String)>,
    pub(crate) functions: Vec<Subject>,
    /// How many functions are left out.
    pub(crate) more_functions: u64,
    /// One line for each sample.
    pub(crate) samples: Vec<String>,
    /// The canonical payload.
    pub(crate) data: Value,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) name: String,
    /// What kind of condition, as configuration names it.
    pub(crate) condition: String,
}

/// A function that the alert is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) timeouts: u64,
    pub(crate) url: String,
}

impl Story {
    /// `dev.overtime.alert.firing`: what events of this kind are called.
    pub(super) fn kind(&self) -> String {
        format!("dev.overtime.alert.{}", self.transition)
    }

    /// Whether its address is one that can be followed.
    pub(super) fn link(&self) -> Option<&str> {
        is_web(&self.url).then_some(self.url.as_str())
    }
}

pub(super) fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// `1 timeout`, `2 timeouts`.
pub(super) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
pub(crate) mod tests {
    //! An ordinary story, one that is as large as can be, and whatever lies between.

    use proptest::{collection::vec, prelude::*};
    use serde_json::json;

    use super::*;

    const AT: EpochMillis = EpochMillis(1_793_491_201_000);

    pub(crate) fn ordinary() -> Story {
        let subject = Subject {
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            name: "orders".to_owned(),
            arn: "arn:aws:lambda:eu-west-1:123456789012:function:orders".to_owned(),
            timeouts: 3,
            url: "https://o.example/functions/123456789012/eu-west-1/orders".to_owned(),
        };
        let texts = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let summary = "orders timed out 3 times (123456789012, eu-west-1)";
        Story {
            id: "msg_f765cd20f54df16e4e80b5fa757f2f9b_firing_team".to_owned(),
            at: AT,
            transition: "firing",
            firing: true,
            test: false,
            severity: "error",
            title: summary.to_owned(),
            description: "Request 6161 ran into its timeout of 3 s.".to_owned(),
            subscription: Subscription {
                id: "timeout-rate".to_owned(),
                name: "Timeout rate".to_owned(),
                condition: "timeout_rate".to_owned(),
            },
            fingerprint: "993e71402475d17bc38104c4f00a8d15".to_owned(),
            episode: "f765cd20f54df16e4e80b5fa757f2f9b".to_owned(),
            starts_at: EpochMillis(1_793_491_200_000),
            ends_at: None,
            url: subject.url.clone(),
            runbook: Some("https://runbooks.example/orders".to_owned()),
            group: texts(&[
                ("account", "123456789012"),
                ("region", "eu-west-1"),
                ("function", "orders"),
            ]),
            labels: texts(&[("team", "payments")]),
            annotations: texts(&[
                ("runbook_url", "https://runbooks.example/orders"),
                ("summary", summary),
            ]),
            figures: vec![("Timeouts", "3 of 40 invocations".to_owned())],
            functions: vec![subject],
            more_functions: 0,
            samples: vec!["2026-11-01T00:00:00.000Z 6161 after 3 s".to_owned()],
            data: json!({ "schema": "1", "status": "firing" }),
        }
    }

    pub(crate) fn resolved() -> Story {
        Story {
            id: "msg_f765cd20f54df16e4e80b5fa757f2f9b_resolved_team".to_owned(),
            transition: "resolved",
            firing: false,
            ends_at: Some(EpochMillis(1_793_491_900_000)),
            title: "orders has recovered (123456789012, eu-west-1)".to_owned(),
            ..ordinary()
        }
    }

    pub(crate) fn test() -> Story {
        Story {
            transition: "test",
            test: true,
            severity: "info",
            title: "[TEST] orders".to_owned(),
            ..ordinary()
        }
    }

    /// Every text is `text`, every list as long as it gets.
    fn large(text: &str, number: usize, transition: &'static str) -> Story {
        let own = |max: usize| text.chars().take(max).collect::<String>();
        let subject = Subject {
            name: own(140),
            arn: format!("arn:aws:lambda:eu-west-1:123456789012:function:{}", own(140)),
            url: format!("https://o.example/functions/{}", own(2_000)),
            ..ordinary().functions.remove(0)
        };
        let pairs: BTreeMap<_, _> =
            (0..number).map(|it| (format!("{it}{}", own(60)), own(2_000))).collect();
        let firing = !matches!(transition, "resolved" | "test");
        Story {
            transition,
            firing,
            test: transition == "test",
            title: own(2_000),
            description: own(20_000),
            subscription: Subscription { name: own(128), ..ordinary().subscription },
            url: subject.url.clone(),
            runbook: Some(format!("https://{}", own(2_000))),
            group: pairs.clone(),
            labels: pairs.clone(),
            annotations: pairs,
            figures: vec![("Timeouts", own(200)); 12],
            functions: vec![subject; number.min(20)],
            more_functions: 37,
            samples: vec![own(1_000); number.min(5)],
            data: json!({ "text": own(19_000) }),
            ..ordinary()
        }
    }

    /// As large as can be, of letters that are hard.
    pub(crate) fn largest() -> Vec<Story> {
        ["&", "\u{1}", "😀", "\"", "\\", "<", "ß", "\n", "a"]
            .map(|letter| large(&letter.repeat(20_000), 40, "firing"))
            .into()
    }

    /// Anything.
    pub(crate) fn any() -> impl Strategy<Value = Story> {
        let letters = prop_oneof![
            proptest::char::any(),
            prop::sample::select(vec![
                '&', '<', '>', '"', '\\', '\u{1}', '\n', '\u{202e}', '😀', '*', '`'
            ]),
        ];
        let transitions = vec!["firing", "update", "repeat", "resolved", "test", "digest"];
        (vec(letters, 0..600), 0usize..40, prop::sample::select(transitions)).prop_map(
            |(letters, number, transition)| {
                large(&letters.into_iter().collect::<String>(), number, transition)
            },
        )
    }
}
