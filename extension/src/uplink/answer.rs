//! What the aggregator's answer means for the facts that were sent.
//!
//! The contract: 200 accepts a batch, but for the facts it refuses by name; 400, 403 and their like refuse all of it, now
//! and ever, and somebody must fix something; 408, 429 and 5xx mean later.

use std::time::Duration;

use hyper::{HeaderMap, StatusCode};
use overtime_wire::FactKey;

use crate::json::Fields;

use super::obstacle::Obstacle;

/// No aggregator may silence us for longer.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(15);

/// What came of a send.
#[derive(Debug)]
pub enum Answer {
    /// It has everything but these.
    Accepted { refused: Vec<FactKey> },
    /// It wants none of it, until somebody does what is said here.
    Refused { status: StatusCode, fix: &'static str },
    /// It will want it later.
    Later { status: StatusCode, after: Option<Duration> },
    /// Nothing came of it.
    None(Obstacle),
}

pub fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answer {
    if status.is_success() {
        return Answer::Accepted { refused: refused(body) };
    }
    let is_passing = status.is_server_error()
        || status.is_informational()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    if is_passing {
        Answer::Later { status, after: retry_after(headers) }
    } else {
        Answer::Refused { status, fix: fix(status, headers, body) }
    }
}

/// An answer that is not what we expect still accepts: resending would not make it clearer.
fn refused(body: &[u8]) -> Vec<FactKey> {
    let text = String::from_utf8_lossy(body);
    let items = Fields::parse(&text).map(|it| it.items("refused")).unwrap_or_default();
    let key = |item: &str| Fields::parse(item)?.text("key")?.parse().ok();
    items.iter().filter_map(|it| key(it.get())).collect()
}

/// Whole seconds; the other form, a date, is not sent by our aggregator and means nothing here.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

/// What to do about a refusal. AWS names the reason in a header; the aggregator itself does not.
fn fix(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> &'static str {
    let named = headers.get("x-amzn-errortype").and_then(|it| it.to_str().ok()).unwrap_or_default();
    let said = String::from_utf8_lossy(body);
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => match named {
            _ if said.contains("scoped to a valid region") => {
                "set OVERTIME_SIGNING_REGION to the region of the function URL behind OVERTIME_URL"
            }
            _ if named.starts_with("InvalidSignature") => {
                "set OVERTIME_URL to the aggregator's function URL itself, because what is changed on the way is no longer what was signed, and leave the credentials as Lambda sets them"
            }
            _ if named.starts_with("ExpiredToken") || named.starts_with("UnrecognizedClient") => {
                "leave AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN as Lambda sets them"
            }
            _ => {
                "allow this function's role to invoke the aggregator's function URL, and its account to report, and set OVERTIME_AUTH to iam"
            }
        },
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            "set OVERTIME_URL to the aggregator's base URL, without /v1/batches"
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            "let whatever stands before the aggregator take bodies of 1 MiB"
        }
        _ => "deploy an aggregator that is not older than this layer",
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(status: u16, retry_after: &str, body: &str, expected: Expect) {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", retry_after.parse().unwrap());
        let answer = read(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes());
        expected.assert_eq(&format!("{answer:?}"));
    }

    #[test]
    fn a_success_accepts_all_but_what_it_names() {
        check(200, "", r#"{"accepted":2,"refused":[]}"#, expect!["Accepted { refused: [] }"]);
        check(204, "", "gibberish", expect!["Accepted { refused: [] }"]);
        check(
            200,
            "",
            r#"{"accepted":0,"refused":[{"key":"tally/7/0000000000000000000000000000000a","reason":"too_late"},{"key":"?"}]}"#,
            expect![
                "Accepted { refused: [Tally { block: Block(7), incarnation: IncarnationId(0000000000000000000000000000000a) }] }"
            ],
        );
    }

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        check(429, "7", "", expect!["Later { status: 429, after: Some(7s) }"]);
        check(503, "999999", "", expect!["Later { status: 503, after: Some(900s) }"]);
        check(500, "soon", "", expect!["Later { status: 500, after: None }"]);
        for status in [301, 400, 401, 403, 404, 413, 415] {
            let answer = read(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), b"");
            assert!(
                matches!(answer, Answer::Refused { status: it, .. } if it == status),
                "{status}"
            );
        }
    }

    #[test]
    fn the_fix_depends_on_the_reason() {
        let fix_of = |named: &str, body: &str| {
            let headers: HeaderMap =
                [("x-amzn-errortype".parse().unwrap(), named.parse().unwrap())]
                    .into_iter()
                    .collect();
            fix(StatusCode::FORBIDDEN, &headers, body.as_bytes())
        };
        let region = "Credential should be scoped to a valid region. ";
        assert!(fix_of("InvalidSignatureException", region).contains("OVERTIME_SIGNING_REGION"));
        assert!(fix_of("InvalidSignatureException", "").contains("function URL itself"));
        assert!(fix_of("ExpiredTokenException", "").contains("AWS_SESSION_TOKEN"));
        assert!(fix_of("AccessDeniedException", "").contains("role"));
    }
}
