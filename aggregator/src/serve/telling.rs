//! What is evaluated reaches an OpenTelemetry receiver on the loopback that takes, asks to come again, and refuses.

use std::{
    cell::Cell,
    collections::VecDeque,
    io::Read as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
};
use opentelemetry_proto::tonic::{
    collector::{
        metrics::v1::{
            ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
        },
        trace::v1::ExportTraceServiceRequest,
    },
    metrics::v1::{metric::Data, number_data_point::Value},
};
use overtime_wire::{EpochMillis, FunctionKey, Outcome as Ended, Verdict};
use prost::Message as _;
use tokio::net::TcpListener;

use crate::{
    channels::{courier::Courier, otlp::Collector, post::Poster, secret::Vault},
    deliver::Deliverer,
    domain::{
        fact::Job,
        hour::{Hour, HourView, StandingHour},
        otlp::{Signal, errand},
        summary::Summary,
        timeout::Timeout,
        view,
    },
    evaluate::Evaluator,
    store::{
        facts::{Author, Fact},
        laboratory::{Laboratory, at, block, function, incarnation, verdict},
    },
    throughput::Throughput,
};

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(0) };
}

/// The time of this test: each has a thread of its own, and everything it starts runs there.
fn clock() -> EpochMillis {
    at(NOW.get())
}

/// Moves the clock, and nothing else.
fn pass(by: Duration) {
    NOW.set(NOW.get() + i64::try_from(by.as_millis()).unwrap());
}

/// What is answered next, and for good when nothing else is: 200 and nothing.
type Answers = Arc<Mutex<VecDeque<(u16, Option<u64>, Vec<u8>)>>>;

/// Path and message of what was posted.
type Heard = (String, Vec<u8>);

#[derive(Clone, Default)]
struct Receiver {
    answers: Answers,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Receiver {
    fn answers(&self, status: u16, retry_after: Option<u64>, body: Vec<u8>) {
        self.answers.lock().unwrap().push_back((status, retry_after, body));
    }

    /// Invocations as each request said them.
    fn invocations(&self) -> Vec<i64> {
        let heard = self.heard.lock().unwrap();
        let heard = heard.iter().filter(|(path, _)| path == "/v1/metrics");
        heard.map(|(_, body)| invocations(body)).collect()
    }

    fn spans(&self) -> Vec<Vec<u8>> {
        let heard = self.heard.lock().unwrap();
        let traces = heard.iter().filter(|(path, _)| path == "/v1/traces");
        let requests = traces.map(|(_, it)| ExportTraceServiceRequest::decode(&it[..]).unwrap());
        let spans = requests.flat_map(|it| it.resource_spans).flat_map(|it| it.scope_spans);
        spans.map(|it| it.spans[0].span_id.clone()).collect()
    }
}

fn invocations(body: &[u8]) -> i64 {
    let request = ExportMetricsServiceRequest::decode(body).unwrap();
    let metrics = request.resource_metrics.iter().flat_map(|it| &it.scope_metrics[0].metrics);
    let sum = metrics.filter(|it| it.name == "faas.invocations").map(|it| {
        let Some(Data::Sum(sum)) = &it.data else { panic!("{it:?}") };
        let Some(Value::AsInt(number)) = sum.data_points[0].value else { panic!("{sum:?}") };
        number
    });
    sum.sum()
}

async fn hear(
    State(receiver): State<Receiver>,
    request: Request,
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let path = request.uri().path().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let mut message = Vec::new();
    flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut message).unwrap();
    receiver.heard.lock().unwrap().push((path, message));
    let answer = receiver.answers.lock().unwrap().pop_front();
    let (status, retry_after, body) = answer.unwrap_or((200, None, Vec::new()));
    let mut headers = HeaderMap::new();
    headers.extend(retry_after.map(|it| (axum::http::header::RETRY_AFTER, it.into())));
    (StatusCode::from_u16(status).unwrap(), headers, body)
}

struct Ground {
    lab: Laboratory,
    receiver: Receiver,
    deliverer: Deliverer,
    throughput: Throughput,
}

impl Ground {
    async fn open() -> Self {
        pass(Duration::ZERO);
        let (lab, receiver) = (Laboratory::open().await, Receiver::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let router = Router::new().fallback(hear).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let poster = Poster::new("127.0.0.0/8".parse().unwrap()).unwrap();
        let courier = Courier::new(poster, Vault::new(Arc::new(|_: &str| None), None))
            .with_collector(Some(Collector { base, headers: None }));
        let throughput = Throughput::default();
        let store = lab.store.clone().with_receiver(true);
        let deliverer = Deliverer::new(store, courier, clock).counting(throughput.clone());
        Self { lab, receiver, deliverer, throughput }
    }

    /// A function has so many invocations by now, and it is asked that they be told. Gives the message's id.
    async fn counts(&self, writes: u64, invocations: u64) -> String {
        let mut view = HourView::default();
        view.counts.0.invocations = invocations;
        let hour = StandingHour { hour: Hour::of(at(0)), basis: view::Basis::of(writes), view };
        let orders: FunctionKey = function("orders");
        self.lab.store.put_hour(&orders, &hour).await.unwrap();
        let row = Summary::of(&orders, &[hour]).unwrap();
        let ordered = errand::metrics(&[row], clock());
        let id = ordered.id.clone();
        assert!(self.lab.store.enqueue(&ordered.into()).await.unwrap());
        id
    }

    async fn attempt(&self, id: &str) -> (String, Option<String>) {
        self.deliverer.deliver(id).await.unwrap();
        let delivery = self.lab.store.delivery(id).await.unwrap().unwrap();
        (delivery.status, delivery.problem)
    }

    async fn evaluates(&self, verdict: &Verdict) {
        let function = function("orders");
        let author = Author { function: &function, incarnation: incarnation(7) };
        let recorded = verdict.encode();
        self.lab.store.record(author, Fact::Verdict(&recorded), at(0)).await.unwrap();
        let store = self.lab.store.clone().with_receiver(true);
        let evaluator = Evaluator { store, console: String::new() };
        let job = Job { function, block: block(), tallies: false, verdicts: true };
        Box::pin(evaluator.evaluate(&job, at(0))).await.unwrap();
    }
}

fn trace_of(verdict: &Verdict) -> String {
    let (function, incarnation) = (function("orders"), incarnation(7));
    let timeout = Timeout { function, incarnation, verdict: verdict.clone(), detected_at: at(0) };
    errand::trace(&timeout).id
}

#[tokio::test]
async fn a_receiver_that_asks_to_come_again_is_told_what_is_known_by_then() {
    let ground = Ground::open().await;
    ground.receiver.answers(503, Some(90), Vec::new());
    let first = ground.counts(1, 10).await;
    let (status, problem) = ground.attempt(&first).await;
    assert_eq!(status, "waiting");
    assert!(problem.unwrap().starts_with("503"), "it says why");
    let due = ground.lab.store.delivery(&first).await.unwrap().unwrap().due.unwrap();
    assert_eq!(due, at(90_000), "not before it wishes");
    let second = ground.counts(2, 14).await;
    pass(Duration::from_secs(90));
    assert_eq!(ground.attempt(&first).await.0, "delivered");
    assert_eq!(ground.receiver.invocations(), [10, 14]);
    // What waited behind it has nothing more to say.
    let (status, problem) = ground.attempt(&second).await;
    assert_eq!(
        (status.as_str(), problem.as_deref()),
        ("suppressed", Some("all of it was told already"))
    );
    assert_eq!(ground.receiver.invocations(), [10, 14]);
}

#[tokio::test]
async fn a_receiver_that_refuses_is_not_told_again_and_hears_of_it_with_the_next_news() {
    let ground = Ground::open().await;
    ground.receiver.answers(400, None, b"no such metric".to_vec());
    let first = ground.counts(1, 10).await;
    let (status, problem) = ground.attempt(&first).await;
    assert_eq!(status, "dead");
    assert_eq!(problem.unwrap(), "rejected: 400 Bad Request: no such metric");
    let second = ground.counts(2, 14).await;
    assert_eq!(ground.attempt(&second).await.0, "delivered");
    assert_eq!(ground.receiver.invocations(), [10, 14]);
}

#[tokio::test]
async fn what_a_receiver_does_not_take_of_a_request_is_counted_and_not_sent_again() {
    let ground = Ground::open().await;
    let error_message = "too old".to_owned();
    let partial_success =
        Some(ExportMetricsPartialSuccess { rejected_data_points: 3, error_message });
    let answer = ExportMetricsServiceResponse { partial_success }.encode_to_vec();
    ground.receiver.answers(200, None, answer);
    let id = ground.counts(1, 10).await;
    assert_eq!(ground.attempt(&id).await.0, "delivered");
    let record = ground.lab.store.delivery(&id).await.unwrap().unwrap().records.remove(0);
    assert_eq!(record.account, "200: 3 not taken: too old");
    let not_taken: Vec<_> = ground.throughput.all_not_taken().collect();
    assert_eq!(not_taken, [(Signal::Metrics, 3), (Signal::Traces, 0)]);
}

#[tokio::test]
async fn a_timeout_is_one_trace_however_often_it_is_evaluated() {
    let ground = Ground::open().await;
    let suspected = Verdict { evidence: overtime_wire::Evidence::Deadline, ..verdict(1, 1_000) };
    let certain = Verdict { revision: 2, ..verdict(1, 1_000) };
    ground.evaluates(&suspected).await;
    let id = trace_of(&certain);
    assert_eq!(ground.attempt(&id).await.0, "waiting", "it may be taken back");
    ground.evaluates(&certain).await;
    ground.evaluates(&certain).await;
    pass(Duration::from_secs(12));
    assert_eq!(ground.attempt(&id).await.0, "delivered");
    assert_eq!(ground.attempt(&id).await.0, "delivered", "and that is it");
    let spans = ground.receiver.spans();
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].len(), 8);
}

#[tokio::test]
async fn a_timeout_that_is_taken_back_in_time_is_no_trace() {
    let ground = Ground::open().await;
    let claimed = verdict(1, 1_000);
    ground.evaluates(&claimed).await;
    ground.evaluates(&Verdict { outcome: Ended::Success, revision: 2, ..claimed.clone() }).await;
    pass(Duration::from_secs(12));
    let (status, problem) = ground.attempt(&trace_of(&claimed)).await;
    assert_eq!(
        (status.as_str(), problem.as_deref()),
        ("suppressed", Some("the timeout was taken back"))
    );
    assert!(ground.receiver.spans().is_empty());
}

#[tokio::test]
async fn where_there_is_no_receiver_nothing_is_asked_for() {
    let ground = Ground::open().await;
    let function = function("orders");
    let author = Author { function: &function, incarnation: incarnation(7) };
    let claimed = verdict(1, 1_000);
    ground.lab.store.record(author, Fact::Verdict(&claimed.encode()), at(0)).await.unwrap();
    let evaluator = Evaluator { store: ground.lab.store.clone(), console: String::new() };
    let job = Job { function, block: block(), tallies: false, verdicts: true };
    Box::pin(evaluator.evaluate(&job, at(0))).await.unwrap();
    assert_eq!(ground.lab.store.delivery(&trace_of(&claimed)).await.unwrap(), None);
}
