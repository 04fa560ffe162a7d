//! Queues between doors: moto's SQS as a process of its own, and the other services that moto has beside it.
//!
//! What is received here is handed on as Lambda's poller does it, as an event of records, and deleted unless the answer names
//! it. moto keeps delays and visibility as SQS does. Invariant: it listens on loopback and is gone with the value.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::process::{Process, Program};
use crate::{http, python};

/// Importing it takes seconds on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// It reads nothing of a signature but which account and region it is for.
const SIGNATURE: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/eu-west-1/sqs/aws4_request, \
    SignedHeaders=host, Signature=0";

#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    #[error("there is no Python to run it")]
    Python(#[from] python::Unavailable),
    #[error("could not start it")]
    Start(#[from] io::Error),
    #[error("it does not answer as it should")]
    Request(#[from] reqwest::Error),
    #[error("it did not start:\n{0}")]
    Silent(String),
}

#[derive(Debug)]
pub struct Queues {
    url: String,
    client: reqwest::Client,
    _process: Process,
}

/// Messages as an event for a door, and what each must be deleted by.
#[derive(Debug, Clone)]
pub struct Received {
    pub event: Value,
    handles: Vec<(String, String)>,
}

impl Queues {
    /// Starts it, the first time with making a virtual environment, and waits until it answers.
    pub async fn start() -> Result<Self, Unavailable> {
        let made = tokio::task::spawn_blocking(|| python::environment("requirements-moto.txt"));
        let venv = made.await.map_err(io::Error::other)??;
        let address = free().await?;
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&said);
        let ear = Arc::new(move |line: String| {
            heard.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        });
        let port = address.port().to_string();
        let program = Program {
            file: venv.join("bin/python"),
            arguments: ["-m", "moto.server", "-H", "127.0.0.1", "-p", &port]
                .map(str::to_owned)
                .to_vec(),
            variables: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
            directory: python::HOME.into(),
        };
        let process = Process::start(program, ear, drop).await?;
        let url = format!("http://{address}");
        let queues = Self { url, client: http::client()?, _process: process };
        let latest = Instant::now() + PATIENCE;
        while queues.call("ListQueues", json!({})).await.is_err() {
            if Instant::now() >= latest {
                let said = said.lock().unwrap_or_else(PoisonError::into_inner).join("\n");
                return Err(Unavailable::Silent(said));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(queues)
    }

    /// Where clients find it: `AWS_ENDPOINT_URL_SQS`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes a queue, and gives its URL.
    pub async fn make(&self, name: &str) -> Result<String, Unavailable> {
        let made = self.call("CreateQueue", json!({ "QueueName": name })).await?;
        Ok(made["QueueUrl"].as_str().unwrap_or_default().to_owned())
    }

    /// Takes up to ten messages, waiting a while for the first.
    pub async fn receive(&self, queue: &str) -> Result<Received, Unavailable> {
        let ask = json!({
            "QueueUrl": queue,
            "MaxNumberOfMessages": 10,
            "WaitTimeSeconds": 1,
            "AttributeNames": ["All"],
        });
        let got = self.call("ReceiveMessage", ask).await?;
        let messages = got["Messages"].as_array().cloned().unwrap_or_default();
        let text = |it: &Value, name: &str| it[name].as_str().unwrap_or_default().to_owned();
        let handles =
            messages.iter().map(|it| (text(it, "MessageId"), text(it, "ReceiptHandle"))).collect();
        let name = queue.rsplit('/').next().unwrap_or_default();
        let records: Vec<Value> = messages.iter().map(|it| record(it, name)).collect();
        Ok(Received { event: json!({ "Records": records }), handles })
    }

    /// The same, waiting until there is one, or for so long.
    pub async fn receive_within(
        &self,
        queue: &str,
        patience: Duration,
    ) -> Result<Received, Unavailable> {
        let latest = Instant::now() + patience;
        loop {
            let received = self.receive(queue).await?;
            if !received.is_empty() || Instant::now() >= latest {
                return Ok(received);
            }
        }
    }

    /// Deletes what was received, but for what the door's answer names.
    pub async fn settle(
        &self,
        queue: &str,
        received: &Received,
        answer: &Value,
    ) -> Result<(), Unavailable> {
        let failures = answer["batchItemFailures"].as_array().cloned().unwrap_or_default();
        let failed = |id: &String| failures.iter().any(|it| it["itemIdentifier"] == id.as_str());
        for (_, handle) in received.handles.iter().filter(|(id, _)| !failed(id)) {
            let ask = json!({ "QueueUrl": queue, "ReceiptHandle": handle });
            self.call("DeleteMessage", ask).await?;
        }
        Ok(())
    }

    /// Makes a topic, and gives its ARN.
    pub async fn make_topic(&self, name: &str) -> Result<String, Unavailable> {
        let text = self.query("CreateTopic", &[("Name", name)]).await?;
        let arn = text.split("<TopicArn>").nth(1).and_then(|it| it.split('<').next());
        Ok(arn.unwrap_or_default().to_owned())
    }

    /// Has a topic hand on to a queue what a filter policy lets through.
    pub async fn subscribe(
        &self,
        topic: &str,
        queue: &str,
        policy: &Value,
    ) -> Result<(), Unavailable> {
        let (queue, policy) = (arn_of(queue), policy.to_string());
        let mut fields = vec![("TopicArn", topic), ("Protocol", "sqs"), ("Endpoint", &queue)];
        if policy != "{}" {
            fields.push(("Attributes.entry.1.key", "FilterPolicy"));
            fields.push(("Attributes.entry.1.value", &policy));
        }
        self.query("Subscribe", &fields).await.map(drop)
    }

    /// Makes a bus with a rule that hands on to a queue what matches a pattern.
    pub async fn route(&self, bus: &str, pattern: &Value, queue: &str) -> Result<(), Unavailable> {
        self.ask("events", "AWSEvents.CreateEventBus", json!({ "Name": bus })).await?;
        let pattern = pattern.to_string();
        let rule = json!({ "Name": "to-queue", "EventBusName": bus, "EventPattern": pattern });
        self.ask("events", "AWSEvents.PutRule", rule).await?;
        let targets = json!([{ "Id": "1", "Arn": arn_of(queue) }]);
        let targets = json!({ "Rule": "to-queue", "EventBusName": bus, "Targets": targets });
        self.ask("events", "AWSEvents.PutTargets", targets).await.map(drop)
    }

    /// Asks another service that speaks JSON.
    pub async fn ask(&self, service: &str, target: &str, ask: Value) -> Result<Value, Unavailable> {
        let request = self
            .client
            .post(&self.url)
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.1")
            .header("authorization", SIGNATURE.replace("/sqs/", &format!("/{service}/")))
            .body(ask.to_string());
        let answer = request.send().await?.error_for_status()?.bytes().await?;
        Ok(serde_json::from_slice(&answer).unwrap_or_default())
    }

    /// Asks SNS, which speaks forms and XML.
    async fn query(&self, action: &str, fields: &[(&str, &str)]) -> Result<String, Unavailable> {
        let mut url = reqwest::Url::parse(&self.url).map_err(io::Error::other)?;
        let fields = [("Action", action), ("Version", "2010-03-31")]
            .into_iter()
            .chain(fields.iter().copied());
        url.query_pairs_mut().extend_pairs(fields);
        let form = url.query().unwrap_or_default().to_owned();
        let request = self
            .client
            .post(&self.url)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", SIGNATURE.replace("/sqs/", "/sns/"))
            .body(form);
        Ok(request.send().await?.error_for_status()?.text().await?)
    }

    async fn call(&self, action: &str, ask: Value) -> Result<Value, reqwest::Error> {
        let request = self
            .client
            .post(&self.url)
            .header("x-amz-target", format!("AmazonSQS.{action}"))
            .header("content-type", "application/x-amz-json-1.0")
            .header("authorization", SIGNATURE)
            .body(ask.to_string());
        let answer = request.send().await?.error_for_status()?.bytes().await?;
        Ok(serde_json::from_slice(&answer).unwrap_or_default())
    }
}

impl Received {
    pub fn len(&self) -> usize {
        self.handles.len()
    }

    pub fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    /// For how long each was in the queue before anybody was given it.
    pub fn waited(&self) -> Vec<Duration> {
        let records = self.event["Records"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ms = |it: &Value, name: &str| it["attributes"][name].as_str()?.parse::<u64>().ok();
        let waited = |it: &Value| {
            let given = ms(it, "ApproximateFirstReceiveTimestamp")?;
            Some(Duration::from_millis(given.saturating_sub(ms(it, "SentTimestamp")?)))
        };
        records.iter().filter_map(waited).collect()
    }
}

/// A queue's ARN, in moto's own account.
fn arn_of(queue: &str) -> String {
    format!("arn:aws:sqs:eu-west-1:123456789012:{queue}")
}

/// A message as the developer guide's "Using Lambda with Amazon SQS" shows it.
fn record(message: &Value, queue: &str) -> Value {
    json!({
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:eu-west-1:999988887777:{queue}"),
        "awsRegion": "eu-west-1",
    })
}

/// A port that was free a moment ago.
async fn free() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0").await?.local_addr()
}
