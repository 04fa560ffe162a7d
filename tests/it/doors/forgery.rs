//! Who must not get in: an account that speaks for another, and whoever nobody vouches for.
//!
//! Two ways lead to a door: its Function URL, which has checked a signature and says whose it was, and a direct invocation,
//! which can say anything. The second is kept out by the function's resource policy, which no emulator here enforces; what is
//! shown here is that an event that does not even claim a caller gets nowhere. `infra/cdk/test` holds the policy's condition.

use std::time::Duration;

use sandbox::front::{Caller, Front, Plan, Upstream};
use sandbox::spec::{Function, Launch};
use sandbox::{Environment, Invocation, Outcome, Spec, binaries, http};
use serde_json::json;

use super::events::{ACCOUNT, ask, base64_of, now, post, request, timeout_of};
use super::stage::World;

const STRANGER: &str = "444455556666";

/// What was refused, by reason and caller.
async fn counted(world: &World) -> Vec<String> {
    let counted = world.store.rejections(now(), now()).await.unwrap();
    let line = |(what, times): &(overtime::domain::rejection::Rejection, u64)| {
        format!("{} {} {times}", what.reason.as_str(), what.caller)
    };
    counted.iter().map(line).collect()
}

/// The extension of a function that says it is of one account, and signs as another does.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_speaks_for_another_is_refused_at_the_url() {
    let world = World::start().await;
    let ingest = world.open("ingest").await;
    let endpoint = ingest.endpoint().await.unwrap();
    let function = Function::named("orders").timeout(Duration::from_millis(500));
    let spec = Spec::new(function, Launch::program(binaries::function().unwrap()))
        .extension("overtime", binaries::extension().unwrap())
        .variable("OVERTIME_SIGNING_REGION", "eu-west-1");
    let impostor = Caller { account: STRANGER.to_owned(), ..Caller::of(&spec) };
    let plan = Plan::to(Upstream::Events(endpoint.url.clone())).caller(impostor);
    let front = Front::start(plan).await.unwrap();
    let spec = spec.variable("OVERTIME_URL", front.url());
    let mut environment = Environment::start(spec).await.unwrap();
    let ended = environment.invoke(Invocation::of(json!({ "hang": true }))).await.unwrap();
    assert_eq!(ended.outcome, Outcome::Timeout);
    environment.spin_down().await;

    let judged = front.verdicts();
    assert!(!judged.is_empty(), "{}", front.complaints());
    for verdict in &judged {
        // Its signature was good: it is the door that refuses.
        assert!(verdict.status == 403 && verdict.error_type.is_none(), "{verdict:?}");
    }
    assert_eq!(world.changes().await["Records"], json!([]));
    assert_eq!(counted(&world).await, [format!("account {STRANGER} {}", judged.len())]);
    let said = environment.observer().said_by("overtime").join("\n");
    assert!(said.contains("403"), "{said}");

    // Nor does it help to bring a context along.
    let client = http::client().unwrap();
    let forged = client.post(front.url() + "/v1/batches").header(
        "x-amzn-request-context",
        json!({ "authorizer": { "iam": { "accountId": ACCOUNT } } }).to_string(),
    );
    let forged = forged.body(timeout_of("orders").encode()).send().await.unwrap();
    assert_eq!(forged.status(), 403);
    assert_eq!(world.changes().await["Records"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_speaks_for_another_account_or_for_nobody_is_refused() {
    let world = World::start().await;
    let ingest = world.open("ingest").await;
    let body = base64_of(&timeout_of("orders").encode());

    let forged = post(&ingest, request(STRANGER, &body, true)).await;
    let problem = "account 444455556666 may not send facts of account 111122223333";
    assert!(forged.0 == 403 && forged.1.contains(problem), "{forged:?}");

    let mut direct = request(ACCOUNT, &body, true);
    direct["requestContext"].as_object_mut().unwrap().remove("authorizer");
    let direct = post(&ingest, direct).await;
    assert!(direct.0 == 403 && direct.1.contains("no IAM context"), "{direct:?}");

    let mut stranger = request(ACCOUNT, &body, true);
    let iam = &mut stranger["requestContext"]["authorizer"]["iam"];
    iam["userArn"] = json!("arn:aws:sts::444455556666:assumed-role/orders-role/orders");
    assert_eq!(post(&ingest, stranger).await.0, 403);

    let mut elsewhere = request(ACCOUNT, &body, true);
    let iam = &mut elsewhere["requestContext"]["authorizer"]["iam"];
    iam["userArn"] = json!(format!("arn:aws-cn:sts::{ACCOUNT}:assumed-role/orders-role/orders"));
    let elsewhere = post(&ingest, elsewhere).await;
    assert!(elsewhere.0 == 403 && elsewhere.1.contains("partition"), "{elsewhere:?}");

    assert_eq!(world.changes().await["Records"], json!([]));
    assert_eq!(
        counted(&world).await,
        ["account 111122223333 1", "account 444455556666 1", "unauthenticated unknown 2"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_lets_in_whom_an_authorizer_has_let_in() {
    let world = World::start().await;
    let console = world.open("console").await;
    let mut open = ask("/healthz");
    let mut signed_in = open.clone();
    signed_in["requestContext"]["authorizer"] = json!({ "jwt": { "claims": { "sub": "a" } } });
    open["requestContext"].as_object_mut().unwrap().remove("authorizer");
    assert_eq!(post(&console, open).await.0, 403);
    assert_eq!(post(&console, signed_in).await, (200, "ok\n".to_owned()));
}
