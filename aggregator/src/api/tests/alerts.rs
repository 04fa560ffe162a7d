//! What is open, what came before, and what was told: as it was decided, not as it might have been.

use std::time::Duration;

use axum::http::{StatusCode, header::LINK};
use serde_json::{Value, json};

use super::{
    desk::{Desk, clock},
    header,
};
use crate::{
    store::laboratory::{tally, verdict},
    sweep::Sweep,
};

async fn with_alerts() -> Desk {
    let desk = Desk::watched().await;
    for name in ["basket", "orders"] {
        desk.tell(name, &tally(1, 20), &[verdict(1, 10_000), verdict(2, 20_000)]).await;
    }
    desk.tell("payments", &tally(1, 20), &[]).await;
    desk
}

/// Time passes without a timeout and without a success.
async fn expire(desk: &Desk) {
    let sweep = Sweep { store: desk.store.clone(), console: String::new(), clock };
    sweep.sweep(clock().plus(Duration::from_hours(25))).await.unwrap();
}

fn items(page: &Value) -> &Vec<Value> {
    page["items"].as_array().unwrap()
}

#[tokio::test]
async fn what_is_open_is_found_by_what_it_is_about() {
    let desk = with_alerts().await;
    let all = desk.get("/api/v1/alerts").await.json();
    let names: Vec<_> = items(&all).iter().map(|it| &it["function"]).collect();
    assert_eq!(names, ["basket", "orders"], "{all:#}");
    let first = &all["items"][0];
    assert_eq!((&first["state"], &first["severity"]), (&json!("firing"), &json!("error")));
    assert_eq!((&first["timeouts"], &first["told"]), (&json!(2), &json!(true)));
    assert_eq!(first["group"]["function"], "basket");
    for (query, expected) in [
        ("state=firing", 2),
        ("state=pending", 0),
        ("state=silenced", 0),
        ("function=orders", 1),
        ("account=012345678901&region=eu-west-1&function=orders", 1),
        ("account=012345678901&region=eu-west-1&function=payments", 0),
        ("account=999999999999", 0),
        ("subscription=any-timeout&severity=error", 2),
        ("subscription=other", 0),
        ("severity=critical", 0),
    ] {
        let found = desk.get(&format!("/api/v1/alerts?{query}")).await.json();
        assert_eq!(items(&found).len(), expected, "{query}: {found:#}");
    }
    let table = desk.get("/api/v1/alerts.csv").await.body;
    assert_eq!(table.lines().count(), 3, "{table}");
}

#[tokio::test]
async fn pages_of_what_is_open_follow_each_other() {
    let desk = with_alerts().await;
    let (mut names, mut path) = (Vec::new(), "/api/v1/alerts?limit=1".to_owned());
    loop {
        let page = desk.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        names.extend(items(&page.json()).iter().map(|it| it["function"].clone()));
        let link = header(&page.headers, LINK);
        let Some((target, _)) = link.strip_prefix('<').and_then(|it| it.split_once('>')) else {
            break;
        };
        path = target.to_owned();
    }
    assert_eq!(names, ["basket", "orders"]);
}

#[tokio::test]
async fn an_alert_leads_to_its_episodes_and_they_to_what_was_told() {
    let desk = with_alerts().await;
    let found = desk.get("/api/v1/alerts?function=orders").await.json();
    let alert = &found["items"][0];
    let shown = desk.get(alert["url"].as_str().unwrap()).await.json();
    assert_eq!(&shown["alert"], alert);
    assert_eq!(shown["samples"].as_array().unwrap().len(), 2, "{shown:#}");
    let [episode] = &items(&shown["episodes"])[..] else { panic!("{shown:#}") };
    assert_eq!((&episode["url"], &episode["ended_at"]), (&alert["episode_url"], &Value::Null));

    let told = desk.get(episode["url"].as_str().unwrap()).await.json();
    assert_eq!(told["timeouts"].as_array().unwrap().len(), 2, "{told:#}");
    let [opening] = &told["deliveries"].as_array().unwrap()[..] else { panic!("{told:#}") };
    assert_eq!((&opening["transition"], &opening["status"]), (&json!("firing"), &json!("waiting")));
    assert_eq!(opening["fingerprint"], alert["fingerprint"]);

    expire(&desk).await;
    assert_eq!(items(&desk.get("/api/v1/alerts").await.json()).len(), 0);
    let shown = desk.get(alert["url"].as_str().unwrap()).await.json();
    let episode = &shown["episodes"]["items"][0];
    assert_eq!((&shown["alert"], &shown["samples"]), (&Value::Null, &json!([])));
    assert_eq!((&episode["ended_because"], &episode["told"]), (&json!("expired"), &json!(true)));
    assert_eq!(episode["timeouts"], 2);
    let told = desk.get(episode["url"].as_str().unwrap()).await.json();
    let words: Vec<_> =
        told["deliveries"].as_array().unwrap().iter().map(|it| &it["transition"]).collect();
    assert_eq!(words, ["firing", "resolved"], "in the order in which they were due");

    let nobody = alert["url"].as_str().unwrap().replace(char::is_numeric, "0");
    assert_eq!(desk.get(&nobody).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_past_is_listed_by_when_it_opened() {
    let desk = with_alerts().await;
    let count = async |query: &str| {
        let page = desk.get(&format!("/api/v1/episodes?{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        items(&page.json()).len()
    };
    assert_eq!((count("").await, count("open=true").await, count("open=false").await), (2, 2, 0));
    expire(&desk).await;
    assert_eq!((count("open=true").await, count("open=false").await), (0, 2));
    assert_eq!((count("function=orders").await, count("severity=info").await), (1, 0));
    assert_eq!((count("to=now-1h").await, count("from=now-1h").await), (0, 2));
    let page = desk.get("/api/v1/episodes?limit=1").await.json();
    let next = format!("limit=10&cursor={}", page["next"].as_str().unwrap());
    assert_eq!((items(&page).len(), count(&next).await), (1, 1));
    let wrong = desk.get("/api/v1/episodes?cursor=bm9uc2Vuc2U").await;
    assert_eq!(wrong.json()["field"], "cursor");
}

#[tokio::test]
async fn what_was_sent_is_listed_and_shown_with_what_it_says() {
    let desk = with_alerts().await;
    let all = desk.get("/api/v1/deliveries").await.json();
    assert_eq!(items(&all).len(), 2, "{all:#}");
    let delivery = &all["items"][0];
    assert_eq!((&delivery["channel"], &delivery["test"]), (&json!("environment"), &json!(false)));
    assert_eq!(delivery["log"], json!([]));
    let episode = delivery["episode"].as_str().unwrap();
    for (query, expected) in [
        (format!("episode={episode}"), 1),
        ("channel=environment&status=waiting".to_owned(), 2),
        ("channel=ops".to_owned(), 0),
        ("status=dead".to_owned(), 0),
        ("to=now-1h".to_owned(), 0),
    ] {
        let found = desk.get(&format!("/api/v1/deliveries?{query}")).await.json();
        assert_eq!(items(&found).len(), expected, "{query}: {found:#}");
    }
    let shown = desk.get(delivery["url"].as_str().unwrap()).await.json();
    assert_eq!(&shown["delivery"], delivery);
    assert_eq!(shown["notification"]["annotations"]["summary"], delivery["summary"]);
    assert_eq!(desk.get("/api/v1/deliveries/msg_none").await.status, StatusCode::NOT_FOUND);
}

/// Two functions that time out, and a subscription that groups them by account, besides that of the environment.
async fn with_crowd() -> Desk {
    let desk = Desk::watched().await;
    let crowd = json!({"id": "crowd", "name": "Crowd", "condition": {"any_timeout": {}},
        "severity": "critical", "group_by": ["account"], "group_wait": "0s", "channels": ["environment"]});
    let made = desk.post("/api/v1/subscriptions", &crowd).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    for name in ["basket", "orders"] {
        desk.tell(name, &tally(1, 20), &[verdict(1, 10_000)]).await;
    }
    let sweep = Sweep { store: desk.store.clone(), console: String::new(), clock };
    sweep.sweep(clock()).await.unwrap();
    desk
}

#[tokio::test]
async fn a_groups_alert_is_listed_before_those_of_functions_and_remembered() {
    let desk = with_crowd().await;
    let all = desk.get("/api/v1/alerts").await.json();
    let group = items(&all).iter().find(|it| it["subscription"] == "crowd").unwrap();
    assert_eq!(&all["items"][0], group, "{all:#}");
    assert_eq!(group["group"], json!({"account": "012345678901"}));
    assert_eq!((&group["function"], &group["functions"]), (&Value::Null, &json!(2)));
    let others = desk.get("/api/v1/alerts?account=999999999999").await.json();
    assert_eq!(items(&others).len(), 0, "{others:#}");
    let next = desk.get("/api/v1/alerts?limit=1&severity=critical").await.json();
    assert_eq!(items(&next).len(), 1, "{next:#}");

    let shown = desk.get(group["url"].as_str().unwrap()).await.json();
    assert_eq!(&shown["alert"], group, "{shown:#}");
    let told = desk.get(group["episode_url"].as_str().unwrap()).await.json();
    assert_eq!(told["deliveries"][0]["subscription"], "crowd", "{told:#}");
    assert_eq!(told["episode"]["group"]["account"], "012345678901");
    let names = |of: &Value| -> Vec<Value> {
        of["members"].as_array().unwrap().iter().map(|it| it["function"].clone()).collect()
    };
    assert_eq!(names(&shown), ["basket", "orders"], "{shown:#}");
    assert_eq!((names(&told), &told["timeouts"]), (names(&shown), &json!([])));
    assert_eq!(shown["samples"].as_array().unwrap().len(), 2, "one of each");

    expire(&desk).await;
    let told = desk.get(group["episode_url"].as_str().unwrap()).await.json();
    assert_eq!(names(&told), ["basket", "orders"], "as messages named them: {told:#}");
}

#[tokio::test]
async fn a_member_of_a_group_leads_to_the_alert_of_its_group() {
    let desk = with_crowd().await;
    let all = desk.get("/api/v1/alerts?subscription=crowd").await.json();
    let [group, members @ ..] = &items(&all)[..] else { panic!("{all:#}") };
    assert_eq!((members.len(), &group["member"]), (2, &json!(false)), "{all:#}");
    for member in members {
        let shown = desk.get(member["url"].as_str().unwrap()).await;
        assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
        assert_eq!(&shown.json()["alert"], group);
        let episode = desk.get(member["episode_url"].as_str().unwrap()).await;
        assert_eq!(episode.status, StatusCode::OK, "{}", episode.body);
        for field in ["fingerprint", "state", "told", "episode", "silenced_by"] {
            assert_eq!(member[field], group[field], "{field}");
        }
        assert_eq!((&member["member"], &member["timeouts"]), (&json!(true), &json!(1)));
    }
    let next = desk.get("/api/v1/alerts?subscription=crowd&limit=1").await.json();
    let next = format!("subscription=crowd&cursor={}", next["next"].as_str().unwrap());
    let rest = desk.get(&format!("/api/v1/alerts?{next}")).await.json();
    assert_eq!(items(&rest), members, "on a page without their group, too");
}

#[tokio::test]
async fn what_opens_an_alert_is_asked_for_by_its_name() {
    let desk = with_crowd().await;
    for (query, expected) in [("any_timeout", 5), ("fleet_incident", 0), ("no_signal", 0)] {
        let found = desk.get(&format!("/api/v1/alerts?condition={query}")).await.json();
        assert_eq!(items(&found).len(), expected, "{query}: {found:#}");
    }
    let past = desk.get("/api/v1/episodes?condition=any_timeout").await.json();
    assert_eq!(items(&past).len(), 3, "{past:#}");
    let past = desk.get("/api/v1/episodes?condition=fleet_incident").await.json();
    assert_eq!(items(&past).len(), 0, "{past:#}");
    assert_eq!(desk.get("/api/v1/alerts?condition=rain").await.json()["field"], "condition");
}

#[tokio::test]
async fn a_silence_is_known_before_its_alerts_are_looked_at_again() {
    let desk = with_alerts().await;
    let silence = json!({"id": "moving", "matchers": {"functions": ["ord*"]}, "comment": "moving"});
    assert_eq!(desk.post("/api/v1/silences", &silence).await.status, StatusCode::CREATED);
    let held = desk.get("/api/v1/alerts?state=silenced").await.json();
    let held: Vec<_> =
        items(&held).iter().map(|it| (&it["function"], &it["silenced_by"])).collect();
    assert_eq!(held, [(&json!("orders"), &json!("moving"))]);
    desk.post("/api/v1/silences/moving/end", &Value::Null).await;
    // What leaves out some tags cannot be told without them.
    let but_some = json!({"id": "but-some", "matchers": {"functions": ["ord*"], "tags": {"team": ["!web"]}},
        "comment": "moving"});
    let made = desk.post("/api/v1/silences", &but_some).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    assert_eq!(items(&desk.get("/api/v1/alerts?state=silenced").await.json()).len(), 0);
}

#[tokio::test]
async fn a_group_is_silenced_only_where_all_of_it_is() {
    let desk = with_crowd().await;
    let sweep = Sweep { store: desk.store.clone(), console: String::new(), clock };
    let state = async |after_min: u64, covered: &str| {
        let silence =
            json!({"id": covered, "matchers": {"functions": [covered]}, "comment": "moving"});
        let made = desk.post("/api/v1/silences", &silence).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
        sweep.sweep(clock().plus(Duration::from_mins(after_min))).await.unwrap();
        let all = desk.get("/api/v1/alerts?subscription=crowd").await.json();
        let group = all["items"][0].clone();
        assert_eq!(group["member"], false, "{all:#}");
        (group["state"].clone(), group["silenced_by"].clone())
    };
    assert_eq!(state(11, "orders").await, (json!("firing"), Value::Null), "others are told of");
    let (now, by) = state(23, "basket").await;
    assert_eq!(now, "silenced");
    assert!(by == "basket" || by == "orders", "{by}");
}
