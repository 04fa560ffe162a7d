//! What a record means, and what is none of ours.

use serde_json::json;

use super::*;

const STREAM: &str =
    "arn:aws:dynamodb:eu-west-1:999988887777:table/facts/stream/2026-11-24T12:00:00.000";
const PK_TEXT: &str = "012345678901#eu-west-1#orders#01992768#3";

fn record() -> Value {
    json!({
        "eventID": "c4ca4238a0b923820dcc509a6f75849b",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_795_521_600,
            "Keys": { "pk": { "S": PK_TEXT }, "sk": { "S": "V#07#0000000001" } },
            "SequenceNumber": "111",
            "SizeBytes": 26,
            "StreamViewType": "KEYS_ONLY"
        },
        "eventSourceARN": STREAM
    })
}

#[test]
fn a_record_is_its_key_its_place_and_whether_it_is_gone() {
    let expected = |removed| Record {
        sequence: "111".to_owned(),
        pk: PK_TEXT.to_owned(),
        sk: "V#07#0000000001".to_owned(),
        removed,
    };
    assert_eq!(read(&record(), "facts").unwrap(), expected(false));
    let mut gone = record();
    gone["eventName"] = json!("REMOVE");
    gone["userIdentity"] = json!({ "type": "Service", "principalId": "dynamodb.amazonaws.com" });
    assert_eq!(read(&gone, "facts").unwrap(), expected(true));
}

#[test]
fn what_is_not_of_our_stream_is_said_to_be_something_else() {
    let changed = |pointer: &str, value: Value| {
        let mut record = record();
        *record.pointer_mut(pointer).unwrap() = value;
        read(&record, "facts").unwrap_err().to_string()
    };
    let other = STREAM.replace("table/facts", "table/state");
    assert_eq!(
        changed("/eventSourceARN", json!(other)),
        format!("{other} is not the stream of table facts")
    );
    assert!(changed("/eventSource", json!("aws:kinesis")).contains("not from aws:dynamodb"));
    assert_eq!(changed("/dynamodb/Keys/pk", json!({ "N": "1" })), "its key has no text pk");
    assert_eq!(changed("/dynamodb/SequenceNumber", Value::Null), "it has no sequence number");
    assert!(read(&json!(7), "facts").is_err());
}
