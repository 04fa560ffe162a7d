//! A DynamoDB that answers one call at a time, whichever the seed says is next.
//!
//! Every process of a simulation has a client of its own, and each of its calls waits here until it is let through: so any
//! interleaving of single store operations can happen, and the same seed makes the same one happen again. The engine is the
//! laptop's, in memory and without a socket, so that hundreds of seeds fit into a test.

pub(crate) mod play;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use aws_sdk_dynamodb::config::{
    BehaviorVersion, Config, Region, RuntimeComponents, StalledStreamProtectionConfig,
    http::{HttpRequest, HttpResponse},
    retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
    },
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// `SplitMix64`: small, and the same everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }

    /// Once in so many times.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// How long a process sleeps, on average, in calls of others.
const CALLS_PER_NAP: usize = 50;

/// Where calls wait. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Switch(Arc<Mutex<Waiting>>);

struct Waiting {
    engine: Database,
    dice: Dice,
    calls: Vec<Call>,
    /// Whose calls wait until no other does.
    asleep: Option<usize>,
    /// Whether eventually consistent reads may be answered with what they were answered before.
    stale: bool,
    answers: HashMap<String, Vec<String>>,
    /// Ids of messages that were put into the outbox, each as often as it was.
    enqueued: Vec<String>,
    /// What was done, by operation and kind of item, where anybody counts it.
    counted: Option<BTreeMap<String, usize>>,
}

struct Call {
    process: usize,
    operation: String,
    body: String,
    reply: oneshot::Sender<(u16, String)>,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("calls", &self.calls.len()).finish_non_exhaustive()
    }
}

impl Switch {
    pub(crate) fn new(engine: Database, seed: u64) -> Self {
        let (calls, answers) = (Vec::new(), HashMap::new());
        let dice = Dice::new(seed);
        let enqueued = Vec::new();
        let waiting = Waiting {
            engine,
            dice,
            calls,
            asleep: None,
            stale: true,
            answers,
            enqueued,
            counted: None,
        };
        Self(Arc::new(Mutex::new(waiting)))
    }

    /// The way of one process to the engine.
    pub(crate) fn client(&self, process: usize) -> aws_sdk_dynamodb::Client {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .allow_no_auth()
            .endpoint_url("http://simulation")
            // Time must decide nothing.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(Track { switch: self.clone(), process })
            .build();
        aws_sdk_dynamodb::Client::from_conf(config)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.0.lock().unwrap().calls.len()
    }

    /// From now on reads see everything that was written.
    pub(crate) fn freshen(&self) {
        self.0.lock().unwrap().stale = false;
    }

    /// Ids of messages that were put into the outbox, each as often as it was.
    pub(crate) fn enqueued(&self) -> Vec<String> {
        self.0.lock().unwrap().enqueued.clone()
    }

    /// From now on what is done is counted.
    pub(crate) fn count(&self) {
        self.0.lock().unwrap().counted.get_or_insert_default();
    }

    /// How often it was done since it is counted: `Put G#` is an item of that kind in a transaction.
    pub(crate) fn counted(&self, what: &str) -> usize {
        let waiting = self.0.lock().unwrap();
        waiting.counted.as_ref().and_then(|it| it.get(what)).copied().unwrap_or_default()
    }

    /// Lets one call through, and says whose it was. `None` when none waits.
    pub(crate) fn let_one_through(&self) -> Option<usize> {
        let mut waiting = self.0.lock().unwrap();
        let call = waiting.next()?;
        let answer = waiting.answer(&call);
        // Whoever died meanwhile does not hear it; it was done all the same.
        let _ = call.reply.send(answer);
        Some(call.process)
    }

    /// Forgets what a process that died had asked for. Half of the time it was done and only the answer is lost.
    pub(crate) fn hang_up(&self, process: usize) {
        let mut waiting = self.0.lock().unwrap();
        let calls = std::mem::take(&mut waiting.calls);
        for call in calls {
            if call.process != process {
                waiting.calls.push(call);
            } else if waiting.dice.once_in(2) {
                waiting.answer(&call);
            }
        }
    }
}

impl Waiting {
    /// Any call, but those of one process not before all others: it falls asleep with a write in its hand, so that whole
    /// evaluations happen between what it has read and what it makes of it.
    fn next(&mut self) -> Option<Call> {
        if self.dice.once_in(CALLS_PER_NAP) {
            let is_write = |it: &&Call| !matches!(it.operation.as_str(), "GetItem" | "Query");
            let writers: Vec<_> = self.calls.iter().filter(is_write).map(|it| it.process).collect();
            let at = self.dice.below(writers.len() + 1);
            self.asleep = writers.get(at).copied();
        }
        let awake: Vec<usize> = (0..self.calls.len())
            .filter(|at| self.asleep != self.calls.get(*at).map(|it| it.process))
            .collect();
        let at = match awake.len() {
            0 => (!self.calls.is_empty()).then_some(0)?,
            some => awake[self.dice.below(some)],
        };
        Some(self.calls.remove(at))
    }

    fn answer(&mut self, call: &Call) -> (u16, String) {
        let reading = matches!(call.operation.as_str(), "GetItem" | "Query");
        let eventual = reading && !call.body.contains(r#""ConsistentRead":true"#);
        let question = if eventual { question(&call.body) } else { String::new() };
        if eventual && self.stale && self.dice.once_in(2) {
            let before = self.answers.get(&question).map_or(0, Vec::len);
            if before > 0 {
                let at = self.dice.below(before);
                return (200, self.answers[&question][at].clone());
            }
        }
        match dispatch(&self.engine, &call.operation, &call.body) {
            Ok(answer) => {
                if eventual {
                    self.answers.entry(question).or_default().push(answer.clone());
                }
                for what in self.counted.is_some().then(|| done(call)).into_iter().flatten() {
                    *self.counted.get_or_insert_default().entry(what).or_default() += 1;
                }
                if call.operation == "TransactWriteItems" {
                    self.enqueued.extend(put_into_outbox(&call.body));
                }
                (200, answer)
            }
            Err(error) => (error.status_code(), error.to_json()),
        }
    }
}

/// What is asked, whichever order its parts were written in: the SDK's maps have another in every process.
fn question(body: &str) -> String {
    let question: Value = serde_json::from_str(body).unwrap();
    question.to_string()
}

/// What a call does to which kinds of items: the first letter of a partition key, and of a group's whether it is the state's.
fn done(call: &Call) -> Vec<String> {
    let body: Value = serde_json::from_str(&call.body).unwrap();
    let kind = |item: &Value| {
        let part = |name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
        let (pk, sk) = (part("pk"), part("sk"));
        format!("{}{}", &pk[..pk.len().min(2)], if sk == "-" { "-" } else { "" })
    };
    let puts = body["TransactItems"].as_array().into_iter().flatten();
    let puts = puts.map(|it| format!("Put {}", kind(&it["Put"]["Item"])));
    let query = json!({"pk": body["ExpressionAttributeValues"][":pk"]});
    let key = if call.operation == "Query" { &query } else { &body["Key"] };
    puts.chain([format!("{} {}", call.operation, kind(key))]).collect()
}

/// Ids of the messages that a transaction puts into the outbox.
fn put_into_outbox(transaction: &str) -> Vec<String> {
    let transaction: Value = serde_json::from_str(transaction).unwrap();
    let items =
        transaction["TransactItems"].as_array().unwrap().iter().map(|it| &it["Put"]["Item"]);
    let of_outbox =
        items.filter(|it| it["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("O#")));
    of_outbox.map(|it| it["sk"]["S"].as_str().unwrap().to_owned()).collect()
}

fn dispatch(engine: &Database, operation: &str, body: &str) -> Result<String, DynoxideError> {
    match operation {
        "DeleteItem" => with(body, |it| engine.delete_item(it)),
        "GetItem" => with(body, |it| engine.get_item(it)),
        "PutItem" => with(body, |it| engine.put_item(it)),
        "Query" => with(body, |it| engine.query(it)),
        "TransactWriteItems" => with(body, |it| engine.transact_write_items(it)),
        "UpdateItem" => with(body, |it| engine.update_item(it)),
        other => panic!("nothing on these paths should {other}"),
    }
}

fn with<Q: DeserializeOwned, A: Serialize>(
    body: &str,
    act: impl Fn(Q) -> Result<A, DynoxideError>,
) -> Result<String, DynoxideError> {
    let answer = act(serde_json::from_str(body).unwrap())?;
    Ok(serde_json::to_string(&answer).unwrap())
}

#[derive(Debug, Clone)]
struct Track {
    switch: Switch,
    process: usize,
}

impl HttpClient for Track {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Track {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = String::from_utf8(request.body().bytes().unwrap().to_vec()).unwrap();
        let (reply, replied) = oneshot::channel();
        let call = Call { process: self.process, operation, body, reply };
        self.switch.0.lock().unwrap().calls.push(call);
        HttpConnectorFuture::new(async {
            let (status, body) = replied.await.map_err(|gone| ConnectorError::io(gone.into()))?;
            Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body)))
        })
    }
}
