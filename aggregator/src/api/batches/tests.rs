//! What senders hear.

use axum::{
    http::{Method, header::RETRY_AFTER},
    response::IntoResponse as _,
};
use expect_test::{Expect, expect};
use overtime_wire::{Block, Incarnation, Partition, Verdict};

use super::*;
use crate::domain::rejection::Rejection;
use crate::store::laboratory::{Laboratory, at, block, function, incarnation, tally, verdict};

fn clock() -> EpochMillis {
    at(0)
}

fn inlet(lab: &Laboratory) -> Inlet {
    Inlet::new(lab.store.clone(), clock, Arc::default())
}

fn batch(verdicts: Vec<Verdict>) -> Batch {
    Batch {
        function: function("orders"),
        partition: Partition::default(),
        sent: at(0),
        incarnations: vec![Incarnation {
            id: incarnation(1),
            tallies: vec![tally(1, 20).encode()],
            verdicts: verdicts.iter().map(Verdict::encode).collect(),
        }],
    }
}

/// A verdict so many blocks from now.
fn elsewhen(blocks: i64) -> Verdict {
    let start = EpochMillis(block().start().0 + blocks * 900_000);
    Verdict { block: Block::of(start), seen: start, ..verdict(1, 0) }
}

fn post(content_type: &str, body: impl Into<Body>) -> Request {
    let request = Request::builder().method(Method::POST).header(CONTENT_TYPE, content_type);
    request.body(body.into()).unwrap()
}

async fn check(inlet: &Inlet, request: Request, expected: Expect) {
    check_as(inlet, Some(Caller::Loopback), request, expected).await;
}

async fn check_as(inlet: &Inlet, caller: Option<Caller>, request: Request, expected: Expect) {
    let received = receive(State(inlet.clone()), caller.map(Extension), request).await;
    let response = received.into_response();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let retry = head.headers.get(RETRY_AFTER).map_or("", |_| " and may retry");
    let said = format!("{}{retry}: {}", head.status.as_u16(), String::from_utf8_lossy(&body));
    expected.assert_eq(&said);
}

#[tokio::test]
async fn a_batch_twice_is_accepted_twice_and_recorded_once() {
    let lab = Laboratory::open().await;
    let inlet = inlet(&lab);
    let bytes = batch(vec![verdict(1, 0)]).encode();
    let with_unknown_field = [bytes.as_slice(), &[0xf8, 0x3f, 0x01]].concat();
    for body in [bytes.clone(), bytes, with_unknown_field] {
        check(&inlet, post(PROTOBUF, body), expect![[r#"200: {"accepted":2,"refused":[]}"#]]).await;
    }
    let standing = lab.store.verdicts(&function("orders"), block()).await.unwrap();
    assert_eq!(standing.iter().map(|it| it.writes).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn what_is_not_of_our_time_is_refused_by_name_and_the_rest_is_not() {
    let lab = Laboratory::open().await;
    let bytes = batch(vec![elsewhen(1), elsewhen(-700)]).encode();
    check(
        &inlet(&lab),
        post(PROTOBUF, bytes),
        expect![[r#"200: {"accepted":1,"refused":[{"key":"verdict/1992769/01010101010101010101010101010101/1","reason":"clock"},{"key":"verdict/1992068/01010101010101010101010101010101/1","reason":"too_late"}]}"#]],
    )
    .await;
}

#[tokio::test]
async fn what_is_no_batch_is_refused_with_the_reason() {
    let lab = Laboratory::open().await;
    let inlet = inlet(&lab);
    let bytes = batch(Vec::new()).encode();
    check(&inlet, post(PROTOBUF, bytes[..bytes.len() - 3].to_vec()), expect![[r#"400: {"detail":"not protobuf of the expected message: failed to decode Protobuf message: Batch.incarnations: buffer underflow","status":400,"title":"Bad Request","type":"about:blank"}"#]]).await;
    check(&inlet, post(PROTOBUF, ""), expect![[r#"400: {"detail":"field 'function' is missing","status":400,"title":"Bad Request","type":"about:blank"}"#]]).await;
    check(&inlet, post("text/plain", bytes.clone()), expect![[r#"415: {"detail":"content-type must be application/x-protobuf","status":415,"title":"Unsupported Media Type","type":"about:blank"}"#]]).await;
    let mut zipped = post("application/x-protobuf; charset=x", bytes);
    zipped.headers_mut().insert(CONTENT_ENCODING, "gzip".parse().unwrap());
    check(&inlet, zipped, expect![[r#"415: {"detail":"content-encoding is not supported: send it plain","status":415,"title":"Unsupported Media Type","type":"about:blank"}"#]]).await;
    check(&inlet, post(PROTOBUF, vec![0; 20_000_000]), expect![[r#"413: {"detail":"a batch has at most 1048576 bytes","status":413,"title":"Payload Too Large","type":"about:blank"}"#]]).await;
    assert!(lab.store.tallies(&function("orders"), block()).await.unwrap().is_empty());
}

#[tokio::test]
async fn too_many_at_once_and_a_store_that_is_gone_may_be_retried() {
    let lab = Laboratory::open().await;
    let inlet = inlet(&lab);
    let bytes = batch(Vec::new()).encode();
    let all = inlet.in_flight.acquire_many(u32::try_from(IN_FLIGHT_MAX).unwrap()).await.unwrap();
    check(&inlet, post(PROTOBUF, bytes.clone()), expect![[r#"429 and may retry: {"detail":"too many batches are being worked on","status":429,"title":"Too Many Requests","type":"about:blank"}"#]]).await;
    drop(all);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let access = crate::store::access::Access::embedded(&format!("http://{nobody}"));
    let inlet = Inlet::new(Store::new(access.dynamo), clock, Arc::default());
    check(&inlet, post(PROTOBUF, bytes), expect![[r#"503 and may retry: {"detail":"the store did not answer","status":503,"title":"Service Unavailable","type":"about:blank"}"#]]).await;
}

/// What has been counted, as `reason caller times`.
async fn counted(inlet: &Inlet) -> Vec<String> {
    inlet.ledger.write_all().await;
    let counts = inlet.store.rejections(at(0), at(0)).await.unwrap();
    let line = |(what, times): (Rejection, u64)| {
        format!("{} {} {times}", what.reason.as_str(), what.caller)
    };
    counts.into_iter().map(line).collect()
}

#[tokio::test]
async fn an_account_speaks_for_itself_and_nobody_for_others() {
    let lab = Laboratory::open().await;
    let inlet = inlet(&lab);
    let bytes = batch(Vec::new()).encode();
    let own: Caller = "012345678901".parse().unwrap();
    let other: Caller = "999999999999".parse().unwrap();
    check_as(
        &inlet,
        Some(own),
        post(PROTOBUF, bytes.clone()),
        expect![[r#"200: {"accepted":1,"refused":[]}"#]],
    )
    .await;
    for (caller, expected) in [
        (
            Some(other),
            expect![[
                r#"403: {"detail":"account 999999999999 may not send facts of account 012345678901","status":403,"title":"Forbidden","type":"about:blank"}"#
            ]],
        ),
        (
            None,
            expect![[
                r#"403: {"detail":"nobody vouches for the caller: batches come signed, through a Function URL, or from the machine that `serve` runs on","status":403,"title":"Forbidden","type":"about:blank"}"#
            ]],
        ),
    ] {
        check_as(&inlet, caller, post(PROTOBUF, bytes.clone()), expected).await;
    }
    assert_eq!(counted(&inlet).await, ["account 999999999999 1", "unauthenticated unknown 1"]);
}

#[tokio::test]
async fn what_is_refused_is_counted_by_reason_and_caller_and_what_may_be_retried_is_not() {
    let lab = Laboratory::open().await;
    let inlet = inlet(&lab);
    let account: Caller = "012345678901".parse().unwrap();
    let bodies = [
        (PROTOBUF, batch(vec![elsewhen(1), elsewhen(9), elsewhen(-700)]).encode()),
        (PROTOBUF, b"\xff".to_vec()),
        (PROTOBUF, vec![0; 2_000_000]),
        ("text/plain", Vec::new()),
    ];
    for (content_type, body) in bodies {
        let request = post(content_type, body);
        let _ = receive(State(inlet.clone()), Some(Extension(account)), request).await;
    }
    let _all = inlet.in_flight.acquire_many(u32::try_from(IN_FLIGHT_MAX).unwrap()).await.unwrap();
    let retried = post(PROTOBUF, batch(Vec::new()).encode());
    let busy = receive(State(inlet.clone()), Some(Extension(account)), retried).await;
    assert_eq!(busy.into_response().status(), 429);
    assert_eq!(
        counted(&inlet).await,
        ["clock", "malformed", "size", "too_late", "type"].map(|reason| {
            let times = if reason == "clock" { 2 } else { 1 };
            format!("{reason} {account} {times}")
        })
    );
}
