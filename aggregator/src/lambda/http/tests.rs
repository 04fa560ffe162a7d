//! Requests and answers in both directions, and what is none.

use axum::http::{Method, StatusCode, header::HOST};
use expect_test::{Expect, expect};
use serde_json::json;

use super::*;

fn event(path: &str, query: &str) -> Value {
    json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": { "host": "x.lambda-url.eu-west-1.on.aws", "content-length": "9" },
        "cookies": ["a=1", "b=2"],
        "requestContext": { "http": { "method": "POST", "path": path }, "stage": "$default" },
        "body": "AAEC",
        "isBase64Encoded": true,
    })
}

#[tokio::test]
async fn an_event_becomes_the_request_that_it_was() {
    let Asked { request, authorizer, .. } = read(event("/v1/batches", "a=1&b=%20x")).unwrap();
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri(), "/v1/batches?a=1&b=%20x");
    assert_eq!(request.headers()[HOST], "x.lambda-url.eu-west-1.on.aws");
    assert_eq!(request.headers()[COOKIE], "a=1; b=2");
    assert!(!request.headers().contains_key(CONTENT_LENGTH));
    assert!(authorizer.is_none());
    assert_eq!(request.into_body().collect().await.unwrap().to_bytes(), &b"\x00\x01\x02"[..]);
}

#[test]
fn a_stage_is_not_part_of_the_path_and_what_was_unescaped_is_escaped() {
    let path = |path: &str, stage: &str| {
        let mut event = event(path, "");
        event["requestContext"]["stage"] = json!(stage);
        read(event).unwrap().request.uri().to_string()
    };
    assert_eq!(path("/prod/api/v1", "prod"), "/api/v1");
    assert_eq!(path("/production/api", "prod"), "/production/api");
    assert_eq!(path("/prod/api", "$default"), "/prod/api");
    assert_eq!(path("/a b/ü%20", "$default"), "/a%20b/%C3%BC%20");
}

#[tokio::test]
async fn what_is_no_request_is_a_problem_that_names_it() {
    let mut no_base64 = event("/", "");
    no_base64["body"] = json!("%%%");
    let mut no_method = event("/", "");
    no_method["requestContext"]["http"] = json!({});
    for (event, expected) in [
        (no_base64, "the body is not base64"),
        (no_method, "the event is not a Function URL's"),
        (json!("event"), "the event is not a Function URL's"),
        (event("no path", ""), "the path is none"),
    ] {
        let problem = read(event).unwrap_err().into_response();
        assert_eq!(problem.status(), StatusCode::BAD_REQUEST);
        let body = problem.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&body).contains(expected), "{body:?}");
    }
}

async fn check(response: Response, expected: Expect) {
    expected.assert_eq(&answer(response).await.to_string());
}

#[tokio::test]
async fn an_answer_is_text_where_it_is_and_base64_where_it_is_not() {
    let respond = |kind: &'static str, body: &'static [u8]| {
        Response::builder().header(CONTENT_TYPE, kind).body(Body::from(body)).unwrap()
    };
    check(
        respond("application/problem+json", b"{}"),
        expect![[
            r#"{"body":"{}","cookies":[],"headers":{"content-type":"application/problem+json"},"isBase64Encoded":false,"multiValueHeaders":{},"statusCode":200}"#
        ]],
    )
    .await;
    check(
        respond("font/woff2", b"\xff\x00"),
        expect![[
            r#"{"body":"/wA=","cookies":[],"headers":{"content-type":"font/woff2"},"isBase64Encoded":true,"multiValueHeaders":{},"statusCode":200}"#
        ]],
    )
    .await;
    let mut twice = respond("text/plain", b"");
    for (name, value) in
        [("vary", "a"), ("vary", "b"), ("set-cookie", "a=1"), ("set-cookie", "b=2")]
    {
        twice.headers_mut().append(name, HeaderValue::from_static(value));
    }
    check(
        twice,
        expect![[
            r#"{"body":"","cookies":["a=1","b=2"],"headers":{"content-type":"text/plain","vary":"a, b"},"isBase64Encoded":false,"multiValueHeaders":{},"statusCode":200}"#
        ]],
    )
    .await;
}

#[tokio::test]
async fn what_lambda_cannot_carry_is_said_instead() {
    let body = "x".repeat(ANSWER_MAX);
    let answer = answer(Response::new(Body::from(body))).await;
    assert_eq!(answer["statusCode"], 413, "{answer}");
}
