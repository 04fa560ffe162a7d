//! An alert among Alertmanager's own: it stands though nobody repeats it, can be silenced there, and is resolved.

use std::time::Duration;

use sandbox::alertmanager::Alertmanager;
use sandbox::clock;
use serde_json::{Value, json};

use super::stage::{channel, courier, payload, send};

async fn until(alertmanager: &Alertmanager, satisfied: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let latest = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let alerts = alertmanager.alerts().await.unwrap();
        if satisfied(&alerts) || tokio::time::Instant::now() >= latest {
            return alerts;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alertmanager_shows_the_alert_a_silence_and_its_resolution() {
    let alertmanager = Alertmanager::start().await.unwrap();
    let (courier, began) = (courier(None), clock::now());
    let channel = channel(&json!({ "alertmanager": { "url": alertmanager.url() } }));
    let firing = payload("firing", &format!("{began:.3}"));
    send(&courier, &channel, "msg_e1_firing_team", &firing).await;

    // Its configuration forgets after a second what does not say when it ends.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let alerts = alertmanager.alerts().await.unwrap();
    let [alert] = &alerts[..] else { panic!("{alerts:#?}") };
    assert_eq!(alert["status"]["state"], "active", "{alert:#}");
    let expected = json!({
        "alertname": "timeout-rate", "severity": "error", "team": "payments",
        "account": "111122223333", "region": "eu-west-1", "function": "orders",
    });
    assert_eq!(alert["labels"], expected);
    assert_eq!(alert["annotations"]["summary"], firing["annotations"]["summary"]);

    let queried =
        alertmanager.amtool(&["alert", "query", "team=payments", "--output=simple"]).await;
    let queried = String::from_utf8(queried.unwrap().stdout).unwrap();
    assert!(queried.contains("timeout-rate") && queried.contains("größer"), "{queried}");

    let silence =
        ["silence", "add", "alertname=timeout-rate", "--comment=deployment", "--author=anna"];
    let added = alertmanager.amtool(&silence).await.unwrap();
    assert!(added.status.success(), "{added:?}");
    let silenced = until(&alertmanager, |it| it[0]["status"]["state"] == "suppressed").await;
    assert_eq!(silenced[0]["status"]["state"], "suppressed", "{silenced:#?}");

    // A repetition is the same alert, and the resolution ends it.
    let repeat = payload("repeat", &format!("{began:.3}"));
    send(&courier, &channel, "msg_e1_repeat-1_team", &repeat).await;
    assert_eq!(alertmanager.alerts().await.unwrap().len(), 1);
    let mut resolved = payload("resolved", &format!("{:.3}", clock::now()));
    resolved["alert"]["starts_at"] = json!(format!("{began:.3}"));
    send(&courier, &channel, "msg_e1_resolved_team", &resolved).await;
    let alerts = until(&alertmanager, <[Value]>::is_empty).await;
    assert!(alerts.is_empty(), "{alerts:#?}");
}
