//! Topics with a filter policy, buses with a rule, parameters and secrets, in moto.

use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};
use overtime::channels::aws::AwsSettings;
use overtime::store::access;
use sandbox::queues::Queues;
use serde_json::{Value, json};

use super::stage::{channel, courier, payload, send};

async fn settings(moto: &Queues) -> AwsSettings {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "tests");
    let config = access::environment().await.into_builder();
    let config = config.region(Region::new("eu-west-1")).endpoint_url(moto.url());
    let config = config.credentials_provider(SharedCredentialsProvider::new(credentials));
    AwsSettings::known(config.build())
}

/// What came out of a queue: one message, as JSON.
async fn one(moto: &Queues, queue: &str) -> Value {
    let received = moto.receive(queue).await.unwrap();
    assert_eq!(received.len(), 1, "{received:?}");
    let body = received.event["Records"][0]["body"].as_str().unwrap().to_owned();
    serde_json::from_str(&body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_hands_on_what_its_filter_policy_lets_through() {
    let moto = Queues::start().await.unwrap();
    let topic = moto.make_topic("alerts").await.unwrap();
    let (all, only) = (moto.make("all").await.unwrap(), moto.make("only").await.unwrap());
    let policy = json!({ "severity": ["error"], "team": ["payments"], "status": ["resolved"] });
    moto.subscribe(&topic, "all", &json!({})).await.unwrap();
    moto.subscribe(&topic, "only", &policy).await.unwrap();
    let courier = courier(Some(settings(&moto).await));
    let channel = channel(&json!({ "sns": { "topic_arn": topic, "chat": true } }));
    let firing = payload("firing", "2026-11-01T00:00:00.000Z");
    send(&courier, &channel, "msg_e1_firing_team", &firing).await;

    let envelope = one(&moto, &all).await;
    assert_eq!(envelope["Subject"], "orders timed out \"twice\" gr er", "{envelope:#}");
    assert_eq!(envelope["MessageAttributes"]["function_name"]["Value"], "orders");
    assert_eq!(envelope["MessageAttributes"].as_object().unwrap().len(), 10);
    let message: Value = serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap();
    assert_eq!(message["type"], "dev.overtime.alert.firing");
    assert_eq!(message["data"], firing);
    assert!(moto.receive(&only).await.unwrap().is_empty(), "it asks for resolutions");

    let resolved = payload("resolved", "2026-11-01T00:10:00.000Z");
    send(&courier, &channel, "msg_e1_resolved_team", &resolved).await;
    let envelope = one(&moto, &only).await;
    let message: Value = serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap();
    assert_eq!(message["data"]["status"], "resolved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_on_a_bus_matches_the_state() {
    let moto = Queues::start().await.unwrap();
    let queue = moto.make("alarms").await.unwrap();
    let pattern = json!({
        "source": ["overtime"],
        "detail-type": ["Lambda Timeout Alert State Change"],
        "detail": { "state": { "value": ["ALARM"] } },
    });
    moto.route("ops", &pattern, "alarms").await.unwrap();
    let courier = courier(Some(settings(&moto).await));
    let channel = channel(&json!({ "eventbridge": { "bus": "ops" } }));
    let resolved = payload("resolved", "2026-11-01T00:10:00.000Z");
    send(&courier, &channel, "msg_e1_resolved_team", &resolved).await;
    let firing = payload("firing", "2026-11-01T00:00:00.000Z");
    send(&courier, &channel, "msg_e1_firing_team", &firing).await;
    let event = one(&moto, &queue).await;
    assert_eq!(event["detail"]["previousState"]["value"], "OK", "{event:#}");
    assert_eq!(event["detail"]["annotations"], firing["annotations"]);
    let arn = "arn:aws:lambda:eu-west-1:111122223333:function:orders";
    assert_eq!(event["resources"], json!([arn]));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_lie_in_parameters_and_in_secrets_manager() {
    let moto = Queues::start().await.unwrap();
    let inbox = sandbox::inbox::Inbox::open().await.unwrap();
    let secret = super::stage::SECRET;
    let parameter = json!({ "Name": "/overtime/hook", "Value": secret, "Type": "SecureString" });
    moto.ask("ssm", "AmazonSSM.PutParameter", parameter).await.unwrap();
    let managed = json!({ "hook": super::stage::BEFORE }).to_string();
    let managed = json!({ "Name": "overtime/hooks", "SecretString": managed });
    moto.ask("secretsmanager", "secretsmanager.CreateSecret", managed).await.unwrap();
    let courier = courier(Some(settings(&moto).await));
    let channel = channel(&json!({ "webhook": {
        "url": inbox.url(),
        "secret": "ssm:/overtime/hook",
        "previous_secret": "secretsmanager:overtime/hooks#hook",
    } }));
    let firing = payload("firing", "2026-11-01T00:00:00.000Z");
    send(&courier, &channel, "msg_e1_firing_team", &firing).await;
    let delivery = &inbox.deliveries()[0];
    for secret in [secret, super::stage::BEFORE] {
        let verifier = standardwebhooks::Webhook::new(secret).unwrap();
        verifier.verify(&delivery.body, &delivery.headers).unwrap();
    }
}
