//! Doors and what is between them: tables with a stream, queues, and a receiver of alerts.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodbstreams::types::{AttributeValue, Record, ShardIteratorType};
use overtime::store::{Store, Tables, access::Access, embedded::Engine};
use overtime_wire::{
    Batch, Block, Cause, EpochMillis, Evidence, FunctionKey, Incarnation, IncarnationId, Ordinal,
    Outcome, Subject, Verdict,
};
use sandbox::door::{Door, Taken};
use sandbox::inbox::Inbox;
use sandbox::queues::Queues;
use sandbox::{binaries, clock};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(super) const PATIENCE: Duration = Duration::from_secs(20);
pub(super) const ACCOUNT: &str = "111122223333";
const SECRET: &str = "whsec_c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3Jl";

/// Everything but the doors, which tests open as they need them.
pub(super) struct World {
    pub(super) store: Store,
    pub(super) inbox: Inbox,
    pub(super) queues: Queues,
    pub(super) deliver: String,
    pub(super) evaluate: String,
    access: Access,
    engine: Engine,
    /// Where the stream has been read to.
    read: std::sync::Mutex<Option<String>>,
    _data: TempDir,
}

impl World {
    pub(super) async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let engine = Engine::start(data.path()).unwrap();
        let access = Access::embedded(&engine.endpoint());
        let tables =
            Tables { facts: "overtime-facts".to_owned(), state: "overtime-state".to_owned() };
        let store = Store::new(access.dynamo.clone()).in_tables(tables);
        store.ensure_tables().await.unwrap();
        let queues = Queues::start().await.unwrap();
        Self {
            deliver: queues.make("deliver").await.unwrap(),
            evaluate: queues.make("evaluate").await.unwrap(),
            inbox: Inbox::open().await.unwrap(),
            queues,
            store,
            access,
            engine,
            read: std::sync::Mutex::default(),
            _data: data,
        }
    }

    /// Where the tables are.
    pub(super) fn endpoint(&self) -> String {
        self.engine.endpoint()
    }

    /// A door with all the settings that infrastructure would give it.
    pub(super) async fn open(&self, door: &str) -> Door {
        self.open_with(door, &[]).await
    }

    /// The same, with some of them changed.
    pub(super) async fn open_with(&self, door: &str, changed: &[(&str, &str)]) -> Door {
        let mut settings: BTreeMap<&str, String> = [
            ("OVERTIME_FACTS_TABLE", "overtime-facts".to_owned()),
            ("OVERTIME_STATE_TABLE", "overtime-state".to_owned()),
            ("OVERTIME_CONSOLE_URL", "https://overtime.example".to_owned()),
            ("OVERTIME_DELIVER_QUEUE_URL", self.deliver.clone()),
            ("OVERTIME_EVALUATE_QUEUE_URL", self.evaluate.clone()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.endpoint()),
            ("AWS_ENDPOINT_URL_SQS", self.queues.url().to_owned()),
        ]
        .into();
        if door == "deliver" {
            settings.insert("OVERTIME_WEBHOOK_URL", self.inbox.url().to_owned());
            settings.insert("OVERTIME_WEBHOOK_SECRET", "env:TEST_WEBHOOK_SECRET".to_owned());
            settings.insert("OVERTIME_WEBHOOK_ALLOW", "127.0.0.0/8".to_owned());
            settings.insert("TEST_WEBHOOK_SECRET", SECRET.to_owned());
        }
        settings.extend(changed.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Door::open(binaries::overtime().unwrap(), door, settings).await.unwrap()
    }

    /// What came through the stream since the last time, as the event that a mapping makes of it.
    pub(super) async fn changes(&self) -> Value {
        let changes = self.store.changes(self.access.streams.clone()).await.unwrap();
        let shards = changes.shards().await.unwrap();
        let last = self.read.lock().unwrap().clone();
        let get = self.access.streams.get_shard_iterator();
        let get = get.stream_arn(&changes.stream).shard_id(&shards[0].id);
        let get = match last {
            None => get.shard_iterator_type(ShardIteratorType::TrimHorizon),
            Some(last) => get
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .sequence_number(last),
        };
        let iterator = get.send().await.unwrap().shard_iterator.unwrap();
        let read = self.access.streams.get_records().shard_iterator(iterator).send().await;
        let records = read.unwrap().records.unwrap_or_default();
        if let Some(last) = records.last() {
            let sequence = last.dynamodb().unwrap().sequence_number().unwrap();
            *self.read.lock().unwrap() = Some(sequence.to_owned());
        }
        let records: Vec<Value> = records.iter().map(|it| record(it, &changes.stream)).collect();
        json!({ "Records": records })
    }
}

/// A record as the developer guide's "Using Lambda with Amazon DynamoDB" shows it.
fn record(record: &Record, stream: &str) -> Value {
    let change = record.dynamodb().unwrap();
    let key = |(name, value): (&String, &AttributeValue)| {
        (name.clone(), json!({ "S": value.as_s().unwrap() }))
    };
    let keys: serde_json::Map<String, Value> = change.keys().unwrap().iter().map(key).collect();
    json!({
        "eventID": record.event_id(),
        "eventName": record.event_name().unwrap().as_str(),
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_793_491_200,
            "Keys": keys,
            "SequenceNumber": change.sequence_number().unwrap(),
            "SizeBytes": 120,
            "StreamViewType": "KEYS_ONLY",
        },
        "eventSourceARN": stream,
    })
}

/// What a door answered.
#[track_caller]
pub(super) fn answered(taken: Taken) -> Value {
    match taken {
        Taken::Answered(answer) => answer,
        Taken::Failed(_) | Taken::Ended(_) => panic!("{taken:?}"),
    }
}

pub(super) fn no_failures() -> Value {
    json!({ "batchItemFailures": [] })
}

/// A request as a Function URL with `AWS_IAM` hands it on, from a role of `account`.
pub(super) fn request(account: &str, body: &str, is_base64: bool) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/v1/batches",
        "rawQueryString": "",
        "headers": {
            "content-type": "application/x-protobuf",
            "host": "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws",
        },
        "requestContext": {
            "accountId": "999988887777",
            "apiId": "abcdefghijklmnopqrstuvwxyz012345",
            "authorizer": { "iam": {
                "accessKey": "ASIAEXAMPLE",
                "accountId": account,
                "callerId": "AROAEXAMPLEEXAMPLE000:orders",
                "cognitoIdentity": null,
                "principalOrgId": "o-a1b2c3d4e5",
                "userArn": format!("arn:aws:sts::{account}:assumed-role/orders-role/orders"),
                "userId": "AROAEXAMPLEEXAMPLE000:orders",
            } },
            "domainName": "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws",
            "http": {
                "method": "POST",
                "path": "/v1/batches",
                "protocol": "HTTP/1.1",
                "sourceIp": "198.51.100.7",
                "userAgent": "overtime",
            },
            "requestId": "00000000-0000-4000-8000-000000000001",
            "routeKey": "$default",
            "stage": "$default",
            "time": "24/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1_795_521_600_000_i64,
        },
        "body": body,
        "isBase64Encoded": is_base64,
    })
}

/// One timeout of a function of [`ACCOUNT`], just now.
pub(super) fn timeout_of(name: &str) -> Batch {
    let at = EpochMillis(clock::now().as_millisecond());
    let verdict = Verdict {
        block: Block::of(at),
        ordinal: Ordinal(1),
        revision: 0,
        evidence: Evidence::RuntimeDone,
        outcome: Outcome::Timeout,
        subject: Subject::Invocation,
        cause: Cause::Handler,
        seen: at,
        started: Some(at),
        deadline: Some(at),
        detected: at,
        timeout: Duration::from_secs(3),
        duration: None,
        request: None,
        version: "1".to_owned(),
        alias: String::new(),
        cold_start: false,
        memory_mb: 128,
        max_memory_used_mb: 0,
        trace: None,
        environment: "sandbox".to_owned(),
        log_tail: String::new(),
        last_log: None,
    };
    Batch {
        function: FunctionKey {
            account: ACCOUNT.parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            name: name.parse().unwrap(),
        },
        partition: "aws".parse().unwrap(),
        sent: at,
        incarnations: vec![Incarnation {
            id: IncarnationId([7; 16]),
            tallies: Vec::new(),
            verdicts: vec![verdict.encode()],
        }],
    }
}
