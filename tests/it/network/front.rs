//! The front end lets in whom AWS would let in, and hands on what AWS would hand on.

use std::collections::BTreeMap;
use std::fs;

use expect_test::expect;
use jiff::Timestamp;
use reqwest::{Certificate, Client};
use sandbox::front::{Caller, Front, Plan, Upstream};
use sandbox::spec::{Credentials, Function, Initialization, Launch};
use sandbox::{Environment, Spec, binaries, clock, http};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::signing::Signing;
use super::stage::{SOON, Server};

const BODY: &[u8] = b"\x0a\x03abc";

fn caller() -> Caller {
    Caller::of(&Spec::new(Function::named("orders"), Launch::program("/bin/true")))
}

#[tokio::test]
async fn a_signed_request_is_handed_on_with_what_is_known_of_its_caller() {
    let server = Server::answering(r#"{"accepted":1,"refused":[]}"#).await;
    let plan = Plan::to(Upstream::Requests(server.url())).caller(caller());
    let front = Front::start(plan).await.unwrap();
    let client = http::client().unwrap();
    let mut request = Signing::now().post(&client, &front.url(), BODY);
    let forged = r#"{"authorizer":{"iam":{"accountId":"666666666666"}}}"#;
    request.headers_mut().insert("x-amzn-request-context", forged.parse().unwrap());
    let answer = client.execute(request).await.unwrap();
    assert_eq!(answer.status(), 200, "{:?} {}", front.verdicts(), front.complaints());
    assert_eq!(answer.text().await.unwrap(), r#"{"accepted":1,"refused":[]}"#);

    let came = server.came().pop().unwrap();
    assert_eq!((&came.body[..], came.target.as_str()), (BODY, "/v1/batches?a=1&b=%20x"));
    assert!(!came.headers.contains_key("authorization"));
    let context = came.headers["x-amzn-request-context"].to_str().unwrap();
    let context: Value = serde_json::from_str(context).unwrap();
    expect![[r#"
        {
          "accessKey": "AKIDEXAMPLE",
          "accountId": "111122223333",
          "callerId": "AROAEXAMPLEEXAMPLE000:orders",
          "cognitoIdentity": null,
          "principalOrgId": "o-a1b2c3d4e5",
          "userArn": "arn:aws:sts::111122223333:assumed-role/orders-role/orders",
          "userId": "AROAEXAMPLEEXAMPLE000:orders"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&context["authorizer"]["iam"]).unwrap());

    let verdicts = timeout(SOON, front.until_judged(1)).await.unwrap();
    let event = verdicts[0].event.clone().unwrap();
    assert_eq!(event["requestContext"], context);
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["rawQueryString"], "a=1&b=%20x");
    assert_eq!(event["queryStringParameters"], json!({ "a": "1", "b": " x" }));
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("CgNhYmM="), &json!(true)));
    assert_eq!(event["headers"]["content-type"], "application/x-protobuf");
}

#[tokio::test]
async fn a_handler_can_be_given_the_event_itself() {
    let returned =
        r#"{"statusCode":429,"headers":{"Retry-After":"3"},"body":"b2g=","isBase64Encoded":true}"#;
    let server = Server::answering(returned).await;
    let endpoint = format!("{}/2015-03-31/functions/function/invocations", server.url());
    let plan = Plan::to(Upstream::Events(endpoint)).caller(caller());
    let front = Front::start(plan).await.unwrap();
    let client = http::client().unwrap();
    let request = Signing::now().post(&client, &front.url(), BODY);
    let answer = client.execute(request).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (429, &"3".parse().unwrap())
    );
    assert_eq!(answer.text().await.unwrap(), "oh");
    let event: Value = serde_json::from_slice(&server.came()[0].body).unwrap();
    assert_eq!(Some(event), front.until_judged(1).await[0].event);
}

#[tokio::test]
async fn a_server_that_is_gone_is_a_bad_gateway() {
    let server = Server::answering("").await;
    let plan = Plan::to(Upstream::Requests(server.url())).caller(caller());
    drop(server);
    let front = Front::start(plan).await.unwrap();
    let client = http::client().unwrap();
    let request = Signing::now().post(&client, &front.url(), BODY);
    assert_eq!(client.execute(request).await.unwrap().status(), 502);
}

fn trusting(front: &Front) -> Client {
    let root = Certificate::from_pem(front.authority().unwrap().root.as_bytes()).unwrap();
    Client::builder().no_proxy().tls_certs_only([root]).build().unwrap()
}

#[tokio::test]
async fn over_tls_it_is_believed_by_who_trusts_its_authority_and_remembers_sessions() {
    let server = Server::answering("served").await;
    let plan = Plan::to(Upstream::Requests(server.url())).caller(caller()).over_tls();
    let front = Front::start(plan).await.unwrap();
    let stranger = http::client().unwrap();
    assert!(stranger.get(front.url()).send().await.unwrap_err().is_connect());

    let client = trusting(&front);
    for _ in 0..2 {
        let mut request = Signing::now().post(&client, &front.url(), BODY);
        request.headers_mut().insert("connection", "close".parse().unwrap());
        assert_eq!(client.execute(request).await.unwrap().status(), 200);
    }
    let verdicts = front.until_judged(2).await;
    let seen: Vec<_> = verdicts.iter().map(|it| it.tls.clone().unwrap()).collect();
    assert!(seen.iter().all(|it| it.version == "TLSv1.3"), "{seen:?}");
    assert_eq!(seen.iter().map(|it| it.was_resumed).collect::<Vec<_>>(), [false, true]);
    assert_ne!(verdicts[0].connection, verdicts[1].connection);
}

#[tokio::test]
async fn kept_alive_a_connection_serves_many_requests() {
    let server = Server::answering("served").await;
    let plan = Plan::to(Upstream::Requests(server.url())).caller(caller());
    let front = Front::start(plan).await.unwrap();
    let client = http::client().unwrap();
    for _ in 0..3 {
        let request = Signing::now().post(&client, &front.url(), BODY);
        assert_eq!(client.execute(request).await.unwrap().text().await.unwrap(), "served");
    }
    let numbers: Vec<u64> = front.until_judged(3).await.iter().map(|it| it.connection).collect();
    assert_eq!(numbers, [1, 1, 1]);
}

/// What the processes of a sandbox are given to sign with is what the front end knows them by.
#[tokio::test]
async fn an_emulated_sandbox_is_known_by_its_role() {
    let server = Server::answering("served").await;
    let spec = Spec::new(Function::named("orders"), Launch::program(binaries::function().unwrap()))
        .extension("probe", binaries::probe().unwrap());
    let credentials = Credentials {
        access_key: "ASIAEXAMPLE".to_owned(),
        secret: "one/of+its=own".to_owned(),
        session_token: "token".to_owned(),
    };
    let spec = Spec { credentials, ..spec };
    let plan = Plan::to(Upstream::Requests(server.url())).caller(Caller::of(&spec));
    let front = Front::start(plan).await.unwrap();
    let environment = Environment::start(spec).await.unwrap();
    let pid = environment.observer().extension_pid("probe").unwrap();
    let variables = variables(pid);
    let mut signing = Signing::now();
    signing.credentials = Credentials {
        access_key: variables["AWS_ACCESS_KEY_ID"].clone(),
        secret: variables["AWS_SECRET_ACCESS_KEY"].clone(),
        session_token: variables["AWS_SESSION_TOKEN"].clone(),
    };
    let client = http::client().unwrap();
    let request = signing.post(&client, &front.url(), BODY);
    assert_eq!(client.execute(request).await.unwrap().status(), 200, "{:?}", front.verdicts());
    let event = front.until_judged(1).await[0].event.clone().unwrap();
    let iam = &event["requestContext"]["authorizer"]["iam"];
    assert_eq!(iam["accessKey"], "ASIAEXAMPLE");
}

/// Under `SnapStart` there are no keys in the environment, but a place to fetch them from.
#[tokio::test]
async fn a_restored_sandbox_fetches_the_same_credentials() {
    let spec = Spec::new(Function::named("orders"), Launch::program(binaries::function().unwrap()))
        .extension("probe", binaries::probe().unwrap());
    let spec = Spec { initialization: Initialization::SnapStart, ..spec };
    let held = spec.credentials.clone();
    let environment = Environment::start(spec).await.unwrap();
    let variables = variables(environment.observer().extension_pid("probe").unwrap());
    let client = http::client().unwrap();
    let place = &variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"];
    assert_eq!(client.get(place).send().await.unwrap().status(), 404);
    let token = &variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"];
    let fetched = client.get(place).header("authorization", token).send().await.unwrap();
    let fetched: Value = fetched.json().await.unwrap();
    assert_eq!(fetched["AccessKeyId"], held.access_key);
    assert_eq!(fetched["SecretAccessKey"], held.secret);
    assert_eq!(fetched["Token"], held.session_token);
    let expires: Timestamp = fetched["Expiration"].as_str().unwrap().parse().unwrap();
    assert!(expires > clock::now());
}

fn variables(pid: u32) -> BTreeMap<String, String> {
    let environ = fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    let pairs = environ.split('\0').filter_map(|it| it.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
