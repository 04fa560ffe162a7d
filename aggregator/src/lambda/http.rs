//! Requests and responses as Function URLs and HTTP APIs write them: payload format 2.0.
//!
//! `lambda_http` would do this too, and hide the request context and the decision what is text behind types of its own, with
//! the formats of load balancers and REST APIs compiled in beside; this is the one format the doors take.
//!
//! **Invariant.** Whatever the event holds becomes a request or a problem; whatever the router answers, an answer that Lambda takes.

use std::{fmt::Write as _, net::IpAddr};

use aws_lambda_events::{
    apigw::{ApiGatewayRequestAuthorizer, ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    encodings::Body as Payload,
};
use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderValue, Request, Uri,
        header::{
            CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, SET_COOKIE, TRANSFER_ENCODING,
        },
    },
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde::Deserialize as _;
use serde_json::Value;

use super::Failure;
use crate::api::problem::Problem;

/// "Lambda quotas": the payload of a synchronous answer, with room for its head.
const ANSWER_MAX: usize = 6 * 1024 * 1024 - 64 * 1024;

/// What came in.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: Request<Body>,
    /// What whoever stands in front says of the caller.
    pub(super) authorizer: Option<ApiGatewayRequestAuthorizer>,
    /// From where somebody asks.
    pub(super) from: Option<IpAddr>,
}

/// The request in an event.
pub(super) fn read(event: Value) -> Result<Asked, Problem> {
    let event = ApiGatewayV2httpRequest::deserialize(event)
        .map_err(|why| Problem::malformed(format!("the event is not a Function URL's: {why}")))?;
    let uri = uri(&event)?;
    let context = event.request_context;
    let from = context.http.source_ip.as_deref().and_then(|it| it.parse().ok());
    let body = body(event.body, event.is_base64_encoded)?;
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = context.http.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers(event.headers, event.cookies.unwrap_or_default());
    Ok(Asked { request, authorizer: context.authorizer, from })
}

fn uri(event: &ApiGatewayV2httpRequest) -> Result<Uri, Problem> {
    let path = event.raw_path.as_deref().unwrap_or("/");
    // An HTTP API puts the name of its stage first, unless it is the default.
    let stage = event.request_context.stage.as_deref().unwrap_or_default();
    let path = path
        .strip_prefix('/')
        .and_then(|it| it.strip_prefix(stage))
        .filter(|it| !stage.is_empty() && it.starts_with('/'))
        .unwrap_or(path);
    let mut target = escaped(path);
    if let Some(query) = event.raw_query_string.as_deref().filter(|it| !it.is_empty()) {
        target = format!("{target}?{}", escaped(query));
    }
    target.parse().map_err(|why| Problem::malformed(format!("the path is none: {why}")))
}

/// As it came, with only those bytes escaped that no URI has: an HTTP API has undone that already.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic()
            && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#')
        {
            escaped.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

fn body(body: Option<String>, is_base64: bool) -> Result<Bytes, Problem> {
    let body = body.unwrap_or_default();
    if !is_base64 {
        return Ok(body.into());
    }
    let decoded = BASE64_STANDARD.decode(body);
    decoded
        .map(Bytes::from)
        .map_err(|why| Problem::malformed(format!("the body is not base64: {why}")))
}

/// Without what described the body on its way to the front.
fn headers(mut headers: HeaderMap, cookies: Vec<String>) -> HeaderMap {
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    if let Ok(cookies) = HeaderValue::try_from(cookies.join("; "))
        && !cookies.is_empty()
    {
        headers.insert(COOKIE, cookies);
    }
    headers
}

/// The response as Lambda takes it.
pub(super) async fn answer(response: Response) -> Value {
    match write(response).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(
                error = &*error as &dyn std::error::Error,
                "an answer cannot be written"
            );
            serde_json::json!({ "statusCode": 500 })
        }
    }
}

async fn write(response: Response) -> Result<Value, Failure> {
    let (mut head, body) = response.into_parts();
    let mut body = body.collect().await?.to_bytes();
    if length(&head.headers, &body) > ANSWER_MAX {
        let problem =
            Problem::too_large("the answer is longer than Lambda can carry: ask for less");
        let (other, shorter) = problem.into_response().into_parts();
        (head, body) = (other, shorter.collect().await?.to_bytes());
    }
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = i64::from(head.status.as_u16());
    answer.is_base64_encoded = !is_text(&head.headers, &body);
    let text = |it: &HeaderValue| it.to_str().ok().map(str::to_owned);
    answer.cookies = head.headers.get_all(SET_COOKIE).iter().filter_map(text).collect();
    head.headers.remove(SET_COOKIE);
    head.headers.remove(CONTENT_LENGTH);
    answer.headers = joined(&head.headers);
    answer.body = match std::str::from_utf8(&body) {
        Ok(text) if !answer.is_base64_encoded => Some(Payload::Text(text.to_owned())),
        _ => Some(Payload::Binary(body.into())),
    };
    Ok(serde_json::to_value(answer)?)
}

/// How long the body will be, written down.
fn length(headers: &HeaderMap, body: &Bytes) -> usize {
    if is_text(headers, body) { body.len() + body.len() / 8 } else { body.len().div_ceil(3) * 4 }
}

fn is_text(headers: &HeaderMap, body: &Bytes) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let textual = kind.is_empty()
        || kind.starts_with("text/")
        || ["json", "javascript", "xml"].iter().any(|it| kind.ends_with(it));
    textual && !headers.contains_key(CONTENT_ENCODING) && std::str::from_utf8(body).is_ok()
}

/// A name that occurs twice occurs once with a comma, because the format has one value for each.
fn joined(headers: &HeaderMap) -> HeaderMap {
    let mut joined = HeaderMap::new();
    for name in headers.keys() {
        let values: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        if let Ok(value) = HeaderValue::from_bytes(&values.join(&b", "[..])) {
            joined.insert(name.clone(), value);
        }
    }
    joined
}

#[cfg(test)]
mod tests;
