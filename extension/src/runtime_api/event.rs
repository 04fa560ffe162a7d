//! What `/event/next` answers.
//!
//! Source: AWS's "Lambda Extensions API" guide. SHUTDOWN names no request: whoever wants to know must remember what was open.
//! Its reason is lower case in production and otherwise in the local emulator (`Timeout`, `ReleaseFail`), so letters are
//! compared in any case. On Managed Instances `deadlineMs` is absent.

use overtime_wire::{Arn, EpochMillis, RequestId, TraceId};

use crate::json::Fields;

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    Invoke(Invoke),
    Shutdown(Shutdown),
    /// Of a kind that a later platform may send, or not readable: nothing to do but ask again.
    Unknown,
}

/// An invocation begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Invoke {
    pub request: Option<RequestId>,
    pub deadline: Option<EpochMillis>,
    /// As the caller asked for it, with the caller's qualifier.
    pub arn: Option<Arn>,
    pub trace: Option<TraceId>,
}

/// The environment, or this life of it, ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shutdown {
    pub reason: Reason,
    /// When whoever still runs is killed.
    pub deadline: Option<EpochMillis>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Timeout,
    Failure,
    /// Spindown, and whatever later platforms say.
    Other,
}

/// Reads an event; anything can be read.
pub fn read(body: &[u8]) -> Next {
    let text = String::from_utf8_lossy(body);
    let Some(fields) = Fields::parse(&text) else { return Next::Unknown };
    let kind = fields.text("eventType").unwrap_or_default();
    let deadline = fields.number("deadlineMs").map(epoch);
    if kind.eq_ignore_ascii_case("INVOKE") {
        let trace = fields.object("tracing").and_then(|it| it.text("value"));
        return Next::Invoke(Invoke {
            request: fields.text("requestId").and_then(|it| RequestId::parse(&it)),
            deadline,
            arn: fields.text("invokedFunctionArn").and_then(|it| it.parse().ok()),
            trace: trace.and_then(|it| TraceId::from_header(&it)),
        });
    }
    if kind.eq_ignore_ascii_case("SHUTDOWN") {
        let reason = reason(&fields.text("shutdownReason").unwrap_or_default());
        return Next::Shutdown(Shutdown { reason, deadline });
    }
    Next::Unknown
}

fn reason(text: &str) -> Reason {
    match text.to_ascii_lowercase().as_str() {
        "timeout" => Reason::Timeout,
        "failure" | "releasefail" => Reason::Failure,
        _ => Reason::Other,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "casts from floats saturate")]
fn epoch(milliseconds: f64) -> EpochMillis {
    EpochMillis(milliseconds as i64)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(body: &str, expected: Expect) {
        let seen = match read(body.as_bytes()) {
            Next::Invoke(it) => format!(
                "invoke {} until {:?} as {:?}{}",
                it.request.map_or("?".to_owned(), |it| it.to_string()),
                it.deadline.map(|it| it.0),
                it.arn.and_then(|it| it.qualifier).map(|it| it.to_string()),
                if it.trace.is_some() { " traced" } else { "" }
            ),
            Next::Shutdown(it) => format!("{:?} until {:?}", it.reason, it.deadline.map(|it| it.0)),
            Next::Unknown => "unknown".to_owned(),
        };
        expected.assert_eq(&seen);
    }

    #[test]
    fn an_invoke_is_read_with_whatever_it_has() {
        check(
            r#"{"eventType":"INVOKE","deadlineMs":1793492100000,"requestId":"r-1","invokedFunctionArn":"arn:aws:lambda:eu-west-1:123456789012:function:orders:live","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-69054a00-000000000000000000000001;Sampled=0"}}"#,
            expect![[r#"invoke r-1 until Some(1793492100000) as Some("live") traced"#]],
        );
        check(
            r#"{"eventType":"INVOKE","tracing":{"type":"","value":""}}"#,
            expect!["invoke ? until None as None"],
        );
    }

    #[test]
    fn a_shutdown_is_read_in_any_letter_case() {
        check(
            r#"{"eventType":"SHUTDOWN","shutdownReason":"timeout","deadlineMs":5}"#,
            expect!["Timeout until Some(5)"],
        );
        check(
            r#"{"eventType":"SHUTDOWN","shutdownReason":"TIMEOUT"}"#,
            expect!["Timeout until None"],
        );
        check(
            r#"{"eventType":"SHUTDOWN","shutdownReason":"ReleaseFail"}"#,
            expect!["Failure until None"],
        );
        check(
            r#"{"eventType":"SHUTDOWN","shutdownReason":"reclaimed"}"#,
            expect!["Other until None"],
        );
    }

    #[test]
    fn anything_else_is_unknown() {
        for body in ["", "[]", r#"{"eventType":"SNAPSHOT","deadlineMs":1}"#, "\u{fffd}"] {
            assert_eq!(read(body.as_bytes()), Next::Unknown);
        }
    }
}
