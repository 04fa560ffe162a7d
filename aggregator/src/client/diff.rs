//! What a plan changes, for people to read before it is done.

use std::fmt::Write as _;

use serde_json::Value;

use crate::domain::configuration::{
    audit::Action,
    plan::{Difference, Step},
};

/// A value that is longer than this in one line is written over several.
const LINE_MAX: usize = 60;

/// What would be done to the configuration of `revision`.
pub(super) fn plan(steps: &[Step], revision: u64) -> String {
    if steps.is_empty() {
        return format!(
            "Nothing to change: the configuration is what the file says (revision {revision})."
        );
    }
    let mut text = String::new();
    for step in steps {
        let sign = match step.action {
            Action::Created => '+',
            Action::Replaced => '~',
            Action::Deleted => '-',
            Action::Tested | Action::Replayed => '?',
        };
        line(&mut text, &format!("{sign} {} {}", step.kind.as_str(), step.id));
        for difference in &step.fields {
            line(&mut text, &format!("    {}", field(difference)));
        }
    }
    let count = counts(steps, ["to create", "to change", "to delete"]);
    format!("{text}\nPlan: {count} (revision {revision}).")
}

/// What was done, and what came of it.
pub(super) fn applied(steps: &[Step], revision: u64) -> String {
    let count = counts(steps, ["created", "changed", "deleted"]);
    format!("Applied: {count}. The configuration is at revision {revision}.")
}

fn line(text: &mut String, line: &str) {
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{line}");
}

fn counts(steps: &[Step], words: [&str; 3]) -> String {
    let count = |action: Action| steps.iter().filter(|it| it.action == action).count();
    let counts = [Action::Created, Action::Replaced, Action::Deleted].map(count);
    let told: Vec<String> =
        counts.into_iter().zip(words).map(|(count, word)| format!("{count} {word}")).collect();
    told.join(", ")
}

fn field(difference: &Difference) -> String {
    let Difference { field, before, after } = difference;
    let (before, after) = (value(before), value(after));
    if before.len() + after.len() <= LINE_MAX {
        return format!("{field}: {before} → {after}");
    }
    format!("{field}:\n      - {before}\n      + {after}")
}

/// Null stands for what is not there.
fn value(value: &Value) -> String {
    if value.is_null() { "(nothing)".to_owned() } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;
    use crate::domain::configuration::Kind;

    fn step(action: Action, kind: Kind, id: &str) -> Step {
        Step { action, kind, id: id.to_owned(), fields: Vec::new() }
    }

    #[test]
    fn a_plan_is_read_at_a_glance() {
        let before = json!({"functions": ["pay-*"], "accounts": ["111122223333"]});
        let after = json!({"functions": ["pay-*", "!*-test"], "accounts": ["111122223333"]});
        let fields = vec![
            Difference {
                field: "/name".to_owned(),
                before: json!("Ops"),
                after: json!("Operations"),
            },
            Difference { field: "/scope".to_owned(), before, after },
            Difference {
                field: "/labels/team".to_owned(),
                before: Value::Null,
                after: json!("ops"),
            },
        ];
        let steps = [
            step(Action::Created, Kind::Channel, "ops"),
            Step { fields, ..step(Action::Replaced, Kind::Subscription, "payments") },
            step(Action::Deleted, Kind::Subscription, "old"),
        ];
        expect![[r#"
            + channel ops
            ~ subscription payments
                /name: "Ops" → "Operations"
                /scope:
                  - {"accounts":["111122223333"],"functions":["pay-*"]}
                  + {"accounts":["111122223333"],"functions":["pay-*","!*-test"]}
                /labels/team: (nothing) → "ops"
            - subscription old

            Plan: 1 to create, 1 to change, 1 to delete (revision 7)."#]]
        .assert_eq(&plan(&steps, 7));
        assert_eq!(
            applied(&steps, 8),
            "Applied: 1 created, 1 changed, 1 deleted. The configuration is at revision 8."
        );
    }

    #[test]
    fn nothing_to_do_is_said() {
        assert!(plan(&[], 7).starts_with("Nothing to change"));
    }
}
