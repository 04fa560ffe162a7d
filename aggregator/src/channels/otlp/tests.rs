//! Telling receivers on the loopback, that take, refuse and remark.

use std::{
    io::Read as _,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
};
use prost::Message as _;
use tokio::net::TcpListener;

use super::*;
use crate::channels::{post::Poster, secret::Vault};

const NOW: EpochMillis = EpochMillis(1_793_491_200_000);

/// Path, headers and message of what was posted.
type Heard = (String, HeaderMap, Vec<u8>);

#[derive(Clone, Default)]
struct Receiver {
    status: u16,
    answer: Vec<u8>,
    heard: Arc<Mutex<Vec<Heard>>>,
}

async fn hear(State(receiver): State<Receiver>, request: Request) -> (StatusCode, Vec<u8>) {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let mut message = Vec::new();
    flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut message).unwrap();
    receiver.heard.lock().unwrap().push((head.uri.to_string(), head.headers, message));
    (StatusCode::from_u16(receiver.status).unwrap(), receiver.answer)
}

/// What a receiver that answers so makes of it, and what it heard.
async fn tell(receiver: &Receiver, headers: &'static str) -> Told {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/otlp/", listener.local_addr().unwrap()).parse().unwrap();
    let router = Router::new().fallback(hear).with_state(receiver.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let lookup = move |name: &str| (name == "HEADERS").then(|| headers.to_owned());
    let poster = Poster::new("127.0.0.0/8".parse().unwrap()).unwrap();
    let collector = Collector { base, headers: Some("env:HEADERS".parse().unwrap()) };
    let courier = Courier::new(poster, Vault::new(Arc::new(lookup), None));
    courier.with_collector(Some(collector)).tell((Signal::Metrics, b"points"), NOW).await
}

#[tokio::test]
async fn a_request_arrives_compressed_below_the_base_with_its_headers() {
    let receiver = Receiver { status: 200, ..Receiver::default() };
    let told = tell(&receiver, "Authorization=Basic%20dTpw, x-scope-orgid=team=1").await;
    assert_eq!((told.attempt.account.as_str(), told.partial), ("200", None));
    let (path, head, message) = receiver.heard.lock().unwrap().remove(0);
    assert_eq!((path.as_str(), message.as_slice()), ("/otlp/v1/metrics", &b"points"[..]));
    for (name, value) in [
        ("authorization", "Basic dTpw"),
        ("x-scope-orgid", "team=1"),
        ("content-type", PROTOBUF),
        ("content-encoding", "gzip"),
    ] {
        assert_eq!(head[name], value, "{name}");
    }
}

#[tokio::test]
async fn what_was_not_taken_is_told_and_no_reason_to_come_again() {
    let partial_success = Some(ExportMetricsPartialSuccess {
        rejected_data_points: 4,
        error_message: "too old".to_owned(),
    });
    let answer = ExportMetricsServiceResponse { partial_success }.encode_to_vec();
    let told = tell(&Receiver { status: 200, answer, ..Receiver::default() }, "").await;
    assert_eq!(answer::classify(told.attempt.reply), Outcome::Delivered);
    assert_eq!(told.attempt.account, "200: 4 not taken: too old");
    assert_eq!(told.partial, Some(Partial { rejected: 4, message: "too old".to_owned() }));
}

#[tokio::test]
async fn a_refusal_is_kept_without_the_key_that_it_repeats() {
    let answer = b"no such key: s3cr3t".to_vec();
    let told =
        tell(&Receiver { status: 401, answer, ..Receiver::default() }, "api-key=s3cr3t").await;
    assert_eq!(told.attempt.account, "401 Unauthorized: no such key: ***");
    assert_eq!(answer::classify(told.attempt.reply), Outcome::Rejected);
}

#[tokio::test]
async fn headers_that_are_none_are_not_sent_and_not_shown() {
    for text in ["s3cr3t", "a b=s3cr3t", "key=s3cr3t\u{7f}"] {
        let why = headers(&Secret::from(text)).unwrap_err().to_string();
        assert!(why.contains("name=value,name=value") && !why.contains("s3cr3t"), "{why}");
    }
    let receiver = Receiver { status: 200, ..Receiver::default() };
    let told = tell(&receiver, "s3cr3t").await;
    assert_eq!(told.attempt.reply, Reply::Forbidden);
    assert!(receiver.heard.lock().unwrap().is_empty());
}

#[test]
fn a_percent_sign_that_no_number_follows_is_one() {
    assert_eq!(decoded("100%25 %zz %e"), b"100% %zz %e");
}
