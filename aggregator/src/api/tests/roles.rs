//! What each role may do: everything that changes something, asked for by everybody.

use axum::http::{Method, StatusCode};
use overtime_wire::Verdict;

use super::desk::{Desk, TIMEOUT};
use crate::{
    api::viewer::{Role, Viewer},
    store::laboratory::{tally, verdict},
};

/// Each way to change something, and who may.
const CHANGES: [(&str, Role); 17] = [
    ("POST /api/v1/silences", Role::Operator),
    ("PUT /api/v1/silences/quiet", Role::Operator),
    ("DELETE /api/v1/silences/quiet", Role::Operator),
    ("POST /api/v1/silences/quiet/end", Role::Operator),
    ("POST /api/v1/channels/default/test", Role::Operator),
    ("POST /api/v1/deliveries/msg_none/replay", Role::Operator),
    ("POST /api/v1/subscriptions", Role::Admin),
    ("PUT /api/v1/subscriptions/new-offender", Role::Admin),
    ("DELETE /api/v1/subscriptions/new-offender", Role::Admin),
    ("POST /api/v1/channels", Role::Admin),
    ("PUT /api/v1/channels/default", Role::Admin),
    ("DELETE /api/v1/channels/default", Role::Admin),
    ("PUT /api/v1/configuration", Role::Admin),
    ("PUT /api/v1/configuration?dry_run=true", Role::Admin),
    // Whoever may look may play.
    ("POST /api/v1/subscriptions/preview", Role::Viewer),
    ("GET /api/v1/configuration", Role::Viewer),
    ("GET /api/v1/audit", Role::Viewer),
];

#[tokio::test]
async fn each_role_may_change_what_is_its_and_is_told_what_it_takes() {
    for role in Role::ALL {
        let desk = Desk::empty().await.seen_by(Viewer::new("somebody", role));
        for (line, needed) in CHANGES {
            let (method, path) = line.split_once(' ').unwrap();
            let told = desk.send(method.parse::<Method>().unwrap(), path, &[]).await;
            let refused = told.status == StatusCode::FORBIDDEN;
            assert_eq!(refused, role < needed, "{role}: {line}: {} {}", told.status, told.body);
            if refused {
                let why = format!("this needs the role {needed}, and yours is {role}");
                assert_eq!(told.json()["detail"], why.as_str());
            }
        }
    }
}

#[tokio::test]
async fn the_ends_of_logs_are_for_operators() {
    for role in Role::ALL {
        let desk = Desk::empty().await;
        let logged = Verdict { log_tail: "the last words".to_owned(), ..verdict(2, 20_000) };
        desk.tell("orders", &tally(1, 20), &[verdict(1, 10_000), logged]).await;
        let desk = desk.seen_by(Viewer::new("somebody", role));
        for path in ["/api/v1/timeouts", "/api/v1/timeouts.csv", TIMEOUT] {
            let told = desk.get(path).await;
            assert_eq!(told.status, StatusCode::OK, "{path}");
            let shown = told.body.contains("the last words");
            assert_eq!(shown, role >= Role::Operator, "{role}: {path}: {}", told.body);
        }
    }
}
