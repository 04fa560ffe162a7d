//! [Amazon EventBridge](https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html): an event that rules match.
//!
//! The detail is the canonical payload with the `state` and `previousState` that CloudWatch's alarms have, so that a rule for those is
//! easily one for these.
//!
//! A call may succeed and its entry fail, so what counts is the entry's own answer.
//!
//! **Invariant.** Whatever a story holds, its entry is below 200 KB: 256 KB is the smallest limit that AWS has published.

use serde_json::json;

use super::{
    story::Story,
    text::{clean, cut, cut_bytes},
};
use crate::domain::{delivery::Reply, instant::rfc3339};

pub(super) const SOURCE: &str = "overtime";
pub(super) const DETAIL_TYPE: &str = "Lambda Timeout Alert State Change";
/// Ours, in bytes.
const DETAIL_MAX: usize = 150 * 1024;
const RESOURCES_MAX: usize = 20;
const REASON_MAX: usize = 1_000;

/// What rules see.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) detail: String,
    pub(super) resources: Vec<String>,
    pub(super) at: overtime_wire::EpochMillis,
}

pub(super) fn render(story: &Story) -> Entry {
    let mut detail = story.data.clone();
    if !detail.is_object() || detail.to_string().len() > DETAIL_MAX {
        detail = json!({ "schema": "1", "truncated": true });
    }
    let (now, before) = match story.transition {
        "firing" => ("ALARM", "OK"),
        "resolved" => ("OK", "ALARM"),
        "test" => ("OK", "OK"),
        _ => ("ALARM", "ALARM"),
    };
    detail["id"] = json!(cut(&story.id, 255));
    detail["state"] = json!({
        "value": now,
        "reason": cut(&clean(&story.title, false), REASON_MAX),
        "timestamp": rfc3339(story.at),
    });
    detail["previousState"] = json!({ "value": before });
    let arn = |it: &super::story::Subject| cut_bytes(&clean(&it.arn, false), 2_048);
    Entry {
        detail: detail.to_string(),
        resources: story.functions.iter().take(RESOURCES_MAX).map(arn).collect(),
        at: story.at,
    }
}

/// What an entry's error code means. The API reference names none but says which are AWS's own fault and pass.
pub(super) fn refusal(code: &str) -> Reply {
    match code {
        "ThrottlingException" | "InternalFailure" | "InternalException" | "ServiceUnavailable" => {
            Reply::Status { code: 503, retry_after: None }
        }
        _ => Reply::Forbidden,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{super::story::tests, *};

    fn check(story: &Story) {
        let entry = render(story);
        let resources: usize = entry.resources.iter().map(String::len).sum();
        let size = 14 + SOURCE.len() + DETAIL_TYPE.len() + entry.detail.len() + resources;
        assert!(size < 200 * 1024, "{size}");
        assert!(serde_json::from_str::<Value>(&entry.detail).unwrap().is_object());
        assert!(DETAIL_TYPE.len() <= 128 && !SOURCE.starts_with("aws."));
    }

    #[test]
    fn a_rule_for_alarms_finds_its_state() {
        let entry = render(&tests::ordinary());
        let detail: Value = serde_json::from_str(&entry.detail).unwrap();
        expect![[r#"
            {
              "id": "msg_f765cd20f54df16e4e80b5fa757f2f9b_firing_team",
              "previousState": {
                "value": "OK"
              },
              "schema": "1",
              "state": {
                "reason": "orders timed out 3 times (123456789012, eu-west-1)",
                "timestamp": "2026-11-01T00:00:01.000Z",
                "value": "ALARM"
              },
              "status": "firing"
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&detail).unwrap());
        assert_eq!(entry.resources, ["arn:aws:lambda:eu-west-1:123456789012:function:orders"]);
    }

    #[test]
    fn only_what_passes_is_tried_again() {
        assert_eq!(refusal("InternalFailure"), Reply::Status { code: 503, retry_after: None });
        assert_eq!(refusal("MalformedDetail"), Reply::Forbidden);
    }

    #[test]
    fn the_largest_story_is_within_the_limits() {
        for story in tests::largest() {
            check(&story);
        }
    }

    proptest! {
        #[test]
        fn every_story_is_within_the_limits(story in tests::any()) {
            check(&story);
        }
    }
}
