//! More than a channel takes: a digest instead of a flood, and nothing is lost on the way.

use std::collections::BTreeMap;

use serde_json::json;

use super::stage::Stage;

const LIMIT: usize = 10;

#[tokio::test]
async fn five_hundred_alerts_in_a_minute_are_ten_messages_and_a_digest() {
    const ALERTS: usize = 500;
    let stage = Stage::open(|_| 204).await;
    stage.configure("team", &json!({ "rate_limit": LIMIT })).await;
    for chunk in (0..ALERTS).collect::<Vec<_>>().chunks(50) {
        let all = chunk.iter().map(|it| format!("msg_e{it}_firing_team")).collect::<Vec<_>>();
        futures::future::join_all(all.iter().map(|it| stage.put_in(it, 0))).await;
    }
    stage.drive(180_000).await;
    let arrived = stage.arrived_at("/team");
    let (digests, single): (Vec<_>, Vec<_>) =
        arrived.iter().partition(|it| it.contains("_digest_"));
    assert_eq!((single.len(), digests.len()), (LIMIT, 1), "{arrived:?}");
    let digest = stage.body_of(digests[0]).unwrap();
    assert_eq!(digest["type"], "dev.overtime.alert.digest");
    assert_eq!(digest["data"]["stats"]["alerts"], ALERTS - LIMIT);
    // None is lost: each was sent, or is on record as part of the digest.
    let mut statuses = BTreeMap::<String, usize>::new();
    for alert in 0..ALERTS {
        let delivery = stage.delivery(&format!("msg_e{alert}_firing_team")).await;
        *statuses.entry(delivery.status.as_str().to_owned()).or_default() += 1;
    }
    let expected = [("delivered", LIMIT), ("digested", ALERTS - LIMIT)];
    assert_eq!(statuses, expected.map(|(status, count)| (status.to_owned(), count)).into());
    let text = digest["data"]["annotations"]["description"].as_str().unwrap();
    assert_eq!(text.lines().count(), 21);
    assert!(text.ends_with(&format!("and {} more", ALERTS - LIMIT - 20)), "{text}");
    assert_eq!(stage.store().next_due().await.unwrap(), None);
}

#[tokio::test]
async fn what_is_open_there_is_resolved_there_however_much_there_is() {
    let stage = Stage::open(|_| 202).await;
    stage.pagerduty("pager", "OVERTIME_SECRET_FIRST").await;
    for episode in 0..20 {
        stage.put_in(&format!("msg_e{episode}_firing_pager"), 0).await;
    }
    stage.drive(60_000).await;
    // The channel's limit is thirty a minute: the first minute takes all, the next one not every resolution at once.
    for episode in 0..40 {
        stage.put_in(&format!("msg_f{episode}_firing_pager"), 60_000).await;
    }
    for episode in 0..20 {
        stage.put_in(&format!("msg_e{episode}_resolved_pager"), 60_001).await;
    }
    stage.drive(600_000).await;
    let resolved = stage.bodies().iter().filter(|it| it["event_action"] == "resolve").count();
    assert_eq!(resolved, 20);
}
