//! What a webhook may be sent: one story in the three shapes that receivers understand.
//!
//! - `standard`: what [Standard Webhooks](https://www.standardwebhooks.com/) recommends, `type`, `timestamp` and `data`;
//! - `cloudevents`: a [CloudEvent](https://cloudevents.io/) 1.0 in structured mode, with the same `type` and `data`;
//! - `alertmanager`: what Prometheus' Alertmanager posts to webhooks, version 4, so that whatever receives from there receives from
//!   here.
//!
//! All three are signed alike.

use serde_json::{Map, Value, json};

use super::{
    alertmanager::{annotations, labels},
    story::Story,
};
use crate::domain::instant::rfc3339;

pub(super) fn standard(story: &Story) -> Value {
    json!({ "type": story.kind(), "timestamp": rfc3339(story.at), "data": story.data })
}

/// The source names the subscription, so that source and id together are unique, as the specification wants it.
pub(super) fn cloudevents(story: &Story) -> Value {
    let subject = story.functions.first().filter(|_| story.functions.len() == 1);
    let mut event = json!({
        "specversion": "1.0",
        "id": story.id,
        "source": format!("/overtime/subscriptions/{}", story.subscription.id),
        "type": story.kind(),
        "time": rfc3339(story.at),
        "datacontenttype": "application/json",
        "data": story.data,
    });
    if let Some(subject) = subject {
        event["subject"] = json!(subject.arn);
    }
    event
}

/// One alert in a group of its own: our groups are not Alertmanager's.
pub(super) fn alertmanager(story: &Story) -> Value {
    let status = if story.firing { "firing" } else { "resolved" };
    let (labels, annotations) = (labels(story), annotations(story));
    let zero = || "0001-01-01T00:00:00Z".to_owned();
    let base = story.link().and_then(|it| it.split("/functions/").next()).unwrap_or_default();
    let name: Map<String, Value> = labels
        .iter()
        .filter(|(name, _)| *name == "alertname")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    json!({
        "version": "4",
        "groupKey": format!("{{}}:{{alertname={:?}, fingerprint={:?}}}", story.subscription.id, story.fingerprint),
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "overtime",
        "groupLabels": name,
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": base,
        "alerts": [{
            "status": status,
            "labels": labels,
            "annotations": annotations,
            "startsAt": rfc3339(story.starts_at),
            "endsAt": story.ends_at.map_or_else(zero, rfc3339),
            "generatorURL": story.link().unwrap_or_default(),
            "fingerprint": story.fingerprint.chars().take(16).collect::<String>(),
        }],
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{super::story::tests, *};

    fn pretty(value: &Value) -> String {
        serde_json::to_string_pretty(value).unwrap()
    }

    #[test]
    fn a_standard_webhook_has_a_type_a_time_and_the_data() {
        expect![[r#"
            {
              "data": {
                "schema": "1",
                "status": "firing"
              },
              "timestamp": "2026-11-01T00:00:01.000Z",
              "type": "dev.overtime.alert.firing"
            }"#]]
        .assert_eq(&pretty(&standard(&tests::ordinary())));
    }

    #[test]
    fn a_cloud_event_has_its_attributes() {
        expect![[r#"
            {
              "data": {
                "schema": "1",
                "status": "firing"
              },
              "datacontenttype": "application/json",
              "id": "msg_f765cd20f54df16e4e80b5fa757f2f9b_firing_team",
              "source": "/overtime/subscriptions/timeout-rate",
              "specversion": "1.0",
              "subject": "arn:aws:lambda:eu-west-1:123456789012:function:orders",
              "time": "2026-11-01T00:00:01.000Z",
              "type": "dev.overtime.alert.firing"
            }"#]]
        .assert_eq(&pretty(&cloudevents(&tests::ordinary())));
    }

    #[test]
    fn a_receiver_of_alertmanager_finds_what_it_knows() {
        expect![[r#"
            {
              "alerts": [
                {
                  "annotations": {
                    "dashboard_url": "https://o.example/functions/123456789012/eu-west-1/orders",
                    "description": "Request 6161 ran into its timeout of 3 s.",
                    "runbook_url": "https://runbooks.example/orders",
                    "summary": "orders timed out 3 times (123456789012, eu-west-1)"
                  },
                  "endsAt": "0001-01-01T00:00:00Z",
                  "fingerprint": "993e71402475d17b",
                  "generatorURL": "https://o.example/functions/123456789012/eu-west-1/orders",
                  "labels": {
                    "account": "123456789012",
                    "alertname": "timeout-rate",
                    "function": "orders",
                    "region": "eu-west-1",
                    "severity": "error",
                    "team": "payments"
                  },
                  "startsAt": "2026-11-01T00:00:00.000Z",
                  "status": "firing"
                }
              ],
              "commonAnnotations": {
                "dashboard_url": "https://o.example/functions/123456789012/eu-west-1/orders",
                "description": "Request 6161 ran into its timeout of 3 s.",
                "runbook_url": "https://runbooks.example/orders",
                "summary": "orders timed out 3 times (123456789012, eu-west-1)"
              },
              "commonLabels": {
                "account": "123456789012",
                "alertname": "timeout-rate",
                "function": "orders",
                "region": "eu-west-1",
                "severity": "error",
                "team": "payments"
              },
              "externalURL": "https://o.example",
              "groupKey": "{}:{alertname=\"timeout-rate\", fingerprint=\"993e71402475d17bc38104c4f00a8d15\"}",
              "groupLabels": {
                "alertname": "timeout-rate"
              },
              "receiver": "overtime",
              "status": "firing",
              "truncatedAlerts": 0,
              "version": "4"
            }"#]].assert_eq(&pretty(&alertmanager(&tests::ordinary())));
        let resolved = alertmanager(&tests::resolved());
        assert_eq!(resolved["status"], "resolved");
        assert_eq!(resolved["alerts"][0]["endsAt"], "2026-11-01T00:11:40.000Z");
    }

    #[test]
    fn a_body_is_not_much_more_than_its_data() {
        for story in tests::largest() {
            let data = story.data.to_string().len();
            assert!(standard(&story).to_string().len() <= data + 200);
            assert!(cloudevents(&story).to_string().len() <= data + 600);
            assert!(alertmanager(&story).to_string().len() < 64 * 1024);
        }
    }
}
