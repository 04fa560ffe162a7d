//! What the aggregator's answer means for the facts that were sent.
//!
//! The contract: 200 accepts a batch, but for the facts it refuses by name; 400, 403 and their like refuse all of it, now
//! and ever, and somebody must fix something; 408, 429 and 5xx mean later.

use std::time::Duration;

use hyper::{HeaderMap, StatusCode};
use overtime_wire::FactKey;

use crate::{http::HttpError, json::Fields};

/// No aggregator may silence us for longer.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(15);

/// What came of a send.
#[derive(Debug)]
pub enum Answer {
    /// It has everything but these.
    Accepted {
        refused: Vec<FactKey>,
    },
    /// It wants none of it.
    Refused(StatusCode),
    /// It will want it later.
    Later {
        status: StatusCode,
        after: Option<Duration>,
    },
    Unreachable(HttpError),
    TooSlow,
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
        Answer::Refused(status)
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

/// What to do about a refusal.
pub fn fix(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "allow this function's role to invoke the aggregator's URL, and its account to report"
        }
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            "set OVERTIME_URL to the aggregator's base URL, without /v1/batches"
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
            assert!(matches!(answer, Answer::Refused(it) if it == status), "{status}");
        }
    }
}
