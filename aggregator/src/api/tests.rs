//! The routes as a caller meets them, over a store of their own.

mod alerts;
mod deeds;
mod desk;
mod roles;

use axum::http::{
    HeaderMap, Method, StatusCode,
    header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK, VARY},
};
use serde_json::{Value, json};

use self::desk::{Desk, FUNCTION, TIMEOUT};

const LISTS: [&str; 5] = [
    "/api/v1/functions",
    "/api/v1/overview/series",
    "/api/v1/overview/heatmap",
    "/api/v1/timeouts",
    "/api/v1/functions/012345678901/eu-west-1/orders/series",
];
const OTHERS: [&str; 5] =
    ["/api/v1/overview", "/api/v1/health", "/api/v1/openapi.json", FUNCTION, TIMEOUT];

fn header(headers: &HeaderMap, name: impl axum::http::header::AsHeaderName) -> &str {
    headers.get(name).map_or("", |it| it.to_str().unwrap())
}

#[tokio::test]
async fn every_path_says_whether_anything_changed() {
    let desk = Desk::with_fleet().await;
    for path in LISTS.into_iter().chain(OTHERS) {
        let first = desk.get(path).await;
        assert_eq!(first.status, StatusCode::OK, "{path}: {}", first.body);
        let etag = header(&first.headers, ETAG).to_owned();
        assert_eq!(header(&first.headers, CACHE_CONTROL), "private, no-cache", "{path}");
        assert_eq!(header(&first.headers, VARY), "accept", "{path}");
        for known in [etag.clone(), format!("W/{etag}, \"x\""), "*".to_owned()] {
            let again = desk.ask(path, &[(IF_NONE_MATCH.as_str(), &known)]).await;
            assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
            assert_eq!(header(&again.headers, ETAG), etag, "{path}");
        }
        let other = desk.ask(path, &[(IF_NONE_MATCH.as_str(), "\"other\"")]).await;
        assert_eq!(other.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn every_path_refuses_what_it_does_not_understand_by_name() {
    let desk = Desk::with_fleet().await;
    for path in
        LISTS.into_iter().chain(OTHERS).filter(|it| *it != "/api/v1/openapi.json" && *it != TIMEOUT)
    {
        let answer = desk.get(&format!("{path}?color=red")).await;
        assert_eq!(
            (answer.status, answer.json()["field"].clone()),
            (StatusCode::BAD_REQUEST, json!("color")),
            "{path}"
        );
        assert_eq!(header(&answer.headers, CONTENT_TYPE), "application/problem+json");
    }
    for (path, field) in [
        ("/api/v1/timeouts?limit=0", "limit"),
        ("/api/v1/timeouts?limit=1001", "limit"),
        ("/api/v1/timeouts?cursor=nonsense", "cursor"),
        ("/api/v1/timeouts?account=1&account=2", "account"),
        ("/api/v1/functions?cursor=bm9uc2Vuc2U", "cursor"),
        ("/api/v1/functions?sort=color", "sort"),
        ("/api/v1/functions?name=a/b", "name"),
        ("/api/v1/functions?from=now-7d", "from"),
        ("/api/v1/functions?tag==x", "tag"),
        ("/api/v1/overview?from=now&to=now-1h", "to"),
        ("/api/v1/overview/series?step=1m", "step"),
        ("/api/v1/functions/1/eu-west-1/orders", "account"),
        ("/api/v1/functions/012345678901/eu-west-1/ord%ffers", "name"),
        ("/api/v1/functions/012345678901/EU/orders/series", "region"),
        ("/api/v1/functions/012345678901/eu-west-1/orders/timeouts/x/y", "block"),
    ] {
        let answer = desk.get(path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {}", answer.body);
        assert_eq!(answer.json()["field"], field, "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_not_allowed_or_not_to_be_had_is_a_problem_too() {
    let desk = Desk::with_fleet().await;
    let elsewhere = TIMEOUT.replace("orders", "nobody");
    for path in ["/api/v1/nothing", "/api/v1/functions/012345678901/eu-west-1/nobody", &elsewhere] {
        let answer = desk.get(path).await;
        assert_eq!(
            (answer.status, answer.json()["status"].clone()),
            (StatusCode::NOT_FOUND, json!(404)),
            "{path}"
        );
    }
    for path in LISTS.into_iter().chain(OTHERS) {
        let answer = desk.send(Method::DELETE, path, &[]).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.json()["status"], 405, "{path}");
        assert!(header(&answer.headers, ALLOW).contains("GET"), "{path}");
        let answer = desk.ask(path, &[(ACCEPT.as_str(), "text/html")]).await;
        assert_eq!(
            (answer.status, answer.json()["status"].clone()),
            (StatusCode::NOT_ACCEPTABLE, json!(406)),
            "{path}"
        );
    }
    for path in OTHERS {
        let answer = desk.ask(path, &[(ACCEPT.as_str(), "text/csv")]).await;
        assert_eq!(answer.status, StatusCode::NOT_ACCEPTABLE, "{path}");
    }
}

#[tokio::test]
async fn every_list_is_a_table_by_header_or_by_name() {
    let desk = Desk::with_fleet().await;
    for path in LISTS {
        let by_header = desk.ask(path, &[(ACCEPT.as_str(), "text/csv")]).await;
        let by_name = desk.ask(&format!("{path}.csv"), &[(ACCEPT.as_str(), "text/html")]).await;
        assert_eq!(by_header.body, by_name.body, "{path}");
        assert!(header(&by_name.headers, CONTENT_TYPE).starts_with("text/csv"), "{path}");
        let items = desk.get(path).await.json()["items"].as_array().unwrap().len();
        assert!(items > 0, "{path}");
        let mut table = csv::Reader::from_reader(by_name.body.as_bytes());
        assert!(table.headers().unwrap().len() > 5, "{path}");
        assert_eq!(table.records().map(Result::unwrap).count(), items, "{path}");
    }
}

#[tokio::test]
async fn pages_of_functions_follow_each_other_by_link_and_by_cursor() {
    let desk = Desk::with_fleet().await;
    let whole = desk.get("/api/v1/functions?sort=invocations").await.json();
    let names = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&whole), ["payments", "orders", "basket"]);
    assert_eq!(whole["next"], Value::Null);
    let mut seen = Vec::new();
    let mut path = "/api/v1/functions?sort=invocations&limit=1".to_owned();
    loop {
        let page = desk.get(&path).await;
        seen.extend(names(&page.json()));
        let link = header(&page.headers, LINK);
        let Some((target, _)) = link.strip_prefix('<').and_then(|it| it.split_once('>')) else {
            assert_eq!(page.json()["next"], Value::Null);
            break;
        };
        assert!(target.ends_with(page.json()["next"].as_str().unwrap()));
        path = target.to_owned();
    }
    assert_eq!(seen, names(&whole));
    let other = path.replace("sort=invocations", "sort=name");
    assert_eq!(desk.get(&other).await.json()["field"], "cursor");
}

#[tokio::test]
async fn functions_are_found_by_where_they_live_what_they_are_called_and_how_they_are_tagged() {
    let desk = Desk::with_fleet().await;
    for (query, expected) in [
        ("account=012345678901", 3),
        ("account=999999999999", 0),
        ("region=us-east-1", 0),
        ("name=*r*", 1),
        ("name=?asket", 1),
        ("tag=team", 2),
        ("tag=team=payments", 1),
        ("tag=team=payments&tag=tier", 0),
        ("cause=handler", 1),
        ("cause=init", 0),
    ] {
        let found = desk.get(&format!("/api/v1/functions?{query}")).await.json();
        assert_eq!(found["items"].as_array().unwrap().len(), expected, "{query}: {found:#}");
    }
}

#[tokio::test]
async fn the_overview_adds_up_what_the_functions_say_and_knows_no_time_before() {
    let desk = Desk::with_fleet().await;
    let shown = desk.get("/api/v1/overview").await.json();
    assert_eq!(shown["freshness"]["state"], "current", "{shown:#}");
    let counts = &shown["current"]["counts"];
    assert_eq!((&counts["invocations"], &counts["timeouts"]), (&json!(62), &json!(2)), "{shown:#}");
    assert_eq!(shown["current"]["causes"], json!({ "handler": 2 }));
    assert_eq!(shown["current"]["functions"], 3);
    assert_eq!(shown["previous"]["counts"], Value::Null, "nothing was heard, which is not zero");
    assert_eq!(shown["top"][0]["name"], "orders");
    assert_eq!(shown["top"].as_array().unwrap().len(), 1);
    let heard = |it: &&Value| !it["counts"].is_null();
    let series = shown["series"].as_array().unwrap();
    assert_eq!((series.len(), series.iter().filter(heard).count()), (25, 1));
}

#[tokio::test]
async fn a_function_shows_what_it_did_and_a_timeout_what_surrounds_it() {
    let desk = Desk::with_fleet().await;
    let shown = desk.get(FUNCTION).await.json();
    assert_eq!(shown["counts"]["invocations"], 22, "{shown:#}");
    assert_eq!(shown["duration_of_timeout"]["max"], 0.007, "{shown:#}");
    assert_eq!(shown["versions"][0]["version"], "1", "{shown:#}");
    assert_eq!(shown["history"]["timeout_ms"][0]["value"], 3_000, "{shown:#}");
    let listed = desk.get("/api/v1/timeouts?limit=1").await.json();
    assert_eq!(listed["items"][0]["url"], TIMEOUT, "{listed:#}");
    let shown = desk.get(TIMEOUT).await.json();
    assert_eq!(shown["stands"], true, "{shown:#}");
    for (field, count) in [("same_sandbox", 1), ("same_request", 0), ("same_time", 1)] {
        assert_eq!(shown[field]["items"].as_array().unwrap().len(), count, "{field}");
        assert_eq!(shown[field]["complete"], true, "{field}");
    }
}

#[tokio::test]
async fn a_functions_timeouts_are_looked_into() {
    let desk = Desk::with_fleet().await;
    let shown = desk.get(&format!("{FUNCTION}/analyses")).await.json();
    assert_eq!((&shown["timeouts"], &shown["complete"]), (&json!(2), &json!(true)), "{shown:#}");
    let of = |kind: &str| {
        let items = shown["items"].as_array().unwrap();
        items.iter().find(|it| it["kind"] == kind).unwrap_or_else(|| panic!("{kind}")).clone()
    };
    assert_eq!(of("doom_loop")["conclusion"], "not_found", "{shown:#}");
    // The function is new: what was there before it cannot have changed.
    assert_eq!(of("change")["conclusion"], "unknown", "{shown:#}");
    assert!(of("change")["says"].as_str().unwrap().contains("no day without timeouts"));
    let stranger = desk.get("/api/v1/functions/012345678901/eu-west-1/nobody/analyses").await;
    assert_eq!(stranger.status, 404);
}

#[tokio::test]
async fn an_empty_store_claims_nothing() {
    let desk = Desk::empty().await;
    let health = desk.get("/api/v1/health").await.json();
    assert_eq!(health["freshness"], json!({ "state": "never", "heard_at": null }));
    assert_eq!((&health["losses"], &health["evaluation"]["lag_ms"]), (&Value::Null, &Value::Null));
    let overview = desk.get("/api/v1/overview").await.json();
    assert_eq!(overview["current"]["counts"], Value::Null);
    assert_eq!(overview["current"]["losses"], Value::Null);
    let lists = ["functions", "timeouts", "alerts", "episodes", "deliveries"];
    for path in lists.map(|it| format!("/api/v1/{it}")) {
        let path = path.as_str();
        assert_eq!(desk.get(path).await.json(), json!({ "items": [], "next": null }));
    }
}

#[tokio::test]
async fn the_description_has_every_path_and_every_reference_leads_somewhere() {
    let desk = Desk::empty().await;
    let api = desk.get("/api/v1/openapi.json").await.json();
    assert_eq!(api["openapi"], "3.1.0");
    let paths: Vec<&String> = api["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths.len(), 45, "{paths:#?}");
    let text = api.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(api.pointer(pointer).is_some(), "{pointer} leads nowhere");
    }
    let health = &api["components"]["schemas"]["Health"];
    assert_eq!(health["required"].as_array().unwrap().len(), 6, "{health:#}");
}
